//! A call of EKS as its operations see it, and the JSON of its body.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::{invalid_parameter, not_found};
use crate::wire::{Caller, Failure, Params};
use crate::world::{Cluster, World};

/// One call.
pub(crate) struct Request<'a> {
    pub(crate) world: &'a Arc<World>,
    pub(crate) caller: &'a Caller,
    /// The query.
    pub(crate) params: &'a Params,
    pub(crate) body: &'a [u8],
    /// Whether what is accepted now is to fail later on, as a fault has it.
    pub(crate) fails_later: bool,
}

impl Request<'_> {
    /// The caller's cluster of this name in the caller's region.
    pub(super) fn cluster(&self, name: &str) -> Result<Arc<Cluster>, Failure> {
        self.world
            .cluster(&self.caller.region, name)
            .filter(|cluster| self.owns(cluster))
            .ok_or_else(|| not_found(format!("No cluster found for name: {name}.")))
    }

    pub(super) fn owns(&self, cluster: &Cluster) -> bool {
        let eks = cluster.eks();
        eks.account == self.caller.account && eks.region == self.caller.region
    }

    /// The body's fields; no body has none.
    pub(super) fn body(&self) -> Result<Body, Failure> {
        if self.body.is_empty() {
            return Ok(Body(Map::new()));
        }
        match serde_json::from_slice(self.body) {
            Ok(Value::Object(fields)) => Ok(Body(fields)),
            _ => Err(Failure::new(400, "SerializationException", "The body is not a JSON object")),
        }
    }
}

/// The fields of a body. One that is null was not sent.
pub(super) struct Body(Map<String, Value>);

impl Body {
    pub(super) fn value(&self, field: &str) -> Option<&Value> {
        self.0.get(field).filter(|value| !value.is_null())
    }

    pub(super) fn text(&self, field: &str) -> Result<Option<&str>, Failure> {
        self.value(field).map(|value| value.as_str().ok_or_else(|| wrong_type(field, "a string"))).transpose()
    }

    pub(super) fn required(&self, field: &str) -> Result<&str, Failure> {
        match self.text(field)? {
            Some(text) if !text.is_empty() => Ok(text),
            _ => Err(invalid_parameter(format!("{field} must not be empty"))),
        }
    }

    pub(super) fn list(&self, field: &str) -> Result<Option<&[Value]>, Failure> {
        let list = self.value(field).map(|value| value.as_array().ok_or_else(|| wrong_type(field, "a list")));
        Ok(list.transpose()?.map(Vec::as_slice))
    }

    /// The strings of a list; none where it was not sent.
    pub(super) fn texts(&self, field: &str) -> Result<Vec<String>, Failure> {
        let texts = self.list(field)?.unwrap_or_default().iter().map(|value| value.as_str().map(str::to_owned));
        texts.collect::<Option<_>>().ok_or_else(|| wrong_type(field, "a list of strings"))
    }

    pub(super) fn tags(&self) -> Result<BTreeMap<String, String>, Failure> {
        let Some(tags) = self.value("tags") else { return Ok(BTreeMap::new()) };
        let pairs = tags.as_object().into_iter().flatten();
        let texts = pairs.map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
        texts.collect::<Option<_>>().ok_or_else(|| wrong_type("tags", "strings by name"))
    }
}

fn wrong_type(field: &str, wanted: &str) -> Failure {
    Failure::new(400, "SerializationException", format!("{field} must be {wanted}"))
}

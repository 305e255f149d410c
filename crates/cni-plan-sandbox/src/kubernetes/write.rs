//! How an object comes to be and changes: what every writer goes through, whether a client, a
//! controller or a scenario.
//!
//! In order: identity and revision checks, defaults, who owns which field, admission, validation, the
//! store. Deleting is in [`super::delete`].

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::delete::uid_of;
use super::managed_fields::{Operation, Owners, Writer};
use super::patch::{PatchKind, apply};
use super::resources::Resource;
use super::state::{State, Then};
use super::status::ApiError;
use super::store::Key;
use super::{admission, defaults, time, validate};

/// The metadata that the server keeps and no writer changes.
const SERVER_SIDE: [&str; 5] =
    ["uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds"];

/// A write: to which resource, by whom, when.
#[derive(Clone, Debug)]
pub(super) struct Write<'a> {
    pub(super) resource: &'static Resource,
    /// Empty for cluster-scoped resources.
    pub(super) namespace: &'a str,
    pub(super) part: Part,
    /// The field manager.
    pub(super) manager: &'a str,
    /// Go through everything but the store.
    pub(super) dry_run: bool,
    pub(super) now: Timestamp,
}

/// Which part of an object is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// All but the status.
    Main,
    /// The status alone.
    Status,
}

/// What a patch does to the object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patch<'a> {
    pub(super) kind: PatchKind,
    pub(super) body: &'a Value,
    /// For an apply: take over what others own.
    pub(super) force: bool,
}

impl Write<'_> {
    /// A write by one of the cluster's own components.
    pub(super) fn internal<'a>(plural: &str, namespace: &'a str, manager: &'a str, now: Timestamp) -> Write<'a> {
        let resource = Resource::named(plural).expect("the cluster's components write resources of the table");
        Write { resource, namespace, part: Part::Main, manager, dry_run: false, now }
    }

    /// The same write, to the status.
    pub(super) fn to_status(&self) -> Self {
        Write { part: Part::Status, ..self.clone() }
    }

    /// Creates an object; its name may be generated.
    pub(super) fn create(&self, state: &mut State, body: Value) -> Result<Arc<Value>, ApiError> {
        let (key, object) = self.new_object(state, body)?;
        let mut object = object;
        let mut owners = Owners::default();
        owners.record_update(&json!({}), &object, &self.writer(Operation::Update), self.now);
        owners.write_to(&mut object);
        self.admit_and_store(state, key, object)
    }

    /// Replaces an object; makes it where its resource is made so.
    pub(super) fn update(&self, state: &mut State, name: &str, body: Value) -> Result<Arc<Value>, ApiError> {
        let live = match self.live(state, name) {
            Err(_) if self.resource.made_by_update && self.part == Part::Main => {
                return self.make_by_update(state, name, body);
            }
            live => live?,
        };
        let body = self.typed(body)?;
        if !self.resource.updated_unseen && body["metadata"]["resourceVersion"].as_str().is_none_or(str::is_empty) {
            let problem = "Invalid value: 0x0: must be specified for an update";
            return Err(ApiError::invalid(self.resource, name, "metadata.resourceVersion", problem));
        }
        self.replace(state, &live, body)
    }

    /// A uid says that one object is meant and no other; a version alone does not (k8s.io/apiserver
    /// `pkg/registry/generic/registry`, Store.Update).
    fn make_by_update(&self, state: &mut State, name: &str, mut body: Value) -> Result<Arc<Value>, ApiError> {
        if let Some(uid) = body["metadata"]["uid"].as_str().filter(|uid| !uid.is_empty()) {
            let cause = format!("Precondition failed: UID in precondition: {uid}, UID in object meta: ");
            return Err(ApiError::conflict(self.resource, name, &cause));
        }
        if body["metadata"]["name"].as_str().is_some_and(|stated| stated != name) {
            return Err(name_mismatch(&body, name));
        }
        if let Some(metadata) = body["metadata"].as_object_mut() {
            metadata.remove("resourceVersion");
            metadata.insert("name".to_owned(), json!(name));
        }
        self.create(state, body)
    }

    /// Patches an object; an apply creates it where it is absent.
    pub(super) fn patch(&self, state: &mut State, name: &str, patch: Patch<'_>) -> Result<Arc<Value>, ApiError> {
        if patch.kind == PatchKind::Apply {
            return self.apply(state, name, patch);
        }
        let live = self.live(state, name)?;
        let patched = self.typed(patch.kind.carry_out(&live, patch.body)?)?;
        self.replace(state, &live, patched)
    }

    /// The object as it is.
    pub(super) fn live(&self, state: &State, name: &str) -> Result<Arc<Value>, ApiError> {
        state
            .store
            .get(&Key::new(self.resource, self.namespace, name))
            .cloned()
            .ok_or_else(|| ApiError::not_found(self.resource, name))
    }

    /// Puts a new object's bones in order: name, namespace, uid, birth, defaults.
    fn new_object(&self, state: &mut State, body: Value) -> Result<(Key, Value), ApiError> {
        let mut object = self.typed(body)?;
        let metadata = &mut object["metadata"];
        if metadata["resourceVersion"].as_str().is_some_and(|v| !v.is_empty()) {
            return Err(ApiError::bad_request("resourceVersion should not be set on objects to be created"));
        }
        if metadata["name"].as_str().is_none_or(str::is_empty)
            && let Some(prefix) = metadata["generateName"].as_str().filter(|prefix| !prefix.is_empty())
        {
            metadata["name"] = json!(format!("{prefix}{}", state.new_suffix()));
        }
        let name = metadata["name"].as_str().unwrap_or_default().to_owned();
        validate::name(self.resource, &name)?;
        if self.resource.namespaced && state.object("namespaces", "", self.namespace).is_none() {
            let namespaces = Resource::named("namespaces").unwrap_or(self.resource);
            return Err(ApiError::not_found(namespaces, self.namespace));
        }
        let key = Key::new(self.resource, self.namespace, &name);
        if state.store.get(&key).is_some() {
            return Err(ApiError::already_exists(self.resource, &name));
        }
        if let Some(map) = metadata.as_object_mut() {
            for field in SERVER_SIDE.iter().chain(&["managedFields", "resourceVersion", "selfLink"]) {
                map.remove(*field);
            }
        }
        metadata["uid"] = json!(state.new_uid());
        metadata["creationTimestamp"] = json!(time::seconds(self.now));
        if self.resource.generation {
            metadata["generation"] = json!(1);
        }
        defaults::on_create(self.resource, &mut object);
        Ok((key, object))
    }

    fn admit_and_store(&self, state: &mut State, key: Key, mut object: Value) -> Result<Arc<Value>, ApiError> {
        admission::admit_new(state, self.resource, &mut object)?;
        validate::object(self.resource, &object)?;
        Ok(self.store(state, key, object))
    }

    fn apply(&self, state: &mut State, name: &str, patch: Patch<'_>) -> Result<Arc<Value>, ApiError> {
        let config = self.typed(patch.body.clone())?;
        if config["metadata"]["managedFields"].as_array().is_some_and(|list| !list.is_empty()) {
            return Err(ApiError::bad_request("metadata.managedFields must be nil"));
        }
        if config["metadata"]["name"].as_str().is_some_and(|n| n != name) {
            return Err(name_mismatch(&config, name));
        }
        let writer = self.writer(Operation::Apply);
        let Ok(live) = self.live(state, name) else {
            if self.part != Part::Main {
                return Err(ApiError::not_found(self.resource, name));
            }
            if config["metadata"]["uid"].as_str().is_some_and(|uid| !uid.is_empty()) {
                let cause = "uid mismatch: the provided object specified a uid, and no existing object was found";
                return Err(ApiError::conflict(self.resource, name, cause));
            }
            let mut body = config.clone();
            body["metadata"]["name"] = json!(name);
            let (key, object) = self.new_object(state, body)?;
            let object = apply::applied(&Value::Null, &config, &writer, patch.force, self.now, |_| Ok(object))?;
            return self.admit_and_store(state, key, object);
        };
        let force = patch.force;
        let object = apply::applied(&live, &config, &writer, force, self.now, |merged| self.settled(&live, merged))?;
        self.store_if_changed(state, &live, object)
    }

    fn replace(&self, state: &mut State, live: &Arc<Value>, body: Value) -> Result<Arc<Value>, ApiError> {
        let mut owners = match body["metadata"].get("managedFields").and_then(Value::as_array) {
            Some(list) if list.is_empty() || list.as_slice() == [json!({})] => Owners::default(),
            Some(_) => Owners::of(&body),
            None => Owners::of(live),
        };
        let mut object = self.settled(live, body)?;
        owners.record_update(live, &object, &self.writer(Operation::Update), self.now);
        owners.write_to(&mut object);
        self.store_if_changed(state, live, object)
    }

    /// The new state of an object with what the writer may not change put back, defaults filled in, and
    /// validated.
    fn settled(&self, live: &Value, mut object: Value) -> Result<Value, ApiError> {
        let name = live["metadata"]["name"].as_str().unwrap_or_default();
        let (was, metadata) = (&live["metadata"], &mut object["metadata"]);
        if metadata["name"].as_str().is_some_and(|n| n != name) {
            return Err(name_mismatch(&object, name));
        }
        if metadata["uid"].as_str().is_some_and(|uid| !uid.is_empty() && was["uid"] != uid) {
            let cause = format!(
                "Precondition failed: UID in precondition: {}, UID in object meta: {}",
                metadata["uid"].as_str().unwrap_or_default(),
                was["uid"].as_str().unwrap_or_default()
            );
            return Err(ApiError::conflict(self.resource, name, &cause));
        }
        if metadata["resourceVersion"].as_str().is_some_and(|v| !v.is_empty() && was["resourceVersion"] != v) {
            return Err(ApiError::modified(self.resource, name));
        }
        if let Some(map) = metadata.as_object_mut() {
            for field in SERVER_SIDE.iter().chain(&["name", "namespace", "resourceVersion"]) {
                match was.get(*field) {
                    Some(value) => map.insert((*field).to_owned(), value.clone()),
                    None => map.remove(*field),
                };
            }
            for field in ["annotations", "labels", "finalizers", "ownerReferences"] {
                if map.get(field).is_some_and(is_empty) {
                    map.remove(field);
                }
            }
        }
        self.keep_other_part(live, &mut object);
        defaults::on_update(self.resource, &mut object);
        if self.resource.generation && object["spec"] != live["spec"] {
            object["metadata"]["generation"] = json!(was["generation"].as_u64().unwrap_or(0) + 1);
        }
        validate::object(self.resource, &object)?;
        validate::change(self.resource, live, &object)?;
        Ok(object)
    }

    /// Puts back the part of the object that this write is not about.
    fn keep_other_part(&self, live: &Value, object: &mut Value) {
        let Some(map) = object.as_object_mut() else { return };
        let mut keep = |field: &str| match live.get(field) {
            Some(value) => drop(map.insert(field.to_owned(), value.clone())),
            None => drop(map.remove(field)),
        };
        match self.part {
            Part::Main if self.resource.status => keep("status"),
            Part::Main => {}
            Part::Status => keep("spec"),
        }
    }

    fn store_if_changed(&self, state: &mut State, live: &Arc<Value>, object: Value) -> Result<Arc<Value>, ApiError> {
        if object == **live {
            return Ok(live.clone());
        }
        let name = live["metadata"]["name"].as_str().unwrap_or_default();
        let key = Key::new(self.resource, self.namespace, name);
        let metadata = &object["metadata"];
        if metadata["deletionTimestamp"].is_string() && metadata["finalizers"].is_null() && !is_stopping(state, &object)
        {
            if !self.dry_run {
                state.store.remove(&key);
            }
            return Ok(Arc::new(object));
        }
        Ok(self.store(state, key, object))
    }

    fn store(&self, state: &mut State, key: Key, object: Value) -> Arc<Value> {
        if self.dry_run { Arc::new(object) } else { state.store.put(key, object) }
    }

    /// A body with its kind, version and namespace checked, or filled in.
    fn typed(&self, body: Value) -> Result<Value, ApiError> {
        let Value::Object(map) = body else {
            return Err(ApiError::bad_request("the object provided is unrecognized (must be of type Object)"));
        };
        let mut map: Map<String, Value> = map.into_iter().filter(|(_, value)| !value.is_null()).collect();
        let (version, kind) = (self.resource.api_version(), self.resource.kind);
        let stated = |field: &str, fallback: &str| {
            map.get(field).and_then(Value::as_str).filter(|text| !text.is_empty()).unwrap_or(fallback).to_owned()
        };
        let (stated_version, stated_kind) = (stated("apiVersion", &version), stated("kind", kind));
        if stated_version != version || stated_kind != kind {
            return Err(ApiError::bad_request(format!(
                "{stated_kind} in version \"{stated_version}\" cannot be handled as a {kind}: no kind \
                 \"{stated_kind}\" is registered for version \"{version}\""
            )));
        }
        map.insert("apiVersion".to_owned(), json!(version));
        map.insert("kind".to_owned(), json!(kind));
        let metadata = map.entry("metadata").or_insert_with(|| json!({}));
        let Some(metadata) = metadata.as_object_mut() else {
            return Err(ApiError::bad_request(format!("{kind} in version \"{version}\": metadata is no object")));
        };
        metadata.retain(|_, value| !value.is_null());
        if self.resource.namespaced {
            let namespace = metadata.entry("namespace").or_insert_with(|| json!(self.namespace));
            if namespace != self.namespace {
                let message = "the namespace of the provided object does not match the namespace sent on the request";
                return Err(ApiError::bad_request(message));
            }
        } else {
            metadata.remove("namespace");
        }
        Ok(Value::Object(map))
    }

    fn writer(&self, operation: Operation) -> Writer {
        Writer {
            manager: self.manager.to_owned(),
            operation,
            api_version: self.resource.api_version(),
            subresource: match self.part {
                Part::Main => String::new(),
                Part::Status => "status".to_owned(),
            },
        }
    }
}

fn name_mismatch(object: &Value, name: &str) -> ApiError {
    let stated = object["metadata"]["name"].as_str().unwrap_or_default();
    ApiError::bad_request(format!("the name of the object ({stated}) does not match the name on the URL ({name})"))
}

/// A pod that is being deleted goes when its containers have stopped, whoever writes to it before.
fn is_stopping(state: &State, object: &Value) -> bool {
    state.timers.get(&uid_of(object)).is_some_and(|timer| timer.then == Then::Vanish)
}

fn is_empty(value: &Value) -> bool {
    value.as_object().is_some_and(Map::is_empty) || value.as_array().is_some_and(Vec::is_empty)
}

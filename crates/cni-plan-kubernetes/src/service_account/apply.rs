//! Brings the identity annotations from one state to another, forwards or back.
//!
//! Each write is decided by [`next_write`] from the object as read, carries its resource version,
//! and is followed by another look: a racing writer makes the server refuse, and what it wrote
//! decides whether we go on. What is ours is set by server-side apply, always as a whole, since
//! a key left out of an apply is a key given up. What was someone else's is put back under that
//! owner's name: a changed value takes the field from every other manager, so the pods' identity
//! has no gap in between.

use std::collections::BTreeMap;

use cni_plan_core::{Annotation, ErrorKind, ProviderError, ServiceAccount};
use k8s_openapi::api::core::v1::ServiceAccount as Object;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use super::{FIELD_MANAGER, convert, inspect};
use crate::client::Connection;
use crate::error::{Attempt, CallError};

/// Writes that may lose a race, or get no clear answer, before we give way.
const RACES: usize = 4;

/// The server's own name for the owner of fields that nobody is recorded for (Kubernetes,
/// "Server-Side Apply": fields set before the first apply).
const UNRECORDED: &str = "before-first-apply";

/// Carries out one change.
pub(crate) async fn apply(
    connection: &Connection,
    before: &ServiceAccount,
    after: &ServiceAccount,
) -> Result<(), ProviderError> {
    let mut expected = before.annotations.clone();
    let doing = format!("annotate service account {}/{}", before.namespace, before.name);
    let attempt = Attempt::new(doing, "patch", "serviceaccounts", Some(&before.namespace));
    let mut lost = 0;
    let mut doubt: Option<CallError> = None;
    loop {
        let Some(object) = inspect::get(connection, &before.namespace, &before.name).await? else {
            return Err(gone(connection, before));
        };
        let found = convert::annotations(&object);
        if found == after.annotations {
            return Ok(());
        }
        if found != expected {
            // Half of our own way, perhaps: the rollback looks and decides.
            return Err(match doubt {
                Some(error) => attempt.failed(connection, error),
                None => changed(connection, before, &differences(&expected, &found)),
            });
        }
        let write = next_write(&object, &after.annotations).map_err(|taken| changed(connection, before, &taken))?;
        let Some(write) = write else { return Ok(()) };
        match send(connection, before, &object, &write).await {
            Ok(written) => {
                expected = convert::annotations(&written);
                doubt = None;
            }
            // Nothing was written, or it cannot be known: look again.
            Err(error) if lost < RACES && (error.code() == Some(409) || error.leaves_doubt()) => {
                lost += 1;
                doubt = error.leaves_doubt().then_some(error);
            }
            Err(error) => return Err(attempt.failed(connection, error)),
        }
    }
}

/// One write to the object.
#[derive(Debug, PartialEq, Eq)]
enum Write {
    /// Server-side apply of all that is to be ours.
    Apply {
        annotations: BTreeMap<String, String>,
        /// Takes fields from the owner that the reviewed change names.
        force: bool,
    },
    /// A merge patch under a former owner's name.
    Restore { manager: String, annotations: BTreeMap<String, String> },
}

/// The next write towards `after`; `None` when there is nothing more to do. An error names a key
/// that has come to belong to someone whom nobody reviewed.
fn next_write(object: &Object, after: &BTreeMap<String, Annotation>) -> Result<Option<Write>, String> {
    let found = convert::annotations(object);
    let ours = convert::applied_by(object, FIELD_MANAGER);
    let is_to_be_ours = |annotation: &Annotation| annotation.manager.as_deref() == Some(FIELD_MANAGER);

    for (key, annotation) in &found {
        let differs = match after.get(key) {
            Some(wanted) => !is_to_be_ours(wanted) && wanted.value != annotation.value,
            None => true,
        };
        if differs && !ours.contains_key(key) {
            let owner = annotation.manager.as_deref().unwrap_or("someone");
            return Err(format!("{key} is {} and belongs to {owner}", annotation.value));
        }
    }

    let mut theirs: BTreeMap<&str, BTreeMap<String, String>> = BTreeMap::new();
    for (key, wanted) in after.iter().filter(|(_, wanted)| !is_to_be_ours(wanted)) {
        if found.get(key).is_none_or(|found| found.value != wanted.value) {
            let owner = wanted.manager.as_deref().unwrap_or(UNRECORDED);
            theirs.entry(owner).or_default().insert(key.clone(), wanted.value.clone());
        }
    }
    if let Some((manager, annotations)) = theirs.pop_first() {
        return Ok(Some(Write::Restore { manager: manager.to_owned(), annotations }));
    }

    let to_be_ours: BTreeMap<String, String> = after
        .iter()
        .filter(|(_, wanted)| is_to_be_ours(wanted))
        .map(|(key, wanted)| (key.clone(), wanted.value.clone()))
        .collect();
    if to_be_ours == ours {
        return Ok(None);
    }
    let force = to_be_ours.keys().any(|key| found.contains_key(key) && !ours.contains_key(key));
    Ok(Some(Write::Apply { annotations: to_be_ours, force }))
}

async fn send(
    connection: &Connection,
    account: &ServiceAccount,
    object: &Object,
    write: &Write,
) -> Result<Object, CallError> {
    let client = connection.client().await.map_err(|error| kube::Error::Service(Box::new(error)))?;
    let api: Api<Object> = Api::namespaced(client, &account.namespace);
    let version = &object.metadata.resource_version;
    let (params, patch) = match write {
        Write::Apply { annotations, force } => {
            let mut metadata = json!({
                "name": account.name, "namespace": account.namespace, "resourceVersion": version,
            });
            if !annotations.is_empty() {
                metadata["annotations"] = json!(annotations);
            }
            let body = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata});
            (PatchParams { force: *force, ..PatchParams::apply(FIELD_MANAGER) }, Patch::Apply(body))
        }
        Write::Restore { manager, annotations } => {
            let body = json!({"metadata": {"resourceVersion": version, "annotations": annotations}});
            (PatchParams { field_manager: Some(manager.clone()), ..PatchParams::default() }, Patch::Merge(body))
        }
    };
    connection.try_call(api.patch(&account.name, &params, &patch)).await
}

fn gone(connection: &Connection, account: &ServiceAccount) -> ProviderError {
    ProviderError {
        kind: ErrorKind::NotFound,
        what: format!(
            "cannot annotate service account {}/{} in cluster {}",
            account.namespace,
            account.name,
            connection.key()
        ),
        why: "it does not exist any more".to_owned(),
        cure: "install the plugin again, then plan again".to_owned(),
    }
}

fn changed(connection: &Connection, account: &ServiceAccount, how: &str) -> ProviderError {
    ProviderError {
        kind: ErrorKind::Conflict,
        what: format!(
            "cannot annotate service account {}/{} in cluster {}",
            account.namespace,
            account.name,
            connection.key()
        ),
        why: format!("someone else has changed it: {how}"),
        cure: "plan again, and find out who changes it".to_owned(),
    }
}

fn differences(expected: &BTreeMap<String, Annotation>, found: &BTreeMap<String, Annotation>) -> String {
    let say = |annotation: Option<&Annotation>| match annotation {
        None => "absent".to_owned(),
        Some(Annotation { value, manager: None }) => value.clone(),
        Some(Annotation { value, manager: Some(manager) }) => format!("{value} (of {manager})"),
    };
    let differing = convert::KEYS.iter().filter(|key| expected.get(**key) != found.get(**key));
    let texts: Vec<String> =
        differing.map(|key| format!("{key} was {} and is {}", say(expected.get(*key)), say(found.get(*key)))).collect();
    texts.join("; ")
}

#[cfg(test)]
mod tests;

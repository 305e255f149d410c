//! How an object goes: preconditions, grace, finalizers, and what goes with it.

use std::sync::Arc;

use serde_json::{Value, json};

use super::resources::RESOURCES;
use super::state::{State, Then, Timer};
use super::status::ApiError;
use super::store::Key;
use super::time;
use super::write::Write;

/// What a deletion asks for (`DeleteOptions`).
#[derive(Clone, Debug, Default)]
pub(super) struct DeleteOptions {
    pub(super) grace_period_seconds: Option<u64>,
    pub(super) uid: Option<String>,
    pub(super) resource_version: Option<String>,
    /// Leave what the object owns, without an owner.
    pub(super) orphan: bool,
    /// Go through the motions alone.
    pub(super) dry_run: bool,
}

/// How far a deletion got.
#[derive(Debug)]
pub(super) enum Deletion {
    /// The object is there until its containers have stopped or its finalizers are done.
    Begun(Arc<Value>),
    /// The object is gone; this was its last state.
    Done(Arc<Value>),
}

impl DeleteOptions {
    /// Reads the body of a deletion, which may be absent.
    pub(super) fn read(body: &Value) -> DeleteOptions {
        let precondition = |field: &str| body["preconditions"][field].as_str().map(str::to_owned);
        DeleteOptions {
            grace_period_seconds: body["gracePeriodSeconds"].as_u64(),
            uid: precondition("uid"),
            resource_version: precondition("resourceVersion"),
            orphan: body["propagationPolicy"] == "Orphan" || body["orphanDependents"] == true,
            dry_run: body["dryRun"].as_array().is_some_and(|list| list.iter().any(|one| one == "All")),
        }
    }

    /// At once, and whatever the object.
    pub(super) fn now() -> DeleteOptions {
        DeleteOptions { grace_period_seconds: Some(0), ..DeleteOptions::default() }
    }
}

impl Write<'_> {
    /// Deletes an object, or begins to.
    pub(super) fn delete(&self, state: &mut State, name: &str, options: &DeleteOptions) -> Result<Deletion, ApiError> {
        let live = self.live(state, name)?;
        self.check_preconditions(name, &live, options)?;
        let key = Key::new(self.resource, self.namespace, name);
        let grace = self.grace(&live, options);
        let waits = live["metadata"]["finalizers"].as_array().is_some_and(|list| !list.is_empty());
        if grace == 0 && !waits {
            return Ok(Deletion::Done(self.remove(state, &key, &live, options)));
        }
        let already = live["metadata"]["deletionGracePeriodSeconds"].as_u64();
        if already.is_some_and(|already| already <= grace) {
            return Ok(Deletion::Begun(live));
        }
        let mut going = Value::clone(&live);
        let end = time::after(self.now, std::time::Duration::from_secs(grace));
        going["metadata"]["deletionTimestamp"] = json!(time::seconds(end));
        going["metadata"]["deletionGracePeriodSeconds"] = json!(grace);
        if self.dry_run || options.dry_run {
            return Ok(Deletion::Begun(Arc::new(going)));
        }
        let going = state.store.put(key, going);
        if self.resource.plural == "pods" {
            let stopped = time::after(self.now, stopping_time(state, grace));
            state.timers.insert(uid_of(&going), Timer::new(&going, Then::Vanish, stopped));
        }
        Ok(Deletion::Begun(going))
    }

    fn check_preconditions(&self, name: &str, live: &Value, options: &DeleteOptions) -> Result<(), ApiError> {
        let metadata = &live["metadata"];
        if let Some(uid) = options.uid.as_ref().filter(|uid| metadata["uid"] != **uid) {
            let found = metadata["uid"].as_str().unwrap_or_default();
            let cause = format!(
                "the UID in the precondition ({uid}) does not match the UID in record ({found}). The object might \
                 have been deleted and then recreated"
            );
            return Err(ApiError::conflict(self.resource, name, &cause));
        }
        if let Some(version) = options.resource_version.as_ref().filter(|v| metadata["resourceVersion"] != **v) {
            let found = metadata["resourceVersion"].as_str().unwrap_or_default();
            let cause = format!(
                "the ResourceVersion in the precondition ({version}) does not match the ResourceVersion in record \
                 ({found}). The object might have been modified"
            );
            return Err(ApiError::conflict(self.resource, name, &cause));
        }
        Ok(())
    }

    /// Only pods that have come to a node have anything to stop.
    fn grace(&self, live: &Value, options: &DeleteOptions) -> u64 {
        if self.resource.plural != "pods" || live["spec"]["nodeName"].as_str().is_none_or(str::is_empty) {
            return 0;
        }
        let own = live["spec"]["terminationGracePeriodSeconds"].as_u64().unwrap_or(30);
        options.grace_period_seconds.unwrap_or(own)
    }

    fn remove(&self, state: &mut State, key: &Key, live: &Arc<Value>, options: &DeleteOptions) -> Arc<Value> {
        if self.dry_run || options.dry_run {
            return live.clone();
        }
        let last = state.store.remove(key).unwrap_or_else(|| live.clone());
        state.timers.remove(&uid_of(live));
        if options.orphan {
            orphan(state, live);
        }
        if self.resource.plural == "namespaces" {
            empty_namespace(state, &key.name);
        }
        last
    }
}

/// The containers of these pods stop when told to, well within their grace.
fn stopping_time(state: &State, grace: u64) -> std::time::Duration {
    (state.config.ready_after / 4).min(std::time::Duration::from_secs(grace))
}

/// The uid of an object.
pub(super) fn uid_of(object: &Value) -> String {
    object["metadata"]["uid"].as_str().unwrap_or_default().to_owned()
}

/// Takes the owner's reference out of everything that it owns.
fn orphan(state: &mut State, owner: &Value) {
    for (key, object) in owned_by(state, owner) {
        let mut object = Value::clone(&object);
        if let Some(references) = object["metadata"]["ownerReferences"].as_array_mut() {
            references.retain(|reference| reference["uid"] != owner["metadata"]["uid"]);
        }
        state.store.put(key, object);
    }
}

fn owned_by(state: &State, owner: &Value) -> Vec<(Key, Arc<Value>)> {
    let uid = &owner["metadata"]["uid"];
    let owns = |object: &Value| {
        object["metadata"]["ownerReferences"].as_array().is_some_and(|list| list.iter().any(|r| r["uid"] == *uid))
    };
    state.store.all().filter(|(_, object)| owns(object)).map(|(key, object)| (key.clone(), object.clone())).collect()
}

fn empty_namespace(state: &mut State, namespace: &str) {
    let keys: Vec<Key> = RESOURCES
        .iter()
        .filter(|resource| resource.namespaced)
        .flat_map(|resource| state.store.list(resource, Some(namespace)).map(|(key, _)| key.clone()))
        .collect();
    for key in keys {
        if let Some(last) = state.store.remove(&key) {
            state.timers.remove(&uid_of(&last));
        }
    }
}

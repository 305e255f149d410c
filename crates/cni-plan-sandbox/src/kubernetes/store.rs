//! The objects of one cluster, the revision that counts every change, and the log of recent changes.
//!
//! Plays etcd's and the watch cache's part. It knows nothing of kinds, fields or defaults: it keeps
//! what it is given, stamps it with a revision, and can say what the world was a while ago.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde_json::{Value, json};

use super::resources::Resource;

/// How many changes are kept for watches and for the later pages of a list.
const LOG_CAPACITY: usize = 8192;

/// Where an object is: plural name, namespace (empty for cluster-scoped), name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) plural: &'static str,
    pub(super) namespace: String,
    pub(super) name: String,
}

impl Key {
    /// The key of an object of a resource.
    pub(super) fn new(resource: &Resource, namespace: &str, name: &str) -> Key {
        Key { plural: resource.plural, namespace: namespace.to_owned(), name: name.to_owned() }
    }
}

/// One change: the object before (absent for a creation) and after (absent for a removal, where
/// `before` carries the revision of the removal).
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) revision: u64,
    pub(super) key: Key,
    pub(super) before: Option<Arc<Value>>,
    pub(super) after: Option<Arc<Value>>,
    /// What a watcher is shown when the object goes: the last state under the removal's revision.
    pub(super) last: Option<Arc<Value>>,
}

/// Objects by key, with their history as far back as `oldest`.
#[derive(Debug)]
pub(super) struct Store {
    objects: BTreeMap<Key, Arc<Value>>,
    revision: u64,
    /// Changes after this revision are in the log.
    oldest: u64,
    log: VecDeque<Change>,
}

impl Store {
    /// A store whose history begins with these objects.
    pub(super) fn new(objects: BTreeMap<Key, Arc<Value>>, revision: u64) -> Store {
        Store { objects, revision, oldest: revision, log: VecDeque::new() }
    }

    /// The revision of the last change.
    pub(super) fn revision(&self) -> u64 {
        self.revision
    }

    /// An object.
    pub(super) fn get(&self, key: &Key) -> Option<&Arc<Value>> {
        self.objects.get(key)
    }

    /// All objects, in order of resource, namespace and name.
    pub(super) fn all(&self) -> impl Iterator<Item = (&Key, &Arc<Value>)> {
        self.objects.iter()
    }

    /// A resource's objects in one namespace, or in all, in order of namespace and name.
    pub(super) fn list<'a>(
        &'a self,
        resource: &Resource,
        namespace: Option<&'a str>,
    ) -> impl Iterator<Item = (&'a Key, &'a Arc<Value>)> {
        let plural = resource.plural;
        let from = Key::new(resource, namespace.unwrap_or_default(), "");
        self.objects
            .range(from..)
            .take_while(move |(key, _)| key.plural == plural && namespace.is_none_or(|n| key.namespace == n))
    }

    /// Keeps an object under the next revision, which it is stamped with.
    pub(super) fn put(&mut self, key: Key, mut object: Value) -> Arc<Value> {
        self.revision += 1;
        stamp(&mut object, self.revision);
        let object = Arc::new(object);
        let before = self.objects.insert(key.clone(), object.clone());
        self.record(Change { revision: self.revision, key, before, after: Some(object.clone()), last: None });
        object
    }

    /// Removes an object; answers its last state, under the removal's revision.
    pub(super) fn remove(&mut self, key: &Key) -> Option<Arc<Value>> {
        let before = self.objects.remove(key)?;
        self.revision += 1;
        let mut last = Value::clone(&before);
        stamp(&mut last, self.revision);
        let last = Arc::new(last);
        self.record(Change {
            revision: self.revision,
            key: key.clone(),
            before: Some(before),
            after: None,
            last: Some(last.clone()),
        });
        Some(last)
    }

    /// Whether every change after `revision` is still known.
    pub(super) fn remembers(&self, revision: u64) -> bool {
        revision >= self.oldest
    }

    /// The changes after `revision`, oldest first. Call [`Store::remembers`] first.
    pub(super) fn changes_after(&self, revision: u64) -> impl Iterator<Item = &Change> {
        let start = self.log.partition_point(|change| change.revision <= revision);
        self.log.range(start..)
    }

    /// A resource's objects as they were at an earlier revision, or nothing if that is forgotten.
    pub(super) fn list_at(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        revision: u64,
    ) -> Option<BTreeMap<Key, Arc<Value>>> {
        if !self.remembers(revision) {
            return None;
        }
        let mut objects: BTreeMap<Key, Arc<Value>> =
            self.list(resource, namespace).map(|(key, object)| (key.clone(), object.clone())).collect();
        let start = self.log.partition_point(|change| change.revision <= revision);
        for change in self.log.range(start..).rev() {
            let key = &change.key;
            if key.plural != resource.plural || namespace.is_some_and(|n| key.namespace != n) {
                continue;
            }
            match &change.before {
                Some(before) => objects.insert(key.clone(), before.clone()),
                None => objects.remove(key),
            };
        }
        Some(objects)
    }

    fn record(&mut self, change: Change) {
        if self.log.len() == LOG_CAPACITY
            && let Some(forgotten) = self.log.pop_front()
        {
            self.oldest = forgotten.revision;
        }
        self.log.push_back(change);
    }
}

fn stamp(object: &mut Value, revision: u64) {
    object["metadata"]["resourceVersion"] = json!(revision.to_string());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> Store {
        Store::new(BTreeMap::new(), 0)
    }

    fn key(name: &str) -> Key {
        Key::new(Resource::named("pods").unwrap(), "default", name)
    }

    #[test]
    fn a_list_can_be_seen_as_it_was() {
        let pods = Resource::named("pods").unwrap();
        let mut store = store();
        store.put(key("a"), json!({ "metadata": { "name": "a" } }));
        store.put(key("b"), json!({ "metadata": { "name": "b" } }));
        let then = store.revision();
        store.remove(&key("a"));
        store.put(key("b"), json!({ "metadata": { "name": "b", "labels": { "new": "yes" } } }));
        store.put(key("c"), json!({ "metadata": { "name": "c" } }));
        let names: Vec<String> = store.list_at(pods, None, then).unwrap().into_keys().map(|k| k.name).collect();
        assert_eq!(names, ["a", "b"]);
        assert!(store.list_at(pods, Some("default"), then).unwrap()[&key("b")]["metadata"]["labels"].is_null());
        assert_eq!(store.list(pods, Some("default")).count(), 2);
    }

    #[test]
    fn old_changes_are_forgotten_and_said_to_be() {
        let mut store = store();
        for i in 0..LOG_CAPACITY + 2 {
            store.put(key("a"), json!({ "metadata": {}, "i": i }));
        }
        assert!(!store.remembers(1));
        assert!(store.remembers(2));
        assert_eq!(store.changes_after(2).count(), LOG_CAPACITY);
    }

    #[test]
    fn a_removal_carries_its_own_revision() {
        let mut store = store();
        store.put(key("a"), json!({ "metadata": {} }));
        let last = store.remove(&key("a")).unwrap();
        assert_eq!(last["metadata"]["resourceVersion"], "2");
        assert!(store.remove(&key("a")).is_none());
    }
}

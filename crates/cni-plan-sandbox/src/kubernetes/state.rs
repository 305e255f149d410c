//! Everything that one cluster holds, and the form in which it outlives the process.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::ClusterConfig;
use super::resources::Resource;
use super::store::{Key, Store};

/// The letters of generated names: no vowels and nothing that looks like another (k8s.io/apimachinery
/// `util/rand`).
const NAME_LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// One cluster's objects and what is about to happen to them.
#[derive(Debug)]
pub(super) struct State {
    pub(super) config: ClusterConfig,
    pub(super) store: Store,
    /// What happens next to a pod, by uid.
    pub(super) timers: BTreeMap<String, Timer>,
    /// The revision at which the controllers had nothing more to do.
    pub(super) settled: u64,
    /// The service accounts that have a Pod Identity association, by namespace and name. Kept outside.
    pub(super) pod_identities: BTreeSet<(String, String)>,
    /// The short name of each DaemonSet's template, by the set's uid and generation.
    template_hashes: BTreeMap<(String, u64), String>,
    /// Counts the ids and names made, so that the same world makes the same ones.
    serial: u64,
}

/// Something that will happen to a pod.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Timer {
    pub(super) namespace: String,
    pub(super) pod: String,
    pub(super) then: Then,
    /// Microseconds since 1970.
    due: i64,
}

/// What happens to a pod when its time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Then {
    /// The kubelet looks whether the containers are ready.
    Probe,
    /// The containers have stopped and the pod goes.
    Vanish,
}

impl Timer {
    /// A timer for a pod.
    pub(super) fn new(pod: &Value, then: Then, due: Timestamp) -> Timer {
        let text = |field: &str| pod["metadata"][field].as_str().unwrap_or_default().to_owned();
        Timer { namespace: text("namespace"), pod: text("name"), then, due: due.as_microsecond() }
    }

    /// When it goes off.
    pub(super) fn due(&self) -> Timestamp {
        Timestamp::from_microsecond(self.due).unwrap_or(Timestamp::MAX)
    }
}

/// Everything that outlives the process: all objects by resource, and the pods' timers. The log of
/// changes does not: a watch from before is answered with 410, as by a server that was replaced.
/// Whoever keeps it numbers the format.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    /// Higher with each change; a snapshot with a lower one is older.
    pub(crate) revision: u64,
    serial: u64,
    #[serde(with = "shared_objects")]
    objects: BTreeMap<String, Vec<Arc<Value>>>,
    timers: BTreeMap<String, Timer>,
}

impl State {
    /// A cluster with nothing in it.
    pub(super) fn new(config: ClusterConfig) -> State {
        State::with(config, Store::new(BTreeMap::new(), 0), BTreeMap::new(), 0)
    }

    /// A cluster as a snapshot has it. Objects of resources that are not served are left out.
    pub(super) fn restore(config: ClusterConfig, snapshot: Snapshot) -> State {
        let mut objects = BTreeMap::new();
        for (plural, list) in snapshot.objects {
            let Some(resource) = Resource::named(&plural) else { continue };
            for object in list {
                let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
                objects.insert(Key::new(resource, text("namespace"), text("name")), object);
            }
        }
        let store = Store::new(objects, snapshot.revision);
        State::with(config, store, snapshot.timers, snapshot.serial)
    }

    fn with(config: ClusterConfig, store: Store, timers: BTreeMap<String, Timer>, serial: u64) -> State {
        let (pod_identities, template_hashes) = (BTreeSet::new(), BTreeMap::new());
        State { config, store, timers, settled: 0, pod_identities, template_hashes, serial }
    }

    /// The state as it outlives the process.
    pub(super) fn snapshot(&self) -> Snapshot {
        let mut objects: BTreeMap<String, Vec<Arc<Value>>> = BTreeMap::new();
        for (key, object) in self.store.all() {
            objects.entry(key.plural.to_owned()).or_default().push(object.clone());
        }
        Snapshot { revision: self.store.revision(), serial: self.serial, objects, timers: self.timers.clone() }
    }

    /// An object, by its resource's plural name.
    pub(super) fn object(&self, plural: &str, namespace: &str, name: &str) -> Option<Arc<Value>> {
        let resource = Resource::named(plural)?;
        self.store.get(&Key::new(resource, namespace, name)).cloned()
    }

    /// A resource's objects in one namespace, or in all.
    pub(super) fn objects(&self, plural: &str, namespace: Option<&str>) -> Vec<Arc<Value>> {
        let resource = Resource::named(plural);
        resource
            .map(|resource| self.store.list(resource, namespace).map(|(_, object)| object.clone()).collect())
            .unwrap_or_default()
    }

    /// A short name for a DaemonSet's template, the same for the same template.
    pub(super) fn template_hash(&mut self, set: &Value) -> String {
        let uid = set["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
        let generation = set["metadata"]["generation"].as_u64().unwrap_or(0);
        let hash = self.template_hashes.entry((uid, generation));
        hash.or_insert_with(|| content_hash(&set["spec"]["template"])).clone()
    }

    /// A new uid, in the form of a version 4 UUID.
    pub(super) fn new_uid(&mut self) -> String {
        let digest = self.draw("uid");
        let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
    }

    /// The end of a generated name.
    pub(super) fn new_suffix(&mut self) -> String {
        let digest = self.draw("name");
        digest.iter().take(5).map(|byte| char::from(NAME_LETTERS[usize::from(*byte) % NAME_LETTERS.len()])).collect()
    }

    fn draw(&mut self, what: &str) -> [u8; 32] {
        self.serial += 1;
        let seed = format!("{}/{}/{what}/{}", self.config.region, self.config.issuer, self.serial);
        Sha256::digest(seed).into()
    }
}

/// A short name for a value's content, as the hash in `controller-revision-hash` is one.
pub(super) fn content_hash(value: &Value) -> String {
    let digest = Sha256::digest(canonical(value));
    BASE64_STANDARD_NO_PAD
        .encode(digest)
        .bytes()
        .map(|byte| char::from(NAME_LETTERS[usize::from(byte) % NAME_LETTERS.len()]))
        .take(10)
        .collect()
}

/// The value's text with the keys in order, whatever order the map keeps.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let sorted: BTreeMap<&String, String> = map.iter().map(|(k, v)| (k, canonical(v))).collect();
            format!("{sorted:?}")
        }
        Value::Array(list) => format!("{:?}", list.iter().map(canonical).collect::<Vec<_>>()),
        other => other.to_string(),
    }
}

/// Objects are shared between the store and its snapshots; on disk they are plain.
mod shared_objects {
    use super::{Arc, BTreeMap, Value};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    type Objects = BTreeMap<String, Vec<Arc<Value>>>;

    pub(super) fn serialize<S: Serializer>(objects: &Objects, serializer: S) -> Result<S::Ok, S::Error> {
        let plain: BTreeMap<&String, Vec<&Value>> =
            objects.iter().map(|(plural, list)| (plural, list.iter().map(AsRef::as_ref).collect())).collect();
        plain.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Objects, D::Error> {
        let plain = BTreeMap::<String, Vec<Value>>::deserialize(deserializer)?;
        Ok(plain.into_iter().map(|(plural, list)| (plural, list.into_iter().map(Arc::new).collect())).collect())
    }
}

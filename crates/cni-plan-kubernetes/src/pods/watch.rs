//! One watch over the DaemonSet's pods and the nodes for the whole of an action: kube's watcher
//! lists, watches, resumes and lists again; this keeps the world that they add up to.

use std::collections::BTreeMap;
use std::time::Duration;

use cni_plan_core::{ErrorKind, Overseer, ProviderError};
use futures::StreamExt;
use futures::stream::BoxStream;
use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Config, Event, watcher};
use kube::{Api, core::Selector};
use tokio::time::Instant;

use super::PodsOf;
use super::world::{PodState, Rules, World};
use crate::client::Connection;
use crate::error::{Attempt, CallError};

const PODS: &str = "pods";
const NODES: &str = "nodes";

/// How long the server keeps a watch open, in seconds: one on which nothing was heard for a little
/// longer is dead, and is opened anew. The default, five minutes, is as long as a batch may take.
const OPEN_FOR: u32 = 30;

/// Events that are taken in before anybody looks at the world again.
const AT_ONCE: usize = 256;
/// In a wait that may take minutes, between asking whether it may go on.
const ASKED_EVERY: Duration = Duration::from_secs(5);

/// A world that is kept up to date.
pub(super) struct Watch<'a> {
    connection: &'a Connection,
    namespace: String,
    events: BoxStream<'static, Vec<Seen>>,
    world: World,
    pods: Listing<PodState>,
    nodes: Listing<bool>,
    /// What keeps each of the two from going on.
    interrupted: BTreeMap<&'static str, ProviderError>,
    /// Whether nothing was waited for since it was opened.
    is_fresh: bool,
}

/// How a wait ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Waited {
    /// The world may have changed.
    Changed,
    /// The time is over.
    TimeOver,
}

/// An event cut down to what is kept: a key and a view of the object; `None`: not one of ours.
type Viewed<T> = Event<Option<(String, T)>>;

enum Seen {
    Pod(Result<Viewed<PodState>, watcher::Error>),
    Node(Result<Viewed<bool>, watcher::Error>),
}

/// The objects of a list that is coming in, until it is complete and takes the old one's place.
struct Listing<T> {
    coming: BTreeMap<String, T>,
    is_complete: bool,
}

impl<'a> Watch<'a> {
    /// Opens the watch; the world is there once [`Watch::first`] has returned.
    pub(super) async fn open(
        connection: &'a Connection,
        of: &PodsOf<'_>,
        daemon_set: &DaemonSet,
    ) -> Result<Watch<'a>, ProviderError> {
        let client = connection.client().await?;
        let selector = daemon_set.spec.as_ref().map(|spec| spec.selector.clone()).unwrap_or_default();
        let selector = Selector::try_from(selector).map_err(|error| ProviderError {
            kind: ErrorKind::Refused,
            what: format!("cannot select the pods of the plugin's DaemonSet in cluster {}", connection.key()),
            why: error.to_string(),
            cure: "check the DaemonSet's spec.selector".to_owned(),
        })?;
        let pods: Api<Pod> = Api::namespaced(client.clone(), of.namespace);
        let rules = Rules::of(daemon_set, of.association.as_ref());
        let pods = watcher(pods, Config::default().timeout(OPEN_FOR).labels_from(&selector)).default_backoff().map(
            move |event| {
                let view = |pod: Pod| rules.pod(&pod).map(|pod| (pod.uid.clone(), pod));
                Seen::Pod(event.map(|event| viewed(event, view)))
            },
        );
        let rules = Rules::of(daemon_set, None);
        let nodes = watcher(Api::<Node>::all(client), Config::default().timeout(OPEN_FOR)).default_backoff().map(
            move |event| {
                let view = |node: Node| Some(rules.node(&node));
                Seen::Node(event.map(|event| viewed(event, view)))
            },
        );
        Ok(Watch {
            connection,
            namespace: of.namespace.to_owned(),
            events: futures::stream::select(pods, nodes).ready_chunks(AT_ONCE).boxed(),
            world: World::default(),
            pods: Listing::default(),
            nodes: Listing::default(),
            interrupted: BTreeMap::new(),
            is_fresh: false,
        })
    }

    /// The world as last seen.
    pub(super) fn world(&self) -> &World {
        &self.world
    }

    /// Waits for the first whole view.
    pub(super) async fn first(&mut self, within: Duration) -> Result<(), ProviderError> {
        let until = Instant::now() + within;
        while !(self.pods.is_complete && self.nodes.is_complete) {
            if self.changed(until).await? == Waited::TimeOver {
                let nothing = CallError::NoAnswer(within);
                let attempt = Attempt::new("watch the plugin's pods", "watch", "pods", Some(&self.namespace));
                let interruption = self.interruption().cloned();
                return Err(interruption.unwrap_or_else(|| attempt.failed(self.connection, nothing)));
            }
        }
        self.is_fresh = true;
        Ok(())
    }

    /// Waits for the next change, at most until then. An interrupted watch is taken up again by
    /// itself; only a refusal is an error.
    pub(super) async fn changed(&mut self, until: Instant) -> Result<Waited, ProviderError> {
        self.is_fresh = false;
        match tokio::time::timeout_at(until, self.events.next()).await {
            Err(_) => Ok(Waited::TimeOver),
            Ok(seen) => {
                for seen in seen.expect("a watcher never ends") {
                    self.take(seen)?;
                }
                Ok(Waited::Changed)
            }
        }
    }

    /// The same for a wait that may take long: `overseer` is asked every few seconds whether it may go on.
    pub(super) async fn changed_unless_over(
        &mut self,
        until: Instant,
        overseer: &dyn Overseer,
    ) -> Result<Waited, ProviderError> {
        loop {
            let next = until.min(Instant::now() + ASKED_EVERY);
            match self.changed(next).await? {
                Waited::TimeOver if next < until => overseer.may_go_on().await?,
                waited => return Ok(waited),
            }
        }
    }

    /// Whether the world is as it was listed a moment ago. A view that was waited on proves nothing by
    /// itself: a connection that died in silence, or one that is being taken up again, looks like
    /// nothing happening.
    pub(super) fn is_fresh(&self) -> bool {
        self.is_fresh
    }

    /// What has interrupted the watch: the view may be old. A watch that was taken up again and has
    /// nothing to tell looks the same.
    pub(super) fn interruption(&self) -> Option<&ProviderError> {
        self.interrupted.values().next()
    }

    fn take(&mut self, seen: Seen) -> Result<(), ProviderError> {
        let (resource, is_current) = match seen {
            Seen::Pod(Ok(event)) => (PODS, self.pods.take(&mut self.world.pods, event)),
            Seen::Node(Ok(event)) => (NODES, self.nodes.take(&mut self.world.nodes, event)),
            Seen::Pod(Err(error)) => return self.interrupt(PODS, error),
            Seen::Node(Err(error)) => return self.interrupt(NODES, error),
        };
        if is_current {
            self.interrupted.remove(resource);
        }
        Ok(())
    }

    fn interrupt(&mut self, resource: &'static str, error: watcher::Error) -> Result<(), ProviderError> {
        let namespace = (resource == PODS).then_some(self.namespace.as_str());
        let attempt = Attempt::new(format!("watch {resource}"), "list and watch", resource, namespace);
        let error = match error {
            watcher::Error::InitialListFailed(error)
            | watcher::Error::WatchStartFailed(error)
            | watcher::Error::WatchFailed(error) => attempt.failed(self.connection, error.into()),
            watcher::Error::WatchError(status) => attempt.failed(self.connection, kube::Error::Api(status).into()),
            watcher::Error::NoResourceVersion => {
                attempt.failed(self.connection, kube::Error::Service(Box::new(error)).into())
            }
        };
        if matches!(error.kind, ErrorKind::Denied | ErrorKind::Credentials) {
            return Err(error);
        }
        tracing::debug!(%error, "the watch was interrupted");
        self.interrupted.insert(resource, error);
        Ok(())
    }
}

impl<T> Default for Listing<T> {
    fn default() -> Self {
        Listing { coming: BTreeMap::new(), is_complete: false }
    }
}

impl<T> Listing<T> {
    /// Carries one event into `current`. Returns whether that is up to date then, and not the old view
    /// beside a list that is still coming in.
    fn take(&mut self, current: &mut BTreeMap<String, T>, event: Viewed<T>) -> bool {
        match event {
            Event::Init => {
                self.coming.clear();
                return false;
            }
            Event::InitApply(object) => {
                self.coming.extend(object);
                return false;
            }
            Event::InitDone => {
                *current = std::mem::take(&mut self.coming);
                self.is_complete = true;
            }
            Event::Apply(object) => current.extend(object),
            Event::Delete(object) => {
                if let Some((key, _)) = object {
                    current.remove(&key);
                }
            }
        }
        true
    }
}

fn viewed<K, T>(event: Event<K>, view: impl FnOnce(K) -> Option<(String, T)>) -> Viewed<T> {
    match event {
        Event::Apply(object) => Event::Apply(view(object)),
        Event::Delete(object) => Event::Delete(view(object)),
        Event::InitApply(object) => Event::InitApply(view(object)),
        Event::Init => Event::Init,
        Event::InitDone => Event::InitDone,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(events: Vec<Event<&str>>) -> (BTreeMap<String, usize>, bool) {
        let mut listing = Listing::default();
        let mut current = BTreeMap::new();
        for event in events {
            listing.take(&mut current, viewed(event, |key| Some((key.to_owned(), key.len()))));
        }
        (current, listing.is_complete)
    }

    #[test]
    fn a_list_that_is_coming_in_makes_nothing_current() {
        let (mut listing, mut current) = (Listing::<()>::default(), BTreeMap::new());
        let object = || Some(("a".to_owned(), ()));
        let events = [
            (Event::Init, false),
            (Event::InitApply(object()), false),
            (Event::InitDone, true),
            (Event::Delete(object()), true),
        ];
        for (event, is_current) in events {
            assert_eq!(listing.take(&mut current, event), is_current);
        }
    }

    #[test]
    fn a_list_counts_when_it_is_complete() {
        assert_eq!(take(vec![Event::Init, Event::InitApply("a")]), (BTreeMap::new(), false));
        let (current, is_complete) = take(vec![Event::Init, Event::InitApply("a"), Event::InitDone]);
        assert!(is_complete && current.contains_key("a"));
    }

    #[test]
    fn a_new_list_drops_what_went_in_between() {
        let first = vec![Event::Init, Event::InitApply("a"), Event::InitDone, Event::Apply("b"), Event::Delete("a")];
        assert_eq!(take(first.clone()).0.keys().collect::<Vec<_>>(), ["b"]);
        let again = vec![Event::Init, Event::InitApply("c"), Event::InitDone];
        assert_eq!(take([first, again].concat()).0.keys().collect::<Vec<_>>(), ["c"]);
    }
}

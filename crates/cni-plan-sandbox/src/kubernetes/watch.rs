//! Watches: what changed after a revision, as it changes, one JSON line an event.
//!
//! A watch shows a change only once the change hook has been told of it, so that nobody acts on what
//! might be lost.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Weak};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::Response;
use futures::stream;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::watch::Receiver;
use tokio::time::Instant;

use super::ApiServer;
use super::request::ApiRequest;
use super::resources::Resource;
use super::selector::Selector;
use super::state::State;
use super::status::ApiError;
use super::store::{Change, Key};
use super::table::Form;

/// How long a watch lives whose client does not say.
const LIFETIME: Duration = Duration::from_secs(2700);
/// How often a quiet watch is told how far the world has come.
const BOOKMARK_EVERY: Duration = Duration::from_secs(60);
const INITIAL_EVENTS_END: &str = "k8s.io/initial-events-end";

/// Answers a watch.
pub(super) fn respond(server: &Arc<ApiServer>, request: &ApiRequest) -> Result<Response, ApiError> {
    let lifetime = request.number("timeoutSeconds")?.filter(|s| *s > 0).map_or(LIFETIME, Duration::from_secs);
    let view = View {
        resource: request.resource,
        namespace: request.namespace.clone(),
        name: request.name.clone(),
        selector: request.selector()?,
        form: request.form,
        bookmarks: request.flag("allowWatchBookmarks") == Some(true),
    };
    let start = Start::of(request)?;
    let revisions = server.revisions();
    let mut watch = server.read(|state| Watch::new(view, start, state, Instant::now() + lifetime, revisions));
    watch.server = Arc::downgrade(server);
    let events = stream::unfold(watch, |mut watch| async move {
        let chunk = watch.next().await?;
        Some((Ok::<Bytes, Infallible>(Bytes::from(chunk)), watch))
    });
    let mut response = Response::new(Body::from_stream(events));
    let json = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    Ok(response)
}

/// Where a watch begins.
#[derive(Clone, Copy, Debug)]
enum Start {
    /// With everything that is there, and a bookmark after it if asked for.
    Everything { marked: bool },
    /// With what changes from now on.
    Now,
    /// With what changed after a revision.
    After(u64),
}

impl Start {
    fn of(request: &ApiRequest) -> Result<Start, ApiError> {
        let after = request.number("resourceVersion")?.filter(|revision| *revision > 0);
        let initial = request.flag("sendInitialEvents");
        let not_older = request.parameter("resourceVersionMatch") == "NotOlderThan";
        let forbidden = |problem: &str| {
            let problem = format!("Forbidden: {problem}");
            Err(ApiError::invalid_options("ListOptions", "resourceVersionMatch", &problem))
        };
        match (initial, after) {
            (Some(_), _) if !not_older => {
                forbidden("sendInitialEvents requires setting resourceVersionMatch to NotOlderThan")
            }
            (None, _) if !request.parameter("resourceVersionMatch").is_empty() => {
                forbidden("resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided")
            }
            (Some(true), _) => Ok(Start::Everything { marked: true }),
            (_, Some(revision)) => Ok(Start::After(revision)),
            (Some(false), None) => Ok(Start::Now),
            (None, None) => Ok(Start::Everything { marked: false }),
        }
    }
}

/// Which changes a watcher sees, and how.
struct View {
    resource: &'static Resource,
    namespace: Option<String>,
    /// The one object that is watched, if it is one.
    name: Option<String>,
    selector: Selector,
    form: Form,
    bookmarks: bool,
}

/// A watch in progress.
struct Watch {
    view: View,
    server: Weak<ApiServer>,
    revisions: Receiver<u64>,
    /// Everything up to this revision has been shown.
    cursor: u64,
    /// Whether the watcher has been told a table's columns.
    described: bool,
    ready: VecDeque<String>,
    ends: Instant,
    over: bool,
}

impl Watch {
    fn new(view: View, start: Start, state: &State, ends: Instant, revisions: Receiver<u64>) -> Watch {
        let current = state.store.revision();
        let (server, ready) = (Weak::new(), VecDeque::new());
        let mut watch = Watch { view, server, revisions, cursor: current, described: false, ready, ends, over: false };
        match start {
            Start::Now => {}
            Start::Everything { marked } => {
                let objects: Vec<Arc<Value>> = state
                    .store
                    .list(watch.view.resource, watch.view.namespace.as_deref())
                    .filter(|(key, object)| watch.view.concerns(key) && watch.view.selector.matches(object))
                    .map(|(_, object)| object.clone())
                    .collect();
                for object in objects {
                    watch.show("ADDED", &object);
                }
                if marked && watch.view.bookmarks {
                    watch.bookmark(true);
                }
            }
            Start::After(revision) if state.store.remembers(revision) => watch.cursor = revision,
            Start::After(revision) => {
                let error = ApiError::gone(format!("too old resource version: {revision} ({current})"));
                watch.ready.push_back(line("ERROR", &error.to_value()));
                watch.over = true;
            }
        }
        watch
    }

    /// The next events, when there are any; nothing when the watch has ended.
    async fn next(&mut self) -> Option<String> {
        loop {
            if self.ready.is_empty() && !self.over {
                self.catch_up()?;
            }
            if !self.ready.is_empty() {
                return Some(self.ready.drain(..).collect());
            }
            if self.over {
                return None;
            }
            let pause = (Instant::now() + BOOKMARK_EVERY).min(self.ends);
            tokio::select! {
                moved = self.revisions.changed() => moved.ok()?,
                () = tokio::time::sleep_until(pause) => {
                    self.over = Instant::now() >= self.ends;
                    if self.view.bookmarks {
                        self.bookmark(false);
                    }
                }
            }
        }
    }

    /// Takes up what has been published since.
    fn catch_up(&mut self) -> Option<()> {
        let published = *self.revisions.borrow_and_update();
        if published <= self.cursor {
            return Some(());
        }
        let server = self.server.upgrade()?;
        let changes: Option<Vec<Change>> = server.read(|state| {
            let remembered = state.store.remembers(self.cursor);
            let changes = state.store.changes_after(self.cursor);
            let mine = changes.take_while(|c| c.revision <= published).filter(|c| self.view.concerns(&c.key));
            remembered.then(|| mine.cloned().collect())
        });
        let Some(changes) = changes else {
            let error = ApiError::gone(format!("too old resource version: {} ({published})", self.cursor));
            self.ready.push_back(line("ERROR", &error.to_value()));
            self.over = true;
            return Some(());
        };
        self.cursor = published;
        for change in changes {
            if let Some((kind, object)) = self.view.event(&change) {
                self.show(kind, &object);
            }
        }
        Some(())
    }

    fn show(&mut self, kind: &str, object: &Value) {
        let shown = self.view.form.object(self.view.resource, object, !self.described, Timestamp::now());
        self.described = true;
        self.ready.push_back(line(kind, &shown));
    }

    fn bookmark(&mut self, initial: bool) {
        let mut metadata = json!({ "resourceVersion": self.cursor.to_string(), "creationTimestamp": null });
        if initial {
            metadata["annotations"] = json!({ INITIAL_EVENTS_END: "true" });
        }
        let (kind, version) = match self.view.form {
            Form::Whole => (self.view.resource.kind, self.view.resource.api_version()),
            Form::Metadata => ("PartialObjectMetadata", "meta.k8s.io/v1".to_owned()),
            Form::Table => ("Table", "meta.k8s.io/v1".to_owned()),
        };
        let mark = json!({ "kind": kind, "apiVersion": version, "metadata": metadata });
        self.ready.push_back(line("BOOKMARK", &mark));
    }
}

impl View {
    fn concerns(&self, key: &Key) -> bool {
        key.plural == self.resource.plural
            && self.namespace.as_ref().is_none_or(|namespace| *namespace == key.namespace)
            && self.name.as_ref().is_none_or(|name| *name == key.name)
    }

    /// What a change means to somebody who sees the selected objects alone.
    fn event(&self, change: &Change) -> Option<(&'static str, Arc<Value>)> {
        let selected = |object: &Option<Arc<Value>>| object.clone().filter(|object| self.selector.matches(object));
        match (selected(&change.before), selected(&change.after)) {
            (None, Some(after)) => Some(("ADDED", after)),
            (Some(_), Some(after)) => Some(("MODIFIED", after)),
            (Some(before), None) => {
                let last = change.last.clone().unwrap_or_else(|| {
                    let mut left = Value::clone(&before);
                    left["metadata"]["resourceVersion"] = json!(change.revision.to_string());
                    Arc::new(left)
                });
                Some(("DELETED", last))
            }
            (None, None) => None,
        }
    }
}

fn line(kind: &str, object: &Value) -> String {
    format!("{{\"type\":\"{kind}\",\"object\":{object}}}\n")
}

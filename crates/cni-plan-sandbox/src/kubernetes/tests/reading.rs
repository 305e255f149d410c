//! Lists in pages and watches, as they are seen by a client.

use axum::body::BodyDataStream;
use futures::StreamExt;

use super::*;

/// The events of a watch, one by one.
struct Events {
    body: BodyDataStream,
    lines: Vec<Value>,
}

impl Cluster {
    async fn watch(&self, path: &str) -> Events {
        let response = self.response("GET", path, "", "").await;
        assert_eq!(response.status(), 200);
        Events { body: response.into_body().into_data_stream(), lines: Vec::new() }
    }
}

impl Events {
    /// The next event, or nothing when the watch has ended.
    async fn next(&mut self) -> Option<Value> {
        if self.lines.is_empty() {
            let chunk = tokio::time::timeout(Duration::from_secs(10), self.body.next()).await.unwrap()?.unwrap();
            let text = String::from_utf8(chunk.to_vec()).unwrap();
            self.lines = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        }
        Some(self.lines.remove(0))
    }

    /// The next event's type and its object's name.
    async fn short(&mut self) -> (String, String) {
        let event = self.next().await.unwrap();
        let name = event["object"]["metadata"]["name"].as_str().unwrap_or_default();
        (event["type"].as_str().unwrap().to_owned(), name.to_owned())
    }
}

fn pair(kind: &str, name: &str) -> (String, String) {
    (kind.to_owned(), name.to_owned())
}

async fn make_maps(cluster: &Cluster, names: &[&str]) {
    for name in names {
        let map = json!({ "metadata": { "name": name, "labels": { "test": "yes" } } });
        assert_eq!(cluster.post("/api/v1/namespaces/default/configmaps", &map).await.0, 201);
    }
}

#[tokio::test]
async fn pages_show_one_world() {
    let cluster = Cluster::new();
    make_maps(&cluster, &["a", "b", "c"]).await;
    let path = "/api/v1/namespaces/default/configmaps?limit=2";
    let (_, first) = cluster.get(path).await;
    assert_eq!(first["metadata"]["remainingItemCount"], 2);
    let token = first["metadata"]["continue"].as_str().unwrap();
    make_maps(&cluster, &["bb"]).await;
    cluster.delete("/api/v1/namespaces/default/configmaps/c", &json!({})).await;
    let (_, second) = cluster.get(&format!("{path}&continue={token}")).await;
    let names: Vec<&str> = second["items"].as_array().unwrap().iter().map(name_of).collect();
    assert_eq!(names, ["c", "kube-root-ca.crt"]);
    assert_eq!(second["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
    assert!(second["metadata"]["continue"].is_null());
    assert_eq!(cluster.get(&format!("{path}&continue=nonsense")).await.0, 400);
}

#[tokio::test]
async fn a_page_that_is_too_old_is_gone() {
    let cluster = Cluster::new();
    make_maps(&cluster, &["a", "b"]).await;
    let (_, first) = cluster.get("/api/v1/namespaces/default/configmaps?limit=1").await;
    let token = first["metadata"]["continue"].as_str().unwrap();
    let restored = Cluster::restored(cluster.api.snapshot());
    make_maps(&restored, &["c"]).await;
    let path = format!("/api/v1/namespaces/default/configmaps?limit=1&continue={token}");
    assert_eq!(restored.get(&path).await.0, 200, "it is still the last revision that is kept");
    make_maps(&cluster, &["c"]).await;
    let older = Cluster::restored(cluster.api.snapshot());
    let (status, refusal) = older.get(&path).await;
    assert_eq!((status, &refusal["reason"]), (410, &json!("Expired")));
}

#[tokio::test]
async fn selections() {
    let cluster = Cluster::new();
    let count = async |path: &str| cluster.get(path).await.1["items"].as_array().map(Vec::len);
    assert_eq!(count("/api/v1/pods?labelSelector=k8s-app%3Daws-node").await, Some(3));
    assert_eq!(count(&format!("/api/v1/pods?fieldSelector=spec.nodeName%3D{}", node(2))).await, Some(1));
    assert_eq!(count("/api/v1/nodes?labelSelector=team+in+(platform)").await, Some(3));
    assert_eq!(count("/api/v1/namespaces/default/pods").await, Some(0));
    assert_eq!(cluster.get("/api/v1/pods?fieldSelector=spec.color%3Dred").await.0, 400);
    assert_eq!(cluster.get("/api/v1/pods?resourceVersion=999999").await.0, 504);
}

#[tokio::test]
async fn a_watch_goes_on_from_a_list() {
    let cluster = Cluster::new();
    let (_, list) = cluster.get("/api/v1/namespaces/default/configmaps").await;
    let revision = list["metadata"]["resourceVersion"].as_str().unwrap();
    make_maps(&cluster, &["a"]).await;
    let path = format!("/api/v1/configmaps?watch=true&labelSelector=test&resourceVersion={revision}");
    let mut events = cluster.watch(&path).await;
    assert_eq!(events.short().await, pair("ADDED", "a"));
    let map = "/api/v1/namespaces/default/configmaps/a";
    cluster.patch(map, MERGE, &json!({ "data": { "x": "1" } })).await;
    assert_eq!(events.short().await, pair("MODIFIED", "a"));
    cluster.patch(map, MERGE, &json!({ "metadata": { "labels": null } })).await;
    assert_eq!(events.short().await, pair("DELETED", "a"), "it has left the selection");
    cluster.patch(map, MERGE, &json!({ "metadata": { "labels": { "test": "again" } } })).await;
    assert_eq!(events.short().await, pair("ADDED", "a"));
    cluster.delete(map, &json!({})).await;
    let gone = events.next().await.unwrap();
    assert_eq!(gone["type"], "DELETED");
    assert_eq!(gone["object"]["metadata"]["resourceVersion"], cluster.api.snapshot().revision.to_string());
}

#[tokio::test]
async fn a_watch_from_nowhere_begins_with_everything() {
    let cluster = Cluster::new();
    let mut events = cluster.watch("/api/v1/nodes?watch=1").await;
    for number in 1..=3 {
        assert_eq!(events.short().await, pair("ADDED", &node(number)));
    }
    let mut events = cluster.watch(&format!("/api/v1/nodes/{}?watch=1", node(2))).await;
    assert_eq!(events.short().await, pair("ADDED", &node(2)));
    let streaming =
        "/api/v1/nodes?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    let mut events = cluster.watch(streaming).await;
    for number in 1..=3 {
        assert_eq!(events.short().await, pair("ADDED", &node(number)));
    }
    let mark = events.next().await.unwrap();
    assert_eq!(mark["type"], "BOOKMARK");
    assert_eq!(mark["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
    assert_eq!(cluster.get("/api/v1/nodes?watch=1&sendInitialEvents=true").await.0, 422);
}

#[tokio::test]
async fn a_watch_ends_when_it_is_to_and_says_how_far_it_came() {
    let cluster = Cluster::new();
    let revision = cluster.api.snapshot().revision;
    let path = format!("/api/v1/nodes?watch=1&resourceVersion={revision}&timeoutSeconds=1&allowWatchBookmarks=true");
    let mut events = cluster.watch(&path).await;
    let mark = events.next().await.unwrap();
    assert_eq!(mark["type"], "BOOKMARK");
    assert_eq!(mark["object"]["metadata"]["resourceVersion"], revision.to_string());
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn a_watch_from_before_the_server_is_gone() {
    let cluster = Cluster::restored(Cluster::new().api.snapshot());
    let mut events = cluster.watch("/api/v1/pods?watch=1&resourceVersion=1").await;
    let error = events.next().await.unwrap();
    assert_eq!((&error["type"], &error["object"]["code"]), (&json!("ERROR"), &json!(410)));
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn a_watch_ends_with_its_server() {
    let cluster = Cluster::new();
    let revision = cluster.api.snapshot().revision;
    let mut events = cluster.watch(&format!("/api/v1/pods?watch=1&resourceVersion={revision}")).await;
    drop(cluster);
    assert_eq!(events.next().await, None);
}

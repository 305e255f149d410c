//! Objects: created, changed and deleted, and refused in the real server's words.

use super::*;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

fn map(data: &Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "a" }, "data": data })
}

#[tokio::test]
async fn a_life() {
    let cluster = Cluster::new();
    let (status, created) = cluster.post(MAPS, &map(&json!({ "x": "1" }))).await;
    assert_eq!(status, 201);
    assert!(created["metadata"]["uid"].is_string() && created["metadata"]["creationTimestamp"].is_string());
    assert_eq!(cluster.get(&format!("{MAPS}/a")).await, (200, created.clone()));

    let mut changed = created.clone();
    changed["data"]["x"] = json!("2");
    let put =
        async |object: Value| cluster.send("PUT", &format!("{MAPS}/a"), "application/json", &object.to_string()).await;
    let (status, updated) = put(changed.clone()).await;
    assert_eq!((status, &updated["data"]["x"]), (200, &json!("2")));
    assert_ne!(updated["metadata"]["resourceVersion"], created["metadata"]["resourceVersion"]);

    let (status, refusal) = put(changed).await;
    assert_eq!((status, &refusal["reason"]), (409, &json!("Conflict")));
    assert_eq!(
        refusal["message"],
        "Operation cannot be fulfilled on configmaps \"a\": the object has been modified; please apply your changes to \
         the latest version and try again"
    );
    assert_eq!(put(updated.clone()).await, (200, updated), "nothing new, nothing written");

    let (status, answer) = cluster.delete(&format!("{MAPS}/a"), &json!({})).await;
    assert_eq!((status, &answer["details"]["uid"]), (200, &created["metadata"]["uid"]));
    let (status, refusal) = cluster.get(&format!("{MAPS}/a")).await;
    assert_eq!((status, &refusal["message"]), (404, &json!("configmaps \"a\" not found")));
}

#[tokio::test]
async fn every_kind_of_patch() {
    let cluster = Cluster::new();
    cluster.post(MAPS, &map(&json!({ "x": "1", "y": "1" }))).await;
    let path = format!("{MAPS}/a");
    let (_, object) = cluster.patch(&path, MERGE, &json!({ "data": { "x": null, "z": "1" } })).await;
    assert_eq!(object["data"], json!({ "y": "1", "z": "1" }));
    let operations = json!([{ "op": "remove", "path": "/data/y" }]);
    let (_, object) = cluster.patch(&path, "application/json-patch+json", &operations).await;
    assert_eq!(object["data"], json!({ "z": "1" }));
    let strategic = json!({ "data": { "s": "1" } });
    let (_, object) = cluster.patch(&path, "application/strategic-merge-patch+json", &strategic).await;
    assert_eq!(object["data"], json!({ "s": "1", "z": "1" }));
    assert_eq!(cluster.patch(&path, "application/json", &json!({})).await.0, 415);
    assert_eq!(cluster.patch(&path, "application/json-patch+json", &operations).await.0, 422);
    let stale = json!({ "metadata": { "resourceVersion": "1" }, "data": { "x": "1" } });
    assert_eq!(cluster.patch(&path, MERGE, &stale).await.0, 409);
    assert_eq!(cluster.patch(&format!("{MAPS}/none"), MERGE, &json!({})).await.0, 404);
}

#[tokio::test]
async fn a_dry_run_leaves_no_trace() {
    let cluster = Cluster::new();
    let before = cluster.api.snapshot().revision;
    assert_eq!(cluster.post(&format!("{MAPS}?dryRun=All"), &map(&json!({}))).await.0, 201);
    let path = format!("{SYSTEM}/serviceaccounts/aws-node?dryRun=All");
    let body = json!({ "metadata": { "annotations": { "a": "1" } } });
    let (status, object) = cluster.patch(&path, MERGE, &body).await;
    assert_eq!((status, &object["metadata"]["annotations"]["a"]), (200, &json!("1")));
    assert_eq!(cluster.delete(&path, &json!({})).await.0, 200);
    assert_eq!(cluster.api.snapshot().revision, before);
    assert_eq!(cluster.post(&format!("{MAPS}?dryRun=Some"), &map(&json!({}))).await.0, 422);
}

#[tokio::test]
async fn preconditions_of_a_deletion() {
    let cluster = Cluster::new();
    let pod = cluster.pods()[&node(1)].clone();
    let path = format!("{SYSTEM}/pods/{}", name_of(&pod));
    for preconditions in [json!({ "uid": "another" }), json!({ "resourceVersion": "1" })] {
        let (status, refusal) = cluster.delete(&path, &json!({ "preconditions": preconditions })).await;
        assert_eq!((status, &refusal["reason"]), (409, &json!("Conflict")), "{refusal}");
    }
    assert_eq!(cluster.pods()[&node(1)], pod);
    let metadata = &pod["metadata"];
    let preconditions = json!({ "uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"] });
    assert_eq!(cluster.delete(&path, &json!({ "preconditions": preconditions })).await.0, 200);
}

#[tokio::test]
async fn finalizers_hold_an_object() {
    let cluster = Cluster::new();
    let mut held = map(&json!({}));
    held["metadata"]["finalizers"] = json!(["example.com/hold"]);
    cluster.post(MAPS, &held).await;
    let path = format!("{MAPS}/a");
    let (_, going) = cluster.delete(&path, &json!({})).await;
    assert!(going["metadata"]["deletionTimestamp"].is_string());
    assert_eq!(cluster.get(&path).await.0, 200);
    cluster.patch(&path, MERGE, &json!({ "metadata": { "finalizers": null } })).await;
    assert_eq!(cluster.get(&path).await.0, 404);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let cluster = Cluster::new();
    let named = |name: &str| json!({ "metadata": { "name": name } });
    for (path, body, status, reason) in [
        (MAPS, named("Upper"), 422, "Invalid"),
        (MAPS, json!({}), 422, "Invalid"),
        (MAPS, json!({ "kind": "Pod", "metadata": { "name": "a" } }), 400, "BadRequest"),
        (MAPS, json!({ "metadata": { "name": "a", "namespace": "other" } }), 400, "BadRequest"),
        (MAPS, json!({ "metadata": { "name": "a", "resourceVersion": "1" } }), 400, "BadRequest"),
        (MAPS, json!({ "metadata": { "name": "a", "annotations": { "a b": "1" } } }), 422, "Invalid"),
        (MAPS, json!([]), 400, "BadRequest"),
        ("/api/v1/namespaces/none/configmaps", named("a"), 404, "NotFound"),
        ("/api/v1/namespaces", named("default"), 409, "AlreadyExists"),
        ("/api/v1/configmaps", named("a"), 405, "MethodNotAllowed"),
        ("/api/v1/namespaces/default/pods", named("a"), 422, "Invalid"),
        ("/api/v1/namespaces/default/gadgets", named("a"), 404, "NotFound"),
    ] {
        let (code, refusal) = cluster.post(path, &body).await;
        assert_eq!((code, refusal["reason"].as_str()), (status, Some(reason)), "{path} {body}: {refusal}");
        assert_eq!((&refusal["kind"], &refusal["code"]), (&json!("Status"), &json!(status)));
    }
    assert_eq!(cluster.send("POST", MAPS, "application/json", "{").await.0, 400);
    assert_eq!(cluster.send("POST", MAPS, "application/vnd.kubernetes.protobuf", "k8s").await.0, 415);
}

#[tokio::test]
async fn a_token_says_whose_it_is() {
    use base64::Engine;

    let cluster = Cluster::new();
    let path = format!("{SYSTEM}/serviceaccounts/aws-node/token");
    let request = json!({ "spec": { "audiences": ["sts.amazonaws.com"], "expirationSeconds": 900 } });
    let (status, answer) = cluster.post(&path, &request).await;
    assert_eq!(status, 201);
    let claims = answer["status"]["token"].as_str().unwrap().split('.').nth(1).unwrap();
    let claims = base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(claims).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(claims["sub"], "system:serviceaccount:kube-system:aws-node");
    assert_eq!((&claims["aud"], &claims["iss"]), (&json!(["sts.amazonaws.com"]), &json!(config().issuer)));
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 900);
    assert_eq!(cluster.post(&path, &json!({ "spec": { "expirationSeconds": 60 } })).await.0, 422);
    assert_eq!(cluster.post(&format!("{SYSTEM}/serviceaccounts/none/token"), &request).await.0, 404);
}

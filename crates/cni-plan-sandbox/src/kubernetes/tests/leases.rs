//! Leases, on which clients settle who may do something: of two who write, one is refused.

use super::*;

const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases";
const LEASE: &str = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/cni-plan";

fn lease(holder: &str) -> Value {
    json!({
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": { "name": "cni-plan" },
        "spec": {
            "holderIdentity": holder,
            "leaseDurationSeconds": 60,
            "leaseTransitions": 0,
            "acquireTime": "2026-11-24T02:10:00.000000Z",
            "renewTime": "2026-11-24T02:10:00.000000Z",
        },
    })
}

async fn put(cluster: &Cluster, lease: &Value) -> (u16, Value) {
    cluster.send("PUT", LEASE, "application/json", &lease.to_string()).await
}

#[tokio::test]
async fn it_is_made_once_and_each_version_is_written_over_once() {
    let cluster = Cluster::new();
    let (status, made) = cluster.post(LEASES, &lease("a")).await;
    assert_eq!(status, 201);
    let (status, refusal) = cluster.post(LEASES, &lease("b")).await;
    assert_eq!((status, &refusal["reason"]), (409, &json!("AlreadyExists")));

    let with_holder = |lease: &Value, holder: &str| {
        let mut lease = lease.clone();
        lease["spec"]["holderIdentity"] = json!(holder);
        lease
    };
    let (status, renewed) = put(&cluster, &with_holder(&made, "a2")).await;
    assert_eq!((status, &renewed["metadata"]["uid"]), (200, &made["metadata"]["uid"]));
    let (status, refusal) = put(&cluster, &with_holder(&made, "b")).await;
    assert_eq!((status, &refusal["reason"]), (409, &json!("Conflict")));
    assert_eq!(cluster.get(LEASE).await.1["spec"]["holderIdentity"], "a2");

    let delete = async |lease: &Value| {
        let of = |field: &str| lease["metadata"][field].clone();
        let preconditions = json!({ "uid": of("uid"), "resourceVersion": of("resourceVersion") });
        cluster.delete(LEASE, &json!({ "preconditions": preconditions })).await
    };
    let (status, refusal) = delete(&made).await;
    assert_eq!((status, &refusal["reason"]), (409, &json!("Conflict")), "it has been written since");
    assert_eq!(delete(&renewed).await.0, 200);
    assert_eq!(cluster.get(LEASE).await.0, 404);
}

/// pkg/registry/coordination/lease/strategy.go: AllowCreateOnUpdate is true, AllowUnconditionalUpdate
/// is not.
#[tokio::test]
async fn an_update_says_what_it_updates_or_makes_it() {
    let cluster = Cluster::new();
    let (status, made) = put(&cluster, &lease("a")).await;
    assert_eq!((status, &made["spec"]["holderIdentity"]), (201, &json!("a")));
    let (status, refusal) = put(&cluster, &lease("b")).await;
    assert_eq!(status, 422);
    assert_eq!(
        refusal["message"],
        "Lease.coordination.k8s.io \"cni-plan\" is invalid: metadata.resourceVersion: Invalid value: 0x0: must be \
         specified for an update"
    );

    cluster.delete(LEASE, &json!({})).await;
    let (status, refusal) = put(&cluster, &made).await;
    assert_eq!((status, &refusal["reason"]), (409, &json!("Conflict")), "the uid is of one that is gone");
    assert_eq!(cluster.get(LEASE).await.0, 404);
    let (status, other) = cluster.post(LEASES, &lease("b")).await;
    assert_eq!(status, 201);
    assert_eq!(put(&cluster, &made).await.0, 409, "nor is it its successor's");
    assert_eq!(cluster.get(LEASE).await, (200, other));
}

#[tokio::test]
async fn what_is_no_lease_is_refused() {
    let cluster = Cluster::new();
    let with = |field: &str, value: Value| {
        let mut lease = lease("a");
        lease["spec"][field] = value;
        lease
    };
    for (field, value) in [("leaseDurationSeconds", json!(0)), ("leaseTransitions", json!(-1))] {
        let (status, refusal) = cluster.post(LEASES, &with(field, value)).await;
        assert_eq!(status, 422);
        let words = refusal["message"].as_str().unwrap();
        assert!(words.contains(&format!("spec.{field}: Invalid value")), "{words}");
    }
    // MicroTime has six digits of a second, neither fewer nor more.
    for time in ["2026-11-24T02:10:00Z", "2026-11-24T02:10:00.000Z", "yesterday"] {
        let (status, refusal) = cluster.post(LEASES, &with("renewTime", json!(time))).await;
        assert_eq!(status, 400, "{time}: {refusal}");
    }
    assert_eq!(cluster.post(LEASES, &with("holderIdentity", json!(7))).await.0, 400);
    assert_eq!(cluster.get(LEASE).await.0, 404);
}

//! Who owns which field, over the wire: updates, applies, conflicts.

use super::*;

fn path(manager: &str, force: bool) -> String {
    format!("{SYSTEM}/serviceaccounts/aws-node?fieldManager={manager}&force={force}")
}

fn account(annotations: &Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": { "name": "aws-node", "namespace": NAMESPACE, "annotations": annotations } })
}

/// The managers that own an annotation, with how they came to.
fn owners(object: &Value, key: &str) -> Vec<String> {
    let entries = object["metadata"]["managedFields"].as_array().unwrap();
    let owning =
        entries.iter().filter(|e| e["fieldsV1"]["f:metadata"]["f:annotations"][format!("f:{key}")].is_object());
    owning.map(|e| format!("{} {}", e["manager"].as_str().unwrap(), e["operation"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn an_apply_takes_over_only_by_force() {
    let cluster = Cluster::new();
    cluster.annotate(ROLE_ANNOTATION, "old").await;
    let wanted = account(&json!({ ROLE_ANNOTATION: ROLE }));
    let (status, refusal) = cluster.patch(&path("cni-plan", false), APPLY, &wanted).await;
    assert_eq!(status, 409);
    assert_eq!(
        refusal["message"],
        "Apply failed with 1 conflict: conflict with \"kubectl-annotate\" using v1: \
         .metadata.annotations.eks.amazonaws.com/role-arn"
    );
    let (status, taken) = cluster.patch(&path("cni-plan", true), APPLY, &wanted).await;
    assert_eq!((status, owners(&taken, ROLE_ANNOTATION)), (200, vec!["cni-plan Apply".to_owned()]));
    let again = cluster.patch(&path("cni-plan", false), APPLY, &wanted).await;
    assert_eq!(again, (200, taken), "applying again changes nothing, not even the revision");

    cluster.annotate(ROLE_ANNOTATION, "theirs").await;
    let live = cluster.api.object("serviceaccounts", NAMESPACE, "aws-node").unwrap();
    assert_eq!(owners(&live, ROLE_ANNOTATION), ["kubectl-annotate Update"]);
}

#[tokio::test]
async fn an_apply_lets_go_of_what_it_no_longer_says() {
    let cluster = Cluster::new();
    cluster.annotate("other", "1").await;
    let both = json!({ ROLE_ANNOTATION: ROLE, "eks.amazonaws.com/sts-regional-endpoints": "true" });
    cluster.patch(&path("cni-plan", false), APPLY, &account(&both)).await;
    let (_, one) = cluster.patch(&path("cni-plan", false), APPLY, &account(&json!({ ROLE_ANNOTATION: ROLE }))).await;
    assert_eq!(one["metadata"]["annotations"], json!({ ROLE_ANNOTATION: ROLE, "other": "1" }));
    let mut nothing = account(&json!({}));
    nothing["metadata"].as_object_mut().unwrap().remove("annotations");
    let (_, none) = cluster.patch(&path("cni-plan", false), APPLY, &nothing).await;
    assert_eq!(none["metadata"]["annotations"], json!({ "other": "1" }));
    assert_eq!(none["metadata"]["labels"]["k8s-app"], "aws-node");
}

#[tokio::test]
async fn an_apply_creates_what_is_absent() {
    let cluster = Cluster::new();
    let path = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/lock?fieldManager=cni-plan";
    let yaml =
        "apiVersion: coordination.k8s.io/v1\nkind: Lease\nmetadata:\n  name: lock\nspec:\n  holderIdentity: me\n";
    let (status, lease) = cluster.send("PATCH", path, APPLY, yaml).await;
    assert_eq!((status, &lease["spec"]["holderIdentity"]), (201, &json!("me")));
    assert_eq!(lease["metadata"]["managedFields"][0]["fieldsV1"], json!({ "f:spec": { "f:holderIdentity": {} } }));
    let (status, refusal) = cluster.send("PATCH", path.split('?').next().unwrap(), APPLY, yaml).await;
    assert_eq!((status, &refusal["details"]["causes"][0]["field"]), (422, &json!("fieldManager")));
}

#[tokio::test]
async fn the_user_agent_owns_where_no_manager_is_named() {
    let cluster = Cluster::new();
    let body = json!({ "metadata": { "annotations": { "a": "1" } } });
    let (_, object) = cluster.patch(&format!("{SYSTEM}/serviceaccounts/aws-node"), MERGE, &body).await;
    assert_eq!(owners(&object, "a"), ["tester Update"]);
}

#[tokio::test]
async fn the_status_has_owners_of_its_own() {
    let cluster = Cluster::new();
    let pod = cluster.pods()[&node(1)].clone();
    let entries = pod["metadata"]["managedFields"].as_array().unwrap();
    let managers: Vec<(&str, Option<&str>)> =
        entries.iter().map(|e| (e["manager"].as_str().unwrap(), e["subresource"].as_str())).collect();
    assert_eq!(managers, [("kube-controller-manager", None), ("kubelet", Some("status"))]);
    let path = format!("{SYSTEM}/pods/{}", name_of(&pod));
    let patch = json!({ "status": { "phase": "Failed" } });
    assert_eq!(cluster.patch(&path, MERGE, &patch).await.1["status"]["phase"], "Running");
    assert_eq!(cluster.patch(&format!("{path}/status"), MERGE, &patch).await.1["status"]["phase"], "Failed");
}

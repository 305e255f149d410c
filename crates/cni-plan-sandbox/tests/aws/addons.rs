//! EKS add-ons: accepted now, over later, and what they do to the plugin's service account.

use std::time::{Duration, Instant};

use cni_plan_sandbox::{AddonSeed, ClusterSeed, Options, Sandbox};
use serde_json::{Value, json};

use crate::client::Client;

const ADDON: &str = "/clusters/c/addons/vpc-cni";
const ACCOUNT: &str = "/k8s/us-west-2/c/api/v1/namespaces/kube-system/serviceaccounts/aws-node";
const ROLE: &str = "arn:aws:iam::111122223333:role/plugin";
const OTHER: &str = "arn:aws:iam::111122223333:role/other";
const KEY: &str = "eks.amazonaws.com/role-arn";

async fn with_addon() -> (Sandbox, Client) {
    let options = Options { addon_update_takes: Duration::from_millis(60), ..Options::default() };
    let sandbox = Sandbox::start(options).await.unwrap();
    let seed = ClusterSeed { addon: Some(AddonSeed::default()), ..ClusterSeed::new("c") };
    sandbox.ensure_cluster(&seed).unwrap();
    let client = Client::of(&sandbox);
    (sandbox, client)
}

/// Begins an update and waits for its end.
fn update(client: &Client, body: &Value) -> Value {
    let begun = client.eks_with("POST", &format!("{ADDON}/update"), body).expect_ok().json();
    assert_eq!((&begun["update"]["status"], &begun["update"]["type"]), (&json!("InProgress"), &json!("AddonUpdate")));
    let id = begun["update"]["id"].as_str().unwrap();
    let path = format!("/clusters/c/updates/{id}?addonName=vpc-cni");
    until(|| {
        let update = client.eks(&path).expect_ok().json()["update"].clone();
        (update["status"] != "InProgress").then_some(update)
    })
}

/// Looks again and again until there is something to see.
#[track_caller]
pub(crate) fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "it never came");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn addon(client: &Client) -> Value {
    client.eks(ADDON).expect_ok().json()["addon"].clone()
}

fn annotations(client: &Client) -> Value {
    client.eks(ACCOUNT).expect_ok().json()["metadata"]["annotations"].clone()
}

fn annotate(client: &Client, annotations: &Value) {
    let patch = json!({ "metadata": { "annotations": annotations } }).to_string();
    let path = format!("{ACCOUNT}?fieldManager=kubectl-annotate");
    client.send("PATCH", &path, "", "application/merge-patch+json", &patch).unwrap().expect_ok();
}

fn pod_ids(sandbox: &Sandbox) -> Vec<Value> {
    let state = sandbox.state();
    let pods = state["clusters"]["us-west-2/c"]["kubernetes"]["pods"].as_array().unwrap().clone();
    pods.iter().map(|pod| pod["metadata"]["uid"].clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_is_accepted_then_over_and_sets_the_role_without_touching_pods() {
    let (sandbox, client) = with_addon().await;
    let pods = pod_ids(&sandbox);
    annotate(&client, &json!({ "example.com/owner": "me" }));
    let before = addon(&client);
    assert_eq!((&before["status"], &before["addonVersion"]), (&json!("ACTIVE"), &json!("v1.23.1-eksbuild.1")));
    assert!(before.get("serviceAccountRoleArn").is_none() && before.get("podIdentityAssociations").is_none());
    let over = update(&client, &json!({ "serviceAccountRoleArn": ROLE, "resolveConflicts": "NONE" }));
    assert_eq!((&over["status"], &over["errors"]), (&json!("Successful"), &json!([])));
    assert_eq!(over["params"][0], json!({ "type": "ServiceAccountRoleArn", "value": ROLE }));
    let after = addon(&client);
    assert_eq!((&after["status"], &after["serviceAccountRoleArn"]), (&json!("ACTIVE"), &json!(ROLE)));
    assert_eq!(annotations(&client), json!({ KEY: ROLE, "example.com/owner": "me" }));
    assert_eq!(pod_ids(&sandbox), pods);
    let account = client.eks(ACCOUNT).json();
    let managed = account["metadata"]["managedFields"].as_array().unwrap();
    let by_eks = managed.iter().find(|entry| entry["manager"] == "eks" && entry["operation"] == "Apply").unwrap();
    assert!(by_eks["fieldsV1"]["f:metadata"]["f:annotations"][format!("f:{KEY}")].is_object());
    assert_eq!(client.eks("/clusters/c/updates").json()["updateIds"], json!([]));
    assert_eq!(client.eks("/clusters/c/updates?addonName=vpc-cni").json()["updateIds"], json!([over["id"]]));
    assert_eq!(client.eks(&format!("/clusters/c/updates/{}", over["id"].as_str().unwrap())).status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_is_not_sent_stays_and_cannot_be_taken_off() {
    let (_sandbox, client) = with_addon().await;
    update(&client, &json!({ "serviceAccountRoleArn": ROLE }));
    annotate(&client, &json!({ KEY: null }));
    update(&client, &json!({ "addonVersion": "v1.23.1-eksbuild.1", "podIdentityAssociations": null }));
    assert_eq!(addon(&client)["serviceAccountRoleArn"], ROLE);
    assert_eq!(annotations(&client)[KEY], ROLE, "its own field is set back");
    let empty = client.eks_with("POST", &format!("{ADDON}/update"), &json!({ "serviceAccountRoleArn": "" }));
    assert_eq!(empty.eks_refusal(), (400, "invalidparameterexception".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_have_set_is_a_conflict_or_overwritten_or_preserved() {
    for (mode, status, role) in
        [("NONE", "Failed", OTHER), ("PRESERVE", "Successful", OTHER), ("OVERWRITE", "Successful", ROLE)]
    {
        let (_sandbox, client) = with_addon().await;
        annotate(&client, &json!({ KEY: OTHER, "example.com/owner": "me" }));
        let over = update(&client, &json!({ "serviceAccountRoleArn": ROLE, "resolveConflicts": mode }));
        assert_eq!(over["status"], status, "{mode}: {over}");
        assert_eq!(annotations(&client), json!({ KEY: role, "example.com/owner": "me" }), "{mode}");
        let addon = addon(&client);
        if status == "Failed" {
            assert_eq!(over["errors"][0]["errorCode"], "ConfigurationConflict");
            assert!(over["errors"][0]["errorMessage"].as_str().unwrap().contains(KEY), "{over}");
            assert_eq!((&addon["status"], addon.get("serviceAccountRoleArn")), (&json!("UPDATE_FAILED"), None));
            assert_eq!(addon["health"]["issues"][0]["code"], "ConfigurationConflict");
        } else {
            assert_eq!((&addon["status"], &addon["serviceAccountRoleArn"]), (&json!("ACTIVE"), &json!(ROLE)));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_annotation_alone_is_lost_at_the_next_update() {
    let (_sandbox, client) = with_addon().await;
    annotate(&client, &json!({ KEY: OTHER }));
    update(&client, &json!({ "resolveConflicts": "OVERWRITE" }));
    assert!(annotations(&client)[KEY].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_update_at_a_time_and_the_same_token_begins_it_once() {
    let (_sandbox, client) = with_addon().await;
    let path = format!("{ADDON}/update");
    let body = json!({ "serviceAccountRoleArn": ROLE, "clientRequestToken": "t" });
    let first = client.eks_with("POST", &path, &body).expect_ok().json();
    assert_eq!(client.eks_with("POST", &path, &body).expect_ok().json()["update"]["id"], first["update"]["id"]);
    let busy = client.eks_with("POST", &path, &json!({}));
    assert_eq!(busy.eks_refusal(), (409, "resourceinuseexception".to_owned()));
    assert_eq!(addon(&client)["status"], "UPDATING");
    until(|| (addon(&client)["status"] == "ACTIVE").then_some(()));
    client.eks_with("POST", &path, &json!({})).expect_ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_lets_an_update_be_accepted_and_fail() {
    let (sandbox, client) = with_addon().await;
    sandbox.add_fault("eks:UpdateAddon=FailLaterx1".parse().unwrap());
    let over = update(&client, &json!({ "serviceAccountRoleArn": ROLE }));
    assert_eq!(
        (&over["status"], &over["errors"][0]["errorCode"]),
        (&json!("Failed"), &json!("AdmissionRequestDenied"))
    );
    assert_eq!(addon(&client)["status"], "UPDATE_FAILED");
    assert!(annotations(&client)[KEY].is_null());
    assert_eq!(update(&client, &json!({ "serviceAccountRoleArn": ROLE }))["status"], "Successful");
    assert_eq!(addon(&client)["health"]["issues"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_will_not_do_is_refused_before_anything_begins() {
    let (_sandbox, client) = with_addon().await;
    for body in [
        json!({ "addonVersion": "v9.9.9-eksbuild.1" }),
        json!({ "resolveConflicts": "MAYBE" }),
        json!({ "serviceAccountRoleArn": "plugin" }),
        json!({ "serviceAccountRoleArn": "arn:aws:iam::444455556666:role/plugin" }),
        json!({ "configurationValues": "[" }),
        json!({ "podIdentityAssociations": [{ "serviceAccount": "aws-node" }] }),
    ] {
        let refused = client.eks_with("POST", &format!("{ADDON}/update"), &body);
        assert_eq!(refused.eks_refusal(), (400, "invalidparameterexception".to_owned()), "{body}");
    }
    let absent = client.eks_with("POST", "/clusters/c/addons/coredns/update", &json!({}));
    assert_eq!(absent.eks_refusal(), (404, "resourcenotfoundexception".to_owned()));
    assert_eq!(addon(&client)["status"], "ACTIVE");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_add_on_brings_associations_and_takes_them_away() {
    let (_sandbox, client) = with_addon().await;
    let list = || client.eks("/clusters/c/pod-identity-associations").expect_ok().json()["associations"].clone();
    let wanted = json!([{ "serviceAccount": "aws-node", "roleArn": ROLE }]);
    update(&client, &json!({ "podIdentityAssociations": wanted }));
    let owned = list();
    assert_eq!(addon(&client)["podIdentityAssociations"], json!([owned[0]["associationArn"]]));
    assert_eq!(owned[0]["ownerArn"], addon(&client)["addonArn"]);
    let path = format!("/clusters/c/pod-identity-associations/{}", owned[0]["associationId"].as_str().unwrap());
    assert_eq!(client.eks_with("DELETE", &path, &json!({})).eks_refusal(), (400, "invalidrequestexception".to_owned()));
    update(&client, &json!({}));
    assert_eq!(list(), owned);
    update(&client, &json!({ "podIdentityAssociations": [] }));
    assert_eq!(list(), json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_add_on_is_created_and_deleted_with_or_without_what_it_installed() {
    let (_sandbox, client) = with_addon().await;
    let gone = || until(|| (client.eks(ADDON).status == 404).then_some(()));
    let deleted = client.eks_with("DELETE", &format!("{ADDON}?preserve=true"), &json!({})).expect_ok().json();
    assert_eq!(deleted["addon"]["status"], "DELETING");
    gone();
    assert_eq!(client.eks(ACCOUNT).status, 200);
    let body = json!({ "addonName": "vpc-cni", "serviceAccountRoleArn": ROLE, "resolveConflicts": "OVERWRITE" });
    let created = client.eks_with("POST", "/clusters/c/addons", &body).expect_ok().json();
    assert_eq!(created["addon"]["status"], "CREATING");
    assert_eq!(client.eks_with("POST", "/clusters/c/addons", &body).status, 409);
    until(|| (addon(&client)["status"] == "ACTIVE").then_some(()));
    assert_eq!(annotations(&client)[KEY], ROLE);
    client.eks_with("DELETE", ADDON, &json!({})).expect_ok();
    gone();
    assert_eq!(client.eks(ACCOUNT).status, 404);
    let versions = client.eks("/addons/supported-versions?addonName=vpc-cni").expect_ok().json();
    assert_eq!(versions["addons"][0]["addonVersions"][0]["addonVersion"], "v1.23.1-eksbuild.1");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_on_its_way_is_over_in_the_next_process() {
    let folder = tempfile::tempdir().unwrap();
    let options = |takes: u64| Options {
        store: Some(folder.path().to_owned()),
        addon_update_takes: Duration::from_millis(takes),
        ..Options::default()
    };
    let first = Sandbox::start(options(300)).await.unwrap();
    let seed = ClusterSeed { addon: Some(AddonSeed::default()), ..ClusterSeed::new("c") };
    first.ensure_cluster(&seed).unwrap();
    let body = json!({ "serviceAccountRoleArn": ROLE });
    Client::of(&first).eks_with("POST", &format!("{ADDON}/update"), &body).expect_ok();
    drop(first);
    let second = Sandbox::start(options(300)).await.unwrap();
    let client = Client::of(&second);
    until(|| (addon(&client)["status"] == "ACTIVE").then_some(()));
    assert_eq!(annotations(&client)[KEY], ROLE);
}

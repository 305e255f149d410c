//! The scenarios of other kinds of clusters, by what is particular to each.

use cni_plan_sandbox::{Options, Sandbox};
use serde_json::{Value, json};

use crate::addons::until;
use crate::client::Client;

const PODS: &str = "/k8s/us-west-2/my-cluster/api/v1/namespaces/kube-system/pods";
const ROLE: &str = "AmazonEKSVPCCNIRole-my-cluster";

async fn start(name: &str) -> (Sandbox, Client) {
    let sandbox = Sandbox::start(Options { scenario: Some(name.to_owned()), ..Options::default() }).await.unwrap();
    let client = Client::of(&sandbox);
    (sandbox, client)
}

fn variable(pod: &Value, name: &str) -> Option<String> {
    let env = pod["spec"]["containers"][0]["env"].as_array().unwrap();
    env.iter().find(|one| one["name"] == name)?["value"].as_str().map(str::to_owned)
}

/// Annotates the service account, has every pod replaced, and waits for the first complaint of a new one.
fn complaint_on_own_role(client: &Client) -> String {
    let annotation = json!({ "eks.amazonaws.com/role-arn": format!("arn:aws:iam::111122223333:role/{ROLE}") });
    let patch = json!({ "metadata": { "annotations": annotation } }).to_string();
    let account = "/k8s/us-west-2/my-cluster/api/v1/namespaces/kube-system/serviceaccounts/aws-node";
    client.send("PATCH", account, "", "application/merge-patch+json", &patch).unwrap().expect_ok();
    client.send("DELETE", &format!("{PODS}?gracePeriodSeconds=0"), "", "", "").unwrap().expect_ok();
    until(|| {
        let events = client.eks("/k8s/us-west-2/my-cluster/api/v1/namespaces/kube-system/events").json();
        events["items"][0]["message"].as_str().map(str::to_owned)
    })
}

fn create_plugin_role(client: &Client, sandbox: &Sandbox, policy: &str) {
    let issuer = &sandbox.state()["clusters"]["us-west-2/my-cluster"]["eks"]["issuer"];
    let issuer = issuer.as_str().unwrap().trim_start_matches("https://").to_owned();
    let trust = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
        "Principal": { "Federated": format!("arn:aws:iam::111122223333:oidc-provider/{issuer}") },
        "Condition": { "StringEquals": { format!("{issuer}:aud"): "sts.amazonaws.com" } },
    }] });
    let parameters = [("RoleName", ROLE), ("AssumeRolePolicyDocument", &trust.to_string())];
    client.iam("CreateRole", &parameters).expect_ok();
    client.iam("AttachRolePolicy", &[("RoleName", ROLE), ("PolicyArn", policy)]).expect_ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_add_on_s_objects_are_eks_s_and_its_images_its_own_builds() {
    let (_sandbox, client) = start("managed-addon-with-role").await;
    let addon = client.eks("/clusters/my-cluster/addons/vpc-cni").expect_ok().json();
    assert_eq!(addon["addon"]["serviceAccountRoleArn"], format!("arn:aws:iam::111122223333:role/{ROLE}"));
    let set = client.eks("/k8s/us-west-2/my-cluster/apis/apps/v1/namespaces/kube-system/daemonsets/aws-node").json();
    assert_eq!(set["metadata"]["managedFields"][0]["manager"], "eks");
    assert_eq!(set["metadata"]["labels"]["app.kubernetes.io/version"], "v1.23.1");
    let image = set["spec"]["template"]["spec"]["containers"][0]["image"].as_str().unwrap();
    assert!(image.ends_with("/amazon-k8s-cni:v1.23.1-eksbuild.1"), "{image}");
    let update = json!({ "addonVersion": "v1.22.1-eksbuild.1", "resolveConflicts": "OVERWRITE" });
    client.eks_with("POST", "/clusters/my-cluster/addons/vpc-cni/update", &update).expect_ok();
    until(|| {
        let pods = client.eks(PODS).json();
        let new =
            |pod: &Value| pod["spec"]["containers"][0]["image"].as_str().unwrap().ends_with(":v1.22.1-eksbuild.1");
        pods["items"].as_array().unwrap().iter().any(new).then_some(())
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn pod_identity_s_pods_carry_the_agent_s_address() {
    let (_sandbox, client) = start("pod-identity").await;
    let pods = client.eks(PODS).json();
    let uri = variable(&pods["items"][0], "AWS_CONTAINER_CREDENTIALS_FULL_URI");
    assert_eq!(uri.as_deref(), Some("http://169.254.170.23/v1/credentials"));
    let listed = client.eks("/clusters/my-cluster/pod-identity-associations").json();
    assert_eq!(listed["associations"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_small_policy_is_found_out_on_a_role_that_has_no_other() {
    let (sandbox, client) = start("small-policy").await;
    create_plugin_role(&client, &sandbox, "arn:aws:iam::111122223333:policy/AmazonEKS_CNI_IPv6_Policy");
    assert!(complaint_on_own_role(&client).ends_with("may not call ec2:DescribeSubnets"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_cluster_s_pods_reach_no_sts_while_callers_do() {
    let (sandbox, client) = start("private-sts").await;
    create_plugin_role(&client, &sandbox, "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy");
    let config = client.eks("/clusters/my-cluster").json()["cluster"]["resourcesVpcConfig"].clone();
    assert_eq!((&config["endpointPublicAccess"], &config["endpointPrivateAccess"]), (&json!(false), &json!(true)));
    assert_eq!(complaint_on_own_role(&client), "cannot reach https://sts.us-west-2.amazonaws.com: i/o timeout");
    client.sts("GetCallerIdentity", &[]).expect_ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_issuer_lets_the_new_cluster_s_pods_not_in() {
    let (_sandbox, client) = start("stale-issuer").await;
    assert_eq!(client.iam("ListOpenIDConnectProviders", &[]).elements("Arn").len(), 2);
    assert!(complaint_on_own_role(&client).ends_with("does not let in system:serviceaccount:kube-system:aws-node"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_role_is_shared_beyond_the_region() {
    let (sandbox, _client) = start("shared-outside").await;
    let state = sandbox.state();
    let clusters = state["clusters"].as_object().unwrap();
    assert_eq!(
        clusters.keys().collect::<Vec<_>>(),
        ["eu-west-1/analytics", "us-west-2/legacy", "us-west-2/my-cluster"]
    );
    for cluster in clusters.values() {
        let role = &cluster["eks"]["nodegroups"]["workers"]["nodeRole"];
        assert_eq!(role, "arn:aws:iam::111122223333:role/AmazonEKSNodeRole");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn windows_nodes_are_said_to_be_so() {
    let (_sandbox, client) = start("windows").await;
    let map = client.eks("/k8s/us-west-2/my-cluster/api/v1/namespaces/kube-system/configmaps/amazon-vpc-cni").json();
    assert_eq!(map["data"]["enable-windows-ipam"], "true");
    let nodes = client.eks("/k8s/us-west-2/my-cluster/api/v1/nodes?labelSelector=kubernetes.io/os=windows").json();
    assert_eq!(nodes["items"].as_array().unwrap().len(), 2);
}

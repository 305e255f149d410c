//! Pod Identity: associations over the wire, and pods that live by them.

use cni_plan_sandbox::{ClusterSeed, Options, Sandbox};
use serde_json::{Value, json};

use crate::addons::until;
use crate::client::Client;

const ASSOCIATIONS: &str = "/clusters/c/pod-identity-associations";
const ROLE: &str = "arn:aws:iam::111122223333:role/plugin";
const PODS: &str = "/k8s/us-west-2/c/api/v1/namespaces/kube-system/pods";
const EVENTS: &str = "/k8s/us-west-2/c/api/v1/namespaces/kube-system/events";
const CNI: &str = "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy";

fn trust(actions: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Service":"pods.eks.amazonaws.com"}},"Action":{actions},"Condition":{{"StringEquals":{{"aws:SourceAccount":"111122223333"}}}}}}]}}"#
    )
}

async fn start(agent: bool) -> (Sandbox, Client) {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let seed = ClusterSeed { nodes: 1, pod_identity_agent: agent, ..ClusterSeed::new("c") };
    sandbox.ensure_cluster(&seed).unwrap();
    let client = Client::of(&sandbox);
    (sandbox, client)
}

fn associate(client: &Client) -> Value {
    let body = json!({ "namespace": "kube-system", "serviceAccount": "aws-node", "roleArn": ROLE });
    client.eks_with("POST", ASSOCIATIONS, &body).expect_ok().json()["association"].clone()
}

/// Deletes the one pod, and says how the next one fares.
fn reborn(client: &Client) -> Result<Value, String> {
    let old = client.eks(PODS).json()["items"][0]["metadata"]["uid"].clone();
    client.send("DELETE", &format!("{PODS}?gracePeriodSeconds=0"), "", "", "").unwrap().expect_ok();
    until(|| {
        let pod = client.eks(PODS).json()["items"][0].clone();
        let uid = &pod["metadata"]["uid"];
        let events = client.eks(EVENTS).json()["items"].as_array().unwrap().clone();
        let conditions = pod["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let ready = conditions.iter().any(|one| one["type"] == "Ready" && one["status"] == "True");
        match events.iter().find(|event| event["involvedObject"]["uid"] == *uid) {
            _ if *uid == old || uid.is_null() => None,
            Some(event) => {
                assert_eq!(event["reason"], "MissingIAMPermissions");
                Some(Err(event["message"].as_str().unwrap().to_owned()))
            }
            None => ready.then_some(Ok(pod)),
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_association_is_made_listed_changed_and_deleted() {
    let (_sandbox, client) = start(true).await;
    let made = associate(&client);
    let id = made["associationId"].as_str().unwrap();
    assert!(id.starts_with("a-") && id.len() == 19, "{id}");
    assert!(made["associationArn"].as_str().unwrap().ends_with(&format!(":podidentityassociation/c/{id}")));
    let again = json!({ "namespace": "kube-system", "serviceAccount": "aws-node", "roleArn": ROLE });
    assert_eq!(client.eks_with("POST", ASSOCIATIONS, &again).eks_refusal(), (409, "resourceinuseexception".to_owned()));
    let listed = |query: &str| client.eks(&format!("{ASSOCIATIONS}{query}")).expect_ok().json()["associations"].clone();
    assert_eq!(listed("?namespace=kube-system&serviceAccount=aws-node").as_array().unwrap().len(), 1);
    assert_eq!(listed("?serviceAccount=other"), json!([]));
    assert!(listed("")[0].get("roleArn").is_none(), "a summary does not name the role");
    let path = format!("{ASSOCIATIONS}/{id}");
    let other = "arn:aws:iam::111122223333:role/other";
    let changed = client.eks_with("POST", &path, &json!({ "roleArn": other })).expect_ok().json();
    assert_eq!(changed["association"]["roleArn"], other);
    assert_eq!(client.eks(&path).expect_ok().json()["association"]["roleArn"], other);
    client.eks_with("DELETE", &path, &json!({})).expect_ok();
    assert_eq!(client.eks(&path).eks_refusal(), (404, "resourcenotfoundexception".to_owned()));
    let nameless = json!({ "namespace": "kube-system", "serviceAccount": "", "roleArn": ROLE });
    let refused = client.eks_with("POST", ASSOCIATIONS, &nameless);
    assert_eq!(refused.eks_refusal(), (400, "invalidparameterexception".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_lives_by_the_association_s_role_as_it_is() {
    let (_sandbox, client) = start(true).await;
    associate(&client);
    assert_eq!(reborn(&client).unwrap_err(), format!("no role {ROLE}"));
    let half = trust(r#""sts:AssumeRole""#);
    client.iam("CreateRole", &[("RoleName", "plugin"), ("AssumeRolePolicyDocument", &half)]).expect_ok();
    let complaint = reborn(&client).unwrap_err();
    assert!(complaint.ends_with("does not let pods.eks.amazonaws.com call sts:TagSession"), "{complaint}");
    let whole = trust(r#"["sts:AssumeRole","sts:TagSession"]"#);
    client.iam("UpdateAssumeRolePolicy", &[("RoleName", "plugin"), ("PolicyDocument", &whole)]).expect_ok();
    assert_eq!(reborn(&client).unwrap_err(), format!("{ROLE} may not call ec2:AssignPrivateIpAddresses"));
    client.iam("AttachRolePolicy", &[("RoleName", "plugin"), ("PolicyArn", CNI)]).expect_ok();
    client.iam("DetachRolePolicy", &[("RoleName", "AmazonEKSNodeRole"), ("PolicyArn", CNI)]).expect_ok();
    let pod = reborn(&client).unwrap();
    let env = pod["spec"]["containers"][0]["env"].as_array().unwrap();
    let variable = |name: &str| env.iter().find(|one| one["name"] == name).map(|one| one["value"].clone());
    assert_eq!(variable("AWS_CONTAINER_CREDENTIALS_FULL_URI"), Some(json!("http://169.254.170.23/v1/credentials")));
    assert_eq!(
        variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
        Some(json!("/var/run/secrets/pods.eks.amazonaws.com/serviceaccount/eks-pod-identity-token"))
    );
    assert_eq!(variable("AWS_ROLE_ARN"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_agent_or_the_node_s_leave_to_ask_it_there_are_no_credentials() {
    let (_sandbox, client) = start(false).await;
    associate(&client);
    assert!(reborn(&client).unwrap_err().contains("there is no add-on eks-pod-identity-agent"));
    client.eks_with("POST", "/clusters/c/addons", &json!({ "addonName": "eks-pod-identity-agent" })).expect_ok();
    until(|| {
        let agent = client.eks("/clusters/c/addons/eks-pod-identity-agent").json();
        (agent["addon"]["status"] == "ACTIVE").then_some(())
    });
    let whole = trust(r#"["sts:AssumeRole","sts:TagSession"]"#);
    client.iam("CreateRole", &[("RoleName", "plugin"), ("AssumeRolePolicyDocument", &whole)]).expect_ok();
    client.iam("AttachRolePolicy", &[("RoleName", "plugin"), ("PolicyArn", CNI)]).expect_ok();
    assert!(reborn(&client).is_ok());
    let worker = "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy";
    client.iam("DetachRolePolicy", &[("RoleName", "AmazonEKSNodeRole"), ("PolicyArn", worker)]).expect_ok();
    assert!(reborn(&client).unwrap_err().ends_with("may not call eks-auth:AssumeRoleForPodIdentity"));
}

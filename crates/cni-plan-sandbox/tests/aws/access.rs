//! Who may come to a cluster: access entries, and the ConfigMap that was there before them.

use cni_plan_sandbox::{AuthenticationMode, ClusterSeed, NodeKind, NodesSeed, Options, Sandbox};
use serde_json::{Value, json};

use crate::client::Client;

const NODE_ROLE: &str = "arn:aws:iam::111122223333:role/AmazonEKSNodeRole";
const ENTRIES: &str = "/clusters/c/access-entries";

async fn with(seed: ClusterSeed) -> (Sandbox, Client) {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    sandbox.ensure_cluster(&seed).unwrap();
    let client = Client::of(&sandbox);
    (sandbox, client)
}

fn nodes(kind: NodeKind, role: &str) -> NodesSeed {
    NodesSeed { kind, role: role.to_owned(), count: 1, in_config_map: false }
}

fn of_every_kind() -> Vec<NodesSeed> {
    vec![
        nodes(NodeKind::SelfManaged, "self"),
        nodes(NodeKind::Karpenter, "karpenter"),
        nodes(NodeKind::AutoMode, "auto"),
        nodes(NodeKind::Fargate, "fargate"),
        nodes(NodeKind::Hybrid, "hybrid"),
        nodes(NodeKind::Windows, "windows"),
    ]
}

fn path_of(principal: &str) -> String {
    format!("{ENTRIES}/{}", principal.replace(':', "%3A").replace('/', "%2F"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_node_has_its_entry_and_managed_groups_have_theirs() {
    let (_sandbox, client) = with(ClusterSeed { other_nodes: of_every_kind(), ..ClusterSeed::new("c") }).await;
    let mut found = Vec::new();
    let mut path = format!("{ENTRIES}?maxResults=3");
    loop {
        let page = client.eks(&path).expect_ok().json();
        found.extend(page["accessEntries"].as_array().unwrap().iter().map(|arn| arn.as_str().unwrap().to_owned()));
        let Some(token) = page["nextToken"].as_str() else { break };
        path = format!("{ENTRIES}?maxResults=3&nextToken={token}");
    }
    let types: Vec<(String, String)> = found
        .iter()
        .map(|arn| {
            let entry = client.eks(&path_of(arn)).expect_ok().json()["accessEntry"].clone();
            assert_eq!(entry["principalArn"], json!(arn));
            let name = arn.rsplit('/').next().unwrap().to_owned();
            (name, entry["type"].as_str().unwrap().to_owned())
        })
        .collect();
    let types: Vec<(&str, &str)> = types.iter().map(|(name, kind)| (name.as_str(), kind.as_str())).collect();
    assert_eq!(
        types,
        [
            ("AmazonEKSNodeRole", "EC2_LINUX"),
            ("auto", "EC2"),
            ("fargate", "FARGATE_LINUX"),
            ("hybrid", "HYBRID_LINUX"),
            ("karpenter", "EC2_LINUX"),
            ("self", "EC2_LINUX"),
            ("windows", "EC2_WINDOWS"),
            ("sandbox", "STANDARD"),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_of_the_config_map_alone_has_no_entries_and_a_map_of_every_node_role() {
    let seed = ClusterSeed {
        authentication_mode: AuthenticationMode::ConfigMap,
        other_nodes: vec![nodes(NodeKind::SelfManaged, "self"), nodes(NodeKind::Windows, "windows")],
        ..ClusterSeed::new("c")
    };
    let (_sandbox, client) = with(seed).await;
    for path in [ENTRIES, &path_of(NODE_ROLE)] {
        let refused = client.eks(path);
        assert_eq!(refused.eks_refusal(), (400, "invalidrequestexception".to_owned()));
        assert!(refused.body.contains("must be set to one of [API, API_AND_CONFIG_MAP]"), "{}", refused.body);
    }
    let cluster = client.eks("/clusters/c").expect_ok().json();
    assert_eq!(cluster["cluster"]["accessConfig"]["authenticationMode"], "CONFIG_MAP");
    let map = client.eks("/k8s/us-west-2/c/api/v1/namespaces/kube-system/configmaps/aws-auth").expect_ok().json();
    let roles = map["data"]["mapRoles"].as_str().unwrap();
    assert_eq!(roles.matches("rolearn: ").count(), 3, "{roles}");
    assert!(roles.contains(&format!("  rolearn: {NODE_ROLE}\n  username: system:node:{{{{EC2PrivateDNSName}}}}\n")));
    assert_eq!(roles.matches("eks:kube-proxy-windows").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_are_made_changed_and_deleted_and_refused_where_they_will_not_do() {
    let (_sandbox, client) = with(ClusterSeed::new("c")).await;
    let arn = "arn:aws:iam::111122223333:role/ops";
    let create = |body: &Value| client.eks_with("POST", ENTRIES, body);
    let made = create(&json!({ "principalArn": arn, "kubernetesGroups": ["viewers"] })).expect_ok().json();
    let entry = &made["accessEntry"];
    assert_eq!((&entry["type"], &entry["username"]), (&json!("STANDARD"), &json!(arn)));
    assert_eq!(create(&json!({ "principalArn": arn })).eks_refusal().0, 409);
    assert_eq!(create(&json!({ "principalArn": NODE_ROLE })).eks_refusal().0, 409, "its group has made it");
    let with_groups = json!({ "principalArn": "arn:aws:iam::111122223333:role/n", "type": "EC2_LINUX",
                              "kubernetesGroups": ["viewers"] });
    assert_eq!(create(&with_groups).eks_refusal(), (400, "invalidparameterexception".to_owned()));
    let update = |principal: &str, body: &Value| client.eks_with("POST", &path_of(principal), body);
    let renamed = update(arn, &json!({ "username": "ops" })).expect_ok().json()["accessEntry"].clone();
    assert_eq!((&renamed["username"], &renamed["kubernetesGroups"]), (&json!("ops"), &json!(["viewers"])));
    update(arn, &json!({ "kubernetesGroups": [] })).expect_ok();
    let emptied = client.eks(&path_of(arn)).expect_ok().json()["accessEntry"].clone();
    assert_eq!((&emptied["username"], &emptied["kubernetesGroups"]), (&json!("ops"), &json!([])));
    let of_group = update(NODE_ROLE, &json!({ "username": "ops" }));
    assert_eq!(of_group.eks_refusal(), (400, "invalidparameterexception".to_owned()));
    client.eks_with("DELETE", &path_of(arn), &json!({})).expect_ok();
    assert_eq!(update(arn, &json!({ "username": "ops" })).eks_refusal().0, 404);
    assert_eq!(client.eks(&path_of(arn)).eks_refusal(), (404, "resourcenotfoundexception".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_plugin_runs_on_the_nodes_it_is_for_and_finds_their_role() {
    let (sandbox, client) = with(ClusterSeed { other_nodes: of_every_kind(), ..ClusterSeed::new("c") }).await;
    let state = sandbox.state();
    let objects = &state["clusters"]["us-west-2/c"]["kubernetes"];
    assert_eq!(objects["nodes"].as_array().unwrap().len(), 9);
    let pods = objects["pods"].as_array().unwrap();
    assert_eq!(pods.len(), 5, "three managed, one self-managed, one of Karpenter's");
    client.send("DELETE", "/k8s/us-west-2/c/api/v1/namespaces/kube-system/pods", "", "", "").unwrap().expect_ok();
    crate::addons::until(|| {
        let state = sandbox.comparable_state();
        let pods = state["clusters"]["us-west-2/c"]["kubernetes"]["pods"].as_array().unwrap().clone();
        (pods.iter().filter(|pod| pod["ready"] == true).count() == 5 && sandbox_has_new(&sandbox, &objects["pods"]))
            .then_some(())
    });
    let described = client.eks("/clusters/c").expect_ok().json();
    assert_eq!(described["cluster"]["computeConfig"]["enabled"], true);
}

fn sandbox_has_new(sandbox: &Sandbox, old: &Value) -> bool {
    let state = sandbox.state();
    let now = state["clusters"]["us-west-2/c"]["kubernetes"]["pods"].as_array().unwrap().clone();
    let old: Vec<&Value> = old.as_array().unwrap().iter().map(|pod| &pod["metadata"]["uid"]).collect();
    now.iter().all(|pod| !old.contains(&&pod["metadata"]["uid"]))
}

//! EKS: descriptions, and the shape of its errors.

use cni_plan_sandbox::{ClusterSeed, IpFamily, Options, Sandbox};
use serde_json::{Value, json};

use crate::client::Client;

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_described_to_its_account_in_its_region_only() {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let seed = ClusterSeed { ip_family: IpFamily::Ipv6, ..ClusterSeed::new("six") };
    sandbox.ensure_cluster(&seed).unwrap();
    let answer = Client::of(&sandbox).eks("/clusters/six").expect_ok();
    let cluster = &serde_json::from_str::<Value>(&answer.body).unwrap()["cluster"];
    assert_eq!(cluster["kubernetesNetworkConfig"]["ipFamily"], "ipv6");
    assert_eq!(cluster["endpoint"], format!("{}/k8s/us-west-2/six", sandbox.url()));
    let stranger = Client::with_key(&sandbox, Some("SANDBOX444455556666"));
    assert_eq!(stranger.eks("/clusters/six").status, 404);
    assert_eq!(stranger.eks("/clusters").body, r#"{"clusters":[],"nextToken":null}"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_a_typed_error() {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    sandbox.ensure_cluster(&ClusterSeed::new("c")).unwrap();
    let client = Client::of(&sandbox);
    for path in ["/clusters/nope", "/clusters/c/addons/vpc-cni", "/clusters/c/node-groups/nope"] {
        let answer = client.eks(path);
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.head.contains("x-amzn-errortype: resourcenotfoundexception"), "{}", answer.head);
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        assert!(body["message"].as_str().is_some_and(|message| !message.is_empty()), "{body}");
    }
    assert_eq!(Client::with_key(&sandbox, None).eks("/clusters").status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn node_groups_page_and_name_their_role() {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let roles = ["a", "b", "c"].map(|name| format!("NodeRole-{name}"));
    sandbox.ensure_cluster(&ClusterSeed { node_roles: roles.to_vec(), ..ClusterSeed::new("c") }).unwrap();
    let client = Client::of(&sandbox);
    let page = |path: &str| -> Value { serde_json::from_str(&client.eks(path).expect_ok().body).unwrap() };
    let first = page("/clusters/c/node-groups?maxResults=2");
    assert_eq!(first["nodegroups"], json!(["workers", "workers-2"]));
    let token = first["nextToken"].as_str().unwrap();
    let second = page(&format!("/clusters/c/node-groups?maxResults=2&nextToken={token}"));
    assert_eq!(second, json!({ "nodegroups": ["workers-3"], "nextToken": null }));
    let group = page("/clusters/c/node-groups/workers-3");
    assert_eq!(group["nodegroup"]["nodeRole"], "arn:aws:iam::111122223333:role/NodeRole-c");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_token_is_checked_and_no_token_is_let_in() {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    sandbox.ensure_cluster(&ClusterSeed::new("c")).unwrap();
    let address = sandbox.url().trim_start_matches("http://").to_owned();
    let version = |authorization: &str| {
        use std::io::{Read, Write};
        let mut stream = std::net::TcpStream::connect(&address).unwrap();
        write!(stream, "GET /k8s/us-west-2/c/version HTTP/1.1\r\nhost: s\r\n{authorization}connection: close\r\n\r\n")
            .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text.split(' ').nth(1).unwrap().to_owned()
    };
    assert_eq!(version(""), "200");
    assert_eq!(version("authorization: Bearer k8s-aws-v1.bm90LWEtdXJs\r\n"), "401");
}

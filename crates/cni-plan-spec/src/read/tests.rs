//! What good specs come to mean.

use std::cell::Cell;
use std::time::Duration;

use cni_plan_core::{AssumeRole, IpFamily, KubernetesAccess, MaxUnavailable};

use super::*;
use crate::spec::{Addon, Identity, NodeRoles, OidcProvider};

fn read(text: &str) -> Spec {
    match parse("spec.yaml", text, &|path| panic!("{path} is read")) {
        Ok(spec) => spec,
        Err(diagnostics) => panic!("{diagnostics}"),
    }
}

/// The one cluster of a spec whose further keys are these.
fn cluster(keys: &str) -> ClusterSpec {
    let keys = keys.replace('\n', "\n    ");
    read(&format!("version: 1\nclusters:\n  - name: blue\n    {keys}\n")).clusters.remove(0)
}

#[test]
fn a_name_is_enough() {
    let cluster = cluster("");
    assert_eq!(cluster.name, "blue");
    assert_eq!((cluster.region, cluster.account, cluster.profile), (None, None, None));
    assert_eq!((cluster.assume_role, cluster.ip_family, cluster.kubernetes), (None, None, None));
    assert_eq!((cluster.addon, cluster.identity), (Addon::Auto, Identity::Irsa));
    assert_eq!(
        (cluster.service_account.namespace.as_str(), cluster.service_account.name.as_str()),
        ("kube-system", "aws-node")
    );
    assert_eq!(
        (cluster.role.name.to_string().as_str(), cluster.role.path.as_str()),
        ("AmazonEKSVPCCNIRole-{cluster}", "/")
    );
    assert_eq!((cluster.oidc_provider, cluster.sts_regional_endpoints), (OidcProvider::Require, None));
    assert_eq!(cluster.restart.canary, 1);
    assert_eq!(cluster.restart.max_unavailable, MaxUnavailable::Percent(10));
    assert_eq!((cluster.restart.timeout, cluster.restart.soak), (Duration::from_secs(300), Duration::ZERO));
    assert_eq!((cluster.node_roles, cluster.detach), (NodeRoles::Auto, true));
    assert_eq!(cluster.position, Position { line: 3, column: 11 });
}

#[test]
fn every_value_arrives() {
    let cluster = cluster(
        "region: us-gov-west-1\naccount: \"000011112222\"\nprofile: prod\nipFamily: ipv6\n\
         assumeRole: { arn: \"arn:aws-us-gov:iam::000011112222:role/x/cni\", externalId: id-1 }\n\
         kubernetes: { kubeconfig: ./k, context: c }\naddon: self-managed\nserviceAccount: { name: cni.node }\n\
         role: { name: \"r-{region}\", path: /a/b/, description: d, permissionsBoundary: \"arn:aws:iam::aws:policy/B\", tags: { a: \"\" } }\n\
         policy: { name: mine }\noidcProvider: create\nstsRegionalEndpoints: false\n\
         restart: { canary: 2, maxUnavailable: 3, timeout: 1m30s, soak: 250ms }\nnodeRoles: [n1, n2]\ndetach: false",
    );
    assert_eq!(cluster.account.as_deref(), Some("000011112222"));
    assert_eq!(cluster.ip_family, Some(IpFamily::Ipv6));
    let arn = "arn:aws-us-gov:iam::000011112222:role/x/cni".to_owned();
    assert_eq!(cluster.assume_role, Some(AssumeRole { arn, external_id: Some("id-1".to_owned()) }));
    let access = KubernetesAccess { kubeconfig: Some("./k".to_owned()), context: Some("c".to_owned()) };
    assert_eq!(cluster.kubernetes, Some(access));
    assert_eq!((cluster.addon, cluster.oidc_provider), (Addon::SelfManaged, OidcProvider::Create));
    assert_eq!(
        (cluster.service_account.namespace.as_str(), cluster.service_account.name.as_str()),
        ("kube-system", "cni.node")
    );
    assert_eq!((cluster.role.path.as_str(), cluster.role.description.as_deref()), ("/a/b/", Some("d")));
    assert_eq!(cluster.role.permissions_boundary.as_deref(), Some("arn:aws:iam::aws:policy/B"));
    assert_eq!(cluster.role.tags.get("a").map(String::as_str), Some(""));
    assert_eq!((cluster.policy.name.as_deref(), cluster.policy.arn), (Some("mine"), None));
    assert_eq!(cluster.sts_regional_endpoints, Some(false));
    assert_eq!((cluster.restart.canary, cluster.restart.max_unavailable), (2, MaxUnavailable::Count(3)));
    assert_eq!((cluster.restart.timeout, cluster.restart.soak), (Duration::from_secs(90), Duration::from_millis(250)));
    assert_eq!(cluster.node_roles, NodeRoles::Named(vec!["n1".to_owned(), "n2".to_owned()]));
    assert!(!cluster.detach);
}

#[test]
fn an_external_id_may_stand_beside_the_role_to_assume() {
    let role = cluster("assumeRole: arn:aws:iam::111122223333:role/cni\nexternalId: id-1").assume_role.unwrap();
    assert_eq!((role.arn.as_str(), role.external_id.as_deref()), ("arn:aws:iam::111122223333:role/cni", Some("id-1")));
}

#[test]
fn defaults_reach_each_cluster_and_yield_to_it() {
    let spec = read(
        "version: 1\ndefaults:\n  region: us-west-2\n  externalId: id-1\n  nodeRoles: [a, b]\n  role: { path: /d/, tags: { team: x, stage: test } }\n\
         clusters:\n  - name: blue\n    assumeRole: arn:aws:iam::111122223333:role/cni\n\
         \x20 - name: green\n    region: eu-west-1\n    nodeRoles: [c]\n    role: { tags: { stage: prod } }\n    assumeRole: { arn: \"arn:aws:iam::111122223333:role/g\" }\n",
    );
    let [blue, green] = spec.clusters.as_slice() else { panic!("two clusters") };
    assert_eq!((blue.region.as_deref(), green.region.as_deref()), (Some("us-west-2"), Some("eu-west-1")));
    assert_eq!(blue.node_roles, NodeRoles::Named(vec!["a".to_owned(), "b".to_owned()]));
    assert_eq!(green.node_roles, NodeRoles::Named(vec!["c".to_owned()]));
    assert_eq!((green.role.path.as_str(), green.role.tags.len()), ("/d/", 2));
    assert_eq!(green.role.tags.get("stage").map(String::as_str), Some("prod"));
    assert!(spec.clusters.iter().all(|c| c.assume_role.as_ref().unwrap().external_id.as_deref() == Some("id-1")));
    assert_eq!(blue.position_of("region"), Position { line: 3, column: 11 });
    assert_eq!(green.position_of("region"), Position { line: 11, column: 13 });
    assert_eq!(green.position_of("account"), green.position);
}

#[test]
fn the_same_name_elsewhere_is_another_cluster() {
    let spec = read(
        "version: 1\nclusters:\n  - { name: a, region: us-west-2 }\n  - { name: a, region: us-west-1 }\n  - { name: a }\n\
         \x20 - { name: a, profile: prod }\n  - { name: a, account: \"111122223333\" }\n",
    );
    assert_eq!(spec.clusters.len(), 5);
}

#[test]
fn a_policy_document_is_read_once_and_given_to_each_that_names_it() {
    let reads = Cell::new(0);
    let document =
        "\u{feff}{\n\t\"Statement\": { \"Effect\": \"Allow\", \"Action\": \"ec2:*\", \"Resource\": \"\\u002a\" }\n}";
    let spec = parse(
        "spec.yaml",
        "version: 1\ndefaults: { policy: { name: mine, document: ./p.json } }\nclusters: [ { name: a }, { name: b } ]",
        &|path| {
            assert_eq!(path, "./p.json");
            reads.set(reads.get() + 1);
            Ok(document.to_owned())
        },
    );
    let spec = spec.unwrap();
    assert_eq!(reads.get(), 1);
    for cluster in &spec.clusters {
        let document = cluster.policy.document.as_ref().unwrap();
        assert_eq!((document.file.as_str(), &document.document["Statement"]["Resource"]), ("./p.json", &"*".into()));
    }
}

#[test]
fn a_thousand_clusters_with_a_mistake_each_are_counted_not_shown() {
    let clusters: String = (0..1000).map(|number| format!("  - {{ name: c{number}, regin: x }}\n")).collect();
    let diagnostics =
        parse("spec.yaml", &format!("version: 1\nclusters:\n{clusters}"), &|_| unreachable!()).unwrap_err();
    assert_eq!(diagnostics.len(), 1000);
    assert!(diagnostics.render(false).ends_with("\nerror: and 900 more problems\n"));
}

//! The specs that people start from are good specs, and say what their comments claim.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::fs;
use std::path::{Path, PathBuf};

use cni_plan_spec::{Addon, NodeRoles, OidcProvider, Spec, parse};

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

fn example(name: &str) -> Spec {
    let text = fs::read_to_string(examples().join(name)).unwrap();
    match parse(name, &text, &|path| fs::read_to_string(examples().join(path))) {
        Ok(spec) => spec,
        Err(diagnostics) => panic!("{diagnostics}"),
    }
}

#[test]
fn every_example_is_a_good_spec() {
    let mut names: Vec<String> = fs::read_dir(examples())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".yaml"))
        .collect();
    names.sort();
    for known in ["every-key.yaml", "ipv4.yaml", "ipv6.yaml", "quickstart.yaml", "two-clusters.yaml"] {
        assert!(names.iter().any(|name| name == known), "{known} is missing");
    }
    for name in &names {
        assert!(!example(name).clusters.is_empty(), "{name}");
    }
}

#[test]
fn the_quickstart_is_one_cluster_in_five_lines_and_leaves_the_rest_to_defaults() {
    let text = fs::read_to_string(examples().join("quickstart.yaml")).unwrap();
    assert_eq!(text.lines().count(), 5);
    let spec = example("quickstart.yaml");
    let [cluster] = spec.clusters.as_slice() else { panic!("one cluster") };
    assert_eq!((cluster.name.as_str(), cluster.region.as_deref()), ("my-cluster", Some("us-west-2")));
    assert_eq!(cluster.role.name.to_string(), "AmazonEKSVPCCNIRole-{cluster}");
    assert_eq!((cluster.addon, cluster.oidc_provider), (Addon::Auto, OidcProvider::Require));
    assert_eq!((&cluster.node_roles, cluster.detach), (&NodeRoles::Auto, true));
    assert_eq!(cluster.restart.max_unavailable.to_string(), "10%");
}

#[test]
fn two_clusters_share_defaults_and_join_their_tags() {
    let spec = example("two-clusters.yaml");
    let [blue, green] = spec.clusters.as_slice() else { panic!("two clusters") };
    assert_eq!(blue.role.tags.keys().collect::<Vec<_>>(), ["team"]);
    assert_eq!(green.role.tags.keys().collect::<Vec<_>>(), ["stage", "team"]);
    assert_eq!(green.restart.max_unavailable.to_string(), "1");
    assert_eq!(green.restart.canary, blue.restart.canary);
}

/// Every key that a cluster knows, as its error message lists them, is shown in every-key.yaml.
#[test]
fn every_key_shows_every_key() {
    let text = fs::read_to_string(examples().join("every-key.yaml")).unwrap();
    for unknown in [
        "x-unknown: 1",
        "role: { x-unknown: 1 }",
        "policy: { x-unknown: 1 }",
        "kubernetes: { x-unknown: 1 }",
        "serviceAccount: { x-unknown: 1 }",
        "restart: { x-unknown: 1 }",
    ] {
        let spec = format!("version: 1\nclusters:\n  - name: a\n    {unknown}\n");
        let message = parse("x", &spec, &|_| unreachable!("no document is named")).unwrap_err().render(false);
        let (_, keys) = message.split_once("allowed here: ").unwrap();
        for key in keys.lines().next().unwrap().split(", ") {
            assert!(text.contains(&format!("{key}:")), "{key} is not in every-key.yaml");
        }
    }
}

//! The page for a browser, as far as it shows without one; `tests/browser` has what a browser says of it.

use cni_plan_core::{ChangeSet, diff, hazards, prove};

use super::fixture::World;
use super::fleet::{self, Fleet};
use crate::plan_html;

const ROLE: &str = "AmazonEKSVPCCNIRole";

pub(super) fn fleet_of(clusters: usize) -> ChangeSet {
    let fleet = Fleet::of(clusters);
    let graph = fleet.compiled();
    let observed = fleet::observed(&graph);
    let diff = diff(graph, observed).unwrap();
    let header = fleet.header();
    let mut findings = diff.findings;
    findings.extend(hazards(&header, &diff.changes));
    ChangeSet { header, findings, safety: prove(&diff.changes), changes: diff.changes }
}

#[test]
fn temp_pages() {
    let Ok(folder) = std::env::var("PAGES") else { return };
    let write = |name: &str, plan: &ChangeSet| std::fs::write(format!("{folder}/{name}.html"), plan_html(plan)).unwrap();
    write("one", &World::new("ipv4.yaml").with_ipv4("my-cluster", ROLE).planned());
    write("six", &World::new("ipv6.yaml").with_ipv6("my-cluster", ROLE).planned());
    write("two", &World::new("two-clusters.yaml").with_ipv4("blue", "cni-blue").with_ipv6("green", "cni-green").planned());
    let mut bad = World::new("ipv4.yaml").with_ipv4("my-cluster", ROLE).planned();
    for change in &mut bad.changes {
        if change.address.as_str().contains("/annotate/") {
            change.depends_on.clear();
        }
    }
    bad.safety = prove(&bad.changes);
    write("unsafe", &bad);
    let refused = World::new("ipv4.yaml").with_ipv4("my-cluster", ROLE).found("my-cluster/oidc-provider", None).found(
            "my-cluster/annotate/kube-system/aws-node",
            Some(super::fixture::service_account(Some((&super::fixture::role_arn("gitops"), "helm-controller")))),
        ).planned();
    write("refused", &refused);
    write("fleet", &fleet_of(500));
    let keys: Vec<String> = (0..500).map(|n| format!("cluster-{n:05}")).collect();
    let shared = keys.iter().fold(World::new("fleet.yaml"), |world, key| world.with_ipv4(key, &format!("AmazonEKSVPCCNIRole-{key}")));
    write("shared", &shared.planned());
    for name in ["two-clusters", "every-key", "ipv6"] {
        let text = std::fs::read_to_string(format!("{}/../../plans/{name}.plan.json", env!("CARGO_MANIFEST_DIR"))).unwrap();
        write(&format!("plan-{name}"), &ChangeSet::from_json(&text).unwrap());
    }
}

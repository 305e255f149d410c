//! What the pure part of a plan costs, and how that grows: compile, diff, hazards, proof, change set, text.
//!
//! `cargo bench -p cni-plan-render --bench pure` prints a table: the median of several rounds for
//! each size, and the process's largest memory so far. `docs/performance.md` keeps one.

#![expect(clippy::print_stdout, reason = "the table is what a benchmark is for")]

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use cni_plan_core::{
    Address, Attachment, ChangeSet, ClusterFacts, DependencyGraph, FORMAT_VERSION, Header, IpFamily, Kind, Node,
    NodeRole, Observation, PlannedCluster, Plugin, PodGroup, PodIdentity, Pods, Resource, ServiceAccount, Target,
    Wanted, diff, digest_of, hazards, prove,
};
use cni_plan_render::{Style, plan_markdown, plan_text};
use cni_plan_spec::{Spec, cluster_refs, compile, parse};

/// The command's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 5;

fn main() {
    println!(
        "{:>8} {:>9} {:>9} {:>9} {:>9} {:>9} {:>11} {:>9} {:>9} {:>9} {:>8}",
        "clusters",
        "resources",
        "compile",
        "diff",
        "hazards",
        "proof",
        "change set",
        "text",
        "markdown",
        "total",
        "peak MB"
    );
    for clusters in sizes() {
        let world = World::of(clusters);
        let mut rounds: Vec<Round> = (0..ROUNDS).map(|_| world.plan()).collect();
        rounds.sort_by_key(Round::total);
        let median = &rounds[ROUNDS / 2];
        let ms = |duration: Duration| format!("{:.1} ms", duration.as_secs_f64() * 1e3);
        println!(
            "{clusters:>8} {:>9} {:>9} {:>9} {:>9} {:>9} {:>11} {:>9} {:>9} {:>9} {:>8}",
            median.resources,
            ms(median.compile),
            ms(median.diff),
            ms(median.hazards),
            ms(median.proof),
            ms(median.change_set),
            ms(median.text),
            ms(median.markdown),
            ms(median.total()),
            peak_megabytes(),
        );
    }
}

/// Numbers of clusters: those named as arguments, or a range that shows the growth.
fn sizes() -> Vec<usize> {
    let named: Vec<usize> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    if named.is_empty() { vec![125, 250, 500, 1_000, 2_500, 5_000, 12_500] } else { named }
}

/// Durations of one plan's parts.
struct Round {
    resources: usize,
    compile: Duration,
    diff: Duration,
    hazards: Duration,
    proof: Duration,
    change_set: Duration,
    text: Duration,
    markdown: Duration,
}

impl Round {
    /// What `plan` does before it saves; the Markdown twin is told apart.
    fn total(&self) -> Duration {
        self.compile + self.diff + self.hazards + self.proof + self.change_set + self.text
    }
}

/// A fleet before anything is done: every cluster with an issuer and two node roles of its own.
struct World {
    spec: Spec,
    clusters: Vec<PlannedCluster>,
}

impl World {
    fn of(clusters: usize) -> World {
        let mut text = String::from("version: 1\nclusters:\n");
        for cluster in 0..clusters {
            text.push_str(&format!("  - name: cluster-{cluster:05}\n"));
        }
        let none = |_: &str| Err(std::io::Error::from(std::io::ErrorKind::NotFound));
        let spec = parse("fleet.yaml", &text, &none).expect("the spec is a good one");
        let clusters = cluster_refs(&spec)
            .into_iter()
            .map(|(cluster, asked)| PlannedCluster { facts: facts(&cluster.key), cluster, asked })
            .collect();
        World { spec, clusters }
    }

    fn plan(&self) -> Round {
        let began = Instant::now();
        let graph = compile(&self.spec, &self.clusters).expect("nothing contradicts the spec");
        let compiled = began.elapsed();
        // What is live comes from the services: making it up is not part of the cost.
        let observed = observe(&graph);

        let began = Instant::now();
        let diff = diff(graph, observed).expect("everything was seen");
        let diffed = began.elapsed();

        let began = Instant::now();
        let safety = prove(&diff.changes);
        let proved = began.elapsed();
        assert!(safety.is_safe(), "the procedure is");

        let began = Instant::now();
        let header = Header {
            format_version: FORMAT_VERSION,
            tool_version: "bench".to_owned(),
            spec: "fleet.yaml".to_owned(),
            spec_digest: digest_of(b"fleet"),
            clusters: self.clusters.clone(),
            outside: Vec::new(),
            roles: Vec::new(),
        };
        let assembled = began.elapsed();

        let began = Instant::now();
        let mut findings = diff.findings;
        findings.extend(hazards(&header, &diff.changes));
        let examined = began.elapsed();
        let change_set = ChangeSet { header, findings, safety, changes: diff.changes };
        let shown = timed(|| plan_text(&change_set, &Style { color: false, width: 100 }));
        let written = timed(|| change_set.to_json());
        let markdown_shown = timed(|| plan_markdown(&change_set));
        Round {
            resources: change_set.changes.len(),
            compile: compiled,
            diff: diffed,
            hazards: examined,
            proof: proved,
            change_set: assembled + written,
            text: shown,
            markdown: markdown_shown,
        }
    }
}

/// How long making a text takes; as in the command, no two of them are held at once.
fn timed(make: impl FnOnce() -> String) -> Duration {
    let began = Instant::now();
    let text = make();
    let took = began.elapsed();
    assert!(text.len() > 1000, "something was made");
    took
}

fn facts(key: &str) -> ClusterFacts {
    let node_role =
        |group: &str| NodeRole { name: format!("{key}-{group}"), found_in: vec![format!("nodegroup {group}")] };
    ClusterFacts {
        account: "111122223333".to_owned(),
        partition: "aws".to_owned(),
        region: "us-west-2".to_owned(),
        ip_family: IpFamily::Ipv4,
        issuer: Some(format!("oidc.eks.us-west-2.amazonaws.com/id/{key}")),
        version: "1.33".to_owned(),
        managed_addon: None,
        pod_identity_agent: None,
        node_roles: vec![node_role("spot"), node_role("workers")],
        association: None,
        is_private: false,
        unread: Vec::new(),
        uses_aws_auth: true,
        endpoint: None,
        certificate_authority: None,
    }
}

/// A world in which nothing of the procedure has been done.
fn observe(graph: &DependencyGraph<Node>) -> HashMap<Address, Observation> {
    graph.iter().map(|(address, node)| (address.clone(), observation(address, node))).collect()
}

fn observation(address: &Address, node: &Node) -> Observation {
    match (address.kind(), &node.wanted, &node.target) {
        (Kind::OidcProvider, Wanted::Referred(provider), _) => Observation::Present(provider.clone()),
        (Kind::Detach, _, Target::Attachment { role, policy_arn, .. }) => {
            let attachment = Attachment { role: role.clone(), policy_arn: policy_arn.clone() };
            Observation::Present(Resource::Attachment(attachment))
        }
        (_, _, Target::ServiceAccount { namespace, name, .. }) => Observation::Present(Resource::ServiceAccount(
            ServiceAccount::annotated(namespace, name, std::collections::BTreeMap::new()),
        )),
        (_, _, Target::Pods { namespace, service_account, .. }) => Observation::Present(Resource::Pods(Pods {
            namespace: namespace.clone(),
            daemon_set: service_account.clone(),
            carrying: vec![PodGroup { identity: PodIdentity::NodeRole, pods: 12 }],
            not_ready: 0,
            plugin: Plugin::default(),
            other_nodes: BTreeSet::new(),
            on_host_network: BTreeSet::new(),
            unread: Vec::new(),
        })),
        _ => Observation::Absent,
    }
}

/// The largest resident set so far, as Linux keeps it.
fn peak_megabytes() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kilobytes = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kilobytes.map_or_else(|| "-".to_owned(), |kilobytes| (kilobytes / 1024).to_string())
}

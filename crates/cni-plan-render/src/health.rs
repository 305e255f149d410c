//! How clusters stand, on a terminal: a line a cluster, then what is amiss with those that are not well.

use cni_plan_core::{ClusterHealth, Health, HealthState, PodIdentity};

use crate::aws_call::quoted;
use crate::page::Page;
use crate::style::{Style, Tone};
use crate::table::{self, Cell};
use crate::{findings, words};

const HEADINGS: [&str; 6] = ["cluster", "state", "pods as asked", "nodes not Ready", "role", "node roles"];

/// The table, the details, and a line that sums up. `spec` is the path that a command would be given.
pub fn health_text(health: &Health, spec: &str, style: &Style) -> String {
    let mut page = Page::new(style);
    table::write(&mut page, HEADINGS, &health.clusters.iter().map(row).collect::<Vec<_>>());
    for cluster in health.clusters.iter().filter(|cluster| cluster.state != HealthState::Well) {
        page.blank();
        details(&mut page, cluster, spec);
    }
    for cluster in health.clusters.iter().filter(|cluster| !cluster.findings.is_empty()) {
        findings::write(&mut page, &cluster.findings);
    }
    page.blank();
    page.line(0, &[(Tone::Strong, &summary(&health.clusters))]);
    page.finish()
}

fn row(cluster: &ClusterHealth) -> [Cell; 6] {
    let role = match (cluster.role.exists, &cluster.role.refuses) {
        (false, _) => "missing",
        (true, Some(_)) if is_judged_by_claims(cluster) => "lets nobody in",
        (true, Some(_)) => "not as asked",
        (true, None) => "lets it in",
    };
    let node_roles = match cluster.node_roles.len() {
        0 => "as asked".to_owned(),
        1 => "1 policy still on".to_owned(),
        still => format!("{still} policies still on"),
    };
    let plain = |text: String| (Tone::Plain, text);
    [
        (Tone::Strong, cluster.cluster.clone()),
        (tone(cluster.state), word(cluster.state).to_owned()),
        plain(format!("{} of {}", cluster.as_wanted, cluster.pods)),
        plain(cluster.nodes_not_ready.to_string()),
        plain(role.to_owned()),
        plain(node_roles),
    ]
}

/// Whether the role was asked to let the service account in. That of an association is only held against the spec: one
/// that is not as asked may let pods in all the same.
fn is_judged_by_claims(cluster: &ClusterHealth) -> bool {
    matches!(cluster.wanted, Some(PodIdentity::WebIdentity { .. }))
}

fn details(page: &mut Page<'_>, cluster: &ClusterHealth, spec: &str) {
    page.line(
        0,
        &[
            (Tone::Strong, &cluster.cluster),
            (Tone::Quiet, &format!("  ({}, account {})", cluster.region, cluster.account)),
        ],
    );
    let mut told = |label: &str, text: &str| page.prose(2, (Tone::Quiet, &format!("{label:<12}")), Tone::Plain, text);
    for group in &cluster.carrying {
        let is_as_asked = cluster.wanted.as_ref().is_some_and(|wanted| group.identity.satisfies(wanted));
        let mark = if is_as_asked { "as asked" } else { "not as asked" };
        told("pods:", &format!("{} with {} ({mark})", words::count(group.pods as usize, "pod"), group.identity));
    }
    if cluster.nodes_not_ready > 0 {
        told("not Ready:", &format!("{} without a Ready pod", words::count(cluster.nodes_not_ready as usize, "node")));
    }
    if let Some(why) = &cluster.role.refuses {
        told("role:", why);
    }
    for still in &cluster.node_roles {
        told("node role:", &format!("{} still has {}", still.role, still.policy_arn));
    }
    if let Some(outage) = &cluster.outage {
        told("unsafe:", outage);
    }
    if cluster.to_do > 0 {
        let steps = words::count(cluster.to_do, "step");
        told("to do:", &format!("{steps}; `cni-plan plan {}` shows them", quoted(spec)));
    }
}

fn word(state: HealthState) -> &'static str {
    match state {
        HealthState::Well => "well",
        HealthState::NotReady => "not Ready",
        HealthState::Changes => "changes",
        HealthState::Refused => "refused",
    }
}

fn tone(state: HealthState) -> Tone {
    match state {
        HealthState::Well => Tone::Add,
        HealthState::NotReady | HealthState::Changes => Tone::Alter,
        HealthState::Refused => Tone::Remove,
    }
}

fn summary(clusters: &[ClusterHealth]) -> String {
    let of = |state: HealthState| clusters.iter().filter(|cluster| cluster.state == state).count();
    let well = of(HealthState::Well);
    if well == clusters.len() {
        return match well {
            1 => "The cluster is well.".to_owned(),
            _ => format!("All {well} clusters are well."),
        };
    }
    let mut parts = Vec::new();
    for (state, what) in [
        (HealthState::Refused, "whose plan is refused"),
        (HealthState::Changes, "not as the spec asks"),
        (HealthState::NotReady, "as asked, with nodes that wait for a Ready pod"),
    ] {
        match of(state) {
            0 => {}
            number => parts.push(format!("{number} {what}")),
        }
    }
    format!("{well} of {} well: {}.", words::count(clusters.len(), "cluster"), parts.join(", "))
}

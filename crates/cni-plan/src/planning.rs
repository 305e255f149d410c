//! From a spec to a change set: facts, compile, observe, diff, prove.

use std::collections::HashMap;

use cni_plan_core::{
    ChangeSet, ClusterRef, Diff, DiffError, FORMAT_VERSION, FactsWanted, Finding, Header, Observation, OutsideUse,
    PlannedCluster, RoleRecord, SafetyVerdict, Severity, accept, diff, hazards, outside_uses, prove, roles_of_nodes,
};
use cni_plan_engine::look;
use cni_plan_render::{Told, ToldError};
use cni_plan_spec::{acceptances, compile};

use crate::connect::Connector;
use crate::error::CommandError;
use crate::printer::Printer;
use crate::roles::records;
use crate::spec_file::SpecFile;

/// Plans `file` against what is live. Reads only.
pub(crate) async fn plan(file: &SpecFile, connector: &Connector, printer: &Printer) -> Result<ChangeSet, CommandError> {
    printer.tell(&Told::Reading { clusters: file.clusters().len() });
    let connected = connector.connect(&file.clusters()).await?;
    let graph = compile(&file.spec, &connected.clusters)
        .map_err(|problems| CommandError::Compile { spec: file.path.display().to_string(), problems })?;
    let targets = graph.iter().map(|(address, node)| (address, &node.target));
    let looked = look(targets, roles_of_nodes(graph.iter(), &connected.clusters), &connected.providers).await;
    let diff = diff(graph, looked.observed).map_err(|error| match error {
        DiffError::Unseen(errors) => CommandError::Provider(errors),
        DiffError::Cycle(cycle) => {
            CommandError::plain("the spec's resources cannot be ordered", cycle.to_string(), "please report this")
        }
    })?;
    let mut clusters = connected.clusters;
    let roles = records(looked.roles, |role, unread| {
        // At one of the clusters that it is about.
        if let Some(of) = clusters.iter_mut().find(|planned| role.clusters.contains(&planned.cluster.key)) {
            of.facts.unread.extend(unread);
            of.facts.unread.sort();
        }
    })?;
    let outside = outside_uses(&diff.changes, &clusters, &connected.neighbours);
    clusters.sort_by(|one, other| one.cluster.key.cmp(&other.cluster.key));
    Ok(judged(file, file.name(), diff, Found { clusters, outside, roles }))
}

/// The change set that `file` makes today, found what `made` was found: its facts, its records and every `before`.
/// Nothing is read. `None` where the spec does not fit them at all: other clusters, other steps.
pub(crate) fn plan_again(file: &SpecFile, made: &ChangeSet) -> Option<ChangeSet> {
    let Header { spec, clusters, outside, roles, .. } = &made.header;
    let by_key: HashMap<&str, &PlannedCluster> =
        clusters.iter().map(|planned| (planned.cluster.key.as_str(), planned)).collect();
    let asked = file.clusters();
    let as_asked: Vec<PlannedCluster> =
        asked.iter().filter_map(|(cluster, _)| by_key.get(cluster.key.as_str()).copied().cloned()).collect();
    let is_asked = |((cluster, wanted), planned): (&(ClusterRef, FactsWanted), &PlannedCluster)| {
        // A kubeconfig can name a program that is run: its path has to be the spec's, seen from here.
        *wanted == planned.asked && *cluster == planned.cluster
    };
    if asked.len() != clusters.len() || as_asked.len() != clusters.len() || !asked.iter().zip(&as_asked).all(is_asked) {
        return None;
    }
    let graph = compile(&file.spec, &as_asked).ok()?;
    let observed = made.changes.iter().map(|change| {
        let found = change.before.clone().map_or(Observation::Absent, Observation::Present);
        (change.address.clone(), found)
    });
    let diff = diff(graph, observed.collect()).ok()?;
    let found = Found { clusters: clusters.clone(), outside: outside.clone(), roles: roles.clone() };
    // The same file has another path from another folder.
    let name = if file.may_be(spec) { spec.clone() } else { file.name() };
    Some(judged(file, name, diff, found))
}

/// What was found besides the steps' own states.
struct Found {
    clusters: Vec<PlannedCluster>,
    outside: Vec<OutsideUse>,
    roles: Vec<RoleRecord>,
}

/// The steps with what speaks against them. `spec` is what the change set calls the file.
fn judged(file: &SpecFile, spec: String, diff: Diff, found: Found) -> ChangeSet {
    let header = Header {
        format_version: FORMAT_VERSION,
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        spec,
        spec_digest: file.digest.clone(),
        clusters: found.clusters,
        outside: found.outside,
        roles: found.roles,
    };
    let mut findings = diff.findings;
    findings.extend(hazards(&header, &diff.changes));
    accept(&mut findings, &acceptances(&file.spec));
    findings.sort();
    let safety = prove(&diff.changes);
    ChangeSet { header, findings, safety, changes: diff.changes }
}

/// The findings that forbid a plan.
pub(crate) fn refusals(change_set: &ChangeSet) -> Vec<Finding> {
    change_set.findings.iter().filter(|finding| finding.severity == Severity::Refuse).cloned().collect()
}

/// Whether a plan with this verdict may go on. An unsafe one may for those who accept the outage; it is
/// told what stands between.
pub(crate) fn may_go_on(verdict: &SafetyVerdict, accept_network_outage: bool, printer: &Printer) -> bool {
    if verdict.is_safe() {
        return true;
    }
    if accept_network_outage {
        let what = "this plan leaves pods without network permissions, which --accept-network-outage accepts";
        printer.tell(&Told::Warning(what));
        return true;
    }
    printer.tell(&Told::Error(ToldError {
        what: "the plan is refused: it would leave pods without network permissions",
        why: "the steps are told under `Unsafe` above; nothing was changed or saved",
        hint: "--accept-network-outage goes on all the same, for those who accept the outage",
    }));
    false
}

//! A plan as the documented `aws` and `kubectl` commands: a script that does by hand what `apply` would do, for those
//! who leave the tool and keep the result.
//!
//! Each step is what [`by_hand`](crate::by_hand) types, the other way round: from what was found to what is to be.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use cni_plan_core::{
    Change, ChangeSet, ClusterRef, KubernetesAccess, Observation, PlannedCluster, Resource, Run, Target,
};

use crate::aws_call::quoted;
use crate::by_hand::{ClustersByKey, by_hand, clusters_by_key, kubectl_of};
use crate::duration_text;
use crate::headline::headline;
use crate::inert::{inert, inert_lines};

/// The DaemonSet of Amazon's manifest and the label of its pods (facts: The DaemonSet).
const DAEMON_SET: (&str, &str) = ("aws-node", "k8s-app=aws-node");

/// A POSIX shell script of all steps that do something, in an order in which they can be done.
pub fn commands_script(change_set: &ChangeSet) -> String {
    let mut script = "#!/bin/sh\n# What `cni-plan apply` would do, as commands of aws and kubectl. Nothing is put back when one of them fails.\n"
        .to_owned();
    let clusters: Vec<ClusterRef> = change_set.header.clusters.iter().map(reached).collect();
    let clusters = clusters_by_key(&clusters);
    write_contexts(&mut script, &change_set.header.clusters);
    script.push_str("set -eu\n");
    for change in change_set.changes.iter().filter(|change| change.is_effective()) {
        let _ = writeln!(script, "\n# {}", inert(&headline(change).to_string()));
        for line in lines(change, &clusters) {
            // A value may have lines of its own, inside of its quotes.
            script.push_str(&inert_lines(&line, false));
            script.push('\n');
        }
    }
    script
}

/// With the region that was asked, and a context by the cluster's name where the spec names none.
fn reached(planned: &PlannedCluster) -> ClusterRef {
    let cluster = &planned.cluster;
    let context = || KubernetesAccess { kubeconfig: None, context: Some(cluster.name.clone()) };
    ClusterRef {
        region: Some(planned.facts.region.clone()),
        kubernetes: Some(cluster.kubernetes.clone().unwrap_or_else(context)),
        ..cluster.clone()
    }
}

/// How to have the contexts that the commands name.
fn write_contexts(script: &mut String, clusters: &[PlannedCluster]) {
    let of = |planned: &PlannedCluster| {
        let (name, region) = (quoted(&planned.cluster.name), quoted(&planned.facts.region));
        let profile = planned.cluster.profile.as_deref().map(|profile| format!(" --profile {}", quoted(profile)));
        format!(
            "aws{} eks update-kubeconfig --name {name} --alias {name} --region {region}",
            profile.unwrap_or_default()
        )
    };
    let lines: BTreeSet<String> =
        clusters.iter().filter(|planned| planned.cluster.kubernetes.is_none()).map(of).collect();
    if !lines.is_empty() {
        script.push_str("# kubectl's contexts have the clusters' names, as these make them:\n");
    }
    for line in lines {
        let _ = writeln!(script, "#   {}", inert(&line));
    }
}

fn lines(change: &Change, clusters: &ClustersByKey<'_>) -> Vec<String> {
    let Some(run) = &change.run else {
        let wanted = Change { before: change.after.clone(), ..change.clone() };
        let found = change.before.clone().map_or(Observation::Absent, Observation::Present);
        return by_hand(&wanted, &found, clusters);
    };
    let (Target::Pods { namespace, .. }, Some(Resource::Pods(pods))) = (&change.target, &change.before) else {
        return Vec::new();
    };
    let kubectl = kubectl_of(change, clusters);
    let namespace = quoted(namespace);
    let daemon_set = quoted(&format!("daemonset/{}", pods.daemon_set));
    let status = |timeout: std::time::Duration| {
        let seconds = timeout.as_secs().max(1);
        format!("{kubectl} rollout status --namespace {namespace} {daemon_set} --timeout {seconds}s")
    };
    match run {
        Run::Probe { .. } => {
            vec!["# (nothing to type: cni-plan tries the role by a token of the service account)".to_owned()]
        }
        Run::Restart { timeout, .. } => {
            let restart = if pods.daemon_set == DAEMON_SET.0 {
                format!("{kubectl} delete pods --namespace {namespace} --selector {}", DAEMON_SET.1)
            } else {
                format!("{kubectl} rollout restart --namespace {namespace} {daemon_set}")
            };
            let all_at_once = "# (all pods at once, as it is documented; cni-plan would go node by node)".to_owned();
            vec![all_at_once, restart, status(*timeout)]
        }
        Run::Verify { timeout, soak, .. } => {
            let soak = (!soak.is_zero())
                .then(|| format!("# (cni-plan would see all pods stay Ready for {})", duration_text(*soak)));
            soak.into_iter().chain([status(*timeout)]).collect()
        }
        Run::Confirm { timeout, .. } => {
            let one = "# (cni-plan would delete one pod once more, to see that it comes back)".to_owned();
            vec![one, status(*timeout)]
        }
    }
}

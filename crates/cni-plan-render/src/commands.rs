//! A plan as the documented `aws` and `kubectl` commands: a script that does by hand what `apply` would do, for those
//! who leave the tool and keep the result.
//!
//! Each step is what [`by_hand`](crate::by_hand) types, the other way round: from what was found to what is to be. Those
//! of the procedure are the ones of EKS's User Guide, "Configure Amazon VPC CNI plugin to use IRSA".

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};

use cni_plan_core::{
    Address, Change, ChangeSet, ClusterRef, KubernetesAccess, Observation, PlannedCluster, PodIdentity, Resource, Run,
    Target, canonical_json,
};

use crate::aws_call::{option, quoted};
use crate::by_hand::{ClustersByKey, by_hand, clusters_by_key, kubectl_of};
use crate::duration_text;
use crate::headline::headline;
use crate::inert::inert;

/// The DaemonSet of Amazon's manifest and the label of its pods (facts: The DaemonSet).
const DAEMON_SET: (&str, &str) = ("aws-node", "k8s-app=aws-node");

/// Why there is no script of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoScript {
    /// The commands would be done as whoever runs the script.
    AssumesRole {
        /// The cluster's key.
        cluster: String,
        /// The role's ARN.
        role_arn: String,
    },
    /// A word of the line cannot be shown as it is, and would be another if it were not.
    NotPrintable {
        /// The step.
        address: Address,
        /// The line, with such characters spelled out.
        line: String,
    },
}

/// One inert line.
impl fmt::Display for NoScript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoScript::AssumesRole { cluster, role_arn } => {
                write!(f, "cluster {} is reached by assuming {}", inert(cluster), inert(role_arn))
            }
            NoScript::NotPrintable { address, line } => {
                let address = address.to_string();
                write!(f, "{} needs a value with a character that cannot be printed: {line}", inert(&address))
            }
        }
    }
}

/// A POSIX shell script of all steps that do something, in an order in which they can be done.
pub fn commands_script(change_set: &ChangeSet) -> Result<String, NoScript> {
    let mut script = "#!/bin/sh\n# What `cni-plan apply` would do, as commands of aws and kubectl. Nothing is put back when one of them fails.\n"
        .to_owned();
    let planned = &change_set.header.clusters;
    if let Some((cluster, role)) = planned.iter().find_map(|it| Some((&it.cluster, it.cluster.assume_role.as_ref()?))) {
        return Err(NoScript::AssumesRole { cluster: cluster.key.clone(), role_arn: role.arn.clone() });
    }
    let clusters: Vec<ClusterRef> = planned.iter().map(reached).collect();
    let clusters = clusters_by_key(&clusters);
    write_contexts(&mut script, planned);
    script.push_str("set -eu\n");
    let steps: Vec<&Change> = change_set.changes.iter().filter(|change| change.is_effective()).collect();
    if !steps.is_empty() {
        write_guards(&mut script, planned);
    }
    for change in steps {
        let _ = writeln!(script, "\n# {}", inert(&headline(change).to_string()));
        for line in lines(change, &clusters) {
            let shown = inert(&line);
            if shown != line {
                return Err(NoScript::NotPrintable { address: change.address.clone(), line: shown.into_owned() });
            }
            let _ = writeln!(script, "{line}");
        }
    }
    Ok(script)
}

/// With the region that was asked, and a context by the cluster's key where the spec names none: names repeat between
/// regions and accounts, keys do not.
fn reached(planned: &PlannedCluster) -> ClusterRef {
    let cluster = &planned.cluster;
    let context = || KubernetesAccess { kubeconfig: None, context: Some(cluster.key.clone()) };
    ClusterRef {
        region: Some(planned.facts.region.clone()),
        kubernetes: Some(cluster.kubernetes.clone().unwrap_or_else(context)),
        ..cluster.clone()
    }
}

/// How the AWS CLI is called with the cluster's login.
fn aws(cluster: &ClusterRef) -> String {
    cluster.profile.as_deref().map_or_else(|| "aws".to_owned(), |profile| format!("aws{}", option("profile", profile)))
}

/// How to have the contexts that the commands name.
fn write_contexts(script: &mut String, clusters: &[PlannedCluster]) {
    let of = |planned: &PlannedCluster| {
        let PlannedCluster { cluster, facts, .. } = planned;
        let options = [("name", &cluster.name), ("alias", &cluster.key), ("region", &facts.region)];
        let options: String = options.map(|(name, value)| option(name, value)).concat();
        format!("{} eks update-kubeconfig{options}", aws(cluster))
    };
    let lines: BTreeSet<String> =
        clusters.iter().filter(|planned| planned.cluster.kubernetes.is_none()).map(of).collect();
    if !lines.is_empty() {
        script.push_str("# kubectl's contexts have the clusters' names in the spec, as these make them:\n");
    }
    for line in lines {
        let _ = writeln!(script, "#   {}", inert(&line));
    }
}

/// Ends the script before it has done anything where a login is not of the account that was planned for.
fn write_guards(script: &mut String, clusters: &[PlannedCluster]) {
    let logins: BTreeSet<(String, &str)> =
        clusters.iter().map(|planned| (aws(&planned.cluster), planned.facts.account.as_str())).collect();
    script.push_str("\n# The plan is for these accounts and no others.\n");
    for (aws, account) in logins {
        let account = quoted(account);
        let guard = format!(
            "test \"$({aws} sts get-caller-identity --query Account --output text)\" = {account} || \
             {{ echo 'not the account that was planned for:' {account} >&2; exit 1; }}"
        );
        let _ = writeln!(script, "{}", inert(&guard));
    }
}

fn lines(change: &Change, clusters: &ClustersByKey<'_>) -> Vec<String> {
    let Some(run) = &change.run else {
        let wanted = Change { before: change.after.clone(), ..change.clone() };
        let found = change.before.clone().map_or(Observation::Absent, Observation::Present);
        return by_hand(&wanted, &found, clusters);
    };
    let (Target::Pods { namespace, service_account, .. }, Some(Resource::Pods(pods))) =
        (&change.target, &change.before)
    else {
        return Vec::new();
    };
    let kubectl = kubectl_of(change, clusters);
    let accounts_pods = format!("{kubectl} get pods{}", option("namespace", namespace));
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
        Run::Verify { identity, timeout, soak } => {
            let soak = (!soak.is_zero())
                .then(|| format!("# (cni-plan would see all pods stay Ready for {})", duration_text(*soak)));
            let carry = that_all_carry(identity, &accounts_pods, service_account);
            soak.into_iter().chain([status(*timeout)]).chain(carry).collect()
        }
        Run::Confirm { timeout, .. } => {
            let one = "# (cni-plan would delete one pod once more, to see that it comes back)".to_owned();
            vec![one, status(*timeout)]
        }
    }
}

/// Ends the script where a pod of the service account does not carry `identity`: the node role is about to lose its policy.
/// A container that the webhook was told to skip carries none, so what counts is that one does and none carries another.
fn that_all_carry(identity: &PodIdentity, pods: &str, service_account: &str) -> Vec<String> {
    let (variable, accepted) = match identity {
        PodIdentity::WebIdentity { role_arn, .. } => ("AWS_ROLE_ARN", quoted(role_arn)),
        // Which role that is shows in no pod: the script has restarted them all.
        PodIdentity::Association { .. } => {
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", PodIdentity::AGENT.map(|uri| format!("'{uri}'")).join(" | "))
        }
        PodIdentity::NodeRole | PodIdentity::Other { .. } => return Vec::new(),
    };
    let account = canonical_json::to_line(service_account);
    let path = format!(
        "{{range .items[?(@.spec.serviceAccountName=={account})]}}{{.metadata.name}} \
         {{.spec.containers[*].env[?(@.name==\"{variable}\")].value}}{{\"\\n\"}}{{end}}"
    );
    let carried = option("output", &format!("jsonpath={path}"));
    [
        format!("pods=$({pods}{carried})"),
        "printf '%s\\n' \"$pods\" | while read -r pod carried; do".to_owned(),
        "  test -n \"$pod\" || continue".to_owned(),
        "  for identity in ${carried:-none}; do".to_owned(),
        format!(
            "    case $identity in {accepted}) ;; *) echo \"$pod carries $identity, so no node role loses its policy\" >&2; exit 1 ;; esac"
        ),
        "  done".to_owned(),
        "done".to_owned(),
    ]
    .into()
}

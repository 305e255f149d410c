//! How clusters stand, told from a plan of them: whether pods, role and node roles are as the spec asks, and what
//! speaks against them.
//!
//! A plan has read everything that this needs, so health is a function of a change set and asks nobody.

use schemars::JsonSchema;
use serde::Serialize;

use crate::by_cluster::{FindingsByCluster, StepsByCluster};
use crate::{
    Action, Change, ChangeSet, Finding, Kind, PlannedCluster, PodGroup, PodIdentity, Pods, RefusalCause, Resource,
    Role, Run, SafetyVerdict, Severity, Target, TokenClaims, WebIdentityToken, why_refused,
};

/// Version of the form in which health is written as JSON.
const FORMAT_VERSION: u32 = 1;

/// The clusters of a plan, sorted by key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    format_version: u32,
    /// Each of them.
    pub clusters: Vec<ClusterHealth>,
}

/// How one cluster stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterHealth {
    /// Its key in the spec.
    pub cluster: String,
    /// The region that was asked.
    pub region: String,
    /// Twelve digits.
    pub account: String,
    /// The sum of it.
    pub state: HealthState,
    /// What the spec asks of the pods; `None` where no step says.
    pub wanted: Option<PodIdentity>,
    /// What the pods carry, one entry an identity; empty where there are none.
    pub carrying: Vec<PodGroup>,
    /// Pods on eligible nodes.
    pub pods: u32,
    /// Those among them that carry what is wanted.
    pub as_wanted: u32,
    /// Eligible nodes without a pod that is Ready.
    pub nodes_not_ready: u32,
    /// The plugin's role.
    pub role: RoleHealth,
    /// Node roles that still have a policy which the spec takes off: the role, and the policy's ARN.
    pub node_roles: Vec<StillAttached>,
    /// Steps that a plan would take.
    pub to_do: usize,
    /// Which pod a plan would leave without permissions, in one sentence; `None`: none of this cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outage: Option<String>,
    /// What was found amiss, the worst first.
    pub findings: Vec<Finding>,
}

/// Whether a cluster is as its spec asks. The worst comes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HealthState {
    /// All of it is as asked, and every node has a Ready pod.
    Well,
    /// As asked, but nodes are without a Ready pod.
    NotReady,
    /// A plan has something to do.
    Changes,
    /// A plan is refused: by a finding, or because it would leave pods without permissions.
    Refused,
}

/// The plugin's role of one cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoleHealth {
    /// Its name, without path.
    pub name: String,
    /// Whether it is there.
    pub exists: bool,
    /// Why it does not let the plugin's service account in; or, of an association's, which no claims are known of
    /// beforehand, that its trust is not as the spec asks. `None`: neither.
    pub refuses: Option<String>,
}

/// A policy that is still on a node role.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StillAttached {
    /// The role's name, without path.
    pub role: String,
    /// The policy's ARN.
    pub policy_arn: String,
}

impl Health {
    /// Of the clusters of a plan.
    pub fn of(change_set: &ChangeSet) -> Health {
        let mut steps = StepsByCluster::of(&change_set.changes);
        let mut findings = FindingsByCluster::of(&change_set.findings, &change_set.changes);
        let of = |planned: &PlannedCluster| {
            let key = &planned.cluster.key;
            ClusterHealth::of(planned, &steps.take(key), findings.take(key), &change_set.safety)
        };
        let clusters = change_set.header.clusters.iter().map(of).collect();
        Health { format_version: FORMAT_VERSION, clusters }
    }

    /// The worst state that any cluster is in.
    pub fn worst(&self) -> HealthState {
        self.clusters.iter().map(|cluster| cluster.state).max().unwrap_or(HealthState::Well)
    }

    /// As indented JSON in ASCII that ends in a line feed.
    pub fn to_json(&self) -> String {
        crate::canonical_json::to_document(self)
    }
}

/// The JSON Schema (2020-12) of health, as a file.
pub fn health_schema() -> String {
    crate::json_schema::published::<Health>(FORMAT_VERSION)
}

impl ClusterHealth {
    fn of(
        planned: &PlannedCluster,
        steps: &[&Change],
        findings: Vec<&Finding>,
        safety: &SafetyVerdict,
    ) -> ClusterHealth {
        let verify = steps.iter().find(|change| change.address.kind() == Kind::Verify);
        let wanted = verify.and_then(|change| change.run.as_ref()).map(|run| run.identity().clone());
        let pods = match verify.and_then(|change| change.before.as_ref()) {
            Some(Resource::Pods(pods)) => Some(pods),
            _ => None,
        };
        let nodes_not_ready = pods.map_or(0, |pods| pods.not_ready);
        let to_do = steps.iter().filter(|change| change.is_effective()).count();
        let outage = match safety {
            SafetyVerdict::Unsafe(danger) if danger.cluster == planned.cluster.key => Some(danger.outcome.clone()),
            _ => None,
        };
        let state = if outage.is_some() || findings.iter().any(|finding| finding.severity == Severity::Refuse) {
            HealthState::Refused
        } else if to_do > 0 {
            HealthState::Changes
        } else if nodes_not_ready > 0 {
            HealthState::NotReady
        } else {
            HealthState::Well
        };
        ClusterHealth {
            cluster: planned.cluster.key.clone(),
            region: planned.facts.region.clone(),
            account: planned.facts.account.clone(),
            state,
            carrying: pods.map(|pods| pods.carrying.clone()).unwrap_or_default(),
            pods: pods.map_or(0, Pods::count),
            as_wanted: pods.zip(wanted.as_ref()).map_or(0, |(pods, wanted)| pods.satisfying(wanted)),
            nodes_not_ready,
            wanted,
            role: role_health(planned, steps),
            node_roles: steps.iter().filter_map(|change| still_attached(change)).collect(),
            to_do,
            outage,
            findings: findings.into_iter().cloned().collect(),
        }
    }
}

fn role_health(planned: &PlannedCluster, steps: &[&Change]) -> RoleHealth {
    let step = steps.iter().find(|change| change.address.kind() == Kind::Role);
    let Some((change, Target::Role { name, .. })) = step.map(|change| (change, &change.target)) else {
        return RoleHealth { name: String::new(), exists: false, refuses: None };
    };
    let exists = change.before.is_some();
    let refuses = match (&change.before, &change.after) {
        (Some(Resource::Role(found)), Some(Resource::Role(after))) => refusal(planned, steps, found, after),
        _ => Some(format!("there is no role {name}")),
    };
    RoleHealth { name: name.clone(), exists, refuses }
}

/// By a web identity's claims, which are known beforehand; an association's agent asks for the statement that
/// the plan would add.
fn refusal(planned: &PlannedCluster, steps: &[&Change], found: &Role, after: &Role) -> Option<String> {
    let wanted = steps.iter().find_map(|change| change.run.as_ref()).map(Run::identity);
    let subject = steps.iter().find_map(|change| match &change.target {
        Target::ServiceAccount { namespace, name, .. } => Some(format!("system:serviceaccount:{namespace}:{name}")),
        _ => None,
    });
    let (Some(PodIdentity::WebIdentity { role_arn, .. }), Some(subject), Some(issuer)) =
        (wanted, subject, &planned.facts.issuer)
    else {
        let is_let_in = found.trust == after.trust;
        return (!is_let_in).then(|| format!("the trust of role {} is not as the spec asks", found.name));
    };
    let provider = steps.iter().find_map(|change| match &change.before {
        Some(Resource::OidcProvider(provider)) => Some(provider),
        _ => None,
    });
    let claims = TokenClaims {
        issuer: format!("https://{issuer}"),
        subject,
        audiences: vec![WebIdentityToken::AUDIENCE.to_owned()],
    };
    let refusal = why_refused(&claims, role_arn, Some(found), provider);
    (refusal.cause != RefusalCause::Nothing).then_some(refusal.why)
}

fn still_attached(change: &Change) -> Option<StillAttached> {
    let (Target::Attachment { role, policy_arn, .. }, Action::Delete) = (&change.target, change.action) else {
        return None;
    };
    Some(StillAttached { role: role.clone(), policy_arn: policy_arn.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    use crate::fixture::{finished, fresh, graph, planned_cluster, web};
    use crate::{Address, Header, Observation, diff, prove};

    /// A change set of these clusters, found as `found` has changed what is fresh.
    fn planned(clusters: &[&str], found: impl Fn(&mut HashMap<Address, Observation>)) -> ChangeSet {
        let mut observed = fresh(clusters);
        found(&mut observed);
        let diff = diff(graph(clusters), observed).unwrap();
        ChangeSet {
            header: Header {
                format_version: crate::FORMAT_VERSION,
                tool_version: "0.1.0".to_owned(),
                spec: "c.yaml".to_owned(),
                spec_digest: crate::digest_of(b"spec"),
                clusters: clusters.iter().map(|key| planned_cluster(key)).collect(),
                outside: Vec::new(),
                roles: Vec::new(),
            },
            findings: diff.findings,
            safety: prove(&diff.changes),
            changes: diff.changes,
        }
    }

    #[test]
    fn a_fresh_cluster_has_everything_to_do() {
        let health = Health::of(&planned(&["c"], |_| {}));
        let cluster = &health.clusters[0];
        assert_eq!(cluster.state, HealthState::Changes);
        assert_eq!(cluster.wanted, Some(web("c")));
        assert_eq!((cluster.as_wanted, cluster.pods), (0, 3));
        assert!(!cluster.role.exists);
        assert_eq!(cluster.role.refuses.as_deref(), Some("there is no role Cni-c"));
        assert_eq!(cluster.node_roles.len(), 1);
        assert_eq!(cluster.node_roles[0].role, "NodeRole");
        assert_eq!(health.worst(), HealthState::Changes);
    }

    #[test]
    fn a_cluster_with_nothing_to_do_is_well_unless_nodes_wait_for_pods() {
        let health_with = |not_ready| {
            let settled = |observed: &mut HashMap<Address, Observation>| {
                *observed = finished(&["c"]);
                for observation in observed.values_mut() {
                    if let Observation::Present(Resource::Pods(pods)) = observation {
                        pods.not_ready = not_ready;
                    }
                }
            };
            Health::of(&planned(&["c"], settled))
        };
        let health = health_with(0);
        assert_eq!(health.worst(), HealthState::Well, "{health:?}");
        assert_eq!((health.clusters[0].as_wanted, health.clusters[0].to_do), (3, 0));
        assert_eq!(health.clusters[0].node_roles, []);
        assert_eq!(health_with(2).worst(), HealthState::NotReady);
    }

    #[test]
    fn a_finding_that_refuses_is_worse_than_changes_and_belongs_to_its_cluster() {
        let mut change_set = planned(&["c", "d"], |_| {});
        change_set.findings = vec![Finding {
            severity: Severity::Refuse,
            code: "code".to_owned(),
            address: Address::new("d", Kind::Cluster, &[]),
            message: "\u{202e}".to_owned(),
            cure: String::new(),
            accepted: None,
        }];
        let health = Health::of(&change_set);
        let standings: Vec<HealthState> = health.clusters.iter().map(|cluster| cluster.state).collect();
        assert_eq!(standings, [HealthState::Changes, HealthState::Refused]);
        assert_eq!(health.worst(), HealthState::Refused);
        let json = health.to_json();
        assert!(json.is_ascii() && json.ends_with("}\n"), "{json}");
    }

    #[test]
    fn a_plan_that_would_cut_pods_off_is_refused_for_the_cluster_that_they_are_of() {
        let mut change_set = planned(&["c", "d"], |_| {});
        for change in change_set.changes.iter_mut().filter(|change| change.address.kind() == Kind::Detach) {
            change.depends_on.retain(|on| on.scope() == "c");
        }
        change_set.safety = prove(&change_set.changes);
        let health = Health::of(&change_set);
        let standings: Vec<HealthState> = health.clusters.iter().map(|cluster| cluster.state).collect();
        assert_eq!(standings, [HealthState::Changes, HealthState::Refused]);
        assert_eq!(health.clusters[0].outage, None);
        let outage = health.clusters[1].outage.as_deref().unwrap();
        assert!(outage.starts_with("a pod of d that still uses the node role has no permissions"), "{outage}");
    }
}

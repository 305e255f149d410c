//! What Pod Identity needs of a cluster, and whose the association is that a plan would change.

use super::{Cluster, known};
use crate::{Address, Finding, Kind, PluginVersion, PodIdentity};

/// The first plugin that asks the agent for credentials (facts: EKS).
const FIRST_WITH_THE_AGENT: PluginVersion = PluginVersion::new(1, 15, 5);

pub(super) fn findings(cluster: &Cluster<'_>) -> Vec<Finding> {
    let change = changed_of_others(cluster).or_else(|| outlived_by_sessions(cluster));
    let mut findings: Vec<Finding> = change.into_iter().collect();
    if !cluster.wanted_identity().is_some_and(PodIdentity::is_by_association) {
        return findings;
    }
    let at = Address::new(&cluster.planned.cluster.key, Kind::Cluster, &[]);
    match &cluster.planned.facts.pod_identity_agent {
        None => {
            let message = "there is no add-on eks-pod-identity-agent: pods that ask it get no credentials";
            findings.push(known::POD_IDENTITY_AGENT.at(&at, message.to_owned()));
        }
        Some(agent) if !agent.is_active() => {
            let message = format!("the add-on eks-pod-identity-agent {} is {}", agent.version, agent.status);
            findings.push(known::POD_IDENTITY_AGENT.at(&at, message));
        }
        Some(_) => {}
    }
    if let Some((step, pods)) = cluster.pods()
        && let Some(version) = pods.plugin.version.as_ref().and_then(|version| version.parse::<PluginVersion>().ok())
        && version < FIRST_WITH_THE_AGENT
    {
        let message = format!("the plugin is {version}, and asks the agent from {FIRST_WITH_THE_AGENT} on");
        findings.push(known::PLUGIN_WITHOUT_POD_IDENTITY.at(&step.address, message));
    }
    findings
}

/// One that the plan takes away or gives another role: pods have what they were given by it until they are
/// restarted.
fn outlived_by_sessions(cluster: &Cluster<'_>) -> Option<Finding> {
    let (step, [found, after]) = cluster.service_account()?;
    let found = found.association.as_ref()?;
    let message = match &after.association {
        None => {
            "pods keep the credentials that they have by the association until they are restarted, which the plan does \
             next; a container that restarts on its own before that gets none"
                .to_owned()
        }
        Some(after) if after.role_arn != found.role_arn && uses_one(cluster) => {
            format!(
                "pods have what they were given by the association, {} as it is now, until they are restarted, which \
                 the plan does next, or until their session ends by itself: then they get {}",
                found.role_arn, after.role_arn
            )
        }
        Some(_) => return None,
    };
    Some(known::POD_IDENTITY_SESSION.at(&step.address, message))
}

/// Whether any pod was found with a role by an association, as far as pods were looked at.
fn uses_one(cluster: &Cluster<'_>) -> bool {
    cluster.pods().is_none_or(|(_, pods)| pods.identities().into_iter().any(PodIdentity::is_by_association))
}

/// An association that no plan has made, and that the plan would give another role or take away.
fn changed_of_others(cluster: &Cluster<'_>) -> Option<Finding> {
    let (step, [found, after]) = cluster.service_account()?;
    let association = found.association.as_ref()?;
    let stays = after.association.as_ref() == Some(association);
    if association.is_of_a_plan() || stays && association.besides.is_empty() {
        return None;
    }
    if !association.besides.is_empty() {
        let message = format!(
            "its Pod Identity association has {}, which no plan sets or puts back",
            association.besides.join(", ")
        );
        return Some(known::POD_IDENTITY_ASSOCIATION.at(&step.address, message));
    }
    let owner = association.owner_arn.as_deref();
    let whose =
        owner.map_or_else(|| "nothing says that a plan has made it".to_owned(), |arn| format!("it belongs to {arn}"));
    let message = format!("its Pod Identity association names {}, and {whose}", association.role_arn);
    Some(known::POD_IDENTITY_ASSOCIATION.at(&step.address, message))
}

//! Whom a role that is there already lets in besides the plugin: the plugin of another issuer, most often that
//! of a cluster which was deleted and made anew under the same name, and whoever else has the role for their own.
//! A plan leaves what they wrote as it is, so that they get what the plugin gets.

mod entrant;

use std::collections::BTreeSet;

use self::entrant::{Entrant, entrants};
use super::{Cluster, a_few, known};
use crate::{Finding, Kind, Target};

/// Hands roles out to pods by their Pod Identity associations (EKS User Guide, "Create IAM role with trust policy
/// required by EKS Pod Identity").
const POD_IDENTITY: &str = "pods.eks.amazonaws.com";

pub(super) fn findings(cluster: &Cluster<'_>) -> Vec<Finding> {
    let Some((step, Some(found))) = cluster.role() else { return Vec::new() };
    let Some(subject) = subject(cluster) else { return Vec::new() };
    let issuer = cluster.planned.facts.issuer.as_deref();
    let (mut stale, mut foreign) = (Vec::new(), Vec::new());
    for entrant in found.trust.statements().iter().flat_map(entrants).collect::<BTreeSet<_>>() {
        match entrant {
            Entrant::Subject { issuer: other, subject: other_subject } if other_subject == subject => {
                stale.extend(Some(other).filter(|other| Some(*other) != issuer));
            }
            // Whose association, the trust does not say. The plugin's may be it, from before the spec asked for the
            // other way, and that is no stranger.
            Entrant::Service(POD_IDENTITY) => {}
            other => foreign.push(other.to_string()),
        }
    }
    let of_the_cluster =
        issuer.map_or_else(|| "the cluster has none".to_owned(), |issuer| format!("the cluster's is {issuer}"));
    let message =
        |other: &str| format!("role {} trusts the plugin of issuer {other}, and {of_the_cluster}", found.name);
    let mut findings: Vec<Finding> =
        stale.into_iter().map(|other| known::STALE_ISSUER.at(&step.address, message(other))).collect();
    if !foreign.is_empty() {
        let message = format!("role {} lets in others than the plugin: {}", found.name, a_few(&foreign));
        findings.push(known::FOREIGN_TRUST.at(&step.address, message));
    }
    findings
}

/// What the tokens of the plugin's service account say that they are of.
fn subject(cluster: &Cluster<'_>) -> Option<String> {
    match &cluster.step(Kind::Annotate)?.target {
        Target::ServiceAccount { namespace, name, .. } => Some(format!("system:serviceaccount:{namespace}:{name}")),
        _ => None,
    }
}

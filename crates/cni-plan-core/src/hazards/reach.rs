//! Whether the plugin's pods can get to what they need, and by the way that the spec asks for.

use super::{Cluster, known};
use crate::{Address, Finding, Kind, PodIdentity, Run};

pub(super) fn findings(cluster: &Cluster<'_>) -> Vec<Finding> {
    let (key, facts) = (&cluster.planned.cluster.key, &cluster.planned.facts);
    let mut findings = Vec::new();
    let wanted = cluster.step(Kind::Verify).and_then(|verify| verify.run.as_ref()).map(Run::identity);
    let Some(PodIdentity::WebIdentity { sts_regional, .. }) = wanted else { return findings };
    if let (Some(association), Some(annotate)) = (&facts.association, cluster.step(Kind::Annotate)) {
        let message = format!("association {association} names a role for it, and pods take that one");
        findings.push(known::POD_IDENTITY_ASSOCIATION.at(&annotate.address, message));
    }
    if facts.is_private && *sts_regional != Some(true) {
        let at = Address::new(key, Kind::Cluster, &[]);
        let message = "its endpoint is private, and nothing says that its pods call STS in the region";
        findings.push(known::PRIVATE_CLUSTER.at(&at, message.to_owned()));
    }
    findings
}

//! What clusters have already, told from a plan of them: what a spec has to say so that a plan of it changes as
//! little as can be.

use std::collections::HashMap;

use crate::by_cluster::{FindingsByCluster, StepsByCluster};
use crate::role_record::by_role;
use crate::{
    Change, ChangeSet, Finding, IpFamily, Kind, NeedKind, Permissions, PlannedCluster, Plugin, PluginProfile, Resource,
    RolePolicy, RoleRecord, Severity, annotation_keys, needs,
};

/// What one cluster has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Existing {
    /// The EKS cluster's name.
    pub name: String,
    /// The region that was asked.
    pub region: String,
    /// Twelve digits.
    pub account: String,
    /// Its family.
    pub ip_family: IpFamily,
    /// The role that the plugin's service account has.
    pub role: Option<ExistingRole>,
    /// Whether the role that the spec asks for is there.
    pub has_wanted_role: bool,
    /// Whether the account has no OIDC provider for the cluster's issuer.
    pub lacks_oidc_provider: bool,
    /// A policy on the plugin's role that allows what the plugin needs, by ARN, where the plan would put another
    /// beside it.
    pub policy_arn: Option<String>,
    /// The add-on's version, where EKS manages the plugin.
    pub addon: Option<String>,
    /// Names of the nodes' roles.
    pub node_roles: Vec<String>,
    /// What refuses the plan.
    pub refusals: Vec<Finding>,
}

/// A role that the plugin has already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExistingRole {
    /// Its ARN, path included.
    pub arn: String,
    /// Who says so.
    pub by: RoleBy,
    /// Whether it was looked for and is not there.
    pub is_gone: bool,
}

/// What gives a service account its role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RoleBy {
    /// An annotation of the service account.
    Annotation,
    /// The EKS add-on's setting.
    Addon,
    /// A Pod Identity association.
    Association,
}

impl ExistingRole {
    /// `arn:PARTITION:iam::ACCOUNT:role/PATH/NAME` taken apart: account, path with its slashes, and name. `None` of
    /// another ARN.
    pub fn parts(&self) -> Option<(&str, &str, &str)> {
        let mut parts = self.arn.splitn(6, ':').skip(4);
        let account = parts.next()?;
        let path_and_name = parts.next()?.strip_prefix("role")?;
        let (_, name) = path_and_name.rsplit_once('/')?;
        Some((account, path_and_name.strip_suffix(name)?, name))
    }
}

/// What each cluster of a plan has, sorted by key.
pub fn existing(change_set: &ChangeSet) -> Vec<Existing> {
    let mut steps = StepsByCluster::of(&change_set.changes);
    let mut findings = FindingsByCluster::of(&change_set.findings, &change_set.changes);
    let records = by_role(&change_set.header.roles);
    let of = |planned: &PlannedCluster| {
        let key = &planned.cluster.key;
        of_cluster(planned, &steps.take(key), findings.take(key), &records)
    };
    change_set.header.clusters.iter().map(of).collect()
}

/// What is on roles, by account and name.
type Records<'a> = HashMap<(&'a str, &'a str), &'a RoleRecord>;

fn of_cluster(
    planned: &PlannedCluster,
    steps: &[&Change],
    mut findings: Vec<&Finding>,
    records: &Records<'_>,
) -> Existing {
    let of_kind = |kind: Kind| steps.iter().copied().find(|change| change.address.kind() == kind);
    findings.retain(|finding| finding.severity == Severity::Refuse);
    Existing {
        name: planned.cluster.name.clone(),
        region: planned.facts.region.clone(),
        account: planned.facts.account.clone(),
        ip_family: planned.facts.ip_family,
        role: of_kind(Kind::Annotate).and_then(role_of),
        has_wanted_role: of_kind(Kind::Role).is_some_and(|change| change.before.is_some()),
        lacks_oidc_provider: of_kind(Kind::OidcProvider).is_some_and(|change| change.before.is_none()),
        policy_arn: policy_beside(planned, records, steps),
        addon: planned.facts.managed_addon.as_ref().map(|addon| addon.version.clone()),
        node_roles: planned.facts.node_roles.iter().map(|role| role.name.clone()).collect(),
        refusals: findings.into_iter().cloned().collect(),
    }
}

/// An association comes before the annotation (facts: The webhook), and an add-on writes the annotation.
fn role_of(annotate: &Change) -> Option<ExistingRole> {
    let [Some(account), _] = annotate.service_accounts() else { return None };
    let by = |by: RoleBy, arn: &str| Some(ExistingRole { arn: arn.to_owned(), by, is_gone: false });
    if let Some(association) = &account.association {
        return by(RoleBy::Association, &association.role_arn);
    }
    if let Some(arn) = account.addon.as_ref().and_then(|addon| addon.role_arn.as_deref()) {
        return by(RoleBy::Addon, arn);
    }
    by(RoleBy::Annotation, &account.annotations.get(annotation_keys::ROLE_ARN)?.value)
}

/// Where the policy that the spec asks for is not on the role, and another that is enough is.
fn policy_beside(planned: &PlannedCluster, records: &Records<'_>, steps: &[&Change]) -> Option<String> {
    let attach = steps.iter().find(|change| change.address.kind() == Kind::Attach && change.is_effective())?;
    let Some(Resource::Attachment(attachment)) = &attach.after else { return None };
    let facts = &planned.facts;
    let record = records.get(&(facts.account.as_str(), attachment.role.as_str()))?;
    let plugin = steps.iter().find_map(|change| match &change.before {
        Some(Resource::Pods(pods)) => Some(pods.plugin.clone()),
        _ => None,
    });
    let plugin = plugin.unwrap_or_else(Plugin::default);
    let profile = PluginProfile::of(&plugin, &facts.partition, &facts.region, &facts.account, facts.ip_family);
    let mut needs = needs(&profile);
    needs.retain(|need| need.kind == NeedKind::Hard);
    let is_enough = |policy: &&RolePolicy| {
        let document = policy.document.as_ref().filter(|_| !policy.is_inline);
        document.is_some_and(|document| Permissions::of(&policy.name, document).lacking(&needs).is_empty())
    };
    record.policies.iter().find(is_enough).map(|policy| policy.name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_roles_arn_is_taken_apart() {
        let role = |arn: &str| ExistingRole { arn: arn.to_owned(), by: RoleBy::Annotation, is_gone: false };
        let plain = role("arn:aws:iam::111122223333:role/Plugin");
        assert_eq!(plain.parts(), Some(("111122223333", "/", "Plugin")));
        let with_path = role("arn:aws-cn:iam::111122223333:role/team/net/Plugin");
        assert_eq!(with_path.parts(), Some(("111122223333", "/team/net/", "Plugin")));
        for odd in ["", "Plugin", "arn:aws:iam::111122223333:user/u", "arn:aws:iam::1:roleX"] {
            assert_eq!(role(odd).parts(), None, "{odd}");
        }
    }
}

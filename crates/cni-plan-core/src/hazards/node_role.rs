//! Whether taking a policy off a node role achieves what it is for: that nodes, and whatever runs on them, can
//! no longer change network interfaces. By another policy, or a copy under another name, they still could.

use std::collections::{BTreeMap, HashMap};

use super::{Cluster, known, role};
use crate::{Change, Context, Finding, IpFamily, Kind, Need, Permissions, RoleRecord, Target};

/// What is known of the clusters whose nodes have a role, by key.
pub(super) type Plugins<'a> = HashMap<&'a str, NodesOf>;

/// What a cluster's nodes shall no longer be allowed.
pub(super) struct NodesOf {
    /// What its plugin changes.
    changed: Vec<Need>,
    /// What a plugin of either family changes: nodes have policies of the other one too.
    changed_by_any: Vec<Need>,
    context: Context,
}

impl NodesOf {
    pub(super) fn new(cluster: &Cluster<'_>) -> NodesOf {
        let changed = |family| role::needs_of(cluster, family).into_iter().filter(Need::changes);
        let mut changed_by_any: Vec<Need> = changed(IpFamily::Ipv4).collect();
        for need in changed(IpFamily::Ipv6) {
            if !changed_by_any.contains(&need) {
                changed_by_any.push(need);
            }
        }
        let changed = changed(cluster.planned.facts.ip_family).collect();
        NodesOf { changed, changed_by_any, context: role::context_of(cluster) }
    }
}

/// The steps that take policies off one role.
struct Detaches<'a> {
    record: &'a RoleRecord,
    steps: Vec<&'a Change>,
}

pub(super) fn findings(
    changes: &[Change],
    records: &HashMap<(&str, &str), &RoleRecord>,
    plugins: &Plugins<'_>,
) -> Vec<Finding> {
    let mut roles: BTreeMap<(&str, &str), Detaches<'_>> = BTreeMap::new();
    for change in changes.iter().filter(|change| change.address.kind() == Kind::Detach) {
        let Target::Attachment { account, role, .. } = &change.target else { continue };
        let key = (account.as_str(), role.as_str());
        let Some(record) = records.get(&key) else { continue };
        roles.entry(key).or_insert_with(|| Detaches { record, steps: Vec::new() }).steps.push(change);
    }
    roles.values().filter_map(|role| role.finding(plugins)).collect()
}

impl Detaches<'_> {
    /// One a role, at its first step: one that does something, if any.
    fn finding(&self, plugins: &Plugins<'_>) -> Option<Finding> {
        let step = self.steps.iter().find(|step| step.is_effective()).or(self.steps.first())?;
        let mut of = step.clusters.iter().filter_map(|key| plugins.get(key.as_str()));
        let role = &self.record.name;
        if !step.is_effective()
            && let Some(copy) = of.clone().find_map(|nodes| self.copy(nodes))
        {
            let message =
                format!("{copy} allows nodes with role {role} all that the plugin needs; nothing is detached");
            return Some(known::NODE_ROLE_HAS_A_COPY.at(&step.address, message));
        }
        let kept = of.find_map(|nodes| self.kept(nodes))?;
        let when = if step.is_effective() { "after this step" } else { "without the policy" };
        let message = format!("{when} nodes with role {role} may still change network interfaces: {kept}");
        Some(known::NODE_ROLE_KEEPS_PERMISSIONS.at(&step.address, message))
    }

    /// A policy that alone allows all that is changed, unless something on the role denies it.
    fn copy(&self, nodes: &NodesOf) -> Option<String> {
        let allows_all =
            |role: &Permissions| nodes.changed.iter().all(|it| role.verdict(it.action, &it.resource).is_allowed());
        if !allows_all(&self.record.permissions(nodes.context.clone())) {
            return None;
        }
        self.alone(&nodes.context).find(|(_, role)| allows_all(role)).map(|(label, _)| label)
    }

    /// Each policy with what it still allows of what changes something; `None` where no address or interface
    /// could be changed.
    fn kept(&self, nodes: &NodesOf) -> Option<String> {
        let whole = self.record.permissions(nodes.context.clone());
        let may = |role: &Permissions, need: &Need| !role.verdict(need.action, &need.resource).is_refused();
        let kept: Vec<&Need> = nodes.changed_by_any.iter().filter(|need| may(&whole, need)).collect();
        if !kept.iter().any(|need| need.changes_interfaces()) {
            return None;
        }
        let clause = |(label, role): (String, Permissions)| {
            let mut actions: Vec<&str> = kept.iter().filter(|it| may(&role, it)).map(|it| it.action).collect();
            actions.sort_unstable();
            actions.dedup();
            (!actions.is_empty()).then(|| format!("{label} allows {}", actions.join(", ")))
        };
        let clauses: Vec<String> = self.alone(&nodes.context).filter_map(clause).collect();
        Some(clauses.join("; "))
    }

    /// Each policy as if it were the only one, with its name for people.
    fn alone(&self, context: &Context) -> impl Iterator<Item = (String, Permissions)> {
        self.record.policies.iter().filter_map(|policy| {
            let role = Permissions::new(context.clone()).with_policy(policy.label(), policy.document.as_ref()?);
            let label = if policy.is_inline { policy.label() } else { format!("policy {}", policy.name) };
            Some((label, role))
        })
    }
}

//! Whether taking a policy off a node role achieves what it is for: that nodes, and whatever runs on them, can
//! no longer change network interfaces. By another policy, or a copy under another name, they still could.

use std::collections::{BTreeMap, HashMap};

use super::known;
use crate::{Change, Context, Finding, Kind, Need, Permissions, RoleRecord, Target};

/// What is known of the clusters whose nodes have a role, by key.
pub(super) type Plugins<'a> = HashMap<&'a str, (Vec<Need>, Context)>;

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
            && let Some(copy) = of.clone().find_map(|(needs, context)| self.copy(needs, context))
        {
            let message =
                format!("{copy} allows nodes with role {role} all that the plugin needs; nothing is detached");
            return Some(known::NODE_ROLE_HAS_A_COPY.at(&step.address, message));
        }
        let kept = of.find_map(|(needs, context)| self.kept(needs, context))?;
        let when = if step.is_effective() { "after this step" } else { "without the policy" };
        let message = format!("{when} nodes with role {role} may still change network interfaces: {kept}");
        Some(known::NODE_ROLE_KEEPS_PERMISSIONS.at(&step.address, message))
    }

    /// A policy that alone allows everything, unless something on the role denies it.
    fn copy(&self, needs: &[Need], context: &Context) -> Option<String> {
        let whole = self.record.permissions(context.clone());
        let hard = || needs.iter().filter(|need| need.changes());
        if !hard().all(|need| whole.verdict(need.action, &need.resource).is_allowed()) {
            return None;
        }
        let allows_all = |role: Permissions| hard().all(|need| role.verdict(need.action, &need.resource).is_allowed());
        let mut alone = self.alone(context);
        alone.find(|(_, role)| allows_all(role.clone())).map(|(label, _)| label)
    }

    /// Each policy with what it still allows of what changes something; `None` where no address or interface
    /// could be changed.
    fn kept(&self, needs: &[Need], context: &Context) -> Option<String> {
        let whole = self.record.permissions(context.clone());
        let may = |role: &Permissions, need: &Need| !role.verdict(need.action, &need.resource).is_refused();
        let kept: Vec<&Need> = needs.iter().filter(|need| need.changes() && may(&whole, need)).collect();
        if !kept.iter().any(|need| need.changes_interfaces()) {
            return None;
        }
        let clause = |(label, role): (String, Permissions)| {
            let mut actions: Vec<&str> = kept.iter().filter(|it| may(&role, it)).map(|it| it.action).collect();
            actions.sort_unstable();
            actions.dedup();
            (!actions.is_empty()).then(|| format!("{label} allows {}", actions.join(", ")))
        };
        let clauses: Vec<String> = self.alone(context).filter_map(clause).collect();
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

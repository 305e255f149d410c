//! Whether the plugin's role, as the plan leaves it, allows what the plugin needs: by what the plan puts on it,
//! what others have put on it, and its boundary, taken together.

use super::{Cluster, known};
use crate::role_record::is_ipv4_policy;
use crate::{
    Action, Address, Change, Context, Finding, IpFamily, Kind, Lacking, Need, NeedKind, Permissions, Plugin,
    PluginProfile, Policy, Resource, Role, RolePolicy, Target, Verdict, needs,
};

pub(super) fn findings(cluster: &Cluster<'_>) -> Vec<Finding> {
    let Some((step, _)) = cluster.role() else { return Vec::new() };
    let Some(Resource::Role(role)) = &step.after else { return Vec::new() };
    if cluster.record(&role.name).is_none() && known_policy(cluster, role).is_some() {
        // Nothing takes away from a policy that is known to be enough: so it is on most clusters.
        return Vec::new();
    }
    let after = AfterPlan::of(cluster, role);
    let mut findings: Vec<Finding> = after.missing(step).collect();
    let needs = needs_of(cluster, cluster.planned.facts.ip_family);
    findings.extend(after.too_small(cluster, step, &needs));
    findings.extend(after.equal_one(cluster, &needs));
    findings
}

/// What the plugin of a cluster needs, or would in the other family, as far as its pods tell.
pub(super) fn needs_of(cluster: &Cluster<'_>, ip_family: IpFamily) -> Vec<Need> {
    let facts = &cluster.planned.facts;
    let unknown = Plugin::default();
    let plugin = cluster.pods().map_or(&unknown, |(_, pods)| &pods.plugin);
    needs(&PluginProfile::of(plugin, &facts.partition, &facts.region, &facts.account, ip_family))
}

/// What is known of every request of a cluster's plugin.
pub(super) fn context_of(cluster: &Cluster<'_>) -> Context {
    Context::default().with("aws:RequestedRegion", cluster.planned.facts.region.clone())
}

/// The policies that the plan puts on a role, by ARN, each with its step.
fn attached<'a>(cluster: &Cluster<'a>, role: &'a Role) -> impl Iterator<Item = (&'a Change, &'a str)> {
    let of_role = |step: &&'a Change| match &step.target {
        Target::Attachment { role: on, policy_arn, .. } if step.address.kind() == Kind::Attach && *on == role.name => {
            Some((*step, policy_arn.as_str()))
        }
        _ => None,
    };
    cluster.steps.iter().filter_map(of_role)
}

/// One of them that is known to be enough, and was not read. On a cluster of IPv6 it has been.
fn known_policy<'a>(cluster: &Cluster<'a>, role: &'a Role) -> Option<&'a str> {
    let is_ipv4 = cluster.planned.facts.ip_family == IpFamily::Ipv4;
    attached(cluster, role).map(|(_, arn)| arn).find(|arn| is_ipv4 && is_ipv4_policy(arn))
}

/// The role once every step is done.
struct AfterPlan<'a> {
    role: &'a Role,
    permissions: Permissions,
    /// The policy that a step defines or refers to, with that step.
    defined: Option<(&'a Change, &'a Policy)>,
    /// Where a policy of the plan's comes onto the role.
    attach: Option<&'a Address>,
    /// What was found beside.
    found: &'a [RolePolicy],
    boundary: Option<&'a RolePolicy>,
    /// Whether there may be more on it.
    is_partial: bool,
    /// Whether a policy of the plan's does not exist: that is told, and what it would allow is not known.
    lacks_one: bool,
}

impl<'a> AfterPlan<'a> {
    fn of(cluster: &Cluster<'a>, role: &'a Role) -> AfterPlan<'a> {
        let record = cluster.record(&role.name);
        let (found, boundary) = record.map_or((&[][..], None), |it| (it.policies.as_slice(), it.boundary.as_ref()));
        let mut permissions = match record {
            Some(record) => record.permissions(context_of(cluster)),
            None => Permissions::new(context_of(cluster)),
        };
        // One that was read, since a cluster of the other family has the role too, is judged by what it says.
        if let Some(arn) = known_policy(cluster, role).filter(|arn| !found.iter().any(|it| it.name == *arn)) {
            permissions = permissions.with_all_allowed_by(arn);
        }
        let step = cluster.step(Kind::Policy);
        let defined = step.and_then(|step| match &step.after {
            Some(Resource::Policy(policy)) => Some((step, policy)),
            _ => None,
        });
        if let Some((_, policy)) = defined {
            permissions = permissions.with_policy(&policy.name, &policy.document);
        }
        AfterPlan {
            role,
            permissions,
            defined,
            attach: attached(cluster, role).next().map(|(step, _)| &step.address),
            found,
            boundary,
            is_partial: record.is_some_and(|record| record.is_partial),
            lacks_one: step.is_some() && defined.is_none() || found.iter().any(|it| it.document.is_none()),
        }
    }

    /// Policies that the spec names and that are not there.
    fn missing(&self, step: &'a Change) -> impl Iterator<Item = Finding> {
        let is_missing = |policy: &&RolePolicy| policy.document.is_none();
        let attach = self.attach.unwrap_or(&step.address);
        let policies = self
            .found
            .iter()
            .filter(is_missing)
            .map(move |policy| known::POLICY_MISSING.at(attach, format!("policy {} does not exist", policy.name)));
        let boundary = self.boundary.filter(is_missing).map(|policy| {
            let message = format!("policy {}, the role's permissions boundary, does not exist", policy.name);
            let cure = "create it, or name another under `role.permissionsBoundary`, or leave that out".to_owned();
            Finding { cure, ..known::POLICY_MISSING.at(&step.address, message) }
        });
        policies.chain(boundary)
    }

    /// What the role lacks, by what stands against it: each has its own cure.
    fn too_small(&self, cluster: &Cluster<'_>, step: &Change, needs: &[Need]) -> Vec<Finding> {
        let Some((_, pods)) = cluster.pods() else { return Vec::new() };
        let lacking = self.permissions.lacking(needs);
        let told = |what: Against| {
            let mut clauses: Vec<String> = Vec::new();
            let hard = lacking.iter().filter(|it| it.need.kind == NeedKind::Hard);
            for it in hard.filter(|it| self.against(it) == what) {
                let clause = format!("{} is {}", it.need.action, it.verdict);
                if !clauses.contains(&clause) {
                    clauses.push(clause);
                }
            }
            (!clauses.is_empty()).then(|| clauses.join("; "))
        };
        let version = pods.plugin.version.as_deref().unwrap_or("of a version that is not known");
        let role = &self.role.name;
        let mut findings = Vec::new();
        if let Some(clauses) = told(Against::Nobody).filter(|_| !self.lacks_one) {
            let whose = match self.defined {
                Some((_, policy)) if self.found.is_empty() => format!("policy {} allows", policy.name),
                _ => format!("the policies of role {role} allow"),
            };
            let message = format!("the plugin, {version}, needs more than {whose}: {clauses}");
            let at = self.defined.map(|(step, _)| &step.address).or(self.attach).unwrap_or(&step.address);
            // What could not be read may be all that is missing.
            findings.push(if self.is_partial {
                known::NEED_UNCERTAIN.at(&step.address, format!("{message}; not all of them could be read"))
            } else {
                known::POLICY_TOO_SMALL.at(at, message)
            });
        }
        for (what, sort) in [
            (Against::Boundary, &known::BOUNDARY_TOO_SMALL),
            (Against::Deny, &known::NEED_DENIED),
            (Against::Condition, &known::NEED_UNCERTAIN),
        ] {
            let message = |clauses| format!("the plugin, {version}, needs what role {role} lacks: {clauses}");
            findings.extend(told(what).map(|clauses| sort.at(&step.address, message(clauses))));
        }
        findings
    }

    fn against(&self, lacking: &Lacking<'_>) -> Against {
        match lacking.verdict {
            Verdict::OutsideBoundary { .. } => Against::Boundary,
            Verdict::Denied { .. } => Against::Deny,
            Verdict::PerhapsDenied { .. } => Against::Condition,
            Verdict::Conditional { policy } | Verdict::InPart { policy }
                if self.boundary.is_some_and(|boundary| boundary.name == policy) =>
            {
                Against::Condition
            }
            // Whether nodes are in subnets that another account shares cannot be seen from here.
            _ if lacking.need.own.as_ref().is_some_and(|own| self.allows(lacking.need.action, own)) => {
                Against::Condition
            }
            _ => Against::Nobody,
        }
    }

    fn allows(&self, action: &str, resource: &str) -> bool {
        self.permissions.verdict(action, resource).is_allowed()
    }

    /// A policy that is on the role already and allows the same as the one that is to be made.
    fn equal_one(&self, cluster: &Cluster<'_>, needs: &[Need]) -> Option<Finding> {
        let (step, policy) = self.defined.filter(|(step, _)| step.action == Action::Create)?;
        let alone = |policy: &RolePolicy| {
            let document = policy.document.as_ref()?;
            Some(Permissions::new(context_of(cluster)).with_policy(&policy.name, document))
        };
        let wanted = Permissions::new(context_of(cluster)).with_policy(&policy.name, &policy.document);
        let is_equal = |found: &&RolePolicy| {
            !found.is_inline && alone(found).is_some_and(|found| found.is_equal_for(&wanted, needs))
        };
        let found = self.found.iter().find(is_equal)?;
        let message =
            format!("policy {} is on role {} already and allows the plugin the same", found.name, self.role.name);
        Some(known::EQUAL_POLICY.at(&step.address, message))
    }
}

/// What stands against a need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Against {
    /// Nobody allows it, or not for all of it, or on conditions.
    Nobody,
    /// The boundary does not.
    Boundary,
    /// A policy denies it.
    Deny,
    /// A Deny, or the boundary, on conditions or for some of the resources; or what is allowed is the account's own
    /// only, and others' can be shared with it.
    Condition,
}

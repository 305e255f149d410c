//! What is on a role beside a plan's own steps: which roles to ask about, and what of the answers a change
//! set keeps.
//!
//! A role is the sum of its documents: a boundary, a Deny or a copy of a policy that no step is about decides
//! what the steps come to. A change set keeps the statements that bear on the plugin and no others, and of a
//! role on which there are none, nothing; so what is reviewed is short, and whoever has a change set can judge
//! it again.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::hazards::is_owners;
use crate::permissions::{Bearing, bearing};
use crate::{
    Address, Change, Context, IpFamily, Kind, Node, Permissions, PlannedCluster, PolicyDocument, Resource, Target,
    Unread, Wanted,
};

/// The policy that nodes and the plugin of an IPv4 cluster share (facts: Policies).
const IPV4_POLICY: &str = "AmazonEKS_CNI_Policy";

/// Policies of Amazon's that the EKS User Guide puts on nodes ("Amazon EKS node IAM role"; the last is Systems
/// Manager's and CloudWatch's own advice): none changes a network interface, so none is read.
const HARMLESS_ON_NODES: &[&str] = &[
    "AmazonEKSWorkerNodePolicy",
    "AmazonEKSWorkerNodeMinimalPolicy",
    "AmazonEC2ContainerRegistryReadOnly",
    "AmazonEC2ContainerRegistryPullOnly",
    "AmazonSSMManagedInstanceCore",
    "CloudWatchAgentServerPolicy",
];

/// Whose role it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RoleOf {
    /// The plugin's own: all that bears on what the plugin needs is of interest.
    Plugin,
    /// Nodes': what it may still change after a policy is off it.
    Nodes,
}

/// A role to be asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleAsked {
    /// Twelve digits.
    pub account: String,
    /// The role's name, without path.
    pub name: String,
    /// Whose it is.
    pub of: RoleOf,
    /// The boundary's ARN, where the plan says it; else the one that is found counts.
    pub boundary: Option<String>,
    /// Policies to be read whether they are on the role yet or not: by ARN.
    pub to_come: BTreeSet<String>,
    /// Policies that need not be read, by ARN: a step says what they say, or takes them off, or it is known.
    pub settled: BTreeSet<String>,
    /// The clusters that it is about, by key.
    pub clusters: BTreeSet<String>,
    /// Whether it may be there already, and others have put something on it.
    pub(crate) is_there: bool,
}

impl RoleAsked {
    /// Whether an attached policy's document has to be read.
    pub fn needs(&self, arn: &str) -> bool {
        let is_known = match self.of {
            RoleOf::Plugin => false,
            RoleOf::Nodes => is_harmless_on_nodes(arn),
        };
        !is_known && !self.settled.contains(arn)
    }
}

/// What was found on a role, and what of it could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleRead {
    /// With documents as they were found.
    pub record: RoleRecord,
    /// What could not be read.
    pub unread: Vec<Unread>,
}

/// What is on a role beside the plan's steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoleRecord {
    /// Twelve digits.
    pub account: String,
    /// The role's name, without path.
    pub name: String,
    /// Tags of tools that own it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub owner_tags: BTreeMap<String, String>,
    /// The boundary.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub boundary: Option<RolePolicy>,
    /// Attached and inline policies, sorted.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub policies: Vec<RolePolicy>,
    /// Whether some of them, or the boundary, could not be read.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub is_partial: bool,
}

/// A policy on a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RolePolicy {
    /// The ARN, or an inline policy's name.
    pub name: String,
    /// Whether it is a part of the role, and has no ARN.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub is_inline: bool,
    /// What it says, as far as that bears on the plugin; `None`: there is no such policy.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub document: Option<PolicyDocument>,
}

impl RolePolicy {
    /// As verdicts name it.
    pub fn label(&self) -> String {
        if self.is_inline { format!("inline policy {}", self.name) } else { self.name.clone() }
    }
}

impl RoleRecord {
    /// What the recorded policies allow together, within the recorded boundary.
    pub fn permissions(&self, context: Context) -> Permissions {
        let role = self.policies.iter().fold(Permissions::new(context), RoleRecord::joined);
        match &self.boundary {
            Some(RolePolicy { name, document: Some(document), .. }) => role.with_boundary(name, document),
            _ => role,
        }
    }

    fn joined(role: Permissions, policy: &RolePolicy) -> Permissions {
        match &policy.document {
            Some(document) => role.with_policy(policy.label(), document),
            None => role,
        }
    }

    /// Keeps of some tags those that say who owns the role.
    #[must_use]
    pub fn with_owners_of(mut self, tags: impl IntoIterator<Item = (String, String)>) -> RoleRecord {
        self.owner_tags = tags.into_iter().filter(|(key, value)| is_owners(key, value)).collect();
        self
    }

    /// With the statements that bear on the plugin and no others; `None` where nothing is left to tell.
    fn distilled(mut self, of: RoleOf) -> Option<RoleRecord> {
        let bears_on = match of {
            RoleOf::Plugin => Bearing::AnyNeed,
            RoleOf::Nodes => Bearing::Changes,
        };
        let distil = |mut policy: RolePolicy| match policy.document.take() {
            Some(document) => {
                policy.document = Some(bearing(&document, bears_on)?);
                Some(policy)
            }
            None => Some(policy),
        };
        self.policies = self.policies.into_iter().filter_map(distil).collect();
        // A boundary allows nothing by itself, and one that bears on nothing is the smallest of all.
        self.boundary = self.boundary.filter(|_| of == RoleOf::Plugin || !self.policies.is_empty()).map(|boundary| {
            let document = boundary
                .document
                .map(|document| bearing(&document, bears_on).unwrap_or_else(|| PolicyDocument::new(Vec::new())));
            RolePolicy { document, ..boundary }
        });
        let tells =
            !self.policies.is_empty() || self.boundary.is_some() || !self.owner_tags.is_empty() || self.is_partial;
        tells.then_some(self)
    }
}

/// The records that a change set keeps, sorted, of what was read of the roles that were asked about.
pub fn role_records<'a>(read: impl IntoIterator<Item = (&'a RoleAsked, RoleRecord)>) -> Vec<RoleRecord> {
    let mut records: Vec<RoleRecord> =
        read.into_iter().filter_map(|(asked, record)| record.distilled(asked.of)).collect();
    records.sort_by(|one, other| (&one.account, &one.name).cmp(&(&other.account, &other.name)));
    records
}

/// The records of the roles that a plan's safety rests on, where they are not what was recorded: as recorded,
/// and as found. What nodes may do besides is told and not rested on, and neither is who owns a role. What the
/// policies say that `changes` make or alter is their steps' to compare. Of a role that the planner could not
/// read whole, what it did read is compared: the plan has told that there may be more.
pub fn roles_drift(
    asked: &[RoleAsked],
    changes: &[Change],
    planned: &[RoleRecord],
    found: &[RoleRecord],
) -> Vec<(RoleRecord, RoleRecord)> {
    let steps_own: HashSet<&str> = changes
        .iter()
        .filter_map(|change| match &change.target {
            Target::Policy { arn, .. } => Some(arn.as_str()),
            _ => None,
        })
        .collect();
    let (planned, found) = (by_role(planned), by_role(found));
    let of = |records: &HashMap<(&str, &str), &RoleRecord>, asked: &RoleAsked| {
        let record = records.get(&(asked.account.as_str(), asked.name.as_str()));
        record.map_or_else(|| RoleRecord::empty(&asked.account, &asked.name), |record| record.beside(&steps_own))
    };
    let pairs = asked.iter().map(|asked| (of(&planned, asked), of(&found, asked)));
    pairs.filter(|(planned, found)| !planned.is_confirmed_by(found)).collect()
}

/// Records by account and name.
pub(crate) fn by_role(records: &[RoleRecord]) -> HashMap<(&str, &str), &RoleRecord> {
    records.iter().map(|it| ((it.account.as_str(), it.name.as_str()), it)).collect()
}

impl RoleRecord {
    /// What is compared of it: neither its owners nor what these policies, by ARN, say.
    fn beside(&self, steps_own: &HashSet<&str>) -> RoleRecord {
        let mut record = RoleRecord { owner_tags: BTreeMap::new(), ..self.clone() };
        for policy in record.policies.iter_mut().chain(&mut record.boundary) {
            if !policy.is_inline && steps_own.contains(policy.name.as_str()) {
                policy.document = None;
            }
        }
        record
    }

    /// Whether `found` has all that was seen, and nothing more where all was seen.
    fn is_confirmed_by(&self, found: &RoleRecord) -> bool {
        if !self.is_partial {
            return (&self.policies, &self.boundary) == (&found.policies, &found.boundary);
        }
        let has_it = |policy: &RolePolicy| found.policies.contains(policy);
        self.policies.iter().all(has_it) && (self.boundary.is_none() || self.boundary == found.boundary)
    }

    /// Of a role on which nothing was found.
    pub fn empty(account: &str, name: &str) -> RoleRecord {
        RoleRecord {
            account: account.to_owned(),
            name: name.to_owned(),
            owner_tags: BTreeMap::new(),
            boundary: None,
            policies: Vec::new(),
            is_partial: false,
        }
    }
}

/// The roles to ask about for a plan that is being made.
pub fn roles_of_nodes<'a>(
    nodes: impl IntoIterator<Item = (&'a Address, &'a Node)>,
    clusters: &[PlannedCluster],
) -> Vec<RoleAsked> {
    let part = |(address, node): (&'a Address, &'a Node)| Part {
        kind: address.kind(),
        target: &node.target,
        state: match &node.wanted {
            Wanted::Present(state) | Wanted::Referred(state) => Some(state),
            Wanted::Absent | Wanted::Run(_) => None,
        },
        is_there: true,
        clusters: &node.clusters,
    };
    roles_of(nodes.into_iter().map(part), clusters)
}

/// The roles to ask about again before a plan is carried out: the plugin's own, where anything beside the
/// plan's steps can be on them. Nothing can be on a role that is still to be made but its boundary, and what
/// its boundary says can change.
pub fn roles_rested_on<'a>(changes: &'a [Change], clusters: &[PlannedCluster]) -> Vec<RoleAsked> {
    let part = |change: &'a Change| {
        let Change { address, target, before, after, clusters, .. } = change;
        Part { kind: address.kind(), target, state: after.as_ref(), is_there: before.is_some(), clusters }
    };
    let mut asked = roles_of(changes.iter().map(part), clusters);
    asked.retain(|asked| {
        asked.of == RoleOf::Plugin && (asked.is_there || asked.boundary.is_some() || !asked.to_come.is_empty())
    });
    asked
}

/// A step, or what is to become one.
struct Part<'a> {
    kind: Kind,
    target: &'a Target,
    /// As it is to be.
    state: Option<&'a Resource>,
    /// Whether it may be there already.
    is_there: bool,
    clusters: &'a [String],
}

fn roles_of<'a>(parts: impl Iterator<Item = Part<'a>>, clusters: &[PlannedCluster]) -> Vec<RoleAsked> {
    let mut roles: BTreeMap<(&str, &str), RoleAsked> = BTreeMap::new();
    let (mut attached, mut defined) = (Vec::new(), BTreeSet::new());
    for part in parts {
        let (account, name, of) = match (part.target, part.kind) {
            (Target::Role { account, name }, _) => (account, name, RoleOf::Plugin),
            (Target::Attachment { account, role, policy_arn }, Kind::Detach) => {
                attached.push((account, role, policy_arn, Kind::Detach, part.clusters));
                (account, role, RoleOf::Nodes)
            }
            (Target::Attachment { account, role, policy_arn }, kind) => {
                attached.push((account, role, policy_arn, kind, part.clusters));
                continue;
            }
            (Target::Policy { arn, .. }, _) => {
                defined.insert(arn.as_str());
                continue;
            }
            _ => continue,
        };
        let role = roles.entry((account, name)).or_insert_with(|| RoleAsked {
            account: account.clone(),
            name: name.clone(),
            of,
            boundary: None,
            to_come: BTreeSet::new(),
            settled: BTreeSet::new(),
            clusters: BTreeSet::new(),
            is_there: false,
        });
        role.of = role.of.min(of);
        role.clusters.extend(part.clusters.iter().cloned());
        if let Some(Resource::Role(state)) = part.state {
            role.boundary = state.permissions_boundary.clone();
            role.is_there |= part.is_there;
        }
    }
    let ipv6: BTreeSet<&str> = clusters
        .iter()
        .filter(|planned| planned.facts.ip_family == IpFamily::Ipv6)
        .map(|planned| planned.cluster.key.as_str())
        .collect();
    for (account, role, policy_arn, kind, clusters) in attached {
        let Some(role) = roles.get_mut(&(account.as_str(), role.as_str())) else { continue };
        let is_known = is_ipv4_policy(policy_arn) && !clusters.iter().any(|key| ipv6.contains(key.as_str()));
        if kind == Kind::Detach || is_known || defined.contains(policy_arn.as_str()) {
            role.settled.insert(policy_arn.clone());
        } else {
            role.to_come.insert(policy_arn.clone());
        }
    }
    roles.into_values().collect()
}

fn is_harmless_on_nodes(arn: &str) -> bool {
    let mut parts = arn.split(':').skip(4);
    let is_amazons = parts.next() == Some("aws");
    let name = parts.next().and_then(|path| path.rsplit('/').next());
    is_amazons && name.is_some_and(|name| HARMLESS_ON_NODES.contains(&name))
}

/// Whether it is Amazon's policy for IPv4: its current version is Amazon's to keep in step with the plugin, and
/// meets what one of IPv4 needs.
pub(crate) fn is_ipv4_policy(arn: &str) -> bool {
    arn.split_once(":iam::aws:policy/").is_some_and(|(_, name)| name == IPV4_POLICY)
}

#[cfg(test)]
mod tests;

//! What can be said of a spec before anybody is asked.
//!
//! The rules are those of [`compile`](super::compile): it is given facts that are made up so that they suit the spec
//! wherever it is silent. Whatever it says against them, it would say against any facts.

use std::collections::{BTreeSet, HashMap};

use cni_plan_core::{ClusterFacts, IpFamily, ManagedAddon, NodeRole, PlannedCluster};

use super::{CompileProblem, cluster_refs, compile};
use crate::{Addon, ClusterSpec, Identity, NodeRoles, Spec};

/// Stands for an issuer that nobody knows yet.
const ISSUER: &str = "issuer-that-nobody-knows";
/// Stands for all roles of nodes that nobody knows yet.
const NODE_ROLE: &str = "node-role-that-nobody-knows";

/// Facts that were made up.
#[derive(Debug, Clone)]
pub struct Assumed {
    /// In the spec's order, as [`compile`](super::compile) takes them.
    pub clusters: Vec<PlannedCluster>,
    /// Texts in them that stand for what nobody knows. None is part of another.
    pub unknown: BTreeSet<String>,
}

/// All contradictions that hold whatever is live, in the spec's order; empty when there are none.
pub fn contradictions(spec: &Spec) -> Vec<CompileProblem> {
    compile(spec, &assumed(spec).clusters).err().unwrap_or_default()
}

/// Facts of the spec's clusters as the spec has them; of what it does not say, something that suits it.
pub fn assumed(spec: &Spec) -> Assumed {
    let accounts = Accounts::of(spec);
    let mut unknown = BTreeSet::from([ISSUER, NODE_ROLE].map(str::to_owned));
    let references = cluster_refs(spec).into_iter().enumerate().zip(&spec.clusters);
    let clusters = references
        .map(|((at, (cluster, asked)), wanted)| {
            let account = accounts.account(wanted).unwrap_or_else(|made_up| {
                unknown.insert(made_up.clone());
                made_up
            });
            let region = wanted.region.clone().unwrap_or_else(|| {
                // As short as a region can be, and no two are the same.
                let made_up = format!("r{at:08}");
                unknown.insert(made_up.clone());
                made_up
            });
            PlannedCluster { cluster, asked, facts: facts(wanted, account, region) }
        })
        .collect();
    Assumed { clusters, unknown }
}

fn facts(wanted: &ClusterSpec, account: String, region: String) -> ClusterFacts {
    let addon = |owner: &str| ManagedAddon { version: format!("by `{owner}`"), status: "ACTIVE".to_owned() };
    // A document without a name is at home with IPv6 alone.
    let takes_ipv6 = wanted.policy.document.is_some() && wanted.policy.name.is_none();
    let node_role = |name: &str| NodeRole { name: name.to_owned(), found_in: Vec::new() };
    ClusterFacts {
        account,
        partition: partition_of(&region).to_owned(),
        region,
        ip_family: wanted.ip_family.unwrap_or(if takes_ipv6 { IpFamily::Ipv6 } else { IpFamily::Ipv4 }),
        issuer: Some(ISSUER.to_owned()),
        version: String::new(),
        managed_addon: (wanted.addon == Addon::Managed).then(|| addon("addon: managed")),
        pod_identity_agent: (wanted.identity == Identity::PodIdentity).then(|| addon("identity: pod-identity")),
        node_roles: match &wanted.node_roles {
            NodeRoles::Auto => vec![node_role(NODE_ROLE)],
            NodeRoles::Named(names) => names.iter().map(|name| node_role(name)).collect(),
        },
        association: None,
        is_private: false,
        unread: Vec::new(),
        uses_aws_auth: true,
        endpoint: None,
        certificate_authority: None,
    }
}

/// By the region's name (AWS General Reference, "AWS partitions"; facts: Trust and ARNs).
fn partition_of(region: &str) -> &'static str {
    let partitions = [
        ("cn-", "aws-cn"),
        ("us-gov-", "aws-us-gov"),
        ("us-isob-", "aws-iso-b"),
        ("us-isof-", "aws-iso-f"),
        ("us-iso-", "aws-iso"),
        ("eu-isoe-", "aws-iso-e"),
        ("eusc-", "aws-eusc"),
    ];
    partitions.iter().find(|(start, _)| region.starts_with(start)).map_or("aws", |(_, partition)| partition)
}

/// Which clusters are certainly of one account: those that say so, and those that are reached by the
/// same login. Two logins may lead to one account, but need not.
struct Accounts<'a>(HashMap<Option<&'a str>, usize>);

impl<'a> Accounts<'a> {
    fn of(spec: &'a Spec) -> Accounts<'a> {
        let mut logins = HashMap::new();
        for cluster in &spec.clusters {
            let next = logins.len();
            logins.entry(cluster.profile.as_deref()).or_insert(next);
        }
        Accounts(logins)
    }

    /// What the spec says, or else something made up: twelve characters, as every account's id has.
    fn account(&self, cluster: &ClusterSpec) -> Result<String, String> {
        let assumed = cluster.assume_role.as_ref().and_then(|role| role.arn.split(':').nth(4));
        match cluster.account.as_deref().or(assumed) {
            Some(account) => Ok(account.to_owned()),
            None => Err(format!("login-{:06}", self.0[&cluster.profile.as_deref()])),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whats(text: &str) -> Vec<String> {
        let document = |_: &str| {
            Ok(r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:*","Resource":"*"}]}"#
                .to_owned())
        };
        let spec = crate::parse("spec.yaml", text, &document).unwrap_or_else(|problems| panic!("{problems}"));
        contradictions(&spec).iter().map(|problem| format!("{}: {}", problem.position, problem.what)).collect()
    }

    #[test]
    fn what_is_silent_contradicts_nothing() {
        let silent = "version: 1\nclusters:\n  - name: a\n  - name: b\n    policy: { document: p.json }\n    identity: pod-identity\n";
        assert_eq!(whats(silent), [""; 0]);
    }

    #[test]
    fn all_that_no_cluster_could_allow_is_told_at_once() {
        let text = "version: 1
clusters:
  - name: a
    role: { name: One }
  - name: b
    role: { name: One }
  - name: c
    identity: pod-identity
    stsRegionalEndpoints: true
  - name: d
    addon: managed
    serviceAccount: { name: other }
  - name: e
    ipFamily: ipv4
    policy: { document: p.json }
  - name: f
    role: { name: Node }
    nodeRoles: [Node]
";
        assert_eq!(
            whats(text),
            [
                "9:27: cluster `c` has no STS endpoint to choose",
                "12:21: the plugin of cluster `d` does not run as kube-system/other",
                "15:13: the policy for cluster `e` has no name",
                "6:11: clusters `a` and `b` would share the role One",
                "17:11: role Node is a node role of cluster `f`",
            ]
        );
    }

    #[test]
    fn one_role_name_is_two_roles_in_accounts_that_may_differ() {
        let shared = |first: &str, second: &str| {
            whats(&format!(
                "version: 1\ndefaults: {{ role: {{ name: One }} }}\nclusters:\n  - {{ name: a{first} }}\n  - {{ name: b{second} }}\n"
            ))
            .len()
        };
        assert_eq!(shared(", profile: p", ", profile: p"), 1);
        assert_eq!(shared(", profile: p", ", profile: q"), 0);
        assert_eq!(shared(", profile: p", ""), 0);
        let account = ", account: \"111122223333\"";
        assert_eq!(shared(account, ", assumeRole: \"arn:aws:iam::111122223333:role/r\""), 1);
        assert_eq!(shared(account, ", account: \"444455556666\""), 0);
    }
}

//! What the plugin's pods carry, and the actions on them.
//!
//! The environment is the webhook's (aws/amazon-eks-pod-identity-webhook v0.6.17): a pod without
//! it uses the node's role; a pod with it uses the named role and nothing else.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{IpFamily, Need, NeedKind, OtherNode, Plugin, PluginProfile, Unread, needs};

/// By what identity a pod calls AWS, read from the environment of its containers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "by", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum PodIdentity {
    /// No identity variable in any container: the instance's role.
    NodeRole,
    /// `AWS_ROLE_ARN` and `AWS_WEB_IDENTITY_TOKEN_FILE` in every container not skipped.
    WebIdentity {
        /// The role's ARN.
        role_arn: String,
        /// Whether STS is called in the region (`AWS_STS_REGIONAL_ENDPOINTS=regional`).
        /// Wanted as `None`: either will do. Found: always known.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        sts_regional: Option<bool>,
    },
    /// `AWS_CONTAINER_CREDENTIALS_FULL_URI` and `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE` of the Pod Identity
    /// agent in every container: the role of the service account's association. No variable names it; a pod has
    /// the one that the association had when the pod was born.
    Association {
        /// The role's ARN. Wanted without one: any will do. Found without one: nobody can tell, since the association
        /// has been changed after the pod was born, or is not there any more.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        role_arn: Option<String>,
    },
    /// Containers that disagree, a token path of someone else's, or credentials by other means.
    Other {
        /// What was found, for people.
        what: String,
    },
}

impl PodIdentity {
    /// Where the webhook mounts the token; a pod's `AWS_WEB_IDENTITY_TOKEN_FILE` has to be this.
    pub const TOKEN_FILE: &str = "/var/run/secrets/eks.amazonaws.com/serviceaccount/token";

    /// The Pod Identity agent's address (facts: The webhook), of IPv4 and of IPv6.
    pub const AGENT: [&str; 2] = ["http://169.254.170.23/v1/credentials", "http://[fd00:ec2::23]/v1/credentials"];
    /// Where the webhook mounts the token for the agent.
    pub const AGENT_TOKEN_FILE: &str = "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount/eks-pod-identity-token";

    /// By an association that was changed after the pod was born, or has gone: a role that nobody can tell.
    pub const UNKNOWN_ROLE: PodIdentity = PodIdentity::Association { role_arn: None };

    /// By an association with this role.
    pub fn associated(role_arn: &str) -> PodIdentity {
        PodIdentity::Association { role_arn: Some(role_arn.to_owned()) }
    }

    /// Whether it is an association's, whatever the role.
    pub fn is_by_association(&self) -> bool {
        matches!(self, PodIdentity::Association { .. })
    }

    /// Whether a pod found with this identity is as `wanted`.
    pub fn satisfies(&self, wanted: &PodIdentity) -> bool {
        match (self, wanted) {
            (
                PodIdentity::WebIdentity { role_arn, sts_regional },
                PodIdentity::WebIdentity { role_arn: wanted_arn, sts_regional: wanted_regional },
            ) => role_arn == wanted_arn && (wanted_regional.is_none() || sts_regional == wanted_regional),
            (PodIdentity::Association { role_arn }, PodIdentity::Association { role_arn: wanted_arn }) => {
                wanted_arn.is_none() || role_arn == wanted_arn
            }
            (found, wanted) => found == wanted,
        }
    }
}

impl fmt::Display for PodIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PodIdentity::NodeRole => f.write_str("the node role"),
            PodIdentity::WebIdentity { role_arn, sts_regional } => {
                write!(f, "{role_arn}")?;
                match sts_regional {
                    Some(true) => f.write_str(" (regional STS)"),
                    Some(false) => f.write_str(" (global STS)"),
                    None => Ok(()),
                }
            }
            PodIdentity::Association { role_arn: Some(role_arn) } => write!(f, "{role_arn} (by Pod Identity)"),
            PodIdentity::Association { role_arn: None } => f.write_str("a role by Pod Identity that nobody can tell"),
            PodIdentity::Other { what } => f.write_str(what),
        }
    }
}

/// How many pods carry one identity.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct PodGroup {
    /// What they carry.
    pub identity: PodIdentity,
    /// How many of them there are.
    pub pods: u32,
}

/// The plugin's pods on the nodes its DaemonSet is meant for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pods {
    /// Namespace of the DaemonSet.
    pub namespace: String,
    /// The DaemonSet whose pods run under the service account.
    pub daemon_set: String,
    /// The pods by what they carry, sorted; one entry an identity.
    pub carrying: Vec<PodGroup>,
    /// Eligible nodes without a pod that is Ready.
    pub not_ready: u32,
    /// What its template says of the plugin.
    #[serde(skip_serializing_if = "Plugin::is_unknown", default)]
    pub plugin: Plugin,
    /// Sorts of nodes in the cluster that it does not run on.
    #[serde(skip_serializing_if = "BTreeSet::is_empty", default)]
    pub other_nodes: BTreeSet<OtherNode>,
    /// Other DaemonSets of the cluster whose pods are on their nodes' network, as `NAMESPACE/NAME`.
    #[serde(skip_serializing_if = "BTreeSet::is_empty", default)]
    pub on_host_network: BTreeSet<String>,
    /// What of the cluster could not be read, and the plan does without.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub unread: Vec<Unread>,
}

impl Pods {
    /// Whether every pod is as wanted. True of no pods at all: nothing has to be restarted.
    pub fn all_satisfy(&self, wanted: &PodIdentity) -> bool {
        self.carrying.iter().all(|group| group.identity.satisfies(wanted))
    }

    /// How many pods are as wanted.
    pub fn satisfying(&self, wanted: &PodIdentity) -> u32 {
        self.carrying.iter().filter(|group| group.identity.satisfies(wanted)).map(|group| group.pods).sum()
    }

    /// Pods in all.
    pub fn count(&self) -> u32 {
        self.carrying.iter().map(|group| group.pods).sum()
    }

    /// The kinds of identity found, sorted. Numbers of pods come and go as nodes do.
    pub fn identities(&self) -> Vec<&PodIdentity> {
        self.carrying.iter().map(|group| &group.identity).collect()
    }
}

/// An action on pods. It runs only where something it watches changes or the pods do not match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "run", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Run {
    /// Have a token of the service account take the role, as the pods will, before any of them does.
    Probe {
        /// What the pods are to carry.
        identity: PodIdentity,
        /// Decides, with the plugin's version and settings, what the role has to allow.
        ip_family: IpFamily,
        /// Where the plugin's network interfaces are.
        region: String,
    },
    /// Delete the pods that are not as wanted and wait for their successors.
    Restart {
        /// What each pod must carry afterwards.
        identity: PodIdentity,
        /// Pods restarted and verified alone, first.
        canary: u32,
        /// Pods not Ready at a time.
        max_unavailable: MaxUnavailable,
        /// For one batch to be Ready.
        #[serde(with = "crate::duration_text")]
        #[schemars(with = "String")]
        timeout: Duration,
    },
    /// Wait until every eligible node's pod is as wanted and Ready, and stays so.
    Verify {
        /// What each pod must carry.
        identity: PodIdentity,
        /// For all to be Ready.
        #[serde(with = "crate::duration_text")]
        #[schemars(with = "String")]
        timeout: Duration,
        /// How long they must stay so.
        #[serde(with = "crate::duration_text")]
        #[schemars(with = "String")]
        soak: Duration,
    },
    /// Delete one pod that is as wanted, and wait until its successor is so too and every pod stays so.
    Confirm {
        /// What each pod must carry.
        identity: PodIdentity,
        /// For the one to be Ready again, and then for all to be.
        #[serde(with = "crate::duration_text")]
        #[schemars(with = "String")]
        timeout: Duration,
        /// How long all must stay so then.
        #[serde(with = "crate::duration_text")]
        #[schemars(with = "String")]
        soak: Duration,
    },
}

impl Run {
    /// What the pods must carry.
    pub fn identity(&self) -> &PodIdentity {
        match self {
            Run::Probe { identity, .. }
            | Run::Restart { identity, .. }
            | Run::Verify { identity, .. }
            | Run::Confirm { identity, .. } => identity,
        }
    }

    /// What a role has to allow for a probe of it to pass: what this plugin cannot do without. Nothing for
    /// any other action.
    pub fn needs_of(&self, plugin: &Plugin) -> Vec<Need> {
        let Run::Probe { identity: PodIdentity::WebIdentity { role_arn, .. }, ip_family, region } = self else {
            return Vec::new();
        };
        let part = |at: usize| role_arn.split(':').nth(at).unwrap_or_default();
        let mut needs = needs(&PluginProfile::of(plugin, part(1), region, part(4), *ip_family));
        needs.retain(|need| need.kind == NeedKind::Hard);
        needs
    }

    /// Whether it leaves nothing behind, so that there is nothing to put back: what only looks, and what has
    /// a pod born again just as it was.
    pub fn leaves_nothing(&self) -> bool {
        match self {
            Run::Probe { .. } | Run::Verify { .. } | Run::Confirm { .. } => true,
            Run::Restart { .. } => false,
        }
    }
}

/// How many pods may be down at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MaxUnavailable {
    /// That many.
    Count(u32),
    /// That share of the eligible nodes, 1 to 100.
    Percent(u8),
}

impl MaxUnavailable {
    /// The number for so many nodes, rounded down as a DaemonSet's rolling update rounds up is
    /// not safe enough here; at least one, or nothing would ever happen.
    pub fn of(self, nodes: usize) -> usize {
        match self {
            MaxUnavailable::Count(count) => count as usize,
            MaxUnavailable::Percent(percent) => nodes * usize::from(percent) / 100,
        }
        .max(1)
    }
}

impl fmt::Display for MaxUnavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MaxUnavailable::Count(count) => write!(f, "{count}"),
            MaxUnavailable::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn web(regional: Option<bool>) -> PodIdentity {
        PodIdentity::WebIdentity { role_arn: "arn:aws:iam::111122223333:role/r".to_owned(), sts_regional: regional }
    }

    #[test]
    fn an_unspecified_endpoint_accepts_either() {
        assert!(web(Some(true)).satisfies(&web(None)));
        assert!(web(Some(false)).satisfies(&web(None)));
        assert!(!web(Some(false)).satisfies(&web(Some(true))));
        assert!(!PodIdentity::NodeRole.satisfies(&web(None)));
        assert!(PodIdentity::NodeRole.satisfies(&PodIdentity::NodeRole));
        let (known, unknown) = (PodIdentity::associated("r"), PodIdentity::Association { role_arn: None });
        assert!(known.satisfies(&known) && known.satisfies(&unknown));
        assert!(!unknown.satisfies(&known), "nobody can tell");
        assert!(!PodIdentity::associated("s").satisfies(&known));
    }

    #[test]
    fn a_probe_asks_for_what_the_plugin_of_the_family_cannot_do_without() {
        let actions = |ip_family, version: &str| -> Vec<String> {
            let probe = Run::Probe { identity: web(None), ip_family, region: "eu-west-1".to_owned() };
            let plugin = Plugin { version: Some(version.to_owned()), ..Plugin::default() };
            let needs = probe.needs_of(&plugin);
            assert!(needs.iter().all(|need| need.kind == NeedKind::Hard), "{needs:?}");
            let interfaces = "arn:aws:ec2:eu-west-1:111122223333:network-interface/*";
            assert!(needs.iter().any(|need| need.action == "ec2:CreateTags" && need.resource == interfaces));
            needs.into_iter().map(|need| need.action.to_owned()).collect()
        };
        let assigns = |family, version: &str, action: &str| actions(family, version).contains(&action.to_owned());
        assert!(assigns(IpFamily::Ipv4, "v1.20.0", "ec2:AssignPrivateIpAddresses"));
        assert!(assigns(IpFamily::Ipv6, "v1.20.0", "ec2:AssignIpv6Addresses"));
        assert!(!assigns(IpFamily::Ipv6, "v1.20.0", "ec2:DescribeSubnets"));
        assert!(assigns(IpFamily::Ipv6, "v1.23.1", "ec2:DescribeSubnets"));
        let (timeout, soak) = (Duration::ZERO, Duration::ZERO);
        assert_eq!(Run::Verify { identity: web(None), timeout, soak }.needs_of(&Plugin::default()), []);
    }

    #[test]
    fn a_share_never_stalls_and_never_exceeds() {
        assert_eq!(MaxUnavailable::Percent(10).of(3), 1);
        assert_eq!(MaxUnavailable::Percent(10).of(29), 2);
        assert_eq!(MaxUnavailable::Percent(100).of(7), 7);
        assert_eq!(MaxUnavailable::Count(4).of(2), 4);
        assert_eq!(MaxUnavailable::Percent(50).of(0), 1);
    }
}

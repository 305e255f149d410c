//! The checked spec: what a person asked for, with `defaults` merged in and every value of the
//! right form. It knows nothing of what is live; compiling needs that as well.

use std::collections::BTreeMap;
use std::time::Duration;

use cni_plan_core::{AssumeRole, IpFamily, KubernetesAccess, MaxUnavailable};

use crate::name_template::NameTemplate;
use crate::source::Position;

/// A spec of version 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    /// The format's version; always 1.
    pub version: u32,
    /// In the order of the text; never empty, and no two are the same cluster.
    pub clusters: Vec<ClusterSpec>,
}

/// What is wanted of one cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct ClusterSpec {
    /// The EKS cluster's name: `^[0-9A-Za-z][A-Za-z0-9_-]{0,99}$` (EKS API, CreateCluster).
    pub name: String,
    /// The region; `None`: the AWS environment's.
    pub region: Option<String>,
    /// Twelve digits; credentials of another account are refused.
    pub account: Option<String>,
    /// AWS profile.
    pub profile: Option<String>,
    /// Role to assume. Agrees with `account` where both are given.
    pub assume_role: Option<AssumeRole>,
    /// The family that the cluster must have; `None`: whichever it has.
    pub ip_family: Option<IpFamily>,
    /// `None`: the cluster's endpoint with an EKS token. A kubeconfig without a context means the
    /// file's current context, a context without a kubeconfig the default files. The kubeconfig's
    /// path is as written.
    pub kubernetes: Option<KubernetesAccess>,
    /// Who owns `aws-node`.
    pub addon: Addon,
    /// How the pods get the role's credentials.
    pub identity: Identity,
    /// The plugin's service account; `kube-system/aws-node` unless said otherwise.
    pub service_account: ServiceAccountRef,
    /// The role to be.
    pub role: RoleSpec,
    /// The policy on the role.
    pub policy: PolicySpec,
    /// What to do when the account has no provider for the cluster's issuer.
    pub oidc_provider: OidcProvider,
    /// The annotation `eks.amazonaws.com/sts-regional-endpoints`; `None`: left as it is.
    pub sts_regional_endpoints: Option<bool>,
    /// How pods are replaced.
    pub restart: RestartSpec,
    /// Whose CNI policy is detached.
    pub node_roles: NodeRoles,
    /// Whether the CNI policy comes off the node roles at all.
    pub detach: bool,
    /// Regions besides the cluster's own in which the account's other clusters are asked whether their
    /// nodes have the same roles; sorted, each once.
    pub other_regions: Vec<String>,
    /// Warnings that are accepted: code and reason, each code once.
    pub accept: Vec<(String, String)>,
    /// Where the cluster's entry begins, for later messages.
    pub position: Position,
    pub(crate) places: Vec<(&'static str, Position)>,
}

impl ClusterSpec {
    /// Where a key of the cluster, such as `ipFamily`, got its value: in its entry or in
    /// `defaults`. The entry's own place for a key that is not written.
    pub fn position_of(&self, key: &str) -> Position {
        self.places.iter().find(|(known, _)| *known == key).map_or(self.position, |(_, position)| *position)
    }
}

/// Who owns the DaemonSet and its service account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addon {
    /// EKS is asked.
    Auto,
    /// The cluster's owner.
    SelfManaged,
    /// The EKS add-on `vpc-cni`.
    Managed,
}

/// How the pods get the role's credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity {
    /// IAM roles for service accounts: the cluster's OIDC issuer.
    Irsa,
    /// EKS Pod Identity.
    PodIdentity,
}

/// A service account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceAccountRef {
    /// A DNS label.
    pub namespace: String,
    /// A DNS subdomain.
    pub name: String,
}

/// The role that the plugin gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleSpec {
    /// The name, at most 64 characters once expanded.
    pub name: NameTemplate,
    /// `/` or `/…/`, at most 512 characters.
    pub path: String,
    /// At most 1,000 characters.
    pub description: Option<String>,
    /// A managed policy's ARN.
    pub permissions_boundary: Option<String>,
    /// At most 50; those of `defaults` and of the cluster together.
    pub tags: BTreeMap<String, String>,
}

/// The policy on the role. Empty: the family's own.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PolicySpec {
    /// An existing policy; then nothing else is set.
    pub arn: Option<String>,
    /// The name of the policy to own.
    pub name: Option<String>,
    /// What that policy says; `None`: the current list of the plugin's documentation.
    pub document: Option<PolicyDocumentFile>,
}

/// A policy document and where it came from.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyDocumentFile {
    /// As the spec names it, relative to the spec.
    pub file: String,
    /// An IAM policy document: its statements, effects, actions and resources are in place.
    pub document: serde_json::Value,
}

/// What to do about the account's OIDC provider for the cluster's issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OidcProvider {
    /// It must be there.
    Require,
    /// Create it where it is missing.
    Create,
}

/// How pods are replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestartSpec {
    /// Nodes in the first batch, at least 1.
    pub canary: u32,
    /// Pods that may be down at once in later batches.
    pub max_unavailable: MaxUnavailable,
    /// How long a batch may take to be Ready; above zero.
    pub timeout: Duration,
    /// How long all pods must stay Ready before the node roles lose the policy, and again after that; may be
    /// zero.
    pub soak: Duration,
}

/// Whose CNI policy is detached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeRoles {
    /// Those that node groups, access entries and `aws-auth` name.
    Auto,
    /// These names; at least one, each once.
    Named(Vec<String>),
}

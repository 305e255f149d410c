//! What an adapter needs to find a resource, typed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Resource;

/// Where to look for a resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Target {
    /// By the provider's ARN.
    OidcProvider {
        /// Twelve digits.
        account: String,
        /// `arn:PARTITION:iam::ACCOUNT:oidc-provider/ISSUER`.
        arn: String,
    },
    /// By the policy's ARN.
    Policy {
        /// Twelve digits: whose credentials are used, also for a policy of Amazon's.
        account: String,
        /// The policy's ARN.
        arn: String,
    },
    /// By name: IAM calls take no path.
    Role {
        /// Twelve digits.
        account: String,
        /// The role's name.
        name: String,
    },
    /// One policy on one role.
    Attachment {
        /// Twelve digits.
        account: String,
        /// The role's name.
        role: String,
        /// The policy's ARN.
        policy_arn: String,
    },
    /// What gives the pods of a service account their identity.
    ServiceAccount {
        /// The cluster's key in the spec.
        cluster: String,
        /// Namespace.
        namespace: String,
        /// Name.
        name: String,
        /// Whether EKS is asked for the add-on that it belongs to.
        #[serde(skip_serializing_if = "std::ops::Not::not", default)]
        addon: bool,
        /// Whether EKS is asked for its Pod Identity association.
        #[serde(skip_serializing_if = "std::ops::Not::not", default)]
        association: bool,
    },
    /// The pods of the DaemonSet that runs under a service account.
    Pods {
        /// The cluster's key in the spec.
        cluster: String,
        /// Namespace of both.
        namespace: String,
        /// The service account's name.
        service_account: String,
        /// Whether EKS is asked for its Pod Identity association, by which pods have a role that they do not show.
        #[serde(skip_serializing_if = "std::ops::Not::not", default)]
        association: bool,
    },
}

/// Who answers for a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner<'a> {
    /// IAM of that account.
    Account(&'a str),
    /// The API server of the cluster with that key.
    Cluster(&'a str),
}

impl Target {
    /// Whether a state can be what is there.
    pub fn takes(&self, state: &Resource) -> bool {
        matches!(
            (self, state),
            (Target::OidcProvider { .. }, Resource::OidcProvider(_))
                | (Target::Policy { .. }, Resource::Policy(_))
                | (Target::Role { .. }, Resource::Role(_))
                | (Target::Attachment { .. }, Resource::Attachment(_))
                | (Target::ServiceAccount { .. }, Resource::ServiceAccount(_))
                | (Target::Pods { .. }, Resource::Pods(_))
        )
    }

    /// Whose provider observes and changes it.
    pub fn owner(&self) -> Owner<'_> {
        match self {
            Target::OidcProvider { account, .. }
            | Target::Policy { account, .. }
            | Target::Role { account, .. }
            | Target::Attachment { account, .. } => Owner::Account(account),
            Target::ServiceAccount { cluster, .. } | Target::Pods { cluster, .. } => Owner::Cluster(cluster),
        }
    }
}

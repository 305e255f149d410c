//! What is wanted and what is found, in one type, so that a diff compares like with like.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{PodIdentity, Pods, PolicyDocument};

/// Annotation keys of the webhook (aws/amazon-eks-pod-identity-webhook v0.6.17, README).
pub mod annotation_keys {
    /// Names the role.
    pub const ROLE_ARN: &str = "eks.amazonaws.com/role-arn";
    /// `true`: the regional STS endpoint; `false`: the global one.
    pub const STS_REGIONAL_ENDPOINTS: &str = "eks.amazonaws.com/sts-regional-endpoints";
}

/// The state of one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Resource {
    /// An IAM OpenID Connect provider.
    OidcProvider(OidcProvider),
    /// A customer managed policy.
    Policy(Policy),
    /// An IAM role.
    Role(Role),
    /// A managed policy on a role.
    Attachment(Attachment),
    /// What gives the pods of a service account their identity.
    ServiceAccount(ServiceAccount),
    /// The plugin's pods.
    Pods(Pods),
}

/// An IAM OpenID Connect provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OidcProvider {
    /// The issuer without `https://`.
    pub url: String,
    /// Audiences it accepts.
    pub client_ids: BTreeSet<String>,
}

/// A customer managed policy, by its default version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    /// Its whole ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// Fixed at creation.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub description: Option<String>,
    /// The default version's document.
    pub document: PolicyDocument,
    /// Known of a policy that was found; not a thing to want.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub history: Option<PolicyHistory>,
}

/// A policy's versions; IAM keeps five.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyHistory {
    /// The version in force, such as `v3`.
    pub default_version: String,
    /// All versions, oldest first.
    pub versions: Vec<String>,
}

impl PolicyHistory {
    /// How many versions IAM keeps (IAM quotas: versions of a managed policy).
    pub const LIMIT: usize = 5;

    /// The version that has to go before another can be made, if any: the oldest not in force.
    pub fn to_evict(&self) -> Option<&str> {
        (self.versions.len() >= Self::LIMIT)
            .then(|| self.versions.iter().find(|version| **version != self.default_version))
            .flatten()
            .map(String::as_str)
    }
}

/// An IAM role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Role {
    /// Name, without path.
    pub name: String,
    /// `/` or `/…/`; fixed at creation.
    pub path: String,
    /// Who may take the role.
    pub trust: PolicyDocument,
    /// Wanted as `None`: whatever is there stays.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub description: Option<String>,
    /// The boundary policy's ARN. Wanted as `None`: whatever is there stays.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub permissions_boundary: Option<String>,
    /// Wanted: these among others.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub tags: BTreeMap<String, String>,
    /// IAM's unique id of a role that was found (`AROA…`): a recreated role has another.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub id: Option<String>,
}

/// A managed policy on a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Attachment {
    /// The role's name.
    pub role: String,
    /// The policy's ARN.
    pub policy_arn: String,
}

/// What gives the pods of a service account their identity: its annotations, the EKS add-on that writes
/// them, a Pod Identity association that comes before them. Nothing else of it is looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceAccount {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// The identity annotations by key; a key that is not there has no entry.
    pub annotations: BTreeMap<String, Annotation>,
    /// What the EKS add-on says that the service account belongs to; `None` where it belongs to none, or the
    /// target does not ask.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub addon: Option<AddonRole>,
    /// Its Pod Identity association; `None` where there is none, or the target does not ask.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub association: Option<Association>,
}

/// The role of an EKS add-on's service account (EKS DescribeAddon). EKS writes it to the annotation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddonRole {
    /// `serviceAccountRoleArn`; once there it can be another, but not none again: EKS takes no empty one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub role_arn: Option<String>,
}

/// A Pod Identity association of a service account (EKS DescribePodIdentityAssociation); there is at most
/// one. Its id is EKS's business.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Association {
    /// The role that the agent hands out.
    pub role_arn: String,
    /// The ARN of the add-on that it belongs to: then it is changed through that add-on only.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub owner_arn: Option<String>,
    /// What it has besides that no plan sets, by EKS's names: `targetRoleArn`, by which pods have another role,
    /// `policy`, which narrows it, `disableSessionTags`.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub besides: Vec<String>,
    /// Set when it is made; [`Association::TAG`] is among them where a plan has made it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub tags: BTreeMap<String, String>,
}

impl Association {
    /// The tag of those that a plan has made, and may take away again.
    pub const TAG: (&str, &str) = ("managed-by", "cni-plan");

    /// As a plan makes one.
    pub fn of_a_plan(role_arn: &str) -> Association {
        let (key, value) = Association::TAG;
        Association {
            role_arn: role_arn.to_owned(),
            owner_arn: None,
            besides: Vec::new(),
            tags: BTreeMap::from([(key.to_owned(), value.to_owned())]),
        }
    }

    /// Whether a plan has made it.
    pub fn is_of_a_plan(&self) -> bool {
        let (key, value) = Association::TAG;
        self.owner_arn.is_none() && self.besides.is_empty() && self.tags.get(key).is_some_and(|found| found == value)
    }
}

/// One annotation and who owns it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Annotation {
    /// Its value.
    pub value: String,
    /// The field manager that owns it, by the object's `managedFields`; the last one where several do.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub manager: Option<String>,
}

impl ServiceAccount {
    /// With annotations only.
    pub fn annotated(namespace: &str, name: &str, annotations: BTreeMap<String, Annotation>) -> ServiceAccount {
        let (namespace, name) = (namespace.to_owned(), name.to_owned());
        ServiceAccount { namespace, name, annotations, addon: None, association: None }
    }

    /// Whether the add-on that it belongs to has no role, and has one in `after`.
    pub fn gets_first_role_of_addon(&self, after: &ServiceAccount) -> bool {
        let has_role = |account: &ServiceAccount| account.addon.as_ref().map(|addon| addon.role_arn.is_some());
        (has_role(self), has_role(after)) == (Some(false), Some(true))
    }

    /// The identity of a pod born under it. Without an annotation about the STS endpoint the webhook's own
    /// configuration decides, which is not to be seen here.
    pub fn identity_of_new_pods(&self) -> PodIdentity {
        if let Some(association) = &self.association {
            return PodIdentity::associated(&association.role_arn);
        }
        let Some(role) = self.annotations.get(annotation_keys::ROLE_ARN) else { return PodIdentity::NodeRole };
        let sts_regional = self.annotations.get(annotation_keys::STS_REGIONAL_ENDPOINTS);
        PodIdentity::WebIdentity {
            role_arn: role.value.clone(),
            sts_regional: sts_regional.and_then(|regional| regional.value.parse().ok()),
        }
    }
}

impl Resource {
    /// What `found` becomes when it is made as `self` asks and everything that is not ours stays:
    /// foreign trust statements, tags, annotations, and whatever the spec says nothing about.
    /// Equal to `found` when nothing is to be done.
    #[must_use]
    pub fn merged_into(&self, found: &Resource) -> Resource {
        match (self, found) {
            (Resource::OidcProvider(wanted), Resource::OidcProvider(found)) => {
                let client_ids = found.client_ids.union(&wanted.client_ids).cloned().collect();
                Resource::OidcProvider(OidcProvider { client_ids, ..found.clone() })
            }
            (Resource::Policy(wanted), Resource::Policy(found)) => {
                let mut after = found.clone();
                if after.document != wanted.document {
                    after.document = wanted.document.clone();
                }
                Resource::Policy(after)
            }
            (Resource::Role(wanted), Resource::Role(found)) => Resource::Role(merged_role(wanted, found)),
            (Resource::ServiceAccount(wanted), Resource::ServiceAccount(found)) => {
                let mut after = found.clone();
                for (key, wanted) in &wanted.annotations {
                    let same = found.annotations.get(key).is_some_and(|found| found.value == wanted.value);
                    if !same {
                        after.annotations.insert(key.clone(), wanted.clone());
                    }
                }
                after.addon = wanted.addon.clone().or(after.addon);
                after.association = merged_association(wanted.association.as_ref(), found.association.as_ref());
                Resource::ServiceAccount(after)
            }
            (wanted, _) => wanted.clone(),
        }
    }

    /// Whether nothing that a plan rests on differs between two observations. How many pods there
    /// are, and which other nodes, is not such a thing: nodes come and go.
    pub fn same_for_a_plan(&self, other: &Resource) -> bool {
        match (self, other) {
            (Resource::Pods(one), Resource::Pods(other)) => {
                one.daemon_set == other.daemon_set
                    && one.plugin == other.plugin
                    && one.identities() == other.identities()
            }
            (one, other) => one == other,
        }
    }
}

/// An association is there with the role that is wanted, or not at all: it comes before every annotation.
/// One that is there stays whoever's it is.
fn merged_association(wanted: Option<&Association>, found: Option<&Association>) -> Option<Association> {
    let (wanted, Some(found)) = (wanted?, found) else { return wanted.cloned() };
    Some(Association { role_arn: wanted.role_arn.clone(), ..found.clone() })
}

fn merged_role(wanted: &Role, found: &Role) -> Role {
    let mut tags = found.tags.clone();
    tags.extend(wanted.tags.clone());
    Role {
        trust: found.trust.with_statements_of(&wanted.trust),
        description: wanted.description.clone().or_else(|| found.description.clone()),
        permissions_boundary: wanted.permissions_boundary.clone().or_else(|| found.permissions_boundary.clone()),
        tags,
        ..found.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn role(trust: &serde_json::Value) -> Role {
        Role {
            name: "r".to_owned(),
            path: "/".to_owned(),
            trust: PolicyDocument::try_from(json!({"Version": "2012-10-17", "Statement": trust})).unwrap(),
            description: None,
            permissions_boundary: None,
            tags: BTreeMap::new(),
            id: None,
        }
    }

    #[test]
    fn what_is_not_ours_on_a_role_stays() {
        let ours =
            json!({"Effect": "Allow", "Principal": {"Federated": "x"}, "Action": "sts:AssumeRoleWithWebIdentity"});
        let theirs = json!({"Effect": "Allow", "Principal": {"Service": "y"}, "Action": "sts:AssumeRole"});
        let found = Role {
            id: Some("AROA1".to_owned()),
            description: Some("theirs".to_owned()),
            tags: BTreeMap::from([("owner".to_owned(), "them".to_owned())]),
            ..role(&json!([theirs]))
        };
        let wanted = Role { tags: BTreeMap::from([("team".to_owned(), "us".to_owned())]), ..role(&json!([ours])) };
        let Resource::Role(after) = Resource::Role(wanted).merged_into(&Resource::Role(found)) else {
            panic!("a role stays a role")
        };
        assert_eq!(after.trust.statements().len(), 2);
        assert_eq!(after.description.as_deref(), Some("theirs"));
        assert_eq!(after.tags.len(), 2);
        assert_eq!(after.id.as_deref(), Some("AROA1"));
    }

    #[test]
    fn an_annotation_of_the_same_value_stays_with_its_owner() {
        let account = |value: &str, manager: &str| {
            let annotation = Annotation { value: value.to_owned(), manager: Some(manager.to_owned()) };
            Resource::ServiceAccount(ServiceAccount::annotated(
                "kube-system",
                "aws-node",
                BTreeMap::from([(annotation_keys::ROLE_ARN.to_owned(), annotation)]),
            ))
        };
        let found = account("arn", "kubectl-annotate");
        assert_eq!(account("arn", "cni-plan").merged_into(&found), found);
        assert_eq!(account("other", "cni-plan").merged_into(&found), account("other", "cni-plan"));
    }

    #[test]
    fn the_sixth_version_evicts_the_oldest_that_is_not_in_force() {
        let versions = |names: &[&str], default: &str| PolicyHistory {
            default_version: default.to_owned(),
            versions: names.iter().map(|&name| name.to_owned()).collect(),
        };
        assert_eq!(versions(&["v1", "v2"], "v2").to_evict(), None);
        assert_eq!(versions(&["v1", "v2", "v3", "v4", "v5"], "v1").to_evict(), Some("v2"));
    }

    #[test]
    fn an_association_comes_before_the_annotation() {
        let annotation = Annotation { value: "arn".to_owned(), manager: None };
        let annotations = BTreeMap::from([(annotation_keys::ROLE_ARN.to_owned(), annotation)]);
        let annotated = ServiceAccount::annotated("n", "s", annotations);
        assert!(matches!(annotated.identity_of_new_pods(), PodIdentity::WebIdentity { .. }));
        let both = ServiceAccount { association: Some(Association::of_a_plan("other")), ..annotated };
        assert_eq!(both.identity_of_new_pods(), PodIdentity::associated("other"));
    }
}

//! An AWS account: what IAM keeps in it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::iam::managed;
use crate::policy::Grants;

/// One account's IAM.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Account {
    /// 12 digits.
    pub(crate) id: String,
    pub(crate) partition: String,
    /// By name.
    pub(crate) roles: BTreeMap<String, Role>,
    /// The account's own policies, by ARN.
    pub(crate) policies: BTreeMap<String, Policy>,
    /// By ARN.
    pub(crate) oidc_providers: BTreeMap<String, OidcProvider>,
    /// How many unique ids were given out: none is given twice, so a recreated role has a new one.
    issued_ids: u64,
    /// AWS's own policies, by ARN.
    #[serde(skip)]
    managed: Arc<BTreeMap<String, Policy>>,
    #[serde(skip)]
    pub(crate) quotas: Quotas,
}

/// A role.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Role {
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) arn: String,
    pub(crate) role_id: String,
    pub(crate) create_date: String,
    /// The trust policy's text as it was sent.
    pub(crate) trust: String,
    pub(crate) description: Option<String>,
    /// In seconds.
    pub(crate) max_session_duration: usize,
    pub(crate) tags: BTreeMap<String, String>,
    /// The ARN of the policy that bounds the role.
    pub(crate) boundary: Option<String>,
    /// The ARNs of the attached policies.
    pub(crate) attached: BTreeSet<String>,
    /// Inline policies, text by name.
    pub(crate) inline: BTreeMap<String, String>,
}

/// A managed policy.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Policy {
    pub(crate) name: String,
    pub(crate) policy_id: String,
    pub(crate) path: String,
    pub(crate) arn: String,
    pub(crate) description: Option<String>,
    pub(crate) create_date: String,
    pub(crate) update_date: String,
    /// By number: 1 is `v1`.
    pub(crate) versions: BTreeMap<u32, PolicyVersion>,
    pub(crate) default_version: u32,
    /// Numbers are never given twice.
    pub(crate) next_version: u32,
    pub(crate) tags: BTreeMap<String, String>,
}

/// A version of a managed policy.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PolicyVersion {
    /// The text as it was sent.
    pub(crate) document: String,
    pub(crate) create_date: String,
}

/// An OpenID Connect provider.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OidcProvider {
    pub(crate) arn: String,
    /// The issuer's URL without `https://`.
    pub(crate) issuer: String,
    pub(crate) client_ids: BTreeSet<String>,
    pub(crate) thumbprints: Vec<String>,
    pub(crate) create_date: String,
    pub(crate) tags: BTreeMap<String, String>,
}

/// IAM's limits, of which AWS raises some on request (facts: trust 2,048 characters, 10 attached
/// policies a role, 100 OIDC providers an account).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quotas {
    pub(crate) roles: usize,
    pub(crate) policies: usize,
    pub(crate) oidc_providers: usize,
    pub(crate) attached_policies_per_role: usize,
    pub(crate) trust_length: usize,
    pub(crate) policy_length: usize,
}

impl Default for Quotas {
    fn default() -> Quotas {
        Quotas {
            roles: 1000,
            policies: 1500,
            oidc_providers: 100,
            attached_policies_per_role: 10,
            trust_length: 2048,
            policy_length: 6144,
        }
    }
}

impl Account {
    /// An account with nothing of its own.
    pub(crate) fn new(id: &str, partition: &str) -> Account {
        Account {
            id: id.to_owned(),
            partition: partition.to_owned(),
            roles: BTreeMap::new(),
            policies: BTreeMap::new(),
            oidc_providers: BTreeMap::new(),
            issued_ids: 0,
            managed: Arc::default(),
            quotas: Quotas::default(),
        }
    }

    /// The account with what is not kept on disk: AWS's policies, and the limits.
    pub(crate) fn opened(mut self, quotas: Quotas) -> Account {
        self.managed = managed::policies(&self.partition);
        self.quotas = quotas;
        self
    }

    /// An ARN of this account's IAM: `role/name`, `policy/path/name`, `oidc-provider/issuer`.
    pub(crate) fn arn(&self, resource: &str) -> String {
        format!("arn:{}:iam::{}:{resource}", self.partition, self.id)
    }

    /// A unique id with IAM's prefix for its kind, such as `AROA`.
    pub(crate) fn new_id(&mut self, prefix: &str) -> String {
        self.issued_ids += 1;
        unique_id(prefix, &self.id, self.issued_ids)
    }

    /// A policy by ARN, the account's own or AWS's.
    pub(crate) fn policy(&self, arn: &str) -> Option<&Policy> {
        self.policies.get(arn).or_else(|| self.managed.get(arn))
    }

    /// The account's own policies and AWS's.
    pub(crate) fn every_policy(&self) -> impl Iterator<Item = &Policy> {
        self.policies.values().chain(self.managed.values())
    }

    /// How many roles a policy is attached to.
    pub(crate) fn attachments_of(&self, arn: &str) -> usize {
        self.roles.values().filter(|role| role.attached.contains(arn)).count()
    }

    /// How many roles a policy bounds.
    pub(crate) fn boundaries_of(&self, arn: &str) -> usize {
        self.roles.values().filter(|role| role.boundary.as_deref() == Some(arn)).count()
    }

    /// The documents that decide what a role may do: inline ones and attached ones' defaults, within
    /// its boundary.
    pub(crate) fn grants_of<'a>(&'a self, role: &'a Role) -> Grants<'a> {
        let text = |arn: &str| {
            let policy = self.policy(arn)?;
            let version = policy.versions.get(&policy.default_version)?;
            Some((policy.name.as_str(), version.document.as_str()))
        };
        let inline = role.inline.iter().map(|(name, document)| (name.as_str(), document.as_str()));
        let attached = role.attached.iter().filter_map(|arn| text(arn));
        // A boundary that is gone bounds all the same.
        let boundary = role.boundary.as_ref().map(|arn| text(arn).map_or("", |(_, document)| document));
        Grants::new(inline.chain(attached), boundary)
    }
}

/// A unique id in IAM's form: the prefix and 17 characters of base 32, the same for the same input.
pub(crate) fn unique_id(prefix: &str, scope: &str, number: u64) -> String {
    use sha2::{Digest, Sha256};
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let hash = Sha256::digest(format!("{prefix}/{scope}/{number}"));
    let letters = hash.iter().take(17).map(|byte| char::from(ALPHABET[usize::from(byte & 31)]));
    prefix.chars().chain(letters).collect()
}

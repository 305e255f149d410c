//! Where a resource is, as people read it: `my-cluster/role/AmazonEKSVPCCNIRole`.
//!
//! An address names and orders; it is not parsed to reach anything (that is [`crate::Target`]).

use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

/// `SCOPE/KIND[/NAME…]`: the scope is a cluster's key in the spec, or an account for what the
/// account's clusters may share.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct Address(Arc<str>);

/// What sort of thing is at an address; its text is the address's second part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The issuer's OpenID Connect provider in the account.
    OidcProvider,
    /// A managed policy.
    Policy,
    /// The plugin's own role.
    Role,
    /// A policy on the plugin's role.
    Attach,
    /// The plugin's role tried by a token of its service account.
    Probe,
    /// What tells the pods their role.
    Annotate,
    /// Pods deleted in batches so that they come back with the role.
    Restart,
    /// Every eligible node's pod carries the identity and is Ready.
    Verify,
    /// The family's policy off a node role.
    Detach,
    /// A pod that is born after that lives without it.
    Confirm,
    /// A cluster itself: no step is about it, but a finding may be.
    Cluster,
}

impl Kind {
    /// All kinds, in the order of the procedure.
    pub const ALL: [Kind; 11] = [
        Kind::OidcProvider,
        Kind::Policy,
        Kind::Role,
        Kind::Attach,
        Kind::Probe,
        Kind::Annotate,
        Kind::Restart,
        Kind::Verify,
        Kind::Detach,
        Kind::Confirm,
        Kind::Cluster,
    ];

    /// The word used in addresses and in text.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::OidcProvider => "oidc-provider",
            Kind::Policy => "policy",
            Kind::Role => "role",
            Kind::Attach => "attach",
            Kind::Probe => "probe",
            Kind::Annotate => "annotate",
            Kind::Restart => "restart",
            Kind::Verify => "verify",
            Kind::Detach => "detach",
            Kind::Confirm => "confirm",
            Kind::Cluster => "cluster",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an address: expected SCOPE/KIND/NAME with a known kind")]
pub struct AddressError(String);

impl Address {
    /// The address of `kind` in `scope`; `names` are joined by `/`.
    pub fn new(scope: &str, kind: Kind, names: &[&str]) -> Address {
        let mut text = String::with_capacity(scope.len() + 32);
        text.push_str(scope);
        text.push('/');
        text.push_str(kind.as_str());
        for name in names {
            text.push('/');
            text.push_str(name);
        }
        Address(text.into())
    }

    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The cluster's key or the account.
    pub fn scope(&self) -> &str {
        self.0.split('/').next().unwrap_or_default()
    }

    /// The kind, which every constructed address has.
    pub fn kind(&self) -> Kind {
        kind_of(&self.0).expect("an address is only made with a kind")
    }

    /// What comes after the kind; empty where the kind says it all.
    pub fn name(&self) -> &str {
        self.0.splitn(3, '/').nth(2).unwrap_or_default()
    }
}

fn kind_of(text: &str) -> Option<Kind> {
    let word = text.split('/').nth(1)?;
    Kind::ALL.into_iter().find(|kind| kind.as_str() == word)
}

impl TryFrom<String> for Address {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Address, AddressError> {
        if text.starts_with('/') || kind_of(&text).is_none() {
            return Err(AddressError(text));
        }
        Ok(Address(text.into()))
    }
}

/// Not through a `String`: a fleet's change set names its addresses some hundred thousand times.
impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_back_in_its_parts() {
        let address = Address::new("111122223333", Kind::Detach, &["AmazonEKSNodeRole", "AmazonEKS_CNI_Policy"]);
        assert_eq!(address.to_string(), "111122223333/detach/AmazonEKSNodeRole/AmazonEKS_CNI_Policy");
        assert_eq!(address.scope(), "111122223333");
        assert_eq!(address.kind(), Kind::Detach);
        assert_eq!(address.name(), "AmazonEKSNodeRole/AmazonEKS_CNI_Policy");
        assert_eq!(Address::try_from(address.to_string()), Ok(address));
    }

    #[test]
    fn a_text_without_a_known_kind_is_refused() {
        for text in ["", "my-cluster", "my-cluster/", "my-cluster/rolle/x", "/role/x"] {
            assert!(Address::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}

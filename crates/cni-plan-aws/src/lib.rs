//! IAM, EKS and STS behind core's traits.
//!
//! [`Aws`] holds what a command needs of Amazon: it reads a cluster's facts
//! ([`cni_plan_core::ClusterInspector`]), hands out the [`IamProvider`] of a cluster's account
//! ([`cni_plan_core::Provider`]) and makes tokens for its API server
//! ([`cni_plan_core::TokenSource`]); an `IamProvider` also tries roles by a token
//! ([`cni_plan_core::RoleTrial`], in `trial`). Each kind of resource is a folder with the same files:
//! `inspect` reads it, `apply` changes it, `convert` goes between the wire's form and core's.
//!
//! `identity` stands around the provider of an API server, and adds what EKS has of a service account: the
//! add-on's role, the Pod Identity association; which role pods have by that it tells whoever looks at pods
//! ([`cni_plan_core::AssociationReader`]).
//!
//! IAM's readers lag behind its writers: `visibility` says for how long, `believed` reads in spite of
//! that, and `recent` keeps what was written lately.
//!
//! Nothing here decides what should be: that is the plan's. Nothing prints, and no credential
//! leaves in an error, an event or a `Debug` text.

mod attachment;
mod aws;
mod believed;
mod credentials;
mod delays;
mod endpoint;
mod facts;
mod failure;
mod iam;
mod identity;
mod known;
mod login;
mod neighbours;
mod node_roles;
mod oidc_provider;
mod once;
mod options;
mod policy;
mod recent;
mod region;
mod repeats;
mod retry;
mod role;
mod role_permissions;
#[cfg(test)]
mod scripted;
mod session;
mod timing;
mod token;
mod transition;
mod transport;
mod trial;
mod visibility;
mod watch;
mod whole;

pub use aws::Aws;
pub use iam::IamProvider;
pub use identity::Associations;
pub use options::{AwsOptions, ChooseCredentials, StaticCredentials};
pub use visibility::Visibility;

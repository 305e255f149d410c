//! The spec: YAML text to a checked [`Spec`], with every problem reported at once.
//!
//! The way of a text: `yaml` turns it into a tree of nodes that know their places; `read` walks
//! that tree with the format's rules in hand and collects diagnostics; what comes out is a
//! [`Spec`] whose values need no further checking of form. Nothing here opens a file, reads the
//! environment or knows what is live: the caller hands in the text and a way to read the policy
//! documents that it names.

mod compile;
mod diagnostic;
mod draft;
mod name_template;
mod read;
mod region;
mod render;
mod schema;
mod source;
mod spec;
mod yaml;

pub use compile::{Assumed, CompileProblem, acceptances, assumed, cluster_refs, compile, contradictions};
pub use diagnostic::{Diagnostic, Diagnostics};
pub use draft::{draft, probing};
pub use name_template::{NameTemplate, NameTemplateError, Names};
pub use read::{nearest, parse, parse_duration};
pub use region::{DoubtfulRegion, doubtful_regions, near_region};
pub use schema::SCHEMA;
pub use source::{Position, Span};
pub use spec::{
    Addon, ClusterSpec, Identity, NodeRoles, OidcProvider, PolicyDocumentFile, PolicySpec, RestartSpec, RoleSpec,
    ServiceAccountRef, Spec,
};

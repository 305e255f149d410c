//! The vocabulary of cni-plan and its pure algorithms.
//!
//! Everything here is a function of its arguments: no file, network, clock, environment or
//! runtime is touched, so that a plan can be computed, inverted and checked anywhere, by anyone,
//! with the same result. Adapters (`cni-plan-aws`, `cni-plan-kubernetes`) implement [`Provider`];
//! `cni-plan-spec` compiles a [`DependencyGraph`] of [`Node`]s; [`diff`] turns it and what was
//! observed into the [`Change`]s of a [`ChangeSet`]; `cni-plan-engine` executes those.

mod access;
mod address;
mod association;
mod by_cluster;
mod call;
pub mod canonical_json;
mod change;
mod changeset;
mod cluster;
mod diff;
mod duration_text;
mod event;
mod existing;
mod finding;
#[cfg(test)]
mod fixture;
mod graph;
mod hazards;
mod health;
mod invert;
mod json_schema;
mod lock;
mod node;
mod permissions;
mod plugin;
mod pods;
mod policy_document;
mod precondition;
mod provider;
mod put_back;
mod recovery;
mod redact;
mod resource;
mod role_record;
mod run_list;
mod safety;
mod schedule;
mod target;
mod web_identity;
mod yaml;

pub use access::{Access, Asked, AwsAccess, Grant, KubernetesGrants, KubernetesRule, Only, Purpose, access};
pub use address::{Address, AddressError, Kind};
pub use association::{AssociationInEffect, AssociationReader};
pub use by_cluster::StepsByCluster;
pub use call::{Call, CallObserver, Timings};
pub use change::{Action, Change, Counts, Reversibility};
pub use changeset::{ChangeSet, ChangeSetError, FORMAT_VERSION, Header, change_set_schema, digest_of};
pub use cluster::{
    AssumeRole, ClusterFacts, ClusterRef, IpFamily, KubernetesAccess, ManagedAddon, Neighbour, NodeRole, OutsideUse,
    PlannedCluster, Unread,
};
pub use diff::{Diff, DiffError, diff};
pub use event::{Event, Phase, Progress};
pub use existing::{Existing, ExistingRole, RoleBy, existing};
pub use finding::{Acceptance, Finding, Severity, accept};
pub use graph::{Cycle, DependencyGraph, Ordered};
pub use hazards::{Known, hazards, known_findings, outside_uses};
pub use health::{ClusterHealth, Health, HealthState, RoleHealth, StillAttached, health_schema};
pub use invert::{Inverse, Kept, invert};
pub use lock::{ClusterLock, HeldLock, LockHolder, LockRecord, NotTaken};
pub use node::{Node, Wanted};
pub use permissions::{
    Context, Lacking, Need, NeedKind, Permissions, PluginProfile, PluginVersion, PluginVersionError, Verdict, needs,
};
pub use plugin::{OtherNode, Plugin, settings};
pub use pods::{MaxUnavailable, PodGroup, PodIdentity, Pods, Run};
pub use policy_document::{PolicyDocument, PolicyDocumentError, Statement};
pub use precondition::{Drift, FactsDrift, Status, drift, facts_drift, status};
pub use provider::{
    BoxFuture, ClusterInspector, ErrorKind, FactsWanted, Observation, Overseer, Provider, ProviderError, TokenSource,
    WithRoles, WorkloadInspector,
};
pub use recovery::{Remaining, Standing, changed_since, done_by_others, remaining};
pub use redact::{HIDDEN, redacted};
pub use resource::{
    AddonRole, Annotation, Association, Attachment, OidcProvider, Policy, PolicyHistory, Resource, Role,
    ServiceAccount, annotation_keys,
};
pub use role_record::{
    RoleAsked, RoleOf, RolePolicy, RoleRead, RoleRecord, role_records, roles_drift, roles_of_nodes, roles_rested_on,
};
pub use run_list::{RunList, RunSession, RunStanding, RunSummary, StepsDone, runs_schema};
pub use safety::{Danger, DangerStep, Direction, Endangered, Exemption, SafetyVerdict, prove};
pub use schedule::Schedule;
pub use target::{Owner, Target};
pub use web_identity::{Refusal, RefusalCause, RoleTrial, TokenClaims, Trial, WebIdentityToken, why_refused};
pub use yaml::yaml_scalar;

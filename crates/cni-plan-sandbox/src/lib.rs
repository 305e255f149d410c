//! IAM, STS, EKS and Kubernetes on the wire, on one port of the loopback address, for offline use and
//! for tests.
//!
//! The sandbox is an independent witness: it shares no code with the adapters that talk to it, and the
//! real `aws`, `kubectl`, boto3 and any SDK can use it too. It behaves as far as the migration of the
//! CNI plugin can tell: error codes, limits, paging, watches, server-side apply, a DaemonSet controller,
//! the pod identity webhook, and pods whose readiness depends on credentials that work.
//!
//! ```no_run
//! # async fn example() -> Result<(), cni_plan_sandbox::SandboxError> {
//! use cni_plan_sandbox::{ClusterSeed, Options, Sandbox};
//!
//! let sandbox = Sandbox::start(Options::default()).await?;
//! sandbox.ensure_cluster(&ClusterSeed::new("my-cluster"))?;
//! sandbox.add_fault("iam:AttachRolePolicy=AccessDeniedx1".parse()?);
//! let environment = sandbox.environment(); // for any AWS client
//! # Ok(())
//! # }
//! ```
//!
//! The way of a request: `listener` takes it off the socket, `gateway` finds out which operation it is
//! and lets faults strike, `iam`, `sts`, `eks` or `kubernetes` answers it out of the `world`, and the
//! world's `store` has every change on disk before the answer leaves.
//!
//! It must not depend on any other crate of the workspace, print, or listen to anything but 127.0.0.1.

mod calls;
mod eks;
mod error;
mod fault;
mod furnish;
mod gateway;
mod held;
mod iam;
mod kubeconfig;
mod kubernetes;
mod listener;
mod options;
mod policy;
mod sandbox;
mod scenario;
mod sts;
mod wire;
mod world;

pub use calls::CallRecord;
pub use error::SandboxError;
pub use fault::{Fault, FaultKind, FaultSyntax, Service};
pub use held::HeldCall;
pub use options::{
    AddonSeed, AuthenticationMode, ClusterSeed, EndpointAccess, IpFamily, NodeKind, NodesSeed, Options, StsAccess,
};
pub use sandbox::{Sandbox, reset};
pub use scenario::{Scenario, scenarios};
pub use world::{Visibility, VisibilitySyntax};

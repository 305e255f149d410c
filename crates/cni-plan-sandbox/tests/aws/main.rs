//! The AWS half of the sandbox and its shell as a plain HTTP client sees them: status codes, error
//! codes, documents, paging, faults, persistence, scenarios. What SDKs make of it is tested elsewhere.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod access;
mod addons;
mod client;
mod eks;
mod faults;
mod iam;
mod kinds;
mod persistence;
mod pod_identity;
mod scenarios;
mod simulate;
mod sts;
mod visibility;

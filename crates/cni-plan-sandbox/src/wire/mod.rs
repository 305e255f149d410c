//! What every AWS service here shares on the wire: who calls, with which parameters, and how an
//! answer or a refusal is written down.
//!
//! Nothing here knows what an action means.

mod caller;
mod cluster_token;
mod failure;
mod params;
mod xml;

pub(crate) use caller::{Caller, CallerRefused, DEFAULT_ACCOUNT, KEY_ID_PREFIX, partition_of_region, session_token};
pub(crate) use cluster_token::check_cluster_token;
pub(crate) use failure::Failure;
pub(crate) use params::Params;
pub(crate) use xml::{Xml, query_answer, query_failure};

/// A request id in the form AWS gives: a UUID, unique within this process.
pub(crate) fn request_id() -> String {
    use sha2::{Digest, Sha256};
    use std::sync::atomic::{AtomicU64, Ordering};
    static ISSUED: AtomicU64 = AtomicU64::new(0);
    let number = ISSUED.fetch_add(1, Ordering::Relaxed);
    let hash = Sha256::digest(format!("request {} {number}", std::process::id()));
    let hex: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
}

/// An id of small hexadecimal digits, the same for the same seed.
pub(crate) fn short_id(seed: &str, digits: usize) -> String {
    use sha2::{Digest, Sha256};
    let hash = Sha256::digest(format!("id {seed}"));
    hash.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).take(digits).map(char::from).collect()
}

/// The time now as AWS writes it in IAM and STS answers: whole seconds, UTC.
pub(crate) fn now() -> String {
    timestamp(jiff::Timestamp::now())
}

/// An instant as AWS writes it in IAM and STS answers: whole seconds, UTC.
pub(crate) fn timestamp(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

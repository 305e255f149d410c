//! Between a Lease and what core says of a lock, and what follows from one as found. Pure.
//!
//! Only the fields of `spec` that leader election has meant since it exists are used
//! (`coordination.k8s.io/v1`, LeaseSpec), so that `kubectl get lease` tells a person as much as
//! `cni-plan lock show`.

use std::time::Duration;

use cni_plan_core::{LockHolder, LockRecord};
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::ObjectMeta;
use tokio::time::Instant;

use super::clock::Moment;
use super::{NAME, NAMESPACE, SKEW, TERM};

/// What a taker may do with a lock as found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// There is none: make one.
    Free,
    /// It may be written over: nobody's, one's own, or expired.
    Takeable,
    /// Someone else's.
    Held(LockRecord),
}

/// The last sign of life of a lock that a taker waits for, and since when it has seen no other.
#[derive(Debug, Default)]
pub(super) struct Watched(Option<(Version, Instant)>);

type Version = (Option<String>, Option<String>);

impl Watched {
    /// Takes note of a lock as it was at `now`.
    pub(super) fn see(&mut self, lease: &Lease, now: &Moment) {
        let version = version(lease);
        if self.0.as_ref().is_none_or(|(seen, _)| *seen != version) {
            self.0 = Some((version, now.steady));
        }
    }

    /// For how long this lock has not moved. Time asleep does not count: nobody watched.
    fn unmoved(&self, lease: &Lease, now: &Moment) -> Duration {
        let since = self.0.as_ref().filter(|(seen, _)| *seen == version(lease)).map(|(_, since)| *since);
        since.map_or(Duration::ZERO, |since| now.steady.saturating_duration_since(since))
    }
}

fn version(lease: &Lease) -> Version {
    (lease.metadata.uid.clone(), lease.metadata.resource_version.clone())
}

/// What `holder` may do with what was found.
pub(super) fn standing(found: Option<&Lease>, holder: &LockHolder, watched: &Watched, now: &Moment) -> Standing {
    let Some(lease) = found else { return Standing::Free };
    let Some(record) = record(lease, now) else { return Standing::Takeable };
    // A process that was killed comes back as another one of the same run.
    let own = !holder.run.is_empty() && record.holder.run == holder.run;
    if own || record.expired || watched.unmoved(lease, now) >= term(lease) {
        return Standing::Takeable;
    }
    Standing::Held(record)
}

/// The lock as core has it; `None`: the Lease says that nobody holds it.
pub(super) fn record(lease: &Lease, now: &Moment) -> Option<LockRecord> {
    let spec = lease.spec.as_ref()?;
    let identity = spec.holder_identity.as_deref().filter(|identity| !identity.is_empty())?;
    let created = lease.metadata.creation_timestamp.as_ref().map(|time| time.0);
    let acquired = spec.acquire_time.as_ref().map(|time| time.0).or(created);
    let renewed = spec.renew_time.as_ref().map(|time| time.0).or(acquired);
    let silence = renewed.map(|renewed| now.wall.duration_since(renewed));
    let silent = silence.and_then(|silence| Duration::try_from(silence).ok()).unwrap_or_default();
    Some(LockRecord {
        holder: holder(identity),
        since: told(acquired),
        renewed: told(renewed),
        silent,
        expired: silent > term(lease) + SKEW,
    })
}

/// A new Lease for a lock that nobody holds.
pub(super) fn new(holder: &LockHolder, now: &Moment) -> Lease {
    Lease {
        metadata: ObjectMeta {
            name: Some(NAME.to_owned()),
            namespace: Some(NAMESPACE.to_owned()),
            ..ObjectMeta::default()
        },
        spec: Some(LeaseSpec {
            holder_identity: Some(holder.to_string()),
            acquire_time: Some(MicroTime(now.wall)),
            renew_time: Some(MicroTime(now.wall)),
            lease_duration_seconds: Some(TERM.as_secs() as i32),
            lease_transitions: Some(0),
            ..LeaseSpec::default()
        }),
    }
}

/// The Lease as found with `holder` in it. Of the very process that has it already, nothing but the
/// time changes: its own writing, whose answer it never saw.
pub(super) fn taken(found: &Lease, holder: &LockHolder, now: &Moment) -> Lease {
    let was = found.spec.clone().unwrap_or_default();
    let mut lease = Lease { metadata: written_metadata(found), ..new(holder, now) };
    if let Some(spec) = &mut lease.spec {
        if was.holder_identity == spec.holder_identity && was.acquire_time.is_some() {
            spec.acquire_time = was.acquire_time;
            spec.lease_transitions = was.lease_transitions;
        } else {
            spec.lease_transitions = Some(was.lease_transitions.unwrap_or_default().saturating_add(1));
        }
    }
    lease
}

/// The Lease as last seen with a new sign of life.
pub(super) fn renewed(held: &Lease, now: &Moment) -> Lease {
    let mut lease = Lease { metadata: written_metadata(held), spec: held.spec.clone() };
    lease.spec.get_or_insert_default().renew_time = Some(MicroTime(now.wall));
    lease
}

/// Whether both are the same holding of the lock, renewals aside.
pub(super) fn same_holding(one: &Lease, other: &Lease) -> bool {
    let holding = |lease: &Lease| {
        let spec = lease.spec.clone().unwrap_or_default();
        (lease.metadata.uid.clone(), spec.holder_identity, spec.acquire_time)
    };
    holding(one) == holding(other)
}

/// With the uid and the resource version, so that the server refuses the write where the Lease is
/// not the one that was read. The uid matters as much: a Lease that is not there is otherwise
/// created by an update (Kubernetes pkg/registry/coordination/lease, AllowCreateOnUpdate).
fn written_metadata(found: &Lease) -> ObjectMeta {
    ObjectMeta { managed_fields: None, ..found.metadata.clone() }
}

/// How long after its last sign of life it may be taken over; one that does not say has ours.
fn term(lease: &Lease) -> Duration {
    let seconds = lease.spec.as_ref().and_then(|spec| spec.lease_duration_seconds);
    seconds.and_then(|seconds| u64::try_from(seconds).ok()).map_or(TERM, Duration::from_secs)
}

/// The other way of [`LockHolder`]'s text. What someone else has written is taken as a name.
fn holder(identity: &str) -> LockHolder {
    let (who, run) = identity.rsplit_once(", run ").unwrap_or((identity, ""));
    LockHolder { run: run.to_owned(), who: who.to_owned() }
}

fn told(time: Option<Timestamp>) -> String {
    // To the second: what people compare with their watch.
    time.map_or_else(|| "unknown".to_owned(), |time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

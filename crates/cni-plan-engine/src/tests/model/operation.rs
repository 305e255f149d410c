//! What can happen, in any order.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::disk::Cut;
use crate::tests::procedure;
use crate::tests::world::{Drift, Fault, Moment};

/// One thing that happens.
#[derive(Debug, Clone)]
pub(super) enum Operation {
    /// A change set is made for the world as it is.
    Plan,
    /// The change set made last is applied.
    Apply(Trouble),
    /// One of the runs is finished.
    Resume(usize, Trouble),
    /// One of them is undone.
    Rollback(usize, Trouble),
    /// Someone else changes something of a cluster.
    Outside(Drift, usize),
    /// All pods of a cluster are born again.
    Births(usize),
}

/// What goes wrong for a process, by its calls and its records.
#[derive(Debug, Clone, Default)]
pub(super) struct Trouble {
    pub(super) parallelism: usize,
    pub(super) killed: Option<Killed>,
    pub(super) faults: BTreeMap<usize, Fault>,
    /// Pods of which cluster are born before which call.
    pub(super) births: BTreeMap<usize, usize>,
    /// Bytes that the disk has room for.
    pub(super) room: Option<usize>,
    pub(super) loses_lock_at: Option<usize>,
    pub(super) stops_at: Option<usize>,
    pub(super) lags: bool,
    pub(super) has_stragglers: bool,
}

/// When a process is killed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Killed {
    AtCall(usize, Moment),
    AtRecord(usize, Cut),
}

impl Trouble {
    /// Whether the process comes to its end and every call is answered. Pods are born all the same.
    pub(super) fn is_none(&self) -> bool {
        self.killed.is_none()
            && self.faults.is_empty()
            && self.room.is_none()
            && self.loses_lock_at.is_none()
            && self.stops_at.is_none()
    }
}

/// Calls and records of one process among which trouble is looked for: beyond them there are few.
const CALLS: usize = 14;
const RECORDS: usize = 30;

pub(super) fn operations() -> impl Strategy<Value = Vec<Operation>> {
    prop::collection::vec(operation(), 1..9)
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        2 => Just(Operation::Plan),
        5 => trouble().prop_map(Operation::Apply),
        4 => (0usize..3, trouble()).prop_map(|(run, trouble)| Operation::Resume(run, trouble)),
        4 => (0usize..3, trouble()).prop_map(|(run, trouble)| Operation::Rollback(run, trouble)),
        3 => (drift(), 0usize..3).prop_map(|(drift, cluster)| Operation::Outside(drift, cluster)),
        1 => (0usize..3).prop_map(Operation::Births),
    ]
}

fn drift() -> impl Strategy<Value = Drift> {
    prop::sample::select(vec![
        Drift::TagRole,
        Drift::TrustOnRole,
        Drift::AttachTheirs,
        Drift::AnnotateEndpoint,
        Drift::ToggleAttachment,
        Drift::ToggleNodeRole,
        Drift::DeleteRole,
        Drift::Annotate,
        Drift::AnnotateAnother,
        Drift::TakeAnnotationOff,
    ])
}

fn trouble() -> impl Strategy<Value = Trouble> {
    (
        (prop_oneof![3 => Just(1usize), 1 => 2usize..5], prop::option::weighted(0.45, killed())),
        prop_oneof![
            3 => Just(BTreeMap::new()),
            1 => prop::collection::btree_map(0..CALLS, procedure::fault(), 1..3),
        ],
        prop::collection::btree_map(0..CALLS, 0usize..3, 0..3),
        prop::option::weighted(0.08, 0usize..9000),
        prop::option::weighted(0.08, 0usize..20),
        prop::option::weighted(0.08, 0..CALLS),
        (any::<bool>(), any::<bool>()),
    )
        .prop_map(
            |((parallelism, killed), faults, births, room, loses_lock_at, stops_at, (lags, has_stragglers))| Trouble {
                parallelism,
                killed,
                faults,
                births,
                room,
                loses_lock_at,
                stops_at,
                lags,
                has_stragglers,
            },
        )
}

fn killed() -> impl Strategy<Value = Killed> {
    let moment = prop::sample::select(vec![Moment::Before, Moment::HalfWay, Moment::After]);
    let cut = prop_oneof![
        Just(Cut::Nothing),
        (0usize..400).prop_map(Cut::Torn),
        any::<bool>().prop_map(|power_is_lost| Cut::Unsynced { power_is_lost }),
        Just(Cut::Whole),
    ];
    prop_oneof![
        (0..CALLS, moment).prop_map(|(call, moment)| Killed::AtCall(call, moment)),
        (0..RECORDS, cut).prop_map(|(record, cut)| Killed::AtRecord(record, cut)),
    ]
}

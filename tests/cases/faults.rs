//! The fault matrix: each call of an apply, of the way back after a refusal and of a rollback, reads
//! included, goes wrong in every way that a call can. Each run ends at the goal, at the start, or with
//! everything that is left named; after the last, with the fault gone, `rollback` puts that back too.
//! A run that cannot keep its lock may call nothing more: it is interrupted, and `rollback` puts it back.
//!
//! ```text
//! cargo test -p cni-plan-tests --test cases -- --ignored faults::whole --nocapture
//! ```
//!
//! prints what came of each. Retries are shortened by `AWS_MAX_ATTEMPTS` where they are to be exhausted;
//! time-outs are the clients' own, so that each of those takes half a minute, most of them at once.

use std::fmt;
use std::sync::Arc;

use cni_plan_tests::command::Ran;
use cni_plan_tests::course::{
    ADDON, CORRECTED, Call, Course, IPV4, IPV6, Journey, POD_IDENTITY, TWO_CLUSTERS, Way, any_changed,
};
use cni_plan_tests::ending::{End, end_of, locks_in};
use cni_plan_tests::rehearsal::Rehearsal;
use cni_plan_tests::trials::{AT_ONCE, every, try_all};

const COURSES: [&Course; 6] = [&IPV4, &IPV6, &CORRECTED, &TWO_CLUSTERS, &ADDON, &POD_IDENTITY];
const WAYS: [Way; 3] = [Way::There, Way::Back, Way::Undone];

/// Runs that wait for a time-out need little else.
const TIMEOUTS_AT_ONCE: usize = 24;

/// In which way a call goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kind {
    name: &'static str,
    /// As a fault names it.
    fault: &'static str,
    times: Times,
}

/// How often a call goes wrong, retries included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Times {
    /// So often with the retries that people have.
    Retried(usize),
    /// Until the retries are used up.
    Exhausting,
    /// Once, and there are no retries.
    Once,
}

const fn kind(name: &'static str, fault: &'static str, times: Times) -> Kind {
    Kind { name, fault, times }
}

const KINDS: [Kind; 10] = [
    kind("denied", "AccessDenied", Times::Retried(1)),
    kind("throttled briefly", "Throttling", Times::Retried(2)),
    kind("throttled for long", "Throttling", Times::Exhausting),
    kind("500", "InternalError", Times::Retried(1)),
    kind("500 for long", "InternalError", Times::Exhausting),
    kind("reset", "ConnectionReset", Times::Retried(1)),
    kind("reset, no retry", "ConnectionReset", Times::Once),
    kind("reset after", "ConnectionResetAfter", Times::Retried(1)),
    kind("reset after, no retry", "ConnectionResetAfter", Times::Once),
    kind("malformed body", "MalformedBody", Times::Retried(1)),
];

const TIMEOUTS: [Kind; 2] =
    [kind("no answer", "Hold", Times::Once), kind("no answer, after", "HoldAfter", Times::Once)];

#[test]
fn sample() {
    try_courses("faults, a sample", &[&IPV4, &IPV6], &KINDS, AT_ONCE, 31);
}

#[test]
#[ignore = "takes minutes: each waits for several of the clients' time-outs"]
fn sample_of_timeouts() {
    try_courses("time-outs, a sample", &[&IPV4], &TIMEOUTS, TIMEOUTS_AT_ONCE, 17);
}

#[test]
#[ignore = "takes long"]
fn whole() {
    try_courses("faults", &COURSES, &KINDS, AT_ONCE, 1);
}

#[test]
#[ignore = "takes long"]
fn whole_of_timeouts() {
    try_courses("time-outs", &COURSES, &TIMEOUTS, TIMEOUTS_AT_ONCE, 1);
}

/// A call that goes wrong.
struct Trial {
    journey: Arc<Journey>,
    call: Call,
    kind: Kind,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    At(End),
    /// Everything left was named, and put back when the fault was gone.
    ResidueThenBack,
    /// The lock could not be kept, so nothing more was called; put back when the fault was gone.
    InterruptedThenBack,
}

/// Tries every `nth` trial of the courses, in every direction.
fn try_courses(title: &str, courses: &[&'static Course], kinds: &[Kind], at_once: usize, nth: usize) {
    let journeys = courses.iter().flat_map(|course| WAYS.map(|way| Arc::new(course.journey(way))));
    let trials = journeys.flat_map(|journey| {
        let trial = |call: &Call, kind: &Kind| Trial { journey: Arc::clone(&journey), call: call.clone(), kind: *kind };
        let trials = journey.calls.iter().flat_map(|call| kinds.iter().map(move |kind| trial(call, kind)));
        trials.collect::<Vec<_>>()
    });
    let trials = every(nth, trials.collect());
    try_all(title, at_once, &trials, carry_out);
}

fn carry_out(trial: &Trial) -> Result<Outcome, String> {
    let journey = &*trial.journey;
    let mut rehearsal = journey.begin();
    if let Some(attempts) = trial.kind.attempts() {
        rehearsal = rehearsal.with_env("AWS_MAX_ATTEMPTS", attempts);
    }
    rehearsal.fail(&trial.call.fault(trial.kind.fault, trial.times()));
    let ran = rehearsal.run(&journey.command(&rehearsal));
    // Without its lock a run may not even go back.
    if ran.code == Some(8) && trial.call.operation.ends_with(" leases") {
        return back_again(journey, &rehearsal, &ran).map(|()| Outcome::InterruptedThenBack);
    }
    let end = end_of(journey, &ran, &rehearsal.state())?;
    // Asked of the calls themselves: how often a run looks before it believes is not the same each time.
    let has_changed = any_changed(&rehearsal.sandbox().calls());
    let allowed: &[End] = match journey.way {
        _ if [End::Untouched, End::Stale].contains(&end) && has_changed => &[],
        Way::There if trial.hides_a_source() => &[End::There, End::Back, End::Residue, End::Untouched, End::Stale],
        Way::There => &[End::There, End::Back, End::Residue, End::Untouched],
        Way::Back | Way::Undone => &[End::Back, End::Residue, End::Untouched],
    };
    if !allowed.contains(&end) {
        return Err(format!("{end}, and not one of {allowed:?}\n{ran}"));
    }
    let may_keep_lock = trial.call.operation.ends_with(" leases") && ran.stderr.contains("warning: ");
    if !locks_in(&rehearsal.state()).is_empty() && !may_keep_lock {
        return Err(format!("a lock is left behind, and nothing says so\n{ran}"));
    }
    if end != End::Residue {
        return Ok(Outcome::At(end));
    }
    back_again(journey, &rehearsal, &ran).map(|()| Outcome::ResidueThenBack)
}

/// With the fault gone, whatever is left can be put back.
fn back_again(journey: &Journey, rehearsal: &Rehearsal, ran: &Ran) -> Result<(), String> {
    rehearsal.sandbox().clear_faults();
    let again = rehearsal.run(&rehearsal.rollback());
    match end_of(journey, &again, &rehearsal.state())? {
        End::Back => Ok(()),
        other => Err(format!("{other}, and not back, once the fault is gone\n{again}\nafter\n{ran}")),
    }
}

impl Kind {
    /// `AWS_MAX_ATTEMPTS`.
    fn attempts(self) -> Option<&'static str> {
        match self.times {
            Times::Retried(_) => None,
            Times::Exhausting => Some("2"),
            Times::Once => Some("1"),
        }
    }
}

/// What plans are made without where it may not be read. An answer that plan had and apply is denied
/// is a change of what the plan rests on; no other failure may look like one.
const SOURCES: [&str; 7] = [
    "eks:ListClusters",
    "eks:ListNodegroups",
    "eks:DescribeNodegroup",
    "eks:ListAccessEntries",
    "eks:DescribeAccessEntry",
    "eks:ListPodIdentityAssociations",
    "kubernetes:get configmaps",
];

impl Trial {
    fn hides_a_source(&self) -> bool {
        self.kind.fault == "AccessDenied" && SOURCES.contains(&self.call.operation.as_str())
    }

    fn times(&self) -> usize {
        match self.kind.times {
            Times::Retried(times) => times,
            Times::Once => 1,
            // The Kubernetes client has five attempts, whatever AWS's have.
            Times::Exhausting if self.call.operation.starts_with("kubernetes:") => 5,
            Times::Exhausting => 2,
        }
    }
}

impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<20} {}  {:<21}", self.journey.to_string(), self.call, self.kind.name)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::At(end) => write!(f, "{end}"),
            Outcome::InterruptedThenBack => f.write_str("interrupted without a lock, then back"),
            Outcome::ResidueThenBack => f.write_str("residue, all named, then back"),
        }
    }
}

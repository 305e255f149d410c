//! Undo: whichever single call of an apply goes wrong, the world ends where it began, compared whole,
//! or, where the failure could be waited out, where it was to go. Never between, and nothing hangs.
//!
//! The calls are those that a clean apply was seen to make from its first write on; each is then made
//! to fail in a fresh world. The table of what was tried is printed (`--nocapture`). Every kind of
//! failure of every call takes minutes and is ignored by default; what runs always is every kind on the
//! plainest course, and on the others every refusal, of what changes something as of what only looks.
//! What else can go wrong, and when else, is in `faults.rs`.

use std::fmt;

use cni_plan_tests::command::Ran;
use cni_plan_tests::course::{CORRECTED, Call, Course, IPV4, IPV6, Journey, TWO_CLUSTERS, Way};
use cni_plan_tests::ending::{End, end_of};
use cni_plan_tests::trials::{AT_ONCE, try_all};

#[test]
fn ipv4_whatever_goes_wrong() {
    try_calls(&IPV4, |_| true);
}

#[test]
fn ipv6_with_everything_to_create_and_any_call_refused() {
    try_calls(&IPV6, |trial| trial.kind == "AccessDenied");
}

#[test]
fn a_role_and_a_policy_to_correct_and_any_write_refused_or_in_doubt() {
    try_calls(&CORRECTED, |trial| {
        trial.call.changes_something && ["AccessDenied", "ConnectionResetAfter"].contains(&trial.kind)
    });
}

#[test]
fn two_clusters_on_one_node_role_and_any_write_refused() {
    try_calls(&TWO_CLUSTERS, |trial| trial.call.changes_something && trial.kind == "AccessDenied");
}

#[test]
#[ignore = "takes minutes"]
fn every_course_whatever_goes_wrong() {
    for course in [&IPV6, &CORRECTED, &TWO_CLUSTERS] {
        try_calls(course, |_| true);
    }
}

/// A call that is made to fail.
struct Trial<'a> {
    call: &'a Call,
    kind: &'static str,
    times: usize,
    /// What must come of it, where only one thing may.
    must_end: Option<End>,
}

fn try_calls(course: &'static Course, is_tried: impl Fn(&Trial<'_>) -> bool) {
    let journey = course.journey(Way::There);
    // Without its lock a run may not even go back, and how often it is renewed is the clock's doing:
    // those calls are the fault matrix's.
    let is_of_lock = |call: &Call| call.operation.ends_with(" leases");
    let calls = journey.calls.iter().filter(|call| !call.is_before_any_change && !is_of_lock(call));
    let trials: Vec<Trial<'_>> = calls.flat_map(trials_of).filter(is_tried).collect();
    try_all(course.name, AT_ONCE, &trials, |trial| carry_out(trial, &journey));
}

fn trials_of(call: &Call) -> Vec<Trial<'_>> {
    let trial = |kind, times, must_end| Trial { call, kind, times, must_end };
    let refused = trial("AccessDenied", 1, call.changes_something.then_some(End::Back));
    let mut trials = vec![refused, trial("Throttling", 3, Some(End::There))];
    if call.changes_something {
        trials.push(trial("InternalError", 1, None));
        trials.push(trial("ConnectionReset", 1, None));
        trials.push(trial("ConnectionResetAfter", 1, None));
    }
    trials
}

fn carry_out(trial: &Trial<'_>, journey: &Journey) -> Result<End, String> {
    let rehearsal = journey.begin();
    rehearsal.fail(&trial.call.fault(trial.kind, trial.times));
    let ran = rehearsal.run(&journey.command(&rehearsal));
    let end = end_of(journey, &ran, &rehearsal.state())?;
    if ![End::There, End::Back].contains(&end) || trial.must_end.is_some_and(|wanted| wanted != end) {
        return Err(format!("{end} and not {:?}\n{ran}", trial.must_end));
    }
    if end == End::Back { tells_what_happened(&ran).map(|()| end) } else { Ok(end) }
}

/// What failed, why, what to do, and what is back.
fn tells_what_happened(ran: &Ran) -> Result<(), String> {
    let told = ["error: ", "   why: ", "  hint: "].iter().all(|part| ran.stderr.contains(part));
    let back = ran.stdout.starts_with("Back as it was before") && ran.stdout.ends_with("Nothing is left behind.\n");
    if told && back { Ok(()) } else { Err(format!("the run does not tell what happened\n{ran}")) }
}

impl fmt::Display for Trial<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  {:<21} {}x", self.call, self.kind, self.times)
    }
}

//! One crash: where a run is killed, what takes it up, and what may come of it.

use std::fmt;
use std::sync::Arc;

use cni_plan_tests::command::Ran;
use cni_plan_tests::course::{Call, Course, Journey, SAVED, Way};
use cni_plan_tests::ending::{End, end_of, locks_in};
use cni_plan_tests::killed::Instant;
use cni_plan_tests::rehearsal::Rehearsal;

/// Every so many trials, what takes a run up is killed as well.
const KILLED_AGAIN: usize = 5;

/// A run that is killed, once or twice, and taken up again.
pub(super) struct Trial {
    journey: Arc<Journey>,
    instant: Instant,
    recovery: Recovery,
    /// Where the recovery is killed in its turn; then the other one ends the matter.
    again: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Recovery {
    Resume,
    Rollback,
}

/// What came of a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outcome {
    /// Killed once.
    Killed(End),
    /// Killed, and its recovery as well.
    KilledTwice(End),
    /// Killed before its journal told of anything to do, or after it told that all was done: the lock
    /// is nobody's business any more, and is left to expire.
    LockLeft(End),
    /// The run came to its end without getting to the instant.
    NotReached(End),
}

/// Every instant of a journey, taken up by `resume` and `rollback` in turn; those of the journal, for
/// which `strace` is needed, only where they are asked for.
pub(super) fn trials_of(course: &'static Course, way: Way, with_journal: bool) -> Vec<Trial> {
    let journey = Arc::new(course.journey(way));
    let around = |call: &Call| [Instant::BeforeCall(call.clone()), Instant::AfterEffect(call.clone())];
    let mut instants: Vec<Instant> = journey.calls.iter().flat_map(around).collect();
    if with_journal {
        let rehearsal = journey.begin();
        let (writes, syncs) = rehearsal.count_journal_writes(&journey.command(&rehearsal));
        instants.extend((1..=writes).map(Instant::BeforeWrite));
        instants.extend((1..=syncs).map(Instant::BeforeSync));
    }
    let seconds = second_instants(with_journal);
    let trial = |(at, instant): (usize, Instant)| {
        // Two instants a call: either is taken up in both ways.
        let recovery = if (at / 2 + at).is_multiple_of(2) { Recovery::Resume } else { Recovery::Rollback };
        let again = (at % KILLED_AGAIN == KILLED_AGAIN - 1).then(|| seconds[at / KILLED_AGAIN % seconds.len()].clone());
        Trial { journey: Arc::clone(&journey), instant, recovery, again }
    };
    instants.into_iter().enumerate().map(trial).collect()
}

/// Where a recovery is killed: some of its calls and, where they are asked for, its journal's writes.
fn second_instants(with_journal: bool) -> Vec<Instant> {
    let any = |service: &str, nth| Call {
        operation: format!("{service}:*"),
        nth,
        changes_something: false,
        is_before_any_change: false,
    };
    let calls = [
        Instant::AfterEffect(any("iam", 4)),
        Instant::BeforeCall(any("kubernetes", 7)),
        Instant::BeforeCall(any("iam", 7)),
        Instant::AfterEffect(any("kubernetes", 11)),
    ];
    let journal = [Instant::BeforeWrite(2), Instant::BeforeSync(1), Instant::BeforeSync(3), Instant::BeforeWrite(5)];
    calls.into_iter().chain(journal.into_iter().filter(|_| with_journal)).collect()
}

/// Kills, takes up, judges.
pub(super) fn carry_out(trial: &Trial) -> Result<Outcome, String> {
    let journey = &*trial.journey;
    let rehearsal = journey.begin();
    if let Some(ran) = rehearsal.run_until(&trial.instant, &journey.command(&rehearsal)) {
        let end = end_of(journey, &ran, &rehearsal.state())?;
        return if end == journey.end() { Ok(Outcome::NotReached(end)) } else { Err(format!("{end}\n{ran}")) };
    }
    // The refusal that turned it round is over as well: what takes the run up meets no fault.
    rehearsal.sandbox().clear_faults();
    let mut recovery = trial.recovery;
    let mut outcome: fn(End) -> Outcome = Outcome::Killed;
    let mut ran = trial.again.as_ref().and_then(|again| rehearsal.run_until(again, &recovery.command(&rehearsal)));
    rehearsal.sandbox().clear_faults();
    if trial.again.is_some() && ran.is_none() {
        recovery = recovery.other();
        outcome = Outcome::KilledTwice;
    }
    let ran = ran.take().unwrap_or_else(|| rehearsal.run(&recovery.command(&rehearsal)));
    let end = end_of(journey, &ran, &rehearsal.state())?;
    let allowed = trial.allowed(recovery, list_of_runs(&rehearsal).is_empty());
    if !allowed.contains(&end) {
        return Err(format!("{end}, and not one of {allowed:?}\n{ran}"));
    }
    if !locks_in(&rehearsal.state()).is_empty() {
        outcome = Outcome::LockLeft;
        is_left_to_expire(&ran, &rehearsal)?;
    }
    is_settled(end, recovery, &rehearsal).map_err(|why| format!("{why}\nafter\n{ran}"))?;
    Ok(outcome(end))
}

/// Whoever found nothing to do had no reason to look for locks; a person can take them away.
fn is_left_to_expire(ran: &Ran, rehearsal: &Rehearsal) -> Result<(), String> {
    if !ran.stdout.starts_with("Nothing to do") && !list_of_runs(rehearsal).is_empty() {
        return Err(format!("a lock is left behind\n{ran}"));
    }
    let broken = rehearsal.run(&format!("lock break {SAVED} --auto-approve"));
    if broken.code != Some(0) || !locks_in(&rehearsal.state()).is_empty() {
        return Err(format!("the lock that is left cannot be taken away\n{broken}"));
    }
    Ok(())
}

/// What came to an end has nothing left to do, and is listed as what it came to.
fn is_settled(end: End, recovery: Recovery, rehearsal: &Rehearsal) -> Result<(), String> {
    let before = rehearsal.state();
    let again = rehearsal.run(&recovery.command(rehearsal));
    let runs = list_of_runs(rehearsal);
    let told = match end {
        _ if runs.is_empty() => return Ok(()),
        End::There => "  applied  ",
        End::Back | End::Untouched | End::Stale => "  rolled back  ",
        End::Residue => "  rolled back, with residue  ",
    };
    if !runs.contains(told) || runs.lines().count() != 1 {
        return Err(format!("the run is not listed as what it came to\n{runs}"));
    }
    if end == End::Residue {
        return Ok(());
    }
    if again.code != Some(0) || !again.stdout.starts_with("Nothing to do") {
        return Err(format!("a second time does not say that there is nothing to do\n{again}"));
    }
    if rehearsal.state() != before { Err(format!("a second time changes something\n{again}")) } else { Ok(()) }
}

/// What `runs` lists below its headings: nothing of a run that was killed before its journal had its first record.
fn list_of_runs(rehearsal: &Rehearsal) -> String {
    let printed = rehearsal.run("runs").expect(0).stdout;
    printed.split_once('\n').map_or_else(String::new, |(_, runs)| runs.to_owned())
}

impl Trial {
    /// The right ends of what took the run up last. A run that was killed before it had a record has
    /// done nothing. One on its way back may have been killed before its journal said so: then `resume`
    /// goes forwards again, and no fault is left to stop it.
    fn allowed(&self, last: Recovery, is_without_record: bool) -> &'static [End] {
        match (self.journey.way, last) {
            (Way::There | Way::Back, _) if is_without_record => &[End::Back, End::Untouched],
            (Way::There, Recovery::Resume) if self.again.is_none() => &[End::There],
            (_, Recovery::Resume) => &[End::There, End::Back],
            (_, Recovery::Rollback) => &[End::Back],
        }
    }
}

impl Recovery {
    fn command(self, rehearsal: &Rehearsal) -> String {
        match self {
            Recovery::Resume => "resume".to_owned(),
            Recovery::Rollback => rehearsal.rollback(),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Recovery::Resume => "resume",
            Recovery::Rollback => "rollback",
        }
    }

    fn other(self) -> Recovery {
        match self {
            Recovery::Resume => Recovery::Rollback,
            Recovery::Rollback => Recovery::Resume,
        }
    }
}

impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Trial { journey, instant, recovery, again } = self;
        write!(f, "{:<20} {instant}  {:<8}", journey.to_string(), recovery.name())?;
        again.as_ref().map_or(Ok(()), |again| write!(f, " killed {again}, then {}", recovery.other().name()))
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Killed(end) => write!(f, "{end}"),
            Outcome::KilledTwice(end) => write!(f, "{end}, killed twice"),
            Outcome::LockLeft(end) => write!(f, "{end}, its lock left to expire"),
            Outcome::NotReached(end) => write!(f, "{end}, never got to the instant"),
        }
    }
}

//! IAM whose readers lag behind its writers: every write is made, and for a while it reads as if it
//! were not, or now so and now so. Each run ends at the goal or exactly at the start all the same,
//! judged by what is true and not by what is read.
//!
//! Time runs three hundred times as fast: thirty seconds of IAM's are a tenth of one here, and the two
//! minutes that its readers are given by default are 400 ms.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use cni_plan_sandbox::Visibility;
use cni_plan_tests::command::Ran;
use cni_plan_tests::course::{CORRECTED, Call, Course, IPV4, IPV6, Journey, Way};
use cni_plan_tests::ending::{End, end_of};
use cni_plan_tests::killed::Instant;
use cni_plan_tests::rehearsal::Rehearsal;
use cni_plan_tests::trials::{AT_ONCE, try_all};

const READERS_MAY_TAKE: &str = "400ms";
const THIRTY_SECONDS: Duration = Duration::from_millis(100);

/// In which way readers lag.
#[derive(Debug, Clone, Copy)]
enum Reads {
    /// Nobody sees a write for a while, and then everybody does.
    Late,
    /// For a while each read is of the old state or of the new one.
    Wavering,
}

/// What goes wrong besides.
#[derive(Debug, Clone)]
enum Trouble {
    None,
    Refused(Call),
    /// The write is made, and its answer lost.
    InDoubt(Call),
    /// The process is killed when the write is made.
    Killed(Call, &'static str),
}

struct Trial {
    journey: Arc<Journey>,
    reads: Reads,
    seed: u64,
    trouble: Trouble,
}

#[test]
fn a_run_comes_to_its_end_there_and_back() {
    try_undisturbed("undisturbed", 0..1);
}

#[test]
#[ignore = "takes minutes"]
fn whichever_reads_are_old() {
    try_undisturbed("undisturbed, by chance", 1..20);
}

fn try_undisturbed(title: &str, seeds: Range<u64>) {
    let in_every_way = |course| {
        let seeds = seeds.clone();
        [Way::There, Way::Back, Way::Undone]
            .into_iter()
            .flat_map(move |way| trials_of(course, way, seeds.clone(), |_| vec![Trouble::None]))
    };
    let trials: Vec<Trial> = [&IPV4, &IPV6, &CORRECTED].into_iter().flat_map(in_every_way).collect();
    try_all(title, AT_ONCE, &trials, carry_out);
}

#[test]
fn a_write_that_is_refused_or_in_doubt_besides() {
    let trials = [&IPV4, &IPV6].into_iter().flat_map(|course| {
        trials_of(course, Way::There, 3..4, |journey| {
            let writes = journey.calls.iter().filter(|call| call.changes_something);
            let troubles = |call: &Call| match call.operation.starts_with("iam:") {
                true => vec![Trouble::Refused(call.clone()), Trouble::InDoubt(call.clone())],
                false => vec![Trouble::Refused(call.clone())],
            };
            writes.flat_map(troubles).collect()
        })
    });
    try_all("with a fault", AT_ONCE, &trials.collect::<Vec<_>>(), carry_out);
}

#[test]
fn a_process_that_is_killed_when_a_write_is_made_that_nobody_sees() {
    let trials = [&IPV4, &IPV6].into_iter().flat_map(|course| {
        trials_of(course, Way::There, 4..5, |journey| {
            let writes = journey.calls.iter().filter(|call| call.changes_something);
            let killed = |call: &Call| ["resume", "rollback"].map(|then| Trouble::Killed(call.clone(), then));
            writes.filter(|call| call.operation.starts_with("iam:")).flat_map(killed).collect()
        })
    });
    try_all("killed", AT_ONCE, &trials.collect::<Vec<_>>(), carry_out);
}

/// Each trouble of a journey, with reads of either kind.
fn trials_of(
    course: &'static Course,
    way: Way,
    seeds: Range<u64>,
    troubles: impl Fn(&Journey) -> Vec<Trouble>,
) -> Vec<Trial> {
    let journey = Arc::new(course.journey(way));
    let mut trials = Vec::new();
    for trouble in troubles(&journey) {
        for reads in [Reads::Late, Reads::Wavering] {
            // Only chance has a seed.
            let seeds = if matches!(reads, Reads::Late) { 0..1 } else { seeds.clone() };
            trials.extend(seeds.map(|seed| Trial {
                journey: Arc::clone(&journey),
                reads,
                seed,
                trouble: trouble.clone(),
            }));
        }
    }
    trials
}

fn carry_out(trial: &Trial) -> Result<End, String> {
    let journey = &*trial.journey;
    let rehearsal = journey.begin().with_env("CNI_PLAN_IAM_VISIBILITY", READERS_MAY_TAKE);
    rehearsal.sandbox().set_visibility(trial.reads.visibility(trial.seed));
    let command = journey.command(&rehearsal);
    let (ran, allowed): (_, &[End]) = match &trial.trouble {
        Trouble::None => (rehearsal.run(&command), &[journey.end()]),
        Trouble::Refused(call) => (run_with(&rehearsal, &call.fault("AccessDenied", 1), &command), &[End::Back]),
        Trouble::InDoubt(call) => {
            (run_with(&rehearsal, &call.fault("ConnectionResetAfter", 1), &command), &[End::There, End::Back])
        }
        Trouble::Killed(call, then) => {
            if let Some(ran) = rehearsal.run_until(&Instant::AfterEffect(call.clone()), &command) {
                return Err(format!("the run was not killed\n{ran}"));
            }
            rehearsal.sandbox().clear_faults();
            match *then {
                "resume" => (rehearsal.run("resume"), &[End::There]),
                _ => (rehearsal.run(&rehearsal.rollback()), &[End::Back]),
            }
        }
    };
    let end = end_of(journey, &ran, &rehearsal.state())?;
    if allowed.contains(&end) { Ok(end) } else { Err(format!("{end}, and not one of {allowed:?}\n{ran}")) }
}

fn run_with(rehearsal: &Rehearsal, fault: &str, command: &str) -> Ran {
    rehearsal.fail(fault);
    rehearsal.run(command)
}

impl Reads {
    fn visibility(self, seed: u64) -> Visibility {
        match self {
            Reads::Late => Visibility { lag: THIRTY_SECONDS.mul_f64(0.8), ..Visibility::default() },
            Reads::Wavering => Visibility { oscillation: THIRTY_SECONDS, seed, ..Visibility::default() },
        }
    }
}

impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reads = match self.reads {
            Reads::Late => "late",
            Reads::Wavering => "wavering",
        };
        write!(f, "{:<20} {reads:<8} {} ", self.journey.to_string(), self.seed)?;
        match &self.trouble {
            Trouble::None => f.write_str("undisturbed"),
            Trouble::Refused(call) => write!(f, "refused  {call}"),
            Trouble::InDoubt(call) => write!(f, "in doubt {call}"),
            Trouble::Killed(call, then) => write!(f, "killed   {call} then {then}"),
        }
    }
}

//! Two commands on one world at once: one waits for the other or is told of it, and neither harms the
//! world.

use std::fmt;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};

use cni_plan_tests::command::{Ran, Workspace};
use cni_plan_tests::ending::locks_in;
use cni_plan_tests::rehearsal::Rehearsal;
use cni_plan_tests::trials::{AT_ONCE, try_all};

const SPEC: &str = "examples/quickstart.yaml";

#[test]
fn two_plans_at_once_say_the_same() {
    let workspace = Workspace::with_examples();
    let plan = || workspace.run(["plan", "--sandbox", "--no-save", SPEC]);
    let [one, other] = at_once([&plan, &plan]);
    assert_eq!(one.expect(0).stdout, other.expect(0).stdout);
}

/// The embedded sandbox has one command at a time: the second finds everything done.
#[test]
fn of_two_applies_at_once_one_does_it_and_the_other_finds_it_done() {
    let workspace = Workspace::with_examples();
    let apply = || workspace.run(["apply", "--sandbox", "--auto-approve", SPEC]);
    let mut ends =
        at_once([&apply, &apply]).map(|ran| ran.expect(0).stdout.lines().last().unwrap_or_default().to_owned());
    ends.sort();
    let [applied, nothing] = ends;
    assert!(applied.starts_with("Applied and verified: 2 added"), "{applied}");
    assert!(nothing.starts_with("Nothing to do"), "{nothing}");
    workspace.run(["plan", "--sandbox", "--no-save", "--detailed-exitcode", SPEC]).expect(0);
}

/// Started together on one change set and one world, fifty times over: exactly one applies each time.
/// The other is told who does (4), or comes after and is told that it is applied already (3). There is no third: a
/// difference that is shown, say, would mean that it had looked at the world while the first was at work.
#[test]
fn of_two_processes_started_together_exactly_one_applies_each_time() {
    const CHANGE_SET: &str = "plans/quickstart.plan.json";
    let apply = format!("apply {CHANGE_SET}");
    let alone = Rehearsal::ipv4();
    alone.run(&format!("plan {SPEC}")).expect(0);
    let change_set = alone.workspace().read(CHANGE_SET);
    alone.run(&apply).expect(0);
    let goal = alone.state();
    drop(alone);

    let trials: Vec<Trial> = (1..=50).map(|nth| Trial { nth, one_folder: nth % 2 == 0 }).collect();
    let have_met = AtomicBool::new(false);
    try_all("two processes", AT_ONCE, &trials, |trial| {
        let world = Rehearsal::ipv4();
        // Half of the pairs are two people in one folder; the others have nothing in common but the world.
        let elsewhere = world
            .sandbox()
            .environment()
            .iter()
            .fold(Workspace::new(), |elsewhere, (name, value)| elsewhere.with_env(name, value));
        let other = if trial.one_folder { world.workspace() } else { &elsewhere };
        for workspace in [world.workspace(), other] {
            workspace.write(CHANGE_SET, &change_set);
        }
        let run = |workspace: &Workspace| workspace.run(apply.split(' '));
        let ends = at_once([&|| run(world.workspace()), &|| run(other)]);
        let told = || ends.each_ref().map(ToString::to_string).join("\n");
        if world.state() != goal {
            return Err(format!("the world is not at the goal\n{}", told()));
        }
        if !locks_in(&world.state()).is_empty() {
            return Err(format!("a lock is left\n{}", told()));
        }
        let mut ends = ends.each_ref().map(end_of);
        ends.sort();
        match ends {
            [End::Applied, End::Locked] => {
                have_met.store(true, Ordering::Relaxed);
                Ok(Outcome::Locked)
            }
            [End::Applied, End::TooLate] => Ok(Outcome::TooLate),
            _ => Err(format!("{ends:?}\n{}", told())),
        }
    });
    assert!(have_met.load(Ordering::Relaxed), "no two of them ever met, which shows nothing");
}

/// Two processes in a fresh world.
struct Trial {
    nth: usize,
    one_folder: bool,
}

impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>2}. {:<11}", self.nth, if self.one_folder { "one folder" } else { "two folders" })
    }
}

/// What came of the one that did not apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Locked,
    TooLate,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Outcome::Locked => "one applied, the other was told of the lock",
            Outcome::TooLate => "one applied, the other was told so",
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    Applied,
    Locked,
    TooLate,
    Wrong,
}

fn end_of(ran: &Ran) -> End {
    match ran.code {
        Some(0) if ran.stdout.contains("Applied and verified") => End::Applied,
        Some(3) if ran.stderr.contains("the change set is applied already") && ran.stdout.is_empty() => End::TooLate,
        Some(4) if ran.stderr.contains("is locked; nothing was changed") => End::Locked,
        _ => End::Wrong,
    }
}

/// Has both begin at the same instant.
fn at_once<T: Send>(runs: [&(dyn Fn() -> T + Sync); 2]) -> [T; 2] {
    let barrier = Barrier::new(2);
    std::thread::scope(|scope| {
        let started = runs.map(|run| {
            scope.spawn(|| {
                barrier.wait();
                run()
            })
        });
        started.map(|one| one.join().unwrap())
    })
}

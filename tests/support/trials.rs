//! Many trials of one thing, several at the same time, and a table of what came of them.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

/// Worlds tried at the same time: the runs mostly wait.
pub const AT_ONCE: usize = 6;

/// Carries out every trial, `many` at the same time; the outcomes are in the trials' order. A panic
/// is the outcome of its trial and of no other.
pub fn carry_out_all<T, E>(
    many: usize,
    trials: &[T],
    carry_out: impl Fn(&T) -> Result<E, String> + Sync,
) -> Vec<Result<E, String>>
where
    T: Sync,
    E: Send,
{
    let waiting = Mutex::new(trials.iter().enumerate());
    let outcomes = Mutex::new(BTreeMap::new());
    let next = || waiting.lock().expect("nothing panics under this lock").next();
    std::thread::scope(|scope| {
        for _ in 0..many {
            scope.spawn(|| {
                while let Some((at, trial)) = next() {
                    let outcome = catch_unwind(AssertUnwindSafe(|| carry_out(trial)));
                    let outcome = outcome.unwrap_or_else(|panic| Err(text_of(panic.as_ref())));
                    outcomes.lock().expect("nothing panics under this lock").insert(at, outcome);
                }
            });
        }
    });
    outcomes.into_inner().expect("nothing panics under this lock").into_values().collect()
}

/// Every `k`-th trial, the first included: the same each time.
pub fn every<T>(k: usize, trials: Vec<T>) -> Vec<T> {
    trials.into_iter().step_by(k).collect()
}

/// Prints what came of each trial and how many ended how.
///
/// # Panics
/// When one ended wrongly: those are then told whole.
#[expect(clippy::print_stdout, reason = "the table is for whoever runs the test with --nocapture")]
pub fn report<T: Display, E: Display + Ord + Copy>(title: &str, trials: &[T], outcomes: &[Result<E, String>]) {
    println!("{title}: {} trials", trials.len());
    let mut totals: BTreeMap<E, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (trial, outcome) in trials.iter().zip(outcomes) {
        match outcome {
            Ok(end) => {
                println!("  {trial}  {end}");
                *totals.entry(*end).or_default() += 1;
            }
            Err(why) => {
                println!("  {trial}  WRONG");
                wrong.push(format!("{trial}: {why}"));
            }
        }
    }
    for (end, count) in &totals {
        println!("{title}: {count:>5} {end}");
    }
    println!("{title}: {:>5} wrong", wrong.len());
    assert!(wrong.is_empty(), "{title}: {} of {} trials:\n\n{}", wrong.len(), trials.len(), wrong.join("\n\n"));
}

fn text_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

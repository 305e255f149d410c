//! Many trials of one thing, several at the same time, and a table of what came of them.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

/// Worlds tried at the same time: the runs mostly wait.
pub const AT_ONCE: usize = 6;

/// Every `k`-th trial, the first included: the same each time.
pub fn every<T>(k: usize, trials: Vec<T>) -> Vec<T> {
    trials.into_iter().step_by(k).collect()
}

/// Carries out every trial, `many` at the same time, and prints what came of each as it comes, and
/// at last how many ended how. A panic is the outcome of its trial and of no other.
///
/// # Panics
/// When one ended wrongly: those are then told whole.
#[expect(clippy::print_stdout, reason = "the table is for whoever runs the test with --nocapture")]
pub fn try_all<T, E>(title: &str, many: usize, trials: &[T], carry_out: impl Fn(&T) -> Result<E, String> + Sync)
where
    T: Display + Sync,
    E: Display + Ord + Copy + Send,
{
    println!("{title}: {} trials", trials.len());
    let waiting = Mutex::new(trials.iter());
    let outcomes: Mutex<BTreeMap<Result<E, ()>, usize>> = Mutex::default();
    let wrong = Mutex::new(Vec::new());
    let next = || waiting.lock().expect("nothing panics under this lock").next();
    let work = || {
        while let Some(trial) = next() {
            let outcome = catch_unwind(AssertUnwindSafe(|| carry_out(trial)));
            let outcome = outcome.unwrap_or_else(|panic| Err(text_of(panic.as_ref())));
            match &outcome {
                Ok(end) => println!("  {trial}  {end}"),
                Err(_) => println!("  {trial}  WRONG"),
            }
            let outcome = outcome.map_err(|why| {
                let mut wrong = wrong.lock().expect("nothing panics under this lock");
                wrong.push(format!("{trial}: {why}"));
            });
            *outcomes.lock().expect("nothing panics under this lock").entry(outcome).or_default() += 1;
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..many {
            scope.spawn(work);
        }
    });
    for (end, count) in &*outcomes.lock().expect("nothing panics under this lock") {
        match end {
            Ok(end) => println!("{title}: {count:>5} {end}"),
            Err(()) => println!("{title}: {count:>5} wrong"),
        }
    }
    let wrong = wrong.into_inner().expect("nothing panics under this lock");
    assert!(wrong.is_empty(), "{title}: {} of {} trials:\n\n{}", wrong.len(), trials.len(), wrong.join("\n\n"));
}

fn text_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

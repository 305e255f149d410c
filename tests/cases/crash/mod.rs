//! The crash matrix: the real binary, killed by a real SIGKILL before and right after the effect of
//! every call and around every write of its journal, on its way there, on its way back, and while it
//! undoes a finished run. After it `resume` in one half of the cases and `rollback` in the other, some
//! of them killed again, and each ends exactly at the goal, exactly at the start, or with everything
//! that is left named.
//!
//! ```text
//! cargo test -p cni-plan-tests --test cases -- --ignored crash::whole --nocapture
//! ```
//!
//! runs all of it and prints what came of each; a fixed sample runs with the other tests.

mod naming;
mod trial;

use cni_plan_tests::course::{ADDON, Course, IPV4, IPV6, POD_IDENTITY, TWO_CLUSTERS, Way};
use cni_plan_tests::trials::{AT_ONCE, every, try_all};

use self::trial::{Trial, carry_out, trials_of};

const COURSES: [&Course; 5] = [&IPV4, &IPV6, &TWO_CLUSTERS, &ADDON, &POD_IDENTITY];
const WAYS: [Way; 3] = [Way::There, Way::Back, Way::Undone];

/// Without the journal's instants, for which `strace` is needed.
#[test]
fn ipv4_killed_around_its_calls() {
    try_courses("crash, calls of ipv4", &[&IPV4], false, 7);
}

#[test]
#[ignore = "peer: strace"]
fn sample() {
    try_courses("crash, a sample", &COURSES, true, 13);
}

#[test]
#[ignore = "peer: strace; takes long"]
fn whole() {
    try_courses("crash", &COURSES, true, 1);
}

/// Tries every `nth` instant of the courses, in every direction.
fn try_courses(title: &str, courses: &[&'static Course], with_journal: bool, nth: usize) {
    let trials_of = |course| WAYS.into_iter().flat_map(move |way| trials_of(course, way, with_journal));
    let trials: Vec<Trial> = every(nth, courses.iter().copied().flat_map(trials_of).collect());
    try_all(title, AT_ONCE, &trials, carry_out);
}

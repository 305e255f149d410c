//! What a plan costs, counted in calls and not in seconds: a plan of one cluster waits for few answers
//! in sequence.

use std::time::Duration;

use cni_plan_tests::rehearsal::Rehearsal;

/// Far above what a call takes by itself, so that those in sequence are told from those at once.
const LATENCY: Duration = Duration::from_millis(60);
const MOST_IN_SEQUENCE: usize = 4;

#[test]
fn one_cluster_is_planned_in_few_round_trips() {
    let rehearsal = Rehearsal::with_latency(LATENCY);
    let ran = rehearsal.run("plan --no-save --timings examples/quickstart.yaml").expect(0);
    let told = ran.stderr.lines().find_map(|line| line.strip_prefix("Critical path: ")).expect("timings are printed");
    let count: usize = told.split(' ').next().unwrap().parse().unwrap();
    assert!((1..=MOST_IN_SEQUENCE).contains(&count), "{ran}");
    let counted = rehearsal.sandbox().calls().len();
    assert!(told.contains(&format!("; {counted} calls in all,")), "the sandbox saw {counted} calls\n{ran}");
}

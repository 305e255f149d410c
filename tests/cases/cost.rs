//! What a plan costs, counted in calls and not in seconds: a plan of one cluster waits for few answers
//! in sequence, and no call is made that another has answered.

use std::collections::BTreeMap;

use cni_plan_tests::rehearsal::Rehearsal;

/// What `--timings` says: round trips in sequence.
fn in_sequence(rehearsal: &Rehearsal, spec: &str) -> usize {
    let ran = rehearsal.run(&format!("plan --no-save --timings {spec}")).expect(0);
    let told = ran.stderr.lines().find_map(|line| line.strip_prefix("Critical path: ")).expect("timings are printed");
    let counted = rehearsal.sandbox().calls().len();
    assert!(told.contains(&format!("; {counted} calls in all,")), "the sandbox saw {counted} calls\n{ran}");
    told.split(' ').next().unwrap().parse().unwrap()
}

#[test]
fn one_cluster_is_planned_in_few_round_trips() {
    // What the cluster is, what its node groups and access entries are, aws-auth, and the resources.
    assert_eq!(in_sequence(&Rehearsal::of_scenario("ipv4"), "examples/quickstart.yaml"), 4);
    // A policy of the account's own is one more: its document is read by its version.
    assert_eq!(in_sequence(&Rehearsal::of_scenario("ipv6"), "examples/ipv6.yaml"), 5);
}

#[test]
fn no_call_is_made_that_another_has_answered() {
    let rehearsal = Rehearsal::of_scenario("ipv6");
    rehearsal.run("plan --no-save examples/ipv6.yaml").expect(0);
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for call in rehearsal.sandbox().calls() {
        *times.entry(format!("{:?} {} {:?}", call.service, call.operation, call.resource)).or_default() += 1;
    }
    let repeated: Vec<_> = times.iter().filter(|(_, times)| **times > 1).collect();
    assert!(repeated.is_empty(), "{repeated:?}");
}

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
    // What the cluster is, what its node groups and access entries are, and the resources beside aws-auth.
    assert_eq!(in_sequence(&Rehearsal::of_slow_scenario("ipv4"), "examples/quickstart.yaml"), 3);
    // A policy of the account's own is one more: its document is read by its version.
    assert_eq!(in_sequence(&Rehearsal::of_slow_scenario("ipv6"), "examples/ipv6.yaml"), 4);
}

#[test]
fn roles_with_all_sorts_of_policies_take_two_round_trips_more() {
    // What is on a role is listed, then which version of a policy is in force, then that one.
    for scenario in ["inline-copy", "renamed-policy", "policies-besides"] {
        assert!(in_sequence(&Rehearsal::of_slow_scenario(scenario), "examples/quickstart.yaml") <= 5, "{scenario}");
    }
}

#[test]
fn a_role_that_only_aws_auth_names_waits_for_nothing_more() {
    let rehearsal = Rehearsal::of_slow_scenario("self-managed-nodes");
    assert_eq!(in_sequence(&rehearsal, "examples/quickstart.yaml"), 3);
    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
    let wire = rehearsal.wire();
    wire.iam("CreatePolicy", &[("PolicyName", "Theirs"), ("PolicyDocument", document)]);
    let policy = "arn:aws:iam::111122223333:policy/Theirs";
    wire.iam("AttachRolePolicy", &[("RoleName", "SelfManagedNodeRole-old"), ("PolicyArn", policy)]);
    rehearsal.sandbox().clear_calls();
    assert_eq!(in_sequence(&rehearsal, "examples/quickstart.yaml"), 5);
}

#[test]
fn no_call_is_made_that_another_has_answered() {
    for (scenario, spec) in [("ipv6", "ipv6"), ("policies-besides", "quickstart"), ("self-managed-nodes", "quickstart")]
    {
        let rehearsal = Rehearsal::of_scenario(scenario);
        rehearsal.run(&format!("plan --no-save examples/{spec}.yaml")).expect(0);
        let mut times: BTreeMap<String, usize> = BTreeMap::new();
        for call in rehearsal.sandbox().calls() {
            *times.entry(format!("{:?} {} {:?}", call.service, call.operation, call.resource)).or_default() += 1;
        }
        let repeated: Vec<_> = times.iter().filter(|(_, times)| **times > 1).collect();
        assert!(repeated.is_empty(), "{scenario}: {repeated:?}");
    }
}

//! Undo: whichever single call of an apply goes wrong, the world ends where it began, compared whole,
//! or, where the failure could be waited out, where it was to go. Never between, and nothing hangs.
//!
//! The calls are those that a clean apply was seen to make; each is then made to fail in a fresh
//! world. The table of what was tried is printed (`--nocapture`). Every kind of failure of every call
//! takes minutes and is ignored by default; what runs always is every kind on the plainest course,
//! and on the others every refusal, of what changes something as of what only looks.

use std::collections::HashMap;
use std::fmt;
use std::sync::Mutex;

use cni_plan_sandbox::{ClusterSeed, IpFamily};
use cni_plan_tests::command::{Ran, repository};
use cni_plan_tests::rehearsal::Rehearsal;
use cni_plan_tests::wire::FOREIGN_TRUST;
use serde_json::Value;

/// Worlds tried at the same time: the runs mostly wait.
const AT_ONCE: usize = 6;

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

const IPV4: Course = Course { name: "ipv4", spec: "examples/ipv4.yaml", world: Rehearsal::ipv4 };

const IPV6: Course = Course {
    name: "ipv6",
    spec: "tests/cases/specs/ipv6-own-policy.yaml",
    world: || Rehearsal::with_clusters(&[ClusterSeed { oidc_provider: false, ..ipv6() }]),
};

const CORRECTED: Course =
    Course { name: "corrected", spec: "tests/cases/specs/everything-differs.yaml", world: with_old_role_and_policy };

const TWO_CLUSTERS: Course = Course {
    name: "two clusters",
    spec: "examples/two-clusters.yaml",
    world: || Rehearsal::of_scenario("two-clusters"),
};

fn ipv6() -> ClusterSeed {
    ClusterSeed { ip_family: IpFamily::Ipv6, ..ClusterSeed::new("my-cluster") }
}

/// The policy as it was once documented, and a role that differs in every attribute.
fn with_old_role_and_policy() -> Rehearsal {
    let rehearsal = Rehearsal::with_clusters(&[ipv6()]);
    let wire = rehearsal.wire();
    let role = [
        ("RoleName", "AmazonEKSVPCCNIRole"),
        ("AssumeRolePolicyDocument", FOREIGN_TRUST),
        ("Description", "of last year"),
        ("MaxSessionDuration", "7200"),
        ("Tags.member.1.Key", "team"),
        ("Tags.member.1.Value", "networking"),
        ("Tags.member.2.Key", "cost-center"),
        ("Tags.member.2.Value", "4711"),
    ];
    wire.iam("CreateRole", &role);
    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Resource":"*",
        "Action":["ec2:AssignIpv6Addresses","ec2:DescribeInstances","ec2:DescribeTags"]}]}"#;
    wire.iam("CreatePolicy", &[("PolicyName", "MyOwnIPv6Policy"), ("PolicyDocument", document)]);
    rehearsal
}

/// A way from a world to what a spec asks for.
struct Course {
    name: &'static str,
    /// Relative to the repository.
    spec: &'static str,
    /// Makes the world to start from.
    world: fn() -> Rehearsal,
}

/// The same way, gone once.
struct Clean {
    change_set: String,
    start: Value,
    goal: Value,
    calls: Vec<Call>,
}

/// A call of an apply.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Call {
    /// As a fault names it: `iam:CreateRole`.
    operation: String,
    /// How many of the same operation came before it.
    nth: usize,
    changes_something: bool,
}

/// A call that is made to fail.
struct Trial<'a> {
    call: &'a Call,
    kind: &'static str,
    times: usize,
    /// What must come of it, where only one thing may.
    must_end: Option<End>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Exit 0, and the world is where it was to go.
    There,
    /// Exit 6, and the world is where it began.
    Back,
}

const SAVED: &str = "plans/tried.plan.json";

fn try_calls(course: &Course, is_tried: impl Fn(&Trial<'_>) -> bool) {
    let clean = clean_run(course);
    let trials: Vec<Trial<'_>> = clean.calls.iter().flat_map(trials_of).filter(is_tried).collect();
    let waiting = Mutex::new(trials.iter());
    let outcomes = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some(trial) = waiting.lock().unwrap().next() else { break };
                    let outcome = carry_out(trial, course, &clean);
                    outcomes.lock().unwrap().push((trial.to_string(), outcome));
                }
            });
        }
    });
    report(course.name, clean.calls.len(), outcomes.into_inner().unwrap());
}

fn clean_run(course: &Course) -> Clean {
    let rehearsal = (course.world)();
    let spec = std::fs::read_to_string(repository().join(course.spec)).unwrap();
    rehearsal.workspace().write("spec.yaml", &spec);
    rehearsal.run(&format!("plan spec.yaml --out {SAVED}")).expect(0);
    let start = rehearsal.state();
    rehearsal.sandbox().clear_calls();
    rehearsal.run(&format!("apply {SAVED}")).expect(0);
    let goal = without_version_numbers(rehearsal.state());
    assert_ne!(start, goal);
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut has_begun = false;
    let mut calls = Vec::new();
    for record in rehearsal.sandbox().calls() {
        let operation = format!("{}:{}", record.service, record.operation);
        let nth = seen.entry(operation.clone()).or_default();
        let call = Call { nth: *nth, changes_something: changes_something(&record.operation), operation };
        *nth += 1;
        has_begun |= call.changes_something;
        if has_begun {
            calls.push(call);
        }
    }
    Clean { change_set: rehearsal.workspace().read(SAVED), start, goal, calls }
}

fn changes_something(operation: &str) -> bool {
    const READS: [&str; 7] = ["Get", "List", "Describe", "get ", "list ", "watch ", "create serviceaccounts/token"];
    !READS.iter().any(|read| operation.starts_with(read))
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

fn carry_out(trial: &Trial<'_>, course: &Course, clean: &Clean) -> Result<End, String> {
    let rehearsal = (course.world)();
    assert_eq!(rehearsal.state(), clean.start, "two fresh worlds differ");
    rehearsal.workspace().write(SAVED, &clean.change_set);
    rehearsal.fail(&trial.fault());
    let ran = rehearsal.run(&format!("apply {SAVED}"));
    let state = rehearsal.state();
    let end = match ran.code {
        Some(0) if without_version_numbers(state.clone()) == clean.goal => End::There,
        Some(6) if state == clean.start => End::Back,
        _ => {
            let reached = [(&clean.start, "where it began"), (&clean.goal, "where it was to go")];
            let reached = reached.iter().find(|(expected, _)| **expected == state);
            let place = reached.map_or_else(|| differences(&clean.start, &state), |(_, place)| (*place).to_owned());
            return Err(format!("the world is {place}\n{ran}"));
        }
    };
    if trial.must_end.is_some_and(|wanted| wanted != end) {
        return Err(format!("{end:?} and not {:?}\n{ran}", trial.must_end));
    }
    if end == End::Back { tells_what_happened(&ran).map(|()| end) } else { Ok(end) }
}

/// A policy's versions as the documents they hold, the one in force first: a number that was used up
/// by a call whose answer was lost never returns.
fn without_version_numbers(mut state: Value) -> Value {
    for account in state["accounts"].as_object_mut().into_iter().flatten().map(|(_, account)| account) {
        for (_, policy) in account["policies"].as_object_mut().into_iter().flatten() {
            let number = policy["defaultVersion"].to_string();
            let versions = policy["versions"].as_object_mut().expect("a policy has versions");
            let in_force = versions.remove(&number).expect("the version in force is there");
            let rest: Vec<Value> = versions.values().cloned().collect();
            policy["defaultVersion"] = in_force;
            policy["versions"] = rest.into();
        }
    }
    state
}

/// What failed, why, what to do, and what is back.
fn tells_what_happened(ran: &Ran) -> Result<(), String> {
    let told = ["error: ", "   why: ", "  hint: "].iter().all(|part| ran.stderr.contains(part));
    let back = ran.stdout.starts_with("Back as it was before") && ran.stdout.ends_with("Nothing is left behind.\n");
    if told && back { Ok(()) } else { Err(format!("the run does not tell what happened\n{ran}")) }
}

impl Trial<'_> {
    fn fault(&self) -> String {
        let Call { operation, nth, .. } = self.call;
        format!("{operation}={}@{nth}x{}", self.kind, self.times)
    }
}

impl fmt::Display for Trial<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Call { operation, nth, .. } = self.call;
        write!(f, "{operation:<36} {:>2}.  {:<21} {}x", nth + 1, self.kind, self.times)
    }
}

#[expect(clippy::print_stdout, reason = "the table is for whoever runs the test with --nocapture")]
fn report(course: &str, calls: usize, mut outcomes: Vec<(String, Result<End, String>)>) {
    outcomes.sort_by(|(one, _), (other, _)| one.cmp(other));
    println!("{course}: {calls} calls, {} trials", outcomes.len());
    let mut bad = Vec::new();
    for (trial, outcome) in &outcomes {
        match outcome {
            Ok(End::There) => println!("  {trial}  survived"),
            Ok(End::Back) => println!("  {trial}  undone"),
            Err(why) => {
                println!("  {trial}  WRONG");
                bad.push(format!("{trial}: {why}"));
            }
        }
    }
    assert!(bad.is_empty(), "{} of {} trials:\n\n{}", bad.len(), outcomes.len(), bad.join("\n\n"));
}

/// The places where two states differ, as JSON pointers with both values.
fn differences(expected: &Value, found: &Value) -> String {
    fn collect(at: &str, expected: &Value, found: &Value, into: &mut Vec<String>) {
        match (expected, found) {
            (Value::Object(expected), Value::Object(found)) => {
                let mut keys: Vec<&String> = expected.keys().chain(found.keys()).collect();
                keys.sort();
                keys.dedup();
                for key in keys {
                    let value = |object: &serde_json::Map<String, Value>| object.get(key).cloned().unwrap_or_default();
                    collect(&format!("{at}/{key}"), &value(expected), &value(found), into);
                }
            }
            (Value::Array(expected), Value::Array(found)) if expected.len() == found.len() => {
                for (index, (expected, found)) in expected.iter().zip(found).enumerate() {
                    collect(&format!("{at}/{index}"), expected, found, into);
                }
            }
            _ if expected == found => {}
            _ => into.push(format!("{at}: was {expected}, is {found}")),
        }
    }
    let mut all = Vec::new();
    collect("", expected, found, &mut all);
    format!("neither where it began nor where it was to go; unlike the start:\n  {}", all.join("\n  "))
}

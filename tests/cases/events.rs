//! The events of commands (docs/events.md): whole streams as snapshots, every line of them valid by the schema
//! that is published, and the end of the stream the end of the command.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Duration;

use cni_plan_core::{
    Action, Address, Danger, DangerStep, Direction, Drift, Endangered, Event, Kind, LockHolder, LockRecord, OutsideUse,
    Phase, Progress, ProviderError, RoleRecord, SafetyVerdict,
};
use cni_plan_render::{EVENTS_SCHEMA, RolledBack, Told, ToldError, ToldResidue};
use cni_plan_sandbox::Visibility;
use cni_plan_tests::command::{Ran, repository};
use cni_plan_tests::rehearsal::{MY_CLUSTER, Rehearsal, while_held};
use cni_plan_tests::steady::steady;
use insta::assert_snapshot;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// The last write of an apply.
const REFUSED: &str = "iam:DetachRolePolicy=AccessDeniedx1";

fn rehearsal() -> Rehearsal {
    let rehearsal = Rehearsal::ipv4();
    rehearsal.workspace().write("spec.yaml", MY_CLUSTER);
    rehearsal
}

/// The events of a stream, each of which is valid; the first is the version, the last how it ended.
#[track_caller]
fn events(stream: &str, code: Option<i32>) -> Vec<Value> {
    let schema: Value = serde_json::from_str(EVENTS_SCHEMA).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    assert!(stream.ends_with('\n') && stream.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\n')), "{stream}");
    let events: Vec<Value> = stream.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for event in &events {
        if let Err(error) = validator.validate(event) {
            panic!("{event:#}\n{error}");
        }
    }
    let first = &events[0];
    assert_eq!((&first["type"], &first["version"]), (&"version".into(), &1.into()));
    let (last, before) = events.split_last().unwrap();
    assert_eq!((&last["type"], last["exit_code"].as_i64()), (&"outcome".into(), code.map(i64::from)), "{stream}");
    assert!(before.iter().all(|event| event["type"] != "outcome"), "{stream}");
    events
}

/// The events of a run with `--json`.
#[track_caller]
fn events_of(ran: &Ran) -> Vec<Value> {
    events(&ran.stdout, ran.code)
}

/// A stream without what differs from run to run.
fn without_times(ran: &Ran, rehearsal: &Rehearsal) -> String {
    let mut lines = Vec::new();
    for line in steady(&ran.stdout, rehearsal.workspace().path()).lines() {
        let mut line = line.to_owned();
        for (mark, end) in [("\"time\":\"", '"'), ("_ms\":", ',')] {
            line = without(&line, mark, end);
        }
        for run in rehearsal.runs() {
            line = line.replace(&run, "RUN");
        }
        lines.push(line);
    }
    lines.join("\n")
}

/// The line with what stands between a mark and an end taken out.
fn without(line: &str, mark: &str, end: char) -> String {
    let Some((before, after)) = line.split_once(mark) else { return line.to_owned() };
    let rest = after.trim_start_matches(|character| character != end && character != '}');
    format!("{before}{mark}TIME{rest}")
}

fn types(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

#[test]
fn a_plan_and_its_apply_are_told_from_the_first_line_to_the_last() {
    let rehearsal = rehearsal();
    let plan = rehearsal.run("plan --json spec.yaml").expect(0);
    events_of(&plan);
    assert_snapshot!("plan", without_times(&plan, &rehearsal));
    let apply = rehearsal.run("apply --json").expect(0);
    events_of(&apply);
    assert_snapshot!("apply", without_times(&apply, &rehearsal));
    let again = rehearsal.run("apply --json").expect(0);
    assert_eq!(types(&events_of(&again)).last_chunk(), Some(&["summary", "outcome"]));
    let twice = rehearsal.run("apply --json plans/spec.plan.json").expect(3);
    let told = events_of(&twice);
    assert_eq!(types(&told).last_chunk(), Some(&["applied_already", "error", "outcome"]));
    assert_eq!(told[told.len() - 3]["run"], rehearsal.runs()[0].as_str());
    let undone = rehearsal.run(&format!("{} --json", rehearsal.rollback())).expect(0);
    assert!(types(&events_of(&undone)).contains(&"restored"));
}

/// The gate says of each thing whether it holds, and the exit code is that of the text.
#[test]
fn what_was_checked_is_told_with_whether_it_holds() {
    let rehearsal = rehearsal();
    rehearsal.run("plan spec.yaml").expect(0);
    let checked = |command: &str, code: i32| -> Vec<(String, bool)> {
        let told = events_of(&rehearsal.run(command).expect(code));
        let told = told.iter().filter(|event| event["type"] == "checked");
        told.map(|it| (it["check"].as_str().unwrap().to_owned(), it["holds"].as_bool().unwrap())).collect()
    };
    let hold = |checks: &[&str]| checks.iter().map(|check| ((*check).to_owned(), true)).collect::<Vec<_>>();
    let all = ["unedited", "spec", "version", "unapplied", "made-by-planning", "page", "allowed", "current"];
    assert_eq!(checked("check --json --online", 0), hold(&all));
    assert_eq!(checked("check --json", 0), hold(&all[..7]));

    rehearsal.wire().annotate(
        "my-cluster",
        "kubectl",
        "eks.amazonaws.com/role-arn",
        "arn:aws:iam::111122223333:role/x",
    );
    let stale = rehearsal.run("check --json --online").expect(3);
    let told = events_of(&stale);
    assert_eq!(types(&told).last_chunk(), Some(&["checked", "drift", "error", "outcome"]));
    assert_eq!(checked("check --json --online", 3).last(), Some(&("current".to_owned(), false)));

    rehearsal.workspace().write("other.yaml", &MY_CLUSTER.replace("us-west-2", "us-east-1"));
    let other = [("unedited", true), ("spec", false), ("version", true), ("unapplied", true)];
    assert_eq!(checked("check --json --spec other.yaml", 3), other.map(|(check, holds)| (check.to_owned(), holds)));
    let saved = rehearsal.workspace().read("plans/spec.plan.json");
    rehearsal.workspace().write("plans/spec.plan.json", &saved.replacen("\"canary\": 1", "\"canary\": 2", 1));
    assert_eq!(checked("check --json", 1), [("unedited".to_owned(), false)]);
}

#[test]
fn a_failing_apply_tells_the_error_the_way_back_and_what_is_restored() {
    let rehearsal = rehearsal();
    rehearsal.run("plan spec.yaml").expect(0);
    rehearsal.fail(REFUSED);
    let ran = rehearsal.run("apply --json").expect(6);
    events_of(&ran);
    assert_snapshot!("apply-fails", without_times(&ran, &rehearsal));
}

#[test]
fn a_run_that_was_stopped_and_its_resume_are_told() {
    let rehearsal = rehearsal();
    rehearsal.run("plan spec.yaml").expect(0);
    let stopped = stopped_while_pods_are_deleted(&rehearsal, &[Signal::INT]);
    let told = events_of(&stopped);
    assert_eq!(stopped.code, Some(8));
    assert!(types(&told).contains(&"stopping") && types(&told).contains(&"error"), "{}", stopped.stdout);
    let resumed = rehearsal.run("resume --json").expect(0);
    events_of(&resumed);
    assert_snapshot!("resume", without_times(&resumed, &rehearsal));
}

/// Even who stops a run at once is told how it ended.
#[test]
fn the_second_signal_is_told_too() {
    let rehearsal = rehearsal();
    rehearsal.run("plan spec.yaml").expect(0);
    let stopped = stopped_while_pods_are_deleted(&rehearsal, &[Signal::INT, Signal::TERM]);
    let told = events_of(&stopped);
    assert_eq!(told[told.len() - 2]["at_once"], true);
    assert_eq!(told[told.len() - 1]["outcome"], "interrupted");
}

/// Applies, and sends the first signal while the first pod's deletion is held, and each further one when the one
/// before was told of; then the deletion is let go.
fn stopped_while_pods_are_deleted(rehearsal: &Rehearsal, signals: &[Signal]) -> Ran {
    rehearsal.fail("kubernetes:delete pods=Holdx1");
    let mut command = rehearsal.workspace().command(["apply", "--json"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let pid = Pid::from_child(&child);
    let mut signals = signals.iter().copied();
    let first = signals.next().unwrap();
    rehearsal.when_held(move || kill_process(pid, first).unwrap());
    let mut stdout = String::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap() + "\n";
        if line.contains(r#""type":"stopping""#) {
            match signals.next() {
                Some(further) => kill_process(pid, further).unwrap(),
                None => rehearsal.sandbox().release_held(),
            }
        }
        stdout.push_str(&line);
    }
    let code = child.wait().unwrap().code();
    rehearsal.until_idle();
    Ran::of("cni-plan apply --json", code, stdout)
}

#[test]
fn a_file_gets_the_same_events_and_the_streams_stay_for_people() {
    let rehearsal = rehearsal();
    let file = "told.ndjson";
    let plain = rehearsal.run("plan --no-save spec.yaml").expect(0);
    let ran = rehearsal.run(&format!("plan --no-save spec.yaml --json-into {file}")).expect(0);
    assert_eq!((&ran.stdout, &ran.stderr), (&plain.stdout, &plain.stderr));
    let into = types(&events(&rehearsal.workspace().read(file), Some(0))).join(" ");
    let both = rehearsal.run(&format!("plan --no-save spec.yaml --json --json-into {file}")).expect(0);
    assert_eq!(types(&events_of(&both)).join(" "), into);
    assert_eq!(rehearsal.workspace().read(file), both.stdout, "what the file held is gone, and it has the same");

    let ran = rehearsal.run("plan spec.yaml --json-into not-there/told.ndjson").expect(1);
    assert!(ran.stderr.contains("cannot write events to not-there/told.ndjson") && ran.stdout.is_empty(), "{ran}");
    assert!(!rehearsal.workspace().path().join("plans").exists(), "nothing was done");
}

#[test]
fn a_file_that_takes_no_more_is_told_of_once_and_stops_nothing() {
    let rehearsal = rehearsal();
    let ran = rehearsal.run("apply --auto-approve spec.yaml --json-into /dev/full").expect(0);
    assert_eq!(ran.stderr.matches("events are not written to /dev/full any more").count(), 1, "{ran}");
}

#[test]
fn errors_are_events_with_what_why_and_hint() {
    let rehearsal = rehearsal();
    rehearsal.workspace().write("typo.yaml", &MY_CLUSTER.replace("region", "regoin"));
    let ran = rehearsal.run("plan --json typo.yaml").expect(1);
    let told = events_of(&ran);
    assert_eq!(types(&told), ["version", "error", "outcome"]);
    assert_eq!(told[1]["what"], "typo.yaml:4:5: unknown key `regoin`", "{}", told[1]);

    let ran = rehearsal.run("apply --json spec.yaml").expect(1);
    let told = events_of(&ran);
    assert_eq!(told[told.len() - 2]["why"], "--json was given, so nothing is asked");

    rehearsal.run("plan spec.yaml").expect(0);
    rehearsal.wire().annotate(
        "my-cluster",
        "kubectl-annotate",
        "eks.amazonaws.com/role-arn",
        "\u{1b}[2J\u{202e}\u{1f600}",
    );
    let ran = rehearsal.run("apply --json").expect(3);
    let told = events_of(&ran);
    let drift = told.iter().find(|event| event["type"] == "drift").unwrap();
    assert_eq!(drift["of"], "resource");
    assert_ne!(drift["planned"], drift["found"]);
    assert!(drift["found"].to_string().contains('\u{1f600}'), "it is escaped, and not lost");
}

#[test]
fn whoever_waits_for_a_lock_is_told_who_has_it() {
    let rehearsal = rehearsal();
    rehearsal.run("plan spec.yaml").expect(0);
    let (first, second) =
        while_held(&rehearsal, "iam:CreateRole=Holdx1", "apply", || rehearsal.run("apply --json --lock-timeout 1s"));
    let (_, second) = (first.expect(0), second.expect(4));
    let told = events_of(&second);
    let awaited = told.iter().find(|event| event["type"] == "lock_awaited").unwrap();
    assert_eq!((&awaited["cluster"], &awaited["limit_ms"]), (&"my-cluster".into(), &1000.into()));
    assert!(awaited["holder"].as_str().unwrap().contains(&rehearsal.runs()[0]), "{awaited}");
}

/// What `apply --json` of a spec waits for, beside pods.
fn waits_of(rehearsal: &Rehearsal, spec: &str) -> Vec<String> {
    let spec = std::fs::read_to_string(repository().join(spec)).unwrap();
    rehearsal.workspace().write("spec.yaml", &spec);
    let told = events_of(&rehearsal.run("apply --json --auto-approve spec.yaml").expect(0));
    told.iter().filter(|event| event["type"] == "step_progressed").filter_map(message).collect()
}

fn message(event: &Value) -> Option<String> {
    event["message"].as_str().map(str::to_owned)
}

#[test]
fn waits_for_iam_and_eks_are_told() {
    let rehearsal = Rehearsal::ipv4();
    rehearsal.sandbox().set_visibility(Visibility { lag: Duration::from_millis(150), ..Visibility::default() });
    let waits = waits_of(&rehearsal, "examples/ipv4.yaml");
    assert!(waits.iter().any(|wait| wait == "waiting for IAM to show it to all its readers"), "{waits:?}");

    let waits = waits_of(&Rehearsal::of_scenario("managed-addon-with-role"), "tests/cases/specs/another-role.yaml");
    assert!(waits.iter().any(|wait| wait.starts_with("waiting for EKS to update the add-on vpc-cni")), "{waits:?}");
}

/// Each type that the schema has, told with everything that it can hold; and no other.
#[test]
fn the_schema_has_every_type_and_no_other() {
    let address = || Address::new("c", Kind::Restart, &["n"]);
    let resource = || Some(cni_plan_core::Resource::Attachment(attachment()));
    let record = LockRecord {
        holder: LockHolder { run: "r".to_owned(), who: "w".to_owned() },
        since: "s".to_owned(),
        renewed: "n".to_owned(),
        silent: Duration::ZERO,
        expired: false,
    };
    let use_of = |cluster: &str| OutsideUse {
        account: "111122223333".to_owned(),
        role: "r".to_owned(),
        region: "us-west-2".to_owned(),
        cluster: cluster.to_owned(),
    };
    let error = ProviderError {
        kind: cni_plan_core::ErrorKind::Denied,
        what: "w".to_owned(),
        why: String::new(),
        cure: String::new(),
    };
    let (apply, seconds) = (Phase::Apply, Duration::from_secs(1));
    let steps = [
        Event::Observing { resources: 1 },
        Event::Settling { resources: 1 },
        Event::Began { phase: apply, steps: vec![address()] },
        Event::Started { phase: apply, address: address(), action: Action::Run },
        Event::Progressed { phase: apply, address: address(), progress: Progress::Told("t".to_owned()) },
        Event::Progressed {
            phase: apply,
            address: address(),
            progress: Progress::of_pods(1, 20, &vec!["ip-10-0-1-7".to_owned(); 11]),
        },
        Event::Finished { phase: apply, address: address(), action: Action::Run, took: seconds },
        Event::Failed { phase: Phase::Rollback, address: address(), error },
        Event::NotRecorded { why: "w".to_owned() },
        Event::Ended { phase: apply, done: 1, took: seconds },
    ];
    let rehearsal = rehearsal();
    rehearsal.run("plan spec.yaml").expect(0);
    let mut change_set =
        cni_plan_core::ChangeSet::from_json(&rehearsal.workspace().read("plans/spec.plan.json")).unwrap();
    change_set.findings.push(cni_plan_core::Finding {
        severity: cni_plan_core::Severity::Warn,
        code: "some-hazard".to_owned(),
        address: address(),
        message: "m".to_owned(),
        cure: "c".to_owned(),
        accepted: Some("a".to_owned()),
    });
    change_set.safety = SafetyVerdict::Unsafe(Danger {
        cluster: "c".to_owned(),
        identity: Some(Endangered::NodeRole),
        steps: vec![DangerStep { address: address(), direction: Direction::Back, does: "d".to_owned() }],
        outcome: "o".to_owned(),
    });
    let residue = ToldResidue { address: address(), why: "w".to_owned(), by_hand: vec!["b".to_owned()], is_kept: true };
    let rolled_back = RolledBack { restored: vec![address()], residue: vec![residue] };
    let (planned, found) = ([use_of("a")], [use_of("b")]);
    let drifts = [
        Drift { address: address(), planned: resource(), found: None },
        Drift { address: address(), planned: None, found: resource() },
    ];
    let header = &change_set.header;
    let facts = header.clusters[0].facts.clone();
    let facts = [cni_plan_core::FactsDrift { cluster: "c".to_owned(), planned: facts.clone(), found: facts }];
    let role = RoleRecord {
        account: "111122223333".to_owned(),
        name: "r".to_owned(),
        owner_tags: BTreeMap::new(),
        boundary: None,
        policies: Vec::new(),
        is_partial: false,
    };
    let roles = [(role.clone(), role)];
    let files = ["f".to_owned()];
    let mut told = vec![
        Told::Command { name: "plan", tool_version: "1" },
        Told::Reading { clusters: 1 },
        Told::Planned(&change_set),
        Told::Saved { files: &files, next: None },
        Told::Taken { file: "f", change_set: &change_set },
        Told::Checking { file: "f", change_set: &change_set },
        Told::Checked { check: "unedited", holds: true, what: "w" },
        Told::Checked { check: "spec", holds: false, what: "" },
        Told::Run { name: "r", phase: apply, is_taken_up: true },
        Told::LockAwaited { cluster: "c", record: &record, limit: seconds },
        Told::LocksTaken { clusters: 1 },
        Told::Stopping { at_once: true },
        Told::Warning("w"),
        Told::Drift(&drifts),
        Told::FactsDrift(&facts),
        Told::OutsideDrift(&planned, &found),
        Told::RolesDrift(&roles),
        Told::AppliedAlready { run: Some("r"), at: Some("2026-11-26T10:00:00Z") },
        Told::AppliedAlready { run: None, at: None },
        Told::RolledBack(&rolled_back),
        Told::Error(ToldError { what: "w", why: "y", hint: "h" }),
        Told::Error(ToldError { what: "w", why: "", hint: "" }),
        Told::Summary("s"),
    ];
    told.extend(steps.iter().map(Told::Happened));
    told.push(Told::Outcome { exit_code: 8, outcome: "interrupted", took: seconds });
    let time = "2026-11-26T10:00:00.000Z";
    let stream: String = told.iter().flat_map(|told| told.json_lines(time)).map(|line| line + "\n").collect();
    let events = events(&stream, Some(8));

    let schema: Value = serde_json::from_str(EVENTS_SCHEMA).unwrap();
    let in_schema = schema["properties"]["type"]["enum"].as_array().unwrap();
    let in_schema: BTreeSet<&str> = in_schema.iter().map(|name| name.as_str().unwrap()).collect();
    assert_eq!(types(&events).into_iter().collect::<BTreeSet<_>>(), in_schema);
    jsonschema::draft202012::meta::validate(&schema).unwrap_or_else(|error| panic!("{error}"));
}

fn attachment() -> cni_plan_core::Attachment {
    cni_plan_core::Attachment { role: "r".to_owned(), policy_arn: "arn:aws:iam::aws:policy/p".to_owned() }
}

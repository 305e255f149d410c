//! moto's IAM and STS and the sandbox's agree on everything that both have: the same calls, on the
//! wire, to both; the answers compared whole, except for what no two accounts have in common (ids,
//! dates, credentials) and for the words of a refusal, which AWS changes as it likes.
//!
//! Where they do not agree, [`differences`] says so and why. A difference that is not in it fails the
//! test, and so does one in it that is no more. What both have wrong no comparison can show.

mod answer;
mod differences;
mod limits;
mod script;
mod service;
mod xml;

use std::fmt::Write;

use cni_plan_sandbox::{Options, Sandbox};
use cni_plan_tests::peers::Moto;
use cni_plan_tests::wire::Wire;

use answer::Disagreement;
use differences::{Difference, REASONS};
use script::Call;
use service::Account;

/// The calls by what they are about. Each script has an account of its own.
fn scripts() -> Vec<(&'static str, String)> {
    let written = [
        ("roles", include_str!("calls/roles.txt")),
        ("trust", include_str!("calls/trust.txt")),
        ("policies", include_str!("calls/policies.txt")),
        ("versions", include_str!("calls/versions.txt")),
        ("attachments", include_str!("calls/attachments.txt")),
        ("inline", include_str!("calls/inline.txt")),
        ("providers", include_str!("calls/providers.txt")),
        ("tags", include_str!("calls/tags.txt")),
        ("boundary", include_str!("calls/boundary.txt")),
        ("paging", include_str!("calls/paging.txt")),
        ("managed", include_str!("calls/managed.txt")),
        ("summary", include_str!("calls/summary.txt")),
        ("sts", include_str!("calls/sts.txt")),
    ];
    written.into_iter().map(|(name, text)| (name, text.to_owned())).chain([("limits", limits::script())]).collect()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "peer: moto_server"]
async fn moto_and_the_sandbox_answer_alike_but_for_what_is_listed() {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let moto = Moto::of_many_accounts();
    let (to_moto, to_sandbox) = (Wire::at(moto.url()), Wire::to(&sandbox));
    let mut unexpected = String::new();
    let known: Vec<(&str, &Difference)> =
        REASONS.iter().flat_map(|reason| reason.differences.iter().map(|one| (reason.why, one))).collect();
    let mut seen = vec![false; known.len()];
    for (number, (name, text)) in scripts().iter().enumerate() {
        let account = format!("{:012}", 100_000_000_001 + number);
        let of_moto = Account::new(&to_moto, &account);
        let of_sandbox = Account::new(&to_sandbox, &account);
        for call in script::read(text, &account) {
            for disagreement in answer::compare(&of_moto.call(&call), &of_sandbox.call(&call)) {
                let mut is_known = false;
                for ((_, difference), seen) in known.iter().zip(&mut seen) {
                    if difference.covers(&call, &disagreement) {
                        (is_known, *seen) = (true, true);
                    }
                }
                if !is_known {
                    report(&mut unexpected, name, &call, &disagreement);
                }
            }
        }
    }
    for ((why, Difference(line, at, ..)), _) in known.iter().zip(&seen).filter(|(_, seen)| !**seen) {
        writeln!(unexpected, "{line}\n    at {at}\n    is listed ({why}) and differs no more").unwrap();
    }
    assert!(unexpected.is_empty(), "\n{unexpected}");
}

fn report(unexpected: &mut String, script: &str, call: &Call, disagreement: &Disagreement) {
    let Disagreement { at, moto, sandbox } = disagreement;
    let value = |side: &Option<String>| side.as_deref().unwrap_or("(nothing)").to_owned();
    writeln!(
        unexpected,
        "{script}: {}\n    at {at}\n    moto    {}\n    sandbox {}",
        call.line,
        value(moto),
        value(sandbox)
    )
    .unwrap();
}

/// The sandbox's own table is the measure: an action that it learns has to be compared too.
#[test]
fn every_action_of_the_sandbox_is_called() {
    let source = cni_plan_tests::command::repository().join("crates/cni-plan-sandbox/src");
    let read = |file: &str| std::fs::read_to_string(source.join(file)).unwrap();
    let (iam, sts) = (read("iam/mod.rs"), read("sts/mod.rs"));
    let rows = iam.lines().chain(sts.lines()).filter(|line| line.contains("\" => "));
    let mut actions: Vec<&str> = rows.filter_map(|row| row.split('"').nth(1)).collect();
    actions.push("AssumeRoleWithWebIdentity");
    assert!(actions.len() > 40, "the tables are written otherwise now: {actions:?}");
    let called: Vec<String> =
        scripts().iter().flat_map(|(_, text)| script::read(text, "")).map(|call| call.action).collect();
    actions.retain(|action| !called.iter().any(|called| called == action));
    assert_eq!(actions, Vec::<&str>::new(), "in no script");
}

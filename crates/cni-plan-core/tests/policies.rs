//! IAM documents with the answers that people have worked out for them (`tests/policies/*.json`).
//!
//! A case is `{name, policies, boundary?, context?, action, resource, expected}`. A policy has a name
//! and a document, or names one of `managed.json`: every AWS managed policy about EKS, taken once from
//! moto 5.2.1 (moto/iam/aws_managed_policies.py) with the version that it had there. What is expected is
//! a verdict's word and, where the verdict has one, the policy's name.

use std::collections::{BTreeMap, BTreeSet};

use cni_plan_core::{Context, Permissions, PolicyDocument, Verdict};
use serde_json::Value;

const FILES: [(&str, &str); 8] = [
    ("managed_cases", include_str!("policies/managed_cases.json")),
    ("actions", include_str!("policies/actions.json")),
    ("resources", include_str!("policies/resources.json")),
    ("conditions", include_str!("policies/conditions.json")),
    ("deny", include_str!("policies/deny.json")),
    ("boundary", include_str!("policies/boundary.json")),
    ("forms", include_str!("policies/forms.json")),
    ("plugin", include_str!("policies/plugin.json")),
];

#[test]
fn every_case_has_the_answer_that_was_worked_out_for_it() {
    let managed = managed();
    let mut wrong = Vec::new();
    let mut count = 0;
    for (file, case) in cases() {
        let name = text(&case, "name");
        let role = role(&case, &managed);
        let found = told(role.verdict(text(&case, "action"), text(&case, "resource")));
        if found != text(&case, "expected") {
            wrong.push(format!("{file}: {name}: expected `{}`, found `{found}`", text(&case, "expected")));
        }
        count += 1;
    }
    assert!(wrong.is_empty(), "{} of {count} cases:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count >= 200, "only {count} cases were read");
}

#[test]
fn every_managed_policy_is_asked_about_and_no_name_is_used_twice() {
    let mut asked = BTreeSet::new();
    let mut names = BTreeSet::new();
    for (file, case) in cases() {
        assert!(names.insert((file, text(&case, "name").to_owned())), "{file}: {} twice", text(&case, "name"));
        let policies = case["policies"].as_array().expect("a list");
        asked.extend(policies.iter().filter_map(|policy| policy["managed"].as_str()).map(str::to_owned));
    }
    let managed = managed();
    let unasked: Vec<&String> = managed.keys().filter(|name| !asked.contains(*name)).collect();
    assert_eq!(unasked, Vec::<&String>::new());
}

fn cases() -> Vec<(&'static str, Value)> {
    let of_file = |(name, text): (&'static str, &str)| {
        let cases: Vec<Value> = serde_json::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        cases.into_iter().map(move |case| (name, case))
    };
    FILES.into_iter().flat_map(of_file).collect()
}

fn managed() -> BTreeMap<String, PolicyDocument> {
    let policies: Vec<Value> = serde_json::from_str(include_str!("policies/managed.json")).expect("JSON");
    policies.iter().map(|policy| (text(policy, "name").to_owned(), document(policy))).collect()
}

fn role(case: &Value, managed: &BTreeMap<String, PolicyDocument>) -> Permissions {
    let known = case["context"].as_object().into_iter().flatten();
    let context = known.fold(Context::default(), |context, (key, value)| {
        context.with(key, value.as_str().expect("a value is a text"))
    });
    let named = |policy: &Value| match policy["managed"].as_str() {
        Some(name) => (name.to_owned(), managed[name].clone()),
        None => (text(policy, "name").to_owned(), document(policy)),
    };
    let policies = case["policies"].as_array().expect("a list").iter().map(named);
    let role = policies.fold(Permissions::new(context), |role, (name, document)| role.with_policy(name, &document));
    match case.get("boundary").map(named) {
        Some((name, document)) => role.with_boundary(name, &document),
        None => role,
    }
}

fn document(policy: &Value) -> PolicyDocument {
    PolicyDocument::try_from(policy["document"].clone()).unwrap_or_else(|error| panic!("{policy}: {error}"))
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("`{key}` is not a text in {value}"))
}

/// A verdict as the files have it.
fn told(verdict: Verdict<'_>) -> String {
    match verdict {
        Verdict::Allowed => "allowed".to_owned(),
        Verdict::Conditional { policy } => format!("conditional {policy}"),
        Verdict::InPart { policy } => format!("in part {policy}"),
        Verdict::NotAllowed => "not allowed".to_owned(),
        Verdict::OutsideBoundary { policy } => format!("outside {policy}"),
        Verdict::PerhapsDenied { policy } => format!("perhaps denied {policy}"),
        Verdict::Denied { policy } => format!("denied {policy}"),
    }
}

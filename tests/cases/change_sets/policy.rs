//! The example policies, run: each of their rules finds what it is for, and nothing where there is nothing.

use std::collections::BTreeSet;

use cni_plan_core::ChangeSet;
use cni_plan_tests::command::{Workspace, repository};
use serde_json::{Value, json};

fn read(path: &str) -> String {
    std::fs::read_to_string(repository().join(path)).unwrap()
}

fn example(name: &str) -> Value {
    serde_json::from_str(&read(&format!("plans/{name}.plan.json"))).unwrap()
}

/// What `rule` of a policy says of a document.
fn judged(policy: &str, rule: &str, data: &Value, input: &Value) -> BTreeSet<String> {
    let mut engine = regorus::Engine::new();
    engine.add_policy(policy.to_owned(), read(&format!("docs/policy/{policy}.rego"))).unwrap();
    engine.add_data(regorus::Value::from_json_str(&data.to_string()).unwrap()).unwrap();
    engine.set_input(regorus::Value::from_json_str(&input.to_string()).unwrap());
    let said = engine.eval_rule(format!("data.main.{rule}")).unwrap();
    serde_json::from_str(&said.to_json_str().unwrap()).unwrap()
}

fn denied(data: &Value, input: &Value) -> BTreeSet<String> {
    judged("change-set", "deny", data, input)
}

fn one(text: &str) -> BTreeSet<String> {
    BTreeSet::from([text.to_owned()])
}

#[test]
fn what_nothing_speaks_against_is_let_through() {
    for name in ["ipv4", "ipv6", "quickstart", "two-clusters"] {
        assert_eq!(denied(&json!({}), &example(name)), BTreeSet::new(), "{name}");
    }
}

#[test]
fn a_detach_in_a_protected_cluster_is_denied() {
    let protecting = |cluster: &str| json!({"cni_plan": {"protected_clusters": [cluster]}});
    let told = "111122223333/detach/AmazonEKSNodeRole/AmazonEKS_CNI_Policy: the nodes of green keep their policy";
    assert_eq!(denied(&protecting("green"), &example("two-clusters")), one(told));
    assert_eq!(denied(&protecting("red"), &example("two-clusters")), BTreeSet::new());
}

#[test]
fn an_unsafe_plan_is_denied() {
    let mut change_set = ChangeSet::from_json(&read("plans/ipv4.plan.json")).unwrap();
    for change in &mut change_set.changes {
        if change.address.as_str().contains("/annotate/") {
            change.depends_on.clear();
        }
    }
    change_set.safety = cni_plan_core::prove(&change_set.changes);
    let told = denied(&json!({}), &serde_json::from_str(&change_set.to_json()).unwrap());
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told.first().unwrap().starts_with("pods of "), "{told:?}");
}

#[test]
fn a_warning_is_denied_until_it_is_accepted() {
    let mut document = example("ipv4");
    let finding = |severity: &str| json!({"severity": severity, "code": "some-hazard", "address": "c/role/r", "message": "it is so", "cure": "do"});
    document["findings"] = json!([finding("warn")]);
    let told = one("c/role/r: the warning some-hazard is not accepted in the spec");
    assert_eq!(denied(&json!({}), &document), told);
    document["findings"][0]["accepted"] = "we know".into();
    assert_eq!(denied(&json!({}), &document), BTreeSet::new());
    document["findings"] = json!([finding("refuse"), finding("note")]);
    assert_eq!(denied(&json!({}), &document), one("c/role/r: it is so"));
}

#[test]
fn what_cannot_be_undone_is_warned_of() {
    let mut document = example("ipv4");
    assert_eq!(judged("change-set", "warn", &json!({}), &document), BTreeSet::new());
    document["resource_changes"][1]["reversibility"] = json!({"is": "irreversible", "why": "it goes"});
    let told = judged("change-set", "warn", &json!({}), &document);
    assert!(told.len() == 1 && told.first().unwrap().ends_with(" cannot be undone: it goes"), "{told:?}");
}

/// An earlier document has none of the members that are looked for; shown as JSON it has them.
#[test]
fn another_form_is_not_agreed_to() {
    let earlier = read("tests/frozen/change-sets/v1/two-clusters.plan.json");
    let told = denied(&json!({}), &serde_json::from_str(&earlier).unwrap());
    assert_eq!(told, one("this policy knows change sets of format version 2 and no others"));
    let workspace = Workspace::new();
    workspace.write("plans/earlier.plan.json", &earlier);
    let shown = workspace.run(["show", "--json"]).expect(0).stdout;
    assert_eq!(denied(&json!({}), &serde_json::from_str(&shown).unwrap()), BTreeSet::new());
}

/// The same policy, unchanged, on a plan as Terraform writes it (its JSON output format) and on ours.
#[test]
fn a_policy_for_terraform_judges_a_change_set() {
    let deny = |input: &Value| judged("iam-roles", "deny", &json!({}), input);
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}]});
    let terraform = json!({"format_version": "1.2", "resource_changes": [{
        "address": "aws_iam_role.r", "mode": "managed", "type": "aws_iam_role", "name": "r",
        "change": {"actions": ["create"], "before": null, "after": {
            "name": "r", "permissions_boundary": null, "assume_role_policy": trust.to_string(),
        }},
    }]});
    let told = |address: &str| {
        ["a role needs a permissions boundary", "anybody may take this role"]
            .map(|what| format!("{address}: {what}"))
            .into()
    };
    assert_eq!(deny(&terraform), told("aws_iam_role.r"));

    let mut ours = example("quickstart");
    let address = "my-cluster/role/AmazonEKSVPCCNIRole-my-cluster";
    assert_eq!(deny(&ours), one(&format!("{address}: a role needs a permissions boundary")));
    let steps = ours["resource_changes"].as_array_mut().unwrap();
    let role = steps.iter_mut().find(|step| step["address"] == address).unwrap();
    role["change"]["after"]["assume_role_policy"] = trust.to_string().into();
    assert_eq!(deny(&ours), told(address));

    for (principal, is_anybody) in [
        (json!({"AWS": "*"}), true),
        (json!({"AWS": ["arn:aws:iam::111122223333:root", "*"]}), true),
        (json!({"AWS": "arn:aws:iam::111122223333:root"}), false),
        (json!({"AWS": ["arn:aws:iam::111122223333:root"]}), false),
        (json!({"Service": "ec2.amazonaws.com"}), false),
    ] {
        let mut trust = trust.clone();
        trust["Statement"][0]["Principal"] = principal.clone();
        let mut other = terraform.clone();
        other["resource_changes"][0]["change"]["after"]["assume_role_policy"] = trust.to_string().into();
        let is_told = deny(&other).contains("aws_iam_role.r: anybody may take this role");
        assert_eq!(is_told, is_anybody, "{principal}");
    }

    let mut bounded = example("quickstart");
    let steps = bounded["resource_changes"].as_array_mut().unwrap();
    let role = steps.iter_mut().find(|step| step["address"] == address).unwrap();
    role["change"]["after"]["permissions_boundary"] = "arn:aws:iam::111122223333:policy/Boundary".into();
    assert_eq!(deny(&bounded), BTreeSet::new());
}

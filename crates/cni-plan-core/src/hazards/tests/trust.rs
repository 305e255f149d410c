//! Whom the plugin's role lets in besides, where it is there already.

use serde_json::Value;

use super::*;

const PLUGIN: &str = "system:serviceaccount:kube-system:aws-node";

/// A statement for the tokens of an issuer with these subjects.
fn tokens(issuer: &str, subjects: impl Into<Value>) -> Value {
    json!({
        "Effect": "Allow",
        "Principal": {"Federated": format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{issuer}")},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {format!("{issuer}:aud"): "sts.amazonaws.com", format!("{issuer}:sub"): subjects.into()}},
    })
}

fn people(effect: &str, account: &str) -> Value {
    json!({"Effect": effect, "Principal": {"AWS": account}, "Action": "sts:AssumeRole"})
}

fn service(name: &str) -> Value {
    json!({"Effect": "Allow", "Principal": {"Service": name}, "Action": ["sts:AssumeRole", "sts:TagSession"]})
}

/// The plugin's role, found with these statements and the plugin's own.
fn trusting(statements: impl IntoIterator<Item = Value>) -> Scene {
    let own = tokens("issuer/c", PLUGIN);
    trusting_only(statements.into_iter().chain([own]))
}

fn trusting_only(statements: impl IntoIterator<Item = Value>) -> Scene {
    let mut scene = Scene::new(IpFamily::Ipv4);
    let Resource::Role(found) = role("c") else { panic!("it is a role") };
    let statements: Vec<Value> = statements.into_iter().collect();
    let trust = PolicyDocument::try_from(json!({"Version": "2012-10-17", "Statement": statements})).unwrap();
    scene.world.insert(addresses("c").role, Observation::Present(Resource::Role(Role { trust, ..found })));
    scene
}

#[test]
fn another_issuers_plugin_is_named() {
    let stale = trusting([tokens("issuer/old", PLUGIN)]);
    assert_eq!(stale.codes(), ["stale-issuer"]);
    assert!(stale.findings()[0].message.contains("trusts the plugin of issuer issuer/old"));
    let alone = trusting_only([tokens("issuer/old", PLUGIN)]);
    assert_eq!(alone.codes(), ["stale-issuer"], "the plan adds the cluster's own");
}

#[test]
fn whoever_else_is_let_in_is_named() {
    for (statement, who) in [
        (people("Allow", ACCOUNT), "account 111122223333"),
        (service("ec2.amazonaws.com"), "service ec2.amazonaws.com"),
        (
            tokens("issuer/c", "system:serviceaccount:dns:external-dns"),
            "system:serviceaccount:dns:external-dns of issuer issuer/c",
        ),
        (
            tokens("issuer/c", "system:serviceaccount:kube-system:*"),
            "system:serviceaccount:kube-system:* of issuer issuer/c",
        ),
        (
            tokens("issuer/ci", "repo:org/app:ref:refs/heads/main"),
            "repo:org/app:ref:refs/heads/main of issuer issuer/ci",
        ),
    ] {
        let scene = trusting([statement]);
        assert_eq!(scene.codes(), ["foreign-trust"], "{who}");
        assert_eq!(scene.findings()[0].message, format!("role Cni-c lets in others than the plugin: {who}"));
    }
}

#[test]
fn of_one_statement_each_subject_counts_by_itself() {
    let of_old = trusting([tokens("issuer/old", vec![PLUGIN, "system:serviceaccount:dns:external-dns"])]);
    assert_eq!(of_old.codes(), ["foreign-trust", "stale-issuer"]);
    let both = trusting_only([tokens("issuer/c", vec!["system:serviceaccount:dns:external-dns", PLUGIN])]);
    assert_eq!(both.codes(), ["foreign-trust"]);
    assert!(!both.findings()[0].message.contains("aws-node"), "{:?}", both.findings());
}

#[test]
fn the_plugin_itself_is_no_stranger_by_whichever_way() {
    assert_eq!(trusting([]).codes(), NONE);
    assert_eq!(trusting([service("pods.eks.amazonaws.com")]).codes(), NONE, "left by a plan for Pod Identity");
    assert_eq!(trusting([people("Deny", "444455556666")]).codes(), NONE, "a Deny lets nobody in");
    let mut by_association = trusting([service("pods.eks.amazonaws.com")]).version("v1.20.0");
    by_association.by_association = true;
    by_association.planned.facts.pod_identity_agent =
        Some(ManagedAddon { version: "v1".to_owned(), status: "ACTIVE".to_owned() });
    assert_eq!(by_association.codes(), NONE, "left by a plan for IRSA");
}

#[test]
fn of_many_a_few_are_named() {
    let accounts: Vec<String> = (1..=7).map(|number| format!("{number:012}")).collect();
    let scene = trusting(accounts.iter().map(|account| people("Allow", account)));
    let message = &scene.findings()[0].message;
    assert!(message.ends_with("account 000000000004, account 000000000005 and 2 more"), "{message}");
}

#[test]
fn a_role_that_the_plan_makes_lets_in_nobody_else() {
    assert_eq!(Scene::new(IpFamily::Ipv4).codes(), NONE);
    let finished = Scene { world: finished(&["c"]), ..Scene::new(IpFamily::Ipv4) };
    assert_eq!(finished.codes(), NONE, "nor does it in the next plan");
}

//! Roles with more on them than the plan's own.

use serde_json::Value;

use super::*;
use crate::RolePolicy;
use crate::fixture::POLICY;

const COPY: &str = "arn:aws:iam::111122223333:policy/Copy";

fn statements(statements: &Value) -> PolicyDocument {
    PolicyDocument::try_from(json!({"Version": "2012-10-17", "Statement": statements})).unwrap()
}

fn allow(actions: &[&str]) -> PolicyDocument {
    statements(&json!({"Effect": "Allow", "Action": actions, "Resource": "*"}))
}

fn attached(document: PolicyDocument) -> RolePolicy {
    RolePolicy { name: COPY.to_owned(), is_inline: false, document: Some(document) }
}

fn inline(document: PolicyDocument) -> RolePolicy {
    RolePolicy { name: "extra".to_owned(), is_inline: true, document: Some(document) }
}

fn on(role: &str, policies: Vec<RolePolicy>) -> RoleRecord {
    RoleRecord { policies, ..RoleRecord::empty(ACCOUNT, role) }
}

fn scene(record: RoleRecord) -> Scene {
    Scene { roles: vec![record], ..Scene::new(IpFamily::Ipv4) }
}

fn told(scene: &Scene) -> String {
    scene.findings().first().map(|finding| finding.message.clone()).unwrap_or_default()
}

/// The plugin's role, found with this boundary.
fn bounded(document: Option<PolicyDocument>) -> Scene {
    let Resource::Role(found) = role("c") else { panic!("it is a role") };
    let found = Role { permissions_boundary: Some("arn:bound".to_owned()), ..found };
    let boundary = RolePolicy { name: "arn:bound".to_owned(), is_inline: false, document };
    let mut scene = scene(RoleRecord { boundary: Some(boundary), ..on("Cni-c", Vec::new()) });
    scene.world.insert(addresses("c").role, Observation::Present(Resource::Role(found)));
    scene
}

#[test]
fn a_boundary_that_is_too_small_is_named_with_what_it_lacks() {
    let small = bounded(Some(allow(&["ec2:Describe*", "ec2:Create*"])));
    assert_eq!(small.codes(), ["boundary-too-small"]);
    let message = told(&small);
    assert!(
        message.contains("ec2:AttachNetworkInterface is outside the permissions boundary `arn:bound`"),
        "{message}"
    );
    assert!(!message.contains("ec2:CreateTags"), "{message}");
    let of_the_plugin = ["ec2:*NetworkInterface*", "ec2:*PrivateIpAddresses", "ec2:Describe*", "ec2:CreateTags"];
    assert_eq!(bounded(Some(allow(&of_the_plugin))).codes(), NONE);
    assert_eq!(bounded(None).codes(), ["policy-missing"]);
}

#[test]
fn a_boundary_with_conditions_is_told_and_one_of_the_cluster_s_region_is_none() {
    let boundary = |condition: &Value| {
        bounded(Some(statements(&json!([
            {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition},
        ]))))
    };
    assert_eq!(boundary(&json!({"StringEquals": {"ec2:Vpc": "x"}})).codes(), ["need-uncertain"]);
    assert_eq!(boundary(&json!({"StringEquals": {"aws:RequestedRegion": "us-west-2"}})).codes(), NONE);
    assert_eq!(
        boundary(&json!({"StringEquals": {"aws:RequestedRegion": "eu-west-1"}})).codes(),
        ["boundary-too-small"]
    );
}

#[test]
fn a_deny_of_anybodys_counts_where_it_is_about_what_the_plugin_needs() {
    let denying = |actions: &[&str], condition: &Value| {
        let deny = json!({"Effect": "Deny", "Action": actions, "Resource": "*", "Condition": condition});
        scene(on("Cni-c", vec![inline(statements(&deny))]))
    };
    let denied = denying(&["ec2:Detach*"], &json!({}));
    assert_eq!(denied.codes(), ["need-denied"]);
    assert!(
        told(&denied).ends_with("ec2:DetachNetworkInterface is denied by `inline policy extra`"),
        "{}",
        told(&denied)
    );
    assert_eq!(denying(&["ec2:TerminateInstances"], &json!({})).codes(), NONE);
    assert_eq!(
        denying(&["ec2:Detach*"], &json!({"Bool": {"aws:SecureTransport": "false"}})).codes(),
        ["need-uncertain"]
    );
}

#[test]
fn what_another_policy_allows_is_not_missing() {
    let scene = |policies| Scene {
        policy: document(&["ec2:AssignIpv6Addresses", "ec2:DescribeInstances"]),
        ..scene(on("Cni-c", policies))
    };
    let ipv6 = |policies| {
        let mut scene = scene(policies).version("v1.23.1").setting(settings::IPV6, "true");
        scene.planned.facts.ip_family = IpFamily::Ipv6;
        scene
    };
    assert_eq!(ipv6(Vec::new()).codes(), ["policy-too-small"]);
    assert_eq!(ipv6(vec![attached(allow(&["ec2:Describe*"]))]).codes(), NONE);
    let still = ipv6(vec![attached(allow(&["ec2:DescribeTags"]))]);
    assert!(told(&still).contains("needs more than the policies of role Cni-c allow: "), "{}", told(&still));
    let mut partial = ipv6(Vec::new());
    partial.roles[0].is_partial = true;
    assert_eq!(partial.codes(), ["need-uncertain"], "what is missing may be what could not be read");
}

#[test]
fn nodes_that_keep_what_they_shall_lose_are_told_with_the_policy_and_the_actions() {
    let keeps = scene(on("NodeRole", vec![inline(allow(&["ec2:AttachNetworkInterface", "ec2:CreateTags", "s3:*"]))]));
    assert_eq!(keeps.codes(), ["node-role-keeps-permissions"]);
    assert!(
        told(&keeps).ends_with(": inline policy extra allows ec2:AttachNetworkInterface, ec2:CreateTags"),
        "{}",
        told(&keeps)
    );
    for harmless in [&["ec2:Describe*"][..], &["ec2:CreateTags"], &["s3:*"], &["ec2:AttachVolume"]] {
        assert_eq!(scene(on("NodeRole", vec![inline(allow(harmless))])).codes(), NONE, "{harmless:?}");
    }
    let mut other_family = scene(on("NodeRole", vec![attached(allow(&["ec2:AssignPrivateIpAddresses"]))]));
    other_family.planned.facts.ip_family = IpFamily::Ipv6;
    other_family.policy = document(&["ec2:*"]);
    assert_eq!(other_family.codes(), ["node-role-keeps-permissions"], "Amazon's policy is on many nodes of IPv6");
    let all = allow(&["*"]);
    let denied = statements(&json!({"Effect": "Deny", "Action": "ec2:*Network*", "Resource": "*"}));
    let unassign = statements(&json!({"Effect": "Deny", "Action": "ec2:*Addresses", "Resource": "*"}));
    let guarded = on("NodeRole", vec![attached(all.clone()), inline(denied), inline(unassign)]);
    assert_eq!(scene(guarded).codes(), NONE, "a Deny wins");
    let boundary =
        RolePolicy { name: "arn:bound".to_owned(), is_inline: false, document: Some(allow(&["ec2:Describe*"])) };
    let bounded = RoleRecord { boundary: Some(boundary), ..on("NodeRole", vec![attached(all)]) };
    assert_eq!(scene(bounded).codes(), NONE, "nothing is allowed outside a boundary");
}

#[test]
fn a_copy_is_known_by_what_it_allows_where_nothing_is_detached() {
    let without = |policies| {
        let mut scene = scene(on("NodeRole", policies));
        scene.world.insert(addresses("c").detach, Observation::Absent);
        scene
    };
    let copy = ["ec2:*NetworkInterface*", "ec2:*PrivateIpAddresses", "ec2:CreateTags"];
    let same = without(vec![attached(allow(&copy))]);
    assert_eq!(same.codes(), ["node-role-has-a-copy"]);
    assert!(told(&same).starts_with(&format!("policy {COPY} allows nodes with role NodeRole all")), "{}", told(&same));
    assert_eq!(without(vec![attached(allow(&copy[..1]))]).codes(), ["node-role-keeps-permissions"]);
    assert_eq!(without(vec![attached(allow(&["s3:*"]))]).codes(), NONE);
    let besides = scene(on("NodeRole", vec![attached(allow(&copy))]));
    assert_eq!(besides.codes(), ["node-role-keeps-permissions"], "here one of the two is detached");
}

#[test]
fn an_equal_policy_on_the_role_is_told_where_another_would_be_made() {
    let wanted = ["ec2:*NetworkInterface*", "ec2:*PrivateIpAddresses", "ec2:Describe*", "ec2:CreateTags"];
    let scene = |policies| Scene { policy: Some(allow(&wanted)), ..scene(on("Cni-c", policies)) };
    let equal = scene(vec![attached(allow(&["ec2:*"]))]);
    assert_eq!(equal.codes(), ["equal-policy"], "it allows the plugin the same");
    assert_eq!(scene(vec![attached(allow(&["ec2:Describe*"]))]).codes(), NONE);
    assert_eq!(scene(vec![inline(allow(&wanted))]).codes(), NONE, "the spec cannot name one without an ARN");
}

#[test]
fn a_role_of_another_tools_is_told_where_the_plan_changes_it() {
    let tags = || [("aws:cloudformation:stack-name".to_owned(), "nodes".to_owned())];
    let mut owned = scene(on("NodeRole", Vec::new()).with_owners_of(tags()));
    assert_eq!(owned.codes(), ["node-role-owned"]);
    assert!(
        told(&owned).contains("looked after by CloudFormation's stack nodes, which may attach"),
        "{}",
        told(&owned)
    );
    owned.world.insert(addresses("c").detach, Observation::Absent);
    assert_eq!(owned.codes(), NONE, "nothing is taken off");

    let Resource::Role(found) = role("c") else { panic!("it is a role") };
    let found = Role { tags: tags().into_iter().collect(), ..found };
    let mut plugins = Scene::new(IpFamily::Ipv4);
    plugins.world.insert(addresses("c").role, Observation::Present(Resource::Role(found)));
    assert_eq!(plugins.codes(), ["role-owned"], "a policy comes onto it");
    let attachment = crate::fixture::attachment("Cni-c");
    plugins.world.insert(addresses("c").attach, Observation::Present(attachment));
    assert_eq!(plugins.codes(), NONE, "it stays as it is");
}

#[test]
fn a_policy_for_the_account_s_own_subnets_may_do() {
    let with_subnets_of = |account: &str| {
        let subnets = format!("arn:aws:ec2:*:{account}:subnet/*");
        let groups = format!("arn:aws:ec2:*:{account}:security-group/*");
        let document = statements(&json!([
            {"Effect": "Allow", "Action": "ec2:Describe*", "Resource": "*"},
            {"Effect": "Allow", "Action": "ec2:*", "Resource": [
                "arn:aws:ec2:*:*:network-interface/*", "arn:aws:ec2:*:*:instance/*", subnets, groups,
            ]},
        ]));
        // Amazon's name, so that this is what the role is judged by.
        scene(on("Cni-c", vec![RolePolicy { name: POLICY.to_owned(), ..attached(document) }]))
    };
    let own = with_subnets_of(ACCOUNT);
    assert_eq!(own.codes(), ["need-uncertain"]);
    assert!(told(&own).contains("ec2:CreateNetworkInterface is allowed by"), "{}", told(&own));
    assert_eq!(with_subnets_of("999999999999").codes(), ["policy-too-small"]);
    assert_eq!(with_subnets_of("*").codes(), NONE);
}

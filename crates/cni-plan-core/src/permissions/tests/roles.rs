//! Whole roles: what they lack, and which policy can take another's place.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::*;
use crate::IpFamily;

fn document(statements: &Value) -> PolicyDocument {
    PolicyDocument::try_from(json!({"Version": "2012-10-17", "Statement": statements})).unwrap()
}

fn profile(ip_family: IpFamily, version: Option<&str>) -> PluginProfile {
    PluginProfile {
        partition: "aws".to_owned(),
        region: Some("us-west-2".to_owned()),
        account: Some("111122223333".to_owned()),
        ip_family,
        version: version.map(|version| version.parse().unwrap()),
        subnet_discovery: true,
        network_policy_logs: false,
    }
}

/// As the EKS User Guide had it before v1.22.1.
fn older_ipv6() -> PolicyDocument {
    document(&json!([
        {"Effect": "Allow", "Resource": "*", "Action": [
            "ec2:AssignIpv6Addresses", "ec2:DescribeInstances", "ec2:DescribeTags",
            "ec2:DescribeNetworkInterfaces", "ec2:DescribeInstanceTypes",
        ]},
        {"Effect": "Allow", "Action": "ec2:CreateTags", "Resource": "arn:aws:ec2:*:*:network-interface/*"},
    ]))
}

#[test]
fn the_older_ipv6_policy_lacks_what_newer_plugins_need() {
    let role = Permissions::of("AmazonEKS_CNI_IPv6_Policy", &older_ipv6());
    assert_eq!(role.lacking(&needs(&profile(IpFamily::Ipv6, Some("v1.21.0")))), []);
    let current = needs(&profile(IpFamily::Ipv6, Some("v1.23.1-eksbuild.1")));
    let lacking: Vec<(&str, NeedKind, Verdict)> =
        role.lacking(&current).iter().map(|it| (it.need.action, it.need.kind, it.verdict)).collect();
    assert_eq!(
        lacking,
        [
            ("ec2:DescribeSecurityGroups", NeedKind::Soft, Verdict::NotAllowed),
            ("ec2:DescribeSubnets", NeedKind::Hard, Verdict::NotAllowed),
        ]
    );
}

#[test]
fn a_policy_of_one_region_is_enough_there_and_nowhere_else() {
    let here = document(&json!([
        {"Effect": "Allow", "Action": "ec2:Describe*", "Resource": "*"},
        {"Effect": "Allow", "Action": ["ec2:*NetworkInterface*", "ec2:*PrivateIpAddresses", "ec2:CreateTags"],
         "Resource": ["arn:aws:ec2:us-west-2:111122223333:*", "arn:aws:ec2:us-west-2:*:subnet/*",
                      "arn:aws:ec2:us-west-2:*:security-group/*"]},
    ]));
    let role = Permissions::of("here", &here);
    assert_eq!(role.lacking(&needs(&profile(IpFamily::Ipv4, None))), []);
    let mut elsewhere = profile(IpFamily::Ipv4, None);
    elsewhere.region = Some("eu-west-1".to_owned());
    assert!(role.lacking(&needs(&elsewhere)).iter().all(|it| it.verdict == Verdict::NotAllowed));
    elsewhere.region = None;
    let needs = needs(&elsewhere);
    let changing: Vec<&Need> = needs.iter().filter(|need| need.resource != "*").collect();
    let lacking = role.lacking(&needs);
    assert_eq!(lacking.iter().map(|it| it.need).collect::<Vec<_>>(), changing);
    assert!(lacking.iter().all(|it| it.verdict == Verdict::InPart { policy: "here" }));
}

#[test]
fn what_stands_in_the_way_is_named_in_the_order_of_the_needs() {
    let all = document(&json!({"Effect": "Allow", "Action": "*", "Resource": "*"}));
    let guard = document(&json!({"Effect": "Deny", "Action": "ec2:DeleteNetworkInterface", "Resource": "*"}));
    let boundary = document(&json!({"Effect": "Allow", "NotAction": "ec2:*Tags", "Resource": "*"}));
    let role = Permissions::of("admin", &all).with_policy("guard", &guard).with_boundary("bound", &boundary);
    let needs = needs(&profile(IpFamily::Ipv4, None));
    let lacking: Vec<String> =
        role.lacking(&needs).iter().map(|it| format!("{} is {}", it.need.action, it.verdict)).collect();
    assert_eq!(
        lacking,
        [
            "ec2:DeleteNetworkInterface is denied by `guard`",
            "ec2:DescribeTags is outside the permissions boundary `bound`",
            "ec2:CreateTags is outside the permissions boundary `bound`",
        ]
    );
}

#[test]
fn an_equal_policy_is_known_under_another_name_and_in_another_form() {
    let needs = needs(&profile(IpFamily::Ipv6, Some("v1.21.0")));
    let documented = Permissions::of("documented", &older_ipv6());
    let rewritten = Permissions::of(
        "ours",
        &document(&json!([
            {"Effect": "Allow", "Action": ["EC2:describe*", "ec2:AssignIpv6Addresses"], "Resource": "*"},
            {"Effect": "Allow", "Action": "ec2:Create?ags", "Resource": ["arn:aws:ec2:*:*:network-interface/*"]},
        ])),
    );
    assert!(documented.is_equal_for(&rewritten, &needs));

    let smaller = Permissions::of(
        "smaller",
        &document(&json!([
            {"Effect": "Allow", "Action": "ec2:Describe*", "Resource": "*"},
        ])),
    );
    assert!(documented.covers(&smaller, &needs) && !smaller.covers(&documented, &needs));
    assert!(!documented.is_equal_for(&smaller, &needs));

    let conditional = Permissions::of(
        "conditional",
        &document(&json!([
            {"Effect": "Allow", "Action": "ec2:*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "true"}}},
        ])),
    );
    assert!(documented.covers(&conditional, &needs), "whatever it may allow of the needs is allowed");
    assert!(!conditional.covers(&documented, &needs), "it may allow nothing");
}

#[test]
fn a_node_role_may_keep_by_another_policy_what_is_detached() {
    let needs = needs(&profile(IpFamily::Ipv6, Some("v1.21.0")));
    let broad = document(&json!({"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}));
    let detached = Permissions::of("cni", &older_ipv6());
    let node = detached.clone().with_policy("broad", &broad).without_policy("cni");
    assert!(node.covers(&detached, &needs));
    assert!(!node.without_policy("broad").covers(&detached, &needs));
}

#[test]
fn thirty_needs_over_twenty_documents_take_well_under_a_millisecond() {
    let ipv6 = older_ipv6();
    let scoped = document(&json!([
        {"Effect": "Allow", "Action": ["ec2:AttachNetworkInterface", "ec2:DetachNetworkInterface"],
         "Resource": "arn:aws:ec2:*:*:instance/*", "Condition": {"StringEquals": {"aws:ResourceTag/x": "owned"}}},
        {"Effect": "Deny", "NotAction": ["ec2:*", "logs:*"], "Resource": ["arn:aws:s3:::a/*", "arn:aws:s3:::b/*"]},
    ]));
    let role = (0..10).fold(Permissions::default(), |role, at| {
        role.with_policy(format!("a{at}"), &ipv6).with_policy(format!("b{at}"), &scoped)
    });
    let mut all = needs(&PluginProfile { network_policy_logs: true, ..profile(IpFamily::Ipv4, None) });
    all.extend(needs(&profile(IpFamily::Ipv6, None)));
    assert!(all.len() >= 30, "{}", all.len());
    let fastest = (0..50)
        .map(|_| {
            let began = Instant::now();
            assert!(!role.lacking(&all).is_empty());
            began.elapsed()
        })
        .min()
        .unwrap();
    // Without optimization it takes some ten times as long.
    let limit = Duration::from_millis(if cfg!(debug_assertions) { 10 } else { 1 });
    assert!(fastest < limit, "{fastest:?}");
}

#[test]
fn what_is_too_small_is_not_excused_by_a_deny_that_cannot_be_judged() {
    let deny = json!({"Effect": "Deny", "Action": "*", "Resource": "*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}}});
    let allow = |resource: &str| json!({"Effect": "Allow", "Action": "ec2:CreateTags", "Resource": resource});
    let asked = "arn:aws:ec2:*:*:network-interface/*";
    let one = document(&json!([deny, allow("arn:aws:ec2:*:*:network-interface/eni-1")]));
    let all = document(&json!([deny, allow("*")]));
    let verdict =
        |document: &PolicyDocument| format!("{:?}", Permissions::of("p", document).verdict("ec2:CreateTags", asked));
    assert_eq!(verdict(&one), r#"InPart { policy: "p" }"#);
    assert_eq!(verdict(&all), r#"PerhapsDenied { policy: "p" }"#);
}

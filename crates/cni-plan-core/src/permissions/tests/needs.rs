//! The lists, by family, version and settings.

use super::super::*;
use crate::IpFamily;

fn profile(ip_family: IpFamily, version: Option<&str>) -> PluginProfile {
    PluginProfile {
        partition: "aws".to_owned(),
        region: None,
        account: None,
        ip_family,
        version: version.map(|version| version.parse().unwrap()),
        subnet_discovery: true,
        network_policy_logs: false,
    }
}

fn kind_of(action: &str, profile: &PluginProfile) -> Option<NeedKind> {
    needs(profile).iter().find(|need| need.action == action).map(|need| need.kind)
}

fn actions(profile: &PluginProfile) -> Vec<&'static str> {
    let mut actions: Vec<&str> = needs(profile).iter().map(|need| need.action).collect();
    actions.dedup();
    actions
}

#[test]
fn the_lists_are_those_of_the_documented_policies() {
    assert_eq!(
        actions(&profile(IpFamily::Ipv4, Some("v1.20.0"))),
        [
            "ec2:AssignPrivateIpAddresses",
            "ec2:AttachNetworkInterface",
            "ec2:CreateNetworkInterface",
            "ec2:DeleteNetworkInterface",
            "ec2:DescribeInstances",
            "ec2:DescribeTags",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeInstanceTypes",
            "ec2:DescribeSubnets",
            "ec2:DetachNetworkInterface",
            "ec2:ModifyNetworkInterfaceAttribute",
            "ec2:UnassignPrivateIpAddresses",
            "ec2:CreateTags",
        ]
    );
    assert_eq!(
        actions(&profile(IpFamily::Ipv6, None)),
        [
            "ec2:AssignIpv6Addresses",
            "ec2:DescribeInstances",
            "ec2:DescribeTags",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeInstanceTypes",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeSubnets",
            "ec2:CreateTags",
        ]
    );
}

#[test]
fn what_subnet_discovery_needs_depends_on_the_version() {
    use IpFamily::{Ipv4, Ipv6};
    use NeedKind::{Hard, Soft};
    for (ip_family, version, subnets, groups) in [
        (Ipv4, Some("v1.17.9"), None, None),
        (Ipv4, Some("v1.18.0"), Some(Soft), None),
        (Ipv4, Some("v1.22.1-eksbuild.1"), Some(Hard), Some(Hard)),
        (Ipv4, Some("v1.22.2"), Some(Hard), Some(Soft)),
        (Ipv4, None, Some(Hard), Some(Soft)),
        (Ipv6, Some("v1.22.0-eksbuild.3"), None, None),
        (Ipv6, Some("v1.22.1"), Some(Hard), Some(Hard)),
        (Ipv6, Some("v1.23.1"), Some(Hard), Some(Soft)),
        (Ipv6, None, Some(Hard), Some(Hard)),
    ] {
        let mut profile = profile(ip_family, version);
        assert_eq!(kind_of("ec2:DescribeSubnets", &profile), subnets, "{ip_family} {version:?}");
        assert_eq!(kind_of("ec2:DescribeSecurityGroups", &profile), groups, "{ip_family} {version:?}");
        profile.subnet_discovery = false;
        assert_eq!(kind_of("ec2:DescribeSubnets", &profile), None);
        assert_eq!(kind_of("ec2:DescribeSecurityGroups", &profile), None);
    }
}

#[test]
fn logs_are_needed_where_they_are_sent_and_never_hard() {
    let mut profile = profile(IpFamily::Ipv4, None);
    assert_eq!(kind_of("logs:PutLogEvents", &profile), None);
    profile.network_policy_logs = true;
    assert_eq!(kind_of("logs:PutLogEvents", &profile), Some(NeedKind::Soft));
    assert_eq!(needs(&profile).iter().filter(|need| need.action.starts_with("logs:")).count(), 4);
}

#[test]
fn resources_are_as_narrow_as_is_known_but_for_what_other_accounts_share() {
    let profile = PluginProfile {
        partition: "aws-cn".to_owned(),
        region: Some("cn-north-1".to_owned()),
        account: Some("111122223333".to_owned()),
        ..profile(IpFamily::Ipv4, None)
    };
    let resources: Vec<String> = needs(&profile)
        .into_iter()
        .filter(|need| need.action == "ec2:CreateNetworkInterface")
        .map(|need| need.resource)
        .collect();
    assert_eq!(
        resources,
        [
            "arn:aws-cn:ec2:cn-north-1:111122223333:network-interface/*",
            "arn:aws-cn:ec2:cn-north-1:*:subnet/*",
            "arn:aws-cn:ec2:cn-north-1:*:security-group/*",
        ]
    );
}

#[test]
fn nothing_is_needed_twice() {
    for ip_family in [IpFamily::Ipv4, IpFamily::Ipv6] {
        let needs = needs(&profile(ip_family, None));
        for (at, need) in needs.iter().enumerate() {
            let same = |other: &&Need| other.action == need.action && other.resource == need.resource;
            assert_eq!(needs[at..].iter().filter(same).count(), 1, "{need:?}");
        }
    }
}

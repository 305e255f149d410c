//! What is on roles beside a plan's steps: read with few calls, told with its evidence, and rested on where the
//! plugin's permissions hang on it.

use cni_plan_core::ChangeSet;
use cni_plan_tests::rehearsal::{MY_CLUSTER, Rehearsal};

const SPEC: &str = MY_CLUSTER;
const PLUGIN_ROLE: &str = "AmazonEKSVPCCNIRole-my-cluster";

fn rehearsal(scenario: &str, more: &str) -> Rehearsal {
    let rehearsal = Rehearsal::of_scenario(scenario);
    rehearsal.workspace().write("spec.yaml", &format!("{SPEC}{more}"));
    rehearsal
}

/// Somebody else's hand on the plugin's role.
fn put_inline(rehearsal: &Rehearsal, document: &str) {
    let parameters = [("RoleName", PLUGIN_ROLE), ("PolicyName", "since"), ("PolicyDocument", document)];
    rehearsal.wire().iam("PutRolePolicy", &parameters);
}

#[test]
fn a_plan_names_the_actions_and_the_document_that_stands_against_them() {
    for (scenario, evidence) in [
        (
            "small-boundary",
            "ec2:AssignPrivateIpAddresses is outside the permissions boundary `arn:aws:iam::111122223333:policy/developer-boundary`",
        ),
        ("denied", "ec2:DeleteNetworkInterface is denied by `inline policy guardrail`"),
        (
            "inline-copy",
            "after this step nodes with role AmazonEKSNodeRole may still change network interfaces: inline policy vpc-cni allows ec2:AssignPrivateIpAddresses, ",
        ),
        (
            "renamed-policy",
            "policy arn:aws:iam::111122223333:policy/platform/vpc-cni allows nodes with role AmazonEKSNodeRole all that the plugin needs; nothing is detached",
        ),
        (
            "owned-node-role",
            "eksctl for cluster my-cluster, by CloudFormation's stack eksctl-my-cluster-nodegroup-workers, which may attach arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy again",
        ),
    ] {
        let ran = rehearsal(scenario, "").run("plan spec.yaml --no-save");
        let told = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(told.contains(evidence), "{scenario}\n{ran}");
    }
}

#[test]
fn a_boundary_is_judged_before_there_is_a_role() {
    let boundary = |arn: &str| format!("    role: {{ name: PluginRole, permissionsBoundary: \"{arn}\" }}\n");
    let small = boundary("arn:aws:iam::111122223333:policy/developer-boundary");
    let ran = rehearsal("small-boundary", &small).run("plan spec.yaml").expect(5);
    assert!(ran.stdout.contains("[boundary-too-small]"), "{ran}");
    let wide = rehearsal("policies-besides", &small).run("plan spec.yaml").expect(0);
    assert!(!wide.stdout.contains("Refused: ") && !wide.stdout.contains("Warning: "), "{wide}");
    let missing = boundary("arn:aws:iam::111122223333:policy/nowhere");
    let ran = rehearsal("ipv4", &missing).run("plan spec.yaml").expect(5);
    assert!(ran.stdout.contains("[policy-missing]") && ran.stdout.contains("policy/nowhere"), "{ran}");
    assert!(ran.stdout.contains("cure: create it, or name another under `role.permissionsBoundary`"), "{ran}");
}

#[test]
fn amazons_policy_of_the_other_family_is_read_and_is_too_small() {
    let policy = "    policy: { arn: \"arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy\" }\n";
    let ran = rehearsal("ipv6", policy).run("plan spec.yaml").expect(5);
    assert!(ran.stdout.contains("[policy-too-small]"), "{ran}");
    assert!(ran.stdout.contains("ec2:AssignIpv6Addresses is allowed by no policy"), "{ran}");
    rehearsal("ipv4", policy).run("plan spec.yaml").expect(0);
}

#[test]
fn an_equal_policy_on_the_role_is_told_before_a_second_one_is_made() {
    let own = "    policy: { name: OurOwn }\n";
    let ran = rehearsal("policies-besides", own).run("plan spec.yaml").expect(0);
    assert!(ran.stdout.contains("Note: 111122223333/policy/OurOwn  [equal-policy]"), "{ran}");
    assert!(ran.stdout.contains("policy/platform/vpc-cni is on role"), "{ran}");
    let fresh = rehearsal("ipv4", own).run("plan spec.yaml").expect(0);
    assert!(!fresh.stdout.contains("[equal-policy]"), "{fresh}");
}

#[test]
fn a_role_that_came_to_allow_less_since_makes_the_change_set_stale() {
    let rehearsal = rehearsal("stale-issuer", "");
    rehearsal.run("plan spec.yaml").expect(0);
    let deny = r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"ec2:*","Resource":"*"}}"#;
    put_inline(&rehearsal, deny);
    let start = rehearsal.state();
    let ran = rehearsal.run("apply").expect(3);
    assert!(ran.stdout.contains("+ inline policy since is on it"), "{ran}");
    assert_eq!(rehearsal.state(), start);
}

#[test]
fn what_does_not_bear_on_the_plugin_is_neither_kept_nor_rested_on() {
    let rehearsal = rehearsal("policies-besides", "");
    rehearsal.run("plan spec.yaml").expect(0);
    let saved = ChangeSet::from_json(&rehearsal.workspace().read("plans/spec.plan.json")).unwrap();
    let names: Vec<&str> = saved.header.roles.iter().map(|role| role.name.as_str()).collect();
    assert_eq!(names, [PLUGIN_ROLE], "the node role has nothing that changes an interface");
    let bucket = r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"s3:*","Resource":"*"}}"#;
    put_inline(&rehearsal, bucket);
    rehearsal.run("apply").expect(0);
}

#[test]
fn a_document_that_may_not_be_read_is_told_and_stands_in_nobodys_way() {
    for (scenario, fault, what) in [
        (
            "ipv4",
            "iam:ListRolePolicies=AccessDenied",
            "the inline policies of role AmazonEKSNodeRole could not be read",
        ),
        (
            "inline-copy",
            "iam:GetRolePolicy=AccessDenied",
            "inline policy vpc-cni of role AmazonEKSNodeRole could not be read",
        ),
        (
            "policies-besides",
            "iam:GetPolicy=AccessDenied",
            "permissions boundary arn:aws:iam::111122223333:policy/developer-boundary of role",
        ),
        (
            "policies-besides",
            "iam:GetPolicyVersion=AccessDenied",
            "policy arn:aws:iam::111122223333:policy/platform/volumes of role",
        ),
    ] {
        let rehearsal = rehearsal(scenario, "");
        rehearsal.fail(fault);
        let ran = rehearsal.run("plan spec.yaml --no-save").expect(0);
        let told = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(told.contains("my-cluster/cluster [not-read]") && told.contains(what), "{scenario} {fault}\n{ran}");
        assert!(told.contains("cure: grant iam:"), "{ran}");
    }
}

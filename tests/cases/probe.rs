//! The plugin's role is proved before any pod takes it: one that is usable late is waited for, and one
//! that never will be ends the run with no pod touched and everything as it was.

use std::time::Duration;

use cni_plan_sandbox::{CallRecord, Visibility};
use cni_plan_tests::command::Ran;
use cni_plan_tests::rehearsal::{MY_CLUSTER, Rehearsal, while_held};
use serde_json::{Value, json};

const SPEC: &str = MY_CLUSTER;
const PROBE: &str = "my-cluster/probe/kube-system/aws-node";
const ROLE: &str = "AmazonEKSVPCCNIRole-my-cluster";
const POLICY: &str = "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy";
const ASSUME: &str = "AssumeRoleWithWebIdentity";
/// The first call of the probe, which is made again once it is let go.
const HELD: &str = "kubernetes:create serviceaccounts/token=Holdx1";

#[test]
fn every_kind_of_cluster_has_its_role_proved_before_its_pods_are_touched() {
    for (scenario, spec, clusters) in
        [("ipv4", "ipv4.yaml", 1), ("ipv6", "ipv6.yaml", 1), ("two-clusters", "two-clusters.yaml", 2)]
    {
        let rehearsal = Rehearsal::of_scenario(scenario);
        rehearsal.run(&format!("apply --auto-approve examples/{spec}")).expect(0);
        let calls = rehearsal.sandbox().calls();
        let proved = calls.iter().filter(|call| call.operation == ASSUME && call.status == 200).count();
        assert_eq!(proved, clusters, "{scenario}");
        let first = |operation: &str| calls.iter().position(|call| call.operation == operation).unwrap();
        assert!(first(ASSUME) < first("SimulatePrincipalPolicy"), "{scenario}");
        // Of two clusters the one may be ahead of the other.
        let of_one = |call: &&CallRecord| clusters == 1 && is_on_pods(call);
        let touched = calls.iter().position(|call| of_one(&call)).unwrap_or(calls.len());
        let last = calls.iter().rposition(|call| call.operation == "SimulatePrincipalPolicy").unwrap();
        assert!(last < touched, "{scenario}: a pod's identity was touched before the role was proved");
    }
}

#[test]
fn a_plan_that_does_nothing_about_the_role_proves_nothing() {
    let rehearsal = Rehearsal::of_scenario("already-done");
    rehearsal.run("apply --auto-approve examples/quickstart.yaml").expect(0);
    assert!(rehearsal.sandbox().calls().iter().all(|call| call.operation != ASSUME));
}

/// STS does not know of the role for a while; the two minutes of waiting are 400 ms here.
#[test]
fn a_role_that_is_usable_late_is_waited_for() {
    let rehearsal = planned(Rehearsal::ipv4());
    let lag = Duration::from_millis(150);
    rehearsal.sandbox().set_visibility(Visibility { lag, ..Visibility::default() });
    rehearsal.run("apply").expect(0);

    let rehearsal = planned(Rehearsal::ipv4());
    rehearsal.fail("sts:AssumeRoleWithWebIdentity=AccessDeniedx3");
    let ran = rehearsal.run("apply --verbose").expect(0);
    assert!(ran.stderr.contains(&format!("{PROBE}: waiting for the role to let the service account in")), "{ran}");
    assert_eq!(rehearsal.sandbox().calls().iter().filter(|call| call.operation == ASSUME).count(), 4);
}

#[test]
fn a_trust_for_another_subject_audience_or_issuer_is_named() {
    let issuer = issuer(&Rehearsal::ipv4());
    let theirs = "system:serviceaccount:default:app";
    let ours = "system:serviceaccount:kube-system:aws-node";
    let old = "oidc.eks.us-west-2.amazonaws.com/id/OLD";
    for (trust, told) in [
        (
            trust(&issuer, "sts.amazonaws.com", theirs),
            "the subject is wrong: the token is of system:serviceaccount:kube-system:aws-node",
        ),
        (trust(&issuer, "example.org", ours), "the audience is wrong: the token is for sts.amazonaws.com, and role"),
        (trust(old, "sts.amazonaws.com", ours), "the issuer is wrong: the token is of issuer"),
    ] {
        let rehearsal = planned(with_role());
        let document = trust.to_string();
        let ran = broken(&rehearsal, || {
            rehearsal.wire().iam("UpdateAssumeRolePolicy", &[("RoleName", ROLE), ("PolicyDocument", &document)]);
        });
        assert!(ran.stderr.contains(told), "{told}\n{ran}");
    }
}

#[test]
fn a_provider_that_is_gone_or_lacks_the_audience_is_named() {
    let provider = format!("arn:aws:iam::111122223333:oidc-provider/{}", issuer(&Rehearsal::ipv4()));
    let audience = [("OpenIDConnectProviderArn", provider.as_str()), ("ClientID", "sts.amazonaws.com")];
    for (action, parameters, told) in [
        ("RemoveClientIDFromOpenIDConnectProvider", &audience[..], "the audience is wrong: "),
        ("DeleteOpenIDConnectProvider", &audience[..1], "the provider is missing: "),
    ] {
        let rehearsal = planned(Rehearsal::ipv4());
        let ran = broken(&rehearsal, || {
            rehearsal.wire().iam(action, parameters);
        });
        assert!(ran.stderr.contains(told), "{told}\n{ran}");
    }
}

#[test]
fn a_role_that_someone_has_deleted_meanwhile_is_named() {
    let rehearsal = planned(with_role());
    let ran = broken(&rehearsal, || {
        rehearsal.wire().iam("DetachRolePolicy", &[("RoleName", ROLE), ("PolicyArn", POLICY)]);
        rehearsal.wire().iam("DeleteRole", &[("RoleName", ROLE)]);
    });
    assert!(
        ran.stderr.contains("there is no role arn:aws:iam::111122223333:role/AmazonEKSVPCCNIRole-my-cluster"),
        "{ran}"
    );
}

/// A boundary that is wide enough when the plan is made, and narrowed while it is carried out.
#[test]
fn what_the_role_does_not_allow_is_named() {
    const BOUNDARY: &str = "arn:aws:iam::111122223333:policy/Boundary";
    let allows = |action: &str| {
        json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]})
            .to_string()
    };
    let rehearsal = Rehearsal::ipv4();
    let wide = allows("ec2:*");
    rehearsal.wire().iam("CreatePolicy", &[("PolicyName", "Boundary"), ("PolicyDocument", &wide)]);
    let boundary = format!("    role: {{ permissionsBoundary: \"{BOUNDARY}\" }}\n");
    rehearsal.workspace().write("spec.yaml", &format!("{SPEC}{boundary}"));
    rehearsal.run("plan spec.yaml").expect(0);
    rehearsal.sandbox().clear_calls();
    let narrow = || {
        let narrow = allows("ec2:Describe*");
        let options = [("PolicyArn", BOUNDARY), ("PolicyDocument", &narrow), ("SetAsDefault", "true")];
        rehearsal.wire().iam("CreatePolicyVersion", &options);
    };
    let (ran, ()) = while_held(&rehearsal, HELD, "apply", narrow);
    let ran = ran.expect(6);
    assert!(ran.stderr.contains("does not allow what the plugin needs"), "{ran}");
    assert!(ran.stderr.contains("ec2:AssignPrivateIpAddresses (implicitDeny), ec2:AttachNetworkInterface"), "{ran}");
    assert!(!ran.stderr.contains("ec2:DescribeInstances"), "{ran}");
    assert_untouched(&rehearsal, &ran);
}

#[test]
fn who_may_not_ask_what_a_role_allows_goes_on_without() {
    let rehearsal = planned(Rehearsal::ipv4());
    rehearsal.fail("iam:SimulatePrincipalPolicy=AccessDenied");
    let ran = rehearsal.run("apply").expect(0);
    let told =
        format!("{PROBE}: the role answers; what it allows could not be asked (grant iam:SimulatePrincipalPolicy");
    assert!(ran.stderr.contains(&told), "{ran}");
}

#[test]
fn who_may_not_make_tokens_is_told_which_right_is_missing() {
    let rehearsal = planned(Rehearsal::ipv4());
    let start = rehearsal.state();
    rehearsal.fail("kubernetes:create serviceaccounts/token=AccessDenied");
    let ran = rehearsal.run("apply").expect(6);
    assert!(ran.stderr.contains("`create` on `serviceaccounts/token` in namespace kube-system"), "{ran}");
    assert_untouched(&rehearsal, &ran);
    assert_eq!(rehearsal.state(), start);
}

fn planned(rehearsal: Rehearsal) -> Rehearsal {
    rehearsal.workspace().write("spec.yaml", SPEC);
    rehearsal.run("plan spec.yaml").expect(0);
    rehearsal
}

/// A world in which the role and its policy are there already, just as they are wanted.
fn with_role() -> Rehearsal {
    let rehearsal = Rehearsal::ipv4();
    let document = trust(&issuer(&rehearsal), "sts.amazonaws.com", "system:serviceaccount:kube-system:aws-node");
    let document = document.to_string();
    rehearsal.wire().iam("CreateRole", &[("RoleName", ROLE), ("AssumeRolePolicyDocument", &document)]);
    rehearsal.wire().iam("AttachRolePolicy", &[("RoleName", ROLE), ("PolicyArn", POLICY)]);
    rehearsal
}

/// Applies, with this done just before the role is tried. It ends where others have left the world, with
/// no pod touched.
fn broken(rehearsal: &Rehearsal, meddle: impl FnOnce()) -> Ran {
    rehearsal.sandbox().clear_calls();
    let (ran, ()) = while_held(rehearsal, HELD, "apply", meddle);
    let ran = ran.expect(6);
    assert!(ran.stderr.contains(&format!("{PROBE}: failed: cannot take role {ROLE} as ")), "{ran}");
    assert_untouched(rehearsal, &ran);
    ran
}

fn assert_untouched(rehearsal: &Rehearsal, ran: &Ran) {
    let calls = rehearsal.sandbox().calls();
    assert!(!calls.iter().any(is_on_pods), "a pod was touched: {calls:#?}\n{ran}");
    let ends = ["Nothing is left behind.\n", "Nothing had been changed: everything is as it was before.\n"];
    assert!(ends.iter().any(|end| ran.stdout.ends_with(end)), "{ran}");
}

/// Whether a call changes what pods carry, or a pod.
fn is_on_pods(call: &CallRecord) -> bool {
    ["patch serviceaccounts", "delete pods"].contains(&call.operation.as_str())
}

fn trust(issuer: &str, audience: &str, subject: &str) -> Value {
    json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": {"Federated": format!("arn:aws:iam::111122223333:oidc-provider/{issuer}")},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {format!("{issuer}:aud"): audience, format!("{issuer}:sub"): subject}},
    }]})
}

/// The issuer of `my-cluster`, without its scheme.
fn issuer(rehearsal: &Rehearsal) -> String {
    let state = rehearsal.sandbox().state();
    let issuer = state["clusters"]["us-west-2/my-cluster"]["eks"]["issuer"].as_str().unwrap();
    issuer.trim_start_matches("https://").to_owned()
}

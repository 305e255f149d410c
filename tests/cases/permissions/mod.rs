//! `cni-plan permissions`: what it prints allows every call that plan, apply and the ways back really make, by the
//! project's own evaluator for IAM and by RBAC's rules for Kubernetes; and it holds nothing that is never called.

mod called;
mod rules;

use std::collections::BTreeSet;

use cni_plan_core::{PolicyDocument, Statement};
use cni_plan_sandbox::{CallRecord, Service};
use cni_plan_tests::command::Workspace;
use cni_plan_tests::course::{ADDON, CORRECTED, Course, IPV4, IPV6, POD_IDENTITY, SAVED, TWO_CLUSTERS, any_changed};
use cni_plan_tests::rehearsal::{MY_CLUSTER, Rehearsal};
use cni_plan_tests::served::Served;
use insta::assert_snapshot;
use serde_json::json;

use called::AwsCall;
use rules::{Request, Rules};

const COURSES: [&Course; 6] = [&IPV4, &IPV6, &CORRECTED, &TWO_CLUSTERS, &ADDON, &POD_IDENTITY];

/// Printed, and no call of the adapters': each with who asks for it.
const NOT_CALLED: [&str; 2] = [
    // EKS asks for it where a role is handed to an add-on or an association.
    "iam:PassRole",
    // EKS asks for it where an association is made with tags.
    "eks:TagResource",
];

/// Verbs that a course without trouble does not come to.
const NOT_ASKED: [&str; 3] = [
    // Why a pod is not Ready.
    "list events",
    // A lock that someone has, and one that is held for longer than its renewal.
    "get leases",
    "update leases",
];

fn printed(rehearsal: &Rehearsal, options: &str) -> (PolicyDocument, Rules) {
    let print = |only: &str| rehearsal.run(&format!("permissions {options} --only {only} spec.yaml")).expect(0).stdout;
    (PolicyDocument::parse(&print("iam")).unwrap(), Rules::parse(&print("rbac")))
}

/// The calls of a world whose spec is planned, gone there and undone from the end.
fn there_and_undone(rehearsal: &Rehearsal) -> Vec<CallRecord> {
    rehearsal.sandbox().clear_calls();
    rehearsal.run(&format!("plan spec.yaml --out {SAVED}")).expect(0);
    rehearsal.run(&format!("apply {SAVED}")).expect(0);
    rehearsal.run(&rehearsal.rollback());
    rehearsal.sandbox().calls()
}

/// The calls of a course that is gone back from a refusal at its last write to IAM.
fn back(course: &'static Course, there: &[CallRecord]) -> Vec<CallRecord> {
    let operations =
        there.iter().filter(|call| call.service == Service::Iam && any_changed(std::slice::from_ref(call)));
    let last = operations.map(|call| call.operation.as_str()).next_back().expect("a course writes to IAM");
    let rehearsal = course.world();
    rehearsal.run(&format!("plan spec.yaml --out {SAVED}")).expect(0);
    rehearsal.sandbox().clear_calls();
    rehearsal.fail(&format!("iam:{last}=AccessDenied"));
    rehearsal.run(&format!("apply {SAVED}"));
    rehearsal.sandbox().calls()
}

const POD_IDENTITY_TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
    "Principal":{"Service":"pods.eks.amazonaws.com"},"Action":["sts:AssumeRole","sts:TagSession"]}]}"#;

/// Worlds that the courses do not come to: inline policies on roles, a provider for another audience, an association
/// of ours that no pod uses yet and that has another role.
fn further() -> [(&'static str, Rehearsal); 3] {
    let inline = Rehearsal::of_scenario("inline-copy");
    inline.workspace().write("spec.yaml", MY_CLUSTER);

    let audience = Rehearsal::ipv4();
    audience.workspace().write("spec.yaml", &format!("{MY_CLUSTER}    oidcProvider: create\n"));
    let listed = audience.wire().iam("ListOpenIDConnectProviders", &[]);
    let arn = listed.split_once("<Arn>").and_then(|(_, rest)| rest.split_once("</Arn>")).unwrap().0.to_owned();
    let provider = [("OpenIDConnectProviderArn", arn.as_str()), ("ClientID", "sts.amazonaws.com")];
    audience.wire().iam("RemoveClientIDFromOpenIDConnectProvider", &provider);

    let association = POD_IDENTITY.world();
    let wire = association.wire();
    let role = [("RoleName", "Earlier"), ("AssumeRolePolicyDocument", POD_IDENTITY_TRUST)];
    wire.iam("CreateRole", &role);
    let of_ours = json!({
        "namespace": "kube-system",
        "serviceAccount": "aws-node",
        "roleArn": "arn:aws:iam::111122223333:role/Earlier",
        "tags": {"managed-by": "cni-plan"},
    });
    wire.eks("POST", "/clusters/my-cluster/pod-identity-associations", &of_ours);

    [("inline policies", inline), ("another audience", audience), ("another association", association)]
}

#[test]
fn every_call_of_every_course_is_allowed_and_nothing_else_is_printed() {
    let (mut granted, mut called) = (BTreeSet::new(), BTreeSet::new());
    let mut check = |name: &str, (policy, rules): (PolicyDocument, Rules), calls: &[CallRecord]| {
        assert!(calls.len() > 20, "{name}: only {} calls", calls.len());
        assert_allowed(&policy, &rules, calls, name);
        called.extend(calls.iter().filter_map(AwsCall::of).map(|call| call.action));
        granted.extend(actions(&policy));
        let mut unused = rules.unused(calls.iter().filter_map(Request::of));
        unused.retain(|verb| !NOT_ASKED.contains(&verb.as_str()));
        assert!(unused.is_empty(), "{name}: nobody asks for {unused:?}");
    };
    for course in COURSES {
        let rehearsal = course.world();
        let printed = printed(&rehearsal, "");
        let there = there_and_undone(&rehearsal);
        let back = back(course, &there);
        check(course.name, printed, &[there, back].concat());
    }
    for (name, rehearsal) in further() {
        let printed = printed(&rehearsal, "");
        check(name, printed, &there_and_undone(&rehearsal));
    }
    let never: Vec<&String> = granted.difference(&called).filter(|it| !NOT_CALLED.contains(&it.as_str())).collect();
    assert!(never.is_empty(), "printed, and never called: {never:?}");
    let explained: Vec<&&str> = NOT_CALLED.iter().filter(|it| called.contains(**it)).collect();
    assert!(explained.is_empty(), "called after all: {explained:?}");
}

#[test]
fn planning_is_allowed_by_what_is_printed_to_plan_and_that_allows_no_change() {
    for course in COURSES {
        let rehearsal = course.world();
        let (policy, rules) = printed(&rehearsal, "--to plan");
        rehearsal.sandbox().clear_calls();
        rehearsal.run("plan --no-save spec.yaml").expect(0);
        assert_allowed(&policy, &rules, &rehearsal.sandbox().calls(), course.name);
        for action in actions(&policy) {
            let (_, name) = action.split_once(':').unwrap();
            assert!(["Get", "List", "Describe"].iter().any(|read| name.starts_with(read)), "{action}");
        }
    }
}

/// What is made up offline is wider, and allows the same.
#[test]
fn offline_nobody_is_asked_and_what_is_printed_is_enough() {
    for course in COURSES {
        let rehearsal = course.world();
        rehearsal.sandbox().clear_calls();
        let (policy, rules) = printed(&rehearsal, "--offline");
        assert_eq!(rehearsal.sandbox().calls(), []);
        rehearsal.run(&format!("plan spec.yaml --out {SAVED}")).expect(0);
        rehearsal.run(&format!("apply {SAVED}")).expect(0);
        assert_allowed(&policy, &rules, &rehearsal.sandbox().calls(), course.name);
    }
}

#[test]
fn what_the_plan_does_not_do_is_not_allowed() {
    let rehearsal = IPV4.world();
    let (policy, rules) = printed(&rehearsal, "");
    let role = "arn:aws:iam::111122223333:role/AmazonEKSVPCCNIRole-my-cluster";
    let refused = |action: &str, resource: &str, policy_arn: Option<&str>| {
        let call = AwsCall {
            action: action.to_owned(),
            resource: resource.to_owned(),
            policy_arn: policy_arn.map(str::to_owned),
        };
        let verdict = call.verdict_of(&policy);
        assert!(!verdict.is_allowed(), "{action} on {resource} is {verdict:?}");
    };
    refused("iam:AttachRolePolicy", role, Some("arn:aws:iam::aws:policy/AdministratorAccess"));
    refused("iam:PutRolePolicy", role, None);
    refused("iam:DeleteRole", "arn:aws:iam::111122223333:role/AmazonEKSNodeRole", None);
    refused("iam:DetachRolePolicy", "arn:aws:iam::111122223333:role/ci-deployer", None);
    refused("eks:DeleteCluster", "arn:aws:eks:us-west-2:111122223333:cluster/my-cluster", None);
    for (operation, path) in [
        ("get secrets", "/api/v1/namespaces/kube-system/secrets/x"),
        ("patch serviceaccounts", "/api/v1/namespaces/kube-system/serviceaccounts/default"),
        ("create serviceaccounts/token", "/api/v1/namespaces/kube-system/serviceaccounts/default/token"),
        ("list pods", "/api/v1/pods"),
        ("delete nodes", "/api/v1/nodes/n"),
    ] {
        assert!(!rules.allow(&Request::new(operation, path).unwrap()), "{operation} {path}");
    }
}

#[test]
fn both_are_told_with_a_line_of_what_they_are() {
    let rehearsal = Rehearsal::of_scenario("ipv4");
    rehearsal.workspace().write("spec.yaml", MY_CLUSTER);
    assert_snapshot!("apply", rehearsal.run("permissions spec.yaml").expect(0));
    assert_snapshot!(
        "plan-offline",
        rehearsal.run("permissions --to plan --offline --group planners spec.yaml").expect(0)
    );
}

#[test]
fn a_role_to_assume_and_the_login_have_a_policy_each() {
    let rehearsal = Rehearsal::of_scenario("ipv4");
    let spec = format!("{MY_CLUSTER}    assumeRole: arn:aws:iam::111122223333:role/planner\n");
    rehearsal.workspace().write("spec.yaml", &spec);
    let ran = rehearsal.run("permissions --offline spec.yaml").expect(0);
    let headings: Vec<&str> = ran.stdout.lines().filter(|line| line.starts_with("# IAM")).collect();
    assert_eq!(
        headings,
        [
            "# IAM policy to plan and apply, for arn:aws:iam::111122223333:role/planner",
            "# IAM policy to plan and apply, for whoever logs in"
        ]
    );
}

#[test]
#[ignore = "peer: kubectl"]
fn kubectl_takes_the_rules() {
    let served = Served::scenario("ipv4");
    served.workspace().write("spec.yaml", MY_CLUSTER);
    let rules = served.workspace().run(["permissions", "--only", "rbac", "spec.yaml"]).expect(0).stdout;
    served.workspace().write("rbac.yaml", &rules);
    let shell = served.shell();
    let dry = shell.must("kubectl apply --dry-run=client -f rbac.yaml");
    assert_eq!(dry.lines().count(), 4, "{dry}");
    assert!(dry.lines().all(|line| line.ends_with(" created (dry run)")), "{dry}");
    shell.must("kubectl apply -f rbac.yaml");
    let names = shell.must("kubectl get clusterrole,clusterrolebinding,role,rolebinding -n kube-system -o name");
    assert_eq!(names.lines().count(), 4, "{names}");
}

#[track_caller]
fn assert_allowed(policy: &PolicyDocument, rules: &Rules, calls: &[CallRecord], course: &str) {
    for record in calls {
        if let Some(request) = Request::of(record) {
            assert!(rules.allow(&request), "{course}: {request:?} is not allowed by {rules:#?}");
        } else if let Some(call) = AwsCall::of(record) {
            let verdict = call.verdict_of(policy);
            assert!(verdict.is_allowed(), "{course}: {call:?} is {verdict:?} by\n{}", policy.to_json());
        }
    }
}

fn actions(policy: &PolicyDocument) -> BTreeSet<String> {
    let of = |statement: &Statement| statement.as_written()["Action"].as_array().unwrap().clone();
    policy.statements().iter().flat_map(of).map(|action| action.as_str().unwrap().to_owned()).collect()
}

/// Whoever has no credentials is who asks what they should allow.
#[test]
fn where_nobody_can_be_asked_the_way_without_asking_is_told() {
    let workspace = Workspace::new();
    workspace.write("spec.yaml", MY_CLUSTER);
    let ran = workspace.run(["permissions", "spec.yaml"]).expect(1);
    assert!(ran.stderr.ends_with("; or ask nobody, with `--offline`\n"), "{ran}");
    workspace.run(["permissions", "--offline", "spec.yaml"]).expect(0);

    let rehearsal = Rehearsal::ipv4();
    rehearsal.workspace().write("spec.yaml", MY_CLUSTER);
    rehearsal.fail("eks:DescribeCluster=AccessDenied");
    let ran = rehearsal.run("permissions spec.yaml").expect(1);
    assert!(ran.stderr.contains("with `--offline`"), "{ran}");
}

/// In every cluster that has the same rules, by its name there; a region that nobody knows is left to the environment.
#[test]
fn the_way_into_the_group_is_a_command_for_each_cluster() {
    let workspace = Workspace::new();
    let spec = "version: 1\ndefaults: { role: { name: 'Cni-{cluster}-{region}' } }\nclusters:\n  \
                - { name: blue, region: us-west-2 }\n  - { name: blue, region: eu-west-1 }\n  - name: green\n";
    workspace.write("spec.yaml", spec);
    let printed = workspace.run(["permissions", "--offline", "--only", "rbac", "spec.yaml"]).expect(0).stdout;
    for told in ["blue --region us-west-2", "blue --region eu-west-1", "green"] {
        let line = format!(
            "#   aws eks create-access-entry --cluster-name {told} --principal-arn ARN --kubernetes-groups cni-plan\n"
        );
        assert_eq!(printed.matches(&line).count(), 1, "{line}{printed}");
    }
}

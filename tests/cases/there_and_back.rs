//! Each of the sandbox's scenarios from one end to the other: planned and proved, applied, seen to be well, with
//! nothing left to do, and undone to where it began, compared whole. A scenario that is new is in it by itself.

use std::collections::BTreeSet;

use cni_plan_core::{ChangeSet, Reversibility};
use cni_plan_sandbox::scenarios;
use cni_plan_tests::ending::differences;
use cni_plan_tests::rehearsal::{MY_CLUSTER, Rehearsal};

const TWO: &str = "version: 1\ndefaults: { region: us-west-2 }\nclusters:\n  - name: blue\n  - name: green\n";

const ROLE: &str = "/accounts/111122223333/roles/AmazonEKSVPCCNIRole-my-cluster";
const TRUST: &str = "/accounts/111122223333/roles/AmazonEKSVPCCNIRole-my-cluster/trust/Statement";
const ADDON_ROLE: &str = "/clusters/us-west-2/my-cluster/eks/addons/vpc-cni/serviceAccountRoleArn";
const ANNOTATION: &str =
    "/clusters/us-west-2/my-cluster/kubernetes/serviceaccounts/3/metadata/annotations/eks.amazonaws.com/role-arn";
const PODS: &str = "pods";

/// What comes of a scenario.
#[derive(Debug, PartialEq, Eq)]
enum Course {
    /// Its plan is refused, and nothing is changed.
    Refused,
    /// There was nothing to do.
    Nothing,
    /// There and back.
    ThereAndBack,
    /// There, and back but for what of the world is not as it was, which the plan has marked as irreversible.
    ThereAndBackButFor(Vec<String>),
    /// The canary fails, and all is put back at once.
    PutBack,
}

#[test]
fn every_scenario() {
    let courses: Vec<(String, Course)> =
        scenarios().iter().map(|scenario| (scenario.name.to_owned(), course(scenario.name))).collect();
    let expected = |name: &str| match name {
        "already-done" | "irsa-with-agent" => Course::Nothing,
        "shared-outside" | "small-boundary" | "denied" => Course::Refused,
        // Its pods reach no STS: whoever goes on in spite of the warning loses a canary.
        "private-sts" => Course::PutBack,
        // EKS takes no role off an add-on again, and pods go on with it.
        "managed-addon" => but_for(&[ROLE, ADDON_ROLE, ANNOTATION, PODS]),
        // Pods that were born before the annotation would not come back so.
        "half-done" => but_for(&[PODS]),
        // Nor would pods of two sorts: what they stand on is kept.
        "drifted" => but_for(&[TRUST, ANNOTATION, PODS]),
        _ => Course::ThereAndBack,
    };
    let expected: Vec<(String, Course)> = courses.iter().map(|(name, _)| (name.clone(), expected(name))).collect();
    assert_eq!(courses, expected);
}

fn but_for(places: &[&str]) -> Course {
    Course::ThereAndBackButFor(places.iter().map(|&place| place.to_owned()).collect())
}

fn course(scenario: &str) -> Course {
    let rehearsal = Rehearsal::of_scenario(scenario);
    let spec = match scenario {
        "two-clusters" | "shared-role" => TWO.to_owned(),
        "pod-identity" => format!("{MY_CLUSTER}    identity: pod-identity\n"),
        "private-sts" => format!("{MY_CLUSTER}    restart: {{ timeout: 2s }}\n"),
        _ => MY_CLUSTER.to_owned(),
    };
    rehearsal.workspace().write("spec.yaml", &spec);
    let start = rehearsal.state();
    let planned = rehearsal.run("plan spec.yaml --detailed-exitcode");
    match planned.code {
        Some(0) => return Course::Nothing,
        Some(5) => {
            assert_eq!(rehearsal.state(), start, "{planned}");
            return Course::Refused;
        }
        _ => planned.expect(2),
    };
    let plan = ChangeSet::from_json(&rehearsal.workspace().read("plans/spec.plan.json")).unwrap();
    assert!(plan.safety.is_safe(), "{scenario}: {:?}", plan.safety);

    let applied = rehearsal.run("apply");
    if applied.code == Some(6) {
        assert_eq!(rehearsal.state(), start, "{applied}");
        return Course::PutBack;
    }
    applied.expect(0);
    rehearsal.run("verify spec.yaml").expect(0);
    let again = rehearsal.run("plan spec.yaml --no-save --detailed-exitcode").expect(0);
    assert!(again.stdout.contains("Nothing to do"), "{scenario}\n{again}");

    let is_irreversible = plan.changes.iter().any(|it| it.reversibility != Reversibility::Reversible);
    rehearsal.run(&rehearsal.rollback()).expect(if is_irreversible { 7 } else { 0 });
    let left: BTreeSet<String> =
        differences(&start, &rehearsal.state()).iter().map(|it| place(&it.to_string()).to_owned()).collect();
    match left.is_empty() {
        true => Course::ThereAndBack,
        false => Course::ThereAndBackButFor(left.into_iter().collect()),
    }
}

/// Where a difference is: of what pods have in their containers, that it is pods.
fn place(difference: &str) -> &str {
    let (place, _) = difference.split_once(": ").unwrap_or((difference, ""));
    if place.contains("/pods/") { PODS } else { place }
}

//! `docs/findings.md` is made from the findings that there are; and each scenario that holds a hazard is
//! planned, and is told what it holds.

use std::fmt::Write;

use cni_plan_core::{ChangeSet, Severity, known_findings};
use cni_plan_sandbox::ClusterSeed;
use cni_plan_tests::command::repository;
use cni_plan_tests::rehearsal::{MY_CLUSTER, Rehearsal};

use crate::guards::{GUARDS, Guard, Test};
use crate::hazards::{HAZARDS, Hazard};

/// Scenarios with the findings that their plan has to have, and no others.
const SCENARIOS: &[(&str, &[&str])] = &[
    ("ipv4", &[]),
    ("ipv6", &[]),
    ("drifted", &["foreign-trust"]),
    ("shared-outside", &["node-role-used-outside"]),
    ("stale-issuer", &["stale-issuer"]),
    ("small-policy", &[]),
    ("windows", &["windows-nodes"]),
    ("karpenter", &[]),
    ("self-managed-nodes", &[]),
    ("auto-mode", &["other-nodes"]),
    ("private-sts", &["private-cluster"]),
    ("pod-identity", &["pod-identity-association"]),
    ("managed-addon", &[]),
    ("managed-addon-with-role", &[]),
    ("small-boundary", &["boundary-too-small"]),
    ("denied", &["need-denied"]),
    ("inline-copy", &["node-role-keeps-permissions"]),
    ("renamed-policy", &["node-role-has-a-copy"]),
    ("owned-node-role", &["node-role-owned"]),
    ("policies-besides", &[]),
];

const SPEC: &str = MY_CLUSTER;

#[test]
fn each_scenario_is_told_what_it_holds_and_nothing_else() {
    for (scenario, expected) in SCENARIOS {
        let rehearsal = Rehearsal::of_scenario(scenario);
        rehearsal.workspace().write("spec.yaml", SPEC);
        let is_refused = expected.iter().any(|code| severity(code) == Severity::Refuse);
        let ran = rehearsal.run("plan spec.yaml").expect(if is_refused { 5 } else { 0 });
        let told: Vec<&str> = ran.stdout.lines().filter_map(code_in).collect();
        assert_eq!(told, *expected, "{scenario}\n{ran}");
        if !is_refused {
            let saved = ChangeSet::from_json(&rehearsal.workspace().read("plans/spec.plan.json")).unwrap();
            assert!(saved.safety.is_safe(), "{scenario}");
        }
    }
}

/// The plan warns of it; whoever goes on all the same loses a canary, and gets everything back.
#[test]
fn a_cluster_without_a_way_to_sts_is_put_back_after_its_canary() {
    let rehearsal = Rehearsal::of_scenario("private-sts");
    rehearsal.workspace().write("spec.yaml", &format!("{SPEC}    restart: {{ timeout: 2s }}\n"));
    let start = rehearsal.state();
    rehearsal.run("plan spec.yaml").expect(0);
    rehearsal.run("apply").expect(6);
    assert_eq!(rehearsal.state(), start);
}

#[test]
fn an_accepted_warning_is_shown_with_its_reason() {
    let rehearsal = Rehearsal::of_scenario("windows");
    let accept = "    accept: [{ code: windows-nodes, reason: \"the controller is EKS's own\" }]\n";
    rehearsal.workspace().write("spec.yaml", &format!("{SPEC}{accept}"));
    let ran = rehearsal.run("plan spec.yaml").expect(0);
    assert!(ran.stdout.contains("Accepted: my-cluster/verify/kube-system/aws-node  [windows-nodes]"), "{ran}");
    assert!(ran.stdout.contains("  accepted: the controller is EKS's own"), "{ran}");
    let markdown = rehearsal.workspace().read("plans/spec.plan.md");
    assert!(markdown.contains("**Accepted** `windows-nodes`"), "{markdown}");
}

#[test]
fn a_cluster_that_comes_to_use_the_node_role_since_makes_the_change_set_stale() {
    let rehearsal = Rehearsal::of_scenario("ipv4");
    rehearsal.workspace().write("spec.yaml", SPEC);
    rehearsal.run("plan spec.yaml").expect(0);
    rehearsal.sandbox().ensure_cluster(&ClusterSeed::new("newcomer")).unwrap();
    let start = rehearsal.state();
    let ran = rehearsal.run("apply").expect(3);
    assert!(ran.stdout.contains("+ nodes of cluster newcomer in us-west-2 have role AmazonEKSNodeRole"), "{ran}");
    assert_eq!(rehearsal.state(), start);
}

#[test]
fn a_source_of_node_roles_that_may_not_be_read_is_told() {
    for (fault, what) in [
        ("eks:ListAccessEntries=AccessDenied", "the access entries could not be read"),
        ("eks:ListClusters=AccessDenied", "the account's other clusters could not be read"),
        ("eks:ListPodIdentityAssociations=AccessDenied", "the Pod Identity associations could not be read"),
        ("kubernetes:get configmaps=AccessDenied", "the ConfigMap aws-auth could not be read"),
    ] {
        let rehearsal = Rehearsal::of_scenario("ipv4");
        rehearsal.workspace().write("spec.yaml", SPEC);
        rehearsal.fail(fault);
        let ran = rehearsal.run("plan spec.yaml --no-save").expect(0);
        assert!(ran.stdout.contains("my-cluster/cluster  [not-read]") && ran.stdout.contains(what), "{ran}");
        assert!(ran.stdout.contains("  cure: grant "), "{ran}");
        let verdict = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(verdict.contains(", as far as could be read: 1 thing could not be (see not-read)."), "{ran}");
    }
}

/// The code at the end of a finding's first line: `Warning: ADDRESS  [CODE]`.
pub(crate) fn code_in(line: &str) -> Option<&str> {
    let is_finding = ["Refused: ", "Warning: ", "Note: "].iter().any(|word| line.starts_with(word));
    line.rsplit_once('[').filter(|_| is_finding)?.1.strip_suffix(']')
}

pub(crate) fn severity(code: &str) -> Severity {
    known_findings().iter().find(|known| known.code == code).unwrap_or_else(|| panic!("no finding {code}")).severity
}

#[test]
fn the_page_of_findings_is_up_to_date() {
    let mut page = String::from(
        "# Findings\n\nWhat a plan says of the cluster as it is, made from the code (`cni_plan_core::known_findings`). `refuse`: \
         the plan is\nnot made (exit 5). `warn`: know it before you agree. `note`: worth a line. The codes do not change.\n\n\
         | code | severity | what is the matter | what to do |\n|---|---|---|---|\n",
    );
    for known in known_findings() {
        let severity = match known.severity {
            Severity::Refuse => "refuse",
            Severity::Warn => "warn",
            Severity::Note => "note",
        };
        writeln!(page, "| `{}` | {severity} | {} | {} |", known.code, known.about, known.cure).unwrap();
    }
    page.push_str(
        "\n## Tried in\n\nEach hazard in a world of the sandbox that holds it, and in a neighbour that is told nothing: \
         `hazards::` in `tests/cases/hazards.rs`\nplans both.\n\n| hazard | code | told in | not told in |\n|---|---|---|---|\n",
    );
    for Hazard { what, code, held_by, harmless } in HAZARDS {
        writeln!(page, "| {what} | `{code}` | {} | {} |", held_by.what, harmless.what).unwrap();
    }
    page.push_str(
        "\n## Met on the way\n\nWhat shows only while a run goes on: what guards against it, and the tests that hold the guard (`guards::`).\n\n| hazard | what guards against it | held by |\n|---|---|---|\n",
    );
    for Guard { hazard, by, tests } in GUARDS {
        let held_by: Vec<String> = tests.iter().map(|Test { file, name }| format!("[`{name}`](../{file})")).collect();
        writeln!(page, "| {hazard} | {by} | {} |", held_by.join("<br>")).unwrap();
    }
    let path = repository().join("docs/findings.md");
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(found, page, "make it anew with UPDATE_SNAPSHOTS=1");
}

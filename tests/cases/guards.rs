//! The hazards that are met while a run goes on, where no finding of a plan could tell of them: what guards against
//! each, and the tests that hold the guard. `docs/findings.md` shows the table.

use std::fs;

use cni_plan_tests::command::repository;

/// One row.
pub(crate) struct Guard {
    /// What goes wrong, in a few words.
    pub(crate) hazard: &'static str,
    /// What keeps it from happening, or ends it.
    pub(crate) by: &'static str,
    pub(crate) tests: &'static [Test],
}

/// A test of the workspace, by the file that has it and the name of its function.
pub(crate) struct Test {
    pub(crate) file: &'static str,
    pub(crate) name: &'static str,
}

const fn test(file: &'static str, name: &'static str) -> Test {
    Test { file, name }
}

pub(crate) const GUARDS: &[Guard] = &[
    Guard {
        hazard: "The policy comes off a node role before every pod on its nodes has switched",
        by: "a detach waits for the verification of every eligible node's pod; the proof finds plans without that wait, \
             and `apply` proves again",
        tests: &[
            test("crates/cni-plan-core/src/safety/tests/mod.rs", "the_policy_taken_off_too_early_is_told_as_a_story"),
            test("tests/cases/outage.rs", "a_plan_that_claims_to_be_safe_is_proved_again_before_it_is_applied"),
            test("crates/cni-plan-kubernetes/src/pods/tests.rs", "a_verification_waits_for_all_and_for_the_soak"),
            test("crates/cni-plan-engine/src/tests/procedure.rs", "no_pod_ever_loses_its_permissions"),
        ],
    },
    Guard {
        hazard: "A pod comes up without the role: the webhook left it out, or some of its containers",
        by: "a pod counts by what every container of it carries; the first that comes up with anything else ends the run",
        tests: &[
            test("crates/cni-plan-kubernetes/src/pods/identity.rs", "the_role_counts_when_every_container_has_it"),
            test(
                "crates/cni-plan-kubernetes/src/pods/tests.rs",
                "a_pod_that_is_not_injected_stops_the_restart_at_the_canary",
            ),
            test("crates/cni-plan-kubernetes/src/pods/tests.rs", "a_verification_ends_at_a_pod_with_another_identity"),
        ],
    },
    Guard {
        hazard: "A broken role reaches pods",
        by: "the probe: the role has to let a token of the service account in, and to allow what the plugin needs, before \
             any pod is touched",
        tests: &[
            test("tests/cases/probe.rs", "a_trust_for_another_subject_audience_or_issuer_is_named"),
            test("tests/cases/probe.rs", "a_provider_that_is_gone_or_lacks_the_audience_is_named"),
            test("tests/cases/probe.rs", "what_the_role_does_not_allow_is_named"),
        ],
    },
    Guard {
        hazard: "A role that breaks on the nodes alone reaches all pods",
        by: "one canary, then batches within `maxUnavailable`, each well before the next; the first failure ends it, and \
             all is put back",
        tests: &[
            test(
                "crates/cni-plan-kubernetes/src/pods/rollout/tests.rs",
                "a_canary_goes_alone_then_batches_within_the_bound",
            ),
            test(
                "crates/cni-plan-kubernetes/src/pods/rollout/tests.rs",
                "a_successor_with_another_identity_stops_everything",
            ),
            test("tests/cases/there_and_back.rs", "every_scenario"),
        ],
    },
    Guard {
        hazard: "A pod has another role by its association than the spec asks for, which no pod shows",
        by: "the role is told by when the pod was born and when the association was changed: one that nobody can tell is \
             restarted, and passes no verification",
        tests: &[
            test(
                "crates/cni-plan-core/src/association.rs",
                "pods_born_before_a_change_is_known_everywhere_may_have_the_role_from_before",
            ),
            test("tests/cases/pod_identity.rs", "an_association_that_pods_use_is_given_another_role_there_and_back"),
            test(
                "tests/cases/pod_identity.rs",
                "pods_that_someone_elses_change_to_the_association_has_left_behind_are_restarted",
            ),
        ],
    },
    Guard {
        hazard: "A pod that is born after the detach, as on a new node, cannot do without the policy",
        by: "the confirmation: one pod is born anew behind the detach, and all are watched for `restart.soak`; failing it, \
             the policy goes back first",
        tests: &[
            test("tests/cases/confirm.rs", "one_pod_of_every_cluster_is_born_again_behind_the_last_detach"),
            test("tests/cases/confirm.rs", "a_plugin_that_leans_on_the_nodes_role_is_found_out_and_all_is_put_back"),
            test(
                "crates/cni-plan-kubernetes/src/pods/confirm/tests.rs",
                "a_pod_that_falls_while_all_are_watched_fails_it",
            ),
        ],
    },
    Guard {
        hazard: "A node role that another cluster of the spec uses loses the policy while that one still needs it",
        by: "a detach waits for the verification of every cluster of the spec whose nodes have the role",
        tests: &[
            test(
                "crates/cni-plan-spec/src/compile/tests.rs",
                "a_shared_node_role_waits_for_every_cluster_on_it_even_one_that_keeps_it",
            ),
            test(
                "crates/cni-plan-core/src/safety/tests/mod.rs",
                "the_procedure_is_safe_for_one_cluster_and_for_two_on_one_node_role",
            ),
            test("tests/cases/undo.rs", "two_clusters_on_one_node_role_and_any_write_refused"),
        ],
    },
    Guard {
        hazard: "A cluster outside the spec comes to use the node role after the review",
        by: "who else uses it is asked again before the first step, and is a precondition",
        tests: &[test(
            "tests/cases/findings.rs",
            "a_cluster_that_comes_to_use_the_node_role_since_makes_the_change_set_stale",
        )],
    },
    Guard {
        hazard: "A rollback takes the role from pods before the node role has its policy back",
        by: "the way back: policies of node roles first, then what pods are told, then the pods, the role last; the proof \
             covers it from every point",
        tests: &[
            test("crates/cni-plan-core/src/invert/tests.rs", "the_way_back_is_policy_annotation_pods_role"),
            test("crates/cni-plan-core/src/invert/tests.rs", "every_step_of_the_way_back_waits_for_those_before_it"),
            test(
                "crates/cni-plan-core/src/invert/tests.rs",
                "a_shared_node_role_gets_its_policy_back_before_any_cluster_goes_back",
            ),
        ],
    },
    Guard {
        hazard: "Trust statements of others are lost with a role's update, or on the way back",
        by: "statements are added to what is found; the way back takes off what the run has put there, and nothing else",
        tests: &[
            test("crates/cni-plan-core/src/resource.rs", "what_is_not_ours_on_a_role_stays"),
            test("crates/cni-plan-core/src/put_back.rs", "what_others_did_meanwhile_stays"),
            test("tests/cases/undo.rs", "a_role_and_a_policy_to_correct_and_any_write_refused_or_in_doubt"),
        ],
    },
];

#[test]
fn every_guard_is_held_by_tests_that_run_with_the_others() {
    for Guard { hazard, tests, .. } in GUARDS {
        assert!(!tests.is_empty(), "{hazard}");
        for Test { file, name } in *tests {
            let source = fs::read_to_string(repository().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
            let attributes = attributes_of(&source, name).unwrap_or_else(|| panic!("{file} has no function {name}"));
            assert!(attributes.contains("test]") || attributes.contains("test("), "{file}: {name} is no test");
            assert!(!attributes.contains("#[ignore"), "{file}: {name} does not run with the others");
        }
    }
}

/// The lines right before a function that begin as attributes do; `None` if there is no such function.
fn attributes_of(source: &str, name: &str) -> Option<String> {
    let lines: Vec<&str> = source.lines().map(str::trim_start).collect();
    let begins = [format!("fn {name}("), format!("async fn {name}(")];
    let at = lines.iter().position(|line| begins.iter().any(|begin| line.starts_with(begin)))?;
    let before = lines[..at].iter().rev().take_while(|line| line.starts_with("#["));
    Some(before.copied().collect())
}

#[test]
fn a_function_that_is_gone_or_no_test_is_noticed() {
    let source = "#[test]\n#[ignore = \"slow\"]\nfn slow() {}\n\nfn helper() {}\n\n    #[tokio::test]\n    async fn quick() {}\n";
    assert_eq!(attributes_of(source, "gone"), None);
    assert_eq!(attributes_of(source, "help"), None);
    assert_eq!(attributes_of(source, "helper").as_deref(), Some(""));
    assert_eq!(attributes_of(source, "quick").as_deref(), Some("#[tokio::test]"));
    assert_eq!(attributes_of(source, "slow").as_deref(), Some("#[ignore = \"slow\"]#[test]"));
}

//! What is told while and after a change set is applied.

use std::time::Duration;

use cni_plan_core::{
    Action, Address, Call, Drift, ErrorKind, Event, FactsDrift, IpFamily, ManagedAddon, Phase, PodIdentity, Progress,
    ProviderError, Resource, Role, Timings,
};

use super::fixture::{address, attachment, planned, plugin_role, pods, role_arn, service_account};
use crate::{Style, ToldResidue, drift_text, event_line, facts_drift_text, rollback_text, timings_text};

const ROLE: &str = "my-cluster/role/AmazonEKSVPCCNIRole";

#[test]
fn drift_is_shown_resource_by_resource() {
    let role = |description: &str, id: &str| {
        let role = plugin_role("AmazonEKSVPCCNIRole");
        Resource::Role(Role { description: Some(description.to_owned()), id: Some(id.to_owned()), ..role })
    };
    let drifts = [
        Drift {
            address: address(ROLE),
            planned: Some(role("CNI", "AROAEXAMPLE1")),
            found: Some(role("VPC CNI", "AROAEXAMPLE2")),
        },
        Drift {
            address: address("my-cluster/annotate/kube-system/aws-node"),
            planned: Some(service_account(Some((&role_arn("r"), "kubectl-annotate")))),
            found: Some(service_account(Some((&role_arn("r"), "argocd-controller")))),
        },
        Drift {
            address: address("my-cluster/attach/AmazonEKSVPCCNIRole/AmazonEKS_CNI_Policy"),
            planned: None,
            found: Some(attachment("AmazonEKSVPCCNIRole", "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy").1),
        },
        Drift {
            address: address("my-cluster/restart"),
            planned: Some(pods(PodIdentity::NodeRole)),
            found: Some(pods(PodIdentity::Other { what: "containers that disagree".to_owned() })),
        },
        Drift {
            address: address("my-cluster/annotate/kube-system/other"),
            planned: Some(service_account(Some((&role_arn("r"), "kubectl-annotate")))),
            found: None,
        },
    ];
    insta::assert_snapshot!("drift", drift_text(&drifts, &Style::plain()));
    assert_eq!(drift_text(&[], &Style::plain()), "");
}

/// All steps on a cluster's pods see the same pods: what differs is told once. Another cluster's pods are others.
#[test]
fn a_difference_that_several_steps_see_is_shown_once_with_all_of_them() {
    let drift = |at: &str, found: &str| Drift {
        address: address(at),
        planned: Some(pods(PodIdentity::NodeRole)),
        found: Some(pods(PodIdentity::Other { what: found.to_owned() })),
    };
    let drifts = [
        drift("my-cluster/probe", "one"),
        drift("my-cluster/restart", "other"),
        drift("my-cluster/verify", "one"),
        drift("another/verify", "one"),
        drift("my-cluster/confirm", "one"),
    ];
    let expected = "\
~ my-cluster/probe,
  my-cluster/verify,
  my-cluster/confirm  (planned -> found)
  ~ pods:  3 by the node role -> 3 as one

~ my-cluster/restart  (planned -> found)
  ~ pods:  3 by the node role -> 3 as other

~ another/verify  (planned -> found)
  ~ pods:  3 by the node role -> 3 as one
";
    assert_eq!(drift_text(&drifts, &Style::plain()), expected);
}

#[test]
fn a_cluster_that_is_another_is_told_fact_by_fact() {
    let planned = planned("my-cluster", IpFamily::Ipv4).facts;
    let mut found = planned.clone();
    found.issuer = None;
    found.managed_addon = Some(ManagedAddon { version: "v1.20.4-eksbuild.2".to_owned(), status: "ACTIVE".to_owned() });
    found.node_roles[0].found_in.remove(0);
    let drift = FactsDrift { cluster: "my-cluster".to_owned(), planned, found };
    insta::assert_snapshot!("facts-drift", facts_drift_text(&[drift], &Style::plain()));
    assert_eq!(facts_drift_text(&[], &Style::plain()), "");
}

#[test]
fn a_run_is_told_line_by_line() {
    let restart = || address("my-cluster/restart");
    let probe = || address("my-cluster/probe");
    let detach = || address("111122223333/detach/AmazonEKSNodeRole/AmazonEKS_CNI_Policy");
    let seconds = Duration::from_secs;
    let progress = |waiting_for: &[&str]| {
        let waiting_for: Vec<String> = waiting_for.iter().copied().map(str::to_owned).collect();
        Progress::of_pods(1, 3, &waiting_for)
    };
    let error = ProviderError {
        kind: ErrorKind::Denied,
        what: "cannot detach AmazonEKS_CNI_Policy from AmazonEKSNodeRole".to_owned(),
        why: "AccessDenied: not authorized\nto perform iam:DetachRolePolicy".to_owned(),
        cure: "grant iam:DetachRolePolicy".to_owned(),
    };
    let events = [
        Event::Began { phase: Phase::Apply, steps: vec![probe(); 6] },
        Event::Started { phase: Phase::Apply, address: address(ROLE), action: Action::Create },
        Event::Finished {
            phase: Phase::Apply,
            address: address(ROLE),
            action: Action::Create,
            took: Duration::from_millis(412),
        },
        Event::Started { phase: Phase::Apply, address: probe(), action: Action::Run },
        Event::Progressed {
            phase: Phase::Apply,
            address: probe(),
            progress: Progress::Told("waiting for the role".to_owned()),
        },
        Event::Finished { phase: Phase::Apply, address: probe(), action: Action::Run, took: seconds(3) },
        Event::Started { phase: Phase::Apply, address: restart(), action: Action::Run },
        Event::Progressed {
            phase: Phase::Apply,
            address: restart(),
            progress: progress(&["ip-10-0-1-7", "ip-10-0-1-8"]),
        },
        Event::Progressed { phase: Phase::Apply, address: restart(), progress: progress(&[]) },
        Event::Finished { phase: Phase::Apply, address: restart(), action: Action::Run, took: seconds(125) },
        Event::Started { phase: Phase::Apply, address: detach(), action: Action::Delete },
        Event::Failed { phase: Phase::Apply, address: detach(), error },
        Event::Ended { phase: Phase::Apply, done: 5, took: seconds(130) },
        Event::Settling { resources: 1 },
        Event::Began { phase: Phase::Rollback, steps: vec![detach()] },
        Event::Progressed { phase: Phase::Rollback, address: restart(), progress: progress(&[]) },
        Event::Finished {
            phase: Phase::Rollback,
            address: detach(),
            action: Action::Create,
            took: Duration::from_millis(90),
        },
        Event::Ended { phase: Phase::Rollback, done: 1, took: seconds(2) },
    ];
    let lines: Vec<String> = events.iter().filter_map(|event| event_line(event, &Style::plain())).collect();
    insta::assert_snapshot!("events", lines.join("\n"));
    assert_eq!(event_line(&Event::Began { phase: Phase::Apply, steps: Vec::new() }, &Style::plain()), None);
}

/// What the way back sets is what was there before, and is not told as if it were new.
#[test]
fn on_the_way_back_it_is_told_what_is_put_back() {
    let at = |address: &str, phase, action| {
        let address = self::address(address);
        let started = Event::Started { phase, address: address.clone(), action };
        let finished = Event::Finished { phase, address, action, took: Duration::ZERO };
        [started, finished].map(|event| {
            let line = event_line(&event, &Style::plain()).unwrap();
            line.split_once(": ").unwrap().1.trim_end_matches(" in 0ms").to_owned()
        })
    };
    let (apply, rollback) = (Phase::Apply, Phase::Rollback);
    for action in [Action::Create, Action::Update, Action::Delete] {
        let annotate = "my-cluster/annotate/kube-system/aws-node";
        assert_eq!(at(annotate, apply, action), ["annotating", "annotated"]);
        assert_eq!(at(annotate, rollback, action), ["putting back what pods are told", "put back what pods are told"]);
    }
    assert_eq!(at(ROLE, apply, Action::Update), ["updating", "updated"]);
    assert_eq!(at(ROLE, rollback, Action::Update), ["putting back what it was", "put back what it was"]);
    assert_eq!(at(ROLE, rollback, Action::Delete), ["deleting", "deleted"]);
    let detach = "111122223333/detach/AmazonEKSNodeRole/AmazonEKS_CNI_Policy";
    assert_eq!(at(detach, rollback, Action::Create), ["attaching", "attached"]);
}

#[test]
fn a_rollback_says_what_is_back_and_what_is_not() {
    let restored: Vec<Address> =
        vec![address("my-cluster/annotate/kube-system/aws-node"), address("my-cluster/restart")];
    let why = "cannot delete role AmazonEKSVPCCNIRole: AccessDenied: not authorized to perform iam:DeleteRole; it stays as \
               apply made it, and nothing uses it";
    let by_hand = ["aws iam delete-role --role-name AmazonEKSVPCCNIRole", "aws iam …"].map(str::to_owned).to_vec();
    let residue = [
        ToldResidue { address: address(ROLE), why: why.to_owned(), by_hand: by_hand.clone(), is_kept: false },
        ToldResidue { address: address("my-cluster/restart"), why: "pods".to_owned(), by_hand, is_kept: true },
    ];
    insta::assert_snapshot!("rollback-incomplete", rollback_text(&restored, &residue, &Style::plain()));
    insta::assert_snapshot!("rollback-complete", rollback_text(&restored, &[], &Style::plain()));
    insta::assert_snapshot!("rollback-of-nothing", rollback_text(&[], &[], &Style::plain()));
}

#[test]
fn timings_show_the_calls_and_the_critical_path() {
    let call = |service, operation: &str, began, ended| Call {
        service,
        operation: operation.to_owned(),
        began: Duration::from_millis(began),
        ended: Duration::from_millis(ended),
    };
    let timings = Timings::of(vec![
        call("sts", "GetCallerIdentity", 3, 41),
        call("eks", "DescribeCluster", 3, 60),
        call("iam", "GetRole", 62, 101),
        call("kubernetes", "list pods", 62, 98),
    ]);
    insta::assert_snapshot!("timings", timings_text(&timings, &Style::plain()));
    insta::assert_snapshot!("timings-of-nothing", timings_text(&Timings::default(), &Style::plain()));
}

//! Plans as people read them, in both forms.

use std::collections::BTreeMap;

use cni_plan_core::{
    Address, ChangeSet, Endangered, Exemption, Finding, Kind, PodIdentity, Policy, PolicyHistory, Resource,
    Reversibility, Role, SafetyVerdict, Severity, Target, prove,
};
use serde_json::json;

use super::fixture::{
    ACCOUNT, World, attachment, document, ipv6_document, plan_html, plan_markdown, plan_markdown_within, plugin_role,
    pods, role_arn, service_account, trust_of_plugin,
};
use crate::{Style, plan_text, safety_text, totals_text};

const ROLE: &str = "AmazonEKSVPCCNIRole";

/// A cluster on which everything has been done.
fn done(world: World, key: &str, role: &str) -> World {
    let policy = "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy";
    let found = Role { id: Some("AROAEXAMPLE1".to_owned()), ..plugin_role(role) };
    let identity = PodIdentity::WebIdentity { role_arn: role_arn(role), sts_regional: Some(true) };
    world
        .found(&format!("{key}/role/{role}"), Some(Resource::Role(found)))
        .found(&format!("{key}/attach/{role}/AmazonEKS_CNI_Policy"), Some(attachment(role, policy).1))
        .found(
            &format!("{key}/annotate/kube-system/aws-node"),
            Some(service_account(Some((&role_arn(role), "cni-plan")))),
        )
        .found(&format!("{key}/restart"), Some(pods(identity.clone())))
        .found(&format!("{key}/verify"), Some(pods(identity)))
        .found(&format!("{ACCOUNT}/detach/AmazonEKSNodeRole/AmazonEKS_CNI_Policy"), None)
}

#[test]
fn an_ipv4_cluster_for_the_first_time() {
    let plan = World::new("ipv4.yaml").with_ipv4("my-cluster", ROLE).planned();
    insta::assert_snapshot!("ipv4", plan_text(&plan, &Style::plain()));
    insta::assert_snapshot!("ipv4.md", plan_markdown(&plan));
    insta::assert_snapshot!("ipv4-in-colour", inked(&plan_text(&plan, &Style { color: true, width: 100 })));
}

/// Escapes as a snapshot can hold them.
fn inked(text: &str) -> String {
    text.replace('\u{1b}', "␛")
}

#[test]
fn a_plan_that_takes_the_policy_off_too_early_is_told_as_a_story() {
    let mut plan = World::new("ipv4.yaml").with_ipv4("my-cluster", ROLE).planned();
    for change in &mut plan.changes {
        if change.address.as_str().contains("/annotate/") {
            change.depends_on.clear();
        }
    }
    plan.safety = prove(&plan.changes);
    insta::assert_snapshot!("unsafe", safety_text(&plan.safety, &Style::plain()));
    let markdown = plan_markdown(&plan);
    let chapter = markdown.split("\n## ").find(|chapter| chapter.starts_with("Unsafe")).unwrap();
    insta::assert_snapshot!("unsafe.md", chapter);
    assert!(markdown.contains("It is refused as it stands: it is unsafe."), "{markdown}");
}

/// A verdict goes as far as what was read, and says so in every form.
#[test]
fn what_could_not_be_read_is_told_beside_the_verdict() {
    let mut plan = World::new("ipv4.yaml").with_ipv4("my-cluster", ROLE).planned();
    assert!(!plan_text(&plan, &Style::plain()).contains("as far as"));
    for what in ["one", "other"] {
        plan.findings.push(Finding {
            severity: Severity::Warn,
            code: "not-read".to_owned(),
            address: Address::new("my-cluster", Kind::Cluster, &[]),
            message: what.to_owned(),
            cure: "grant it".to_owned(),
            accepted: None,
        });
    }
    let shown = [plan_text(&plan, &Style::plain()), plan_markdown(&plan), plan_html(&plan)];
    for shown in shown {
        let words = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        let told = "permissions that it needs, as far as could be read: 2 things could not be (see not-read).";
        assert!(words.contains(told), "{words}");
    }
}

/// A role of another region's cluster is met only where somebody looks: how far that went stands in every form.
#[test]
fn where_other_clusters_on_the_node_roles_were_looked_for_is_told_beside_the_verdict() {
    let plan = || World::new("two.yaml").with_ipv4("blue", "cni-blue").with_ipv4("green", "cni-green").planned();
    let in_every_form = |plan: &ChangeSet| {
        let limit = 8192; // too little for the whole page
        let forms = [plan_text(plan, &Style::plain()), plan_markdown(plan), plan_markdown_within(plan, limit)];
        let told = forms.into_iter().chain([plan_html(plan)]).map(|form| {
            let words = form.split_whitespace().collect::<Vec<_>>().join(" ");
            let words = words.replace('`', "").replace("<code>", "").replace("</code>", "");
            let begins = words.find("Other clusters on")?;
            let ends = begins + words[begins..].find(" under otherRegions.")?;
            Some(words[begins..ends].to_owned())
        });
        let told: Vec<Option<String>> = told.collect();
        assert!(told.windows(2).all(|two| two[0] == two[1]), "{told:?}");
        told.into_iter().next().unwrap()
    };
    let told = |regions: &str| {
        Some(format!("Other clusters on the node roles were looked for in {regions} alone; name more regions"))
    };

    assert_eq!(in_every_form(&plan()), told("us-west-2"));
    let mut several = plan();
    several.header.clusters[1].facts.region = "eu-west-1".to_owned();
    several.header.clusters[0].asked.other_regions = vec!["ap-south-1".to_owned(), "eu-west-1".to_owned()];
    assert_eq!(in_every_form(&several), told("ap-south-1, eu-west-1 and us-west-2"));

    // The role is of one account, and nobody has looked in the other's.
    let mut of_two_accounts = several.clone();
    of_two_accounts.header.clusters[1].facts.account = "444455556666".to_owned();
    assert_eq!(in_every_form(&of_two_accounts), told("ap-south-1, eu-west-1 and us-west-2"));
    let mut theirs = of_two_accounts.changes.iter().find(|it| it.address.kind() == Kind::Detach).unwrap().clone();
    theirs.address = Address::new("444455556666", Kind::Detach, &["AmazonEKSNodeRole", "AmazonEKS_CNI_Policy"]);
    let Target::Attachment { account, .. } = &mut theirs.target else { panic!("{theirs:?}") };
    "444455556666".clone_into(account);
    of_two_accounts.changes.push(theirs);
    let by_own = "in each account only where its own clusters and their otherRegions are; name more regions";
    assert!(in_every_form(&of_two_accounts).is_some_and(|told| told.ends_with(by_own)));

    let mut unasked = plan();
    unasked.header.clusters.iter_mut().for_each(|planned| planned.asked.neighbours = false);
    assert_eq!(in_every_form(&unasked), None);
    let kept = format!("{ACCOUNT}/detach/AmazonEKSNodeRole/AmazonEKS_CNI_Policy");
    let detached = World::new("one.yaml").with_ipv4("blue", "cni-blue").found(&kept, None).planned();
    assert!(detached.safety.is_safe() && !detached.counts().is_empty());
    assert_eq!(in_every_form(&detached), None);
}

/// Only what a spec can accept: an account is none of its clusters.
#[test]
fn how_a_warning_is_accepted_is_told_once_where_one_is_open() {
    let warning = |scope: &str, severity, accepted: Option<&str>| Finding {
        severity,
        code: "windows-nodes".to_owned(),
        address: Address::new(scope, Kind::Cluster, &[]),
        message: "m".to_owned(),
        cure: "c".to_owned(),
        accepted: accepted.map(str::to_owned),
    };
    let told = |findings: Vec<Finding>| {
        let mut plan = World::new("ipv4.yaml").with_ipv4("my-cluster", ROLE).planned();
        plan.findings = findings;
        let times = [plan_text(&plan, &Style::plain()), plan_markdown(&plan)].map(|form| {
            let words = form.split_whitespace().collect::<Vec<_>>().join(" ");
            words.matches("The spec accepts a warning at its cluster: `accept: [{ code: CODE, reason: WHY }]`.").count()
        });
        assert_eq!(times[0], times[1]);
        times[0]
    };
    let open = || warning("my-cluster", Severity::Warn, None);
    assert_eq!(told(vec![open(), open()]), 1);
    assert_eq!(told(Vec::new()), 0);
    assert_eq!(told(vec![warning("my-cluster", Severity::Warn, Some("why"))]), 0);
    assert_eq!(told(vec![warning("my-cluster", Severity::Refuse, None)]), 0);
    assert_eq!(told(vec![warning(ACCOUNT, Severity::Warn, None)]), 0);
}

#[test]
fn that_everything_can_be_undone_is_told_where_it_is_so() {
    const TOLD: &str = "Everything can be undone.";
    let told = |plan: &ChangeSet| {
        let forms = [plan_text(plan, &Style::plain()), plan_markdown(plan), plan_html(plan)];
        let told = forms.map(|form| form.contains(TOLD));
        assert!(told[0] == told[1] && told[1] == told[2], "{told:?}");
        told[0]
    };
    let mut plan = World::new("ipv4.yaml").with_ipv4("my-cluster", ROLE).planned();
    assert!(told(&plan));
    let step = plan.changes.iter_mut().find(|change| change.is_effective()).unwrap();
    step.reversibility = Reversibility::Irreversible { why: "w".to_owned() };
    assert!(!told(&plan));
    let nothing = done(World::new("ipv4.yaml").with_ipv4("my-cluster", ROLE), "my-cluster", ROLE).planned();
    assert!(!told(&nothing));
    let refused = World::new("ipv4.yaml").with_ipv4("my-cluster", ROLE).found("my-cluster/oidc-provider", None);
    assert!(!told(&refused.planned()));
}

#[test]
fn what_was_lacking_before_is_told_and_counted() {
    let mut plan = World::new("ipv4.yaml").with_ipv4("my-cluster", ROLE).planned();
    let lacking = |number: usize| Exemption {
        cluster: format!("cluster-{number}"),
        identity: Endangered::OwnRole,
        lacks: plan.changes[0].address.clone(),
    };
    let exempt = (0..9).map(lacking).collect();
    plan.safety = SafetyVerdict::Safe { forward_states: 1234, back_states: 56_789, exempt };
    insta::assert_snapshot!("exempt", safety_text(&plan.safety, &Style::plain()));
}

#[test]
fn an_ipv6_cluster_whose_policy_is_made() {
    let plan = World::new("ipv6.yaml").with_ipv6("my-cluster", ROLE).planned();
    insta::assert_snapshot!("ipv6", plan_text(&plan, &Style::plain()));
}

#[test]
fn a_policy_that_lacks_actions_and_has_no_room_for_another_version() {
    let found = Resource::Policy(Policy {
        arn: format!("arn:aws:iam::{ACCOUNT}:policy/AmazonEKS_CNI_IPv6_Policy"),
        name: "AmazonEKS_CNI_IPv6_Policy".to_owned(),
        description: None,
        document: ipv6_document(&[]),
        history: Some(PolicyHistory {
            default_version: "v5".to_owned(),
            versions: ["v1", "v2", "v3", "v4", "v5"].map(str::to_owned).to_vec(),
        }),
    });
    let plan = World::new("ipv6.yaml")
        .with_ipv6("my-cluster", ROLE)
        .found(&format!("{ACCOUNT}/policy/AmazonEKS_CNI_IPv6_Policy"), Some(found))
        .planned();
    insta::assert_snapshot!("irreversible", plan_text(&plan, &Style::plain()));
    insta::assert_snapshot!("irreversible.md", plan_markdown(&plan));
}

#[test]
fn a_drifted_role_with_what_others_put_on_it() {
    let theirs = json!({"Sid": "Debug", "Effect": "Allow", "Action": "sts:AssumeRole",
        "Principal": {"AWS": format!("arn:aws:iam::{ACCOUNT}:role/oncall")}});
    let mut ours = trust_of_plugin();
    ours["Condition"]["StringEquals"].as_object_mut().unwrap().retain(|key, _| key.ends_with(":aud"));
    let found = Role {
        trust: document(&json!([theirs, ours])),
        description: Some("CNI".to_owned()),
        permissions_boundary: Some(format!("arn:aws:iam::{ACCOUNT}:policy/boundary")),
        tags: BTreeMap::from([("cost-center".to_owned(), "42".to_owned()), ("team".to_owned(), "network".to_owned())]),
        id: Some("AROAEXAMPLE1".to_owned()),
        ..plugin_role(ROLE)
    };
    let plan = done(World::new("ipv4.yaml").with_ipv4("my-cluster", ROLE), "my-cluster", ROLE)
        .found(&format!("my-cluster/role/{ROLE}"), Some(Resource::Role(found)))
        .planned();
    insta::assert_snapshot!("drifted", plan_text(&plan, &Style::plain()));
    insta::assert_snapshot!("drifted.md", plan_markdown(&plan));
}

#[test]
fn an_annotation_that_is_taken_over() {
    let former = service_account(Some((&role_arn("former"), "kubectl-annotate")));
    let carrying = PodIdentity::WebIdentity { role_arn: role_arn("former"), sts_regional: Some(true) };
    let world = World::new("ipv4.yaml").with_ipv4("my-cluster", ROLE);
    let plan = world
        .found("my-cluster/annotate/kube-system/aws-node", Some(former))
        .found("my-cluster/restart", Some(pods(carrying)))
        .planned();
    insta::assert_snapshot!("taken-over", plan_text(&plan, &Style::plain()));
    insta::assert_snapshot!("taken-over-narrow", plan_text(&plan, &Style { color: false, width: 60 }));
}

#[test]
fn two_clusters_that_share_a_node_role() {
    let world = World::new("two-clusters.yaml").with_ipv4("blue", "cni-blue").with_ipv4("green", "cni-green");
    let plan = done(world, "green", "cni-green")
        .found(
            &format!("{ACCOUNT}/detach/AmazonEKSNodeRole/AmazonEKS_CNI_Policy"),
            Some(attachment("AmazonEKSNodeRole", "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy").1),
        )
        .planned();
    insta::assert_snapshot!("shared", plan_text(&plan, &Style::plain()));
    insta::assert_snapshot!("shared.md", plan_markdown(&plan));
}

#[test]
fn many_actions_are_counted() {
    let keys = ["a", "b", "c", "d"];
    let world = keys.iter().fold(World::new("fleet.yaml"), |world, key| world.with_ipv4(key, ROLE));
    let plan = world.planned();
    let text = plan_text(&plan, &Style::plain());
    assert!(text.ends_with(&format!("\n\n{}", totals_text(&plan, &Style::plain()))));
    let end: Vec<&str> = text.lines().rev().take(2).collect();
    assert_eq!(
        end,
        [
            "Actions to run: 4 probes, 4 restarts, 4 verifications and 4 confirmations.",
            "Plan: 8 to add, 4 to change, 1 to destroy. Everything can be undone."
        ]
    );
}

#[test]
fn nothing_to_do() {
    let plan = done(World::new("ipv4.yaml").with_ipv4("my-cluster", ROLE), "my-cluster", ROLE).planned();
    insta::assert_snapshot!("nothing", plan_text(&plan, &Style::plain()));
    insta::assert_snapshot!("nothing.md", plan_markdown(&plan));
}

#[test]
fn a_plan_that_is_refused() {
    let plan = World::new("ipv4.yaml")
        .with_ipv4("my-cluster", ROLE)
        .found("my-cluster/oidc-provider", None)
        .found(
            "my-cluster/annotate/kube-system/aws-node",
            Some(service_account(Some((&role_arn("gitops"), "helm-controller")))),
        )
        .planned();
    insta::assert_snapshot!("refused", plan_text(&plan, &Style::plain()));
    insta::assert_snapshot!("refused.md", plan_markdown(&plan));
}

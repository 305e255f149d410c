//! A plan as commands: every step is told, and what is done is typed in order.

use cni_plan_core::{Action, AddonRole, Annotation, Association, AssumeRole, ChangeSet, Resource, annotation_keys};

use super::fixture::World;
use crate::{NoScript, commands_script, eksctl_config, terraform_config};

#[test]
fn what_is_done_is_typed_in_an_order_in_which_it_can_be_done() {
    let script = commands_script(&World::new("spec.yaml").with_ipv4("my-cluster", "Plugin").planned()).unwrap();
    let at = |text: &str| script.find(text).unwrap_or_else(|| panic!("no {text} in\n{script}"));
    let order = [
        "test \"$(aws sts get-caller-identity --query Account --output text)\" = 111122223333 || {",
        "aws iam create-role --role-name Plugin",
        "aws iam attach-role-policy --role-name Plugin",
        "kubectl --context my-cluster annotate serviceaccount",
        "kubectl --context my-cluster delete pods --namespace kube-system --selector k8s-app=aws-node",
        "kubectl --context my-cluster rollout status --namespace kube-system daemonset/aws-node",
        "pods=$(kubectl --context my-cluster get pods --namespace kube-system --output 'jsonpath=",
        "case $identity in arn:aws:iam::111122223333:role/Plugin) ;; *)",
        "aws iam detach-role-policy",
    ];
    let places: Vec<usize> = order.iter().map(|text| at(text)).collect();
    assert!(places.is_sorted(), "{script}");
    assert!(script.starts_with("#!/bin/sh\n") && script.contains("\nset -eu\n"), "{script}");
}

#[test]
fn clusters_of_one_name_are_reached_by_their_keys() {
    let mut plan =
        World::new("spec.yaml").with_ipv4("web@us-west-2", "West").with_ipv4("web@us-east-1", "East").planned();
    for planned in &mut plan.header.clusters {
        planned.facts.region = planned.cluster.key.split_once('@').unwrap().1.to_owned();
        planned.cluster.name = "web".to_owned();
    }
    let script = commands_script(&plan).unwrap();
    for (key, role) in [("web@us-west-2", "West"), ("web@us-east-1", "East")] {
        let region = key.split_once('@').unwrap().1;
        assert!(
            script.contains(&format!("update-kubeconfig --name web --alias {key} --region {region}\n")),
            "{script}"
        );
        let annotation = script.lines().find(|line| line.contains(" annotate ") && line.ends_with(role)).unwrap();
        assert!(annotation.starts_with(&format!("kubectl --context {key} ")), "{annotation}");
    }
    assert!(!script.contains("--context web "), "{script}");
}

#[test]
fn each_login_has_its_account_looked_at_and_an_assumed_role_is_no_login() {
    let mut plan = World::new("spec.yaml").with_ipv4("a", "A").with_ipv4("b", "B").planned();
    plan.header.clusters[1].cluster.profile = Some("pro d".to_owned());
    plan.header.clusters[1].facts.account = "222233334444".to_owned();
    let script = commands_script(&plan).unwrap();
    let first = script.find("aws iam ").unwrap();
    for guard in [
        "test \"$(aws sts get-caller-identity --query Account --output text)\" = 111122223333 || ",
        "test \"$(aws --profile 'pro d' sts get-caller-identity --query Account --output text)\" = 222233334444 || ",
    ] {
        assert!(script.find(guard).is_some_and(|at| at < first), "no {guard} in\n{script}");
    }
    let role_arn = "arn:aws:iam::222233334444:role/Deployer".to_owned();
    plan.header.clusters[1].cluster.assume_role = Some(AssumeRole { arn: role_arn.clone(), external_id: None });
    assert_eq!(commands_script(&plan), Err(NoScript::AssumesRole { cluster: "b".to_owned(), role_arn }));
}

#[test]
fn what_cannot_be_printed_as_it_is_is_not_exported_as_something_else() {
    let mut plan = World::new("spec.yaml").with_ipv4("my-cluster", "Plugin").planned();
    plan.header.clusters[0].cluster.profile = Some("pro\u{1b}d".to_owned());
    let Err(NoScript::NotPrintable { line, .. }) = commands_script(&plan) else { panic!("it is exported") };
    assert!(line.starts_with("aws --profile 'pro\\x1bd' iam "), "{line}");
}

/// What eksctl has no field for is told, not left out in silence.
#[test]
fn eksctl_is_told_to_make_a_role_without_path_and_description() {
    let mut plan = World::new("spec.yaml").with_ipv4("my-cluster", "Plugin").planned();
    let told = "# eksctl gives a role that it makes no path and no description";
    let config = eksctl_config(&plan);
    assert!(config.contains(told), "{config}");
    assert!(config.contains("#   path \"/\", description \"Amazon VPC CNI plugin\"\n"), "{config}");
    for change in &mut plan.changes {
        if let Some(Resource::Role(role)) = &mut change.after {
            role.description = None;
        }
    }
    assert!(!eksctl_config(&plan).contains(told));
}

#[test]
fn a_file_of_terraform_asks_the_account_and_the_cluster_that_it_is_of() {
    let mut plan = World::new("spec.yaml").with_ipv4("a", "A").with_ipv6("b", "B").planned();
    let planned = &mut plan.header.clusters[1];
    planned.cluster.profile = Some("prod".to_owned());
    planned.cluster.assume_role = Some(AssumeRole { arn: "arn:aws:iam::1:role/D".to_owned(), external_id: None });
    let file = terraform_config(&plan, "b");
    for part in [
        "  region              = \"us-west-2\"\n  allowed_account_ids = [\"111122223333\"]\n  profile             = \"prod\"\n",
        "  assume_role {\n    role_arn = \"arn:aws:iam::1:role/D\"\n  }\n",
        "  config_context = \"b\"\n",
        "resource \"aws_iam_policy\" \"cni_111122223333-AmazonEKS_5f_CNI_5f_IPv6_5f_Policy\" {\n",
    ] {
        assert!(file.contains(part), "no {part} in\n{file}");
    }
    assert!(!file.contains("cni_a"), "{file}");
    let providers = |kind: &str| file.matches(&format!("provider \"{kind}\" {{")).count();
    assert_eq!((providers("aws"), providers("kubernetes")), (1, 1));
}

/// The world's plan, each of whose resources is to be as `change` makes it.
fn plan_with(world: World, change: impl Fn(&mut Resource)) -> ChangeSet {
    let mut plan = world.planned();
    plan.changes.iter_mut().filter_map(|step| step.after.as_mut()).for_each(change);
    plan
}

fn ipv4() -> World {
    World::new("spec.yaml").with_ipv4("my-cluster", "Plugin")
}

/// As after an apply: everything is there, and nothing is left to do.
fn applied(mut plan: ChangeSet) -> ChangeSet {
    for step in &mut plan.changes {
        step.before.clone_from(&step.after);
        step.action = Action::None;
    }
    plan
}

#[test]
fn terraform_takes_over_what_is_there_as_it_is() {
    let plan =
        applied(plan_with(World::new("spec.yaml").with_ipv6("my-cluster", "Plugin"), |resource| match resource {
            Resource::Policy(policy) => policy.description = Some("of the plugin".to_owned()),
            Resource::Role(role) => {
                for (key, value) in [("aws:cloudformation:stack-name", "nodes"), ("team", "platform")] {
                    role.tags.insert(key.to_owned(), value.to_owned());
                }
            }
            _ => {}
        }));
    let file = terraform_config(&plan, "my-cluster");
    let policy = "cni_111122223333-AmazonEKS_5f_CNI_5f_IPv6_5f_Policy";
    for part in [
        "  description = \"of the plugin\"\n  lifecycle {\n    ignore_changes = [tags, tags_all]\n  }\n".to_owned(),
        "    \"team\" = \"platform\"\n".to_owned(),
        "  lifecycle {\n    ignore_changes = [max_session_duration]\n  }\n".to_owned(),
        format!("  policy_arn = aws_iam_policy.{policy}.arn\n"),
        "  depends_on = [aws_iam_role_policy_attachment.cni_my-cluster]\n".to_owned(),
        "      source = \"hashicorp/kubernetes\"\n".to_owned(),
    ] {
        assert!(file.contains(&part), "no {part} in\n{file}");
    }
    assert!(!file.contains("aws:cloudformation"), "nobody may set it:\n{file}");
    assert_eq!(file.matches("\nimport {\n").count(), 3, "policy, role, attachment:\n{file}");
}

#[test]
fn a_policys_path_is_kept_and_what_is_not_there_has_nothing_to_be_kept() {
    let plan = plan_with(World::new("spec.yaml").with_ipv6("my-cluster", "Plugin"), |resource| {
        if let Resource::Policy(policy) = resource {
            policy.arn = policy.arn.replace(":policy/", ":policy/team/");
        }
    });
    let file = terraform_config(&plan, "my-cluster");
    assert!(file.contains("  path   = \"/team/\"\n"), "{file}");
    assert!(!file.contains("lifecycle") && !file.contains("import {"), "{file}");
}

#[test]
fn eksctl_updates_an_association_that_is_there_with_nothing_but_its_role() {
    let by_association = |resource: &mut Resource| match resource {
        Resource::ServiceAccount(account) => account.association = Some(Association::of_a_plan("arn:x")),
        Resource::Role(role) => role.description = None,
        _ => {}
    };
    let mut plan = plan_with(ipv4(), by_association);
    let config = eksctl_config(&plan);
    assert!(config.contains("# eksctl create podidentityassociation --config-file FILE\n"), "{config}");
    assert!(config.contains("      permissionPolicyARNs:\n"), "{config}");
    plan.header.clusters[0].facts.association = Some("a-1".to_owned());
    let config = eksctl_config(&plan);
    assert!(config.contains("# eksctl update podidentityassociation --config-file FILE\n"), "{config}");
    assert!(config.contains("# The role is not there, and `update` makes none. Apply the plan first.\n"), "{config}");
    assert!(config.ends_with(
        "      serviceAccountName: \"aws-node\"\n      roleARN: \"arn:aws:iam::111122223333:role/Plugin\"\n"
    ));
}

#[test]
fn eksctl_makes_the_role_of_an_addon_before_the_addon_gets_it() {
    let mut plan = plan_with(ipv4(), |resource| {
        if let Resource::ServiceAccount(account) = resource {
            account.addon = Some(AddonRole { role_arn: None });
        }
    });
    let made = "# eksctl create iamserviceaccount --config-file FILE --override-existing-serviceaccounts --approve\n\
                # eksctl update addon --config-file FILE\n";
    let config = eksctl_config(&plan);
    assert!(config.contains(made) && config.contains("      roleOnly: true\naddons:\n"), "{config}");
    plan = applied(plan);
    let config = eksctl_config(&plan);
    assert!(!config.contains("iamserviceaccount") && !config.contains("roleOnly"), "{config}");
}

#[test]
fn what_eksctl_does_not_do_of_the_plan_is_told() {
    let plan = plan_with(World::new("spec.yaml").with_ipv6("my-cluster", "Plugin"), |resource| {
        if let Resource::ServiceAccount(account) = resource {
            let regional = Annotation { value: "true".to_owned(), manager: None };
            account.annotations.insert(annotation_keys::STS_REGIONAL_ENDPOINTS.to_owned(), regional);
        }
    });
    let config = eksctl_config(&plan);
    assert!(config.contains("#   aws iam create-policy --policy-name AmazonEKS_CNI_IPv6_Policy --policy-document "));
    assert!(
        config.contains("        annotations:\n          \"eks.amazonaws.com/sts-regional-endpoints\": \"true\"\n"),
        "{config}"
    );
    let pending = "# eksctl takes the role as it is, and the plan still changes it. Apply the plan first.\n";
    assert!(!config.contains(pending), "it makes the role:\n{config}");
    let mut plan = applied(plan);
    assert!(!eksctl_config(&plan).contains(pending));
    let role = plan.changes.iter_mut().find(|step| matches!(step.after, Some(Resource::Role(_)))).unwrap();
    role.action = Action::Update;
    assert!(eksctl_config(&plan).contains(pending));
}

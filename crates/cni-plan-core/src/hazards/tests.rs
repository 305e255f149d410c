//! Each hazard with the evidence that brings it about, and a neighbour of it that is harmless.

mod roles;
mod trust;

use std::collections::{BTreeMap, HashMap};

use serde_json::json;

use super::*;
use crate::fixture::{
    ACCOUNT, addresses, finished, fresh, graph, graph_with_addon, of_addon, planned_cluster, role, role_arn,
    service_account,
};
use crate::{
    Address, Association, DependencyGraph, FORMAT_VERSION, IpFamily, ManagedAddon, Node, Observation, OtherNode,
    Plugin, PodGroup, PodIdentity, Policy, PolicyDocument, Run, Target, Unread, Wanted, diff, settings,
};

/// A cluster and its plugin, to be made hazardous.
struct Scene {
    planned: PlannedCluster,
    world: HashMap<Address, Observation>,
    /// What the policy says that the plan puts on the role, where it is not Amazon's.
    policy: Option<PolicyDocument>,
    /// Whether pods are to get their role by a Pod Identity association.
    by_association: bool,
    /// What is on the roles besides.
    roles: Vec<RoleRecord>,
}

impl Scene {
    fn new(ip_family: IpFamily) -> Scene {
        let mut planned = planned_cluster("c");
        planned.facts.ip_family = ip_family;
        planned.facts.issuer = Some("issuer/c".to_owned());
        // What the fixture attaches is for IPv4.
        let policy = document(&["ec2:*"]).filter(|_| ip_family == IpFamily::Ipv6);
        Scene { planned, world: fresh(&["c"]), policy, by_association: false, roles: Vec::new() }
    }

    fn plugin(mut self, change: impl Fn(&mut Plugin)) -> Scene {
        self.pods(|pods| change(&mut pods.plugin));
        self
    }

    fn version(self, version: &str) -> Scene {
        self.plugin(|plugin| plugin.version = Some(version.to_owned()))
    }

    fn setting(self, name: &str, value: &str) -> Scene {
        self.plugin(|plugin| drop(plugin.settings.insert(name.to_owned(), value.to_owned())))
    }

    fn pods(&mut self, change: impl Fn(&mut Pods)) {
        let at = addresses("c");
        for address in [at.restart, at.verify] {
            if let Some(Observation::Present(Resource::Pods(pods))) = self.world.get_mut(&address) {
                change(pods);
            }
        }
    }

    /// With the plugin as an add-on in that state, and a role annotation of that value and owner.
    fn addon(mut self, status: &str, annotation: Option<(&str, &str)>) -> Scene {
        self.planned.facts.managed_addon =
            Some(ManagedAddon { version: "v1.20.4-eksbuild.1".to_owned(), status: status.to_owned() });
        let found = of_addon(service_account(annotation), None);
        self.world.insert(addresses("c").annotate, Observation::Present(found));
        self
    }

    /// The codes of what is found.
    fn codes(&self) -> Vec<String> {
        self.findings().into_iter().map(|finding| finding.code).collect()
    }

    fn findings(&self) -> Vec<Finding> {
        let is_managed = self.planned.facts.managed_addon.is_some();
        let mut graph = if is_managed { graph_with_addon("c") } else { graph(&["c"]) };
        if self.by_association {
            ask_for_association(&mut graph);
        }
        let mut world = self.world.clone();
        if let Some(document) = &self.policy {
            let address = Address::new(ACCOUNT, Kind::Policy, &["Own"]);
            let arn = format!("arn:aws:iam::{ACCOUNT}:policy/Own");
            let (name, document) = ("Own".to_owned(), document.clone());
            let policy = Policy { arn: arn.clone(), name, description: None, document, history: None };
            graph.entry(&address, || Node {
                address: address.clone(),
                target: Target::Policy { account: ACCOUNT.to_owned(), arn },
                wanted: Wanted::Present(Resource::Policy(policy)),
                clusters: vec!["c".to_owned()],
            });
            world.insert(address, Observation::Absent);
        }
        let header = Header {
            format_version: FORMAT_VERSION,
            tool_version: String::new(),
            spec: String::new(),
            spec_digest: String::new(),
            clusters: vec![self.planned.clone()],
            outside: Vec::new(),
            roles: self.roles.clone(),
        };
        hazards(&header, &diff(graph, world).unwrap().changes)
    }
}

fn ask_for_association(graph: &mut DependencyGraph<Node>) {
    let at = addresses("c");
    let Resource::ServiceAccount(account) = service_account(None) else { panic!("it is one") };
    let association = Some(Association::of_a_plan(&role_arn("c")));
    graph.get_mut(&at.annotate).unwrap().wanted =
        Wanted::Present(Resource::ServiceAccount(ServiceAccount { association, ..account }));
    for address in [at.restart, at.verify] {
        let wanted = &mut graph.get_mut(&address).unwrap().wanted;
        let Wanted::Run(Run::Restart { identity, .. } | Run::Verify { identity, .. }) = wanted else {
            panic!("it is a run on pods")
        };
        *identity = PodIdentity::associated(&role_arn("c"));
    }
}

const NONE: [&str; 0] = [];

#[test]
fn settings_for_the_other_family_are_found() {
    use IpFamily::{Ipv4, Ipv6};
    let scene = |family, name: &str, value: &str| Scene::new(family).setting(name, value).codes();
    assert_eq!(scene(Ipv4, settings::IPV6, "true"), ["family-at-odds"]);
    assert_eq!(scene(Ipv4, settings::IPV4, "false"), ["family-at-odds"]);
    assert_eq!(scene(Ipv6, settings::IPV6, "false"), ["family-at-odds"]);
    assert_eq!(scene(Ipv4, settings::IPV6, "false"), NONE);
    let both = Scene::new(Ipv4).setting(settings::IPV6, "true").setting(settings::IPV4, "true");
    assert_eq!(both.codes(), NONE, "what is on for the cluster's own family is enough");
}

#[test]
fn ipv6_needs_a_cluster_and_a_plugin_that_know_it() {
    assert_eq!(Scene::new(IpFamily::Ipv6).version("v1.10.0-eksbuild.3").codes(), ["plugin-too-old"]);
    assert_eq!(Scene::new(IpFamily::Ipv6).version("v1.10.1-eksbuild.1").codes(), NONE);
    assert_eq!(Scene::new(IpFamily::Ipv4).version("v1.9.0").codes(), NONE);
    let mut old = Scene::new(IpFamily::Ipv6).version("v1.20.0");
    old.planned.facts.version = "1.20".to_owned();
    assert_eq!(old.codes(), ["plugin-too-old"]);
}

#[test]
fn credentials_of_the_templates_own_are_named() {
    let scene = Scene::new(IpFamily::Ipv4).plugin(|it| it.own_credentials.extend(["AWS_ROLE_ARN".to_owned()]));
    assert_eq!(scene.findings()[0].message, "DaemonSet kube-system/aws-node sets AWS_ROLE_ARN");
    assert_eq!(scene.codes(), ["own-credentials"]);
}

fn document(actions: &[&str]) -> Option<PolicyDocument> {
    let [calls, tags] = [
        json!({"Effect": "Allow", "Action": actions, "Resource": "*"}),
        json!({"Effect": "Allow", "Action": "ec2:CreateTags", "Resource": "arn:aws:ec2:*:*:network-interface/*"}),
    ];
    Some(PolicyDocument::try_from(json!({"Version": "2012-10-17", "Statement": [calls, tags]})).unwrap())
}

#[test]
fn a_policy_that_the_plugin_has_outgrown_names_what_it_lacks() {
    let documented = [
        "ec2:AssignIpv6Addresses",
        "ec2:DescribeInstances",
        "ec2:DescribeTags",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeInstanceTypes",
    ];
    let scene = |version: &str, actions: &[&str]| {
        let scene = Scene { policy: document(actions), ..Scene::new(IpFamily::Ipv6) };
        scene.version(version).setting(settings::IPV6, "true")
    };
    let outgrown = scene("v1.22.1-eksbuild.1", &documented);
    assert_eq!(outgrown.codes(), ["policy-too-small"]);
    let message = &outgrown.findings()[0].message;
    assert!(message.starts_with("the plugin, v1.22.1-eksbuild.1, needs more than policy Own allows: "), "{message}");
    assert!(message.contains("ec2:DescribeSubnets is allowed by no policy"), "{message}");
    assert_eq!(scene("v1.15.0", &documented).codes(), NONE, "it was enough then");
    let current: Vec<&str> =
        documented.into_iter().chain(["ec2:DescribeSubnets", "ec2:DescribeSecurityGroups"]).collect();
    assert_eq!(scene("v1.22.1-eksbuild.1", &current).codes(), NONE);
}

#[test]
fn nodes_that_the_plugin_does_not_run_on_are_told() {
    let scene = |node| {
        let mut scene = Scene::new(IpFamily::Ipv4);
        scene.pods(|pods| pods.other_nodes.extend([node]));
        scene.codes()
    };
    assert_eq!(scene(OtherNode::Windows), ["windows-nodes"]);
    assert_eq!(scene(OtherNode::Auto), ["other-nodes"]);
}

#[test]
fn an_addon_is_given_a_role_only_where_eks_would_write_it() {
    let own = role_arn("c");
    let codes = |status, annotation| Scene::new(IpFamily::Ipv4).addon(status, annotation).codes();
    assert_eq!(codes("ACTIVE", None), NONE);
    assert_eq!(codes("UPDATING", None), ["addon-busy"]);
    assert_eq!(codes("UPDATE_FAILED", None), ["addon-unhealthy"]);
    assert_eq!(codes("ACTIVE", Some((&own, "kubectl-annotate"))), ["addon-merely-annotated"]);
    assert_eq!(codes("ACTIVE", Some(("arn:other", "kubectl-annotate"))), ["addon-annotation-of-others"]);
    assert_eq!(codes("ACTIVE", Some(("arn:other", "eks"))), NONE, "EKS replaces its own");
}

#[test]
fn an_association_is_taken_away_only_where_a_plan_has_made_it() {
    let found = |association: Association| {
        let mut scene = Scene::new(IpFamily::Ipv4);
        let Resource::ServiceAccount(account) = service_account(None) else { panic!("it is one") };
        let account = ServiceAccount { association: Some(association), ..account };
        scene.world.insert(addresses("c").annotate, Observation::Present(Resource::ServiceAccount(account)));
        scene.codes()
    };
    let ours = Association::of_a_plan("arn:own");
    assert_eq!(found(ours.clone()), ["pod-identity-session"]);
    let special = Association { besides: vec!["targetRoleArn".to_owned()], ..ours.clone() };
    assert_eq!(found(special), ["pod-identity-association"]);
    assert_eq!(found(Association { tags: BTreeMap::new(), ..ours.clone() }), ["pod-identity-association"]);
    assert_eq!(found(Association { owner_arn: Some("arn:addon".to_owned()), ..ours }), ["pod-identity-association"]);
}

#[test]
fn that_sessions_outlive_an_association_s_role_is_told_where_pods_have_one() {
    let found = |role_arn: &str, carried: PodIdentity| {
        let mut scene = Scene::new(IpFamily::Ipv4).version("v1.20.0");
        scene.by_association = true;
        scene.planned.facts.pod_identity_agent =
            Some(ManagedAddon { version: "v1".to_owned(), status: "ACTIVE".to_owned() });
        let Resource::ServiceAccount(account) = service_account(None) else { panic!("it is one") };
        let account = ServiceAccount { association: Some(Association::of_a_plan(role_arn)), ..account };
        scene.world.insert(addresses("c").annotate, Observation::Present(Resource::ServiceAccount(account)));
        scene.pods(|pods| pods.carrying = vec![PodGroup { identity: carried.clone(), pods: 1 }]);
        scene.codes()
    };
    assert_eq!(found("arn:another", PodIdentity::associated("arn:another")), ["pod-identity-session"]);
    assert_eq!(found("arn:another", PodIdentity::UNKNOWN_ROLE), ["pod-identity-session"]);
    assert_eq!(found(&role_arn("c"), PodIdentity::associated(&role_arn("c"))), NONE);
    assert_eq!(found("arn:another", PodIdentity::NodeRole), NONE, "no pod has come by it");
}

#[test]
fn an_addon_is_not_given_its_first_role_in_the_step_that_takes_its_association() {
    let mut scene = Scene::new(IpFamily::Ipv4).addon("ACTIVE", None);
    let Some(Observation::Present(Resource::ServiceAccount(account))) = scene.world.get_mut(&addresses("c").annotate)
    else {
        panic!("it is there")
    };
    account.association = Some(Association::of_a_plan("arn:own"));
    assert_eq!(scene.codes(), ["addon-with-association", "pod-identity-session"]);
}

#[test]
fn an_association_needs_an_agent_and_a_plugin_that_asks_it() {
    let scene = |agent: Option<&str>, version: &str| {
        let mut scene = Scene::new(IpFamily::Ipv4).version(version);
        scene.by_association = true;
        scene.planned.facts.pod_identity_agent =
            agent.map(|status| ManagedAddon { version: "v1".to_owned(), status: status.to_owned() });
        scene
    };
    assert_eq!(scene(Some("ACTIVE"), "v1.15.5-eksbuild.1").codes(), NONE);
    assert_eq!(scene(None, "v1.15.5").codes(), ["pod-identity-agent"]);
    assert_eq!(scene(Some("DEGRADED"), "v1.15.5").codes(), ["pod-identity-agent"]);
    assert_eq!(scene(Some("ACTIVE"), "v1.15.4-eksbuild.2").codes(), ["plugin-without-pod-identity"]);
    let mut private = scene(Some("ACTIVE"), "v1.20.0");
    private.planned.facts.is_private = true;
    assert_eq!(private.codes(), ["private-cluster-with-agent"]);
}

#[test]
fn a_private_endpoint_is_a_hazard_of_web_identity() {
    let mut scene = Scene::new(IpFamily::Ipv4);
    scene.planned.facts.is_private = true;
    assert_eq!(scene.codes(), ["private-cluster"]);
}

#[test]
fn other_pods_on_their_nodes_network_are_told_where_a_node_role_loses_something() {
    let with = |names: &[&str]| {
        let mut scene = Scene::new(IpFamily::Ipv4);
        scene.pods(|pods| pods.on_host_network = names.iter().map(|name| (*name).to_owned()).collect());
        scene
    };
    assert_eq!(with(&["kube-system/eks-pod-identity-agent", "kube-system/kube-proxy"]).codes(), [""; 0]);
    let many = with(&["a/1", "a/2", "a/3", "a/4", "a/5", "a/6", "kube-system/kube-proxy"]);
    assert_eq!(many.codes(), ["host-network"]);
    let message = &many.findings()[0].message;
    assert!(message.starts_with("pods of a/1, a/2, a/3, a/4, a/5 and 1 more are on their nodes'"), "{message}");
    let mut keeps = with(&["a/1"]);
    keeps.world = finished(&["c"]);
    assert_eq!(keeps.codes(), [""; 0], "the policy is off already");
}

#[test]
fn what_of_the_cluster_could_not_be_read_is_told() {
    let mut scene = Scene::new(IpFamily::Ipv4);
    let text = |text: &str| text.to_owned();
    scene.pods(|pods| pods.unread = vec![Unread { what: text("others"), why: text("no"), cure: text("grant it") }]);
    let told = scene.findings();
    assert_eq!(scene.codes(), ["not-read"]);
    assert_eq!((told[0].message.as_str(), told[0].cure.as_str()), ("others could not be read: no", "grant it"));
}

//! Change sets to render, made as the command makes them: a graph of what is wanted, what was
//! observed, and core's diff of the two. The wanted side is a small compiler of the procedure's
//! steps; it is written out here so that render depends on core alone.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use cni_plan_core::{
    Address, Annotation, Attachment, ChangeSet, ClusterFacts, ClusterRef, DependencyGraph, FORMAT_VERSION, FactsWanted,
    Header, IpFamily, Kind, MaxUnavailable, Node, NodeRole, Observation, OidcProvider, PlannedCluster, Plugin,
    PodGroup, PodIdentity, Pods, Policy, PolicyDocument, Resource, Role, Run, ServiceAccount, Target, Wanted,
    annotation_keys, diff, prove,
};
use serde_json::{Value, json};

pub(super) const ACCOUNT: &str = "111122223333";
pub(super) const NODE_ROLE: &str = "AmazonEKSNodeRole";
const ISSUER: &str = "oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE";
const IPV4_POLICY: &str = "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy";

/// A spec and the world it meets.
pub(super) struct World {
    pub(super) spec: String,
    pub(super) clusters: Vec<PlannedCluster>,
    pub(super) graph: DependencyGraph<Node>,
    pub(super) observed: HashMap<Address, Observation>,
}

impl World {
    pub(super) fn new(spec: &str) -> World {
        World {
            spec: spec.to_owned(),
            clusters: Vec::new(),
            graph: DependencyGraph::default(),
            observed: HashMap::new(),
        }
    }

    /// An IPv4 cluster whose plugin still uses the node role, with a role of its own to come.
    pub(super) fn with_ipv4(mut self, key: &str, role: &str) -> World {
        self.clusters.push(planned(key, IpFamily::Ipv4));
        self.cluster_steps(key, role, IPV4_POLICY, None);
        self
    }

    /// An IPv6 cluster in the same state; its policy has to be made.
    pub(super) fn with_ipv6(mut self, key: &str, role: &str) -> World {
        self.clusters.push(planned(key, IpFamily::Ipv6));
        let arn = format!("arn:aws:iam::{ACCOUNT}:policy/AmazonEKS_CNI_IPv6_Policy");
        let policy = Address::new(ACCOUNT, Kind::Policy, &["AmazonEKS_CNI_IPv6_Policy"]);
        let wanted = Resource::Policy(Policy {
            arn: arn.clone(),
            name: "AmazonEKS_CNI_IPv6_Policy".to_owned(),
            description: None,
            document: ipv6_document(&["ec2:DescribeSubnets", "ec2:DescribeSecurityGroups"]),
            history: None,
        });
        let target = Target::Policy { account: ACCOUNT.to_owned(), arn: arn.clone() };
        self.node(key, &policy, target, Wanted::Present(wanted));
        self.cluster_steps(key, role, &arn, Some(&policy));
        self
    }

    /// Says what was found at an address.
    pub(super) fn found(mut self, address: &str, resource: Option<Resource>) -> World {
        let observation = resource.map_or(Observation::Absent, Observation::Present);
        self.observed.insert(self::address(address), observation);
        self
    }

    /// The plan of what is wanted for what is found.
    pub(super) fn planned(self) -> ChangeSet {
        let diff = diff(self.graph.clone(), self.observed.clone()).unwrap();
        let header = Header {
            format_version: FORMAT_VERSION,
            tool_version: "0.1.0".to_owned(),
            spec: self.spec,
            spec_digest: "sha256:0f5b".to_owned(),
            clusters: self.clusters,
            outside: Vec::new(),
            roles: Vec::new(),
        };
        let safety = prove(&diff.changes);
        ChangeSet { header, findings: diff.findings, safety, changes: diff.changes }
    }

    fn node(&mut self, key: &str, address: &Address, target: Target, wanted: Wanted) {
        let make = || Node { address: address.clone(), target, wanted, clusters: Vec::new() };
        self.graph.entry(address, make).clusters.push(key.to_owned());
        self.observed.entry(address.clone()).or_insert(Observation::Absent);
    }

    fn cluster_steps(&mut self, key: &str, role_name: &str, policy_arn: &str, policy: Option<&Address>) {
        let at = |kind, names: &[&str]| Address::new(key, kind, names);
        let account = || ACCOUNT.to_owned();
        let policy_name = policy_arn.rsplit('/').next().unwrap();

        let oidc = at(Kind::OidcProvider, &[]);
        let provider = oidc_provider();
        let target = Target::OidcProvider { account: account(), arn: oidc_arn() };
        self.node(key, &oidc, target, Wanted::Referred(provider.clone()));
        self.observed.insert(oidc.clone(), Observation::Present(provider));

        let role = at(Kind::Role, &[role_name]);
        let target = Target::Role { account: account(), name: role_name.to_owned() };
        self.node(key, &role, target, Wanted::Present(Resource::Role(plugin_role(role_name))));
        self.graph.depend(&role, &oidc);

        let attach = at(Kind::Attach, &[role_name, policy_name]);
        let (target, attachment) = attachment(role_name, policy_arn);
        self.node(key, &attach, target, Wanted::Present(attachment));
        self.graph.depend(&attach, &role);
        if let Some(policy) = policy {
            self.graph.depend(&attach, policy);
        }

        let annotate = at(Kind::Annotate, &["kube-system", "aws-node"]);
        let target = Target::ServiceAccount {
            cluster: key.to_owned(),
            namespace: "kube-system".to_owned(),
            name: "aws-node".to_owned(),
            addon: false,
            association: false,
        };
        let wanted = service_account(Some((&role_arn(role_name), "cni-plan")));
        self.node(key, &annotate, target, Wanted::Present(wanted));
        let probe = at(Kind::Probe, &[]);
        self.observed.insert(annotate.clone(), Observation::Present(service_account(None)));

        let [restart, verify] = [Kind::Restart, Kind::Verify].map(|kind| at(kind, &[]));
        let identity = PodIdentity::WebIdentity { role_arn: role_arn(role_name), sts_regional: Some(true) };
        let timeout = Duration::from_secs(300);
        let restarting = Run::Restart {
            identity: identity.clone(),
            canary: 1,
            max_unavailable: MaxUnavailable::Percent(10),
            timeout,
        };
        let region = "us-west-2".to_owned();
        let probing = Run::Probe { identity: identity.clone(), ip_family: IpFamily::Ipv4, region };
        let verifying = Run::Verify { identity: identity.clone(), timeout, soak: Duration::ZERO };
        for (address, run, on) in
            [(&probe, probing, &attach), (&restart, restarting, &annotate), (&verify, verifying, &restart)]
        {
            let target = Target::Pods {
                cluster: key.to_owned(),
                namespace: "kube-system".to_owned(),
                service_account: "aws-node".to_owned(),
                association: false,
            };
            self.node(key, address, target, Wanted::Run(run));
            self.graph.depend(address, on);
            self.observed.insert(address.clone(), Observation::Present(pods(PodIdentity::NodeRole)));
        }
        self.graph.depend(&annotate, &probe);

        let detach = Address::new(ACCOUNT, Kind::Detach, &[NODE_ROLE, policy_name]);
        let (target, attachment) = self::attachment(NODE_ROLE, policy_arn);
        self.node(key, &detach, target, Wanted::Absent);
        self.graph.depend(&detach, &verify);

        let confirm = at(Kind::Confirm, &[]);
        let confirming = Run::Confirm { identity, timeout, soak: Duration::from_secs(600) };
        let target = Target::Pods {
            cluster: key.to_owned(),
            namespace: "kube-system".to_owned(),
            service_account: "aws-node".to_owned(),
            association: false,
        };
        self.node(key, &confirm, target, Wanted::Run(confirming));
        self.graph.depend(&confirm, &detach);
        self.observed.insert(confirm, Observation::Present(pods(PodIdentity::NodeRole)));
        self.observed.insert(detach, Observation::Present(attachment));
    }
}

pub(super) fn address(text: &str) -> Address {
    Address::try_from(text.to_owned()).unwrap()
}

pub(super) fn role_arn(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:role/{name}")
}

fn oidc_arn() -> String {
    format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}")
}

pub(super) fn planned(key: &str, ip_family: IpFamily) -> PlannedCluster {
    PlannedCluster {
        cluster: ClusterRef {
            key: key.to_owned(),
            name: key.to_owned(),
            region: Some("us-west-2".to_owned()),
            account: None,
            profile: None,
            assume_role: None,
            kubernetes: None,
        },
        asked: FactsWanted { node_roles: true, addon: true, neighbours: true, ..FactsWanted::default() },
        facts: ClusterFacts {
            account: ACCOUNT.to_owned(),
            partition: "aws".to_owned(),
            region: "us-west-2".to_owned(),
            ip_family,
            issuer: Some(ISSUER.to_owned()),
            version: "1.33".to_owned(),
            managed_addon: None,
            pod_identity_agent: None,
            node_roles: vec![NodeRole {
                name: NODE_ROLE.to_owned(),
                found_in: vec!["nodegroup spot".to_owned(), "nodegroup workers".to_owned()],
            }],
            association: None,
            is_private: false,
            unread: Vec::new(),
            uses_aws_auth: true,
            endpoint: None,
            certificate_authority: None,
        },
    }
}

pub(super) fn document(statements: &Value) -> PolicyDocument {
    PolicyDocument::try_from(json!({"Version": "2012-10-17", "Statement": statements})).unwrap()
}

pub(super) fn trust_of_plugin() -> Value {
    json!({
        "Effect": "Allow",
        "Principal": {"Federated": oidc_arn()},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {
            format!("{ISSUER}:aud"): "sts.amazonaws.com",
            format!("{ISSUER}:sub"): "system:serviceaccount:kube-system:aws-node",
        }},
    })
}

pub(super) fn plugin_role(name: &str) -> Role {
    Role {
        name: name.to_owned(),
        path: "/".to_owned(),
        trust: document(&json!([trust_of_plugin()])),
        description: Some("Amazon VPC CNI plugin".to_owned()),
        permissions_boundary: None,
        tags: BTreeMap::from([("team".to_owned(), "platform".to_owned())]),
        id: None,
    }
}

pub(super) fn oidc_provider() -> Resource {
    Resource::OidcProvider(OidcProvider {
        url: ISSUER.to_owned(),
        client_ids: BTreeSet::from(["sts.amazonaws.com".to_owned()]),
    })
}

pub(super) fn attachment(role: &str, policy_arn: &str) -> (Target, Resource) {
    let target =
        Target::Attachment { account: ACCOUNT.to_owned(), role: role.to_owned(), policy_arn: policy_arn.to_owned() };
    (target, Resource::Attachment(Attachment { role: role.to_owned(), policy_arn: policy_arn.to_owned() }))
}

/// The plugin's service account, with the role of that ARN set by that field manager.
pub(super) fn service_account(role: Option<(&str, &str)>) -> Resource {
    let annotations = role.map(|(arn, manager)| {
        let annotation = Annotation { value: arn.to_owned(), manager: Some(manager.to_owned()) };
        (annotation_keys::ROLE_ARN.to_owned(), annotation)
    });
    Resource::ServiceAccount(ServiceAccount::annotated("kube-system", "aws-node", annotations.into_iter().collect()))
}

/// Three pods of this identity.
pub(super) fn pods(identity: PodIdentity) -> Resource {
    Resource::Pods(Pods {
        namespace: "kube-system".to_owned(),
        daemon_set: "aws-node".to_owned(),
        carrying: vec![PodGroup { identity, pods: 3 }],
        not_ready: 0,
        plugin: Plugin::default(),
        other_nodes: BTreeSet::new(),
        on_host_network: BTreeSet::new(),
        unread: Vec::new(),
    })
}

pub(super) fn ipv6_document(besides: &[&str]) -> PolicyDocument {
    let mut actions = vec![
        "ec2:AssignIpv6Addresses",
        "ec2:DescribeInstances",
        "ec2:DescribeTags",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeInstanceTypes",
    ];
    actions.extend(besides);
    document(&json!([
        {"Effect": "Allow", "Action": actions, "Resource": "*"},
        {"Effect": "Allow", "Action": ["ec2:CreateTags"], "Resource": ["arn:aws:ec2:*:*:network-interface/*"]},
    ]))
}

/// The plan's page, by the digest that its document has.
pub(super) fn plan_html(plan: &ChangeSet) -> String {
    crate::plan_html(plan, &plan.digest())
}

/// The same in Markdown.
pub(super) fn plan_markdown(plan: &ChangeSet) -> String {
    crate::plan_markdown(plan, &plan.digest())
}

/// The same in at most so many bytes.
pub(super) fn plan_markdown_within(plan: &ChangeSet, limit: usize) -> String {
    crate::plan_markdown_within(plan, &plan.digest(), limit)
}

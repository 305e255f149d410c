//! The hazards of clusters as they are, each in a world that holds it and in a neighbour that is harmless:
//! the plan of the one is told, that of the other is told nothing. `docs/findings.md` shows the table.

use cni_plan_sandbox::{AddonSeed, ClusterSeed, EndpointAccess, IpFamily, NodeKind, NodesSeed};
use cni_plan_tests::rehearsal::{MY_CLUSTER, Rehearsal};
use cni_plan_tests::wire::FOREIGN_TRUST;

use crate::findings::{code_in, severity};

const SPEC: &str = MY_CLUSTER;
const ROLE_ARN: &str = "eks.amazonaws.com/role-arn";
const PLUGIN_ROLE: &str = "arn:aws:iam::111122223333:role/AmazonEKSVPCCNIRole-my-cluster";

/// One row.
pub(crate) struct Hazard {
    /// What goes wrong, in a few words.
    pub(crate) what: &'static str,
    pub(crate) code: &'static str,
    pub(crate) held_by: World,
    pub(crate) harmless: World,
}

/// A cluster and what is asked for it.
pub(crate) struct World {
    pub(crate) what: &'static str,
    make: Make,
    /// Keys of the cluster in the spec, indented.
    keys: &'static str,
}

enum Make {
    Scenario(&'static str),
    By(fn() -> Rehearsal),
}

const fn scenario(what: &'static str, name: &'static str) -> World {
    World { what, make: Make::Scenario(name), keys: "" }
}

const fn world(what: &'static str, make: fn() -> Rehearsal) -> World {
    asked(what, make, "")
}

const fn asked(what: &'static str, make: fn() -> Rehearsal, keys: &'static str) -> World {
    World { what, make: Make::By(make), keys }
}

const BY_ASSOCIATION: &str = "    identity: pod-identity\n";

pub(crate) const HAZARDS: &[Hazard] = &[
    Hazard {
        what: "A policy too small for the plugin's version",
        code: "policy-too-small",
        held_by: asked(
            "the older IPv6 policy, kept by the spec, and plugin v1.22.1",
            || Rehearsal::of_scenario("small-policy"),
            "    policy: { arn: \"arn:aws:iam::111122223333:policy/AmazonEKS_CNI_IPv6_Policy\" }\n",
        ),
        harmless: scenario("the same with the current list in its place", "small-policy"),
    },
    Hazard {
        what: "A boundary too small for the plugin",
        code: "boundary-too-small",
        held_by: scenario("the role's boundary leaves out what the plugin needs", "small-boundary"),
        harmless: scenario("a boundary and policies besides that leave it in", "policies-besides"),
    },
    Hazard {
        what: "A Deny on the plugin's role",
        code: "need-denied",
        held_by: scenario("another policy of the role denies what the plugin needs", "denied"),
        harmless: scenario("another policy of the role denies something else", "policies-besides"),
    },
    Hazard {
        what: "A node role that keeps the permissions by another policy",
        code: "node-role-keeps-permissions",
        held_by: scenario("an inline copy of the policy on the node role", "inline-copy"),
        harmless: scenario("other policies on the node role", "policies-besides"),
    },
    Hazard {
        what: "An equal policy under another name",
        code: "node-role-has-a-copy",
        held_by: scenario("a copy of the policy on the node role, and not the policy", "renamed-policy"),
        harmless: scenario("the policy itself", "ipv4"),
    },
    Hazard {
        what: "A node role that CloudFormation, eksctl or Terraform owns",
        code: "node-role-owned",
        held_by: scenario("a node role with another tool's tags", "owned-node-role"),
        harmless: scenario("a node role without", "ipv4"),
    },
    Hazard {
        what: "The family at odds with ENABLE_IPv4 or ENABLE_IPv6",
        code: "family-at-odds",
        held_by: world("IPv4, and ENABLE_IPv4 is false", || with_env(&[("ENABLE_IPv4", "false")])),
        harmless: world("IPv4, and ENABLE_IPv4 is true", || with_env(&[("ENABLE_IPv4", "true")])),
    },
    Hazard {
        what: "IPv6 by a plugin that does not know it",
        code: "plugin-too-old",
        held_by: world("IPv6, plugin v1.10.0", || of(ClusterSeed { plugin_version: "v1.10.0".to_owned(), ..ipv6() })),
        harmless: world("IPv6, plugin v1.10.1", || of(ClusterSeed { plugin_version: "v1.10.1".to_owned(), ..ipv6() })),
    },
    Hazard {
        what: "A node role used by a cluster outside the spec",
        code: "node-role-used-outside",
        held_by: scenario("a cluster beside it on the same node role", "shared-outside"),
        harmless: world("a cluster beside it on another node role", || {
            let other = ClusterSeed { node_roles: vec!["AnotherNodeRole".to_owned()], ..ClusterSeed::new("legacy") };
            Rehearsal::with_clusters(&[seed(), other])
        }),
    },
    Hazard {
        what: "A Pod Identity association where the spec asks for IRSA",
        code: "pod-identity-association",
        held_by: scenario("an association of someone else's", "pod-identity"),
        harmless: asked("the same, asked for", || Rehearsal::of_scenario("pod-identity"), BY_ASSOCIATION),
    },
    Hazard {
        what: "Pod Identity without its agent",
        code: "pod-identity-agent",
        held_by: asked("no agent", Rehearsal::ipv4, BY_ASSOCIATION),
        harmless: asked("the agent", with_agent, BY_ASSOCIATION),
    },
    Hazard {
        what: "Sessions that outlive the role of their association",
        code: "pod-identity-session",
        held_by: asked(
            "an association that a plan has made, and another role in the spec",
            by_association,
            "    identity: pod-identity\n    role: { name: Another }\n",
        ),
        harmless: asked("the same role", by_association, BY_ASSOCIATION),
    },
    Hazard {
        what: "Pod Identity and a plugin that does not know it",
        code: "plugin-without-pod-identity",
        held_by: asked(
            "plugin v1.15.4",
            || of(ClusterSeed { plugin_version: "v1.15.4".to_owned(), pod_identity_agent: true, ..seed() }),
            BY_ASSOCIATION,
        ),
        harmless: asked(
            "plugin v1.15.5",
            || of(ClusterSeed { plugin_version: "v1.15.5".to_owned(), pod_identity_agent: true, ..seed() }),
            BY_ASSOCIATION,
        ),
    },
    Hazard {
        what: "A managed add-on that is merely annotated",
        code: "addon-merely-annotated",
        held_by: world("an add-on, annotated by kubectl", || {
            let rehearsal = with_addon();
            rehearsal.wire().annotate("my-cluster", "kubectl-annotate", ROLE_ARN, PLUGIN_ROLE);
            rehearsal
        }),
        harmless: world("an add-on", with_addon),
    },
    Hazard {
        what: "A managed add-on whose annotation is someone else's",
        code: "addon-annotation-of-others",
        held_by: world("an add-on, annotated with another role by kubectl", || {
            let rehearsal = with_addon();
            rehearsal.wire().annotate("my-cluster", "kubectl-annotate", ROLE_ARN, "arn:aws:iam::111122223333:role/x");
            rehearsal
        }),
        harmless: scenario("an add-on with a role", "managed-addon-with-role"),
    },
    Hazard {
        what: "An annotation whose owner would set it back",
        code: "owner-would-set-it-back",
        held_by: world("a role annotated by Argo CD", || {
            let rehearsal = Rehearsal::ipv4();
            rehearsal.wire().annotate("my-cluster", "argocd-controller", ROLE_ARN, "arn:aws:iam::111122223333:role/x");
            rehearsal
        }),
        harmless: world("the wanted role annotated by Argo CD", || {
            let rehearsal = Rehearsal::ipv4();
            rehearsal.wire().annotate("my-cluster", "argocd-controller", ROLE_ARN, PLUGIN_ROLE);
            rehearsal
        }),
    },
    Hazard {
        what: "Windows nodes that lean on the node role",
        code: "windows-nodes",
        held_by: scenario("two Windows nodes", "windows"),
        harmless: scenario("nodes of Karpenter's", "karpenter"),
    },
    Hazard {
        what: "Nodes that the plugin does not run on",
        code: "other-nodes",
        held_by: scenario("EKS Auto Mode beside node groups", "auto-mode"),
        harmless: world("self-managed nodes", || {
            let nodes = NodesSeed {
                kind: NodeKind::SelfManaged,
                role: "SelfManagedNodeRole".to_owned(),
                count: 2,
                in_config_map: false,
            };
            of(ClusterSeed { other_nodes: vec![nodes], ..seed() })
        }),
    },
    Hazard {
        what: "hostNetwork pods that lean on the node role",
        code: "host-network",
        held_by: world("an agent's DaemonSet on its nodes' network", || with_daemon_set("datadog", true)),
        harmless: world("kube-proxy, and an agent on the pods' network", || {
            let rehearsal = with_daemon_set("datadog", false);
            rehearsal.wire().create_daemon_set("my-cluster", "kube-proxy", true);
            rehearsal
        }),
    },
    Hazard {
        what: "A private cluster whose pods call the global STS endpoint",
        code: "private-cluster",
        held_by: world("a private endpoint", private),
        harmless: asked(
            "a private endpoint, and STS called in the region",
            private,
            "    stsRegionalEndpoints: true\n",
        ),
    },
    Hazard {
        what: "A private cluster whose agent calls EKS",
        code: "private-cluster-with-agent",
        held_by: asked(
            "a private endpoint, by Pod Identity",
            || {
                let endpoint_access = EndpointAccess::Private;
                of(ClusterSeed { endpoint_access, pod_identity_agent: true, ..seed() })
            },
            BY_ASSOCIATION,
        ),
        harmless: asked("a public one, by Pod Identity", with_agent, BY_ASSOCIATION),
    },
    Hazard {
        what: "A recreated cluster's stale issuer",
        code: "stale-issuer",
        held_by: scenario("a role that trusts the issuer of the cluster that was", "stale-issuer"),
        harmless: scenario("a role that trusts the cluster's own", "half-done"),
    },
    Hazard {
        what: "A reused role name with someone else's trust statements",
        code: "foreign-trust",
        held_by: world("a role that the account's own people may take", || with_role(FOREIGN_TRUST)),
        harmless: world("a role that Pod Identity may hand out, and that they may not take", || {
            with_role(
                r#"{"Version":"2012-10-17","Statement":[
                    {"Effect":"Allow","Principal":{"Service":"pods.eks.amazonaws.com"},
                     "Action":["sts:AssumeRole","sts:TagSession"]},
                    {"Effect":"Deny","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole"}]}"#,
            )
        }),
    },
    Hazard {
        what: "Credentials in the DaemonSet's own template",
        code: "own-credentials",
        held_by: world("AWS_ACCESS_KEY_ID in the template", || with_env(&[("AWS_ACCESS_KEY_ID", "AKIA")])),
        harmless: world("another variable in the template", || with_env(&[("AWS_VPC_K8S_CNI_LOGLEVEL", "DEBUG")])),
    },
    Hazard {
        what: "No OIDC provider for the issuer",
        code: "oidc-provider-missing",
        held_by: world("no provider", without_provider),
        harmless: asked("no provider, to be made", without_provider, "    oidcProvider: create\n"),
    },
    Hazard {
        what: "No node to prove the role on",
        code: "no-eligible-node",
        held_by: world("node groups without a node", || of(ClusterSeed { nodes: 0, ..seed() })),
        harmless: world("one node", || of(ClusterSeed { nodes: 1, ..seed() })),
    },
    Hazard {
        what: "A source of node roles that may not be read",
        code: "not-read",
        held_by: world("ListAccessEntries is denied", || {
            let rehearsal = Rehearsal::ipv4();
            rehearsal.fail("eks:ListAccessEntries=AccessDenied");
            rehearsal
        }),
        harmless: world("everything may be read", Rehearsal::ipv4),
    },
];

#[test]
fn each_hazard_is_told_and_its_neighbour_is_not() {
    for Hazard { what, code, held_by, harmless } in HAZARDS {
        let told = codes_of(held_by);
        assert!(told.contains(&(*code).to_owned()), "{what}: {} is told {told:?}", held_by.what);
        assert_eq!(codes_of(harmless), [""; 0], "{what}: {}", harmless.what);
    }
}

/// What the plan of a world is told; refused or not, as the findings say.
fn codes_of(world: &World) -> Vec<String> {
    let rehearsal = match world.make {
        Make::Scenario(name) => Rehearsal::of_scenario(name),
        Make::By(make) => make(),
    };
    rehearsal.workspace().write("spec.yaml", &format!("{SPEC}{}", world.keys));
    let ran = rehearsal.run("plan spec.yaml");
    let codes: Vec<String> = ran.stdout.lines().filter_map(code_in).map(str::to_owned).collect();
    let refuses = codes.iter().any(|code| severity(code) == cni_plan_core::Severity::Refuse);
    ran.expect(if refuses { 5 } else { 0 });
    codes
}

fn seed() -> ClusterSeed {
    ClusterSeed::new("my-cluster")
}

fn ipv6() -> ClusterSeed {
    ClusterSeed { ip_family: IpFamily::Ipv6, ..seed() }
}

fn of(seed: ClusterSeed) -> Rehearsal {
    Rehearsal::with_clusters(&[seed])
}

fn with_agent() -> Rehearsal {
    of(ClusterSeed { pod_identity_agent: true, ..seed() })
}

fn by_association() -> Rehearsal {
    let rehearsal = with_agent();
    rehearsal.workspace().write("first.yaml", &format!("{SPEC}{BY_ASSOCIATION}"));
    rehearsal.run("plan first.yaml --out plans/first.plan.json").expect(0);
    rehearsal.run("apply plans/first.plan.json").expect(0);
    rehearsal
}

fn with_addon() -> Rehearsal {
    of(ClusterSeed { addon: Some(AddonSeed::default()), ..seed() })
}

fn private() -> Rehearsal {
    of(ClusterSeed { endpoint_access: EndpointAccess::Private, ..seed() })
}

fn without_provider() -> Rehearsal {
    of(ClusterSeed { oidc_provider: false, ..seed() })
}

/// The plugin's role is there already, with this trust.
fn with_role(trust: &str) -> Rehearsal {
    let rehearsal = Rehearsal::ipv4();
    let name = PLUGIN_ROLE.rsplit('/').next().unwrap();
    rehearsal.wire().iam("CreateRole", &[("RoleName", name), ("AssumeRolePolicyDocument", trust)]);
    rehearsal
}

fn with_daemon_set(name: &str, on_host_network: bool) -> Rehearsal {
    let rehearsal = Rehearsal::ipv4();
    rehearsal.wire().create_daemon_set("my-cluster", name, on_host_network);
    rehearsal
}

fn with_env(variables: &[(&str, &str)]) -> Rehearsal {
    let rehearsal = Rehearsal::ipv4();
    rehearsal.wire().set_env("my-cluster", "aws-node", variables);
    rehearsal
}

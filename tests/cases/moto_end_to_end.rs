//! `plan` and `apply` between two services that know nothing of each other: IAM, STS and EKS are
//! moto's, the API server is the sandbox's, reached by a kubeconfig. As with AWS and a cluster,
//! nothing but the product brings them together.

use cni_plan_sandbox::{ClusterSeed, IpFamily};
use cni_plan_tests::command::Workspace;
use cni_plan_tests::peers::{Moto, Shell};
use cni_plan_tests::rehearsal::Rehearsal;
use serde_json::{Value, json};

const ACCOUNT: &str = "111122223333";
const ROLE: &str = "AmazonEKSVPCCNIRole";
const NODE_ROLE: &str = "AmazonEKSNodeRole";
const IPV4_POLICY: &str = "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy";
const IPV6_POLICY: &str = "arn:aws:iam::111122223333:policy/AmazonEKS_CNI_IPv6_Policy";

#[test]
#[ignore = "peer: moto_server, aws, kubectl"]
fn ipv4() {
    let stage = Stage::set(IpFamily::Ipv4);
    stage.the_pods_account_has_the_role(IPV4_POLICY);
    let issuer = stage.issuer();
    stage.shell.must(&format!(
        "aws iam create-open-id-connect-provider --url https://{issuer} --client-id-list sts.amazonaws.com"
    ));
    stage.attach_to_nodes(IPV4_POLICY);
    stage.spec("oidcProvider: require");

    stage.workspace.run(["plan", "spec.yaml", "--detailed-exitcode"]).expect(2);
    stage.workspace.run(["apply"]).expect(0);

    stage.plugin_has_its_own_role(&issuer, IPV4_POLICY);
    let again = stage.workspace.run(["plan", "spec.yaml", "--detailed-exitcode"]).expect(0);
    assert!(again.stdout.contains("Nothing to do"), "{again}");
}

#[test]
#[ignore = "peer: moto_server, aws, kubectl"]
fn ipv6_with_a_provider_to_create_and_an_outdated_policy() {
    let stage = Stage::set(IpFamily::Ipv6);
    stage.the_pods_account_has_the_role(IPV6_POLICY);
    stage.workspace.write("documented.json", &documented_ipv6_policy().to_string());
    stage
        .shell
        .must("aws iam create-policy --policy-name AmazonEKS_CNI_IPv6_Policy --policy-document file://documented.json");
    stage.attach_to_nodes(IPV6_POLICY);
    stage.spec("oidcProvider: create\n    policy: { name: AmazonEKS_CNI_IPv6_Policy }");

    stage.workspace.run(["plan", "spec.yaml"]).expect(0);
    stage.workspace.run(["apply"]).expect(0);

    stage.plugin_has_its_own_role(&stage.issuer(), IPV6_POLICY);
    let policy = stage.json(&format!("aws iam get-policy --policy-arn {IPV6_POLICY}"));
    assert_eq!(policy["Policy"]["DefaultVersionId"], "v2");
    let version = stage.json(&format!("aws iam get-policy-version --policy-arn {IPV6_POLICY} --version-id v2"));
    let document = version["PolicyVersion"]["Document"].to_string();
    assert!(document.contains("ec2:DescribeSubnets"), "current plugins need it: {document}");
    stage.workspace.run(["plan", "spec.yaml", "--detailed-exitcode"]).expect(0);
}

#[test]
#[ignore = "peer: moto_server, aws, kubectl"]
fn pods_that_do_not_come_back_bring_moto_back_to_where_it_was() {
    // The account of the pods has no such role, so the first restarted pod never turns Ready.
    let stage = Stage::set(IpFamily::Ipv4);
    stage.attach_to_nodes(IPV4_POLICY);
    stage.spec("oidcProvider: create\n    restart: { timeout: 2s }");
    let everything = "aws iam get-account-authorization-details --filter Role LocalManagedPolicy";
    let start = (stage.json(everything), stage.json("aws iam list-open-id-connect-providers"), stage.cluster.state());

    let undone = stage.workspace.run(["apply", "spec.yaml", "--auto-approve"]).expect(6);

    assert!(undone.stdout.contains("Nothing is left behind."), "{undone}");
    let end = (stage.json(everything), stage.json("aws iam list-open-id-connect-providers"), stage.cluster.state());
    assert_eq!(end, start);
}

/// A cluster in moto with one node group, and one of the same name whose pods can be restarted.
struct Stage {
    cluster: Rehearsal,
    workspace: Workspace,
    shell: Shell,
    _moto: Moto,
}

impl Stage {
    fn set(ip_family: IpFamily) -> Stage {
        let moto = Moto::start(ACCOUNT);
        let seed = ClusterSeed { ip_family, ..ClusterSeed::new("my-cluster") };
        let cluster = Rehearsal::with_clusters(&[seed]);
        let environment = moto.environment();
        let mut workspace = Workspace::new();
        for (name, value) in &environment {
            workspace = workspace.with_env(name, value);
        }
        workspace.write("kubeconfig", &cluster.sandbox().kubeconfig());
        workspace.write("ec2.json", &trust_of_ec2().to_string());
        let shell = Shell::new(workspace.path(), &environment);
        let family = ip_family.as_str();
        shell.must(&format!(
            "aws iam create-role --role-name {NODE_ROLE} --assume-role-policy-document file://ec2.json"
        ));
        shell.must(&format!(
            "aws eks create-cluster --name my-cluster --kubernetes-version 1.33 --role-arn arn:aws:iam::{ACCOUNT}:role/AmazonEKSClusterRole \
             --resources-vpc-config subnetIds=subnet-1 --kubernetes-network-config ipFamily={family}"
        ));
        shell.must(&format!(
            "aws eks create-nodegroup --cluster-name my-cluster --nodegroup-name workers --subnets subnet-1 \
             --node-role arn:aws:iam::{ACCOUNT}:role/{NODE_ROLE}"
        ));
        Stage { cluster, workspace, shell, _moto: moto }
    }

    /// A spec of the cluster, with more of its keys.
    fn spec(&self, keys: &str) {
        let text = format!(
            "version: 1
clusters:
  - name: my-cluster
    account: \"{ACCOUNT}\"
    kubernetes: {{ kubeconfig: ./kubeconfig, context: my-cluster }}
    addon: self-managed
    role: {{ name: {ROLE}, tags: {{ team: platform }} }}
    {keys}
"
        );
        self.workspace.write("spec.yaml", &text);
    }

    /// moto's, which it makes up for each cluster.
    fn issuer(&self) -> String {
        let query = "--query cluster.identity.oidc.issuer --output text";
        let issuer = self.shell.must(&format!("aws eks describe-cluster --name my-cluster {query}"));
        issuer.strip_prefix("https://").unwrap().to_owned()
    }

    fn attach_to_nodes(&self, policy_arn: &str) {
        let policies = [policy_arn, "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy"];
        for policy in policies {
            self.shell.must(&format!("aws iam attach-role-policy --role-name {NODE_ROLE} --policy-arn {policy}"));
        }
    }

    /// The pods' credentials are checked by the sandbox's own IAM, as a node's would be by AWS: what
    /// the product makes in moto exists there too.
    fn the_pods_account_has_the_role(&self, policy_arn: &str) {
        let state = self.cluster.state();
        let issuer = state["clusters"]["us-west-2/my-cluster"]["eks"]["issuer"].as_str().unwrap();
        let trust = trust_of_plugin(issuer.strip_prefix("https://").unwrap()).to_string();
        let wire = self.cluster.wire();
        wire.iam("CreateRole", &[("RoleName", ROLE), ("AssumeRolePolicyDocument", &trust)]);
        wire.iam("AttachRolePolicy", &[("RoleName", ROLE), ("PolicyArn", policy_arn)]);
    }

    #[track_caller]
    fn plugin_has_its_own_role(&self, issuer: &str, policy_arn: &str) {
        let role = self.json(&format!("aws iam get-role --role-name {ROLE}"));
        assert_eq!(role["Role"]["AssumeRolePolicyDocument"], trust_of_plugin(issuer));
        assert_eq!(role["Role"]["Tags"], json!([{ "Key": "team", "Value": "platform" }]));
        assert_eq!(self.attached_to(ROLE), [policy_arn]);
        assert_eq!(self.attached_to(NODE_ROLE), ["arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy"]);
        let providers = self.json("aws iam list-open-id-connect-providers")["OpenIDConnectProviderList"].clone();
        assert_eq!(providers, json!([{ "Arn": format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{issuer}") }]));
        let annotations = self.shell.must(
            "kubectl --kubeconfig kubeconfig get serviceaccount -n kube-system aws-node -o jsonpath={.metadata.annotations}",
        );
        let expected = json!({ "eks.amazonaws.com/role-arn": format!("arn:aws:iam::{ACCOUNT}:role/{ROLE}") });
        assert_eq!(serde_json::from_str::<Value>(&annotations).unwrap(), expected);
    }

    #[track_caller]
    fn attached_to(&self, role: &str) -> Vec<String> {
        let list = self.json(&format!("aws iam list-attached-role-policies --role-name {role}"));
        let policies = list["AttachedPolicies"].as_array().unwrap();
        policies.iter().map(|policy| policy["PolicyArn"].as_str().unwrap().to_owned()).collect()
    }

    #[track_caller]
    fn json(&self, line: &str) -> Value {
        serde_json::from_str(&self.shell.must(line)).unwrap()
    }
}

fn trust_of_ec2() -> Value {
    json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Principal": { "Service": "ec2.amazonaws.com" }, "Action": "sts:AssumeRole" },
    ] })
}

fn trust_of_plugin(issuer: &str) -> Value {
    json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": { "Federated": format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{issuer}") },
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": { "StringEquals": {
            (format!("{issuer}:aud")): "sts.amazonaws.com",
            (format!("{issuer}:sub")): "system:serviceaccount:kube-system:aws-node",
        } },
    }] })
}

/// As Amazon's user guide has it, which current plugins no longer do with.
fn documented_ipv6_policy() -> Value {
    json!({ "Version": "2012-10-17", "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                "ec2:AssignIpv6Addresses",
                "ec2:DescribeInstances",
                "ec2:DescribeTags",
                "ec2:DescribeNetworkInterfaces",
                "ec2:DescribeInstanceTypes",
            ],
            "Resource": "*",
        },
        { "Effect": "Allow", "Action": "ec2:CreateTags", "Resource": "arn:aws:ec2:*:*:network-interface/*" },
    ] })
}

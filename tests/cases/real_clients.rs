//! The sandbox as `aws` and `kubectl` meet it: what people type against a served world answers as
//! the real services do, exit codes included.

use cni_plan_tests::served::Served;
use serde_json::Value;

const SERVICE_ACCOUNT: &str = "serviceaccount -n kube-system aws-node";
const PODS: &str = "pods -n kube-system -l k8s-app=aws-node";
const ROLE_ARN: &str = "eks.amazonaws.com/role-arn";

#[test]
#[ignore = "peer: aws, kubectl"]
fn aws() {
    let served = Served::scenario("ipv4");
    let shell = served.shell();

    let caller: Value = serde_json::from_str(&shell.must("aws sts get-caller-identity")).unwrap();
    assert_eq!(caller["Account"], "111122223333");
    assert_eq!(shell.must("aws eks list-clusters --query 'clusters' --output text"), "my-cluster");
    let groups =
        shell.must("aws eks list-nodegroups --cluster-name my-cluster --query 'sort(nodegroups)' --output text");
    assert_eq!(groups.split_whitespace().collect::<Vec<_>>(), ["spot", "workers"]);

    // The client's own paging over pages of two.
    let names = shell.must("aws iam list-roles --page-size 2 --query 'sort(Roles[].RoleName)' --output text");
    let names: Vec<&str> = names.split_whitespace().collect();
    assert_eq!(names, ["AmazonEKSClusterRole", "AmazonEKSNodeRole", "ci-deployer", "external-dns"]);
    let attached = shell.must(
        "aws iam list-attached-role-policies --role-name AmazonEKSNodeRole --query AttachedPolicies[].PolicyName",
    );
    assert!(attached.contains("AmazonEKS_CNI_Policy"), "{attached}");

    let create = "aws iam create-role --role-name AmazonEKSNodeRole --assume-role-policy-document";
    let trust = r#"'{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}'"#;
    let refusals = [
        ("aws iam get-role --role-name nobody", "(NoSuchEntity) when calling the GetRole operation"),
        (&format!("{create} {trust}"), "(EntityAlreadyExists) when calling the CreateRole operation"),
        (&format!("{create} '{{}}'"), "(MalformedPolicyDocument) when calling the CreateRole operation"),
        ("aws iam delete-role --role-name AmazonEKSNodeRole", "(DeleteConflict) when calling the DeleteRole operation"),
        (
            "aws eks describe-addon --cluster-name my-cluster --addon-name vpc-cni",
            "(ResourceNotFoundException) when calling the DescribeAddon operation",
        ),
        (
            "aws eks describe-cluster --name nowhere",
            "(ResourceNotFoundException) when calling the DescribeCluster operation",
        ),
    ];
    for (line, words) in refusals {
        let refused = shell.run(line);
        assert!(refused.code != Some(0) && refused.stderr.contains(words), "expected {words}: {refused:#?}");
    }
}

#[test]
#[ignore = "peer: aws, kubectl"]
fn kubectl_reads() {
    let served = Served::scenario("ipv4");
    let shell = served.shell();

    let yaml = shell.must(&format!("kubectl get {SERVICE_ACCOUNT} -o yaml"));
    assert!(yaml.contains("kind: ServiceAccount") && yaml.contains("\n  name: aws-node\n"), "{yaml}");
    let pods = shell.must(&format!("kubectl get {PODS}"));
    assert!(pods.starts_with("NAME ") && pods.lines().count() == 4, "{pods}");
    let nodes = shell.must("kubectl get nodes --chunk-size=1 -o name");
    assert_eq!(nodes.lines().count(), 3, "{nodes}");
    let described = shell.must(&format!("kubectl describe {SERVICE_ACCOUNT}"));
    assert!(described.contains("aws-node"), "{described}");

    let missing = shell.run("kubectl get serviceaccount -n kube-system nobody");
    assert_eq!(missing.code, Some(1));
    assert_eq!(missing.stderr, "Error from server (NotFound): serviceaccounts \"nobody\" not found");
}

#[test]
#[ignore = "peer: aws, kubectl"]
fn kubectl_takes_over_an_annotation_only_when_told_to() {
    let served = Served::scenario("ipv4");
    let shell = served.shell();
    let annotation = || {
        shell.must(&format!(
            "kubectl get {SERVICE_ACCOUNT} -o jsonpath='{{.metadata.annotations.eks\\.amazonaws\\.com/role-arn}}'"
        ))
    };

    let annotated = shell.must(&format!("kubectl annotate {SERVICE_ACCOUNT} {ROLE_ARN}=one"));
    assert_eq!(annotated, "serviceaccount/aws-node annotated");
    let again = shell.run(&format!("kubectl annotate {SERVICE_ACCOUNT} {ROLE_ARN}=two"));
    assert!(again.code == Some(1) && again.stderr.contains("--overwrite"), "{again:#?}");
    assert_eq!(annotation(), "one");

    let manifest = format!(
        "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: aws-node\n  namespace: kube-system\n  \
         annotations:\n    {ROLE_ARN}: two\n"
    );
    served.workspace().write("manifest.yaml", &manifest);
    let apply = "kubectl apply --server-side -f manifest.yaml";
    let conflict = shell.run(apply);
    assert_eq!(conflict.code, Some(1), "{conflict:#?}");
    for words in ["conflict with \"kubectl-annotate\"", ".metadata.annotations.eks.amazonaws.com/role-arn"] {
        assert!(conflict.stderr.contains(words), "{conflict:#?}");
    }
    assert_eq!(annotation(), "one");
    assert_eq!(shell.must(&format!("{apply} --force-conflicts")), "serviceaccount/aws-node serverside-applied");
    assert_eq!(annotation(), "two");

    shell.must(&format!("kubectl annotate {SERVICE_ACCOUNT} {ROLE_ARN}-"));
    assert_eq!(annotation(), "");
}

#[test]
#[ignore = "peer: aws, kubectl"]
fn kubectl_watches_a_pod_go_and_its_successor_come() {
    let served = Served::scenario("ipv4");
    let shell = served.shell();
    let before = shell.must(&format!("kubectl get {PODS} -o name"));
    let gone = before.lines().next().unwrap();
    // The watch has begun when it has told what is there.
    shell.must(&format!(
        "timeout 40 kubectl get {PODS} --watch -o name > watched & watch=$!
         until [ \"$(wc -l < watched)\" -ge 3 ]; do sleep 0.1; done
         kubectl delete -n kube-system {gone} &&
         until [ \"$(sort -u watched | wc -l)\" -ge 4 ]; do sleep 0.1; done
         kill $watch"
    ));
    shell.must("kubectl rollout status daemonset -n kube-system aws-node --timeout=30s");
    let after = shell.must(&format!("kubectl get {PODS} -o name"));
    let successor = after.lines().find(|pod| !before.lines().any(|old| old == *pod)).expect("a pod is new");
    assert!(!after.contains(gone) && served.workspace().read("watched").contains(successor), "{after}");
}

#[test]
#[ignore = "peer: aws, kubectl"]
fn a_token_of_kubectls_takes_a_role_that_trusts_it_and_no_other() {
    let served = Served::scenario("already-done");
    let shell = served.shell();
    let assume = |account: &str| {
        let token = shell.must(&format!("kubectl create token -n kube-system {account} --audience sts.amazonaws.com"));
        shell.run(&format!(
            "aws sts assume-role-with-web-identity --role-session-name tried --web-identity-token {token} \
             --role-arn arn:aws:iam::111122223333:role/AmazonEKSVPCCNIRole-my-cluster"
        ))
    };
    let taken = assume("aws-node");
    assert_eq!(taken.code, Some(0), "{taken:#?}");
    assert!(taken.stdout.contains("\"SessionToken\""), "{taken:#?}");
    let refused = assume("default");
    assert!(refused.code != Some(0) && refused.stderr.contains("(AccessDenied)"), "{refused:#?}");
}

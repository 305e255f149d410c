//! SimulatePrincipalPolicy: the shape, the paging, and the same judgement as for pods.

use cni_plan_sandbox::{ClusterSeed, Options, Sandbox};

use crate::client::{Answer, Client};

const NODE_ROLE: &str = "arn:aws:iam::111122223333:role/AmazonEKSNodeRole";
const ENI: &str = "arn:aws:ec2:us-west-2:111122223333:network-interface/eni-1";

async fn start() -> (Sandbox, Client) {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    sandbox.ensure_cluster(&ClusterSeed::new("c")).unwrap();
    let client = Client::of(&sandbox);
    (sandbox, client)
}

fn simulate(client: &Client, more: &[(&str, &str)]) -> Answer {
    let source = [("PolicySourceArn", NODE_ROLE)];
    client.iam("SimulatePrincipalPolicy", &[&source[..], more].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_action_on_each_resource_has_its_decision() {
    let (_sandbox, client) = start().await;
    let deny = r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"ec2:DescribeTags","Resource":"*"}}"#;
    let put = [("RoleName", "AmazonEKSNodeRole"), ("PolicyName", "no-tags"), ("PolicyDocument", deny)];
    client.iam("PutRolePolicy", &put).expect_ok();
    let asked = [
        ("ActionNames.member.1", "ec2:CreateTags"),
        ("ActionNames.member.2", "ec2:DescribeTags"),
        ("ResourceArns.member.1", ENI),
        ("ResourceArns.member.2", "arn:aws:ec2:us-west-2:111122223333:instance/i-1"),
    ];
    let answer = simulate(&client, &asked).expect_ok();
    assert_eq!(answer.elements("EvalActionName").len(), 4);
    assert_eq!(answer.elements("EvalResourceName")[0], ENI);
    assert_eq!(answer.elements("EvalDecision"), ["allowed", "implicitDeny", "explicitDeny", "explicitDeny"]);
    assert_eq!(answer.elements("SourcePolicyId"), ["AmazonEKS_CNI_Policy", "no-tags", "no-tags"]);
    assert_eq!(answer.element("IsTruncated"), Some("false"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_boundary_and_missing_context_are_said() {
    let (_sandbox, client) = start().await;
    let boundary = "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy";
    let put = [("RoleName", "AmazonEKSNodeRole"), ("PermissionsBoundary", boundary)];
    client.iam("PutRolePermissionsBoundary", &put).expect_ok();
    let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:Get*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"true"}}}}"#;
    let asked = [
        ("ActionNames.member.1", "ec2:AssignPrivateIpAddresses"),
        ("ActionNames.member.2", "s3:GetObject"),
        ("PolicyInputList.member.1", policy),
    ];
    let answer = simulate(&client, &asked).expect_ok();
    assert_eq!(answer.elements("EvalDecision"), ["implicitDeny", "implicitDeny"]);
    assert_eq!(answer.elements("AllowedByPermissionsBoundary"), ["false", "false"]);
    assert!(answer.body.contains("<MissingContextValues><member>aws:securetransport</member></MissingContextValues>"));
    let named = [asked.as_slice(), &[("ResourceArns.member.1", "arn:aws:s3:::b/k")]].concat();
    let missing = "<MissingContextValues><member>aws:securetransport</member></MissingContextValues></member></ResourceSpecificResults>";
    assert!(simulate(&client, &named).expect_ok().body.contains(missing), "it is said of each resource that is named");
    let custom = [
        ("ActionNames.member.1", "s3:GetObject"),
        ("PolicyInputList.member.1", policy),
        ("ContextEntries.member.1.ContextKeyName", "aws:SecureTransport"),
        ("ContextEntries.member.1.ContextKeyType", "boolean"),
        ("ContextEntries.member.1.ContextKeyValues.member.1", "true"),
    ];
    assert_eq!(client.iam("SimulateCustomPolicy", &custom).expect_ok().element("EvalDecision"), Some("allowed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn results_come_in_pages_and_a_stranger_is_refused() {
    let (_sandbox, client) = start().await;
    let actions = [
        ("ActionNames.member.1", "ec2:A"),
        ("ActionNames.member.2", "ec2:B"),
        ("ActionNames.member.3", "ec2:C"),
        ("MaxItems", "2"),
    ];
    let first = simulate(&client, &actions).expect_ok();
    assert_eq!(first.elements("EvalActionName"), ["ec2:A", "ec2:B"]);
    let marker = ("Marker", first.element("Marker").unwrap());
    let second = simulate(&client, &[&actions[..], &[marker]].concat()).expect_ok();
    assert_eq!((second.elements("EvalActionName"), second.element("Marker")), (vec!["ec2:C"], None));
    let refused = |arn: &str, action: &str| {
        let asked = [("PolicySourceArn", arn), ("ActionNames.member.1", action)];
        let answer = client.iam("SimulatePrincipalPolicy", &asked);
        (answer.status, answer.refusal().1.to_owned())
    };
    assert_eq!(refused("arn:aws:iam::111122223333:role/nobody", "ec2:A"), (404, "NoSuchEntity".to_owned()));
    assert_eq!(refused("nobody", "ec2:A"), (400, "InvalidInput".to_owned()));
    assert_eq!(refused(NODE_ROLE, "DescribeTags"), (400, "InvalidInput".to_owned()));
}

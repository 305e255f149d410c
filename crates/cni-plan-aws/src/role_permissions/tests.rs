//! How much is asked for, what is kept of it, and what may go unread.

use cni_plan_core::{
    Address, DependencyGraph, ErrorKind, Kind, Node, Provider, Resource, Target, Wanted, roles_of_nodes,
};

use super::*;
use crate::scripted::{ACCOUNT, Answer, Asked, Scripted, identity, refusal, xml};

const CNI: &str = "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy";
const WORKER: &str = "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy";
const OWN: &str = "arn:aws:iam::111122223333:policy/own";
const BOUND: &str = "arn:aws:iam::111122223333:policy/bound";
const DOCUMENT: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ec2:*","Resource":"*"}}"#;

fn node(kind: Kind, role: &str, target: Target, wanted: Wanted) -> Node {
    Node { address: Address::new("c", kind, &[role]), target, wanted, clusters: vec!["c".to_owned()] }
}

/// The plugin's role, wanted with this boundary, and a node role that loses the family's policy.
fn asked(boundary: Option<&str>) -> Vec<RoleAsked> {
    let state = Role {
        name: "plugin".to_owned(),
        path: "/".to_owned(),
        trust: PolicyDocument::new(Vec::new()),
        description: None,
        permissions_boundary: boundary.map(str::to_owned),
        tags: std::collections::BTreeMap::new(),
        id: None,
    };
    let role = Target::Role { account: ACCOUNT.to_owned(), name: "plugin".to_owned() };
    let on = |role: &str| Target::Attachment {
        account: ACCOUNT.to_owned(),
        role: role.to_owned(),
        policy_arn: CNI.to_owned(),
    };
    let attachment = cni_plan_core::Attachment { role: "plugin".to_owned(), policy_arn: CNI.to_owned() };
    let mut graph: DependencyGraph<Node> = DependencyGraph::default();
    for node in [
        node(Kind::Role, "plugin", role, Wanted::Present(Resource::Role(state))),
        node(Kind::Attach, "plugin", on("plugin"), Wanted::Present(Resource::Attachment(attachment))),
        node(Kind::Detach, "nodes", on("nodes"), Wanted::Absent),
    ] {
        graph.entry(&node.address.clone(), || node);
    }
    roles_of_nodes(graph.iter(), &[])
}

fn attached(arns: &[&str]) -> Answer {
    let member = |arn: &&str| format!("<member><PolicyName>p</PolicyName><PolicyArn>{arn}</PolicyArn></member>");
    let members: String = arns.iter().map(member).collect();
    xml("ListAttachedRolePolicies", &format!("<AttachedPolicies>{members}</AttachedPolicies>"))
}

fn role(name: &str, more: &str) -> Answer {
    let parts = format!(
        "<Path>/</Path><RoleName>{name}</RoleName><RoleId>AROA1</RoleId><Arn>arn:aws:iam::{ACCOUNT}:role/{name}</Arn>\
         <CreateDate>2026-01-01T00:00:00Z</CreateDate>\
         <AssumeRolePolicyDocument>%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%5D%7D\
         </AssumeRolePolicyDocument>{more}"
    );
    xml("GetRole", &format!("<Role>{parts}</Role>"))
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Both roles are there: the plugin's with nothing besides, the nodes' with a boundary, an inline policy, one
/// of the account's own, and Amazon's for nodes.
fn world(asked: &Asked) -> Answer {
    let is_of_nodes = asked.body.contains("RoleName=nodes");
    match asked.operation.as_str() {
        "GetRole" if is_of_nodes => role(
            "nodes",
            &format!(
                "<PermissionsBoundary><PermissionsBoundaryArn>{BOUND}</PermissionsBoundaryArn></PermissionsBoundary>\
                 <Tags><member><Key>Terraform</Key><Value>true</Value></member>\
                 <member><Key>team</Key><Value>x</Value></member></Tags>"
            ),
        ),
        "GetRole" => role("plugin", ""),
        "ListAttachedRolePolicies" if is_of_nodes => attached(&[CNI, WORKER, OWN]),
        "ListAttachedRolePolicies" => attached(&[CNI]),
        "ListRolePolicies" if is_of_nodes => {
            xml("ListRolePolicies", "<PolicyNames><member>extra</member></PolicyNames>")
        }
        "ListRolePolicies" => xml("ListRolePolicies", "<PolicyNames/>"),
        "GetRolePolicy" => {
            let document = encoded(DOCUMENT);
            let parts = format!(
                "<RoleName>nodes</RoleName><PolicyName>extra</PolicyName><PolicyDocument>{document}</PolicyDocument>"
            );
            xml("GetRolePolicy", &parts)
        }
        "GetPolicy" => xml("GetPolicy", "<Policy><DefaultVersionId>v3</DefaultVersionId></Policy>"),
        "GetPolicyVersion" if asked.body.contains("VersionId=v3") => {
            let document = encoded(DOCUMENT);
            xml("GetPolicyVersion", &format!("<PolicyVersion><Document>{document}</Document></PolicyVersion>"))
        }
        _ => identity(),
    }
}

async fn read_all(aws: &Scripted, asked: &[RoleAsked]) -> Vec<Result<RoleRead, ProviderError>> {
    let iam = aws.iam().await;
    let target = Target::Role { account: ACCOUNT.to_owned(), name: "plugin".to_owned() };
    iam.observe_with_roles(&[&target], &asked.iter().collect::<Vec<_>>()).await.1
}

#[tokio::test]
async fn each_list_and_each_document_that_matters_is_asked_for_once() {
    let aws = Scripted::start(world).await;
    let read = read_all(&aws, &asked(None)).await;
    let [nodes, plugin] = &read[..] else { panic!("{read:?}") };
    assert_eq!(plugin.as_ref().unwrap().record, RoleRecord::empty(ACCOUNT, "plugin"));
    let RoleRead { record, unread } = nodes.as_ref().unwrap();
    assert_eq!(*unread, []);
    assert_eq!(record.owner_tags.keys().collect::<Vec<_>>(), ["Terraform"]);
    assert_eq!(record.boundary.as_ref().unwrap().name, BOUND);
    let policies: Vec<(&str, bool)> = record.policies.iter().map(|it| (it.name.as_str(), it.is_inline)).collect();
    assert_eq!(policies, [(OWN, false), ("extra", true)], "what goes and what does no harm is not read");
    assert!(record.policies.iter().all(|it| it.document == PolicyDocument::parse(DOCUMENT).ok()));
    let mut operations = aws.operations();
    operations.sort();
    assert_eq!(
        operations,
        [
            "GetPolicy",
            "GetPolicy",
            "GetPolicyVersion",
            "GetPolicyVersion",
            "GetRole",
            "GetRole",
            "GetRolePolicy",
            "ListAttachedRolePolicies",
            "ListAttachedRolePolicies",
            "ListRolePolicies",
            "ListRolePolicies",
        ]
    );
}

#[tokio::test]
async fn of_a_role_that_is_not_there_only_its_boundary_is_read() {
    for (boundary, documents) in [(None, 0), (Some(BOUND), 1)] {
        let aws = Scripted::start(|asked| match asked.operation.as_str() {
            "GetPolicy" | "GetPolicyVersion" | "GetCallerIdentity" => world(asked),
            // Whoever may not list cannot be told that there is nothing to list.
            "ListRolePolicies" => refusal(403, "AccessDenied"),
            _ => refusal(404, "NoSuchEntity"),
        })
        .await;
        for read in read_all(&aws, &asked(boundary)).await {
            let RoleRead { record, unread } = read.unwrap();
            assert_eq!((unread, record.is_partial, record.policies), (Vec::new(), false, Vec::new()));
        }
        assert_eq!(aws.operations().iter().filter(|it| *it == "GetPolicyVersion").count(), documents);
    }
}

#[tokio::test]
async fn what_may_not_be_read_is_told_and_what_fails_is_an_error() {
    for (operation, told) in [
        ("GetRole", "the tags and the boundary of role nodes"),
        ("ListRolePolicies", "the inline policies of role nodes"),
        ("GetRolePolicy", "inline policy extra of role nodes"),
        ("GetPolicy", "policy arn:aws:iam::111122223333:policy/own of role nodes"),
        ("GetPolicyVersion", "permissions boundary arn:aws:iam::111122223333:policy/bound of role nodes"),
    ] {
        let aws =
            Scripted::start(
                move |asked| {
                    if asked.operation == operation { refusal(403, "AccessDenied") } else { world(asked) }
                },
            )
            .await;
        let read = read_all(&aws, &asked(None)).await.remove(0).unwrap();
        assert!(read.record.is_partial && read.unread.iter().any(|it| it.what == told), "{operation}: {read:?}");
        assert!(read.unread.iter().all(|it| it.cure.starts_with("grant iam:")), "{read:?}");
    }
    let aws = Scripted::start(|asked| match asked.operation.as_str() {
        "GetRolePolicy" => refusal(403, "ExpiredToken"),
        _ => world(asked),
    })
    .await;
    let failed = read_all(&aws, &asked(None)).await.remove(0).unwrap_err();
    assert_eq!(failed.kind, ErrorKind::Credentials);
    assert_eq!(failed.what, "cannot read inline policy extra of role nodes in account 111122223333");
}

//! IAM: what it takes, what it refuses and in which words, and how it pages.

use cni_plan_sandbox::{Options, Sandbox};

use crate::client::Client;

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
const POLICY: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ec2:DescribeTags","Resource":"*"}}"#;
const CNI: &str = "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy";

/// An action, its parameters, and the status and code it is refused with.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], (u16, &'a str));

async fn empty() -> (Sandbox, Client) {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let client = Client::of(&sandbox);
    (sandbox, client)
}

fn create_role(client: &Client, name: &str) {
    client.iam("CreateRole", &[("RoleName", name), ("AssumeRolePolicyDocument", TRUST)]).expect_ok();
}

fn create_policy(client: &Client, name: &str) -> String {
    let answer = client.iam("CreatePolicy", &[("PolicyName", name), ("PolicyDocument", POLICY)]).expect_ok();
    answer.element("Arn").unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_comes_back_as_it_was_made_with_its_document_percent_encoded() {
    let (_sandbox, client) = empty().await;
    let parameters = [
        ("RoleName", "r"),
        ("Path", "/team/"),
        ("AssumeRolePolicyDocument", TRUST),
        ("Description", "a <b> & c"),
        ("Tags.member.1.Key", "team"),
        ("Tags.member.1.Value", "x"),
    ];
    client.iam("CreateRole", &parameters).expect_ok();
    let role = client.iam("GetRole", &[("RoleName", "r")]).expect_ok();
    assert_eq!(role.element("Arn"), Some("arn:aws:iam::111122223333:role/team/r"));
    assert_eq!(role.element("Description"), Some("a &lt;b&gt; &amp; c"));
    assert_eq!(role.element("Value"), Some("x"));
    let document = role.element("AssumeRolePolicyDocument").unwrap();
    assert!(document.starts_with("%7B%22Version%22%3A%222012-10-17%22"), "{document}");
    let decoded = percent_encoding::percent_decode_str(document).decode_utf8().unwrap();
    assert_eq!(decoded, TRUST);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recreated_role_has_a_new_unique_id() {
    let (_sandbox, client) = empty().await;
    create_role(&client, "r");
    let id = |client: &Client| {
        let role = client.iam("GetRole", &[("RoleName", "r")]);
        role.element("RoleId").unwrap().to_owned()
    };
    let first = id(&client);
    assert!(first.starts_with("AROA") && first.len() == 21, "{first}");
    client.iam("DeleteRole", &[("RoleName", "r")]).expect_ok();
    create_role(&client, "r");
    assert_ne!(id(&client), first);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_and_fifty_roles_come_in_two_pages() {
    let (_sandbox, client) = empty().await;
    let names: Vec<String> = (0..150).map(|number| format!("role-{number:03}")).collect();
    names.iter().for_each(|name| create_role(&client, name));
    let first = client.iam("ListRoles", &[]).expect_ok();
    assert_eq!(first.element("IsTruncated"), Some("true"));
    let second = client.iam("ListRoles", &[("Marker", first.element("Marker").unwrap())]).expect_ok();
    assert_eq!((second.element("IsTruncated"), second.element("Marker")), (Some("false"), None));
    let listed = [first.elements("RoleName"), second.elements("RoleName")].concat();
    assert_eq!((first.elements("RoleName").len(), listed), (100, names.iter().map(String::as_str).collect()));
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_have_iams_codes() {
    let (_sandbox, client) = empty().await;
    create_role(&client, "r");
    let own = create_policy(&client, "own");
    let long_name = "n".repeat(65);
    let long_trust = TRUST.replace("ec2.amazonaws.com", &"e".repeat(2048));
    let names: Vec<String> = (0..51).map(|number| format!("Tags.member.{}.Key", number + 1)).collect();
    let many: Vec<(&str, &str)> =
        [("RoleName", "r")].into_iter().chain(names.iter().map(|name| (name.as_str(), name.as_str()))).collect();
    let cases: [Case<'_>; 21] = [
        ("GetRole", &[("RoleName", "nope")], (404, "NoSuchEntity")),
        ("GetRole", &[], (400, "ValidationError")),
        ("CreateRole", &[("RoleName", "R"), ("AssumeRolePolicyDocument", TRUST)], (409, "EntityAlreadyExists")),
        ("CreateRole", &[("RoleName", &long_name), ("AssumeRolePolicyDocument", TRUST)], (400, "ValidationError")),
        ("CreateRole", &[("RoleName", "s"), ("AssumeRolePolicyDocument", "{")], (400, "MalformedPolicyDocument")),
        ("CreateRole", &[("RoleName", "s"), ("AssumeRolePolicyDocument", POLICY)], (400, "MalformedPolicyDocument")),
        ("CreateRole", &[("RoleName", "s"), ("AssumeRolePolicyDocument", &long_trust)], (409, "LimitExceeded")),
        ("AttachRolePolicy", &[("RoleName", "r"), ("PolicyArn", "arn:aws:iam::aws:policy/No")], (404, "NoSuchEntity")),
        ("AttachRolePolicy", &[("RoleName", "r"), ("PolicyArn", "not-an-arn-but-long-enough")], (400, "InvalidInput")),
        ("DetachRolePolicy", &[("RoleName", "r"), ("PolicyArn", CNI)], (404, "NoSuchEntity")),
        ("DeletePolicyVersion", &[("PolicyArn", &own), ("VersionId", "v1")], (409, "DeleteConflict")),
        ("GetPolicyVersion", &[("PolicyArn", &own), ("VersionId", "v9")], (404, "NoSuchEntity")),
        ("CreatePolicy", &[("PolicyName", "own"), ("PolicyDocument", POLICY)], (409, "EntityAlreadyExists")),
        ("DeletePolicy", &[("PolicyArn", CNI)], (403, "AccessDenied")),
        (
            "TagRole",
            &[("RoleName", "r"), ("Tags.member.1.Key", "aws:x"), ("Tags.member.1.Value", "")],
            (400, "InvalidInput"),
        ),
        (
            "TagRole",
            &[("RoleName", "r"), ("Tags.member.1.Key", "a"), ("Tags.member.2.Key", "A")],
            (400, "InvalidInput"),
        ),
        ("TagRole", &many, (400, "ValidationError")),
        (
            "PutRolePermissionsBoundary",
            &[("RoleName", "r"), ("PermissionsBoundary", "too-short")],
            (400, "ValidationError"),
        ),
        (
            "PutRolePermissionsBoundary",
            &[("RoleName", "r"), ("PermissionsBoundary", "arn:aws:iam::aws:policy/No")],
            (404, "NoSuchEntity"),
        ),
        ("ListRoles", &[("MaxItems", "1001")], (400, "ValidationError")),
        ("InventRole", &[], (400, "InvalidAction")),
    ];
    for (action, parameters, expected) in cases {
        let answer = client.iam(action, parameters);
        assert_eq!(answer.refusal(), expected, "{action} {parameters:?}: {}", answer.body);
        assert!(answer.element("RequestId").is_some_and(|id| id.len() == 36), "{}", answer.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attaching_twice_succeeds_and_a_role_that_holds_something_stays() {
    let (_sandbox, client) = empty().await;
    create_role(&client, "r");
    let attachment = [("RoleName", "r"), ("PolicyArn", CNI)];
    client.iam("AttachRolePolicy", &attachment).expect_ok();
    client.iam("AttachRolePolicy", &attachment).expect_ok();
    let attached = client.iam("ListAttachedRolePolicies", &[("RoleName", "r")]);
    assert_eq!(attached.elements("PolicyName"), ["AmazonEKS_CNI_Policy"]);
    assert_eq!(client.iam("GetPolicy", &[("PolicyArn", CNI)]).element("AttachmentCount"), Some("1"));
    assert_eq!(client.iam("DeleteRole", &[("RoleName", "r")]).refusal(), (409, "DeleteConflict"));
    client.iam("DetachRolePolicy", &attachment).expect_ok();
    client.iam("DeleteRole", &[("RoleName", "r")]).expect_ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_a_provider_twice_succeeds() {
    let (_sandbox, client) = empty().await;
    let made = client.iam("CreateOpenIDConnectProvider", &[("Url", "https://issuer.example")]).expect_ok();
    let arn = made.element("OpenIDConnectProviderArn").unwrap();
    for _ in 0..2 {
        client.iam("DeleteOpenIDConnectProvider", &[("OpenIDConnectProviderArn", arn)]).expect_ok();
    }
    let gone = client.iam("GetOpenIDConnectProvider", &[("OpenIDConnectProviderArn", arn)]);
    assert_eq!(gone.refusal(), (404, "NoSuchEntity"));
}

#[tokio::test(flavor = "multi_thread")]
async fn quotas_hold_and_the_raised_one_is_raised() {
    let options = Options { attached_policies_per_role: 2, ..Options::default() };
    let sandbox = Sandbox::start(options).await.unwrap();
    let client = Client::of(&sandbox);
    create_role(&client, "r");
    let arns: Vec<String> = (0..3).map(|number| create_policy(&client, &format!("p{number}"))).collect();
    let attach = |arn: &str| client.iam("AttachRolePolicy", &[("RoleName", "r"), ("PolicyArn", arn)]);
    attach(&arns[0]).expect_ok();
    attach(&arns[1]).expect_ok();
    assert_eq!(attach(&arns[2]).refusal(), (409, "LimitExceeded"));
    let version = [("PolicyArn", arns[0].as_str()), ("PolicyDocument", POLICY)];
    for _ in 0..4 {
        client.iam("CreatePolicyVersion", &version).expect_ok();
    }
    assert_eq!(client.iam("CreatePolicyVersion", &version).refusal(), (409, "LimitExceeded"));
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_do_not_see_each_other() {
    let (sandbox, client) = empty().await;
    create_role(&client, "r");
    let stranger = Client::with_key(&sandbox, Some("SANDBOX444455556666"));
    assert_eq!(stranger.iam("GetRole", &[("RoleName", "r")]).refusal(), (404, "NoSuchEntity"));
    let same = Client::with_key(&sandbox, Some("AKIAIOSFODNN7EXAMPLE"));
    same.iam("GetRole", &[("RoleName", "r")]).expect_ok();
}

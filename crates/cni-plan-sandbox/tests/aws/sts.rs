//! STS: who is who, whom it turns away, and whom a role lets in.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cni_plan_sandbox::{Options, Sandbox, Visibility};
use serde_json::json;

use crate::client::{Answer, Client};

#[tokio::test(flavor = "multi_thread")]
async fn bad_credentials_are_turned_away_each_in_its_way() {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let refusal = |key: Option<&str>| {
        let answer = Client::with_key(&sandbox, key).sts("GetCallerIdentity", &[]);
        let (status, code) = answer.refusal();
        (status, code.to_owned())
    };
    assert_eq!(refusal(None), (403, "MissingAuthenticationToken".to_owned()));
    assert_eq!(refusal(Some("SANDBOXEXPIRED")), (403, "ExpiredToken".to_owned()));
    assert_eq!(refusal(Some("SANDBOXINVALID")), (403, "InvalidClientTokenId".to_owned()));
    let me = Client::with_key(&sandbox, Some("SANDBOX444455556666")).sts("GetCallerIdentity", &[]);
    assert_eq!(me.element("Arn"), Some("arn:aws:iam::444455556666:user/sandbox"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_lets_in_the_account_it_trusts() {
    let sandbox = scenario("ipv4").await;
    let client = Client::of(&sandbox);
    let assume = |client: &Client, role: &str| {
        let arn = format!("arn:aws:iam::111122223333:role/{role}");
        client.sts("AssumeRole", &[("RoleArn", &arn), ("RoleSessionName", "test")])
    };
    let session = assume(&client, "ci-deployer").expect_ok();
    assert_eq!(session.element("AccessKeyId"), Some("SANDBOX111122223333"));
    assert!(session.body.contains("<Arn>arn:aws:sts::111122223333:assumed-role/ci-deployer/test</Arn>"));
    assert_eq!(assume(&client, "AmazonEKSNodeRole").refusal(), (403, "AccessDenied"));
    let stranger = Client::with_key(&sandbox, Some("SANDBOX444455556666"));
    assert_eq!(assume(&stranger, "ci-deployer").refusal(), (403, "AccessDenied"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_accounts_token_opens_the_role_that_trusts_it_without_a_signature() {
    let sandbox = scenario("already-done").await;
    let issuer = issuer(&sandbox);
    let ask = |token: &str| exchange(&sandbox, token);
    let subject = "system:serviceaccount:kube-system:aws-node";
    ask(&token(&issuer, "sts.amazonaws.com", subject)).expect_ok();
    let other = ask(&token(&issuer, "sts.amazonaws.com", "system:serviceaccount:default:aws-node"));
    assert_eq!(other.refusal(), (403, "AccessDenied"));
    assert_eq!(ask(&token(&issuer, "kubernetes", subject)).refusal(), (400, "InvalidIdentityToken"));
    let elsewhere = ask(&token("https://oidc.example/id/NONE", "sts.amazonaws.com", subject));
    assert_eq!(elsewhere.refusal(), (400, "InvalidIdentityToken"));
    assert!(elsewhere.body.contains("No OpenIDConnect provider found"), "{}", elsewhere.body);
}

/// Of a trust that was changed STS learns when IAM's other readers do.
#[tokio::test(flavor = "multi_thread")]
async fn the_exchange_of_a_token_is_judged_by_what_readers_see() {
    let sandbox = scenario("already-done").await;
    let token = token(&issuer(&sandbox), "sts.amazonaws.com", "system:serviceaccount:kube-system:aws-node");
    let nobody = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
    let trust = [("RoleName", "AmazonEKSVPCCNIRole-my-cluster"), ("PolicyDocument", nobody)];
    sandbox.set_visibility(Visibility { lag: Duration::from_secs(3600), ..Visibility::default() });
    Client::of(&sandbox).iam("UpdateAssumeRolePolicy", &trust).expect_ok();
    exchange(&sandbox, &token).expect_ok();
    sandbox.set_visibility(Visibility::default());
    assert_eq!(exchange(&sandbox, &token).refusal(), (403, "AccessDenied"));
}

fn exchange(sandbox: &Sandbox, token: &str) -> Answer {
    let role = "arn:aws:iam::111122223333:role/AmazonEKSVPCCNIRole-my-cluster";
    let parameters = [("RoleArn", role), ("RoleSessionName", "probe"), ("WebIdentityToken", token)];
    Client::with_key(sandbox, None).sts("AssumeRoleWithWebIdentity", &parameters)
}

async fn scenario(name: &str) -> Sandbox {
    Sandbox::start(Options { scenario: Some(name.to_owned()), ..Options::default() }).await.unwrap()
}

fn issuer(sandbox: &Sandbox) -> String {
    let state = sandbox.state();
    state["clusters"]["us-west-2/my-cluster"]["eks"]["issuer"].as_str().unwrap().to_owned()
}

fn token(issuer: &str, audience: &str, subject: &str) -> String {
    let claims = json!({ "iss": issuer, "aud": [audience], "sub": subject, "exp": 4_102_444_800_u64 });
    format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string()))
}

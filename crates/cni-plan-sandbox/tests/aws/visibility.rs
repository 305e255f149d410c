//! IAM's readers lag behind its writers where that is asked for; its writers never do.

use std::time::{Duration, Instant};

use cni_plan_sandbox::{Options, Sandbox, Visibility};

use crate::client::Client;

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
const LONG: Duration = Duration::from_secs(3600);

async fn with(visibility: Visibility) -> (Sandbox, Client) {
    let sandbox = Sandbox::start(Options { visibility, ..Options::default() }).await.unwrap();
    let client = Client::of(&sandbox);
    (sandbox, client)
}

fn create(client: &Client) -> u16 {
    client.iam("CreateRole", &[("RoleName", "r"), ("AssumeRolePolicyDocument", TRUST)]).status
}

fn get(client: &Client) -> u16 {
    client.iam("GetRole", &[("RoleName", "r")]).status
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_is_judged_by_what_is_and_read_as_what_was() {
    let (sandbox, client) = with(Visibility { lag: LONG, ..Visibility::default() }).await;
    assert_eq!((create(&client), get(&client)), (200, 404));
    assert_eq!(create(&client), 409, "it is there for a writer");
    assert!(sandbox.state()["accounts"]["111122223333"]["roles"]["r"].is_object());
    let stranger = Client::with_key(&sandbox, Some("SANDBOX444455556666"));
    assert_eq!((create(&stranger), get(&stranger)), (200, 404), "each account lags by itself");
    assert_eq!(client.iam("DeleteRole", &[("RoleName", "r")]).status, 200);
    assert_eq!(client.iam("DeleteRole", &[("RoleName", "r")]).status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_is_seen_by_some_and_in_the_end_by_all() {
    let window = Duration::from_millis(400);
    let (_sandbox, client) = with(Visibility { oscillation: window, ..Visibility::default() }).await;
    create(&client);
    let begun = Instant::now();
    let mut seen = Vec::new();
    while begun.elapsed() < window / 2 {
        seen.push(get(&client));
    }
    assert!(seen.contains(&200) && seen.contains(&404), "{seen:?}");
    tokio::time::sleep_until((begun + window).into()).await;
    assert_eq!([get(&client); 10], [200; 10]);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_set_over_http_and_what_is_not_understood_changes_nothing() {
    let (_sandbox, client) = with(Visibility::default()).await;
    let control =
        |method: &str, body: &str| client.send(method, "/_sandbox/visibility", "", "text/plain", body).unwrap();
    assert_eq!(control("GET", "").body, "lag=0ms,oscillation=0ms,seed=0\n");
    assert_eq!(control("PUT", "lag=1m,seed=7").body, "lag=60000ms,oscillation=0ms,seed=7\n");
    assert_eq!(control("PUT", "later").status, 400);
    assert_eq!((create(&client), get(&client)), (200, 404));
    control("DELETE", "");
    assert_eq!(get(&client), 200);
}

//! Against an API server in the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cni_plan_core::{BoxFuture, ErrorKind, Progress};
use serde_json::{Value, json};

use super::*;
use crate::fake::Fake;
use crate::pods::tests::PODS;

const ROLE: &str = "arn:aws:iam::111122223333:role/r";
const LONG: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(200);

fn injected() -> Value {
    json!([
        {"name": "AWS_ROLE_ARN", "value": ROLE},
        {"name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": PodIdentity::TOKEN_FILE},
    ])
}

/// A cluster whose pods carry the role.
fn migrated(nodes: &[&str]) -> Fake {
    let fake = Fake::new(&[]);
    fake.change(|state| {
        state.env = injected();
        for node in nodes {
            state.put("nodes", node, json!({"metadata": {"name": node}}));
            state.birth(node);
        }
    });
    fake
}

async fn confirmed(fake: &Fake, timeout: Duration, soak: Duration) -> Result<(), ProviderError> {
    confirmed_under(fake, timeout, soak, &|_| {}).await
}

async fn confirmed_under(
    fake: &Fake,
    timeout: Duration,
    soak: Duration,
    overseer: &dyn Overseer,
) -> Result<(), ProviderError> {
    let wanted = PodIdentity::WebIdentity { role_arn: ROLE.to_owned(), sts_regional: None };
    let plan = Confirm { wanted: &wanted, timeout, soak };
    let connection = fake.connection();
    let running = confirm(&connection, &PODS, plan, overseer);
    tokio::time::timeout(Duration::from_secs(20), running).await.expect("it hangs")
}

fn deletions(fake: &Fake) -> Vec<String> {
    fake.state().requests.iter().filter(|request| request.starts_with("DELETE")).cloned().collect()
}

#[tokio::test]
async fn one_pod_the_first_is_born_again_and_no_other() {
    let fake = migrated(&["a", "b", "c"]);
    let first = fake.pod_on("a");
    assert_eq!(confirmed(&fake, LONG, Duration::ZERO).await, Ok(()));
    let deletions = deletions(&fake);
    assert_eq!(deletions.len(), 1, "{deletions:?}");
    assert!(deletions[0].contains(&first), "{deletions:?}");
    assert_ne!(fake.pod_on("a"), first);
}

#[tokio::test]
async fn without_an_eligible_node_there_is_nothing_to_confirm_by() {
    let fake = migrated(&[]);
    assert_eq!(confirmed(&fake, SHORT, SHORT).await, Ok(()));
    assert!(deletions(&fake).is_empty());
}

/// It is not there to bring pods where they are not.
#[tokio::test]
async fn where_a_pod_is_not_as_wanted_none_is_deleted() {
    let fake = Fake::new(&["a", "b"]);
    let error = confirmed(&fake, SHORT, Duration::ZERO).await.unwrap_err();
    assert!(error.why.starts_with("it carries the node role"), "{error}");
    assert!(deletions(&fake).is_empty());
}

#[tokio::test]
async fn a_successor_that_does_not_come_up_fails_it() {
    let fake = migrated(&["a", "b"]);
    fake.state().born_ready = false;
    let error = confirmed(&fake, SHORT, Duration::ZERO).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout);
    assert!(error.why.contains("on node a"), "{error}");
}

#[tokio::test]
async fn a_successor_with_another_identity_fails_it_at_once() {
    for is_ready in [true, false] {
        let fake = migrated(&["a", "b"]);
        fake.state().env = json!([]);
        fake.state().born_ready = is_ready;
        let error = confirmed(&fake, LONG, Duration::ZERO).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Refused);
        assert!(error.why.starts_with("it carries the node role"), "{error}");
    }
}

#[tokio::test]
async fn a_pod_that_falls_while_all_are_watched_fails_it() {
    let fake = migrated(&["a", "b"]);
    let watched = fake.clone();
    // Behind the fresh pod, within the soak: b's is born again and does not come up.
    let falls = async move {
        watched.until(|state| state.requests.iter().any(|request| request.starts_with("DELETE"))).await;
        watched.until(|state| state.ready() == 2).await;
        watched.change(|state| state.born_ready = false);
        watched.reborn("b");
    };
    let (result, ()) = futures::join!(confirmed(&fake, SHORT, LONG), falls);
    let error = result.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout);
    assert!(error.why.contains("on node b"), "{error}");
}

#[tokio::test]
async fn a_node_that_goes_is_not_waited_for() {
    let fake = migrated(&["a", "b"]);
    fake.state().born_ready = false;
    let watched = fake.clone();
    let goes = async move {
        watched.until(|state| state.requests.iter().any(|request| request.starts_with("DELETE"))).await;
        watched.change(|state| {
            state.born_ready = true;
            state.remove("nodes", "a");
        });
    };
    let (result, ()) = futures::join!(confirmed(&fake, LONG, Duration::ZERO), goes);
    assert_eq!(result, Ok(()));
    assert_eq!(deletions(&fake).len(), 2, "b's pod has to do");
}

/// Whoever asked to stop has no pod deleted.
#[tokio::test]
async fn it_asks_before_it_deletes() {
    struct Stops(Arc<AtomicUsize>);
    impl Overseer for Stops {
        fn tell(&self, _: Progress) {}
        fn may_go_on(&self) -> BoxFuture<'_, Result<(), ProviderError>> {
            self.0.fetch_add(1, Ordering::SeqCst);
            let what = "asked to stop".to_owned();
            let stopped = ProviderError { kind: ErrorKind::Interrupted, what, why: String::new(), cure: String::new() };
            Box::pin(std::future::ready(Err(stopped)))
        }
        fn holds_locks(&self) -> BoxFuture<'_, Result<(), ProviderError>> {
            self.may_go_on()
        }
    }
    let (fake, asked) = (migrated(&["a"]), Arc::new(AtomicUsize::new(0)));
    let error = confirmed_under(&fake, LONG, LONG, &Stops(Arc::clone(&asked))).await.unwrap_err();
    assert_eq!((error.kind, asked.load(Ordering::SeqCst)), (ErrorKind::Interrupted, 1));
    assert!(deletions(&fake).is_empty());
}

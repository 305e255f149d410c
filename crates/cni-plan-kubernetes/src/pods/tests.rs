//! The two actions against an API server in the process.

use std::sync::Mutex;
use std::time::Duration;

use cni_plan_core::{ErrorKind, MaxUnavailable, PodGroup, PodIdentity, Progress, ProviderError, Resource};
use serde_json::{Value, json};

use super::*;
use crate::fake::{Fake, refusal};

const ROLE: &str = "arn:aws:iam::111122223333:role/r";

pub(super) const PODS: PodsOf<'static> =
    PodsOf { namespace: "kube-system", service_account: "aws-node", association: None };

fn wanted() -> PodIdentity {
    PodIdentity::WebIdentity { role_arn: ROLE.to_owned(), sts_regional: None }
}

fn injected() -> Value {
    json!([
        {"name": "AWS_ROLE_ARN", "value": ROLE},
        {"name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": PodIdentity::TOKEN_FILE},
    ])
}

/// A cluster where pods are born with the role from now on.
fn annotated(nodes: &[&str]) -> Fake {
    let fake = Fake::new(nodes);
    fake.state().env = injected();
    fake
}

async fn restarted(fake: &Fake, timeout: Duration) -> (Result<(), ProviderError>, Vec<Progress>) {
    let wanted = wanted();
    let plan = Restart { wanted: &wanted, canary: 1, max_unavailable: MaxUnavailable::Count(2), timeout };
    let reports = Mutex::new(Vec::new());
    let tell = |progress| reports.lock().unwrap().push(progress);
    let connection = fake.connection();
    let running = restart(&connection, &PODS, plan, &tell);
    let ended = tokio::time::timeout(Duration::from_secs(20), running).await.expect("it hangs");
    (ended, reports.into_inner().unwrap())
}

async fn verified(fake: &Fake, timeout: Duration, soak: Duration) -> Result<(), ProviderError> {
    let wanted = wanted();
    let plan = Verify { wanted: &wanted, timeout, soak };
    let connection = fake.connection();
    let running = verify(&connection, &PODS, plan, &|_| {});
    tokio::time::timeout(Duration::from_secs(20), running).await.expect("it hangs")
}

async fn seen(fake: &Fake) -> (Vec<PodGroup>, u32) {
    match observe(&fake.connection(), "kube-system", "aws-node", async { Ok(None) }).await.unwrap() {
        Some(Resource::Pods(pods)) => (pods.carrying, pods.not_ready),
        found => panic!("{found:?}"),
    }
}

fn requests(fake: &Fake, what: &str) -> usize {
    fake.state().requests.iter().filter(|request| request.contains(what)).count()
}

const LONG: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(200);

#[tokio::test]
async fn every_pod_is_restarted_within_the_bound_over_one_watch() {
    let fake = annotated(&["a", "b", "c", "d", "e"]);
    assert_eq!(seen(&fake).await, (vec![PodGroup { identity: PodIdentity::NodeRole, pods: 5 }], 0));
    let (ended, reports) = restarted(&fake, LONG).await;
    ended.unwrap();
    let (carrying, not_ready) = seen(&fake).await;
    assert!(carrying.len() == 1 && carrying[0].identity.satisfies(&wanted()), "{carrying:?}");
    assert_eq!(not_ready, 0);
    assert_eq!(requests(&fake, "DELETE"), 5);
    assert!(fake.state().most_down <= 2);
    let last = reports.last().unwrap();
    assert!(matches!(last, Progress::Pods { done: 5, total: 5, .. }), "{last:?}");
    let first = Progress::of_pods(0, 5, &["a".to_owned()]);
    assert_eq!(reports.first(), Some(&first), "the canary's node is waited for");
    let names_a_batch =
        |report: &Progress| matches!(report, Progress::Pods { waiting_for, .. } if waiting_for.len() == 2);
    assert!(reports.iter().any(names_a_batch), "all nodes of a batch are named: {reports:?}");
    // One list by the restart; the other two are `seen`.
    assert_eq!(fake.state().requests.iter().filter(|r| r.contains("/pods?") && !r.contains("watch=")).count(), 3);
    verified(&fake, LONG, Duration::ZERO).await.unwrap();
}

#[tokio::test]
async fn a_pod_that_is_not_injected_stops_the_restart_at_the_canary() {
    let fake = Fake::new(&["a", "b", "c"]);
    let error = restarted(&fake, LONG).await.0.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused);
    assert!(error.why.starts_with("it carries the node role, not arn:aws"), "{error}");
    assert!(error.cure.contains("webhook"), "{}", error.cure);
    assert_eq!(requests(&fake, "DELETE"), 1);
}

#[tokio::test]
async fn a_pod_born_before_an_association_is_known_everywhere_is_born_once_more() {
    let fake = Fake::new(&["a", "b", "c"]);
    let associated = json!([
        {"name": "AWS_CONTAINER_CREDENTIALS_FULL_URI", "value": PodIdentity::AGENT[0]},
        {"name": "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "value": PodIdentity::AGENT_TOKEN_FILE},
    ]);
    let plan = Restart {
        wanted: &PodIdentity::UNKNOWN_ROLE,
        canary: 1,
        max_unavailable: MaxUnavailable::Count(2),
        timeout: LONG,
    };
    let connection = fake.connection();
    let running = restart(&connection, &PODS, plan, &|_| {});
    let known_later = async {
        tokio::time::sleep(SHORT).await;
        assert_eq!(requests(&fake, "DELETE"), 1, "nothing but the canary goes meanwhile");
        fake.state().env = associated;
    };
    let (ended, ()) = tokio::join!(running, known_later);
    ended.unwrap();
    assert_eq!(requests(&fake, "DELETE"), 4);
    assert_eq!(seen(&fake).await.0, [PodGroup { identity: PodIdentity::UNKNOWN_ROLE, pods: 3 }]);
}

#[tokio::test(start_paused = true)]
async fn an_association_that_is_never_known_is_told() {
    let fake = Fake::new(&["a"]);
    let plan = Restart {
        wanted: &PodIdentity::associated(ROLE),
        canary: 1,
        max_unavailable: MaxUnavailable::Count(1),
        timeout: LONG,
    };
    let error = restart(&fake.connection(), &PODS, plan, &|_| {}).await.unwrap_err();
    assert_eq!(error.why, "it carries the node role, not arn:aws:iam::111122223333:role/r (by Pod Identity)");
    assert_eq!(requests(&fake, "DELETE"), 7);
}

#[tokio::test]
async fn a_pod_that_does_not_come_up_is_named_with_its_state_and_complaint() {
    let fake = annotated(&["a", "b"]).answering(|_, path, _| {
        let event = |uid: &str| {
            json!({"metadata": {}, "involvedObject": {"uid": uid}, "reason": "MissingIAMPermissions",
                "message": "no ec2:DescribeSubnets"})
        };
        let uid = path.split_once("involvedObject.uid%3D")?.1.split('&').next()?;
        Some((200, json!({"metadata": {}, "items": [event("other"), event(uid)]})))
    });
    fake.state().born_ready = false;
    let error = restarted(&fake, SHORT).await.0.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout);
    assert!(error.why.contains("on node a: container aws-node is waiting: CrashLoopBackOff"), "{error}");
    assert!(error.why.ends_with("; MissingIAMPermissions: no ec2:DescribeSubnets"), "{error}");
    assert_eq!(requests(&fake, "DELETE"), 1);
}

#[tokio::test]
async fn a_node_that_goes_while_it_is_waited_for_is_let_go() {
    let fake = annotated(&["a", "b"]);
    fake.state().born_ready = false;
    let meddling = fake.clone();
    let goes = async {
        meddling.until(|state| state.requests.iter().any(|request| request.starts_with("DELETE"))).await;
        meddling.change(|state| {
            state.born_ready = true;
            state.remove("nodes", "a");
        });
    };
    let ((ended, _), ()) = futures::join!(restarted(&fake, LONG), goes);
    ended.unwrap();
    assert_eq!(requests(&fake, "DELETE"), 2);
}

#[tokio::test]
async fn a_watch_that_expired_is_begun_anew() {
    let mut expired = false;
    let fake = annotated(&["a", "b"]).answering(move |_, path, _| {
        let first = path.contains("/pods") && path.contains("watch=true") && !expired;
        expired |= first;
        first.then(|| (200, json!({"type": "ERROR", "object": refusal(410, "Expired").1})))
    });
    restarted(&fake, LONG).await.0.unwrap();
    assert_eq!(requests(&fake, "DELETE"), 2);
}

#[tokio::test]
async fn a_forbidden_deletion_names_the_permission() {
    let fake =
        annotated(&["a"]).answering(|method, _, _| (method == http::Method::DELETE).then(|| refusal(403, "Forbidden")));
    let error = restarted(&fake, LONG).await.0.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied);
    assert_eq!(error.cure, "grant the caller `delete` on `pods` in namespace kube-system (RBAC)");
}

#[tokio::test]
async fn a_pod_that_someone_else_replaced_is_waited_for_like_any_other() {
    let fake = annotated(&["a", "b"]);
    let meddling = fake.clone();
    let fake = fake.answering({
        let mut done = false;
        move |method, path, _| {
            let meddle = method == http::Method::DELETE && !done;
            done |= meddle;
            let name = path.split(['/', '?']).find(|part| part.starts_with("aws-node-"))?.to_owned();
            meddle.then(|| {
                let meddling = meddling.clone();
                tokio::spawn(async move {
                    meddling.change(|state| {
                        state.remove("pods", &name);
                        state.birth("a");
                    });
                });
                refusal(409, "Conflict")
            })
        }
    });
    restarted(&fake, LONG).await.0.unwrap();
}

#[tokio::test]
async fn a_verification_waits_for_all_and_for_the_soak() {
    let fake = annotated(&[]);
    verified(&fake, SHORT, LONG).await.unwrap();
    fake.change(|state| {
        state.put("nodes", "a", json!({"metadata": {"name": "a"}}));
        state.birth("a");
    });
    let began = std::time::Instant::now();
    verified(&fake, LONG, SHORT).await.unwrap();
    assert!(began.elapsed() >= SHORT);

    fake.change(|state| state.put("nodes", "b", json!({"metadata": {"name": "b"}})));
    let error = verified(&fake, SHORT, Duration::ZERO).await.unwrap_err();
    assert_eq!((error.kind, error.why.as_str()), (ErrorKind::Timeout, "node b has no pod"));

    let late = async {
        tokio::time::sleep(SHORT).await;
        fake.change(|state| state.birth("b"));
    };
    futures::join!(verified(&fake, LONG, Duration::ZERO), late).0.unwrap();
}

#[tokio::test]
async fn a_verification_ends_at_a_pod_with_another_identity() {
    let error = verified(&Fake::new(&["a"]), LONG, Duration::ZERO).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused);
}

#[tokio::test]
async fn a_verification_does_not_end_on_a_view_that_nobody_kept_up_to_date() {
    let fake = annotated(&["a", "b"]);
    restarted(&fake, LONG).await.0.unwrap();
    fake.state().env = json!([]);
    let silence = async {
        tokio::time::sleep(SHORT / 2).await;
        fake.reborn_in_silence("a");
    };
    let error = futures::join!(verified(&fake, LONG, SHORT), silence).0.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused, "{error}");
}

#[tokio::test]
async fn a_restart_whose_time_is_over_looks_anew_before_it_fails() {
    let fake = annotated(&["a"]);
    fake.state().born_ready = false;
    let silence = async {
        fake.until(|state| state.requests.iter().any(|request| request.starts_with("DELETE"))).await;
        tokio::time::sleep(SHORT / 2).await;
        fake.state().born_ready = true;
        fake.reborn_in_silence("a");
    };
    futures::join!(restarted(&fake, SHORT), silence).0.0.unwrap();
}

/// Says after a while that nothing more may be begun.
struct OverAfter(tokio::time::Instant);

impl cni_plan_core::Overseer for OverAfter {
    fn tell(&self, _: Progress) {}

    fn may_go_on(&self) -> cni_plan_core::BoxFuture<'_, Result<(), ProviderError>> {
        let over = ProviderError {
            kind: ErrorKind::Interrupted,
            what: "it is over".to_owned(),
            why: String::new(),
            cure: String::new(),
        };
        let is_over = self.0 <= tokio::time::Instant::now();
        Box::pin(std::future::ready(if is_over { Err(over) } else { Ok(()) }))
    }

    fn holds_locks(&self) -> cni_plan_core::BoxFuture<'_, Result<(), ProviderError>> {
        self.may_go_on()
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_soak_ends_when_another_step_has_failed() {
    let fake = annotated(&["a"]);
    restarted(&fake, LONG).await.0.unwrap();
    let (wanted, began) = (wanted(), tokio::time::Instant::now());
    let plan = Verify { wanted: &wanted, timeout: LONG, soak: Duration::from_secs(1800) };
    let overseer = OverAfter(began + Duration::from_secs(60));
    let error = verify(&fake.connection(), &PODS, plan, &overseer).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Interrupted);
    assert!(began.elapsed() < Duration::from_secs(70), "{:?}", began.elapsed());
}

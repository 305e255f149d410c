//! The lock from outside: several holders, one API server, time moved by hand.

mod server;

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use cni_plan_core::{ErrorKind, HeldLock, LockHolder, NotTaken};
use http::Method;
use serde_json::json;
use tokio::time::{Instant, advance, sleep};

use super::*;
use crate::lease::held::Held;
use server::{Server, Trouble};

const NOW: Duration = Duration::ZERO;

fn alice() -> LockHolder {
    LockHolder { run: "r1".to_owned(), who: "alice@laptop, pid 1".to_owned() }
}

fn bob() -> LockHolder {
    LockHolder { run: "r2".to_owned(), who: "bob@ci, pid 2".to_owned() }
}

async fn held_by_alice(server: &Server) -> Box<Held> {
    Box::new(server.lock().take(&alice(), NOW).await.unwrap())
}

/// Who stands in the way.
fn refused(taken: Result<Held, NotTaken>) -> LockRecord {
    match taken {
        Err(NotTaken::Held(record)) => record,
        Err(NotTaken::Failed(error)) => panic!("{error:?}"),
        Ok(_) => panic!("it was taken"),
    }
}

/// A holder that is gone without a word: its Lease stays.
async fn left_by_alice(server: &Server) {
    drop(held_by_alice(server).await);
}

#[tokio::test(start_paused = true)]
async fn one_gets_it_and_the_other_hears_who_has_it() {
    let server = Server::new();
    let held = held_by_alice(&server).await;
    assert_eq!(server.count(&Method::POST), 1);
    assert_eq!(server.count(&Method::GET), 0, "a free lock costs one call");
    let spec = server.spec();
    assert_eq!(spec["holderIdentity"], "alice@laptop, pid 1, run r1");
    assert_eq!((&spec["leaseDurationSeconds"], &spec["leaseTransitions"]), (&json!(60), &json!(0)));
    assert_eq!(spec["acquireTime"], "2027-01-15T08:00:00.000000Z");

    let record = refused(server.lock().take(&bob(), NOW).await);
    assert_eq!((record.holder, record.since.as_str()), (alice(), "2027-01-15T08:00:00Z"));
    assert!(!record.expired);
    assert_eq!(held.check().await, Ok(()));
    assert_eq!(server.lock().show().await.unwrap().unwrap().holder, alice());

    held.release().await.unwrap();
    assert_eq!(server.with(|state| state.lease.clone()), None, "nothing is left behind");
    assert_eq!(server.lock().show().await.unwrap(), None);
    assert!(server.lock().take(&bob(), NOW).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn it_is_kept_alive_for_as_long_as_it_is_held() {
    let server = Server::new();
    let held = held_by_alice(&server).await;
    sleep(Duration::from_secs(600)).await;
    let renewals = server.count(&Method::PUT);
    assert!((29..=30).contains(&renewals), "{renewals}");
    let record = refused(server.lock().take(&bob(), NOW).await);
    assert!(record.silent <= HEARTBEAT && !record.expired, "{record:?}");
    assert_eq!(held.check().await, Ok(()));
    held.release().await.unwrap();
    let calls = server.with(|state| state.calls.len());
    sleep(Duration::from_secs(600)).await;
    assert_eq!(server.with(|state| state.calls.len()), calls, "nobody renews what was released");
}

#[tokio::test(start_paused = true)]
async fn what_nobody_renews_is_taken_over_once_it_has_expired() {
    let server = Server::new();
    left_by_alice(&server).await;
    let expiry = TERM + SKEW;
    sleep(expiry).await;
    assert!(!refused(server.lock().take(&bob(), NOW).await).expired);
    sleep(Duration::from_secs(1)).await;
    assert!(server.lock().show().await.unwrap().unwrap().expired);
    let held = server.lock().take(&bob(), NOW).await.unwrap();
    assert_eq!(held.check().await, Ok(()));
    assert_eq!(server.spec()["holderIdentity"], "bob@ci, pid 2, run r2");
    assert_eq!(server.spec()["leaseTransitions"], 1);
}

#[tokio::test(start_paused = true)]
async fn who_waits_needs_nobody_s_clock() {
    for ahead in [-86_400, 86_400] {
        let server = Server::new();
        let dead = server.lock_ahead(ahead).take(&alice(), NOW).await.unwrap();
        drop(dead);
        let begun = Instant::now();
        let taken = server.lock().take(&bob(), Duration::from_secs(300)).await;
        assert!(taken.is_ok());
        // A clock that was a day behind shows an expired lock at once; one ahead shows nothing.
        let waited = begun.elapsed();
        assert!(if ahead < 0 { waited < POLL } else { waited >= TERM && waited < TERM + POLL * 2 }, "{waited:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_lives_is_waited_for_and_not_taken() {
    let server = Server::new();
    let held = held_by_alice(&server).await;
    let begun = Instant::now();
    let record = refused(server.lock().take(&bob(), Duration::from_secs(600)).await);
    assert_eq!(record.holder, alice());
    assert_eq!(begun.elapsed(), Duration::from_secs(600));

    let lock = server.lock();
    let waiting = tokio::spawn(async move { lock.take(&bob(), Duration::from_secs(600)).await.is_ok() });
    sleep(Duration::from_secs(100)).await;
    held.release().await.unwrap();
    let begun = Instant::now();
    assert!(waiting.await.unwrap());
    assert!(begun.elapsed() <= POLL, "it is there as soon as the lock is free");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_comes_back_has_its_own_lock_at_once() {
    let server = Server::new();
    let first = held_by_alice(&server).await;
    let again = LockHolder { who: "alice@laptop, pid 9".to_owned(), ..alice() };
    let second = server.lock().take(&again, NOW).await.unwrap();
    assert_eq!(second.check().await, Ok(()));
    sleep(FRESH).await;
    let error = first.check().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert!(error.why.starts_with("alice@laptop, pid 9, run r1 has had it since"), "{}", error.why);
    first.release().await.unwrap();
    assert_eq!(second.check().await, Ok(()), "what is lost is left to whoever has it");
}

#[tokio::test(start_paused = true)]
async fn a_holder_without_a_run_owns_nothing_again() {
    let server = Server::new();
    let lease = json!({
        "metadata": {"name": "cni-plan", "uid": "u"},
        "spec": {"holderIdentity": "someone else's tool", "renewTime": "2027-01-15T08:00:00.000000Z"},
    });
    server.with(|state| state.put(lease));
    let nameless = LockHolder { run: String::new(), who: "x".to_owned() };
    assert_eq!(refused(server.lock().take(&nameless, NOW).await).holder.who, "someone else's tool");
    // Leader election's way to let go is to empty the name.
    server.with(|state| state.lease.as_mut().unwrap()["spec"]["holderIdentity"] = json!(""));
    assert!(server.lock().take(&bob(), NOW).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_check_asks_unless_it_was_just_told() {
    let server = Server::new();
    let held = held_by_alice(&server).await;
    for _ in 0..100 {
        held.check().await.unwrap();
    }
    assert_eq!(server.count(&Method::PUT), 0);
    advance(FRESH).await;
    let checks = futures::future::join_all((0..100).map(|_| held.check())).await;
    assert!(checks.iter().all(Result::is_ok));
    assert_eq!(server.count(&Method::PUT), 1, "a hundred checks at once are one call");
}

#[tokio::test(start_paused = true)]
async fn a_broken_lock_fails_the_next_check_for_good() {
    let server = Server::new();
    let held = held_by_alice(&server).await;
    let found = server.lock().show().await.unwrap().unwrap();
    sleep(HEARTBEAT).await;
    server.lock().break_held(&found).await.unwrap();
    sleep(FRESH).await;
    let error = held.check().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert!(error.why.contains("cni-plan lock break"), "{}", error.why);
    assert_eq!(server.with(|state| state.lease.clone()), None, "a renewal does not bring it back");
    // Not even by chance is it ours again.
    let other = held_by_alice(&server).await;
    assert_eq!(held.check().await.unwrap_err(), error);
    held.release().await.unwrap();
    assert_eq!(other.check().await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn only_what_was_shown_is_broken() {
    let server = Server::new();
    let held = held_by_alice(&server).await;
    let found = server.lock().show().await.unwrap().unwrap();
    held.release().await.unwrap();
    assert_eq!(server.lock().break_held(&found).await, Ok(()), "it is gone already");
    let next = server.lock().take(&bob(), NOW).await.unwrap();
    let error = server.lock().break_held(&found).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert!(error.why.contains("bob@ci, pid 2"), "{}", error.why);
    advance(FRESH).await;
    assert_eq!(next.check().await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_release_leaves_what_others_have_taken_meanwhile() {
    let server = Server::new();
    let held = held_by_alice(&server).await;
    let again = LockHolder { who: "alice@laptop, pid 9".to_owned(), ..alice() };
    let second = server.lock().take(&again, NOW).await.unwrap();
    // The first has not looked since, and believes that it has the lock.
    held.release().await.unwrap();
    sleep(FRESH).await;
    assert_eq!(second.check().await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_away_for_a_while_costs_nothing() {
    let server = Server::new();
    let held = held_by_alice(&server).await;
    server.with(|state| state.away = true);
    sleep(Duration::from_secs(40)).await;
    let check = tokio::spawn(async move { held.check().await.map(|()| held) });
    sleep(Duration::from_secs(5)).await;
    assert!(!check.is_finished(), "as long as the term lasts it is worth asking again");
    server.with(|state| state.away = false);
    let held = check.await.unwrap().unwrap();
    held.release().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn nobody_writes_on_a_lock_that_may_have_expired() {
    let server = Server::new();
    let held = held_by_alice(&server).await;
    server.with(|state| state.away = true);
    let begun = Instant::now();
    sleep(FRESH).await;
    let error = held.check().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unreachable);
    assert!(error.what.starts_with("cannot renew the lock (lease kube-system/cni-plan)"), "{}", error.what);
    let gave_up = begun.elapsed();
    assert!(gave_up < TERM - MARGIN && gave_up > TERM - MARGIN - RETRY * 2, "{gave_up:?}");
    sleep(TERM).await;
    assert!(held.check().await.is_err());

    // Nobody has wanted it meanwhile: it is held again, by a renewal that only its holder can make.
    server.with(|state| state.away = false);
    assert_eq!(held.check().await, Ok(()));
    server.with(|state| state.away = true);
    sleep(TERM * 2).await;
    server.with(|state| {
        let mut lease = state.lease.clone().unwrap();
        lease["spec"]["holderIdentity"] = json!(bob().to_string());
        state.put(lease);
        state.away = false;
    });
    let error = held.check().await.unwrap_err();
    assert!(error.why.starts_with("bob@ci, pid 2, run r2 has had it since"), "{}", error.why);
}

#[tokio::test(start_paused = true)]
async fn sleep_is_seen_on_the_wall_where_the_steady_clock_stood_still() {
    let server = Server::new();
    let asleep = Arc::new(AtomicI64::new(0));
    let passed = Arc::clone(&asleep);
    let sleeper = LeaseLock {
        clock: Clock::with_wall(move || {
            let seconds = passed.load(Ordering::Relaxed);
            k8s_openapi::jiff::Timestamp::from_second(1_800_000_000 + seconds).unwrap()
        }),
        ..server.lock()
    };
    let held = sleeper.take(&alice(), NOW).await.unwrap();
    // The lid is closed for an hour; someone else has taken over. On this machine no time has passed.
    asleep.store(3600, Ordering::Relaxed);
    server.with(|state| state.lease = None);
    drop(server.lock().take(&bob(), NOW).await);
    let error = held.check().await.unwrap_err();
    assert!(error.why.starts_with("bob@ci"), "{}", error.why);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_found_out() {
    let server = Server::new();
    server.with(|state| state.troubles.push_back((Method::POST, Trouble::AnswerLost)));
    let held = held_by_alice(&server).await;
    assert_eq!(server.spec()["leaseTransitions"], 0, "it was taken once");
    for _ in 0..3 {
        sleep(FRESH).await;
        server.with(|state| state.troubles.push_back((Method::PUT, Trouble::AnswerLost)));
        assert_eq!(held.check().await, Ok(()));
    }
    server.with(|state| state.troubles.push_back((Method::DELETE, Trouble::AnswerLost)));
    held.release().await.unwrap();
    assert_eq!(server.with(|state| state.lease.clone()), None);
}

#[tokio::test(start_paused = true)]
async fn what_others_put_on_the_lease_is_kept() {
    let server = Server::new();
    let held = held_by_alice(&server).await;
    let label = |state: &mut server::State| {
        let mut lease = state.lease.clone().unwrap();
        lease["metadata"]["labels"] = json!({"team": "platform"});
        state.put(lease);
    };
    server.with(label);
    sleep(FRESH).await;
    assert_eq!(held.check().await, Ok(()));
    assert_eq!(server.with(|state| state.lease.as_ref().unwrap()["metadata"]["labels"]["team"].clone()), "platform");
    server.with(label);
    held.release().await.unwrap();
    assert_eq!(server.with(|state| state.lease.clone()), None);
}

#[tokio::test(start_paused = true)]
async fn a_missing_permission_is_named() {
    let server = Server::new();
    let cases = [(Method::POST, "create"), (Method::PUT, "update"), (Method::GET, "get")];
    for (method, verb) in cases {
        let server = if verb == "create" { Server::new() } else { server.clone() };
        if verb != "create" {
            left_by_alice(&server).await;
            sleep(TERM * 2).await;
        }
        server.with(|state| state.troubles.push_back((method, Trouble::Refused(403))));
        let Err(NotTaken::Failed(error)) = server.lock().take(&bob(), NOW).await else { panic!("{verb}") };
        assert_eq!(error.kind, ErrorKind::Denied);
        let cure = format!("grant the caller `{verb}` on `leases.coordination.k8s.io` in namespace kube-system (RBAC)");
        assert_eq!(error.cure, cure);
        let doing = if verb == "get" { "read" } else { "take" };
        assert_eq!(error.what, format!("cannot {doing} the lock (lease kube-system/cni-plan) in cluster test"));
    }
}

#[tokio::test(start_paused = true)]
async fn of_many_who_want_it_at_once_one_has_it_at_a_time() {
    let server = Server::new();
    let inside = Arc::new(AtomicUsize::new(0));
    let mut takers = tokio::task::JoinSet::new();
    for taker in 0..8 {
        let (lock, inside) = (server.lock(), Arc::clone(&inside));
        takers.spawn(async move {
            let holder = LockHolder { run: format!("run {taker}"), who: format!("taker {taker}") };
            for _ in 0..5 {
                let held = Box::new(lock.take(&holder, Duration::from_secs(86_400)).await.unwrap());
                assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                sleep(Duration::from_secs(30)).await;
                held.check().await.unwrap();
                inside.fetch_sub(1, Ordering::SeqCst);
                held.release().await.unwrap();
            }
        });
    }
    takers.join_all().await;
    assert_eq!(server.with(|state| state.lease.clone()), None);
}

//! Several runs after the same locks, kept in memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use cni_plan_core::{BoxFuture, ClusterLock};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::*;

/// All clusters' locks: who has which.
#[derive(Clone)]
struct Table(watch::Sender<HashMap<String, LockHolder>>, Arc<Mutex<Vec<String>>>);

/// One of them.
struct Cell {
    table: Table,
    key: String,
    /// The cluster answers nobody.
    away: bool,
}

struct HeldCell(Table, String);

impl Table {
    fn new() -> Table {
        Table(watch::Sender::new(HashMap::new()), Arc::default())
    }

    fn providers(&self, keys: &[&str], away: Option<&str>) -> Providers {
        let mut providers = Providers::default();
        for key in keys {
            let cell = Cell { table: self.clone(), key: (*key).to_owned(), away: Some(*key) == away };
            providers.add_lock(key, Arc::new(cell));
        }
        providers
    }

    fn holders(&self) -> HashMap<String, String> {
        self.0.borrow().iter().map(|(key, holder)| (key.clone(), holder.run.clone())).collect()
    }

    fn log(&self, what: String) {
        self.1.lock().unwrap().push(what);
    }
}

impl ClusterLock for Cell {
    fn show(&self) -> BoxFuture<'_, Result<Option<LockRecord>, ProviderError>> {
        Box::pin(async { Ok(self.table.0.borrow().get(&self.key).map(record)) })
    }

    fn take<'a>(
        &'a self,
        holder: &'a LockHolder,
        patience: Duration,
    ) -> BoxFuture<'a, Result<Box<dyn HeldLock>, NotTaken>> {
        Box::pin(async move {
            if self.away {
                return Err(NotTaken::Failed(not_taken(&self.key)));
            }
            // Others are at work while the question travels.
            tokio::task::yield_now().await;
            let mut changes = self.table.0.subscribe();
            let free = tokio::time::timeout(patience, async {
                loop {
                    let taken = self.table.0.send_if_modified(|held| {
                        let free = !held.contains_key(&self.key);
                        if free {
                            held.insert(self.key.clone(), holder.clone());
                        }
                        free
                    });
                    if taken {
                        return;
                    }
                    self.table.log(format!("{} awaits {}", holder.run, self.key));
                    changes.changed().await.unwrap();
                }
            });
            match free.await {
                Ok(()) => Ok(Box::new(HeldCell(self.table.clone(), self.key.clone())) as Box<dyn HeldLock>),
                Err(_) => Err(NotTaken::Held(record(&self.table.0.borrow()[&self.key]))),
            }
        })
    }

    fn break_held<'a>(&'a self, _: &'a LockRecord) -> BoxFuture<'a, Result<(), ProviderError>> {
        unreachable!("the engine breaks no lock")
    }
}

impl HeldLock for HeldCell {
    fn check(&self) -> BoxFuture<'_, Result<(), ProviderError>> {
        let held = self.0.0.borrow().contains_key(&self.1);
        Box::pin(async move { if held { Ok(()) } else { Err(not_taken(&self.1)) } })
    }

    fn release(self: Box<Self>) -> BoxFuture<'static, Result<(), ProviderError>> {
        Box::pin(async move {
            // Others are at work between any two releases.
            tokio::task::yield_now().await;
            self.0.0.send_modify(|held| drop(held.remove(&self.1)));
            Ok(())
        })
    }
}

fn record(holder: &LockHolder) -> LockRecord {
    LockRecord {
        holder: holder.clone(),
        since: "now".to_owned(),
        renewed: "now".to_owned(),
        silent: Duration::ZERO,
        expired: false,
    }
}

fn holder(run: &str) -> LockHolder {
    LockHolder { run: run.to_owned(), who: format!("somebody, pid {run}") }
}

fn keys(keys: &[&str]) -> Vec<String> {
    keys.iter().map(|key| (*key).to_owned()).collect()
}

const NO_PATIENCE: Duration = Duration::ZERO;
const MUCH: Duration = Duration::from_secs(3600);

#[tokio::test(start_paused = true)]
async fn all_of_them_are_held_until_they_are_released() {
    let table = Table::new();
    let providers = table.providers(&["a", "b", "c"], None);
    let locks = Locks::take(&keys(&["c", "a", "b", "a"]), &providers, &holder("1"), NO_PATIENCE).await.unwrap();
    assert_eq!(table.holders().len(), 3);
    assert_eq!(locks.check(&keys(&["a", "c"])).await, Ok(()));
    assert!(locks.check(&keys(&["a", "d"])).await.is_err(), "what was never taken is not held");
    table.0.send_modify(|held| drop(held.remove("b")));
    assert!(locks.check(&keys(&["a", "b"])).await.is_err(), "one that is lost is enough");
    assert!(locks.release_all().await.is_empty());
    assert_eq!(table.holders().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_held_or_away_leaves_nothing_taken() {
    let table = Table::new();
    table.0.send_modify(|held| drop(held.insert("b".to_owned(), holder("other"))));
    let clusters = keys(&["a", "b", "c"]);
    let refused = Locks::take(&clusters, &table.providers(&["a", "b", "c"], None), &holder("1"), NO_PATIENCE).await;
    let Err(NotLocked::Held(held)) = refused else { panic!("{refused:?}") };
    assert_eq!(held.into_iter().collect::<Vec<_>>(), [("b".to_owned(), record(&holder("other")))]);
    assert_eq!(table.holders(), HashMap::from([("b".to_owned(), "other".to_owned())]));

    table.0.send_modify(HashMap::clear);
    let refused = Locks::take(&clusters, &table.providers(&["a", "b", "c"], Some("c")), &holder("1"), MUCH).await;
    assert_eq!(refused.unwrap_err(), NotLocked::Failed(vec![not_taken("c")]));
    assert_eq!(table.holders().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn patience_is_for_all_of_them_together() {
    let table = Table::new();
    let providers = table.providers(&["a", "b"], None);
    table.0.send_modify(|held| *held = HashMap::from([("a".to_owned(), holder("x")), ("b".to_owned(), holder("x"))]));
    let begun = tokio::time::Instant::now();
    let patience = Duration::from_secs(60);
    let refused = Locks::take(&keys(&["a", "b"]), &providers, &holder("1"), patience).await;
    assert!(matches!(refused, Err(NotLocked::Held(_))));
    assert_eq!(begun.elapsed(), patience);
}

#[tokio::test(start_paused = true)]
async fn whoever_stops_waiting_knows_for_whom_it_was() {
    let table = Table::new();
    let providers = table.providers(&["a", "b"], None);
    table.0.send_modify(|held| drop(held.insert("b".to_owned(), holder("x"))));
    let told = Mutex::new(Vec::new());
    let waits_for = |key: &str, record: &LockRecord| told.lock().unwrap().push(format!("{key}: {}", record.holder.run));
    let stop = Box::pin(tokio::time::sleep(Duration::from_secs(7)));
    let begun = tokio::time::Instant::now();
    let patience = Patience { limit: MUCH, waits_for: &waits_for, stop };
    let refused = Locks::take(&keys(&["a", "b"]), &providers, &holder("1"), patience).await;
    let Err(NotLocked::Held(held)) = refused else { panic!("{refused:?}") };
    assert_eq!(held.keys().collect::<Vec<_>>(), ["b"]);
    assert_eq!(begun.elapsed(), Duration::from_secs(7));
    assert_eq!(*told.lock().unwrap(), ["b: x"]);
    assert_eq!(table.holders(), HashMap::from([("b".to_owned(), "x".to_owned())]));
}

#[tokio::test(start_paused = true)]
async fn two_that_meet_in_the_middle_do_not_both_give_up() {
    let table = Table::new();
    let providers = table.providers(&["a", "b", "c"], None);
    let (one, other) = (keys(&["a", "b", "c"]), keys(&["b", "c"]));
    let (first, second) = (holder("1"), holder("2"));
    let ends = futures::future::join(
        Locks::take(&one, &providers, &first, NO_PATIENCE),
        Locks::take(&other, &providers, &second, NO_PATIENCE),
    );
    let (one, other) = ends.await;
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
}

/// Every run wants some of the clusters and keeps them for a moment; all get what they want, and no
/// two have the same at a time.
#[tokio::test(start_paused = true)]
async fn many_runs_over_overlapping_clusters_all_come_to_an_end() {
    const CLUSTERS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
    for round in 0u64..200 {
        let table = Table::new();
        let mut runs = JoinSet::new();
        for run in 0u64..6 {
            let providers = table.providers(&CLUSTERS, None);
            // Any subset will do, as long as they differ from round to round.
            let bits = (round * 6 + run + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58;
            let wanted: Vec<&str> = (0..6).filter(|bit| bits >> bit & 1 == 1).map(|bit| CLUSTERS[bit]).collect();
            let (wanted, run, table) = (keys(&wanted), run.to_string(), table.clone());
            runs.spawn(async move {
                let locks = Locks::take(&wanted, &providers, &holder(&run), MUCH).await.unwrap();
                tokio::time::sleep(Duration::from_millis(5)).await;
                for key in &wanted {
                    assert_eq!(table.holders()[key], run);
                }
                locks.release_all().await;
            });
        }
        let all = tokio::time::timeout(Duration::from_secs(600), runs.join_all());
        assert!(all.await.is_ok(), "round {round}: {:?} hold; {:?}", table.holders(), table.1.lock().unwrap());
    }
}

//! What the journal costs: the same plan applied to the same world, with its journal on the disk and
//! with one that keeps nothing, at several numbers of clusters.
//!
//! `cargo bench -p cni-plan-tests --bench runs --profile dev` prints a table; numbers behind `--` are
//! numbers of clusters. Engine, adapters and sandbox run in this process, each call to the sandbox
//! waits 20 ms, pods are Ready at once, and as many steps go on at a time as the command's default.
//! `docs/performance.md` keeps a table; nothing here asserts a time.

#![expect(clippy::print_stdout, reason = "the table is what a benchmark is for")]
#![expect(clippy::unwrap_used, reason = "a benchmark stops at the first surprise")]

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use cni_plan_aws::{Aws, AwsOptions, StaticCredentials, Visibility};
use cni_plan_core::{
    Call, CallObserver, ChangeSet, ClusterLock, FORMAT_VERSION, Header, LockHolder, PlannedCluster, ProviderError,
    diff, digest_of, prove,
};
use cni_plan_engine::journal::{FileStorage, JOURNAL_VERSION, Record, RunHeader, Storage, Tail};
use cni_plan_engine::{Ended, Execution, Journal, Locks, Providers, Stop, apply, observe, read_facts};
use cni_plan_kubernetes::ClusterProvider;
use cni_plan_sandbox::{ClusterSeed, Options, Sandbox};
use cni_plan_spec::{cluster_refs, compile, parse};

const LATENCY: Duration = Duration::from_millis(20);
/// The command's default.
const PARALLELISM: usize = 10;
/// Of each, taken in turn; the least disturbed counts.
const ROUNDS: usize = 3;

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    println!(
        "{:>8} {:>9} {:>10} {:>10} {:>7} {:>8} {:>7} {:>10} {:>11}",
        "clusters", "steps", "on disk", "nowhere", "more", "records", "syncs", "per sync", "sync, mean"
    );
    for clusters in sizes() {
        let (mut nowhere, mut on_disk) = (Duration::MAX, Duration::MAX);
        let mut counts = Counts::default();
        for _ in 0..ROUNDS {
            nowhere = nowhere.min(runtime.block_on(applied(clusters, Nowhere, &Counts::default())));
            counts = Counts::default();
            on_disk = on_disk.min(runtime.block_on(applied(clusters, in_a_file(), &counts)));
        }
        let (records, syncs) = (counts.records(), counts.syncs());
        println!(
            "{clusters:>8} {:>9} {:>8.2} s {:>8.2} s {:>5.1} % {records:>8} {syncs:>7} {:>10.2} {:>8.2} ms",
            (records - 1) / 2,
            on_disk.as_secs_f64(),
            nowhere.as_secs_f64(),
            (on_disk.as_secs_f64() / nowhere.as_secs_f64() - 1.0) * 100.0,
            records as f64 / syncs as f64,
            counts.syncing().as_secs_f64() * 1e3 / syncs as f64,
        );
    }
}

/// The file lives as long as it is open.
fn in_a_file() -> FileStorage {
    FileStorage::new(tempfile::tempfile_in(".").unwrap(), 0).unwrap()
}

/// Numbers of clusters: those named as arguments, or a range that shows the growth.
fn sizes() -> Vec<usize> {
    let named: Vec<usize> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    if named.is_empty() { vec![10, 100, 1_000] } else { named }
}

/// How long it takes to apply the plan of so many clusters in a world of its own.
async fn applied(clusters: usize, storage: impl Storage + 'static, counts: &Counts) -> Duration {
    let options = Options {
        latency: LATENCY,
        pods_ready_after: Duration::ZERO,
        // The nodes', the plugin's and those that every account has, all in one.
        roles_per_account: 3 * clusters,
        ..Options::default()
    };
    let sandbox = Sandbox::start(options).await.unwrap();
    for cluster in 0..clusters {
        let node_roles = vec![format!("nodes-{cluster}")];
        let seed = ClusterSeed { nodes: 1, node_roles, ..ClusterSeed::new(name(cluster)) };
        sandbox.ensure_cluster(&seed).unwrap();
    }
    let (change_set, providers) = plan(clusters, &sandbox).await;
    let keys: Vec<String> = change_set.header.clusters.iter().map(|planned| planned.cluster.key.clone()).collect();
    let holder = LockHolder { run: "run".to_owned(), who: "bench".to_owned() };
    let locks = Locks::take(&keys, &providers, &holder, Duration::from_secs(60)).await.unwrap();
    let stop = Stop::default();
    let execution = Execution { providers: &providers, locks: &locks, parallelism: PARALLELISM, events: &|_| (), stop };
    let storage = Counted { storage, counts: counts.clone() };
    let open = async || {
        let journal = Journal::start(storage, Tail::empty()).unwrap();
        journal.write(&header(&change_set)).await.unwrap();
        // From here on every step is recorded; what was read before costs the same without a journal.
        counts.begin();
        Ok::<_, ProviderError>(journal)
    };
    let ended = apply(&change_set, &execution, open).await.unwrap();
    let took = counts.since_begun();
    assert!(matches!(ended, Ended::Done), "{ended:?}");
    assert!(locks.release_all().await.is_empty());
    took
}

/// The plan of the whole world, and what carries it out.
async fn plan(clusters: usize, sandbox: &Sandbox) -> (ChangeSet, Providers) {
    let names: String = (0..clusters).map(|cluster| format!("  - name: {}\n", name(cluster))).collect();
    let text = format!("version: 1\ndefaults: {{ region: us-west-2 }}\nclusters:\n{names}");
    let no_files = |_: &str| Err(io::Error::from(io::ErrorKind::NotFound));
    let spec = parse("spec.yaml", &text, &no_files).unwrap();
    let aws = Arc::new(Aws::new(aws_options(sandbox), observer()));
    let asked = cluster_refs(&spec);
    let facts = read_facts(&asked, aws.as_ref(), &|_, _| {}).await;
    let planned: Vec<PlannedCluster> = asked
        .into_iter()
        .zip(facts)
        .map(|((cluster, asked), facts)| PlannedCluster { cluster, asked, facts: facts.unwrap() })
        .collect();
    let mut providers = Providers::default();
    let first = &planned[0];
    providers.add_account(&first.facts.account, aws.account(&first.cluster).await.unwrap());
    for PlannedCluster { cluster, facts, .. } in &planned {
        let (endpoint, tokens) = (facts.endpoint.as_deref().unwrap(), aws.token_source(cluster, facts));
        let provider = ClusterProvider::from_endpoint(&cluster.key, endpoint, None, tokens, observer()).unwrap();
        let provider = Arc::new(provider);
        providers.add_lock(&cluster.key, Arc::clone(&provider) as Arc<dyn ClusterLock>);
        providers.add_cluster(&cluster.key, provider);
    }
    let graph = compile(&spec, &planned).unwrap();
    let observed = observe(graph.iter().map(|(address, node)| (address, &node.target)), &providers).await;
    let diff = diff(graph, observed).unwrap();
    let header = Header {
        format_version: FORMAT_VERSION,
        tool_version: "bench".to_owned(),
        spec: "spec.yaml".to_owned(),
        spec_digest: digest_of(text.as_bytes()),
        clusters: planned,
        outside: Vec::new(),
        roles: Vec::new(),
    };
    let safety = prove(&diff.changes);
    (ChangeSet { header, findings: diff.findings, safety, changes: diff.changes }, providers)
}

fn name(cluster: usize) -> String {
    format!("cluster-{cluster:04}")
}

fn aws_options(sandbox: &Sandbox) -> AwsOptions {
    let environment = sandbox.environment();
    let value = |name: &str| environment.iter().find(|(it, _)| it == name).unwrap().1.clone();
    let keys = StaticCredentials { key_id: value("AWS_ACCESS_KEY_ID"), secret: value("AWS_SECRET_ACCESS_KEY") };
    AwsOptions {
        endpoint_url: Some(sandbox.url()),
        default_region: Some("us-west-2".to_owned()),
        credentials: Some(Arc::new(move |_| keys.clone())),
        // The sandbox's readers see a write at once; how long others may take has nothing to do with
        // the journal.
        visibility: Some(Visibility::within(Duration::from_millis(800))),
    }
}

fn header(change_set: &ChangeSet) -> Record {
    Record::Run(RunHeader {
        version: JOURNAL_VERSION,
        run: "run".to_owned(),
        tool: "bench".to_owned(),
        spec: change_set.header.spec.clone(),
        change_set: digest_of(change_set.to_json().as_bytes()),
        steps: None,
    })
}

/// Nobody listens.
struct Deaf;

impl CallObserver for Deaf {
    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn called(&self, _: Call) {}
}

fn observer() -> Arc<dyn CallObserver> {
    Arc::new(Deaf)
}

/// A store that keeps nothing: what is left is what making the records costs.
struct Nowhere;

impl Storage for Nowhere {
    fn append(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How often a storage was written to and synced, for how long, and since when.
#[derive(Clone, Default)]
struct Counts(Arc<Counters>);

#[derive(Default)]
struct Counters {
    records: AtomicUsize,
    syncs: AtomicUsize,
    microseconds: AtomicUsize,
    begun: std::sync::OnceLock<Instant>,
}

impl Counts {
    fn begin(&self) {
        self.0.begun.get_or_init(Instant::now);
    }

    fn since_begun(&self) -> Duration {
        self.0.begun.get().unwrap().elapsed()
    }

    fn records(&self) -> usize {
        self.0.records.load(Ordering::SeqCst)
    }

    fn syncs(&self) -> usize {
        self.0.syncs.load(Ordering::SeqCst)
    }

    fn syncing(&self) -> Duration {
        Duration::from_micros(self.0.microseconds.load(Ordering::SeqCst) as u64)
    }
}

/// A storage whose use is counted.
struct Counted<S> {
    storage: S,
    counts: Counts,
}

impl<S: Storage> Storage for Counted<S> {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let lines = bytes.iter().filter(|&&byte| byte == b'\n').count();
        self.counts.0.records.fetch_add(lines, Ordering::SeqCst);
        self.storage.append(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        let began = Instant::now();
        let synced = self.storage.sync();
        let took = usize::try_from(began.elapsed().as_micros()).unwrap_or(usize::MAX);
        self.counts.0.microseconds.fetch_add(took, Ordering::SeqCst);
        self.counts.0.syncs.fetch_add(1, Ordering::SeqCst);
        synced
    }
}

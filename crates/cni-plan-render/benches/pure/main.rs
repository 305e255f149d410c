//! What the pure part of a plan costs, and how that grows: compile, diff, hazards, proof, change set, text.
//!
//! `cargo bench -p cni-plan-render --bench pure` prints a table: the median of several rounds for
//! each size, and the process's largest memory so far. `docs/performance.md` keeps one.

#![expect(clippy::print_stdout, reason = "the table is what a benchmark is for")]

mod fleet;

use std::time::{Duration, Instant};

use cni_plan_core::{ChangeSet, diff, hazards, prove};
use cni_plan_render::{Style, plan_html, plan_markdown, plan_text};

use fleet::Fleet;

/// The command's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 5;

fn main() {
    println!(
        "{:>8} {:>9} {:>9} {:>9} {:>9} {:>9} {:>11} {:>9} {:>9} {:>9} {:>9} {:>8}",
        "clusters",
        "resources",
        "compile",
        "diff",
        "hazards",
        "proof",
        "change set",
        "text",
        "markdown",
        "html",
        "total",
        "peak MB"
    );
    for clusters in sizes() {
        let fleet = Fleet::of(clusters);
        let mut rounds: Vec<Round> = (0..ROUNDS).map(|_| plan(&fleet)).collect();
        rounds.sort_by_key(Round::total);
        let median = &rounds[ROUNDS / 2];
        let ms = |duration: Duration| format!("{:.1} ms", duration.as_secs_f64() * 1e3);
        println!(
            "{clusters:>8} {:>9} {:>9} {:>9} {:>9} {:>9} {:>11} {:>9} {:>9} {:>9} {:>9} {:>8}",
            median.resources,
            ms(median.compile),
            ms(median.diff),
            ms(median.hazards),
            ms(median.proof),
            ms(median.change_set),
            ms(median.text),
            ms(median.markdown),
            ms(median.html),
            ms(median.total()),
            peak_megabytes(),
        );
    }
}

/// Numbers of clusters: those named as arguments, or a range that shows the growth.
fn sizes() -> Vec<usize> {
    let named: Vec<usize> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    if named.is_empty() { vec![125, 250, 500, 1_000, 2_500, 5_000, 12_500] } else { named }
}

/// Durations of one plan's parts.
struct Round {
    resources: usize,
    compile: Duration,
    diff: Duration,
    hazards: Duration,
    proof: Duration,
    change_set: Duration,
    text: Duration,
    markdown: Duration,
    html: Duration,
}

impl Round {
    /// What `plan` does before it saves; the Markdown twin and the page are told apart.
    fn total(&self) -> Duration {
        self.compile + self.diff + self.hazards + self.proof + self.change_set + self.text
    }
}

fn plan(fleet: &Fleet) -> Round {
    let began = Instant::now();
    let graph = fleet.compiled();
    let compiled = began.elapsed();
    // What is live comes from the services: making it up is not part of the cost.
    let observed = fleet::observed(&graph);

    let began = Instant::now();
    let diff = diff(graph, observed).expect("everything was seen");
    let diffed = began.elapsed();

    let began = Instant::now();
    let safety = prove(&diff.changes);
    let proved = began.elapsed();
    assert!(safety.is_safe(), "the procedure is");

    let began = Instant::now();
    let header = fleet.header();
    let assembled = began.elapsed();

    let began = Instant::now();
    let mut findings = diff.findings;
    findings.extend(hazards(&header, &diff.changes));
    let examined = began.elapsed();
    let change_set = ChangeSet { header, findings, safety, changes: diff.changes };
    let shown = timed(|| plan_text(&change_set, &Style { color: false, width: 100 }));
    let written = timed(|| change_set.to_json());
    let digest = change_set.digest();
    let markdown_shown = timed(|| plan_markdown(&change_set, &digest));
    let html_shown = timed(|| plan_html(&change_set, &digest));
    Round {
        resources: change_set.changes.len(),
        compile: compiled,
        diff: diffed,
        hazards: examined,
        proof: proved,
        change_set: assembled + written,
        text: shown,
        markdown: markdown_shown,
        html: html_shown,
    }
}

/// How long making a text takes; as in the command, no two of them are held at once.
fn timed(make: impl FnOnce() -> String) -> Duration {
    let began = Instant::now();
    let text = make();
    let took = began.elapsed();
    assert!(text.len() > 1000, "something was made");
    took
}

/// The largest resident set so far, as Linux keeps it.
fn peak_megabytes() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kilobytes = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kilobytes.map_or_else(|| "-".to_owned(), |kilobytes| (kilobytes / 1024).to_string())
}

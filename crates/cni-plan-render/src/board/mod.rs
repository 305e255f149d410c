//! A command at work, as the few rows at the bottom of a terminal show it: where the run is as a whole, and
//! each step under way with how long it has been so and what it waits for. Where there are more
//! steps than rows, they are summarised by what they do.
//!
//! Made of what is told and of the time, which is passed in; [`Frame`](crate::Frame) draws it.

mod layout;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use cni_plan_core::{Action, Address, Event, Kind, Phase, Progress};

use crate::event::{doing, settling, standing};
use crate::style::Style;
use crate::told::Told;
use crate::words::{self, elapsed};

use layout::Rows;

/// Rows at most, however high the terminal is: what happened before should stay to be seen.
const MOST: usize = 16;

/// What there is to show of a command at work.
#[derive(Debug, Default)]
pub struct Board {
    /// What is waited for beside steps, and since when: locks, reads.
    waiting: BTreeMap<String, Waiting>,
    run: Option<Run>,
    is_stopping: bool,
}

#[derive(Debug)]
struct Waiting {
    since: Duration,
    head: String,
    detail: String,
}

/// A terminal's size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Characters in a row.
    pub columns: usize,
    /// Rows.
    pub rows: usize,
}

#[derive(Debug)]
struct Run {
    phase: Phase,
    since: Duration,
    steps: usize,
    done: usize,
    failed: usize,
    /// The steps of each cluster that are not done.
    left: HashMap<String, usize>,
    clusters: usize,
    running: BTreeMap<Address, Running>,
}

#[derive(Debug)]
struct Running {
    since: Duration,
    action: Action,
    progress: Option<Progress>,
}

impl Board {
    /// Takes in what was told, `now` being the time since any moment.
    pub fn hear(&mut self, told: &Told<'_>, now: Duration) {
        match told {
            Told::Reading { clusters } => {
                self.wait("", now, format!("Reading {}", words::count(*clusters, "cluster")), String::new());
            }
            Told::LockAwaited { cluster, record, .. } => {
                let detail = format!("{} has it since {}", record.holder, record.since);
                self.wait(cluster, now, format!("Waiting for the lock of cluster {cluster}"), detail);
            }
            Told::Stopping { .. } => self.is_stopping = true,
            Told::Happened(event) => self.hear_event(event, now),
            Told::Warning(_) | Told::Saved { .. } | Told::Summary(_) | Told::Command { .. } => {}
            Told::Outcome { .. } => *self = Board::default(),
            Told::Planned(_)
            | Told::Taken { .. }
            | Told::Run { .. }
            | Told::LocksTaken { .. }
            | Told::Drift(_)
            | Told::AppliedAlready { .. }
            | Told::Checking { .. }
            | Told::Checked { .. }
            | Told::FactsDrift(_)
            | Told::OutsideDrift(..)
            | Told::RolesDrift(_)
            | Told::RolledBack(_)
            | Told::Error(_) => self.waiting.clear(),
        }
    }

    fn hear_event(&mut self, event: &Event, now: Duration) {
        match event {
            Event::Observing { resources } => {
                let resources = words::count(*resources, "resource");
                self.wait("", now, format!("Looking at what is live of {resources}"), String::new());
            }
            Event::Settling { resources } => self.wait("", now, settling(*resources), String::new()),
            Event::Began { phase, steps } => {
                self.waiting.clear();
                self.run = (!steps.is_empty()).then(|| Run::of(*phase, steps, now));
            }
            Event::NotRecorded { .. } => {}
            Event::Ended { .. } => self.run = None,
            Event::Started { address, action, .. } => {
                if let Some(run) = &mut self.run {
                    run.running.insert(address.clone(), Running { since: now, action: *action, progress: None });
                }
            }
            Event::Progressed { address, progress, .. } => {
                if let Some(step) = self.run.as_mut().and_then(|run| run.running.get_mut(address)) {
                    step.progress = Some(progress.clone());
                }
            }
            Event::Finished { address, .. } => {
                if let Some(run) = &mut self.run {
                    run.finished(address);
                }
            }
            Event::Failed { address, .. } => {
                if let Some(run) = &mut self.run {
                    run.running.remove(address);
                    run.failed += 1;
                }
            }
        }
    }

    /// What has a key is waited for beside what has another; what has none comes after what had none before.
    fn wait(&mut self, key: &str, now: Duration, head: String, detail: String) {
        let same = self.waiting.get(key).filter(|waiting| waiting.head == head);
        let since = same.map_or(now, |waiting| waiting.since);
        self.waiting.insert(key.to_owned(), Waiting { since, head, detail });
    }

    /// Whether there is nothing to show.
    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.run.is_none()
    }

    /// How many clusters the run under way is about.
    pub fn clusters(&self) -> usize {
        self.run.as_ref().map_or(0, |run| run.clusters)
    }

    /// The rows to show `now` on a terminal of this size: none of them is wider, and there are fewer than it
    /// has; none where nothing is under way.
    pub fn rows(&self, now: Duration, size: Size, style: &Style) -> Vec<String> {
        let mut rows = Rows::new(size, MOST);
        for Waiting { since, head, detail } in self.waiting.values() {
            rows.title(&format!("{head}, {}", elapsed(now.saturating_sub(*since))));
            rows.note(detail);
        }
        if let Some(run) = &self.run {
            rows.title(&run.title(now, self.is_stopping));
            run.steps(&mut rows, now);
        }
        rows.finish(style)
    }
}

impl Run {
    fn of(phase: Phase, steps: &[Address], now: Duration) -> Run {
        // An account is no cluster: what a cluster alone has is steps on its pods.
        let is_of_cluster = |address: &&Address| {
            matches!(address.kind(), Kind::Annotate | Kind::Probe | Kind::Restart | Kind::Verify | Kind::Confirm)
        };
        let clusters: HashSet<&str> = steps.iter().filter(is_of_cluster).map(Address::scope).collect();
        let mut left: HashMap<String, usize> = HashMap::new();
        for address in steps.iter().filter(|address| clusters.contains(address.scope())) {
            *left.entry(address.scope().to_owned()).or_default() += 1;
        }
        Run {
            phase,
            since: now,
            steps: steps.len(),
            done: 0,
            failed: 0,
            clusters: left.len(),
            left,
            running: BTreeMap::new(),
        }
    }

    fn finished(&mut self, address: &Address) {
        self.running.remove(address);
        self.done += 1;
        if let Some(left) = self.left.get_mut(address.scope()) {
            *left -= 1;
        }
    }

    /// `Applying: 412 of 8,000 steps, 51 of 1,000 clusters done, 3m12s`.
    fn title(&self, now: Duration, is_stopping: bool) -> String {
        let number = |number: usize| words::grouped(number as u64);
        let doing = match self.phase {
            Phase::Apply => "Applying",
            Phase::Rollback => "Rolling back",
        };
        let mut title = format!("{doing}: {} of {} steps", number(self.done), number(self.steps));
        if self.clusters > 1 {
            let done = self.left.values().filter(|left| **left == 0).count();
            title.push_str(&format!(", {} of {} clusters", number(done), number(self.clusters)));
        }
        title.push_str(" done");
        if self.failed > 0 {
            title.push_str(&format!(", {} failed", number(self.failed)));
        }
        if is_stopping {
            title.push_str(", stopping");
        }
        format!("{title}, {}", elapsed(now.saturating_sub(self.since)))
    }

    /// Those under way, the longest first: one by one where there are rows for them, by what they do otherwise.
    fn steps(&self, rows: &mut Rows, now: Duration) {
        let mut steps: Vec<(&Address, &Running)> = self.running.iter().collect();
        steps.sort_by_key(|(_, running)| running.since);
        let told = |(address, running): &(&Address, &Running)| {
            let since = elapsed(now.saturating_sub(running.since));
            let head = format!("{}: {}, {since}", subject(address), doing(self.phase, address, running.action));
            (head, self.detail(running))
        };
        let items: Vec<(String, String)> = steps.iter().map(told).collect();
        if items.len() <= rows.room() {
            rows.items(&items);
            return;
        }
        let mut groups: Vec<(&str, Vec<&(&Address, &Running)>)> = Vec::new();
        for step in &steps {
            let doing = doing(self.phase, step.0, step.1.action);
            match groups.iter_mut().find(|(other, _)| *other == doing) {
                Some((_, group)) => group.push(step),
                None => groups.push((doing, vec![step])),
            }
        }
        let summarised = |(doing, group): &(&str, Vec<&(&Address, &Running)>)| match group.as_slice() {
            [only] => told(only),
            several => {
                let (address, running) = several[0];
                let since = elapsed(now.saturating_sub(running.since));
                let head = format!("{} {doing}, the longest {}, {since}", several.len(), subject(address));
                (head, self.detail(running))
            }
        };
        rows.items(&groups.iter().map(summarised).collect::<Vec<_>>());
    }

    fn detail(&self, running: &Running) -> String {
        running.progress.as_ref().map_or_else(String::new, |progress| standing(self.phase, progress))
    }
}

/// What a step is about: of the steps on pods, of which a cluster has one of each kind, the cluster.
fn subject(address: &Address) -> &str {
    match address.kind() {
        Kind::Annotate | Kind::Probe | Kind::Restart | Kind::Verify | Kind::Confirm => address.scope(),
        _ => address.as_str(),
    }
}

#[cfg(test)]
mod tests;

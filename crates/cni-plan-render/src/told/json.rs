//! What is told, as lines of JSON. `docs/events.md` is the page about it, `docs/schema/events.schema.json` its
//! schema; a change here that a reader could stumble over raises [`EVENTS_VERSION`].

use std::borrow::Cow;
use std::time::Duration;

use cni_plan_core::{
    Action, Address, ChangeSet, Danger, Event, Finding, LockRecord, OutsideUse, Phase, Progress, ProviderError,
    Reversibility, SafetyVerdict, Severity, canonical_json,
};
use serde::Serialize;
use serde_json::Value;

use super::{Told, ToldError};
use crate::event::not_recorded;
use crate::rollback::ToldResidue;
use crate::totals;

/// The version of the format.
pub const EVENTS_VERSION: u32 = 1;

/// The JSON Schema of a line, as it is published.
pub const EVENTS_SCHEMA: &str = include_str!("../../../../docs/schema/events.schema.json");

impl Told<'_> {
    /// What is told as lines of JSON, without their line feeds, in ASCII: every other character is escaped, so
    /// that none can act on a terminal. `time` is when it was told, as RFC 3339 has it.
    pub fn json_lines(&self, time: &str) -> Vec<String> {
        #[derive(Serialize)]
        struct Timed<'a> {
            time: &'a str,
            #[serde(flatten)]
            event: Line<'a>,
        }
        self.lines().into_iter().map(|event| canonical_json::to_line(&Timed { time, event })).collect()
    }
}

/// What is told, as it stands in a line; its `type` is the variant's name.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Line<'a> {
    Version {
        version: u32,
        tool: &'a str,
        tool_version: &'a str,
        command: &'a str,
    },
    Reading {
        clusters: usize,
    },
    Change {
        address: &'a Address,
        action: Action,
        why: &'a str,
        clusters: &'a [String],
        depends_on: &'a [Address],
        reversible: bool,
    },
    Finding {
        severity: Severity,
        code: &'a str,
        address: &'a Address,
        message: &'a str,
        cure: &'a str,
        accepted: Option<&'a str>,
    },
    Planned(Totals<'a>),
    Saved {
        files: &'a [String],
    },
    ChangeSet {
        file: &'a str,
        #[serde(flatten)]
        totals: Totals<'a>,
    },
    Checked {
        check: &'static str,
        holds: bool,
        #[serde(skip_serializing_if = "str::is_empty")]
        message: &'a str,
    },
    Run {
        name: &'a str,
        phase: Phase,
        taken_up: bool,
    },
    LockAwaited {
        cluster: &'a str,
        holder: String,
        since: &'a str,
        renewed: &'a str,
        #[serde(serialize_with = "milliseconds", rename = "limit_ms")]
        limit: Duration,
    },
    LocksTaken {
        clusters: usize,
    },
    Observing {
        resources: usize,
    },
    Settling {
        resources: usize,
    },
    Began {
        phase: Phase,
        steps: usize,
    },
    StepStarted {
        #[serde(flatten)]
        step: Step<'a>,
        action: Action,
    },
    StepProgressed {
        #[serde(flatten)]
        step: Step<'a>,
        #[serde(flatten)]
        progress: Standing<'a>,
    },
    StepFinished {
        #[serde(flatten)]
        step: Step<'a>,
        action: Action,
        #[serde(serialize_with = "milliseconds", rename = "took_ms")]
        took: Duration,
    },
    StepFailed {
        #[serde(flatten)]
        step: Step<'a>,
        error: Failure<'a>,
    },
    Ended {
        phase: Phase,
        done: usize,
        #[serde(serialize_with = "milliseconds", rename = "took_ms")]
        took: Duration,
    },
    Stopping {
        at_once: bool,
    },
    Warning {
        message: Cow<'a, str>,
    },
    Drift {
        of: &'static str,
        name: String,
        planned: Value,
        found: Value,
    },
    AppliedAlready {
        run: Option<&'a str>,
        at: Option<&'a str>,
    },
    Restored {
        address: &'a Address,
    },
    Residue {
        address: &'a Address,
        why: &'a str,
        kept: bool,
        by_hand: &'a [String],
    },
    Error(Failure<'a>),
    Summary {
        message: &'a str,
    },
    Outcome {
        exit_code: u8,
        outcome: &'a str,
        #[serde(serialize_with = "milliseconds", rename = "took_ms")]
        took: Duration,
    },
}

#[derive(Debug, Serialize)]
struct Totals<'a> {
    /// The spec's name.
    spec: &'a str,
    clusters: usize,
    add: usize,
    change: usize,
    destroy: usize,
    run: usize,
    /// Whether no pod is ever without network permissions.
    safe: bool,
    /// Whether a finding forbids to apply it.
    refused: bool,
    /// A way to a pod without them.
    #[serde(skip_serializing_if = "Option::is_none")]
    danger: Option<&'a Danger>,
}

#[derive(Debug, Serialize)]
struct Step<'a> {
    phase: Phase,
    address: &'a Address,
    kind: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Standing<'a> {
    Pods { ready: usize, pods: usize, waiting_for: &'a [String], waiting_for_nodes: usize },
    Told { message: &'a str },
}

#[derive(Debug, Serialize)]
struct Failure<'a> {
    what: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    why: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    hint: &'a str,
}

impl Told<'_> {
    fn lines(&self) -> Vec<Line<'_>> {
        match *self {
            Told::Command { name, tool_version } => {
                vec![Line::Version { version: EVENTS_VERSION, tool: "cni-plan", tool_version, command: name }]
            }
            Told::Reading { clusters } => vec![Line::Reading { clusters }],
            Told::Planned(change_set) => planned(change_set),
            Told::Saved { files, .. } => vec![Line::Saved { files }],
            Told::Taken { file, change_set } | Told::Checking { file, change_set } => {
                vec![Line::ChangeSet { file, totals: totals(change_set) }]
            }
            Told::Checked { check, holds, what } => vec![Line::Checked { check, holds, message: what }],
            Told::Run { name, phase, is_taken_up } => vec![Line::Run { name, phase, taken_up: is_taken_up }],
            Told::LockAwaited { cluster, record: LockRecord { holder, since, renewed, .. }, limit } => {
                vec![Line::LockAwaited { cluster, holder: holder.to_string(), since, renewed, limit }]
            }
            Told::LocksTaken { clusters } => vec![Line::LocksTaken { clusters }],
            Told::Happened(event) => vec![happened(event)],
            Told::Stopping { at_once } => vec![Line::Stopping { at_once }],
            Told::Warning(message) => vec![Line::Warning { message: message.into() }],
            Told::Drift(drifts) => drifts
                .iter()
                .map(|drift| drifted("resource", drift.address.to_string(), json(&drift.planned), json(&drift.found)))
                .collect(),
            Told::FactsDrift(drifts) => drifts
                .iter()
                .map(|drift| drifted("cluster", drift.cluster.clone(), json(&drift.planned), json(&drift.found)))
                .collect(),
            Told::OutsideDrift(planned, found) => outside(planned, found),
            Told::RolesDrift(drifts) => drifts
                .iter()
                .map(|(planned, found)| {
                    let name = format!("{}/{}", planned.account, planned.name);
                    drifted("role", name, json(planned), json(found))
                })
                .collect(),
            Told::AppliedAlready { run, at } => vec![Line::AppliedAlready { run, at }],
            Told::RolledBack(report) => {
                let restored = report.restored.iter().map(|address| Line::Restored { address });
                let residue = report.residue.iter().map(|ToldResidue { address, why, by_hand, is_kept }| {
                    Line::Residue { address, why, kept: *is_kept, by_hand }
                });
                restored.chain(residue).collect()
            }
            Told::Error(ToldError { what, why, hint }) => vec![Line::Error(Failure { what, why, hint })],
            Told::Summary(message) => vec![Line::Summary { message }],
            Told::Outcome { exit_code, outcome, took } => vec![Line::Outcome { exit_code, outcome, took }],
        }
    }
}

/// The steps that call something, the findings, and then the totals.
fn planned(change_set: &ChangeSet) -> Vec<Line<'_>> {
    let changes = change_set.changes.iter().filter(|change| change.is_effective()).map(|change| Line::Change {
        address: &change.address,
        action: change.action,
        why: &change.why,
        clusters: &change.clusters,
        depends_on: &change.depends_on,
        reversible: matches!(change.reversibility, Reversibility::Reversible),
    });
    let findings = change_set.findings.iter().map(|finding| {
        let Finding { severity, code, address, message, cure, .. } = finding;
        Line::Finding { severity: *severity, code, address, message, cure, accepted: finding.acceptance() }
    });
    changes.chain(findings).chain([Line::Planned(totals(change_set))]).collect()
}

fn totals(change_set: &ChangeSet) -> Totals<'_> {
    let counts = change_set.counts();
    Totals {
        spec: &change_set.header.spec,
        clusters: change_set.header.clusters.len(),
        add: counts.add,
        change: counts.change,
        destroy: counts.destroy,
        run: counts.run,
        safe: change_set.safety.is_safe(),
        refused: totals::is_refused(change_set),
        danger: match &change_set.safety {
            SafetyVerdict::Unsafe(danger) => Some(danger),
            SafetyVerdict::Safe { .. } => None,
        },
    }
}

fn happened(event: &Event) -> Line<'_> {
    let step = |phase: &Phase, address| step(*phase, address);
    match event {
        Event::Observing { resources } => Line::Observing { resources: *resources },
        Event::Settling { resources } => Line::Settling { resources: *resources },
        Event::Began { phase, steps } => Line::Began { phase: *phase, steps: steps.len() },
        Event::Started { phase, address, action } => Line::StepStarted { step: step(phase, address), action: *action },
        Event::Progressed { phase, address, progress } => {
            Line::StepProgressed { step: step(phase, address), progress: standing(progress) }
        }
        Event::Finished { phase, address, action, took } => {
            Line::StepFinished { step: step(phase, address), action: *action, took: *took }
        }
        Event::Failed { phase, address, error: ProviderError { what, why, cure, .. } } => {
            Line::StepFailed { step: step(phase, address), error: Failure { what, why, hint: cure } }
        }
        Event::NotRecorded { why } => Line::Warning { message: not_recorded(why).into() },
        Event::Ended { phase, done, took } => Line::Ended { phase: *phase, done: *done, took: *took },
    }
}

fn step(phase: Phase, address: &Address) -> Step<'_> {
    Step { phase, address, kind: address.kind().as_str() }
}

fn standing(progress: &Progress) -> Standing<'_> {
    match progress {
        Progress::Pods { done, total, waiting_for, more } => {
            Standing::Pods { ready: *done, pods: *total, waiting_for, waiting_for_nodes: waiting_for.len() + more }
        }
        Progress::Told(message) | Progress::Noted(message) => Standing::Told { message },
    }
}

fn drifted(of: &'static str, name: String, planned: Value, found: Value) -> Line<'static> {
    Line::Drift { of, name, planned, found }
}

/// Each use that has come or gone.
fn outside(planned: &[OutsideUse], found: &[OutsideUse]) -> Vec<Line<'static>> {
    let name = |it: &OutsideUse| format!("{}/{}/{}/{}", it.account, it.role, it.region, it.cluster);
    let gone = planned.iter().filter(|it| !found.contains(it));
    let gone = gone.map(|it| drifted("neighbour", name(it), json(it), Value::Null));
    let come = found.iter().filter(|it| !planned.contains(it));
    gone.chain(come.map(|it| drifted("neighbour", name(it), Value::Null, json(it)))).collect()
}

fn json(state: &impl Serialize) -> Value {
    serde_json::to_value(state).expect("what a change set can hold is JSON")
}

fn milliseconds<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

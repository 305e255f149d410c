//! A run as plain lines, one an event, for where there is no terminal.

use cni_plan_core::{Action, Address, ErrorKind, Event, Kind, Phase, Progress};

use crate::inert::inert;
use crate::style::{Style, Tone};
use crate::words;

/// The line for an event, without a line feed; `None` where there is nothing to tell.
pub fn event_line(event: &Event, style: &Style) -> Option<String> {
    let mut line = String::new();
    let mut put = |tone, text: &str| style.put(&mut line, tone, &inert(text));
    match event {
        Event::Observing { .. } => return None,
        Event::Settling { resources } => put(Tone::Quiet, &settling(*resources)),
        Event::Began { steps, .. } if steps.is_empty() => return None,
        Event::Began { phase, steps } => put(Tone::Strong, &began(*phase, steps.len())),
        Event::Started { phase, address, action } => {
            put(Tone::Plain, address.as_str());
            put(Tone::Quiet, &format!(": {}", doing(*phase, address, *action)));
        }
        Event::Progressed { phase, address, progress } => {
            put(Tone::Plain, address.as_str());
            put(Tone::Quiet, &format!(": {}", standing(*phase, progress)));
        }
        Event::Finished { phase, address, action, took } => {
            put(Tone::Plain, address.as_str());
            put(Tone::Add, &format!(": {}", done(*phase, address, *action)));
            put(Tone::Quiet, &format!(" in {}", words::took(*took)));
        }
        Event::Failed { address, error, .. } if error.kind == ErrorKind::Interrupted => {
            put(Tone::Plain, address.as_str());
            put(Tone::Quiet, &format!(": stopped half-way, since {}", error.why));
        }
        Event::Failed { address, error, .. } => {
            put(Tone::Plain, address.as_str());
            put(Tone::Remove, ": failed: ");
            put(Tone::Plain, &error.to_string());
            put(Tone::Plain, &format!("; {}", error.cure));
        }
        Event::NotRecorded { why } => {
            put(Tone::Alter, "warning: ");
            put(Tone::Plain, &not_recorded(why));
        }
        Event::Ended { phase, done, took } => put(Tone::Strong, &ended(*phase, *done, &words::took(*took))),
    }
    Some(line)
}

fn began(phase: Phase, steps: usize) -> String {
    let steps = words::count(steps, "step");
    match phase {
        Phase::Apply => format!("Applying {steps}"),
        Phase::Rollback => format!("Rolling back {steps}"),
    }
}

fn ended(phase: Phase, steps: usize, took: &str) -> String {
    let steps = words::count(steps, "step");
    match phase {
        Phase::Apply => format!("Applied {steps} in {took}"),
        Phase::Rollback => format!("Rolled back {steps} in {took}"),
    }
}

pub(crate) fn settling(resources: usize) -> String {
    format!("Waiting until what is live of {} can be believed", words::count(resources, "resource"))
}

pub(crate) fn not_recorded(why: &str) -> String {
    format!("how the run ended could not be recorded, so it is listed as unfinished: {why}")
}

/// `3 of 12 pods Ready on the new role, waiting for ip-10-0-1-7 and 2 more`.
pub(crate) fn standing(phase: Phase, progress: &Progress) -> String {
    match progress {
        Progress::Told(what) | Progress::Noted(what) => what.clone(),
        Progress::Pods { total: 0, .. } => "no node is eligible".to_owned(),
        Progress::Pods { done, total, waiting_for, more } => {
            let as_wanted = match phase {
                Phase::Apply => "on the new role",
                Phase::Rollback => "as before",
            };
            let pods = format!("{done} of {} Ready {as_wanted}", words::count(*total, "pod"));
            match waiting_for.as_slice() {
                [] => pods,
                [node] if *more == 0 => format!("{pods}, waiting for {node}"),
                [node, others @ ..] => format!("{pods}, waiting for {node} and {} more", others.len() + more),
            }
        }
    }
}

/// What a step is doing: `attaching`, `restarting pods`. On the way back an action is what undoes the step, and what was
/// set to something else is put back.
pub(crate) fn doing(phase: Phase, address: &Address, action: Action) -> &'static str {
    match (address.kind(), action) {
        (Kind::Annotate, Action::Create | Action::Update | Action::Delete) if phase == Phase::Rollback => {
            "putting back what pods are told"
        }
        (_, Action::Update) if phase == Phase::Rollback => "putting back what it was",
        (Kind::Probe, _) => "proving the role",
        (Kind::Restart, _) => "restarting pods",
        (Kind::Verify, _) => "verifying pods",
        (Kind::Confirm, _) => "confirming with a pod born anew",
        (Kind::Attach | Kind::Detach, Action::Create) => "attaching",
        (Kind::Attach | Kind::Detach, Action::Delete) => "detaching",
        (Kind::Annotate, Action::Create | Action::Update | Action::Delete) => "annotating",
        (_, Action::Create) => "creating",
        (_, Action::Update) => "updating",
        (_, Action::Delete) => "deleting",
        (_, Action::Run) => "running",
        (_, Action::None) => "left alone",
    }
}

/// What a step has done: `attached`, `restarted pods`.
fn done(phase: Phase, address: &Address, action: Action) -> &'static str {
    match (address.kind(), action) {
        (Kind::Annotate, Action::Create | Action::Update | Action::Delete) if phase == Phase::Rollback => {
            "put back what pods are told"
        }
        (_, Action::Update) if phase == Phase::Rollback => "put back what it was",
        (Kind::Probe, _) => "proved the role",
        (Kind::Restart, _) => "restarted pods",
        (Kind::Verify, _) => "verified pods",
        (Kind::Confirm, _) => "confirmed with a pod born anew",
        (Kind::Attach | Kind::Detach, Action::Create) => "attached",
        (Kind::Attach | Kind::Detach, Action::Delete) => "detached",
        (Kind::Annotate, Action::Create | Action::Update | Action::Delete) => "annotated",
        (_, Action::Create) => "created",
        (_, Action::Update) => "updated",
        (_, Action::Delete) => "deleted",
        (_, Action::Run) => "ran",
        (_, Action::None) => "left alone",
    }
}

//! What an action on pods does.

use std::time::Duration;

use cni_plan_core::{PodIdentity, Resource, Run};

use crate::attribute;
use crate::lines::{Lines, Mark};
use crate::words;

/// Why it runs, what the pods carry, what they are to carry, and how that is done.
pub(crate) fn describe(lines: &mut Lines, run: &Run, why: &str, before: Option<&Resource>) {
    let mut pair = |name: &str, value: &str| lines.push(Mark::Same, format_args!("{name:<8} {value}"));
    pair("why:", why);
    if let (Run::Restart { .. }, Some(Resource::Pods(pods))) = (run, before) {
        pair("now:", &attribute::carried(pods));
        if pods.not_ready > 0 {
            pair("but:", &format!("{} without a Ready pod", words::count(pods.not_ready as usize, "node")));
        }
    }
    match (run, run.identity()) {
        (Run::Probe { .. }, PodIdentity::WebIdentity { role_arn, .. }) => pair("role:", role_arn),
        (_, PodIdentity::NodeRole) => pair("wanted:", "every pod by the node role"),
        (_, identity) => pair("wanted:", &format!("every pod as {identity}")),
    }
    pair("how:", &how(run));
}

fn how(run: &Run) -> String {
    match run {
        Run::Probe { .. } => "a token of the service account takes it, and IAM is asked what it allows".to_owned(),
        Run::Restart { canary, max_unavailable, timeout, .. } => {
            let timeout = words::duration_text(*timeout);
            format!("canary {canary}, then {max_unavailable} at a time, {timeout} each")
        }
        Run::Verify { timeout, soak, .. } => {
            format!("all Ready within {}{}", words::duration_text(*timeout), soaked(*soak))
        }
        Run::Confirm { timeout, soak, .. } => {
            let timeout = words::duration_text(*timeout);
            format!("one pod deleted once more and Ready within {timeout}, then all{}", soaked(*soak))
        }
    }
}

fn soaked(soak: Duration) -> String {
    if soak == Duration::ZERO { String::new() } else { format!(", and so for {}", words::duration_text(soak)) }
}

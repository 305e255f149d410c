//! The calls a command made: a table, and the chain of those that had to wait for one another.

use std::time::Duration;

use cni_plan_core::{Call, Timings};

use crate::inert::inert;
use crate::page::Page;
use crate::style::{Style, Tone};
use crate::words;

/// The table of `--timings`; `*` marks the calls on the critical path.
pub fn timings_text(timings: &Timings, style: &Style) -> String {
    let mut page = Page::new(style);
    let Some(ended) = timings.calls.iter().map(|call| call.ended).max() else {
        page.line(0, &[(Tone::Strong, "No calls were made.")]);
        return page.finish();
    };
    let mut critical = vec![false; timings.calls.len()];
    for &at in &timings.critical_path {
        if let Some(critical) = critical.get_mut(at) {
            *critical = true;
        }
    }
    let service_width = widest(timings, "service", |call| call.service.chars().count());
    let operation_width = widest(timings, "operation", |call| inert(&call.operation).chars().count());
    let head = format!(
        "  {:service_width$}  {:operation_width$}  {:>9}  {:>9}",
        "service", "operation", "began ms", "took ms"
    );
    page.line(0, &[(Tone::Quiet, &head)]);
    for (call, critical) in timings.calls.iter().zip(critical) {
        let (mark, tone) = if critical { ("* ", Tone::Run) } else { ("  ", Tone::Plain) };
        let row = format!(
            "{:service_width$}  {:operation_width$}  {:>9}  {:>9}",
            call.service,
            inert(&call.operation),
            milliseconds(call.began),
            milliseconds(call.ended.saturating_sub(call.began)),
        );
        page.line(0, &[(tone, mark), (Tone::Plain, &row)]);
    }
    page.blank();
    let text = format!(
        "Critical path: {} in sequence; {} in all, the last answered after {} ms.",
        words::count(timings.critical_path.len(), "round trip"),
        words::count(timings.calls.len(), "call"),
        milliseconds(ended)
    );
    page.prose(0, (Tone::Plain, ""), Tone::Strong, &text);
    let path: Vec<String> = timings
        .critical_path
        .iter()
        .filter_map(|&at| timings.calls.get(at))
        .map(|call| format!("{} {}", call.service, inert(&call.operation)))
        .collect();
    page.prose(2, (Tone::Run, "* "), Tone::Plain, &path.join(" -> "));
    page.finish()
}

fn widest(timings: &Timings, head: &str, width: impl Fn(&Call) -> usize) -> usize {
    timings.calls.iter().map(width).max().unwrap_or(0).max(head.len())
}

fn milliseconds(duration: Duration) -> String {
    format!("{:.1}", duration.as_secs_f64() * 1000.0)
}

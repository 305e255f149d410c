//! `restart`: canary, maxUnavailable, timeout, soak.

use std::time::Duration;

use cni_plan_core::MaxUnavailable;

use super::duration::{duration, positive_duration};
use super::fields::{Field, Fields};
use super::keys::RESTART;
use crate::diagnostic::{Problem, Report, inert, quoted};
use crate::spec::RestartSpec;
use crate::yaml::Value;

pub(super) fn read(cluster: &Fields<'_>, report: &mut Report) -> RestartSpec {
    let restart = cluster.get("restart").and_then(|field| field.mapping(&RESTART, report));
    let get = |key: &str| restart.as_ref().and_then(|restart| restart.get(key));
    RestartSpec {
        canary: get("canary").and_then(|field| field.count(report)).unwrap_or(1),
        max_unavailable: get("maxUnavailable")
            .and_then(|field| max_unavailable(&field, report))
            .unwrap_or(MaxUnavailable::Percent(10)),
        timeout: get("timeout")
            .and_then(|field| timed(&field, report, positive_duration))
            .unwrap_or(Duration::from_secs(300)),
        soak: get("soak").and_then(|field| timed(&field, report, duration)).unwrap_or(Duration::ZERO),
    }
}

fn timed(field: &Field<'_>, report: &mut Report, check: fn(&str) -> Result<Duration, Problem>) -> Option<Duration> {
    match &field.node.value {
        Value::Text(_) => field.text(report, check),
        Value::Number(text) => {
            let problem = Problem::new(format!("needs a unit, found {}", quoted(text)));
            field.refuse(report, problem.hint(format!("write {0}s for seconds, {0}m for minutes", inert(text))));
            None
        }
        _ => {
            field.wrong_type(report, "a duration", Some("write such as 30s, 5m or 1h30m".to_owned()));
            None
        }
    }
}

/// A count of at least 1, or 1% to 100%.
fn max_unavailable(field: &Field<'_>, report: &mut Report) -> Option<MaxUnavailable> {
    const WANTED: &str = "a count or a percentage";
    let Value::Text(text) = &field.node.value else {
        return match &field.node.value {
            Value::Number(_) => field.count(report).map(MaxUnavailable::Count),
            _ => {
                field.wrong_type(report, WANTED, Some("write such as 2 or 10%".to_owned()));
                None
            }
        };
    };
    let problem = match text.strip_suffix('%') {
        Some(number) => match number.parse::<u8>() {
            Ok(percent @ 1..=100) if !number.starts_with('+') => return Some(MaxUnavailable::Percent(percent)),
            Ok(0) => Problem::new("cannot be 0%: no pod would ever be restarted").hint("write 1% or more"),
            _ => {
                Problem::new(format!("is no percentage: {}", quoted(text))).hint("write a whole number from 1% to 100%")
            }
        },
        None if text.parse::<u32>().is_ok() => {
            Problem::new(format!("must be {WANTED}, found the string {}", quoted(text)))
                .hint(format!("write {text} without quotes for a count, or {text}%"))
        }
        None => Problem::new(format!("must be {WANTED}, found {}", quoted(text))).hint("write such as 2 or 10%"),
    };
    field.refuse(report, problem);
    None
}

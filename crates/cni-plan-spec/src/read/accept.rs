//! Warnings that a spec accepts, each by its code and with a reason.

use cni_plan_core::{Severity, known_findings};

use super::fields::{Field, Fields};
use super::keys::{self, nearest};
use crate::diagnostic::{Problem, Report, quoted};
use crate::yaml::Value;

/// The longest reason that is shown whole in a terminal and a pull request.
const LONGEST_REASON: usize = 500;

pub(super) fn read(field: &Field<'_>, report: &mut Report) -> Vec<(String, String)> {
    let Value::Sequence(items) = &field.node.value else {
        let hint = "write `accept: [{ code: CODE, reason: WHY }]`".to_owned();
        field.wrong_type(report, "a list of codes with reasons", Some(hint));
        return Vec::new();
    };
    let mut accepted: Vec<(String, String)> = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let item = Field { path: format!("{}[{index}]", field.path), key_span: item.span, node: item };
        let Some(fields) = item.mapping(&keys::ACCEPT, report) else { continue };
        let (Some(code), Some(reason)) =
            (part(&item, &fields, "code", code, report), part(&item, &fields, "reason", reason, report))
        else {
            continue;
        };
        if accepted.iter().any(|(known, _)| *known == code) {
            item.refuse(report, Problem::new(format!("accepts {} again", quoted(&code))).hint("remove one of the two"));
            continue;
        }
        accepted.push((code, reason));
    }
    accepted
}

fn part(
    item: &Field<'_>,
    fields: &Fields<'_>,
    key: &str,
    check: fn(&str) -> Result<String, Problem>,
    report: &mut Report,
) -> Option<String> {
    let Some(field) = fields.get(key) else {
        let problem = Problem::new(format!("has no `{key}`"));
        item.refuse(report, problem.hint("write both: { code: CODE, reason: WHY }"));
        return None;
    };
    field.text(report, check)
}

/// A warning's code.
fn code(text: &str) -> Result<String, Problem> {
    let warnings: Vec<&str> =
        known_findings().iter().filter(|it| it.severity == Severity::Warn).map(|it| it.code).collect();
    if warnings.contains(&text) {
        return Ok(text.to_owned());
    }
    let problem = match known_findings().iter().find(|known| known.code == text).map(|known| known.severity) {
        Some(Severity::Refuse) => {
            return Err(Problem::new(format!("cannot be {}: that refuses the plan", quoted(text)))
                .hint("cure it; docs/findings.md says how"));
        }
        Some(_) => Problem::new(format!("cannot be {}: that asks for nothing", quoted(text))),
        None => Problem::new(format!("names no finding: {}", quoted(text))),
    };
    let allowed = format!("warnings are: {}", warnings.join(", "));
    Err(problem.hint(match nearest(text, &warnings) {
        Some(near) => format!("did you mean `{near}`? {allowed}"),
        None => allowed,
    }))
}

fn reason(text: &str) -> Result<String, Problem> {
    let length = text.chars().count();
    if text.trim().is_empty() {
        return Err(Problem::new("is empty").hint("say why it is no danger here, for whoever reviews the plan"));
    }
    if length > LONGEST_REASON || text.chars().any(char::is_control) {
        let problem = Problem::new(format!("must be one line of at most {LONGEST_REASON} characters"));
        return Err(problem.hint("shorten it, or link to where it is told"));
    }
    Ok(text.to_owned())
}

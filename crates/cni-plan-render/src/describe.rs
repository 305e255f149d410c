//! What one step does, in marked lines: the same for a terminal and for a Markdown diff block.
//! Knows nothing of colour or markup.

use std::borrow::Cow;
use std::fmt;

use cni_plan_core::{Action, Annotation, Change, Resource, Reversibility, Role, Target};

use crate::attribute::{self, Name, Value};
use crate::lines::{Lines, Mark};
use crate::style::Tone;
use crate::{document, run, words};

/// Field manager of this product's own annotations; see the Kubernetes adapter.
const OUR_FIELD_MANAGER: &str = "cni-plan";

/// Names longer than this do not push all other values to the right.
const PAD_AT_MOST: usize = 48;

/// Whether a difference is one that a plan makes, or one that the world made meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The plan.
    Plan,
    /// Somebody else.
    World,
}

/// Everything a reader should know of a step below its headline. A pair `old -> new` that is
/// longer than `width` is shown as two lines.
pub(crate) fn body(lines: &mut Lines, change: &Change, width: usize) {
    match (change.action, &change.before, &change.after) {
        (Action::Create, _, Some(after)) => whole(lines, after, Mark::Add),
        (Action::Delete, Some(before), _) => whole(lines, before, Mark::Remove),
        (Action::Update, Some(before), Some(after)) => {
            if let Some(way) = way(change) {
                lines.remark(Tone::Quiet, format_args!("{way}"));
            }
            difference(lines, before, after, Cause::Plan, width);
            untouched(lines, before, after);
        }
        (Action::Run, before, _) => {
            if let Some(run) = &change.run {
                run::describe(lines, run, &change.why, before.as_ref());
            }
        }
        _ => {}
    }
    if let Some(why) = irreversible(change) {
        lines.remark(Tone::Warn, format_args!("irreversible: {why}"));
    }
}

/// By which of three ways the pods are told their role, and why by that one.
fn way(change: &Change) -> Option<&'static str> {
    let (Target::ServiceAccount { addon, .. }, Some(Resource::ServiceAccount(after))) = (&change.target, &change.after)
    else {
        return None;
    };
    Some(match (&after.association, addon) {
        (Some(_), _) => "by a Pod Identity association, as the spec asks",
        (None, true) => "by UpdateAddon: EKS manages the plugin, and writes the annotation itself",
        (None, false) => "by annotation, as for a plugin that EKS does not manage",
    })
}

/// Why an effective step cannot be undone, where that is so.
pub(crate) fn irreversible(change: &Change) -> Option<&str> {
    match &change.reversibility {
        Reversibility::Irreversible { why } if change.is_effective() => Some(why),
        _ => None,
    }
}

/// Why a step does nothing. What is referred to and not there is not as the spec says, though
/// nothing is done about it: a finding tells more.
pub(crate) fn why_nothing(change: &Change) -> Cow<'_, str> {
    let may_be_gone = matches!(change.target, Target::Attachment { .. });
    if change.before.is_none() && !may_be_gone {
        return format!("not there; {}", change.why).into();
    }
    Cow::Borrowed(&change.why)
}

/// All of a resource, as it comes or goes.
pub(crate) fn whole(lines: &mut Lines, resource: &Resource, mark: Mark) {
    let attributes = attribute::of(resource);
    let pad = longest(attributes.keys());
    for (name, value) in &attributes {
        match value {
            Value::Text(text) => lines.push(mark, format_args!("{}", Aligned(name, pad, text))),
            Value::Annotation(annotation) => {
                lines.push(mark, format_args!("{}", Aligned(name, pad, &annotation.value)));
            }
            Value::Document(document) => {
                lines.push(mark, format_args!("{name}:"));
                document::whole(lines, document, mark);
            }
        }
    }
}

/// What differs between two states, attribute by attribute.
pub(crate) fn difference(lines: &mut Lines, before: &Resource, after: &Resource, cause: Cause, width: usize) {
    let changed = changed(before, after);
    let pad = longest(changed.iter().map(|(name, ..)| name));
    for (name, before, after) in &changed {
        match (before, after) {
            (Some(Value::Document(before)), Some(Value::Document(after))) => {
                lines.push(Mark::Alter, format_args!("{name}:"));
                document::difference(lines, before, after);
            }
            (before, after) => {
                let (former, latter) = (before.as_ref().map(on_one_line), after.as_ref().map(on_one_line));
                one_line(lines, name, pad, former, latter, width);
                if let Some(Value::Annotation(before)) = before {
                    ownership(lines, before, after.as_ref(), cause);
                }
            }
        }
    }
}

type Changed<'a> = (Name<'a>, Option<Value<'a>>, Option<Value<'a>>);

/// The attributes that differ, with their values before and after.
fn changed<'a>(before: &'a Resource, after: &'a Resource) -> Vec<Changed<'a>> {
    let mut former = attribute::of(before);
    let mut changed = Vec::new();
    for (name, value) in attribute::of(after) {
        // Names come in the same order on both sides: what is smaller and still there has gone.
        while let Some(entry) = former.first_entry().filter(|entry| *entry.key() < name) {
            let (gone, value) = entry.remove_entry();
            changed.push((gone, Some(value), None));
        }
        let was = former.remove(&name);
        if was.as_ref() != Some(&value) {
            changed.push((name, was, Some(value)));
        }
    }
    changed.extend(former.into_iter().map(|(name, value)| (name, Some(value), None)));
    changed
}

fn one_line(lines: &mut Lines, name: &Name<'_>, pad: usize, before: Option<&str>, after: Option<&str>, width: usize) {
    match (before, after) {
        (Some(before), Some(after)) if before == after => {
            lines.push(Mark::Same, format_args!("{}", Aligned(name, pad, after)));
        }
        (Some(before), Some(after)) => {
            let taken: usize = [pad.max(name.width()), before.chars().count(), after.chars().count()].iter().sum();
            if taken + ":   -> ".len() <= width {
                lines.push(Mark::Alter, format_args!("{} -> {after}", Aligned(name, pad, before)));
            } else {
                lines.push(Mark::Alter, format_args!("{name}:"));
                lines.push(Mark::Remove, format_args!("  {before}"));
                lines.push(Mark::Add, format_args!("  {after}"));
            }
        }
        (Some(gone), None) => lines.push(Mark::Remove, format_args!("{}", Aligned(name, pad, gone))),
        (None, Some(new)) => lines.push(Mark::Add, format_args!("{}", Aligned(name, pad, new))),
        (None, None) => {}
    }
}

fn on_one_line<'a>(value: &'a Value<'_>) -> &'a str {
    match value {
        Value::Text(text) => text,
        Value::Annotation(annotation) => &annotation.value,
        // Every resource with a document has one on both sides: it is diffed above.
        Value::Document(_) => "(a document)",
    }
}

fn ownership(lines: &mut Lines, before: &Annotation, after: Option<&Value<'_>>, cause: Cause) {
    let former = before.manager.as_deref();
    let latter = match after {
        Some(Value::Annotation(after)) => after.manager.as_deref(),
        _ => None,
    };
    match (cause, former) {
        (Cause::Plan, Some(former)) if former != OUR_FIELD_MANAGER && Some(former) != latter => {
            lines.remark(Tone::Warn, format_args!("  taken over from {former}"));
        }
        (Cause::World, former) if after.is_some() && former != latter => {
            let [former, latter] = [former, latter].map(|owner| owner.unwrap_or("nobody"));
            lines.remark(Tone::Warn, format_args!("  owner {former} -> {latter}"));
        }
        _ => {}
    }
}

/// What an update finds and leaves as it is, other people's things among it.
fn untouched(lines: &mut Lines, before: &Resource, after: &Resource) {
    match (before, after) {
        (Resource::Role(before), Resource::Role(after)) => {
            let stays = untouched_of_role(before, after);
            if !stays.is_empty() {
                lines.remark(Tone::Quiet, format_args!("left alone: {}", words::and(&stays)));
            }
        }
        (Resource::Policy(before), Resource::Policy(_)) => {
            if let Some(history) = &before.history {
                let (versions, default) = (history.versions.join(", "), &history.default_version);
                lines.remark(Tone::Quiet, format_args!("a new version beside {versions}; {default} was in force"));
            }
        }
        _ => {}
    }
}

fn untouched_of_role(before: &Role, after: &Role) -> Vec<String> {
    let statements = before.trust.statements().iter().filter(|statement| after.trust.contains(statement)).count();
    let tags = before.tags.iter().filter(|&(key, value)| after.tags.get(key) == Some(value)).count();
    let mut stays = Vec::new();
    if statements > 0 {
        stays.push(words::count(statements, "trust statement"));
    }
    if tags > 0 {
        stays.push(words::count(tags, "tag"));
    }
    if before.description.is_some() && before.description == after.description {
        stays.push("the description".to_owned());
    }
    if before.permissions_boundary.is_some() && before.permissions_boundary == after.permissions_boundary {
        stays.push("the boundary".to_owned());
    }
    stays
}

/// `name:  value`, with the values of one list below one another.
struct Aligned<'a>(&'a Name<'a>, usize, &'a str);

impl fmt::Display for Aligned<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Aligned(name, pad, value) = self;
        let gap = pad.saturating_sub(name.width());
        write!(f, "{name}:{:gap$}  {value}", "")
    }
}

fn longest<'a>(names: impl Iterator<Item = &'a Name<'a>>) -> usize {
    names.map(Name::width).filter(|width| *width <= PAD_AT_MOST).max().unwrap_or(0)
}

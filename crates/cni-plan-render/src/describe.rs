//! What one step does, as a headline and marked lines: the same for a terminal and for a Markdown
//! diff block. Knows nothing of colour or markup.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use cni_plan_core::{
    Action, Annotation, Change, MaxUnavailable, PodIdentity, Resource, Reversibility, Role, Run, Target,
};

use crate::attribute::{self, Name, Value};
use crate::style::Tone;
use crate::{document, words};

/// Field manager of this product's own annotations; see the Kubernetes adapter.
const OUR_FIELD_MANAGER: &str = "cni-plan";

/// What a line says of what it shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// It is so before and after.
    Same,
    /// It comes.
    Add,
    /// It goes.
    Remove,
    /// It changes.
    Alter,
    /// It runs.
    Run,
}

impl Mark {
    /// One column.
    pub(crate) fn symbol(self) -> char {
        match self {
            Mark::Same => ' ',
            Mark::Add => '+',
            Mark::Remove => '-',
            Mark::Alter => '~',
            Mark::Run => '!',
        }
    }

    pub(crate) fn tone(self) -> Tone {
        match self {
            Mark::Same => Tone::Plain,
            Mark::Add => Tone::Add,
            Mark::Remove => Tone::Remove,
            Mark::Alter => Tone::Alter,
            Mark::Run => Tone::Run,
        }
    }
}

/// A line of a step's description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) mark: Mark,
    pub(crate) tone: Tone,
    pub(crate) text: String,
}

impl Line {
    pub(crate) fn new(mark: Mark, text: String) -> Line {
        Line { mark, tone: Tone::Plain, text }
    }

    fn toned(tone: Tone, text: String) -> Line {
        Line { mark: Mark::Same, tone, text }
    }
}

/// Whether a difference is one that a plan makes, or one that the world made meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The plan.
    Plan,
    /// Somebody else.
    World,
}

/// A step in a few words: `role` and `AmazonEKSVPCCNIRole`.
pub(crate) struct Headline<'a> {
    pub(crate) mark: Mark,
    pub(crate) noun: &'static str,
    pub(crate) name: Cow<'a, str>,
}

impl fmt::Display for Headline<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.noun, self.name)
    }
}

/// Names a step by what it is done to.
pub(crate) fn headline(change: &Change) -> Headline<'_> {
    let mark = match change.action {
        Action::Create => Mark::Add,
        Action::Update => Mark::Alter,
        Action::Delete => Mark::Remove,
        Action::Run => Mark::Run,
        Action::None => Mark::Same,
    };
    let (noun, name) = match &change.target {
        Target::OidcProvider { arn, .. } => ("oidc-provider", after(arn, ":oidc-provider/").into()),
        Target::Policy { arn, .. } => ("policy", last(arn).into()),
        Target::Role { name, .. } => ("role", name.into()),
        Target::Attachment { role, policy_arn, .. } => {
            // What is gone or goes is off the role, whatever the kind of the step: rolling back turns it round.
            let on = change.after.is_some();
            let (noun, arrow) = if on { ("attach", "->") } else { ("detach", "off") };
            (noun, format!("{} {arrow} {role}", last(policy_arn)).into())
        }
        Target::ServiceAccount { namespace, name, .. } => ("annotate", format!("{namespace}/{name}").into()),
        Target::Pods { namespace, service_account, .. } => {
            let noun = match change.run {
                Some(Run::Restart { .. }) => "restart",
                Some(Run::Verify { .. }) => "verify",
                None => "pods",
            };
            (noun, format!("{namespace}/{service_account}").into())
        }
    };
    Headline { mark, noun, name }
}

fn after<'a>(arn: &'a str, mark: &str) -> &'a str {
    arn.split_once(mark).map_or(arn, |(_, name)| name)
}

fn last(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// Everything a reader should know of a step below its headline. Longer `old -> new` pairs than
/// `width` are shown as two lines.
pub(crate) fn body(change: &Change, width: usize) -> Vec<Line> {
    let mut lines = match (change.action, &change.before, &change.after) {
        (Action::Create, _, Some(after)) => whole(after, Mark::Add),
        (Action::Delete, Some(before), _) => whole(before, Mark::Remove),
        (Action::Update, Some(before), Some(after)) => {
            let mut lines = difference(before, after, Cause::Plan, width);
            lines.extend(untouched(before, after));
            lines
        }
        (Action::Run, before, _) => change.run.as_ref().map_or_else(Vec::new, |run| runs(change, run, before.as_ref())),
        _ => Vec::new(),
    };
    if let Some(why) = irreversible(change) {
        lines.push(Line::toned(Tone::Warn, format!("irreversible: {why}")));
    }
    lines
}

/// Why an effective step cannot be undone, where that is so.
pub(crate) fn irreversible(change: &Change) -> Option<&str> {
    match &change.reversibility {
        Reversibility::Irreversible { why } if change.is_effective() => Some(why),
        _ => None,
    }
}

/// All of a resource, as it comes or goes.
pub(crate) fn whole(resource: &Resource, mark: Mark) -> Vec<Line> {
    let attributes = attribute::of(resource);
    let names: Vec<String> = attributes.keys().map(Name::to_string).collect();
    let pad = longest(&names);
    let mut lines = Vec::new();
    for (name, value) in names.iter().zip(attributes.values()) {
        match value {
            Value::Text(text) => lines.push(Line::new(mark, aligned(name, pad, text))),
            Value::Annotation(annotation) => lines.push(Line::new(mark, aligned(name, pad, &annotation.value))),
            Value::Document(document) => {
                lines.push(Line::new(mark, format!("{name}:")));
                lines.extend(document::lines(document).into_iter().map(|line| Line::new(mark, format!("  {line}"))));
            }
        }
    }
    lines
}

/// What differs between two states, attribute by attribute.
pub(crate) fn difference(before: &Resource, after: &Resource, cause: Cause, width: usize) -> Vec<Line> {
    let (mut former, latter) = (attribute::of(before), attribute::of(after));
    let mut pairs: Vec<(String, Option<Value<'_>>, Option<Value<'_>>)> = Vec::new();
    for (name, value) in latter {
        // Names come in the same order on both sides: what is smaller and left over has gone.
        while let Some(entry) = former.first_entry().filter(|entry| entry.key() < &name) {
            let (gone, value) = entry.remove_entry();
            pairs.push((gone.to_string(), Some(value), None));
        }
        let was = former.remove(&name);
        if was.as_ref() != Some(&value) {
            pairs.push((name.to_string(), was, Some(value)));
        }
    }
    pairs.extend(former.into_iter().map(|(name, value)| (name.to_string(), Some(value), None)));

    let pad = longest(pairs.iter().map(|(name, ..)| name));
    let mut lines = Vec::new();
    for (name, before, after) in &pairs {
        match (before, after) {
            (Some(Value::Document(before)), Some(Value::Document(after))) => {
                lines.push(Line::new(Mark::Alter, format!("{name}:")));
                let shown = document::difference(before, after);
                lines.extend(shown.into_iter().map(|line| Line { text: format!("  {}", line.text), ..line }));
            }
            (before, after) => {
                one_line(
                    &mut lines,
                    name,
                    pad,
                    before.as_ref().map(on_one_line),
                    after.as_ref().map(on_one_line),
                    width,
                );
                if let (Some(Value::Annotation(before)), after) = (before, after) {
                    let after = match after {
                        Some(Value::Annotation(after)) => Some(*after),
                        _ => None,
                    };
                    lines.extend(ownership(before, after, cause));
                }
            }
        }
    }
    lines
}

fn one_line(lines: &mut Vec<Line>, name: &str, pad: usize, before: Option<&str>, after: Option<&str>, width: usize) {
    match (before, after) {
        (Some(before), Some(after)) if before == after => lines.push(Line::new(Mark::Same, aligned(name, pad, after))),
        (Some(before), Some(after)) => {
            let short = aligned(name, pad, &format!("{before} -> {after}"));
            if short.chars().count() <= width {
                lines.push(Line::new(Mark::Alter, short));
            } else {
                lines.push(Line::new(Mark::Alter, format!("{name}:")));
                lines.push(Line::new(Mark::Remove, format!("  {before}")));
                lines.push(Line::new(Mark::Add, format!("  {after}")));
            }
        }
        (Some(gone), None) => lines.push(Line::new(Mark::Remove, aligned(name, pad, gone))),
        (None, Some(new)) => lines.push(Line::new(Mark::Add, aligned(name, pad, new))),
        (None, None) => {}
    }
}

fn on_one_line<'a>(value: &'a Value<'_>) -> &'a str {
    match value {
        Value::Text(text) => text,
        Value::Annotation(annotation) => &annotation.value,
        Value::Document(_) => "(a document)",
    }
}

fn ownership(before: &Annotation, after: Option<&Annotation>, cause: Cause) -> Option<Line> {
    let former = before.manager.as_deref();
    let latter = after.and_then(|after| after.manager.as_deref());
    match cause {
        Cause::Plan => former
            .filter(|former| *former != OUR_FIELD_MANAGER && Some(*former) != latter)
            .map(|former| Line::toned(Tone::Warn, format!("  taken over from {former}"))),
        Cause::World if after.is_some() && former != latter => {
            let [former, latter] = [former, latter].map(|owner| owner.unwrap_or("nobody"));
            Some(Line::toned(Tone::Warn, format!("  owner {former} -> {latter}")))
        }
        Cause::World => None,
    }
}

/// What an update finds and leaves as it is, other people's things among it.
fn untouched(before: &Resource, after: &Resource) -> Option<Line> {
    let text = match (before, after) {
        (Resource::Role(before), Resource::Role(after)) => {
            let stays = untouched_of_role(before, after);
            if stays.is_empty() {
                return None;
            }
            format!("left alone: {}", words::and(&stays))
        }
        (Resource::Policy(before), Resource::Policy(_)) => {
            let history = before.history.as_ref()?;
            format!("a new version beside {}; {} was in force", history.versions.join(", "), history.default_version)
        }
        _ => return None,
    };
    Some(Line::toned(Tone::Quiet, text))
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

fn runs(change: &Change, run: &Run, before: Option<&Resource>) -> Vec<Line> {
    let mut pairs: Vec<(&str, String)> = vec![("why", change.why.clone())];
    if let (Run::Restart { .. }, Some(Resource::Pods(pods))) = (run, before) {
        pairs.push(("now", attribute::carried(pods)));
        if pods.not_ready > 0 {
            pairs.push(("but", format!("{} without a Ready pod", words::count(pods.not_ready as usize, "node"))));
        }
    }
    pairs.push(("wanted", wanted(run.identity())));
    pairs.push(("how", how(run)));
    pairs.into_iter().map(|(name, value)| Line::new(Mark::Same, aligned(name, "wanted".len(), &value))).collect()
}

fn wanted(identity: &PodIdentity) -> String {
    match identity {
        PodIdentity::NodeRole => "every pod by the node role".to_owned(),
        identity => format!("every pod as {identity}"),
    }
}

fn how(run: &Run) -> String {
    match run {
        Run::Restart { canary, max_unavailable, timeout, .. } => {
            let share = match max_unavailable {
                MaxUnavailable::Count(count) => count.to_string(),
                MaxUnavailable::Percent(percent) => format!("{percent}%"),
            };
            format!("canary {canary}, then {share} at a time, {} each", words::duration_text(*timeout))
        }
        Run::Verify { timeout, soak, .. } if *soak == Duration::ZERO => {
            format!("all Ready within {}", words::duration_text(*timeout))
        }
        Run::Verify { timeout, soak, .. } => {
            format!("all Ready within {}, and so for {}", words::duration_text(*timeout), words::duration_text(*soak))
        }
    }
}

/// `name:  value`, with the values of one list below one another.
fn aligned(name: &str, pad: usize, value: &str) -> String {
    let gap = pad.saturating_sub(name.chars().count());
    format!("{name}:{:gap$}  {value}", "")
}

/// Names longer than this do not push all other values to the right.
const PAD_AT_MOST: usize = 48;

fn longest<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> usize {
    names
        .into_iter()
        .map(|name| name.as_ref().chars().count())
        .filter(|length| *length <= PAD_AT_MOST)
        .max()
        .unwrap_or(0)
}

//! The safety verdict: one sentence where every pod keeps its permissions, a story where one does
//! not.

use std::collections::{BTreeMap, BTreeSet};

use cni_plan_core::{ChangeSet, Danger, Direction, Endangered, Exemption, Kind, SafetyVerdict, Target};

use crate::markdown::{clipped, code};
use crate::page::Page;
use crate::style::{Style, Tone};
use crate::{totals, words};

/// Exempt identities are named one by one up to this many; more are counted.
pub(crate) const NAMED_AT_MOST: usize = 6;

/// The verdict for a terminal; empty where nothing is done.
pub fn safety_text(verdict: &SafetyVerdict, style: &Style) -> String {
    let mut page = Page::new(style);
    write(&mut page, verdict, 0, None);
    page.finish()
}

/// The verdict of a plan, unless the findings have the last word on a safe one.
pub(crate) fn write_of_plan(page: &mut Page<'_>, change_set: &ChangeSet) {
    if !(change_set.safety.is_safe() && totals::is_refused(change_set)) {
        write(page, &change_set.safety, unread(change_set), where_looked(change_set, &str::to_owned));
    }
}

fn write(page: &mut Page<'_>, verdict: &SafetyVerdict, unread: usize, where_looked: Option<String>) {
    match verdict {
        SafetyVerdict::Safe { forward_states, back_states, exempt } => {
            let Some(sentence) = sentence(*forward_states, *back_states, unread) else { return };
            page.blank();
            let told: Vec<String> = std::iter::once(sentence).chain(where_looked).collect();
            page.prose(0, (Tone::Add, "Safe: "), Tone::Plain, &told.join(" "));
            for exemption in exempt.iter().take(NAMED_AT_MOST) {
                page.prose(2, (Tone::Warn, "not judged: "), Tone::Plain, &not_judged(exemption));
            }
            if let Some(more) = more(exempt) {
                page.line(2, &[(Tone::Warn, "not judged: "), (Tone::Plain, &more)]);
            }
        }
        SafetyVerdict::Unsafe(danger) => {
            page.blank();
            page.line(0, &[(Tone::Remove, &headline(danger))]);
            for (number, step) in danger.steps.iter().enumerate() {
                let told = told(step.direction, &step.does);
                page.prose(2, (Tone::Strong, &format!("{}. ", number + 1)), Tone::Plain, &told);
            }
            let then = if danger.steps.is_empty() { "because: " } else { "then: " };
            page.prose(2, (Tone::Remove, then), Tone::Plain, &danger.outcome);
        }
    }
}

/// The same in Markdown, a paragraph or a chapter.
pub(crate) fn markdown(change_set: &ChangeSet) -> String {
    match &change_set.safety {
        SafetyVerdict::Safe { .. } if totals::is_refused(change_set) => String::new(),
        SafetyVerdict::Safe { forward_states, back_states, exempt } => {
            let unread = unread(change_set);
            let Some(sentence) = sentence(*forward_states, *back_states, unread) else { return String::new() };
            let looked = where_looked(change_set, &code).map_or_else(String::new, |looked| format!(" {looked}"));
            let mut text = format!("\n**Safe**: {sentence}{looked}\n");
            if !exempt.is_empty() {
                text.push('\n');
            }
            for exemption in exempt.iter().take(NAMED_AT_MOST) {
                text.push_str(&format!("- not judged: {}\n", code(&not_judged(exemption))));
            }
            text.extend(more(exempt).map(|more| format!("- not judged: {more}\n")));
            text
        }
        SafetyVerdict::Unsafe(danger) => {
            let mut text = format!("\n## Unsafe\n\n{}\n\n", code(&headline(danger)));
            for (number, step) in danger.steps.iter().enumerate() {
                let does = code(&told(step.direction, &step.does));
                text.push_str(&format!("{}. {does} at {}\n", number + 1, code(step.address.as_str())));
            }
            let then = if danger.steps.is_empty() { "Because" } else { "\nThen" };
            text.push_str(&format!("{then}: {}\n", code(&danger.outcome)));
            text
        }
    }
}

/// The same in a few lines, whatever there is to tell: where a page has no room.
pub(crate) fn markdown_in_short(change_set: &ChangeSet) -> String {
    match &change_set.safety {
        SafetyVerdict::Safe { .. } if totals::is_refused(change_set) => String::new(),
        SafetyVerdict::Safe { forward_states, back_states, exempt } => {
            let unread = unread(change_set);
            let Some(sentence) = sentence(*forward_states, *back_states, unread) else { return String::new() };
            let more = match exempt.len() {
                0 => String::new(),
                exempt => format!(" {exempt} that lacked something before this plan are not judged."),
            };
            let looked = where_looked(change_set, &clipped).map_or_else(String::new, |looked| format!(" {looked}"));
            format!("\n**Safe**: {sentence}{looked}{more}\n")
        }
        SafetyVerdict::Unsafe(danger) => {
            let (headline, outcome) = (clipped(&headline(danger)), clipped(&danger.outcome));
            let steps = words::count(danger.steps.len(), "step");
            format!("\n## Unsafe\n\n{headline}\n\nAfter {steps}: {outcome}\n")
        }
    }
}

/// What was looked at and not found, and how much could not be looked at. Nothing of a plan that does nothing.
pub(crate) fn sentence(forward: u64, back: u64, unread: usize) -> Option<String> {
    let as_far = match unread {
        0 => String::new(),
        _ => format!(", as far as could be read: {} could not be (see not-read)", words::count(unread, "thing")),
    };
    (forward > 0).then(|| {
        format!(
            "in none of {} states, {} on the way there and {} on the way back, is a pod without the permissions that it \
             needs{as_far}.",
            words::grouped(forward + back),
            words::grouped(forward),
            words::grouped(back)
        )
    })
}

/// How far the verdict reaches where a node role loses a policy: in which regions other clusters on it were looked for.
/// The regions are shown as `told` has it. `None` where nothing is taken off, and where nobody was asked.
pub(crate) fn where_looked(change_set: &ChangeSet, told: &dyn Fn(&str) -> String) -> Option<String> {
    // A role is its account's, whose clusters are asked by the plan's own clusters there.
    let losing: BTreeSet<&str> = change_set
        .changes
        .iter()
        .filter(|change| change.is_effective() && change.address.kind() == Kind::Detach)
        .filter_map(|change| match &change.target {
            Target::Attachment { account, .. } => Some(account.as_str()),
            _ => None,
        })
        .collect();
    let mut by_account: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for planned in change_set.header.clusters.iter().filter(|planned| planned.asked.neighbours) {
        if losing.contains(planned.facts.account.as_str()) {
            let regions = by_account.entry(&planned.facts.account).or_default();
            regions.insert(&planned.facts.region);
            regions.extend(planned.asked.other_regions.iter().map(String::as_str));
        }
    }
    let all: BTreeSet<&str> = by_account.values().flatten().copied().collect();
    if all.is_empty() {
        return None;
    }
    let named: Vec<String> = all.iter().map(|region| told(region)).collect();
    // What was asked of one account says nothing of another's roles.
    let by_own = if by_account.values().all(|regions| *regions == all) {
        ""
    } else {
        ", in each account only where its own clusters and their `otherRegions` are"
    };
    let regions = words::and(&named);
    Some(format!(
        "Other clusters on the node roles were looked for in {regions} alone{by_own}; name more regions under \
         `otherRegions`."
    ))
}

/// How many things that the verdict could rest on were not read.
pub(crate) fn unread(change_set: &ChangeSet) -> usize {
    change_set.findings.iter().filter(|finding| finding.is_of_unread()).count()
}

fn headline(danger: &Danger) -> String {
    format!("Unsafe: {}", in_danger(danger))
}

/// Whose pods are in danger of what.
pub(crate) fn in_danger(danger: &Danger) -> String {
    match danger.identity {
        Some(Endangered::NodeRole) => {
            format!("a pod of {} that uses the node role would lose its permissions.", danger.cluster)
        }
        Some(Endangered::OwnRole) => {
            format!("a pod of {} that uses the plugin's own role would be without permissions.", danger.cluster)
        }
        None => format!("nothing shows that the pods of {} keep their permissions.", danger.cluster),
    }
}

pub(crate) fn told(direction: Direction, does: &str) -> String {
    match direction {
        Direction::Forward => does.to_owned(),
        Direction::Back => format!("on the way back, {does}"),
    }
}

pub(crate) fn not_judged(exemption: &Exemption) -> String {
    let identity = match exemption.identity {
        Endangered::NodeRole => "the node role",
        Endangered::OwnRole => "the plugin's own role",
    };
    format!("pods of {} that use {identity} lacked {} before this plan", exemption.cluster, exemption.lacks)
}

pub(crate) fn more(exempt: &[Exemption]) -> Option<String> {
    let more = exempt.len().checked_sub(NAMED_AT_MOST).filter(|&more| more > 0)?;
    Some(format!("{more} more that lacked something before this plan; the change set names them"))
}

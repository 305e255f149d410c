//! One step of a plan for a terminal, for whoever wonders about it: what it does, why, what it waits for and what
//! waits for it, and how it is undone.

use std::collections::HashSet;

use cni_plan_core::{Action, Address, Change, ChangeSet, Finding, Run, Target};

use crate::describe;
use crate::findings;
use crate::headline::headline;
use crate::lines::Lines;
use crate::page::Page;
use crate::plan_text::{body_line, headline_text};
use crate::style::{Style, Tone};

/// The step at `address`; `None` where the plan has none there.
pub fn step_text(change_set: &ChangeSet, address: &Address, style: &Style) -> Option<String> {
    let step = change_set.changes.iter().find(|change| change.address == *address)?;
    let mut page = Page::new(style);
    page.line(0, &[(Tone::Strong, address.as_str())]);
    page.blank();
    described(&mut page, step);
    page.blank();
    let label = |text: &str| format!("{text:<12}");
    match step.action {
        Action::Run => {} // its description says why
        Action::None => page.prose(2, (Tone::Quiet, &label("why:")), Tone::Plain, &describe::why_nothing(step)),
        _ => page.prose(2, (Tone::Quiet, &label("why:")), Tone::Plain, &step.why),
    }
    // A node role's policy may wait for a whole fleet.
    let waits_for: HashSet<&Address> = step.depends_on.iter().collect();
    let before = change_set.changes.iter().filter(|other| waits_for.contains(&other.address));
    let after = change_set.changes.iter().filter(|other| other.depends_on.contains(address));
    neighbours(&mut page, &label("waits for:"), before);
    neighbours(&mut page, &label("awaited by:"), after);
    page.prose(2, (Tone::Quiet, &label("undone by:")), Tone::Plain, &undoing(step));
    let about: Vec<Finding> = change_set.findings.iter().filter(|it| it.address == *address).cloned().collect();
    if !about.is_empty() {
        page.blank();
        findings::write(&mut page, &about);
    }
    Some(page.finish())
}

/// As in the plan; of what is left alone, all that is there.
fn described(page: &mut Page<'_>, step: &Change) {
    let (mark, name) = headline_text(step);
    page.line(2, &[(headline(step).mark.tone(), &mark), (Tone::Strong, &name)]);
    let mut lines = Lines::default();
    describe::body(&mut lines, step, page.width().saturating_sub(6));
    if let (Action::None, Some(before)) = (step.action, &step.before) {
        describe::whole(&mut lines, before, headline(step).mark);
    }
    for line in lines.iter() {
        body_line(page, 4, line);
    }
}

/// One a line, with the mark of what is done there.
fn neighbours<'a>(page: &mut Page<'_>, label: &str, steps: impl Iterator<Item = &'a Change>) {
    let mut label = label.to_owned();
    for step in steps {
        let mark = if step.is_effective() { headline(step).mark.lead() } else { "= " };
        page.line(
            2,
            &[(Tone::Quiet, &label), (headline(step).mark.tone(), mark), (Tone::Plain, step.address.as_str())],
        );
        label = " ".repeat(label.len());
    }
    if !label.trim().is_empty() {
        page.line(2, &[(Tone::Quiet, &label), (Tone::Plain, "nothing")]);
    }
}

/// How the way back undoes it, as `core::invert` has it.
fn undoing(step: &Change) -> String {
    if let Some(why) = describe::irreversible(step) {
        return format!("nothing: it cannot be undone, since {why}");
    }
    match (step.action, &step.target, &step.run) {
        (Action::None, ..) => "nothing: it does nothing",
        (Action::Run, _, Some(run)) if run.leaves_nothing() => "nothing: it leaves nothing behind",
        (Action::Run, _, Some(Run::Restart { .. })) => {
            "one more restart, once the pods are told what they were told before"
        }
        (Action::Run, ..) => "the same action",
        (Action::Create, Target::Attachment { .. }, _) => "detaching it again",
        (Action::Delete, Target::Attachment { .. }, _) => {
            "attaching it again, before the pods and what they use are put back"
        }
        (Action::Create, ..) => "deleting it, unless someone else has changed it since",
        (Action::Delete, ..) => "making it anew as it was",
        (Action::Update, ..) => "setting back what it changed; what others have changed since stays",
    }
    .to_owned()
}

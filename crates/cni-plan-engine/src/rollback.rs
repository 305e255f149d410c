//! Puts back what a failed run did, and proves it by looking.

use std::collections::{HashMap, HashSet};

use cni_plan_core::{Action, Address, Change, Inverse, Kind, Observation, Phase, Resource, Reversibility, Run, invert};

use crate::Providers;
use crate::execute::{Executed, Execution, execute};
use crate::inspect::observe;

/// What is back and what is not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RollbackReport {
    /// Seen to be as they were before the run.
    pub restored: Vec<Address>,
    /// Not so, each with the reason.
    pub residue: Vec<Residue>,
}

/// Something that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Residue {
    /// Which.
    pub address: Address,
    /// Why it is not, in one clause.
    pub why: String,
}

/// Undoes what `executed` did of `plan`. Begun says nothing about done: what is undone is decided
/// by looking at the world.
pub(crate) async fn roll_back(
    plan: &[Change],
    executed: &Executed,
    providers: &Providers,
    execution: &Execution<'_>,
) -> RollbackReport {
    let touched = touched(plan, executed);
    let mut live = look_at(&touched, providers).await;
    let done: Vec<&Change> = executed.done().map(|at| &plan[at]).collect();
    trust_what_was_done(&done, &mut live);
    let inverse = invert(plan, &live);
    let undone = execute(&inverse.changes, Phase::Rollback, providers, execution).await;

    let after = look_at(&touched, providers).await;
    let reasons = Reasons::of(&inverse, &undone);
    let begun: HashSet<&Address> = executed.begun.iter().map(|&at| &plan[at].address).collect();
    let mut report = RollbackReport::default();
    for change in touched.into_iter().filter(|change| !only_looks(change)) {
        let address = &change.address;
        let now = after.get(address);
        if !is_as_before(change, now) {
            report.residue.push(Residue { address: address.clone(), why: reasons.why(change, now) });
        } else if begun.contains(address) {
            report.restored.push(address.clone());
        }
    }
    report
}

/// The steps that may have had an effect, in the plan's order: those begun, and the restarts behind
/// a begun annotation, under which any pod may have been born again meanwhile.
fn touched<'a>(plan: &'a [Change], executed: &Executed) -> Vec<&'a Change> {
    let begun: HashSet<&Address> = executed.begun.iter().map(|&at| &plan[at].address).collect();
    let follows = |change: &Change| {
        change.address.kind() == Kind::Restart
            && change.is_effective()
            && change.depends_on.iter().any(|on| on.kind() == Kind::Annotate && begun.contains(on))
    };
    plan.iter().filter(|change| begun.contains(&change.address) || follows(change)).collect()
}

async fn look_at(changes: &[&Change], providers: &Providers) -> HashMap<Address, Observation> {
    observe(changes.iter().map(|change| (&change.address, &change.target)), providers).await
}

/// IAM's reads lag behind its writes for up to minutes. An attachment whose call succeeded is taken
/// to be as the call left it, though a read still shows it as before: undoing it once too often
/// does nothing, and a node role left without its policy is an outage.
fn trust_what_was_done(done: &[&Change], live: &mut HashMap<Address, Observation>) {
    for change in done {
        let observation = match (change.action, &change.before, &change.after) {
            (Action::Delete, Some(Resource::Attachment(_)), None) => Observation::Absent,
            (Action::Create, None, Some(after @ Resource::Attachment(_))) => Observation::Present(after.clone()),
            _ => continue,
        };
        live.insert(change.address.clone(), observation);
    }
}

/// A verification changed nothing that could be put back.
fn only_looks(change: &Change) -> bool {
    matches!(change.run, Some(Run::Verify { .. }))
}

fn is_as_before(change: &Change, now: Option<&Observation>) -> bool {
    match now {
        Some(Observation::Present(now)) => change.is_undone(Some(now)),
        Some(Observation::Absent) => change.is_undone(None),
        Some(Observation::Unseen(_)) | None => false,
    }
}

/// Why things are not back.
struct Reasons<'a> {
    inverse: &'a Inverse,
    failed: HashMap<&'a Address, String>,
}

impl<'a> Reasons<'a> {
    fn of(inverse: &'a Inverse, undone: &Executed) -> Reasons<'a> {
        let failed = undone.failed.iter();
        let failed = failed.map(|(at, error)| (&inverse.changes[*at].address, error.to_string())).collect();
        Reasons { inverse, failed }
    }

    fn why(&self, change: &Change, now: Option<&Observation>) -> String {
        let address = &change.address;
        if let Some(Observation::Unseen(error)) = now {
            return format!("it could not be read again: {error}");
        }
        if let Some(why) = self.failed.get(address) {
            return format!("undoing it failed: {why}");
        }
        if let Some(kept) = self.inverse.kept.iter().find(|kept| &kept.address == address) {
            return format!("left as it is: {}", kept.why);
        }
        if let Reversibility::Irreversible { why } = &change.reversibility {
            return format!("put back as far as it can be: {why}");
        }
        if let Some(first) = self.blocking(address) {
            return format!("{first} has to be undone before it, and was not");
        }
        "it is not as it was, though nothing failed: someone else may have changed it".to_owned()
    }

    /// A failed step of the way back that `address` waited for, itself or through others.
    fn blocking(&self, address: &Address) -> Option<&'a Address> {
        let mut open = vec![address];
        let mut passed = HashSet::new();
        while let Some(address) = open.pop() {
            let Some(change) = self.inverse.changes.iter().find(|change| &change.address == address) else { continue };
            if self.failed.contains_key(&change.address) {
                return Some(&change.address);
            }
            if passed.insert(&change.address) {
                open.extend(&change.depends_on);
            }
        }
        None
    }
}

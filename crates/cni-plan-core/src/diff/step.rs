//! What one node's step does.

use crate::{Action, Change, Node, PodIdentity, PolicyHistory, Resource, Reversibility, Run, ServiceAccount, Wanted};

/// A step before it has an address.
pub(super) struct Step {
    pub(super) action: Action,
    pub(super) why: String,
    pub(super) after: Option<Resource>,
    pub(super) run: Option<Run>,
    pub(super) reversibility: Reversibility,
}

/// Why nothing is done about what a plan only refers to.
const REFERRED_AND_THERE: &str = "already there; the plan only refers to it";
const REFERRED_AND_MISSING: &str = "has to be there first; the plan does not make it";

impl Change {
    /// Whether the plan only refers to the resource: it is someone else's, and neither made nor changed here. A change
    /// set keeps no more of that than the reason, which is written above and nowhere else.
    pub fn is_referred(&self) -> bool {
        !self.is_effective() && [REFERRED_AND_THERE, REFERRED_AND_MISSING].contains(&self.why.as_str())
    }
}

/// The step of `node`, found as it is; `announced` is the step on the annotations that the pods
/// of a restart are born under.
pub(super) fn of(node: &Node, found: Option<&Resource>, announced: Option<&Change>) -> Step {
    match (&node.wanted, found) {
        (Wanted::Run(run), found) => run_step(run, found, announced),
        (Wanted::Referred(_), Some(found)) => nothing(Some(found), REFERRED_AND_THERE),
        (Wanted::Referred(_), None) => nothing(None, REFERRED_AND_MISSING),
        (Wanted::Absent, None) => nothing(None, "already gone"),
        (Wanted::Absent, Some(_)) => reversible(
            Action::Delete,
            "so that no other pod there has it; by then the plugin's have their own role",
            None,
        ),
        (Wanted::Present(wanted), None) => reversible(Action::Create, "not there yet", Some(wanted.clone())),
        (Wanted::Present(wanted), Some(found)) => {
            let after = wanted.merged_into(found);
            if &after == found { nothing(Some(found), "as wanted") } else { update(found, after) }
        }
    }
}

fn nothing(found: Option<&Resource>, why: &str) -> Step {
    reversible(Action::None, why, found.cloned())
}

fn reversible(action: Action, why: &str, after: Option<Resource>) -> Step {
    Step { action, why: why.to_owned(), after, run: None, reversibility: Reversibility::Reversible }
}

fn update(found: &Resource, after: Resource) -> Step {
    let irreversible = match (found, &after) {
        (Resource::Policy(policy), _) => {
            let evicted = policy.history.as_ref().and_then(PolicyHistory::to_evict);
            evicted.map(|version| {
                format!("IAM keeps {} versions, so {version}, the oldest, is deleted", PolicyHistory::LIMIT)
            })
        }
        (Resource::ServiceAccount(found), Resource::ServiceAccount(after)) => stays_on_the_addon(found, after),
        _ => None,
    };
    let mut step = reversible(Action::Update, "differs from what is wanted", Some(after));
    if let Some(why) = irreversible {
        step.reversibility = Reversibility::Irreversible { why };
    }
    step
}

/// What cannot be undone of an add-on's first role: EKS takes another, but not none (facts: EKS).
fn stays_on_the_addon(found: &ServiceAccount, after: &ServiceAccount) -> Option<String> {
    found.gets_first_role_of_addon(after).then(|| {
        "EKS takes no role off an add-on again: going back gives the node role its policy, and leaves the plugin's own \
         role in use"
            .to_owned()
    })
}

fn run_step(run: &Run, found: Option<&Resource>, announced: Option<&Change>) -> Step {
    let why = match run {
        Run::Probe { .. } => "nothing about the role changes",
        Run::Confirm { .. } => "no node role loses a policy",
        Run::Restart { .. } | Run::Verify { .. } => "every pod carries it",
    };
    let mut step = nothing(found, why);
    step.run = Some(run.clone());
    let (Run::Restart { identity, .. }, Some(Resource::Pods(pods))) = (run, found) else { return step };
    let to_restart = pods.count() - pods.satisfying(identity);
    if to_restart > 0 {
        step.why = format!("{to_restart} of {} pods carry another identity", pods.count());
    } else if announced.is_some_and(Change::is_effective) {
        // A pod may be born between the look at the pods and the annotation, and on the way back
        // after it: the one restart, forwards and backwards, is there for it.
        "for pods that are born before the annotation".clone_into(&mut step.why);
    } else {
        return step;
    }
    step.action = Action::Run;
    if !can_go_back(pods.identities().as_slice(), announced) {
        step.reversibility = Reversibility::Irreversible {
            why: "a pod deleted once more would not come back with what it carries now".to_owned(),
        };
    }
    step
}

/// A restart can be undone when undoing the annotation makes new pods what the old ones were, all
/// of them the same.
fn can_go_back(carried: &[&PodIdentity], announced: Option<&Change>) -> bool {
    let Some(Change { action, before: Some(Resource::ServiceAccount(before)), reversibility, .. }) = announced else {
        return false;
    };
    let reborn = ServiceAccount::identity_of_new_pods(before);
    let goes_back = *action != Action::None && *reversibility == Reversibility::Reversible;
    let comes_back = |carried: &PodIdentity| match carried {
        // Of which role it was nobody can tell, before as after.
        &PodIdentity::UNKNOWN_ROLE => reborn.is_by_association(),
        carried => carried.satisfies(&reborn),
    };
    goes_back && carried.len() <= 1 && carried.iter().all(|carried| comes_back(carried))
}

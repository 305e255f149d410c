//! What a plan does to one resource.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Address, PodIdentity, Pods, Resource, Run, ServiceAccount, Target};

/// One step of a plan, the steps that do nothing included: their `before` is a precondition too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// What it is about.
    pub address: Address,
    /// Where that is found.
    pub target: Target,
    /// What is done.
    pub action: Action,
    /// Why, or why nothing, in one line.
    pub why: String,
    /// The state observed; `None`: it was not there.
    pub before: Option<Resource>,
    /// The state afterwards; `None`: it will not be there.
    pub after: Option<Resource>,
    /// For an action on pods.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub run: Option<Run>,
    /// Whether it can be put back.
    pub reversibility: Reversibility,
    /// Steps that have to be done before, sorted.
    pub depends_on: Vec<Address>,
    /// Keys of the clusters concerned, sorted.
    pub clusters: Vec<String>,
}

/// What is done to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It is made.
    Create,
    /// It is changed where it is.
    Update,
    /// It goes.
    Delete,
    /// An action on pods runs.
    Run,
    /// Nothing.
    None,
}

/// Whether a step can be undone; decided when it is planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Reversibility {
    /// Exactly.
    Reversible,
    /// Not, for this reason.
    Irreversible {
        /// One clause for people.
        why: String,
    },
}

impl Change {
    /// Whether the step calls anything.
    pub fn is_effective(&self) -> bool {
        self.action != Action::None
    }

    /// The service account before and after, of a step on one.
    pub fn service_accounts(&self) -> [Option<&ServiceAccount>; 2] {
        [&self.before, &self.after].map(|state| match state {
            Some(Resource::ServiceAccount(account)) => Some(account),
            _ => None,
        })
    }

    /// Whether what is live needs no putting back: it is what was there before. A probe, a verification and
    /// a confirmation leave nothing behind. Of pods, no more may carry what a restart brings than did before, and
    /// none what none did: how many there are is not a run's doing, since nodes come and go.
    pub fn is_undone(&self, now: Option<&Resource>) -> bool {
        match (&self.run, &self.before, now) {
            (Some(run), _, _) if run.leaves_nothing() => true,
            (Some(Run::Restart { identity, .. }), Some(Resource::Pods(before)), Some(Resource::Pods(now))) => {
                before.daemon_set == now.daemon_set && are_as_before(before, now, identity)
            }
            (_, before, now) => before.as_ref() == now,
        }
    }
}

fn are_as_before(before: &Pods, now: &Pods, brought: &PodIdentity) -> bool {
    let known = before.identities();
    let is_known = |identity: &PodIdentity| match identity {
        // It may be what the restart was to bring.
        &PodIdentity::UNKNOWN_ROLE => false,
        // Born again under the association, it has a role that can be told.
        PodIdentity::Association { .. } => known.contains(&identity) || known.contains(&&PodIdentity::UNKNOWN_ROLE),
        _ => known.contains(&identity),
    };
    now.satisfying(brought) <= before.satisfying(brought)
        && (known.is_empty() || now.identities().into_iter().all(is_known))
}

/// How many steps do what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Creates.
    pub add: usize,
    /// Updates.
    pub change: usize,
    /// Deletes.
    pub destroy: usize,
    /// Runs.
    pub run: usize,
}

impl Counts {
    /// Of these steps.
    pub fn of(changes: &[Change]) -> Counts {
        let mut counts = Counts::default();
        for change in changes {
            match change.action {
                Action::Create => counts.add += 1,
                Action::Update => counts.change += 1,
                Action::Delete => counts.destroy += 1,
                Action::Run => counts.run += 1,
                Action::None => {}
            }
        }
        counts
    }

    /// How many steps call something.
    pub fn steps(self) -> usize {
        self.add + self.change + self.destroy + self.run
    }

    /// Whether there is nothing to do.
    pub fn is_empty(self) -> bool {
        self == Counts::default()
    }
}

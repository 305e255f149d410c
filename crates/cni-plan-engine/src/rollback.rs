//! Puts back what a run did, and proves it by looking.

use std::collections::{HashMap, HashSet};

use cni_plan_core::{
    Action, Address, Change, Drift, ErrorKind, Event, Inverse, Kind, Observation, Phase, ProviderError, Resource,
    Reversibility, Run, Standing, done_by_others, invert,
};

use crate::apply::{Ended, close};
use crate::execute::{Executed, Recorded, execute};
use crate::inspect::{observe_some, settle_some};
use crate::journal::{Record, Verdict};
use crate::step::not_recorded;

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
    /// The step that changed it.
    pub change: Change,
    /// How it is now.
    pub now: Observation,
    /// Why it is not as it was, in one clause.
    pub why: String,
    /// Whether it was left on purpose, because taking it back now would do harm.
    pub is_kept: bool,
}

/// How far a run has gone.
pub(crate) struct Way<'a> {
    pub(crate) changes: &'a [Change],
    /// One for each change.
    pub(crate) standings: Vec<Standing>,
    /// Of a run that was begun by a process that is gone, so that its record is all that is known: how
    /// it stands as long as nothing is done.
    pub(crate) taken_up: Option<Verdict>,
}

impl<'a> Way<'a> {
    /// Adds what was done since.
    pub(crate) fn take_over(&mut self, since: &[Standing]) {
        for (standing, &since) in self.standings.iter_mut().zip(since) {
            if since != Standing::NotBegun {
                *standing = since;
            }
        }
    }

    fn with(&self, is_wanted: impl Fn(Standing) -> bool) -> impl Iterator<Item = &'a Change> {
        self.changes.iter().zip(&self.standings).filter(move |(_, standing)| is_wanted(**standing)).map(|(it, _)| it)
    }

    /// The steps that may have had an effect, in the plan's order: those begun, and the restarts
    /// behind a begun annotation, under which any pod may have been born again meanwhile.
    fn touched(&self) -> Vec<&'a Change> {
        let begun: HashSet<&Address> =
            self.with(|standing| standing != Standing::NotBegun).map(|change| &change.address).collect();
        let follows = |change: &Change| {
            change.address.kind() == Kind::Restart
                && change.is_effective()
                && change.depends_on.iter().any(|on| on.kind() == Kind::Annotate && begun.contains(on))
        };
        self.changes.iter().filter(|change| begun.contains(&change.address) || follows(change)).collect()
    }

    /// What is live of every step that calls something, once the reads can be believed.
    pub(crate) async fn settle(&self, run: Recorded<'_>) -> HashMap<Address, Observation> {
        let effective: Vec<&Change> = self.changes.iter().filter(|change| change.is_effective()).collect();
        (run.execution.events)(Event::Settling { resources: effective.len() });
        settle_some(&effective, run.execution.providers).await
    }

    /// What is live of `touched`. What is in doubt is read until the reads can be believed; what this
    /// process knows to be done may be looked at once.
    async fn look(&self, touched: &[&Change], run: Recorded<'_>) -> HashMap<Address, Observation> {
        let doubted: HashSet<&Address> =
            self.with(|standing| standing == Standing::InDoubt).map(|change| &change.address).collect();
        let (in_doubt, known): (Vec<&Change>, Vec<&Change>) =
            touched.iter().partition(|change| doubted.contains(&change.address));
        if !in_doubt.is_empty() {
            (run.execution.events)(Event::Settling { resources: in_doubt.len() });
        }
        let (mut live, settled) = futures::join!(
            observe_some(&known, run.execution.providers),
            settle_some(&in_doubt, run.execution.providers)
        );
        self.trust_what_was_done(&mut live);
        live.extend(settled);
        live
    }

    /// IAM's reads lag behind its writes for up to minutes. An attachment whose call succeeded just
    /// now is taken to be as the call left it, though a read still shows it as before: undoing it
    /// once too often does nothing, and a node role left without its policy is an outage.
    fn trust_what_was_done(&self, live: &mut HashMap<Address, Observation>) {
        for change in self.with(|standing| standing == Standing::Done) {
            let observation = match (change.action, &change.before, &change.after) {
                (Action::Delete, Some(Resource::Attachment(_)), None) => Observation::Absent,
                (Action::Create, None, Some(after @ Resource::Attachment(_))) => Observation::Present(after.clone()),
                _ => continue,
            };
            live.insert(change.address.clone(), observation);
        }
    }
}

/// Undoes what was done. Begun says nothing about done: what is undone is decided by looking at the
/// world.
pub(crate) async fn roll_back(way: Way<'_>, errors: Vec<ProviderError>, run: Recorded<'_>) -> Ended {
    let seen = if way.taken_up.is_some() { way.settle(run).await } else { HashMap::new() };
    roll_back_from(way, seen, errors, run).await
}

/// [`roll_back`] of a run that was taken up, from what [`Way::settle`] has `seen`.
///
/// A run whose process is gone goes back only where nobody else has done meanwhile what it had not
/// begun: a node role that another run has taken the policy off is none to send pods back to. One that
/// has begun nothing sends none.
pub(crate) async fn roll_back_from(
    way: Way<'_>,
    mut seen: HashMap<Address, Observation>,
    errors: Vec<ProviderError>,
    run: Recorded<'_>,
) -> Ended {
    if let Some(verdict) = way.taken_up
        && way.standings.iter().any(|&standing| standing != Standing::NotBegun)
    {
        let others = done_by_others(way.changes, &way.standings, &seen);
        match (others.is_empty(), errors.is_empty()) {
            (true, _) => {}
            (false, true) => return close(run, verdict, Ended::BlockedByOthers(others)).await,
            (false, false) => {
                let errors = errors.into_iter().chain(others.iter().map(in_the_way)).collect();
                return close(run, verdict, Ended::Interrupted { errors }).await;
            }
        }
    }
    let why = errors.iter().map(ToString::to_string).collect();
    if let Err(error) = run.journal.write(&Record::Back { why }).await {
        return Ended::Interrupted { errors: errors.into_iter().chain([not_recorded(&error)]).collect() };
    }
    let touched = way.touched();
    let live = match way.taken_up {
        Some(_) => {
            let seen = |change: &&Change| Some((change.address.clone(), seen.remove(&change.address)?));
            touched.iter().filter_map(seen).collect()
        }
        None => way.look(&touched, run).await,
    };
    let inverse = invert(way.changes, &live);
    let undone = execute(&inverse.changes, Phase::Rollback, run).await;
    if undone.halted.is_some() || run.execution.stop.is_raised() && undone.left > 0 {
        let errors = errors.into_iter().chain(undone.halted).collect();
        return close(run, Verdict::Interrupted, Ended::Interrupted { errors }).await;
    }
    let report = report(&way, &touched, &Reasons::of(&inverse, &undone), run).await;
    let verdict = if report.residue.is_empty() { Verdict::RolledBack } else { Verdict::Residue };
    close(run, verdict, Ended::RolledBack { errors, report }).await
}

fn in_the_way(drift: &Drift) -> ProviderError {
    ProviderError {
        kind: ErrorKind::Conflict,
        what: format!("cannot go back past {}", drift.address),
        why: "someone else has done it meanwhile, and others may rely on it".to_owned(),
        cure: "go on with `cni-plan resume` once the failure is gone, or undo first what was done since".to_owned(),
    }
}

/// Looks at everything once more. Where a process is gone, also at what it has no record of: the
/// record of a step is the last thing that a crash can take.
async fn report(way: &Way<'_>, touched: &[&Change], reasons: &Reasons<'_>, run: Recorded<'_>) -> RollbackReport {
    let begun: HashSet<&Address> =
        way.with(|standing| standing != Standing::NotBegun).map(|change| &change.address).collect();
    let looked_at: Vec<&Change> = match way.taken_up {
        Some(_) => way.changes.iter().filter(|change| change.is_effective()).collect(),
        None => touched.to_vec(),
    };
    let looked_at: Vec<&Change> = looked_at.into_iter().filter(|change| !leaves_nothing(change)).collect();
    let providers = run.execution.providers;
    (run.execution.events)(Event::Observing { resources: looked_at.len() });
    let mut after = observe_some(&looked_at, providers).await;
    // A read that lags shows what was undone: only what can be believed is called a residue.
    let suspicious: Vec<&Change> =
        looked_at.iter().copied().filter(|change| !is_as_before(change, after.get(&change.address))).collect();
    if !suspicious.is_empty() {
        (run.execution.events)(Event::Settling { resources: suspicious.len() });
    }
    after.extend(settle_some(&suspicious, providers).await);

    let touched: HashSet<&Address> = touched.iter().map(|change| &change.address).collect();
    let mut report = RollbackReport::default();
    for change in looked_at {
        let address = &change.address;
        let now = after.remove(address).unwrap_or(Observation::Absent);
        if is_as_before(change, Some(&now)) {
            if begun.contains(address) {
                report.restored.push(address.clone());
            }
        } else if touched.contains(address) {
            let why = reasons.why(change, &now);
            let is_kept = reasons.is_kept(address);
            report.residue.push(Residue { change: change.clone(), now, why, is_kept });
        } else if is_as_planned(change, &now) {
            let why = "this run has no record of changing it, and it is as the plan leaves it".to_owned();
            report.residue.push(Residue { change: change.clone(), now, why, is_kept: false });
        }
    }
    report
}

/// A probe, a verification or a confirmation changed nothing that could be put back.
fn leaves_nothing(change: &Change) -> bool {
    change.run.as_ref().is_some_and(Run::leaves_nothing)
}

fn is_as_before(change: &Change, now: Option<&Observation>) -> bool {
    match now {
        Some(Observation::Present(now)) => change.is_undone(Some(now)),
        Some(Observation::Absent) => change.is_undone(None),
        Some(Observation::Unseen(_)) | None => false,
    }
}

/// Of pods, whether any is: a restart may have been cut off.
fn is_as_planned(change: &Change, now: &Observation) -> bool {
    match (now, &change.after) {
        (Observation::Present(Resource::Pods(now)), _) => {
            change.run.as_ref().is_some_and(|run| now.satisfying(run.identity()) > 0)
        }
        (Observation::Present(now), Some(after)) => now.is_as_left(after),
        (Observation::Absent, after) => after.is_none(),
        (Observation::Present(_) | Observation::Unseen(_), _) => false,
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

    fn why(&self, change: &Change, now: &Observation) -> String {
        let address = &change.address;
        if let Observation::Unseen(error) = now {
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

    fn is_kept(&self, address: &Address) -> bool {
        self.inverse.kept.iter().any(|kept| &kept.address == address)
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

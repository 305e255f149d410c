//! Whether the world is still the one that a plan was made for.

use std::collections::HashMap;

use crate::{Action, Address, Change, ClusterFacts, ErrorKind, Observation, PlannedCluster, ProviderError, Resource};

/// A resource that is not as it was when the plan was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// Which.
    pub address: Address,
    /// As planned; `None`: it was not there.
    pub planned: Option<Resource>,
    /// As found now; `None`: it is not there.
    pub found: Option<Resource>,
}

/// A cluster whose facts are not as they were when the plan was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactsDrift {
    /// The cluster's key.
    pub cluster: String,
    /// As planned.
    pub planned: ClusterFacts,
    /// As found now.
    pub found: ClusterFacts,
}

/// Every cluster whose facts differ from those a plan rests on. `found` has them in the same order.
pub fn facts_drift(planned: &[PlannedCluster], found: &[PlannedCluster]) -> Vec<FactsDrift> {
    let pairs = planned.iter().zip(found);
    pairs
        .filter(|(planned, found)| !planned.same_for_a_plan(&found.facts))
        .map(|(planned, found)| FactsDrift {
            cluster: planned.cluster.key.clone(),
            planned: planned.facts.clone(),
            found: found.facts.clone(),
        })
        .collect()
}

/// Where a change set stands, read from the world and not from a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// Everything is as it was planned on.
    Pending,
    /// Everything is as the plan would leave it.
    Applied,
    /// Neither.
    Stale(Vec<Drift>),
}

/// Every resource that differs from what the plan rests on, in the plan's order; or the first
/// that cannot be seen.
pub fn drift(changes: &[Change], observed: &HashMap<Address, Observation>) -> Result<Vec<Drift>, ProviderError> {
    let mut drifts = Vec::new();
    for change in changes {
        let found = found(change, observed)?;
        if !is_as_found(change, found) {
            drifts.push(Drift {
                address: change.address.clone(),
                planned: change.before.clone(),
                found: found.cloned(),
            });
        }
    }
    Ok(drifts)
}

/// The status of a change set's steps, given an observation of each of them.
pub fn status(changes: &[Change], observed: &HashMap<Address, Observation>) -> Result<Status, ProviderError> {
    let drifts = drift(changes, observed)?;
    if drifts.is_empty() && changes.iter().any(Change::is_effective) {
        return Ok(Status::Pending);
    }
    for change in changes {
        if !is_reached(change, found(change, observed)?) {
            return Ok(if drifts.is_empty() { Status::Pending } else { Status::Stale(drifts) });
        }
    }
    Ok(Status::Applied)
}

pub(crate) fn found<'a>(
    change: &Change,
    observed: &'a HashMap<Address, Observation>,
) -> Result<Option<&'a Resource>, ProviderError> {
    match observed.get(&change.address) {
        Some(Observation::Present(resource)) => Ok(Some(resource)),
        Some(Observation::Unseen(error)) => Err(error.clone()),
        Some(Observation::Absent) => Ok(None),
        None => Err(not_looked_at(&change.address)),
    }
}

/// What nobody looked at is not to be taken for absent.
pub(crate) fn not_looked_at(address: &Address) -> ProviderError {
    ProviderError {
        kind: ErrorKind::Refused,
        what: format!("cannot tell how {address} is"),
        why: "no provider answered for it".to_owned(),
        cure: "plan again, and please report this if it stays".to_owned(),
    }
}

/// Whether the live state is the one that the step was planned on.
pub(crate) fn is_as_found(change: &Change, found: Option<&Resource>) -> bool {
    match (&change.before, found) {
        (Some(before), Some(found)) => found.same_for_a_plan(before),
        (before, found) => before.is_none() && found.is_none(),
    }
}

/// Whether the live state is what the step leaves behind.
pub(crate) fn is_reached(change: &Change, found: Option<&Resource>) -> bool {
    match (&change.after, found) {
        (None, found) => found.is_none(),
        (Some(_), None) => false,
        (Some(Resource::Pods(_)), Some(Resource::Pods(pods))) => match &change.run {
            Some(run) => pods.all_satisfy(run.identity()),
            None => true,
        },
        (Some(after), Some(found)) if change.action == Action::None => found.same_for_a_plan(after),
        (Some(after), Some(found)) => &after.merged_into(found) == found,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff;
    use crate::fixture::{addresses, finished, fresh, graph, planned_cluster, pods};
    use crate::{IpFamily, PodIdentity};

    fn planned() -> Vec<Change> {
        diff(graph(&["c"]), fresh(&["c"])).unwrap().changes
    }

    #[test]
    fn a_change_set_is_pending_then_applied_and_stale_between() {
        let changes = planned();
        assert_eq!(status(&changes, &fresh(&["c"])), Ok(Status::Pending));
        assert_eq!(status(&changes, &finished(&["c"])), Ok(Status::Applied));
        let mut between = fresh(&["c"]);
        let role = addresses("c").role;
        between.insert(role.clone(), finished(&["c"])[&role].clone());
        let Ok(Status::Stale(drifts)) = status(&changes, &between) else { panic!("it is stale") };
        assert_eq!(drifts.iter().map(|drift| &drift.address).collect::<Vec<_>>(), [&role]);
        assert_eq!(drifts[0].planned, None, "absence is a precondition");
    }

    #[test]
    fn any_one_difference_makes_it_stale() {
        let changes = planned();
        for address in fresh(&["c"]).into_keys() {
            let mut world = fresh(&["c"]);
            world.insert(address.clone(), finished(&["c"])[&address].clone());
            assert!(matches!(status(&changes, &world), Ok(Status::Stale(_))), "{address}");
        }
    }

    #[test]
    fn nodes_that_come_and_go_do_not() {
        let mut world = fresh(&["c"]);
        let at = addresses("c");
        for address in [at.restart, at.verify] {
            world.insert(address, Observation::Present(pods(&[(PodIdentity::NodeRole, 7)])));
        }
        assert_eq!(status(&planned(), &world), Ok(Status::Pending));
    }

    #[test]
    fn another_daemon_set_is_another_world() {
        let mut world = fresh(&["c"]);
        let address = addresses("c").restart;
        let Resource::Pods(mut found) = pods(&[(PodIdentity::NodeRole, 3)]) else { panic!("they are pods") };
        found.daemon_set = "another".to_owned();
        world.insert(address, Observation::Present(Resource::Pods(found)));
        assert!(matches!(status(&planned(), &world), Ok(Status::Stale(_))));
    }

    #[test]
    fn facts_of_a_cluster_are_a_precondition_but_not_the_way_to_it() {
        let cluster = |ip_family, endpoint: &str| {
            let planned = planned_cluster("c");
            let facts = ClusterFacts { ip_family, endpoint: Some(endpoint.to_owned()), ..planned.facts };
            PlannedCluster { facts, ..planned }
        };
        let planned = [cluster(IpFamily::Ipv4, "a")];
        assert_eq!(facts_drift(&planned, &[cluster(IpFamily::Ipv4, "b")]), []);
        let drifts = facts_drift(&planned, &[cluster(IpFamily::Ipv6, "a")]);
        assert_eq!(drifts.len(), 1);
        assert_eq!(drifts[0].found.ip_family, IpFamily::Ipv6);
    }

    #[test]
    fn an_association_is_compared_where_no_step_looks_at_it() {
        let cluster = |agent: bool, association: Option<&str>| {
            let planned = planned_cluster("c");
            let asked = crate::FactsWanted { agent, ..planned.asked };
            let facts = ClusterFacts { association: association.map(str::to_owned), ..planned.facts };
            PlannedCluster { asked, facts, ..planned }
        };
        let drifts = |agent, planned, found| facts_drift(&[cluster(agent, planned)], &[cluster(agent, found)]).len();
        assert_eq!(drifts(false, None, Some("a-1")), 1, "nothing looks for one");
        assert_eq!(drifts(true, None, Some("a-1")), 0, "the step has made it");
        assert_eq!(drifts(false, Some("a-1"), None), 0, "the step has deleted it");
        assert_eq!(drifts(false, Some("a-1"), Some("a-2")), 0, "the way back has made it anew");
    }

    #[test]
    fn what_eks_is_doing_with_an_addon_passes() {
        let cluster = |version: &str, status: &str| {
            let planned = planned_cluster("c");
            let addon = crate::ManagedAddon { version: version.to_owned(), status: status.to_owned() };
            PlannedCluster { facts: ClusterFacts { managed_addon: Some(addon), ..planned.facts }, ..planned }
        };
        let planned = [cluster("v1", "ACTIVE")];
        assert_eq!(facts_drift(&planned, &[cluster("v1", "UPDATING")]), []);
        assert_eq!(facts_drift(&planned, &[cluster("v2", "ACTIVE")]).len(), 1);
    }

    #[test]
    fn what_nobody_looked_at_is_not_taken_for_absent() {
        for address in fresh(&["c"]).into_keys() {
            let mut world = fresh(&["c"]);
            world.remove(&address);
            assert_eq!(status(&planned(), &world), Err(not_looked_at(&address)));
        }
    }

    #[test]
    fn what_cannot_be_seen_stops_everything() {
        let mut world = fresh(&["c"]);
        let error = ProviderError {
            kind: ErrorKind::Denied,
            what: "cannot read".to_owned(),
            why: "denied".to_owned(),
            cure: "ask".to_owned(),
        };
        world.insert(addresses("c").role, Observation::Unseen(error.clone()));
        assert_eq!(status(&planned(), &world), Err(error));
    }
}

use super::*;
use crate::fixture::{addresses, finished, fresh, graph, pods, service_account, web};
use crate::{PodIdentity, diff};

fn plan() -> Vec<Change> {
    diff(graph(&["c"]), fresh(&["c"])).unwrap().changes
}

/// The world after the first `done` of the seven steps of one fresh cluster.
fn world(done: usize) -> HashMap<Address, Observation> {
    let mut world = fresh(&["c"]);
    for change in plan().iter().take(done) {
        world.insert(change.address.clone(), finished(&["c"])[&change.address].clone());
    }
    world
}

fn standings(done: usize, in_doubt: usize) -> Vec<Standing> {
    (0..plan().len())
        .map(|at| match at {
            at if at < done => Standing::Done,
            at if at < done + in_doubt => Standing::InDoubt,
            _ => Standing::NotBegun,
        })
        .collect()
}

fn left(standings: &[Standing], live: &HashMap<Address, Observation>) -> Vec<Address> {
    match remaining(&plan(), standings, live).unwrap() {
        Remaining::Steps(steps) => steps.into_iter().filter(Change::is_effective).map(|step| step.address).collect(),
        Remaining::Drifted(drifts) => panic!("{drifts:?}"),
    }
}

#[test]
fn a_step_in_doubt_is_done_again_just_where_it_had_no_effect() {
    let at = addresses("c");
    for (effects, first) in [(1, &at.attach), (2, &at.probe)] {
        let left = left(&standings(1, 1), &world(effects));
        assert_eq!(left.first(), Some(first), "{effects} effects");
    }
}

#[test]
fn pods_are_looked_at_again_before_whatever_is_left() {
    let at = addresses("c");
    assert_eq!(left(&standings(6, 0), &world(6)), [at.probe, at.restart, at.verify, at.detach]);
    assert_eq!(left(&standings(7, 0), &world(7)), Vec::<Address>::new(), "a run that is over is over");
}

#[test]
fn pods_of_either_identity_are_no_drift_and_others_are() {
    let at = addresses("c");
    let mut live = world(4);
    let mixed = [(PodIdentity::NodeRole, 1), (web("c"), 2)];
    let other = [(PodIdentity::Other { what: "someone's".to_owned() }, 1)];
    for (carrying, is_known) in [(&mixed[..], true), (&other[..], false)] {
        for address in [&at.probe, &at.restart, &at.verify] {
            live.insert(address.clone(), Observation::Present(pods(carrying)));
        }
        let found = remaining(&plan(), &standings(4, 1), &live).unwrap();
        assert_eq!(matches!(found, Remaining::Steps(_)), is_known, "{carrying:?}");
    }
}

#[test]
fn what_is_done_and_is_not_there_any_more_stops_everything() {
    let mut live = world(3);
    live.insert(addresses("c").role, Observation::Absent);
    let Remaining::Drifted(drifts) = remaining(&plan(), &standings(3, 0), &live).unwrap() else { panic!("it drifted") };
    assert_eq!(drifts.len(), 1);
    assert!(drifts[0].planned.is_some() && drifts[0].found.is_none());
}

#[test]
fn what_was_not_begun_has_to_be_as_it_was() {
    let at = addresses("c");
    let mut live = world(2);
    live.insert(at.detach.clone(), Observation::Absent);
    // Someone has detached by hand: the plan would not have. But it is what the step would leave.
    assert!(!left(&standings(2, 0), &live).contains(&at.detach));
    // What is neither as it was nor as the step would leave it is someone else's.
    let another = service_account(Some(("arn:aws:iam::111122223333:role/another", "eksctl")));
    live.insert(at.annotate.clone(), Observation::Present(another));
    let Remaining::Drifted(drifts) = remaining(&plan(), &standings(2, 0), &live).unwrap() else { panic!("it drifted") };
    assert_eq!(drifts.iter().map(|drift| &drift.address).collect::<Vec<_>>(), [&at.annotate]);
}

#[test]
fn a_finished_run_is_ours_to_undo_until_someone_changes_what_it_made() {
    let plan = plan();
    let done = standings(plan.len(), 0);
    assert_eq!(changed_since(&plan, &done, &world(7)), Ok(Vec::new()));
    assert_eq!(changed_since(&plan, &done, &world(0)), Ok(Vec::new()), "it is as before already");
    let at = addresses("c");
    let mut live = world(7);
    if let Some(Observation::Present(Resource::Role(role))) = live.get_mut(&at.role) {
        role.tags.insert("owner".to_owned(), "them".to_owned());
    }
    let drifts = changed_since(&plan, &done, &live).unwrap();
    assert_eq!(drifts.iter().map(|drift| &drift.address).collect::<Vec<_>>(), [&at.role]);
}

#[test]
fn what_others_did_of_what_the_run_had_not_begun_is_told_before_it_goes_back() {
    let at = addresses("c");
    let mut live = world(5);
    assert_eq!(done_by_others(&plan(), &standings(5, 0), &live), []);
    live.insert(at.detach.clone(), Observation::Absent);
    let told = |standings: &[Standing], live: &_| -> Vec<Address> {
        done_by_others(&plan(), standings, live).into_iter().map(|drift| drift.address).collect()
    };
    assert_eq!(told(&standings(5, 0), &live), std::slice::from_ref(&at.detach));
    assert_eq!(told(&standings(6, 1), &live), [], "what the run may have done itself goes back");
    let mut live = world(2);
    live.insert(at.restart.clone(), Observation::Present(pods(&[(PodIdentity::NodeRole, 2), (web("c"), 1)])));
    assert_eq!(
        told(&standings(2, 0), &live),
        std::slice::from_ref(&at.restart),
        "a pod carries what the run has not announced"
    );
    assert_eq!(told(&standings(3, 1), &live), [], "one that it may have announced is its own to take back");
    let error = crate::precondition::not_looked_at(&at.detach);
    live.insert(at.detach.clone(), Observation::Unseen(error));
    assert_eq!(told(&standings(4, 0), &live), []);
}

#[test]
fn a_pod_that_is_born_under_the_annotation_as_the_plan_found_it_is_no_drift() {
    let at = addresses("c");
    let nobodys = "arn:aws:iam::111122223333:role/nobodys";
    let annotated = Observation::Present(service_account(Some((nobodys, "kubectl-annotate"))));
    let mut start = fresh(&["c"]);
    start.insert(at.annotate.clone(), annotated.clone());
    let changes = diff(graph(&["c"]), start.clone()).unwrap().changes;
    let carried = |role_arn: &str| PodIdentity::WebIdentity { role_arn: role_arn.to_owned(), sts_regional: Some(true) };
    for (role_arn, is_known) in [(nobodys, true), ("arn:aws:iam::111122223333:role/another", false)] {
        let mut live = start.clone();
        for address in [&at.probe, &at.restart, &at.verify] {
            let born = pods(&[(PodIdentity::NodeRole, 2), (carried(role_arn), 1)]);
            live.insert(address.clone(), Observation::Present(born));
        }
        let left = remaining(&changes, &vec![Standing::NotBegun; changes.len()], &live).unwrap();
        assert_eq!(matches!(left, Remaining::Steps(_)), is_known, "{role_arn}: {left:?}");
    }
}

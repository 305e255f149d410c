use super::*;
use crate::fixture::{addresses, attachment, finished, fresh, graph, pods, role, service_account, web};
use crate::{Address, Kind, Observation, PodIdentity, Resource, Role, diff};

mod brute_force;
mod edges;
mod random;

fn planned(clusters: &[&str], world: HashMap<Address, Observation>) -> Vec<Change> {
    diff(graph(clusters), world).unwrap().changes
}

fn danger(changes: &[Change]) -> Danger {
    match prove(changes) {
        SafetyVerdict::Unsafe(danger) => danger,
        safe @ SafetyVerdict::Safe { .. } => panic!("{safe:?}"),
    }
}

#[test]
fn the_procedure_is_safe_for_one_cluster_and_for_two_on_one_node_role() {
    let states = |clusters: &[&str]| match prove(&planned(clusters, fresh(clusters))) {
        SafetyVerdict::Safe { forward_states, back_states, exempt } => {
            assert_eq!(exempt, []);
            (forward_states, back_states)
        }
        SafetyVerdict::Unsafe(danger) => panic!("{danger:?}"),
    };
    let one = states(&["c"]);
    assert!(one.0 > 10 && one.1 > one.0, "{one:?}");
    assert_eq!(states(&["blue", "green"]), (2 * one.0, 2 * one.1));
}

#[test]
fn nothing_to_do_has_no_states() {
    let verdict = prove(&planned(&["c"], finished(&["c"])));
    assert_eq!(verdict, SafetyVerdict::Safe { forward_states: 0, back_states: 0, exempt: Vec::new() });
}

#[test]
fn the_policy_taken_off_too_early_is_told_as_a_story() {
    let mut changes = planned(&["c"], fresh(&["c"]));
    changes.last_mut().unwrap().depends_on.clear();
    let danger = danger(&changes);
    assert_eq!((danger.cluster.as_str(), danger.identity), ("c", Some(Endangered::NodeRole)));
    let told: Vec<(Direction, &str)> = danger.steps.iter().map(|step| (step.direction, step.does.as_str())).collect();
    assert_eq!(told, [(Direction::Forward, "AmazonEKS_CNI_Policy is taken off NodeRole")]);
    assert_eq!(
        danger.outcome,
        "a pod of c that still uses the node role has no permissions: AmazonEKS_CNI_Policy is not attached to NodeRole"
    );
}

#[test]
fn pods_that_lacked_permissions_before_are_told_and_not_held_against_the_plan() {
    // Annotated and restarted by hand, the role forgotten.
    let at = addresses("c");
    let mut world = finished(&["c"]);
    world.insert(at.role, Observation::Absent);
    world.insert(at.attach.clone(), Observation::Absent);
    let SafetyVerdict::Safe { exempt, .. } = prove(&planned(&["c"], world)) else { panic!("it mends what is broken") };
    let lacking: Vec<(Endangered, Kind)> = exempt.iter().map(|it| (it.identity, it.lacks.kind())).collect();
    assert_eq!(lacking, [(Endangered::OwnRole, Kind::Attach), (Endangered::OwnRole, Kind::Role)]);
}

#[test]
fn a_restart_into_an_identity_without_permissions_is_refused_whatever_was_so_before() {
    // Annotated by hand, the pods still on the node role: a restart would bring all of them down.
    let at = addresses("c");
    let mut world = fresh(&["c"]);
    world.insert(at.annotate.clone(), finished(&["c"])[&at.annotate].clone());
    let mut changes = planned(&["c"], world);
    assert!(prove(&changes).is_safe());
    let restart = changes.iter_mut().find(|change| change.address == at.restart).unwrap();
    restart.depends_on.clear();
    let danger = danger(&changes);
    assert_eq!(danger.steps.last().unwrap().address, at.restart);
    assert!(danger.outcome.starts_with("the pods of c are born again with the plugin's own role"), "{danger:?}");
}

#[test]
fn a_half_done_cluster_and_one_that_leaves_the_node_role_alone_are_safe() {
    let at = addresses("c");
    let mut world = finished(&["c"]);
    for address in [&at.restart, &at.verify] {
        let carried = pods(&[(PodIdentity::NodeRole, 2), (web("c"), 1)]);
        world.insert(address.clone(), Observation::Present(carried));
    }
    world.insert(at.detach.clone(), Observation::Present(attachment("NodeRole")));
    assert!(prove(&planned(&["c"], world)).is_safe());
    let kept: Vec<Change> = planned(&["c"], fresh(&["c"])).into_iter().filter(|it| it.address != at.detach).collect();
    assert!(prove(&kept).is_safe());
}

#[test]
fn an_annotation_that_named_another_role_goes_back_and_newborn_pods_keep_what_they_stand_on() {
    // The pods, by the node role, cannot go back as they were; one may be born under the plan's annotation.
    let at = addresses("c");
    let mut world = fresh(&["c"]);
    let another = service_account(Some(("arn:aws:iam::111122223333:role/another", "eksctl")));
    world.insert(at.annotate, Observation::Present(another));
    let verdict = prove(&planned(&["c"], world));
    assert!(verdict.is_safe(), "{verdict:#?}");
}

#[test]
fn a_plan_that_no_compiler_made_is_not_taken_to_be_safe() {
    let mut nobodys = planned(&["c"], fresh(&["c"]));
    nobodys.last_mut().unwrap().clusters.clear();
    assert!(danger(&nobodys).outcome.contains("names no cluster"));
    let mut twice = planned(&["c"], fresh(&["c"]));
    let mut second = twice.iter().find(|change| change.address.kind() == Kind::Restart).unwrap().clone();
    second.address = Address::new("c", Kind::Restart, &["another"]);
    twice.push(second);
    assert!(danger(&twice).outcome.contains("more than one such step"));
    // Without a look at the pods they are where every cluster begins.
    let detach_alone: Vec<Change> = planned(&["c"], fresh(&["c"])).into_iter().rev().take(1).collect();
    assert_eq!(danger(&detach_alone).identity, Some(Endangered::NodeRole));
}

#[test]
fn a_dependency_on_what_comes_later_guards_nothing() {
    // Nobody's order: a reader refuses it, but the proof does not rely on that.
    let mut changes = planned(&["c"], fresh(&["c"]));
    changes.rotate_right(1);
    assert_eq!(changes[0].address, addresses("c").detach);
    assert_eq!(danger(&changes).identity, Some(Endangered::NodeRole));
}

#[test]
fn a_role_that_is_there_and_does_not_trust_the_plugin_is_no_role_for_its_pods() {
    let at = addresses("c");
    let mut world = fresh(&["c"]);
    let Resource::Role(others) = role("another") else { panic!("it is a role") };
    world.insert(at.role.clone(), Observation::Present(Resource::Role(Role { name: "Cni-c".to_owned(), ..others })));
    world.insert(at.attach.clone(), Observation::Present(attachment("Cni-c")));
    let mut changes = planned(&["c"], world);
    assert!(prove(&changes).is_safe());
    changes.iter_mut().find(|change| change.address == at.annotate).unwrap().depends_on.clear();
    let danger = danger(&changes);
    assert!(danger.outcome.ends_with("role Cni-c does not trust the plugin"), "{danger:?}");
}

#[test]
fn a_fleet_takes_time_in_proportion() {
    // One node role for all: what concerns everyone must not be walked through for everyone.
    let names: Vec<String> = (0..600).map(|number| format!("c{number:03}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let changes = planned(&names, fresh(&names));
    let began = std::time::Instant::now();
    assert!(prove(&changes).is_safe());
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
}

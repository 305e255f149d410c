//! Random graphs, with any calls failing, on the way there and on the way back.

use std::collections::{BTreeSet, HashMap};

use cni_plan_core::{Address, Attachment, Change, DependencyGraph, Kind, Node, OidcProvider, Resource, Target, Wanted};
use proptest::prelude::*;

use super::world::{ACCOUNT, Fault, World};
use super::{block_on, planned, reopened, residue, run_recorded, under};
use crate::journal::MemoryStorage;
use crate::{Ended, Stop, undo};

/// `length` attachments, each waiting for the one before.
pub(super) fn chain(length: usize) -> DependencyGraph<Node> {
    let edges: Vec<(usize, usize)> = (1..length).map(|node| (node, node - 1)).collect();
    graph(&vec![Sort::Create; length], &edges)
}

/// A last step that has nothing to do.
pub(super) fn already_there(graph: &mut DependencyGraph<Node>, world: &World) {
    let (address, target) = another();
    let state = attachment(&target);
    world.put(&target, Some(state.clone()));
    let last = address_of(Sort::Create, graph.len() - 1);
    graph.entry(&address, || Node {
        address: address.clone(),
        target,
        wanted: Wanted::Present(state),
        clusters: Vec::new(),
    });
    graph.depend(&address, &last);
}

/// An attachment that no random graph has.
pub(super) fn another() -> (Address, Target) {
    let target =
        Target::Attachment { account: ACCOUNT.to_owned(), role: "another".to_owned(), policy_arn: "p".to_owned() };
    (Address::new(ACCOUNT, Kind::Attach, &["zzz"]), target)
}

/// What a node asks for, and so what its step does from the start.
#[derive(Debug, Clone, Copy)]
enum Sort {
    Create,
    Delete,
    Update,
    Nothing,
}

fn address_of(sort: Sort, node: usize) -> Address {
    let kind = match sort {
        Sort::Delete => Kind::Detach,
        Sort::Update => Kind::OidcProvider,
        Sort::Create | Sort::Nothing => Kind::Attach,
    };
    Address::new(ACCOUNT, kind, &[&format!("{node:02}")])
}

fn target_of(sort: Sort, node: usize) -> Target {
    match sort {
        Sort::Update => Target::OidcProvider { account: ACCOUNT.to_owned(), arn: format!("arn:{node}") },
        _ => {
            Target::Attachment { account: ACCOUNT.to_owned(), role: format!("r{node}"), policy_arn: "arn:p".to_owned() }
        }
    }
}

fn attachment(target: &Target) -> Resource {
    let Target::Attachment { role, policy_arn, .. } = target else { panic!("it is an attachment") };
    Resource::Attachment(Attachment { role: role.clone(), policy_arn: policy_arn.clone() })
}

fn provider(audiences: &[&str]) -> Resource {
    let client_ids = audiences.iter().map(|&audience| audience.to_owned()).collect();
    Resource::OidcProvider(OidcProvider { url: "issuer".to_owned(), client_ids })
}

/// Edges lead from larger to smaller numbers.
fn graph(sorts: &[Sort], edges: &[(usize, usize)]) -> DependencyGraph<Node> {
    let mut graph = DependencyGraph::default();
    for (node, &sort) in sorts.iter().enumerate() {
        let (address, target) = (address_of(sort, node), target_of(sort, node));
        let wanted = match sort {
            Sort::Create | Sort::Nothing => Wanted::Present(attachment(&target)),
            Sort::Delete => Wanted::Absent,
            Sort::Update => Wanted::Present(provider(&["sts"])),
        };
        graph.entry(&address, || Node { address: address.clone(), target, wanted, clusters: Vec::new() });
    }
    for &(from, on) in edges {
        graph.depend(&address_of(sorts[from], from), &address_of(sorts[on], on));
    }
    graph
}

fn start(sorts: &[Sort]) -> World {
    let world = World::default();
    for (node, &sort) in sorts.iter().enumerate() {
        let target = target_of(sort, node);
        match sort {
            Sort::Create => {}
            Sort::Delete | Sort::Nothing => world.put(&target, Some(attachment(&target))),
            Sort::Update => world.put(&target, Some(provider(&["theirs"]))),
        }
    }
    world
}

/// Steps that call something, each with those of them that it waits for, through whatever does
/// nothing: what the order of calls has to respect.
fn waits_for(changes: &[Change]) -> HashMap<&Address, BTreeSet<&Address>> {
    let mut all: HashMap<&Address, BTreeSet<&Address>> = HashMap::new();
    for change in changes {
        let mut waits = BTreeSet::new();
        for on in &change.depends_on {
            let dependency = changes.iter().find(|change| &change.address == on).unwrap();
            if dependency.is_effective() {
                waits.insert(&dependency.address);
            }
            waits.extend(all[on].iter().copied());
        }
        all.insert(&change.address, waits);
    }
    all
}

fn sort() -> impl Strategy<Value = Sort> {
    prop_oneof![4 => Just(Sort::Create), 3 => Just(Sort::Delete), 3 => Just(Sort::Update), 1 => Just(Sort::Nothing)]
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![Just(Fault::Refused), Just(Fault::InDoubt)]
}

const NODES: usize = 12;

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_run_keeps_to_its_order_and_ends_there_or_where_it_began_or_says_what_is_left(
        sorts in prop::collection::vec(sort(), 1..NODES),
        pairs in prop::collection::vec((0usize..NODES, 0usize..NODES), 0..30),
        faults in prop::collection::btree_map(0usize..2 * NODES, fault(), 0..4),
        stop_at in prop::option::weighted(0.2, 0usize..NODES),
        parallelism in 1usize..6,
    ) {
        let edges: Vec<(usize, usize)> = pairs
            .iter()
            .map(|&(a, b)| (a.max(b), a.min(b)))
            .filter(|&(from, on)| from != on && from < sorts.len())
            .collect();
        let world = start(&sorts);
        let change_set = planned(graph(&sorts, &edges), &world);
        faults.iter().for_each(|(&call, &fault)| world.fail(call, fault));
        if let Some(call) = stop_at {
            world.stop_at(call);
        }
        let storage = MemoryStorage::default();
        let mut applied = run_recorded(&change_set, &world, parallelism, world.stop(), &storage);
        if matches!(applied, Ended::Interrupted { .. }) {
            // Whoever stopped it has it put back.
            let run = reopened(&change_set, &storage);
            applied = under(&world, parallelism, Stop::default(), |it| block_on(undo(&run, it)).unwrap());
        }

        prop_assert!(world.most_running() <= parallelism);
        prop_assert_eq!(world.violations(), Vec::<String>::new());
        let waits = waits_for(&change_set.changes);
        let mut done: BTreeSet<Address> = BTreeSet::new();
        for (address, is_ok) in world.ended() {
            let is_way_back = !done.insert(address.clone());
            let must_be_done = waits[&address].iter().all(|on| done.contains(*on));
            prop_assert!(is_way_back || must_be_done || !is_ok, "{} came too soon", address);
        }
        for change in &change_set.changes {
            let now = world.get(&change.target);
            let is_there = match (&change.after, &now) {
                (None, None) => true,
                (Some(after), Some(now)) => &after.merged_into(now) == now,
                _ => false,
            };
            match &applied {
                Ended::Done | Ended::Already => prop_assert!(is_there, "{} is not there", change.address),
                _ => prop_assert_eq!(
                    now != change.before,
                    residue(&applied).contains(&&change.address),
                    "{} is otherwise than the report says", change.address
                ),
            }
        }
        // The one thing that goes wrong goes wrong on the way there: nothing is left behind.
        if faults.len() + usize::from(stop_at.is_some()) <= 1 {
            prop_assert_eq!(residue(&applied), Vec::<&Address>::new(), "{:?}", applied);
        }
    }
}

//! Journals of runs that were killed, cut and damaged, and then taken up in the world that the run
//! left: whatever is lost of a record, nobody loses permissions, and what is done is right or refused.

use cni_plan_core::{ChangeSet, ProviderError, Run};

use super::model::Disk;
use super::procedure::{fresh, graph};
use super::world::{Fault, Moment, Process, Session, World};
use super::{block_on, planned, records_of_a_new_run, reopened, residue, under};
use crate::journal::{Journal, MemoryStorage, Storage, Tail, recover};
use crate::{Ended, Stop, apply, resume, undo};

/// Calls of a cluster's run there, and at most as many back.
const CALLS: usize = 12;

/// A run that was killed over a call, with what it left.
struct Killed {
    change_set: ChangeSet,
    journal: Vec<u8>,
    world: World,
}

/// Killed over `call`; with `fails_at`, on the way back where that comes first.
fn killed(call: usize, moment: Moment, fails_at: Option<usize>) -> Killed {
    let world = World::default();
    fresh(&world, "c");
    let change_set = planned(graph(&["c"]), &world);
    let (process, disk) = (Process::default(), Disk::default());
    disk.take_up(&process, 0, None, None);
    let session =
        Session { process: process.clone(), disk: disk.clone(), killed_at: Some((call, moment)), ..Session::default() };
    world.attend(session, false);
    if let Some(fails_at) = fails_at {
        world.fail(fails_at, Fault::Refused);
    }
    let open = async || {
        let journal = Journal::start(disk.clone(), Tail::empty()).unwrap();
        for first in records_of_a_new_run(&change_set) {
            journal.write(&first).await.unwrap();
        }
        Ok::<_, ProviderError>(journal)
    };
    under(&world, 1, Stop::default(), |execution| process.run(apply(&change_set, execution, open)));
    world.catch_up();
    Killed { journal: disk.bytes(), world, change_set }
}

/// Takes the run up with this for its journal, in a world that is as it was left.
fn take_up(killed: &Killed, journal: &[u8], goes_back: bool) {
    let Ok(recovered) = recover(journal) else { return };
    let world = World::of(&killed.world.things());
    let mut storage = MemoryStorage::default();
    storage.append(journal).unwrap();
    storage.sync().unwrap();
    let length = usize::try_from(recovered.tail.length).unwrap();
    let run = reopened(&killed.change_set, &storage);
    let ended = under(&world, 1, Stop::default(), |execution| {
        block_on(async { if goes_back { undo(&run, execution).await } else { resume(&run, execution).await } })
    });
    let ended = ended.unwrap();
    let at = format!("{length} of {} bytes believed: {ended:?}", journal.len());
    assert_eq!(world.violations(), Vec::<String>::new(), "{at}");
    for change in killed.change_set.changes.iter().filter(|change| change.is_effective()) {
        let now = world.get(&change.target);
        match &ended {
            Ended::Done if change.run.is_none() => assert_eq!(now, change.after, "{} after {at}", change.address),
            Ended::RolledBack { .. } if !change.run.as_ref().is_some_and(Run::leaves_nothing) => assert_eq!(
                change.is_undone(now.as_ref()),
                !residue(&ended).contains(&&change.address),
                "{} after {at}",
                change.address
            ),
            Ended::Stale(_) | Ended::BlockedByOthers(_) | Ended::Already => assert_eq!(world.calls(), 0, "{at}"),
            Ended::Interrupted { .. } => panic!("nothing was in the way of {at}"),
            Ended::Done | Ended::RolledBack { .. } => {}
        }
    }
}

/// Positions around each record's end, and some of every record.
fn positions(journal: &[u8], step: usize) -> Vec<usize> {
    let near_an_end = |at: usize| journal[at.saturating_sub(1)..(at + 2).min(journal.len())].contains(&b'\n');
    (0..journal.len()).filter(|&at| at % step == 0 || near_an_end(at)).collect()
}

fn every_run(mut see: impl FnMut(&Killed)) {
    let mut seen = 0;
    for fails_at in [None, Some(4)] {
        for moment in [Moment::Before, Moment::HalfWay, Moment::After] {
            for call in 0..CALLS {
                let killed = killed(call, moment, fails_at);
                seen += usize::from(!killed.journal.is_empty());
                see(&killed);
            }
        }
    }
    assert!(seen > 2 * CALLS, "only {seen} runs were begun");
}

#[test]
fn cut_anywhere_a_run_is_taken_up_rightly_or_not_at_all() {
    every_run(|killed| {
        for length in positions(&killed.journal, 97) {
            for goes_back in [false, true] {
                take_up(killed, &killed.journal[..length], goes_back);
            }
        }
    });
}

#[test]
fn damaged_anywhere_a_run_is_taken_up_rightly_or_not_at_all() {
    every_run(|killed| {
        for at in positions(&killed.journal, 197) {
            for flipped in [0x01, 0x80] {
                let mut journal = killed.journal.clone();
                journal[at] ^= flipped;
                take_up(killed, &journal, (at + usize::from(flipped)) % 2 == 0);
            }
        }
    });
}

//! Everything in any order: plans, applies, what others do meanwhile, faults, kills at any call and
//! any record, full disks, lost locks, resumes and rollbacks, of clusters that share a node role. After
//! each, what design and documents promise is looked for in the world itself.
//!
//! With one step at a time a case always goes the same way. With several, the journal's thread
//! decides which of two steps goes on first, so a case that is kept may need a few runs to fail again.

mod check;
mod disk;
mod machine;
mod operation;

use proptest::prelude::*;

use self::disk::Cut;
pub(super) use self::disk::Disk;
use self::machine::Machine;
use self::operation::{Operation, Trouble, operations};
use super::procedure::{Start, start};
use super::world::Fault;

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 5_000, ..ProptestConfig::with_cases(cases()) })]

    #[test]
    fn whatever_happens_in_whatever_order_what_is_promised_holds(
        starts in prop::collection::vec(start(), 1..=3),
        operations in operations(),
    ) {
        let mut machine = Machine::of(&starts);
        for operation in &operations {
            machine.go(operation)?;
        }
        machine.finish()?;
    }
}

/// Found above, and too costly to be found again by chance.
#[test]
fn a_run_that_another_has_overtaken_takes_nothing_back() {
    let untroubled = Trouble { parallelism: 1, ..Trouble::default() };
    let cut_off = Trouble { loses_lock_at: Some(7), ..untroubled.clone() };
    let fails = Trouble { faults: [(0, Fault::Refused)].into(), ..untroubled.clone() };
    for last in [Operation::Resume(0, fails), Operation::Rollback(0, untroubled.clone())] {
        let mut machine = Machine::of(&[(Start::Fresh, [1, 1]); 2]);
        for operation in
            [Operation::Apply(cut_off.clone()), Operation::Plan, Operation::Apply(untroubled.clone()), last]
        {
            machine.go(&operation).unwrap();
        }
    }
}

/// `PROPTEST_CASES` asks for more.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(400)
}

//! A plan that would cut pods off is refused, also when its document claims that it is safe.

use cni_plan_core::{ChangeSet, Kind, SafetyVerdict};
use cni_plan_tests::rehearsal::Rehearsal;

const SAVED: &str = "plans/ipv4.plan.json";

/// A saved plan whose node role loses its policy without waiting for anything, as nobody but a person
/// with an editor makes it: its digest is right, and its verdict is still that of the plan it was.
fn tampered(rehearsal: &Rehearsal) -> ChangeSet {
    rehearsal.run("plan examples/ipv4.yaml").expect(0);
    let mut change_set = ChangeSet::from_json(&rehearsal.workspace().read(SAVED)).unwrap();
    assert!(change_set.safety.is_safe());
    let verify = change_set.changes.iter().find(|change| change.address.kind() == Kind::Verify).unwrap();
    let verify = verify.address.clone();
    for change in &mut change_set.changes {
        match change.address.kind() {
            Kind::Detach => change.depends_on.clear(),
            // It would find the pods out of order otherwise.
            Kind::Confirm => change.depends_on.push(verify.clone()),
            _ => {}
        }
    }
    change_set
}

#[test]
fn a_plan_that_claims_to_be_safe_is_proved_again_before_it_is_applied() {
    let rehearsal = Rehearsal::ipv4();
    let change_set = tampered(&rehearsal);
    rehearsal.workspace().write(SAVED, &change_set.to_json());
    let start = rehearsal.state();
    rehearsal.sandbox().clear_calls();
    let ran = rehearsal.run(&format!("apply {SAVED}")).expect(5);
    assert!(ran.stderr.contains("detach AmazonEKS_CNI_Policy") || ran.stderr.contains("taken off"), "{ran}");
    assert!(ran.stderr.contains("--accept-network-outage"), "{ran}");
    assert!(rehearsal.sandbox().calls().is_empty(), "it is refused before anything is asked");
    assert_eq!(rehearsal.state(), start);
    insta::assert_snapshot!("outage", ran);
}

#[test]
fn whoever_accepts_the_outage_is_warned_and_may_go_on() {
    let rehearsal = Rehearsal::ipv4();
    let mut change_set = tampered(&rehearsal);
    change_set.safety = cni_plan_core::prove(&change_set.changes);
    assert!(matches!(change_set.safety, SafetyVerdict::Unsafe(_)));
    rehearsal.workspace().write(SAVED, &change_set.to_json());
    let ran = rehearsal.run(&format!("apply {SAVED} --accept-network-outage")).expect(0);
    assert!(ran.stderr.contains("warning: this plan leaves pods without network permissions"), "{ran}");
}

//! Two commands on one sandbox at once: one waits for the other, and neither harms the world.

use cni_plan_tests::command::Workspace;

const SPEC: &str = "examples/quickstart.yaml";

#[test]
fn two_plans_at_once_say_the_same() {
    let workspace = Workspace::with_examples();
    let plan = || workspace.run(["plan", "--sandbox", "--no-save", SPEC]);
    let (one, other) = at_once(plan);
    assert_eq!(one.expect(0).stdout, other.expect(0).stdout);
}

#[test]
fn of_two_applies_at_once_one_does_it_and_the_other_finds_it_done() {
    let workspace = Workspace::with_examples();
    let apply = || workspace.run(["apply", "--sandbox", "--auto-approve", SPEC]);
    let (one, other) = at_once(apply);
    let mut ends = [one, other].map(|ran| ran.expect(0).stdout.lines().last().unwrap_or_default().to_owned());
    ends.sort();
    let [applied, nothing] = ends;
    assert!(applied.starts_with("Applied and verified: 2 added"), "{applied}");
    assert!(nothing.starts_with("Nothing to do"), "{nothing}");
    workspace.run(["plan", "--sandbox", "--no-save", "--detailed-exitcode", SPEC]).expect(0);
}

fn at_once<T: Send>(run: impl Fn() -> T + Sync) -> (T, T) {
    std::thread::scope(|scope| {
        let one = scope.spawn(&run);
        let other = scope.spawn(&run);
        (one.join().unwrap(), other.join().unwrap())
    })
}

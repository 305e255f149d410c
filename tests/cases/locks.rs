//! The lock of a cluster: who has it goes on, who has not waits or is told, and who lost it stops.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use cni_plan_sandbox::ClusterSeed;
use cni_plan_tests::ending::locks_in;
use cni_plan_tests::rehearsal::{MY_CLUSTER, Rehearsal, while_held};
use rustix::process::{Pid, Signal, kill_process};

const APPLY: &str = "apply plans/spec.plan.json";
const SHOW: &str = "lock show plans/spec.plan.json";
/// The first call that changes anything: whoever makes it has the lock.
const HELD: &str = "iam:CreateRole=Holdx1";
/// Nothing that is waited for takes as long.
const LIMIT: Duration = Duration::from_secs(60);

/// `my-cluster`, with its change set.
fn planned() -> Rehearsal {
    let rehearsal = Rehearsal::ipv4();
    rehearsal.workspace().write("spec.yaml", MY_CLUSTER);
    rehearsal.run("plan spec.yaml").expect(0);
    rehearsal
}

/// Waits until the sandbox has refused somebody the lock.
fn until_somebody_waits(rehearsal: &Rehearsal) {
    let begun = Instant::now();
    let is_refusal = |call: &cni_plan_sandbox::CallRecord| call.operation == "create leases" && call.status == 409;
    while !rehearsal.sandbox().calls().iter().any(is_refusal) {
        assert!(begun.elapsed() < LIMIT, "nobody asks for the lock");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn while_one_applies_another_hears_who_does() {
    let rehearsal = planned();
    let (first, ()) = while_held(&rehearsal, HELD, APPLY, || {
        let locks = locks_in(&rehearsal.state());
        let [holder] = locks.as_slice() else { panic!("one lock is held: {locks:?}") };
        let (who, run) = holder.rsplit_once(", run ").unwrap();

        let shown = rehearsal.run(SHOW).expect(0).stdout;
        assert!(shown.starts_with("my-cluster  locked\n"), "{shown}");
        assert!(shown.contains(who) && shown.contains(run), "{shown}");
        assert_eq!(rehearsal.runs(), [run]);

        let second = rehearsal.run(APPLY).expect(4);
        let told = &second.stderr;
        assert!(told.contains("cluster my-cluster is locked; nothing was changed"), "{second}");
        assert!(told.contains(holder) && told.contains("--lock-timeout 5m"), "{second}");
        assert_eq!(rehearsal.runs(), [run], "it has not even begun");
    });
    first.expect(0);
    assert_eq!(rehearsal.run(SHOW).expect(0).stdout, "my-cluster  not locked\n");
    assert!(rehearsal.run(APPLY).expect(3).stderr.contains("the change set is applied already"));
    assert_eq!(locks_in(&rehearsal.state()), Vec::<String>::new());
}

#[test]
fn who_is_patient_has_its_turn() {
    let rehearsal = planned();
    std::thread::scope(|scope| {
        let patient = || rehearsal.run(&format!("{APPLY} --lock-timeout 5m"));
        let (first, second) = while_held(&rehearsal, HELD, APPLY, || {
            let waiting = scope.spawn(patient);
            until_somebody_waits(&rehearsal);
            waiting
        });
        assert!(first.expect(0).stdout.contains("Applied and verified"));
        let second = second.join().unwrap().expect(3);
        assert!(second.stderr.contains("waiting up to 5m for the lock of cluster my-cluster: "), "{second}");
        assert!(second.stderr.contains("the change set is applied already; nothing was changed"), "{second}");
    });
}

#[test]
fn who_is_not_patient_enough_gives_up_in_time() {
    let rehearsal = planned();
    let (first, took) = while_held(&rehearsal, HELD, APPLY, || {
        let begun = Instant::now();
        rehearsal.run(&format!("{APPLY} --lock-timeout 2s")).expect(4);
        begun.elapsed()
    });
    first.expect(0);
    assert!(took >= Duration::from_secs(2) && took < LIMIT / 2, "{took:?}");
}

#[test]
fn a_signal_ends_the_wait() {
    let rehearsal = planned();
    let (first, ended) = while_held(&rehearsal, HELD, APPLY, || {
        let mut command = rehearsal.workspace().command(APPLY.split(' ').chain(["--lock-timeout", "1h"]));
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = Vec::new();
        for line in BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok) {
            if line.starts_with("waiting up to 1h") {
                kill_process(Pid::from_child(&child), Signal::INT).unwrap();
            }
            said.push(line);
        }
        (child.wait().unwrap().code(), said.join("\n"))
    });
    first.expect(0);
    let (code, said) = ended;
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("cluster my-cluster is locked; nothing was changed"), "{said}");
}

#[test]
fn a_broken_lock_stops_its_run_before_the_next_step() {
    let rehearsal = planned();
    let (stopped, ()) = while_held(&rehearsal, HELD, APPLY, || {
        let refused = rehearsal.run("lock break plans/spec.plan.json").expect(1);
        assert!(refused.stderr.contains("cannot ask whether to break a lock"), "{refused}");
        assert_eq!(locks_in(&rehearsal.state()).len(), 1);

        let broken = rehearsal.run("lock break plans/spec.plan.json --auto-approve").expect(0);
        assert!(broken.stdout.starts_with("Broken: the lock of my-cluster, which "), "{broken}");
        assert_eq!(locks_in(&rehearsal.state()), Vec::<String>::new());
        // What was confirmed a moment ago is not asked again.
        std::thread::sleep(Duration::from_secs(1));
    });
    let stopped = stopped.expect(8);
    assert!(stopped.stderr.contains("the lock of cluster my-cluster is lost"), "{stopped}");
    assert!(stopped.stderr.contains("cni-plan lock break"), "{stopped}");
    let role = &rehearsal.state()["accounts"]["111122223333"]["roles"]["AmazonEKSVPCCNIRole-my-cluster"];
    assert_eq!(role["attached"], serde_json::json!([]), "the step after it was not begun");
    assert_eq!(locks_in(&rehearsal.state()), Vec::<String>::new(), "what was broken does not come back");

    rehearsal.run("resume").expect(0);
    assert!(rehearsal.run(APPLY).expect(3).stderr.contains("the change set is applied already"));
}

#[test]
fn a_broken_lock_stops_a_restart_at_its_batch_and_does_not_turn_it_round() {
    let rehearsal = planned();
    let (stopped, ()) = while_held(&rehearsal, "kubernetes:delete pods=Holdx1", &format!("{APPLY} --verbose"), || {
        rehearsal.run("lock break plans/spec.plan.json --auto-approve").expect(0);
        // What was confirmed a moment ago is not asked again.
        std::thread::sleep(Duration::from_secs(1));
    });
    let stopped = stopped.expect(8);
    assert!(stopped.stderr.contains("the lock of cluster my-cluster is lost"), "{stopped}");
    assert!(stopped.stderr.contains("restarting pods") && !stopped.stderr.contains("3 of 3 pods"), "{stopped}");
    let runs = rehearsal.run("runs").expect(0);
    assert!(runs.stdout.contains("unfinished: can be resumed"), "{runs}");
    rehearsal.run("resume").expect(0);
    assert!(rehearsal.run(APPLY).expect(3).stderr.contains("the change set is applied already"));
}

#[test]
fn a_lock_that_nobody_holds_is_not_broken() {
    let rehearsal = planned();
    let ran = rehearsal.run("lock break plans/spec.plan.json --auto-approve").expect(0);
    assert_eq!(ran.stdout, "Nothing to break: nobody holds a lock.\n");
    let ran = rehearsal.run("lock break spec.yaml --cluster other --auto-approve").expect(1);
    assert!(ran.stderr.contains("there is no cluster other in spec.yaml"), "{ran}");
}

/// Two clusters, `a` and `b`; one spec has both, the other `b` alone.
#[test]
fn of_two_clusters_both_are_locked_or_neither() {
    let rehearsal = Rehearsal::with_clusters(&["a", "b"].map(ClusterSeed::new));
    let cluster = |name: &str| format!("  - name: {name}\n    region: us-west-2\n    detach: false\n");
    let head = "version: 1\nclusters:\n";
    rehearsal.workspace().write("both.yaml", &format!("{head}{}{}", cluster("a"), cluster("b")));
    rehearsal.workspace().write("b.yaml", &format!("{head}{}", cluster("b")));
    rehearsal.run("plan both.yaml").expect(0);
    rehearsal.run("plan b.yaml").expect(0);

    let (first, ()) = while_held(&rehearsal, HELD, "apply plans/b.plan.json", || {
        let second = rehearsal.run("apply plans/both.plan.json").expect(4);
        assert!(second.stderr.contains("cluster b is locked"), "{second}");
        let shown = rehearsal.run("lock show both.yaml").expect(0).stdout;
        assert!(shown.starts_with("a  not locked\nb  locked\n"), "{shown}");
        rehearsal.run("lock break both.yaml --cluster a --auto-approve").expect(0);
        assert_eq!(locks_in(&rehearsal.state()).len(), 1, "only what is named is broken");
    });
    first.expect(0);

    // The locks of both are taken, the second run's world is not as planned: nothing is done, and
    // nothing stays locked.
    rehearsal.run("apply plans/both.plan.json").expect(3);
    assert_eq!(locks_in(&rehearsal.state()), Vec::<String>::new());
}

#[test]
fn a_missing_right_is_named_before_anything_is_changed() {
    let rehearsal = planned();
    let before = rehearsal.state();
    rehearsal.fail("kubernetes:create leases=AccessDenied");
    let ran = rehearsal.run(APPLY).expect(1);
    assert!(ran.stderr.contains("cannot take the lock (lease kube-system/cni-plan) in cluster my-cluster"), "{ran}");
    assert!(ran.stderr.contains("`create` on `leases.coordination.k8s.io` in namespace kube-system"), "{ran}");
    assert_eq!(rehearsal.state(), before);
    assert_eq!(rehearsal.runs(), Vec::<String>::new());
}

#[test]
fn to_look_at_locks_needs_no_right_in_iam() {
    let rehearsal = planned();
    for denied in ["iam:*", "eks:ListNodegroups", "eks:DescribeAddon", "eks:ListAccessEntries"] {
        rehearsal.fail(&format!("{denied}=AccessDenied"));
    }
    rehearsal.run(SHOW).expect(0);
    rehearsal.run("lock break spec.yaml --auto-approve").expect(0);
    rehearsal.fail("kubernetes:get leases=AccessDenied");
    let ran = rehearsal.run(SHOW).expect(1);
    assert!(ran.stderr.contains("`get` on `leases.coordination.k8s.io`"), "{ran}");
}

/// What another tool writes, and takes away again.
#[test]
#[ignore = "peer: aws, kubectl"]
fn kubectl() {
    let rehearsal = planned();
    let mut environment = rehearsal.sandbox().environment();
    let kubeconfig = rehearsal.workspace().write("kubeconfig", &rehearsal.sandbox().kubeconfig());
    environment.push(("KUBECONFIG".to_owned(), kubeconfig.display().to_string()));
    let shell = cni_plan_tests::peers::Shell::new(rehearsal.workspace().path(), &environment);
    let lease = "kubectl get lease -n kube-system cni-plan";

    let (stopped, ()) = while_held(&rehearsal, HELD, APPLY, || {
        let holder = locks_in(&rehearsal.state()).concat();
        let table = shell.must(lease);
        let mut lines = table.lines();
        let head: Vec<&str> = lines.next().unwrap_or_default().split_whitespace().collect();
        assert_eq!(head, ["NAME", "HOLDER", "AGE"]);
        let row = lines.next().unwrap_or_default();
        assert!(row.starts_with("cni-plan ") && row.contains(&holder), "{table}");
        let second = shell.run(
            "kubectl create -f - <<'EOF'\napiVersion: coordination.k8s.io/v1\nkind: Lease\n\
             metadata: {name: cni-plan, namespace: kube-system}\nEOF",
        );
        assert!(second.stderr.contains("(AlreadyExists)"), "{second:#?}");
        shell.must("kubectl delete lease -n kube-system cni-plan");
        std::thread::sleep(Duration::from_secs(1));
    });
    assert!(stopped.expect(8).stderr.contains("the lock of cluster my-cluster is lost"));

    // A holder whose name would act on a terminal, and who never was heard of.
    shell.must(
        "kubectl create -f - <<'EOF'\napiVersion: coordination.k8s.io/v1\nkind: Lease\n\
         metadata: {name: cni-plan, namespace: kube-system}\nspec: {holderIdentity: \"\\e[2J\\nnot locked\"}\nEOF",
    );
    let shown = rehearsal.run(SHOW).expect(0).stdout;
    assert!(shown.contains(r"\x1b[2J\nnot locked"), "{shown}");
    let refused = rehearsal.run("resume").expect(4);
    assert!(refused.stderr.contains(r"\x1b[2J\nnot locked"), "{refused}");
    rehearsal.run("lock break plans/spec.plan.json --auto-approve").expect(0);
    assert!(shell.run(lease).stderr.contains("(NotFound)"));
    rehearsal.run("resume").expect(0);
}

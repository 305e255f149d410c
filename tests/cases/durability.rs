//! The order of what is made durable and what is called, as the system sees it: `strace` writes down
//! each fsync(2) and fdatasync(2) of the built command together with what it sends.
//!
//! What follows from the order is the crash matrix's matter; a loss of power, which also takes what
//! was never synced, can be shown no other way.

use std::path::Path;

use cni_plan_tests::peers::find;
use cni_plan_tests::rehearsal::Rehearsal;

/// One line of the trace, or the half of it where other threads came between.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Event {
    /// A request that changes something begins to be sent.
    Sent(String),
    /// A journal's record begins to be written.
    Recorded(String),
    /// A file or folder is durable.
    Synced(String),
}

/// What `apply` does, step by step, in a fresh world; the workspace's own path is left out.
fn traced_apply() -> Vec<Event> {
    const TRACE: &str = "trace";
    let rehearsal = Rehearsal::ipv4();
    let workspace = rehearsal.workspace();
    rehearsal.run("plan examples/quickstart.yaml").expect(0);
    let apply = workspace.command(["apply", "--auto-approve", "--parallelism", "1"]);
    let mut strace = std::process::Command::new(find("strace"));
    strace
        .args(["-f", "-qq", "-y", "-s", "65536", "-o", TRACE])
        .args(["-e", "trace=fsync,fdatasync,pwrite64,write,writev,sendto,sendmsg"])
        .arg(apply.get_program())
        .args(apply.get_args())
        .current_dir(workspace.path())
        .env_clear()
        .envs(apply.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .stdin(std::process::Stdio::null());
    workspace.finish(strace).expect(0);
    let here = workspace.path().canonicalize().unwrap();
    let trace = workspace.read(TRACE);
    let mut syncing: Vec<(String, String)> = Vec::new();
    trace.lines().filter_map(|line| event(line, &here, &mut syncing)).collect()
}

/// `syncing` keeps, by thread, what is being made durable while other threads go on.
fn event(line: &str, here: &Path, syncing: &mut Vec<(String, String)>) -> Option<Event> {
    let (thread, rest) = line.split_once(' ').map(|(thread, rest)| (thread.to_owned(), rest.trim_start()))?;
    if rest.starts_with("<... fsync resumed>") || rest.starts_with("<... fdatasync resumed>") {
        assert!(rest.ends_with("= 0"), "{line}");
        let at = syncing.iter().position(|(by, _)| *by == thread).expect("it was begun");
        return Some(Event::Synced(syncing.swap_remove(at).1));
    }
    let (call, arguments) = rest.split_once('(')?;
    let on = || {
        let path = arguments.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or("", |(path, _)| path);
        let path = Path::new(path);
        path.strip_prefix(here).unwrap_or(path).display().to_string()
    };
    match call {
        "fsync" | "fdatasync" if arguments.ends_with("<unfinished ...>") => {
            syncing.push((thread, on()));
            None
        }
        "fsync" | "fdatasync" => {
            assert!(arguments.ends_with("= 0"), "{line}");
            Some(Event::Synced(on()))
        }
        "pwrite64" => Some(Event::Recorded(arguments.to_owned())),
        "write" | "writev" | "sendto" | "sendmsg" => changing_request(arguments).map(Event::Sent),
        _ => None,
    }
}

/// What a request changes: an action of IAM, or a method and a resource of Kubernetes. Locks and
/// questions change nothing that a run is about.
fn changing_request(sent: &str) -> Option<String> {
    const CHANGING: [&str; 5] = ["Create", "Attach", "Detach", "Update", "Delete"];
    if let Some((_, rest)) = sent.split_once("Action=") {
        let action = rest.split('&').next().unwrap_or_default();
        return CHANGING.iter().any(|verb| action.starts_with(verb)).then(|| action.to_owned());
    }
    let in_cluster = [("\"PATCH /", "/serviceaccounts/"), ("\"DELETE /", "/pods/")];
    let found = in_cluster.iter().find(|(method, resource)| sent.contains(method) && sent.contains(resource));
    found.map(|(method, resource)| format!("{method}{resource}"))
}

fn is_intent(event: &Event) -> bool {
    matches!(event, Event::Recorded(text) if text.contains(r#"\"record\":\"begin\""#))
}

#[test]
#[ignore = "peer: strace"]
fn before_its_first_call_a_run_is_on_the_disk_with_every_name_that_leads_there() {
    let events = traced_apply();
    let first = events.iter().position(|event| matches!(event, Event::Sent(_))).expect("it changes something");
    let synced: Vec<&str> = events[..first]
        .iter()
        .filter_map(|event| if let Event::Synced(on) = event { Some(on.as_str()) } else { None })
        .collect();
    let run = synced.iter().find_map(|on| on.strip_suffix("/change-set.json")).expect("the change set is durable");
    // Each folder after the name in it was made: the files of the run, the run, `runs`, `.cni-plan`.
    for folder in [run, ".cni-plan/runs", ".cni-plan", ""] {
        assert!(synced.contains(&folder), "the names in `{folder}` are not durable: {synced:?}");
    }
    let journal = format!("{run}/journal");
    assert!(synced.iter().filter(|on| **on == journal).count() >= 2, "its header, then the first intent: {synced:?}");
    let files = synced.iter().position(|on| on.ends_with("/change-set.json")).unwrap();
    let names = synced.iter().rposition(|on| *on == run).unwrap();
    assert!(files < names, "a name must not outlive its file's content: {synced:?}");
}

#[test]
#[ignore = "peer: strace"]
fn every_call_is_sent_after_the_fdatasync_of_its_intent() {
    let events = traced_apply();
    let mut calls = 0;
    for (at, event) in events.iter().enumerate() {
        let Event::Sent(what) = event else { continue };
        calls += 1;
        let before = &events[..at];
        let written = before.iter().rposition(|event| matches!(event, Event::Recorded(_))).expect("something is");
        // One step at a time: the last thing written before a call is what it is about to do.
        assert!(is_intent(&before[written]), "{what} is sent after {:?}", before[written]);
        let is_durable = |event: &Event| matches!(event, Event::Synced(on) if on.ends_with("/journal"));
        assert!(before[written..].iter().any(is_durable), "{what} is sent before its intent is durable");
    }
    assert!(calls >= 7, "a role, its policy, the annotation, three pods, the node role: {calls}");
    let last = events.iter().rposition(|event| matches!(event, Event::Recorded(_))).unwrap();
    assert!(events[last..].iter().any(|event| matches!(event, Event::Synced(_))), "how it ended is durable too");
}

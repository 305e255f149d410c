//! The page that `show --html` makes: printed or written, and as a browser has it.
//!
//! `tests/browser/check.cjs` says what a reader has to find; the pages that it looked at stay in the target
//! folder's `tmp/review-pages`, to be looked at by people too.

#[path = "../../crates/cni-plan-render/benches/pure/fleet.rs"]
mod fleet;

use std::path::{Path, PathBuf};

use cni_plan_core::{Address, ChangeSet, Finding, Kind, Resource, Severity, Target, diff, hazards, prove};
use cni_plan_render::plan_html;
use cni_plan_tests::command::{Workspace, repository};
use cni_plan_tests::peers;
use fleet::Fleet;

/// Clusters of a fleet's page.
const CLUSTERS: usize = 500;

/// What a name would have to be taken for to do harm.
const HOSTILE: &str = "</code></summary><script>document.title='owned'</script><img src=x onerror=alert(1)>\
    <a href=\"javascript:alert(1)\">x</a>\"'><svg onload=alert(1)>&lt;{{1}}<!--";

fn saved(name: &str) -> String {
    std::fs::read_to_string(repository().join(format!("plans/{name}.plan.json"))).unwrap()
}

#[test]
fn a_page_is_printed_or_written() {
    let workspace = Workspace::new();
    workspace.write("plans/quickstart.plan.json", &saved("quickstart"));
    let printed = workspace.run(["show", "--html"]).expect(0);
    let written = workspace.run(["show", "--html", "--out", "review/quickstart.html"]).expect(0);
    assert_eq!(printed.stdout, workspace.read("review/quickstart.html"));
    let plan = ChangeSet::from_json(&saved("quickstart")).unwrap();
    assert_eq!(printed.stdout, plan_html(&plan, &plan.digest()));
    assert_eq!((written.stdout.as_str(), written.stderr.as_str()), ("", "saved review/quickstart.html\n"));
    // Any form can be written.
    workspace.run(["show", "--out", "plan.txt", "--color", "always"]).expect(0);
    assert_eq!(workspace.read("plan.txt"), workspace.run(["show"]).expect(0).stdout);
}

#[test]
#[ignore = "peer: chromium"]
fn a_browser_finds_nothing_wrong_with_a_page() {
    let examples = ["two-clusters", "ipv6"].map(|name| (name, ChangeSet::from_json(&saved(name)).unwrap()));
    eprintln!("{}", look_at(examples.into_iter().chain([("hostile", hostile())])));
}

#[test]
#[ignore = "peer: chromium"]
fn a_browser_finds_nothing_wrong_with_the_page_of_a_fleet() {
    eprintln!("{}", look_at([("fleet", fleet_of(CLUSTERS))]));
}

/// Has a browser look at the pages of these change sets; returns their sizes, and when they were first to be seen.
fn look_at(plans: impl IntoIterator<Item = (&'static str, ChangeSet)>) -> String {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("review-pages");
    std::fs::create_dir_all(&folder).unwrap();
    let write = |(name, plan): (&str, ChangeSet)| -> PathBuf {
        let path = folder.join(format!("{name}.html"));
        std::fs::write(&path, plan_html(&plan, &plan.digest())).unwrap();
        path
    };
    let pages: Vec<PathBuf> = plans.into_iter().map(write).collect();
    peers::find("chromium");
    peers::node("tests/browser/check.cjs", pages).1
}

/// A fleet before anything is done.
fn fleet_of(clusters: usize) -> ChangeSet {
    let fleet = Fleet::of(clusters);
    let graph = fleet.compiled();
    let observed = fleet::observed(&graph);
    let diff = diff(graph, observed).unwrap();
    let header = fleet.header();
    let mut findings = diff.findings;
    findings.extend(hazards(&header, &diff.changes));
    ChangeSet { header, findings, safety: prove(&diff.changes), changes: diff.changes }
}

/// An ordinary plan with names and texts that try to be markup.
pub(crate) fn hostile() -> ChangeSet {
    let text = || HOSTILE.to_owned();
    let mut plan = ChangeSet::from_json(&saved("quickstart")).unwrap();
    plan.header.spec = text();
    for planned in &mut plan.header.clusters {
        planned.cluster.key = text();
        planned.facts.region = text();
    }
    for change in &mut plan.changes {
        change.why = text();
        change.clusters = vec![text()];
        if let Target::Role { name, .. } = &mut change.target {
            *name = text();
        }
        if let Some(Resource::Role(role)) = &mut change.after {
            role.description = Some(text());
            role.tags.insert(text(), text());
        }
    }
    let address = Address::new("my-cluster", Kind::Cluster, &[]);
    for (severity, accepted) in [(Severity::Refuse, None), (Severity::Warn, None), (Severity::Warn, Some(text()))] {
        let (code, address) = (text(), address.clone());
        plan.findings.push(Finding { severity, code, address, message: text(), cure: text(), accepted });
    }
    plan
}

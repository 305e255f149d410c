//! The scripts of the GitHub Action, and the other files for teams that review change sets in pull requests: in a
//! repository of git's own, against a sandbox, with GitHub's API played by a stand-in.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use cni_plan_tests::command::{path_with_binary, repository};
use cni_plan_tests::peers::{self, Answer, Shell};
use cni_plan_tests::rehearsal::{MY_CLUSTER, Rehearsal};
use cni_plan_tests::relay::{self, Relay};
use serde_json::{Value, json};

#[test]
#[ignore = "peer: git, jq"]
fn a_change_set_is_reviewed_merged_and_applied_once() {
    let team = Team::new();
    team.author.must("git checkout --quiet -b plugin-role");
    team.plan_and_push("plugin-role");
    let reviewed = team.author.must("git rev-parse HEAD");

    let runner = team.runner("plugin-role", &[("SPECS", SPEC), ("COMMENT", "comment.md"), ("GITHUB_OUTPUT", "out")]);
    let checked = team.script(&runner, "check.sh");
    assert_eq!(checked.code, Some(0), "{checked:#?}");
    assert!(page().contains(&checked.stdout), "docs/pull-requests.md shows another output than {}", checked.stdout);
    let planned = team.script(&runner, "plan.sh");
    assert_eq!(planned.code, Some(0), "{planned:#?}");
    assert_eq!(runner.must("cat out"), "differs=false");
    let comment = runner.must("cat comment.md");
    assert!(comment.contains("2 to add, 1 to change, 1 to destroy"), "{comment}");

    let base = team.author.must("git rev-parse main");
    team.author
        .must("git checkout --quiet main && git merge --quiet --squash plugin-role && git commit --quiet -m merge");
    team.author.must("git push --quiet origin main");
    let runner = team.runner("main", &[("REVIEWED", &reviewed), ("BASE", &base), ("SPECS", SPEC)]);
    let applied = team.script(&runner, "apply.sh");
    assert_eq!(applied.code, Some(0), "{applied:#?}");
    assert!(applied.stdout.contains("Applied and verified: 2 added, 1 changed, 1 destroyed"), "{applied:#?}");

    let without = team.script(&team.runner("main", &[("REVIEWED", ""), ("BASE", &base)]), "apply.sh");
    assert_ne!(without.code, Some(0), "{without:#?}");
    let nothing = team.script(&team.runner("main", &[("REVIEWED", &base), ("BASE", &base)]), "apply.sh");
    assert!(nothing.stdout.ends_with("nothing is applied."), "{nothing:#?}");

    let runner = team.runner("main", &[("REVIEWED", &reviewed), ("BASE", &base)]);
    let done = team.rehearsal.state();
    let again = team.script(&runner, "apply.sh");
    assert_eq!(again.code, Some(0), "a job that is run again comes to what is left, which is nothing: {again:#?}");
    assert_told(&again, "error: the change set is applied already; nothing was changed");
    let passed_over = format!("{CHANGE_SET} was applied already: nothing of it is left to do.");
    assert!(again.stdout.ends_with(&passed_over) && page().contains(&passed_over), "{again:#?}");
    assert_eq!(runner.run(&format!("cni-plan apply {CHANGE_SET}")).code, Some(3));
    assert_eq!(team.rehearsal.state(), done, "a change set applies once");
}

#[test]
#[ignore = "peer: git, jq"]
fn what_was_not_reviewed_or_is_not_current_is_not_applied() {
    let team = Team::new();
    let base = team.author.must("git rev-parse main");
    team.author.must("git checkout --quiet -b plugin-role");
    team.plan_and_push("plugin-role");
    let reviewed = team.author.must("git rev-parse HEAD");
    team.author.must("git checkout --quiet main && git merge --quiet plugin-role && git push --quiet origin main");
    let start = team.rehearsal.state();
    let runner = team.runner("main", &[("REVIEWED", &reviewed), ("BASE", &base), ("SPECS", SPEC)]);

    // A byte that nobody has reviewed.
    runner.must(&format!("sed --in-place 's/my-cluster/my-clusteR/' {CHANGE_SET}"));
    let edited = team.script(&runner, "apply.sh");
    assert_eq!(edited.code, Some(1), "{edited:#?}");
    assert_told(&edited, "it was edited after it was written: its digest does not match its content");
    assert_ne!(team.script(&runner, "check.sh").code, Some(0));
    runner.must("git checkout --quiet .");

    // Another change set, well made, in the place of the reviewed one.
    runner.must(&format!("printf '    role: {{ path: /team/ }}\\n' >>{SPEC} && cni-plan plan {SPEC}"));
    let replaced = team.script(&runner, "apply.sh");
    assert_eq!(replaced.code, Some(1), "{replaced:#?}");
    assert_told(&replaced, "error: the change set is not the one that was reviewed; nothing was changed");
    runner.must("git checkout --quiet .");

    // A spec that was changed, and not planned again.
    runner.must(&format!("printf '    detach: false\\n' >>{SPEC}"));
    let other = team.script(&runner, "check.sh");
    assert_eq!(other.code, Some(3), "{other:#?}");
    assert_told(&other, "the change set is not of clusters/production.yaml as it is");
    runner.must("git checkout --quiet .");
    assert_eq!(team.rehearsal.state(), start, "nothing was touched");

    // The world is another by now.
    let wire = team.rehearsal.wire();
    wire.annotate("my-cluster", "kubectl", "eks.amazonaws.com/role-arn", "arn:aws:iam::111122223333:role/x");
    let drifted = team.rehearsal.state();
    let stale = team.script(&runner, "apply.sh");
    assert_eq!(stale.code, Some(3), "{stale:#?}");
    assert!(format!("{stale:?}").contains("arn:aws:iam::111122223333:role/x"), "the difference is shown: {stale:#?}");
    assert_eq!(team.script(&runner, "check.sh").code, Some(3));
    assert_eq!(team.rehearsal.state(), drifted);
}

#[test]
#[ignore = "peer: git, jq, curl"]
fn one_comment_is_kept_up_to_date_and_nobody_elses_is_written_over() {
    let team = Team::new();
    let stranger = json!({"id": 7, "user": {"login": "mallory"}, "body": "<!-- cni-plan -->\nit is all fine"});
    let comments = Arc::new(Mutex::new(vec![stranger.clone()]));
    let github = github(Arc::clone(&comments));
    let url = github.url();
    let variables = [
        ("COMMENT", "comment.md"),
        ("PULL_REQUEST", "12"),
        ("TOKEN", "not-to-be-seen"),
        ("AUTHOR", "github-actions[bot]"),
        ("GITHUB_API_URL", url.as_str()),
        ("GITHUB_REPOSITORY", "team/clusters"),
    ];
    let runner = team.runner("main", &variables.map(|(name, value)| (name, value)));
    for text in ["first \"quoted\" `plan`", "second plan"] {
        runner.must(&format!("printf '%s' '{text}' >comment.md"));
        let ended = team.script(&runner, "comment.sh");
        assert_eq!(ended.code, Some(0), "{ended:#?}");
        assert!(!format!("{ended:?}").contains("not-to-be-seen"));
        let comments = comments.lock().unwrap();
        assert_eq!(comments[0], stranger);
        assert_eq!(comments.len(), 2, "{comments:?}");
        assert_eq!(comments[1]["body"], format!("<!-- cni-plan -->\n{text}"));
    }
    assert!(github.seen().iter().all(|request| request.contains("authorization: Bearer not-to-be-seen")));
}

#[test]
#[ignore = "peer: git"]
fn atlantis_applies_the_plan_that_it_keeps() {
    let team = Team::new();
    let atlantis = std::fs::read_to_string(repository().join("examples/pull-requests/atlantis.yaml")).unwrap();
    let steps: Vec<&str> = atlantis.lines().filter_map(|line| line.trim().strip_prefix("- run: ")).collect();
    let [plan, apply] = steps.as_slice() else { panic!("{steps:?}") };
    let kept = team.rehearsal.workspace().path().join("production.tfplan");
    let shell = team.runner("main", &[("PROJECT_NAME", "production"), ("PLANFILE", kept.to_str().unwrap())]);
    shell.must(&format!("mkdir --parents clusters && cp ../author/{SPEC} {SPEC}"));
    assert!(shell.must(plan).contains("2 to add, 1 to change, 1 to destroy"));
    assert!(shell.must(apply).contains("Applied and verified"));
}

#[test]
#[ignore = "peer: check-jsonschema, shellcheck"]
fn the_files_for_github_are_of_githubs_own_form_and_the_scripts_are_sound() {
    let action = repository().join(".github/actions/cni-plan");
    let workflow = repository().join("examples/pull-requests/workflow.yml");
    let scripts = ["apply.sh", "check.sh", "comment.sh", "plan.sh"].map(|name| action.join(name).display().to_string());
    let shell = Shell::new(repository(), &[]);
    let schema = "check-jsonschema --builtin-schema vendor.github";
    shell.must(&format!("{schema}-actions {}", action.join("action.yml").display()));
    shell.must(&format!("{schema}-workflows {}", workflow.display()));
    shell.must(&format!("shellcheck --severity warning {}", scripts.join(" ")));
}

/// What is merged into another branch, or approved by nobody, is no change of production.
#[test]
fn nothing_is_applied_that_the_main_branch_has_not_taken() {
    let read = |name: &str| std::fs::read_to_string(repository().join("examples/pull-requests").join(name)).unwrap();
    assert!(read("workflow.yml").contains("  pull_request:\n") && read("workflow.yml").contains("branches: [main]"));
    assert!(read("atlantis.yaml").contains("apply_requirements: [approved, mergeable, undiverged]"));
}

#[test]
fn the_drift_job_is_of_kubernetes_own_form_and_asks_what_the_command_knows() {
    let text = std::fs::read_to_string(repository().join("examples/pull-requests/drift.yaml")).unwrap();
    let job = text.split("\n---\n").nth(1).unwrap();
    let written: Value = serde_yaml::from_str(job).unwrap();
    let read: k8s_openapi::api::batch::v1::CronJob = serde_json::from_value(written.clone()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), written, "a field that Kubernetes does not know is left out");
    let container = &written["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0];
    let rehearsal = Rehearsal::ipv4();
    rehearsal.workspace().write("production.yaml", MY_CLUSTER);
    let arguments: Vec<&str> = container["args"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    let arguments = arguments.join(" ").replace("/spec/", "");
    rehearsal.run(&arguments).expect(2);
    rehearsal.run("plan production.yaml").expect(0);
    rehearsal.run("apply").expect(0);
    rehearsal.run(&arguments).expect(0);
}

/// The page for people that walks through all this.
fn page() -> String {
    std::fs::read_to_string(repository().join("docs/pull-requests.md")).unwrap()
}

/// What the page promises to be said is said.
fn assert_told(ended: &Answer, message: &str) {
    assert!(ended.stderr.contains(message), "{ended:#?}");
    assert!(page().contains(message), "docs/pull-requests.md has another message than {message}");
}

const SPEC: &str = "clusters/production.yaml";
const CHANGE_SET: &str = "plans/production.plan.json";

/// A cluster, a repository that it is kept in, and one of the team at work on it.
struct Team {
    rehearsal: Rehearsal,
    author: Shell,
}

impl Team {
    fn new() -> Team {
        for program in ["git", "jq", "curl"] {
            peers::find(program);
        }
        let rehearsal = Rehearsal::ipv4();
        let workspace = rehearsal.workspace();
        let home = Team::shell(&rehearsal, "", &[]);
        home.must("git init --quiet --bare --initial-branch main origin.git && git clone --quiet origin.git author");
        workspace.write(&format!("author/{SPEC}"), MY_CLUSTER);
        let author = Team::shell(&rehearsal, "author", &[]);
        author.must("git checkout --quiet -B main && echo .cni-plan >.gitignore && git add .gitignore && git commit --quiet -m first");
        author.must("git push --quiet origin main");
        Team { rehearsal, author }
    }

    /// Somebody's shell, with the command in its path and the cluster in its environment.
    fn shell(rehearsal: &Rehearsal, folder: &str, variables: &[(&str, &str)]) -> Shell {
        let who = [("NAME", "Someone"), ("EMAIL", "someone@example.com")];
        let git =
            ["AUTHOR", "COMMITTER"].into_iter().flat_map(|of| who.map(|(what, is)| (format!("GIT_{of}_{what}"), is)));
        let environment: Vec<(String, String)> = git
            .map(|(name, value)| (name, value.to_owned()))
            .chain(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
            .chain(rehearsal.workspace().environment().iter().cloned())
            .chain([("PATH".to_owned(), path_with_binary())])
            .collect();
        Shell::new(&rehearsal.workspace().path().join(folder), &environment)
    }

    fn plan_and_push(&self, branch: &str) {
        self.author.must(&format!("cni-plan plan {SPEC} && git add clusters plans && git commit --quiet -m plan"));
        self.author.must(&format!("git push --quiet origin {branch}"));
    }

    /// A fresh clone, as a machine of the CI has it.
    fn runner(&self, branch: &str, variables: &[(&str, &str)]) -> Shell {
        Team::shell(&self.rehearsal, "", &[])
            .must(&format!("rm -rf runner && git clone --quiet --branch {branch} origin.git runner"));
        Team::shell(&self.rehearsal, "runner", variables)
    }

    fn script(&self, runner: &Shell, name: &str) -> Answer {
        let script: PathBuf = repository().join(".github/actions/cni-plan").join(name);
        runner.run(&format!("bash {}", script.display()))
    }
}

/// Comments of a pull request, as far as GitHub's REST API has them read and written.
fn github(comments: Arc<Mutex<Vec<Value>>>) -> Relay {
    let says = move |request: &str| {
        let mut comments = comments.lock().unwrap();
        let (head, body) = request.split_once("\r\n\r\n").unwrap_or((request, ""));
        let mut words = head.split_whitespace();
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let text = || serde_json::from_str::<Value>(body).unwrap()["body"].clone();
        let (status, answer) = match (method, path.split('?').next().unwrap_or_default()) {
            ("GET", "/repos/team/clusters/issues/12/comments") => (200, Value::Array(comments.clone())),
            ("POST", "/repos/team/clusters/issues/12/comments") => {
                comments.push(json!({"id": 8, "user": {"login": "github-actions[bot]"}, "body": text()}));
                (201, comments.last().cloned().unwrap_or_default())
            }
            ("PATCH", "/repos/team/clusters/issues/comments/8") => {
                comments[1]["body"] = text();
                (200, comments[1].clone())
            }
            _ => (404, json!({"message": "Not Found"})),
        };
        Some(relay::Answer { status, headers: Vec::new(), body: answer.to_string() })
    };
    Relay::before("http://127.0.0.1:9", says)
}

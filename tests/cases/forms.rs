//! Every example and every scenario of the sandbox in every form that a plan has, each compared whole.
//!
//! An example or a scenario that is new is in it by itself, and has to have its plan seen and kept.

use cni_plan_render::EVENTS_SCHEMA;
use cni_plan_sandbox::scenarios;
use cni_plan_tests::command::{Ran, Workspace, repository};
use cni_plan_tests::rehearsal::MY_CLUSTER;
use insta::{Settings, assert_snapshot};

use crate::change_sets::schema::assert_valid;
use crate::examples::EXAMPLES;

/// A spec of the scenarios with two clusters.
pub(crate) const TWO: &str =
    "version: 1\ndefaults: { region: us-west-2 }\nclusters:\n  - name: blue\n  - name: green\n";

#[test]
fn every_example_has_every_form() {
    for name in EXAMPLES {
        let workspace = Workspace::with_examples().with_env("CNI_PLAN_SANDBOX", "1");
        let plan = Plan { group: "examples", name, spec: &format!("examples/{name}.yaml"), workspace };
        let planned = plan.made();
        plan.shown(&planned);
        // These two lie under `plans/`, where people find them.
        for (form, ending) in [("--markdown", "plan.md"), ("--json", "plan.json")] {
            let committed = std::fs::read_to_string(repository().join(format!("plans/{name}.{ending}"))).unwrap();
            assert_eq!(plan.show(form), committed, "{name} {form}");
        }
    }
}

#[test]
fn every_scenario_has_every_form() {
    let mut refused = Vec::new();
    for scenario in scenarios() {
        let plan = Plan { group: "scenarios", name: scenario.name, spec: "spec.yaml", workspace: reset(scenario.name) };
        let planned = plan.made();
        if planned.code == Some(5) {
            refused.push(scenario.name);
            plan.drawn_though_refused();
        } else {
            plan.shown(&planned);
            plan.kept("json", &plan.show("--json"));
            plan.kept("markdown", &plan.show("--markdown"));
        }
    }
    assert!(!refused.is_empty() && refused.len() < scenarios().len(), "{refused:?}");
}

/// A folder whose sandbox is the scenario's, with a spec for it.
pub(crate) fn reset(scenario: &str) -> Workspace {
    let workspace = Workspace::new().with_env("CNI_PLAN_SANDBOX", "1");
    workspace.write("spec.yaml", if ["two-clusters", "shared-role"].contains(&scenario) { TWO } else { MY_CLUSTER });
    workspace.run(["sandbox", "reset", scenario]).expect(0);
    workspace
}

/// One plan: of which spec, in which folder, kept under which name.
struct Plan<'a> {
    group: &'a str,
    name: &'a str,
    spec: &'a str,
    workspace: Workspace,
}

impl Plan<'_> {
    /// Made, and as a terminal shows it.
    fn made(&self) -> Ran {
        let ran = self.workspace.run(["plan", self.spec, "--detailed-exitcode"]);
        self.kept("text", &ran.to_string());
        ran
    }

    /// What was saved, in the other forms; the gate makes the same of it, and the text is what was printed.
    fn shown(&self, planned: &Ran) {
        assert_eq!(self.workspace.run(["show"]).expect(0).stdout, planned.stdout);
        self.workspace.run(["check", "--spec", self.spec]).expect(0);
        assert_valid(&self.show("--json"));
        for form in ["mermaid", "dot"] {
            let drawn = self.show(&format!("--{form}"));
            assert_eq!(self.drawn(form), drawn, "{}", self.name);
            self.kept(form, &drawn);
        }
        self.kept("html", &without_constants(&self.show("--html")));
    }

    /// A plan that is refused is never saved, so that nobody can review or apply it, and `show` has nothing to show.
    /// What there is of it: the text with what speaks against it, the same as events, and its graph.
    fn drawn_though_refused(&self) {
        assert!(!self.workspace.path().join("plans").exists(), "{}", self.name);
        let events = self.workspace.run(["plan", self.spec, "--json"]).expect(5).stdout;
        let schema = serde_json::from_str(EVENTS_SCHEMA).unwrap();
        let schema = jsonschema::draft202012::new(&schema).unwrap();
        let mut lines = Vec::new();
        for line in events.lines() {
            let mut event: serde_json::Value = serde_json::from_str(line).unwrap();
            schema.validate(&event).unwrap_or_else(|error| panic!("{event:#}\n{error}"));
            // When it was, and how long it took.
            event.as_object_mut().unwrap().retain(|key, _| key != "time" && key != "took_ms");
            lines.push(event.to_string());
        }
        self.kept("events", &lines.join("\n"));
        for form in ["mermaid", "dot"] {
            self.kept(form, &self.drawn(form));
        }
    }

    fn show(&self, form: &str) -> String {
        self.workspace.run(["show", form]).expect(0).stdout
    }

    /// By `graph`, which plans anew.
    fn drawn(&self, form: &str) -> String {
        let dot = (form == "dot").then_some("--dot");
        self.workspace.run(["graph", self.spec].into_iter().chain(dot)).expect(0).stdout
    }

    fn kept(&self, form: &str, text: &str) {
        let mut settings = Settings::clone_current();
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.set_snapshot_path(format!("snapshots/forms/{}", self.group));
        let name = format!("{}.{form}", self.name);
        settings.bind(|| assert_snapshot!(name, text));
    }
}

/// The page without its style and script, which are the same in all of them and files of their own, and without the
/// hashes of the two, which render's tests compare with them.
fn without_constants(page: &str) -> String {
    let mut rest = page;
    let mut kept = String::new();
    for (start, end) in
        [("style-src 'sha256-", "'"), ("script-src 'sha256-", "'"), ("<style>", "</style>"), ("<script>", "</script>")]
    {
        let (before, after) = rest.split_once(start).unwrap();
        let (_, after) = after.split_once(end).unwrap();
        kept.push_str(before);
        kept.push_str(start);
        kept.push('…');
        kept.push_str(end);
        rest = after;
    }
    kept + rest
}

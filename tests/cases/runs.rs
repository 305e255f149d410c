//! The list of runs: how each stands and how far it came, as a table and as JSON.

use cni_plan_tests::rehearsal::{MY_CLUSTER, Rehearsal};
use serde_json::{Value, json};

use crate::documents::assert_valid_runs;

#[test]
fn each_run_is_listed_with_how_far_it_came() {
    let rehearsal = Rehearsal::ipv4();
    rehearsal.workspace().write("spec.yaml", MY_CLUSTER);
    let none = rehearsal.run("runs").expect(0);
    assert_eq!((none.stdout.as_str(), none.stderr.as_str()), ("", "There are no runs in this folder.\n"));
    assert_eq!(listed(&rehearsal), Vec::<Value>::new());

    rehearsal.run("plan spec.yaml").expect(0);
    rehearsal.fail("iam:DetachRolePolicy=AccessDeniedx1");
    rehearsal.run("apply plans/spec.plan.json").expect(6);
    rehearsal.run("apply plans/spec.plan.json").expect(0);
    let runs = listed(&rehearsal);
    let told: Vec<(&Value, &Value)> = runs.iter().map(|run| (&run["state"], &run["steps"])).collect();
    let steps = |done: usize| serde_json::json!({"done": done, "of": 8});
    assert_eq!(told, [(&"rolled-back".into(), &steps(6)), (&"applied".into(), &steps(8))]);
    assert_eq!(runs[1]["sessions"][0]["command"], "apply");

    let table = rehearsal.run("runs").expect(0).stdout;
    let [headings, first, second] = table.lines().collect::<Vec<_>>().try_into().unwrap();
    let words =
        |line: &str| line.split("  ").map(str::trim).filter(|it| !it.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words(headings), ["run", "state", "steps done", "spec", "begun"]);
    assert_eq!(words(first)[1..4], ["rolled back", "6 of 8", "spec.yaml"], "{first}");
    assert_eq!(words(second)[..4], [rehearsal.runs()[1].as_str(), "applied", "8 of 8", "spec.yaml"], "{second}");
}

#[test]
fn a_run_that_cannot_be_used_is_listed_with_the_reason() {
    let rehearsal = Rehearsal::ipv4();
    rehearsal.workspace().write("spec.yaml", MY_CLUSTER);
    rehearsal.run("apply --auto-approve spec.yaml").expect(0);
    let folder = format!(".cni-plan/runs/{}", rehearsal.runs()[0]);
    // How it stands and how far it came is in its journal.
    let change_set = rehearsal.workspace().path().join(&folder).join("change-set.json");
    std::fs::remove_file(change_set).unwrap();
    let run = &listed(&rehearsal)[0];
    assert_eq!((&run["state"], &run["steps"]), (&"applied".into(), &json!({"done": 8, "of": 8})));
    let journal = rehearsal.workspace().read(&format!("{folder}/journal"));
    rehearsal.workspace().write(&format!("{folder}/journal"), &journal.replace("apply", "APPLY"));
    let run = &listed(&rehearsal)[0];
    assert_eq!(run["state"], "unusable");
    let why = run["unusable"].as_str().unwrap();
    let table = rehearsal.run("runs").expect(0).stdout;
    assert!(table.contains("  cannot be used  ") && table.contains(why), "{table}");
}

fn listed(rehearsal: &Rehearsal) -> Vec<Value> {
    let printed = rehearsal.run("runs --json").expect(0).stdout;
    assert_valid_runs(&printed);
    let list: Value = serde_json::from_str(&printed).unwrap();
    list["runs"].as_array().unwrap().clone()
}

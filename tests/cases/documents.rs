//! The documents that commands print as JSON, besides change sets and events: their published schemas are those of the
//! types that write them, and accept what they write and not much else.

use cni_plan_core::{health_schema, runs_schema};
use cni_plan_sandbox::scenarios;
use cni_plan_tests::command::repository;
use serde_json::{Value, json};

use crate::forms::reset;

#[test]
fn the_published_schemas_are_those_of_the_code() {
    for (name, schema) in [("health", health_schema()), ("runs", runs_schema())] {
        let path = repository().join(format!("docs/schema/{name}.schema.json"));
        if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
            std::fs::write(&path, &schema).unwrap();
        }
        let published = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(published == schema, "{} is another; UPDATE_SNAPSHOTS=1 writes it anew", path.display());
        assert!(jsonschema::meta::is_valid(&serde_json::from_str(&published).unwrap()), "{name} is no schema");
    }
}

#[test]
fn the_health_of_every_scenario_is_valid() {
    for scenario in scenarios() {
        let printed = reset(scenario.name).run(["verify", "--json", "spec.yaml"]).stdout;
        let health: Value = serde_json::from_str(&printed).unwrap();
        assert_eq!(problems(&health_schema(), &health), Vec::<String>::new(), "{}", scenario.name);
        for (pointer, value) in [
            ("/formatVersion", json!(2)),
            ("/clusters/0/state", json!("fine")),
            ("/clusters/0/pods", json!("3")),
            ("/clusters/0/role", Value::Null),
        ] {
            let mut other = health.clone();
            *other.pointer_mut(pointer).unwrap() = value;
            assert!(!problems(&health_schema(), &other).is_empty(), "{pointer} may be {:?}", other.pointer(pointer));
        }
    }
}

/// Fails where a list of runs is not as its schema says.
#[track_caller]
pub(crate) fn assert_valid_runs(document: &str) {
    let list: Value = serde_json::from_str(document).unwrap();
    assert_eq!(problems(&runs_schema(), &list), Vec::<String>::new(), "{document}");
    for (pointer, value) in
        [("/formatVersion", json!(2)), ("/runs/0/state", json!("done")), ("/runs/0/name", Value::Null)]
    {
        let mut other = list.clone();
        if let Some(member) = other.pointer_mut(pointer) {
            *member = value;
            assert!(!problems(&runs_schema(), &other).is_empty(), "{pointer} may be {:?}", other.pointer(pointer));
        }
    }
}

fn problems(schema: &str, document: &Value) -> Vec<String> {
    let validator = jsonschema::draft202012::new(&serde_json::from_str(schema).unwrap()).unwrap();
    validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

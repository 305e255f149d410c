//! The published schema is the one of the types that write the document, and it accepts what they write and not
//! much else.

use cni_plan_core::change_set_schema;
use cni_plan_tests::command::repository;
use serde_json::{Value, json};

const PUBLISHED: &str = "docs/schema/change-set.schema.json";

/// Fails where a document is not as the schema says.
#[track_caller]
pub(crate) fn assert_valid(document: &str) {
    let told = problems(&serde_json::from_str(document).unwrap());
    assert!(told.is_empty(), "the document is not as its schema says: {told:#?}");
}

fn problems(document: &Value) -> Vec<String> {
    let schema = serde_json::from_str(&change_set_schema()).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

fn example() -> Value {
    serde_json::from_str(&std::fs::read_to_string(repository().join("plans/ipv6.plan.json")).unwrap()).unwrap()
}

#[test]
fn the_published_schema_is_that_of_the_code() {
    let path = repository().join(PUBLISHED);
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, change_set_schema()).unwrap();
    }
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(published == change_set_schema(), "{PUBLISHED} is another; UPDATE_SNAPSHOTS=1 writes it anew");
    assert!(jsonschema::meta::is_valid(&serde_json::from_str(&published).unwrap()), "{PUBLISHED} is no schema");
}

#[test]
fn every_example_is_valid() {
    for entry in std::fs::read_dir(repository().join("plans")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            assert_valid(&std::fs::read_to_string(path).unwrap());
        }
    }
}

/// A schema that accepts everything would pass the test above, too.
#[test]
fn what_no_program_writes_is_not_valid() {
    assert_eq!(problems(&example()), Vec::<String>::new());
    let role =
        example()["resource_changes"].as_array().unwrap().iter().position(|change| change["type"] == "aws_iam_role");
    let role = format!("/resource_changes/{}", role.unwrap());
    for (pointer, value) in [
        (String::new(), json!({"formatVersion": 2})),
        ("/digest".to_owned(), json!("sha1:0")),
        ("/formatVersion".to_owned(), json!("2")),
        ("/safety/verdict".to_owned(), json!("maybe")),
        ("/clusters/0/facts".to_owned(), Value::Null),
        (format!("{role}/type"), json!("aws_iam_user")),
        (format!("{role}/type"), json!("aws_iam_policy")),
        (format!("{role}/change/actions"), json!(["delete", "create"])),
        (format!("{role}/change/actions/0"), json!("replace")),
        (format!("{role}/change/after/assume_role_policy"), json!({"Statement": []})),
        (format!("{role}/reversibility/is"), json!("perhaps")),
        (format!("{role}/dependsOn"), json!("x/role/y")),
    ] {
        let mut document = example();
        *document.pointer_mut(&pointer).unwrap() = value;
        assert!(!problems(&document).is_empty(), "{pointer:?} may be {:?}", document.pointer(&pointer));
    }
}

//! The spec's JSON Schema, for editors, and what `docs/spec.md` tells of each key.
//!
//! One document says both: `docs/schema/spec.schema.json`, whose `description` and `x-default` are the table's
//! columns. It knows keys, types and forms; what goes together with what is known here alone, so a text that fits
//! the schema may still be no spec.

/// JSON Schema, draft 2020-12, of a spec of version 1.
pub const SCHEMA: &str = include_str!("../../../docs/schema/spec.schema.json");

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use serde_json::Value;

    use super::SCHEMA;
    use crate::read::keys;

    fn schema() -> Value {
        serde_json::from_str(SCHEMA).unwrap()
    }

    fn repository() -> &'static Path {
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
    }

    fn specs(folder: &Path) -> Vec<(String, String)> {
        let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let mut specs: Vec<PathBuf> = paths.filter(|path| path.extension().is_some_and(|it| it == "yaml")).collect();
        specs.sort();
        let stem = |path: &Path| path.file_stem().unwrap().to_string_lossy().into_owned();
        specs.iter().filter_map(|path| Some((stem(path), std::fs::read_to_string(path).ok()?))).collect()
    }

    /// `None`: no YAML, or none that the schema can be asked about.
    fn accepts(text: &str) -> Option<bool> {
        let validator = jsonschema::draft202012::new(&schema()).unwrap();
        let value: Value = serde_yaml::from_str(text).ok()?;
        Some(validator.is_valid(&value))
    }

    #[test]
    fn it_is_a_schema() {
        jsonschema::draft202012::meta::validate(&schema()).unwrap_or_else(|error| panic!("{error}"));
    }

    #[test]
    fn the_examples_fit() {
        for (name, text) in specs(&repository().join("examples")) {
            assert_eq!(accepts(&text), Some(true), "{name}");
        }
    }

    /// What only the tool sees: two places of one spec, another file, or how long a name gets.
    const UNSEEN: &[&str] = &[
        "account-leading-zero",
        "assume-role-other-account",
        "assume-role-without-arn",
        "cluster-twice",
        "external-id-alone",
        "external-id-twice",
        "key-twice",
        "policy-arn-over-defaults",
        "policy-document-array",
        "policy-document-directory",
        "policy-document-missing",
        "policy-document-no-statement",
        "policy-document-not-a-policy",
        "policy-document-not-json",
        "policy-document-too-long",
        "role-description",
        "role-name-default-too-long",
        "role-name-too-long",
        "role-tags-too-many-together",
        "timeout-too-long",
        "yaml-tag",
    ];

    #[test]
    fn what_the_tool_refuses_for_its_form_the_schema_refuses() {
        let bad = specs(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad"));
        let (accepted, refused): (Vec<_>, Vec<_>) = bad
            .iter()
            .filter_map(|(name, text)| Some((name.as_str(), accepts(text)?)))
            .partition(|(_, accepted)| *accepted);
        let unexpected: Vec<&str> =
            accepted.iter().map(|(name, _)| *name).filter(|name| !UNSEEN.contains(name)).collect();
        assert_eq!(unexpected, [""; 0]);
        assert!(refused.len() > 40, "only {} were refused", refused.len());
    }

    #[test]
    fn its_keys_are_the_keys_that_are_read() {
        let schema = schema();
        let settings = &schema["$defs"]["settings"];
        let under = |key: &str| settings["properties"][key].clone();
        let check = |keys: &keys::Keys, mapping: &Value| {
            let mut known: Vec<&str> = keys.names.to_vec();
            known.sort_unstable();
            let mut told: Vec<String> = mapping["properties"].as_object().unwrap().keys().cloned().collect();
            told.sort_unstable();
            assert_eq!(told, known, "{}", keys.of);
            assert_eq!(mapping["additionalProperties"], false, "{}", keys.of);
        };
        check(&keys::TOP, &schema);
        check(&keys::CLUSTER, settings);
        check(&keys::KUBERNETES, &under("kubernetes"));
        check(&keys::SERVICE_ACCOUNT, &under("serviceAccount"));
        check(&keys::ROLE, &under("role"));
        check(&keys::POLICY, &under("policy"));
        check(&keys::RESTART, &under("restart"));
        check(&keys::ACCEPT, &under("accept")["items"]);
        check(&keys::ASSUME_ROLE, &under("assumeRole")["anyOf"][1]);
    }

    /// The lines of `docs/spec.md`, in the order in which keys are read.
    fn table() -> String {
        let schema = schema();
        let settings = &schema["$defs"]["settings"]["properties"];
        let mut lines = "| key | values | default |\n|---|---|---|\n".to_owned();
        let mut line = |path: String, key: &Value| {
            let text = |column: &str| key[column].as_str().unwrap_or_else(|| panic!("`{path}` has no {column}"));
            lines.push_str(&format!("| `{path}` | {} | {} |\n", text("description"), text("x-default")));
        };
        for key in keys::CLUSTER.names {
            let inner = match *key {
                "kubernetes" => &keys::KUBERNETES,
                "serviceAccount" => &keys::SERVICE_ACCOUNT,
                "role" => &keys::ROLE,
                "policy" => &keys::POLICY,
                "restart" => &keys::RESTART,
                _ => {
                    line((*key).to_owned(), &settings[*key]);
                    continue;
                }
            };
            for name in inner.names {
                line(format!("{key}.{name}"), &settings[*key]["properties"][*name]);
            }
        }
        lines
    }

    /// `UPDATE_SNAPSHOTS=1` writes it anew.
    #[test]
    fn the_table_of_the_documentation_is_the_schemas() {
        const FROM: &str = "<!-- from docs/schema/spec.schema.json -->\n\n";
        const TO: &str = "\n<!-- to here -->\n";
        let path = repository().join("docs/spec.md");
        let page = std::fs::read_to_string(&path).unwrap();
        let (before, rest) = page.split_once(FROM).unwrap();
        let (found, after) = rest.split_once(TO).unwrap();
        let table = table();
        if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
            std::fs::write(&path, format!("{before}{FROM}{table}{TO}{after}")).unwrap();
        } else {
            assert!(found == table, "docs/spec.md differs from its schema; UPDATE_SNAPSHOTS=1 writes it anew");
        }
    }
}

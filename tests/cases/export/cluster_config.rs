//! What `export --to eksctl` prints is of eksctl's own form, for every example and some scenarios.
//!
//! The form below is the part of eksctl's schema that is used: names, types, what is required and that there is nothing
//! else (eksctl-io/eksctl, pkg/apis/eksctl.io/v1alpha5/assets/schema.json: ClusterConfig, ClusterMeta, ClusterIAM,
//! ClusterIAMServiceAccount, ClusterIAMMeta, PodIdentityAssociation, Addon; read on 2026-11-26). What eksctl's code asks
//! beyond it is looked at by `asked_of_a_role`.

use cni_plan_tests::command::{Workspace, repository};
use cni_plan_tests::rehearsal::{MY_CLUSTER, Rehearsal};
use serde_json::{Value, json};

#[test]
fn every_example_is_of_eksctls_form() {
    let folder = repository().join("examples");
    let mut specs: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".yaml"))
        .collect();
    specs.sort();
    assert!(!specs.is_empty());
    for name in specs {
        let printed =
            Workspace::with_examples().run(["export", "--sandbox", "--to", "eksctl", &format!("examples/{name}")]);
        assert_form(&name, &printed.expect(0).stdout);
    }
}

#[test]
fn whatever_there_is_already_is_of_eksctls_form() {
    const BY_ASSOCIATION: &str = "    identity: pod-identity\n";
    const ELSE: &str = "    role: { name: Another, tags: { team: platform }, permissionsBoundary: \
                        \"arn:aws:iam::111122223333:policy/developer-boundary\" }\n    stsRegionalEndpoints: true\n";
    for (scenario, keys) in [
        ("ipv4", ""),
        ("ipv6", ""),
        ("already-done", ""),
        ("drifted", ""),
        ("managed-addon", ""),
        ("managed-addon-with-role", ""),
        ("pod-identity", BY_ASSOCIATION),
        ("policies-besides", ELSE),
    ] {
        let rehearsal = Rehearsal::of_scenario(scenario);
        rehearsal.workspace().write("spec.yaml", &format!("{MY_CLUSTER}{keys}"));
        assert_form(scenario, &rehearsal.run("export --to eksctl spec.yaml").expect(0).stdout);
    }
}

fn assert_form(what: &str, printed: &str) {
    let form = jsonschema::validator_for(&cluster_config()).unwrap();
    let documents: Vec<Value> = serde_yaml::from_multiple(printed).unwrap();
    assert!(!documents.is_empty(), "{what}");
    for document in documents {
        let wrong: Vec<String> =
            form.iter_errors(&document).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(wrong.is_empty(), "{what}: {wrong:#?}\n{printed}");
        let iam = &document["iam"];
        for account in iam["serviceAccounts"].as_array().into_iter().flatten() {
            asked_of_a_role(what, account, "attachRoleARN", "attachPolicyARNs");
        }
        for association in iam["podIdentityAssociations"].as_array().into_iter().flatten() {
            asked_of_a_role(what, association, "roleARN", "permissionPolicyARNs");
        }
    }
}

/// A role is named by its ARN and nothing else is said of it, or it is made with its policies
/// (pkg/ctl/cmdutils/configfile.go; pkg/actions/podidentityassociation/updater.go).
fn asked_of_a_role(what: &str, item: &Value, by_arn: &str, policies: &str) {
    let is_said = |key: &str| !item[key].is_null();
    assert_eq!([is_said("roleName"), is_said(policies)], [!is_said(by_arn); 2], "{what}: {item:#}");
    let besides = ["roleOnly", "permissionsBoundary", "permissionsBoundaryARN", "tags"];
    assert!(!is_said(by_arn) || !besides.into_iter().any(is_said), "{what}: {item:#}");
}

fn cluster_config() -> Value {
    let text = || json!({"type": "string"});
    let truth = || json!({"type": "boolean"});
    let texts = || json!({"type": "array", "items": text(), "minItems": 1});
    let by_name = || json!({"type": "object", "additionalProperties": text()});
    let list = |of: Value| json!({"type": "array", "items": of, "minItems": 1});
    let meta = object(&[("name", text()), ("region", text())], &[]);
    let account_meta = object(&[("name", text()), ("namespace", text())], &[("annotations", by_name())]);
    let account = object(
        &[("metadata", account_meta)],
        &[
            ("attachRoleARN", text()),
            ("attachPolicyARNs", texts()),
            ("permissionsBoundary", text()),
            ("roleName", text()),
            ("roleOnly", truth()),
            ("tags", by_name()),
        ],
    );
    let association = object(
        &[("namespace", text()), ("serviceAccountName", text())],
        &[
            ("roleARN", text()),
            ("roleName", text()),
            ("permissionPolicyARNs", texts()),
            ("permissionsBoundaryARN", text()),
            ("tags", by_name()),
        ],
    );
    // eksctl hands the word on to EKS; these three are what its user guide has ("Addons", "Updating addons").
    let conflicts = json!({"enum": ["none", "overwrite", "preserve"]});
    let addon = object(&[("name", text())], &[("serviceAccountRoleARN", text()), ("resolveConflicts", conflicts)]);
    let iam = object(
        &[],
        &[("withOIDC", truth()), ("serviceAccounts", list(account)), ("podIdentityAssociations", list(association))],
    );
    object(
        &[
            ("apiVersion", json!({"const": "eksctl.io/v1alpha5"})),
            ("kind", json!({"const": "ClusterConfig"})),
            ("metadata", meta),
        ],
        &[("iam", iam), ("addons", list(addon))],
    )
}

/// An object that has to have the first members, may have the others, and has no more.
fn object(required: &[(&str, Value)], optional: &[(&str, Value)]) -> Value {
    let members: serde_json::Map<String, Value> =
        required.iter().chain(optional).map(|(name, form)| ((*name).to_owned(), form.clone())).collect();
    let required: Vec<&str> = required.iter().map(|(name, _)| *name).collect();
    json!({"type": "object", "properties": members, "required": required, "additionalProperties": false})
}

//! What `export --to terraform` prints, as Terraform's own parser reads it: it is taken, everything that is referred to
//! is there, and what came from outside comes back as the text that it was.

use std::collections::BTreeSet;

use cni_plan_tests::command::Workspace;
use cni_plan_tests::peers;
use cni_plan_tests::rehearsal::{MY_CLUSTER, Rehearsal};
use serde_json::{Map, Value};

/// What the providers know of each resource, as far as it is used: "Argument Reference" of hashicorp/aws
/// (website/docs/r/NAME.html.markdown) and hashicorp/kubernetes (docs/resources/annotations.md), read on 2026-11-26,
/// and Terraform's own `depends_on` and `lifecycle`.
const ARGUMENTS: &[(&str, &[&str])] = &[
    ("aws_iam_openid_connect_provider", &["url", "client_id_list", "lifecycle"]),
    ("aws_iam_policy", &["name", "policy", "description", "path", "lifecycle"]),
    (
        "aws_iam_role",
        &["name", "path", "assume_role_policy", "description", "permissions_boundary", "tags", "lifecycle"],
    ),
    ("aws_iam_role_policy_attachment", &["role", "policy_arn"]),
    (
        "aws_eks_pod_identity_association",
        &["cluster_name", "namespace", "service_account", "role_arn", "tags", "depends_on"],
    ),
    (
        "aws_eks_addon",
        &[
            "cluster_name",
            "addon_name",
            "service_account_role_arn",
            "resolve_conflicts_on_update",
            "depends_on",
            "lifecycle",
        ],
    ),
    ("kubernetes_annotations", &["api_version", "kind", "force", "metadata", "annotations", "depends_on"]),
];

/// Keys of the spec that put words into the file which to HCL would be templates, quotes and escapes.
const WORDS: &str = r#"    role:
      name: Another
      description: "${path.module} %{ if true } \"quoted\" back\\slash é $5"
"#;

#[test]
#[ignore = "peer: node"]
fn terraform_takes_it_and_finds_all_that_is_referred_to() {
    let mut files = Vec::new();
    for (scenario, keys) in [
        ("ipv4", "    oidcProvider: create\n"),
        ("ipv6", ""),
        ("already-done", ""),
        ("drifted", ""),
        ("managed-addon-with-role", ""),
        ("pod-identity", "    identity: pod-identity\n"),
        ("policies-besides", "    stsRegionalEndpoints: true\n"),
    ] {
        let rehearsal = Rehearsal::of_scenario(scenario);
        rehearsal.workspace().write("spec.yaml", &format!("{MY_CLUSTER}{keys}"));
        files.push((scenario, rehearsal.run("export --to terraform spec.yaml").expect(0).stdout));
    }
    for (name, cluster) in [("every-key", "my-cluster"), ("ipv6", "my-cluster"), ("two-clusters", "blue")] {
        let spec = format!("examples/{name}.yaml");
        let arguments = ["export", "--sandbox", "--to", "terraform", "--cluster", cluster, &spec];
        files.push((name, Workspace::with_examples().run(arguments).expect(0).stdout));
    }
    let mut used = BTreeSet::new();
    for (name, read) in read(&files) {
        used.extend(check(&name, &read));
    }
    let known: BTreeSet<String> = ARGUMENTS.iter().map(|(kind, _)| (*kind).to_owned()).collect();
    assert_eq!(used, known, "each resource is in one of the files");
}

#[test]
#[ignore = "peer: node"]
fn words_from_outside_are_text_to_terraform() {
    let rehearsal = Rehearsal::ipv4();
    rehearsal.workspace().write("spec.yaml", &format!("{MY_CLUSTER}{WORDS}"));
    let file = rehearsal.run("export --to terraform spec.yaml").expect(0).stdout;
    let read = read(&[("words", file)]);
    let role = &read[0].1["resource"]["aws_iam_role"]["cni_my-cluster"][0];
    // In JSON as in HCL, a doubled sign is one that begins no template.
    assert_eq!(role["description"], r#"$${path.module} %%{ if true } "quoted" back\slash é $5"#);
}

/// The files as the parser reads them.
fn read(files: &[(&str, String)]) -> Vec<(String, Value)> {
    let workspace = Workspace::new();
    let paths = files.iter().enumerate().map(|(at, (name, text))| {
        let name = format!("{at}-{name}.tf");
        workspace.write(&name, text);
        workspace.path().join(name)
    });
    let (read, _) = peers::node("tests/terraform/parse.cjs", paths);
    let read: Vec<Value> = serde_json::from_str(&read).unwrap();
    assert_eq!(read.len(), files.len());
    read.into_iter().map(|mut it| (it["file"].as_str().unwrap().to_owned(), it["read"].take())).collect()
}

/// Checks one file; returns the kinds of resources in it.
fn check(name: &str, read: &Value) -> BTreeSet<String> {
    let resources: Vec<(&str, &str, &Map<String, Value>)> = read["resource"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(kind, labels)| {
            let labels = labels.as_object().unwrap().iter();
            labels.map(move |(label, bodies)| (kind.as_str(), label.as_str(), only(bodies).as_object().unwrap()))
        })
        .collect();
    let there: BTreeSet<String> = resources.iter().map(|(kind, label, _)| format!("{kind}.{label}")).collect();
    for (kind, label, body) in &resources {
        let (_, known) = ARGUMENTS.iter().find(|(it, _)| it == kind).unwrap_or_else(|| panic!("{name}: {kind}"));
        let strange: Vec<&String> = body.keys().filter(|key| !known.contains(&key.as_str())).collect();
        assert!(strange.is_empty(), "{name}: {kind}.{label} has {strange:?}");
        for key in ["assume_role_policy", "policy"] {
            let Some(document) = body.get(key).and_then(Value::as_str) else { continue };
            let document: Value =
                serde_json::from_str(document).unwrap_or_else(|error| panic!("{name}: {key}: {error}"));
            assert!(document["Statement"].is_array(), "{name}: {document}");
        }
    }
    let imports = read["import"].as_array().into_iter().flatten();
    let imported: Vec<&str> = imports.map(|import| referred_to(&import["to"])).collect();
    assert!(imported.iter().all(|to| there.contains(*to)), "{name}: {imported:?}");
    let mut referred = Vec::new();
    for (_, _, body) in &resources {
        references(&Value::Object((*body).clone()), &mut referred);
    }
    assert!(!referred.is_empty(), "{name}");
    for reference in referred {
        let resource: String = reference.split('.').take(2).collect::<Vec<_>>().join(".");
        assert!(
            there.contains(&resource) || ["tags", "tags_all", "max_session_duration"].contains(&&*reference),
            "{name}: {reference}"
        );
    }
    let providers: Vec<&String> = read["provider"].as_object().unwrap().keys().collect();
    let required = only(&read["terraform"])["required_providers"].clone();
    let required = only(&required).as_object().unwrap();
    assert!(providers.iter().all(|it| required.contains_key(*it)) && providers.len() == required.len(), "{name}");
    resources.iter().map(|(kind, ..)| (*kind).to_owned()).collect()
}

/// The one of a list.
fn only(list: &Value) -> &Value {
    match list.as_array().map(Vec::as_slice) {
        Some([only]) => only,
        _ => panic!("not one, but {list}"),
    }
}

/// What `${…}` stands for.
fn referred_to(value: &Value) -> &str {
    value.as_str().and_then(|text| text.strip_prefix("${")?.strip_suffix('}')).unwrap_or_else(|| panic!("{value}"))
}

/// All references in a value.
fn references(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::String(text) if text.starts_with("${") => into.push(referred_to(value).to_owned()),
        Value::Array(items) => items.iter().for_each(|item| references(item, into)),
        Value::Object(members) => members.values().for_each(|member| references(member, into)),
        _ => {}
    }
}

//! Dependencies run one way: `cargo metadata` shows no edge that the architecture forbids.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Each crate of the workspace and the crates of the workspace that it may use.
const ALLOWED: &[(&str, &[&str])] = &[
    ("cni-plan-core", &[]),
    ("cni-plan-spec", &["cni-plan-core"]),
    ("cni-plan-engine", &["cni-plan-core"]),
    ("cni-plan-aws", &["cni-plan-core"]),
    ("cni-plan-kubernetes", &["cni-plan-core"]),
    ("cni-plan-render", &["cni-plan-core"]),
    ("cni-plan-sandbox", &[]),
    (
        "cni-plan",
        &[
            "cni-plan-aws",
            "cni-plan-core",
            "cni-plan-engine",
            "cni-plan-kubernetes",
            "cni-plan-render",
            "cni-plan-sandbox",
            "cni-plan-spec",
        ],
    ),
];

/// Crates that core must not have: it does no I/O and knows no runtime.
const NOT_IN_CORE: &[&str] = &["tokio", "futures", "kube", "aws-config", "tempfile", "reqwest", "hyper"];

#[test]
fn dependencies_run_one_way() {
    let packages = packages();
    let names: BTreeSet<&str> = packages.keys().map(String::as_str).filter(|name| *name != "cni-plan-tests").collect();
    assert_eq!(names, ALLOWED.iter().map(|(name, _)| *name).collect(), "the workspace's crates");
    for (name, allowed) in ALLOWED {
        let used: Vec<&String> = packages[*name].iter().filter(|used| used.starts_with("cni-plan")).collect();
        for used in used {
            assert!(allowed.contains(&used.as_str()), "{name} must not depend on {used}");
        }
    }
    for forbidden in NOT_IN_CORE {
        assert!(!packages["cni-plan-core"].contains(*forbidden), "core must not depend on {forbidden}");
    }
}

/// The workspace's packages with their dependencies, those for tests left out.
fn packages() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version=1", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap().iter();
    packages
        .map(|package| {
            let dependencies = package["dependencies"].as_array().unwrap().iter();
            let names = dependencies
                .filter(|dependency| dependency["kind"] != "dev")
                .map(|dependency| dependency["name"].as_str().unwrap().to_owned());
            (package["name"].as_str().unwrap().to_owned(), names.collect())
        })
        .collect()
}

//! Specs: every problem is in the text and is shown inert; what is read does not depend on how lines end.

use std::io;

use cni_plan_core::{ClusterFacts, IpFamily, NodeRole, PlannedCluster};
use cni_plan_spec::{Diagnostics, Spec, cluster_refs, compile, parse};

use super::assert_inert;

/// The bytes up to a NUL, which YAML forbids, are the spec; those after it are whatever policy
/// document it names.
pub fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (spec, document) = text.split_once('\0').unwrap_or((text, ""));
    let read = check_text(spec, document);
    if !spec.contains('\r') && !spec.starts_with('\u{feff}') {
        let other = check_text(&format!("\u{feff}{}", spec.replace('\n', "\r\n")), document);
        // Which of several faults of syntax the parser meets first depends on how far it looks ahead.
        assert_eq!(other.ok(), read.ok(), "with CRLF and a byte-order mark");
    }
}

fn check_text(spec: &str, document: &str) -> Result<Spec, Diagnostics> {
    let read = read(spec, document);
    match &read {
        Ok(spec) => check_spec(spec),
        Err(diagnostics) => check_diagnostics(diagnostics, spec, document),
    }
    read
}

const FILE: &str = "spec.yaml";

fn read(spec: &str, document: &str) -> Result<Spec, Diagnostics> {
    parse(FILE, spec, &|name| {
        if name.ends_with(".json") { Ok(document.to_owned()) } else { Err(io::ErrorKind::NotFound.into()) }
    })
}

fn check_diagnostics(diagnostics: &Diagnostics, spec: &str, document: &str) {
    assert!(diagnostics.len() > 0);
    for diagnostic in diagnostics.iter() {
        let text = if diagnostic.file() == FILE { spec } else { document };
        let lines: Vec<&str> = lines_of(text.strip_prefix('\u{feff}').unwrap_or(text));
        let span = diagnostic.span();
        assert!(span.start <= span.end, "{span:?} ends before it starts: {}", diagnostic.message());
        for place in [span.start, span.end] {
            let is_within = match lines.get(place.line - 1) {
                Some(line) => (1..=line.chars().count() + 1).contains(&place.column),
                None => place.line == lines.len() + 1 && place.column == 1,
            };
            assert!(is_within, "{place} is not in the text: {}", diagnostic.message());
        }
    }
    assert_inert(&diagnostics.render(false));
    let coloured = diagnostics.render(true);
    let bare =
        ["0", "1", "1;31", "1;34"].iter().fold(coloured, |text, codes| text.replace(&format!("\u{1b}[{codes}m"), ""));
    assert_inert(&bare);
}

/// As YAML ends lines: at LF, CRLF and a lone CR.
fn lines_of(text: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    for line in text.split('\n') {
        lines.extend(line.strip_suffix('\r').unwrap_or(line).split('\r'));
    }
    lines
}

/// A spec that was read compiles against facts that suit it, or says why not.
fn check_spec(spec: &Spec) {
    assert!(!spec.clusters.is_empty(), "there is nothing to plan in it");
    let references = cluster_refs(spec);
    let planned: Vec<PlannedCluster> = references
        .into_iter()
        .zip(&spec.clusters)
        .map(|((cluster, asked), wanted)| PlannedCluster { facts: facts(wanted), cluster, asked })
        .collect();
    match compile(spec, &planned) {
        Ok(graph) => assert!(!graph.is_empty(), "a cluster needs at least its verification"),
        Err(problems) => assert!(!problems.is_empty()),
    }
}

fn facts(wanted: &cni_plan_spec::ClusterSpec) -> ClusterFacts {
    ClusterFacts {
        account: wanted.account.clone().unwrap_or_else(|| "111122223333".to_owned()),
        partition: "aws".to_owned(),
        region: wanted.region.clone().unwrap_or_else(|| "us-west-2".to_owned()),
        ip_family: wanted.ip_family.unwrap_or(IpFamily::Ipv4),
        issuer: Some(format!("oidc.eks.us-west-2.amazonaws.com/id/{}", wanted.name)),
        version: "1.33".to_owned(),
        managed_addon: None,
        pod_identity_agent: None,
        node_roles: vec![NodeRole {
            name: "AmazonEKSNodeRole".to_owned(),
            found_in: vec!["nodegroup workers".to_owned()],
        }],
        association: None,
        is_private: false,
        unread: Vec::new(),
        uses_aws_auth: true,
        endpoint: None,
        certificate_authority: None,
    }
}

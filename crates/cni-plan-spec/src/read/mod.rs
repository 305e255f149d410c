//! The walk from nodes to a [`Spec`]: which keys there are, what each may hold, what goes together.
//!
//! Everything that is wrong is collected; a [`Spec`] comes out only when nothing was.

mod accept;
mod access;
mod cluster;
mod document;
mod duplicates;
mod duration;
mod fields;
mod forms;
pub(crate) mod keys;
mod overlay;
mod policy;
mod policy_shape;
mod restart;
mod role;
#[cfg(test)]
mod tests;

use std::io;
use std::rc::Rc;
use std::sync::Arc;

use crate::diagnostic::{Diagnostics, Problem, Report, quoted};
use crate::source::{Position, Source, Span};
use crate::spec::{ClusterSpec, Spec};
use crate::yaml::{self, Entry, Node, Value};
use document::Documents;
pub use duration::parse_duration;
use fields::{Field, Fields};
pub use keys::nearest;

/// The version of the format that is read.
const VERSION: u32 = 1;

/// Reads a spec. `file` is the name that messages show. `read_file` reads what `policy.document`
/// names: it is given the path as written, relative to the spec, and is asked once for each path.
///
/// # Errors
/// All that is wrong with the text and the documents it names, each with its place.
pub fn parse(file: &str, text: &str, read_file: &dyn Fn(&str) -> io::Result<String>) -> Result<Spec, Diagnostics> {
    let source = Arc::new(Source::new(file, text));
    let mut report = Report::new(Arc::clone(&source));
    let spec = match yaml::load(text, &mut report) {
        Some(root) => read_spec(&root, read_file, &mut report),
        None => {
            if report.is_empty() {
                report.add(Span::at(Position::START), empty());
            }
            Spec { version: VERSION, clusters: Vec::new() }
        }
    };
    match report.finish() {
        None => Ok(spec),
        Some(diagnostics) => Err(diagnostics),
    }
}

/// Whose keys are read: those of `defaults` may lack what a cluster supplies.
enum Scope<'a> {
    Defaults,
    Cluster { name: &'a str, region: Option<&'a str> },
}

fn empty() -> Problem {
    Problem::new("the spec is empty")
        .hint("begin with `version: 1`, then `clusters:` with a `- name: …` for each cluster")
}

fn read_spec(root: &Node, read_file: &dyn Fn(&str) -> io::Result<String>, report: &mut Report) -> Spec {
    let mut spec = Spec { version: VERSION, clusters: Vec::new() };
    let entries = match &root.value {
        Value::Mapping(entries) => entries,
        Value::Null => {
            report.add(root.span, empty());
            return spec;
        }
        _ => {
            let problem = Problem::new(format!("a spec must be a mapping, found {}", root.found()));
            report.add(root.span, problem.hint("begin with `version: 1`, then `clusters:`"));
            return spec;
        }
    };
    if !read_version(entries, root, report) {
        // What another version allows is not known here, and guesses would mislead.
        return spec;
    }
    let top = Fields::new("", entries, &keys::TOP, report);
    let mut documents = Documents::new(read_file);
    let defaults = read_defaults(&top, &mut documents, report);
    spec.clusters = read_clusters(&top, root, defaults, &mut documents, report);
    spec
}

/// Whether the rest can be read by this version's rules.
fn read_version(entries: &[Entry], root: &Node, report: &mut Report) -> bool {
    let Some(entry) = entries.iter().find(|entry| entry.key == "version") else {
        let problem = Problem::new("`version` is missing").hint(format!("begin the spec with `version: {VERSION}`"));
        report.add(Span::at(root.span.start), problem);
        return true;
    };
    let field = Field { path: "version".to_owned(), key_span: entry.key_span, node: &entry.value };
    let right = format!("write `version: {VERSION}`");
    let Value::Number(text) = &field.node.value else {
        field.wrong_type(report, &format!("the number {VERSION}"), Some(right));
        return true;
    };
    match text.parse::<u64>() {
        Ok(version) if version == u64::from(VERSION) => true,
        Ok(version) if version > u64::from(VERSION) => {
            let problem = Problem::new(format!("is {version}: this spec is written for a newer cni-plan"));
            let problem = problem.note(format!("this cni-plan reads version {VERSION}"));
            field.refuse(report, problem.hint("update cni-plan"));
            false
        }
        _ => {
            field.refuse(report, Problem::new(format!("cannot be {}", quoted(text))).hint(right));
            true
        }
    }
}

/// `defaults` by itself, so that what is wrong in it shows even where every cluster overrides it.
fn read_defaults<'n>(top: &Fields<'n>, documents: &mut Documents<'_>, report: &mut Report) -> &'n [Entry] {
    let Some(field) = top.get("defaults") else { return &[] };
    let Value::Mapping(entries) = &field.node.value else {
        field.wrong_type(report, "a mapping", Some("it takes the keys of a cluster, except `name`".to_owned()));
        return &[];
    };
    if let Some(name) = entries.iter().find(|entry| entry.key == "name") {
        let problem = Problem::new("`name` cannot stand in `defaults`");
        report.add(name.key_span, problem.hint("each cluster has a name of its own; move it into `clusters`"));
    }
    cluster::read(entries, field.key_span, &Scope::Defaults, documents, report);
    entries
}

fn read_clusters(
    top: &Fields<'_>,
    root: &Node,
    defaults: &[Entry],
    documents: &mut Documents<'_>,
    report: &mut Report,
) -> Vec<ClusterSpec> {
    const EXAMPLE: &str = "start each cluster with `- name: …`";
    let Some(field) = top.get("clusters") else {
        let problem = Problem::new("`clusters` is missing").hint(EXAMPLE);
        report.add(Span::at(root.span.start), problem);
        return Vec::new();
    };
    let Value::Sequence(items) = &field.node.value else {
        field.wrong_type(report, "a list", Some(EXAMPLE.to_owned()));
        return Vec::new();
    };
    if items.is_empty() {
        field.refuse(report, Problem::new("is empty: there is nothing to plan").hint(EXAMPLE));
    }
    let clusters = items.iter().filter_map(|item| read_item(item, defaults, documents, report)).collect::<Vec<_>>();
    duplicates::refuse(&clusters, report);
    clusters
}

fn read_item(
    item: &Rc<Node>,
    defaults: &[Entry],
    documents: &mut Documents<'_>,
    report: &mut Report,
) -> Option<ClusterSpec> {
    let Value::Mapping(own) = &item.value else {
        let problem = Problem::new(format!("a cluster must be a mapping, found {}", item.found()));
        let problem = match &item.value {
            Value::Text(name) if forms::cluster_name(name).is_ok() => problem.hint(format!("write `- name: {name}`")),
            _ => problem.hint("write `- name: …`, and further keys below `name`"),
        };
        report.add(item.span, problem);
        return None;
    };
    let Some(name) = own.iter().find(|entry| entry.key == "name") else {
        let problem = Problem::new("a cluster has no `name`").hint("add `name:` with the EKS cluster's name");
        report.add(own.first().map_or(item.span, |first| first.key_span), problem);
        cluster::read(own, item.span, &Scope::Defaults, documents, report);
        return None;
    };
    let defaults: Vec<Entry> = defaults.iter().filter(|entry| entry.key != "name").cloned().collect();
    let entries = overlay::overlay(&defaults, own);
    let text = |key: &str| {
        entries.iter().find(|entry| entry.key == key).and_then(|entry| match &entry.value.value {
            Value::Text(text) => Some(text.as_str()),
            _ => None,
        })
    };
    // A name that is wrong itself is not measured again as part of the role's.
    let name_text = text("name").filter(|name| forms::cluster_name(name).is_ok()).unwrap_or_default();
    let scope = Scope::Cluster { name: name_text, region: text("region") };
    cluster::read(&entries, name.value.span, &scope, documents, report)
}

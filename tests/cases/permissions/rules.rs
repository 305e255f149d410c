//! RBAC as Kubernetes judges by it (Kubernetes, "Using RBAC Authorization"), of the documents that are printed.

use std::collections::BTreeSet;

use cni_plan_sandbox::{CallRecord, Service};

/// What a request is about.
#[derive(Debug, Clone)]
pub(super) struct Request {
    verb: String,
    group: String,
    resource: String,
    namespace: Option<String>,
    name: Option<String>,
}

impl Request {
    /// `None` of other services' calls, and of what everyone who is let in may ask: versions, groups.
    pub(super) fn of(record: &CallRecord) -> Option<Request> {
        (record.service == Service::Kubernetes).then(|| Request::new(&record.operation, &record.resource))?
    }

    pub(super) fn new(operation: &str, path: &str) -> Option<Request> {
        let (verb, resource) = operation.split_once(' ').unwrap();
        if resource.starts_with('/') {
            return None;
        }
        let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        let (group, rest) = match segments.as_slice() {
            ["api", _, rest @ ..] => ("", rest),
            ["apis", group, _, rest @ ..] => (*group, rest),
            _ => panic!("{path} is no path of a resource"),
        };
        let (namespace, rest) = match rest {
            ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (Some((*namespace).to_owned()), rest),
            rest => (None, rest),
        };
        Some(Request {
            verb: verb.to_owned(),
            group: group.to_owned(),
            resource: resource.to_owned(),
            namespace,
            name: rest.get(1).map(|name| (*name).to_owned()),
        })
    }
}

/// All rules of some documents.
#[derive(Debug)]
pub(super) struct Rules(Vec<Rule>);

#[derive(Debug, Default)]
struct Rule {
    namespace: Option<String>,
    groups: Vec<String>,
    resources: Vec<String>,
    names: Vec<String>,
    verbs: Vec<String>,
}

impl Rules {
    /// Reads just what the command writes, line by line.
    pub(super) fn parse(yaml: &str) -> Rules {
        let mut rules: Vec<Rule> = Vec::new();
        for document in yaml.split("---\n").skip(1) {
            let line = |key: &str| document.lines().find_map(|line| line.strip_prefix(key));
            let kind = line("kind: ").unwrap();
            let namespace = line("  namespace: ").map(unquoted);
            assert_eq!(namespace.is_some(), !kind.starts_with("Cluster"), "{document}");
            for rule in document.lines() {
                if let Some(groups) = rule.strip_prefix("  - apiGroups: ") {
                    rules.push(Rule { namespace: namespace.clone(), groups: list(groups), ..Rule::default() });
                } else if let Some(rule_list) = rule.strip_prefix("    resources: ") {
                    rules.last_mut().unwrap().resources = list(rule_list);
                } else if let Some(names) = rule.strip_prefix("    resourceNames: ") {
                    rules.last_mut().unwrap().names = list(names);
                } else if let Some(verbs) = rule.strip_prefix("    verbs: ") {
                    rules.last_mut().unwrap().verbs = list(verbs);
                }
            }
        }
        assert!(!rules.is_empty(), "{yaml}");
        Rules(rules)
    }

    pub(super) fn allow(&self, request: &Request) -> bool {
        self.0.iter().any(|rule| rule.allows(request))
    }

    /// Verbs on resources that none of these requests asked for, such as `list pods`.
    pub(super) fn unused(&self, requests: impl Iterator<Item = Request>) -> BTreeSet<String> {
        let requests: Vec<Request> = requests.collect();
        let mut unused = BTreeSet::new();
        for rule in &self.0 {
            for verb in &rule.verbs {
                let asked = requests.iter().any(|request| request.verb == *verb && rule.allows(request));
                if !asked {
                    unused.insert(format!("{verb} {}", rule.resources.join(", ")));
                }
            }
        }
        unused
    }
}

impl Rule {
    /// A role reaches its own namespace, a cluster role all; names are compared where the request says one.
    fn allows(&self, request: &Request) -> bool {
        (self.namespace.is_none() || self.namespace == request.namespace)
            && self.groups.contains(&request.group)
            && self.resources.contains(&request.resource)
            && self.verbs.contains(&request.verb)
            && (self.names.is_empty() || request.name.as_ref().is_some_and(|name| self.names.contains(name)))
    }
}

fn list(text: &str) -> Vec<String> {
    let inside = text.trim().strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap();
    inside.split(',').map(|item| unquoted(item.trim())).collect()
}

fn unquoted(text: &str) -> String {
    text.trim_matches('"').to_owned()
}

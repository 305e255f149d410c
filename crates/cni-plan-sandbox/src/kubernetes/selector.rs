//! Label and field selectors, as they stand in a query string.
//!
//! Source: k8s.io/apimachinery `pkg/labels` and `pkg/fields`. Must not know how objects are kept.

use serde_json::Value;

use super::resources::Resource;
use super::status::ApiError;

/// What a request selects: both conditions hold.
#[derive(Clone, Debug, Default)]
pub(super) struct Selector {
    labels: Vec<LabelRequirement>,
    fields: Vec<FieldRequirement>,
}

#[derive(Clone, Debug, PartialEq)]
struct LabelRequirement {
    key: String,
    test: LabelTest,
}

#[derive(Clone, Debug, PartialEq)]
enum LabelTest {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    DoesNotExist,
}

#[derive(Clone, Debug, PartialEq)]
struct FieldRequirement {
    pointer: String,
    value: String,
    equal: bool,
}

impl Selector {
    /// Reads both selectors of a request; either may be empty.
    pub(super) fn parse(resource: &Resource, labels: &str, fields: &str) -> Result<Selector, ApiError> {
        Ok(Selector { labels: parse_labels(labels)?, fields: parse_fields(resource, fields)? })
    }

    /// Whether the object is selected.
    pub(super) fn matches(&self, object: &Value) -> bool {
        let labels = &object["metadata"]["labels"];
        self.labels.iter().all(|r| r.matches(labels[&r.key].as_str())) && self.fields.iter().all(|r| r.matches(object))
    }
}

impl LabelRequirement {
    fn matches(&self, value: Option<&str>) -> bool {
        match &self.test {
            LabelTest::In(values) => value.is_some_and(|v| values.iter().any(|x| x == v)),
            LabelTest::NotIn(values) => value.is_none_or(|v| values.iter().all(|x| x != v)),
            LabelTest::Exists => value.is_some(),
            LabelTest::DoesNotExist => value.is_none(),
        }
    }
}

impl FieldRequirement {
    fn matches(&self, object: &Value) -> bool {
        let value = object.pointer(&self.pointer);
        let equal = match value {
            Some(Value::String(text)) => *text == self.value,
            Some(Value::Bool(flag)) => self.value == if *flag { "true" } else { "false" },
            Some(Value::Number(number)) => number.to_string() == self.value,
            _ => self.value.is_empty(),
        };
        equal == self.equal
    }
}

fn parse_labels(text: &str) -> Result<Vec<LabelRequirement>, ApiError> {
    split_requirements(text).into_iter().map(|part| parse_label(part, text)).collect()
}

/// Splits at commas that are not inside a set's parentheses.
fn split_requirements(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0_usize, 0);
    for (i, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&text[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts.retain(|part| !part.trim().is_empty());
    parts
}

fn parse_label(part: &str, whole: &str) -> Result<LabelRequirement, ApiError> {
    let part = part.trim();
    let requirement = |key: &str, test| {
        let key = key.trim();
        if key.is_empty() || key.contains(|c: char| c.is_whitespace() || "()!=".contains(c)) {
            return Err(unparsable(whole, part));
        }
        Ok(LabelRequirement { key: key.to_owned(), test })
    };
    if let Some(key) = part.strip_prefix('!') {
        return requirement(key, LabelTest::DoesNotExist);
    }
    if let Some((key, value)) = part.split_once("!=") {
        return requirement(key, LabelTest::NotIn(vec![value.trim().to_owned()]));
    }
    if let Some((key, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
        return requirement(key, LabelTest::In(vec![value.trim().to_owned()]));
    }
    if let Some((head, set)) = part.split_once('(') {
        let values = set
            .trim_end()
            .strip_suffix(')')
            .ok_or_else(|| unparsable(whole, part))?
            .split(',')
            .map(|v| v.trim().to_owned())
            .collect();
        return match head.trim().rsplit_once(char::is_whitespace) {
            Some((key, "in")) => requirement(key, LabelTest::In(values)),
            Some((key, "notin")) => requirement(key, LabelTest::NotIn(values)),
            _ => Err(unparsable(whole, part)),
        };
    }
    requirement(part, LabelTest::Exists)
}

fn unparsable(whole: &str, part: &str) -> ApiError {
    ApiError::bad_request(format!("unable to parse requirement: found '{part}' in \"{whole}\""))
}

fn parse_fields(resource: &Resource, text: &str) -> Result<Vec<FieldRequirement>, ApiError> {
    text.split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(|part| {
            let (field, value, equal) = if let Some((field, value)) = part.split_once("!=") {
                (field, value, false)
            } else if let Some((field, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
                (field, value, true)
            } else {
                let message = format!("invalid selector: '{text}'; can't understand '{part}'");
                return Err(ApiError::bad_request(message));
            };
            if !selectable(resource, field) {
                return Err(ApiError::bad_request(format!("field label not supported: {field}")));
            }
            let pointer = format!("/{}", field.replace('.', "/"));
            Ok(FieldRequirement { pointer, value: value.to_owned(), equal })
        })
        .collect()
}

fn selectable(resource: &Resource, field: &str) -> bool {
    let own: &[&str] = match resource.plural {
        "pods" => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        ],
        "events" => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "type",
        ],
        "nodes" => &["spec.unschedulable"],
        "namespaces" => &["status.phase"],
        "secrets" => &["type"],
        _ => &[],
    };
    field == "metadata.name" || (field == "metadata.namespace" && resource.namespaced) || own.contains(&field)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn selects(labels: &str, fields: &str) -> bool {
        let pods = Resource::named("pods").unwrap();
        let pod = json!({
            "metadata": { "name": "aws-node-1", "namespace": "kube-system",
                          "labels": { "k8s-app": "aws-node", "tier": "node" } },
            "spec": { "nodeName": "n1" },
            "status": { "phase": "Running" },
        });
        Selector::parse(pods, labels, fields).unwrap().matches(&pod)
    }

    #[test]
    fn labels() {
        for yes in [
            "",
            "k8s-app=aws-node",
            "k8s-app==aws-node",
            "k8s-app",
            "!missing",
            "k8s-app!=x",
            "missing!=x",
            "k8s-app in (x, aws-node),tier",
            "k8s-app notin (x,y)",
            "missing notin (x)",
            "tier in (node)",
        ] {
            assert!(selects(yes, ""), "{yes}");
        }
        for no in
            ["k8s-app=x", "!k8s-app", "missing", "k8s-app in (x)", "tier notin (node)", "k8s-app=aws-node,missing"]
        {
            assert!(!selects(no, ""), "{no}");
        }
    }

    #[test]
    fn fields() {
        assert!(selects("", "spec.nodeName=n1,status.phase!=Pending,metadata.name==aws-node-1"));
        assert!(!selects("", "spec.nodeName=n2"));
        assert!(!selects("", "metadata.namespace=default"));
    }

    #[test]
    fn what_cannot_be_selected_is_refused() {
        let pods = Resource::named("pods").unwrap();
        for (labels, fields) in [("a in b", ""), ("a b", ""), ("=x", ""), ("", "spec.containers=x"), ("", "name")] {
            assert!(Selector::parse(pods, labels, fields).is_err(), "{labels} {fields}");
        }
    }
}

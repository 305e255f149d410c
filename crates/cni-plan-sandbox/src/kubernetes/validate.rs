//! The checks that this server makes of objects: names, what a pod and a DaemonSet cannot do without,
//! and what may not change.
//!
//! Not everything that the real server checks: enough that a client's mistakes in what the plugin's
//! migration touches are refused, in the real server's words.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::resources::Resource;
use super::status::ApiError;

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or \
    '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const QUALIFIED_NAME: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and \
    end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
    '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

/// A name given to a new object.
pub(super) fn name(resource: &Resource, name: &str) -> Result<(), ApiError> {
    if name.is_empty() {
        return Err(ApiError::invalid(
            resource,
            "",
            "metadata.name",
            "Required value: name or generateName is required",
        ));
    }
    let longest = if resource.plural == "namespaces" { 63 } else { 253 };
    if name.len() > longest {
        let problem = format!("Too long: may not be more than {longest} bytes");
        return Err(ApiError::invalid(resource, name, "metadata.name", &problem));
    }
    if name.split('.').all(is_dns_label) {
        return Ok(());
    }
    Err(ApiError::invalid(resource, name, "metadata.name", &format!("Invalid value: \"{name}\": {SUBDOMAIN}")))
}

/// An object as it is to be stored.
pub(super) fn object(resource: &Resource, object: &Value) -> Result<(), ApiError> {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let invalid = |field: &str, problem: &str| Err(ApiError::invalid(resource, name, field, problem));
    for field in ["annotations", "labels"] {
        for (key, value) in object["metadata"][field].as_object().into_iter().flatten() {
            if !is_qualified_name(key) {
                return invalid(&format!("metadata.{field}"), &format!("Invalid value: \"{key}\": {QUALIFIED_NAME}"));
            }
            if !value.is_string() {
                return Err(ApiError::bad_request(format!(
                    "{} in version \"{}\" cannot be handled as a {}: json: cannot unmarshal into Go struct field \
                     ObjectMeta.metadata.{field} of type string",
                    resource.kind, resource.version, resource.kind
                )));
            }
        }
    }
    match resource.plural {
        "pods" => pod_spec(resource, name, "spec", &object["spec"]),
        "daemonsets" => {
            let (selector, template) = (&object["spec"]["selector"], &object["spec"]["template"]);
            if selector.as_object().is_none_or(serde_json::Map::is_empty) {
                return invalid("spec.selector", "Required value");
            }
            let labels = &template["metadata"]["labels"];
            let selected = selector["matchLabels"].as_object();
            if selected.is_some_and(|wanted| wanted.iter().any(|(key, value)| labels[key] != *value)) {
                let problem = format!("Invalid value: {labels}: `selector` does not match template `labels`");
                return invalid("spec.template.metadata.labels", &problem);
            }
            pod_spec(resource, name, "spec.template.spec", &template["spec"])
        }
        "leases" => lease_spec(resource, name, &object["spec"]),
        _ => Ok(()),
    }
}

/// A change from one valid object to another.
pub(super) fn change(resource: &Resource, old: &Value, new: &Value) -> Result<(), ApiError> {
    let name = old["metadata"]["name"].as_str().unwrap_or_default();
    match resource.plural {
        "pods" if fixed_part(&old["spec"]) != fixed_part(&new["spec"]) => {
            let problem = "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,\
                           `spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only \
                           additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be \
                           set to 1 if it was previously negative)";
            Err(ApiError::invalid(resource, name, "spec", problem))
        }
        "daemonsets" if old["spec"]["selector"] != new["spec"]["selector"] => {
            let problem = format!("Invalid value: {}: field is immutable", new["spec"]["selector"]);
            Err(ApiError::invalid(resource, name, "spec.selector", &problem))
        }
        _ => Ok(()),
    }
}

fn pod_spec(resource: &Resource, name: &str, path: &str, spec: &Value) -> Result<(), ApiError> {
    let containers = spec["containers"].as_array().map(Vec::as_slice).unwrap_or_default();
    if containers.is_empty() {
        return Err(ApiError::invalid(resource, name, &format!("{path}.containers"), "Required value"));
    }
    for (i, container) in containers.iter().enumerate() {
        for field in ["name", "image"] {
            if container[field].as_str().is_none_or(str::is_empty) {
                let field = format!("{path}.containers[{i}].{field}");
                return Err(ApiError::invalid(resource, name, &field, "Required value"));
            }
        }
        if containers[..i].iter().any(|other| other["name"] == container["name"]) {
            let field = format!("{path}.containers[{i}].name");
            return Err(ApiError::invalid(resource, name, &field, &format!("Duplicate value: {}", container["name"])));
        }
    }
    Ok(())
}

fn lease_spec(resource: &Resource, name: &str, spec: &Value) -> Result<(), ApiError> {
    let unreadable = |problem: String| {
        let (kind, version) = (resource.kind, resource.version);
        let message = format!("{kind} in version \"{version}\" cannot be handled as a {kind}: {problem}");
        Err(ApiError::bad_request(message))
    };
    let holder = &spec["holderIdentity"];
    if !holder.is_null() && !holder.is_string() {
        return unreadable(
            "json: cannot unmarshal into Go struct field LeaseSpec.spec.holderIdentity of type string".into(),
        );
    }
    for field in ["acquireTime", "renewTime"] {
        let time = &spec[field];
        if !time.is_null() && !time.as_str().is_some_and(is_micro_time) {
            return unreadable(format!("parsing time {time} as \"2006-01-02T15:04:05.000000Z07:00\""));
        }
    }
    for (field, least, problem) in [
        ("leaseDurationSeconds", 1, "must be greater than 0"),
        ("leaseTransitions", 0, "must be greater than or equal to 0"),
    ] {
        if spec[field].as_i64().is_some_and(|number| number < least) {
            let problem = format!("Invalid value: {}: {problem}", spec[field]);
            return Err(ApiError::invalid(resource, name, &format!("spec.{field}"), &problem));
        }
    }
    Ok(())
}

/// `metav1.MicroTime`: RFC 3339 with just six digits of a second.
fn is_micro_time(text: &str) -> bool {
    let fraction = text.split_once('.').map(|(_, rest)| rest.chars().take_while(char::is_ascii_digit).count());
    fraction == Some(6) && text.parse::<Timestamp>().is_ok()
}

/// A pod's spec without what may change once the pod is there.
fn fixed_part(spec: &Value) -> Value {
    let mut fixed = spec.clone();
    if let Some(map) = fixed.as_object_mut() {
        for field in ["tolerations", "activeDeadlineSeconds", "terminationGracePeriodSeconds"] {
            map.remove(field);
        }
    }
    for list in ["containers", "initContainers"] {
        for container in fixed[list].as_array_mut().into_iter().flatten() {
            container["image"] = json!("");
        }
    }
    fixed
}

fn is_dns_label(label: &str) -> bool {
    let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    label.starts_with(alphanumeric)
        && label.ends_with(alphanumeric)
        && label.chars().all(|c| alphanumeric(c) || c == '-')
}

fn is_qualified_name(key: &str) -> bool {
    let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    let alphanumeric = |c: char| c.is_ascii_alphanumeric();
    prefix.is_none_or(|p| p.split('.').all(is_dns_label))
        && (1..=63).contains(&name.len())
        && name.starts_with(alphanumeric)
        && name.ends_with(alphanumeric)
        && name.chars().all(|c| alphanumeric(c) || "-_.".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let nodes = Resource::named("nodes").unwrap();
        assert!(name(nodes, "ip-10-0-0-1.us-west-2.compute.internal").is_ok());
        for bad in ["", "Upper", "-x", "x-", "a..b", "a_b", "a/b", &"x".repeat(254)] {
            assert!(name(nodes, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn annotation_keys() {
        assert!(is_qualified_name("eks.amazonaws.com/role-arn"));
        for bad in ["", "/x", "x/", "a/b/c", "eks..com/x", "-x"] {
            assert!(!is_qualified_name(bad), "{bad}");
        }
    }

    #[test]
    fn a_pod_s_environment_stays_as_it_was_born() {
        let pods = Resource::named("pods").unwrap();
        let pod = |env: &str, image: &str| {
            json!({ "metadata": { "name": "x" },
                    "spec": { "containers": [{ "name": "c", "image": image, "env": [{ "name": env }] }] } })
        };
        assert!(change(pods, &pod("A", "1"), &pod("A", "2")).is_ok());
        assert!(change(pods, &pod("A", "1"), &pod("B", "1")).is_err());
    }
}

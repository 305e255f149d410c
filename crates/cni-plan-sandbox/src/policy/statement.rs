//! The parts of a document that decide: its statements, the actions and resources they name, and IAM's
//! patterns. A document that cannot be read has no statements.

use serde_json::Value;

/// The statements of a document, whether it has a list of them or one.
pub(super) fn statements(document: &str) -> Vec<Value> {
    let mut document: Value = serde_json::from_str(document).unwrap_or_default();
    match document.get_mut("Statement").map(Value::take) {
        Some(Value::Array(list)) => list,
        Some(one @ Value::Object(_)) => vec![one],
        _ => Vec::new(),
    }
}

/// Whether a statement is about an action, by `Action` or by `NotAction`.
pub(super) fn names_action(statement: &Value, action: &str) -> bool {
    let action = action.to_ascii_lowercase();
    let named = |field: &str| {
        strings(&statement[field]).any(|pattern| wildcard_matches(&pattern.to_ascii_lowercase(), &action))
    };
    if statement.get("NotAction").is_some() { !named("NotAction") } else { named("Action") }
}

/// Whether a statement is about a resource, by `Resource` or by `NotResource`. An action that is about
/// no resource of its own is asked for `*`, which only a pattern that matches everything names.
pub(super) fn names_resource(statement: &Value, resource: &str) -> bool {
    let named = |field: &str| strings(&statement[field]).any(|pattern| wildcard_matches(pattern, resource));
    if statement.get("NotResource").is_some() { !named("NotResource") } else { named("Resource") }
}

/// The strings of a field that is one or a list of them.
pub(super) fn strings(value: &Value) -> impl Iterator<Item = &str> {
    let one = value.as_str().into_iter();
    let many = value.as_array().into_iter().flatten().filter_map(Value::as_str);
    one.chain(many)
}

/// `*` stands for any run of characters and `?` for one, as in IAM's patterns.
pub(super) fn wildcard_matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut read) = (0, 0);
    let mut last_star: Option<(usize, usize)> = None;
    while read < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                last_star = Some((at, read));
                at += 1;
            }
            Some(&byte) if byte == b'?' || byte == text[read] => {
                at += 1;
                read += 1;
            }
            _ => match last_star {
                // Let the last star swallow one more character, and try again from there.
                Some((star, swallowed)) => {
                    last_star = Some((star, swallowed + 1));
                    at = star + 1;
                    read = swallowed + 1;
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|&byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_as_iam_reads_them() {
        assert!(wildcard_matches("ec2:assign*addresses", "ec2:assignipv6addresses"));
        assert!(wildcard_matches("*", "anything"));
        assert!(wildcard_matches("a?c", "abc"));
        assert!(!wildcard_matches("a?c", "ac"));
        assert!(!wildcard_matches("ec2:assign*x", "ec2:assignipv6addresses"));
    }

    #[test]
    fn a_resource_pattern_names_what_it_matches_and_not_resource_all_else() {
        let tags = serde_json::json!({ "Resource": ["arn:aws:ec2:*:*:network-interface/*"] });
        assert!(names_resource(&tags, "arn:aws:ec2:us-west-2:111122223333:network-interface/eni-1"));
        assert!(!names_resource(&tags, "arn:aws:ec2:us-west-2:111122223333:instance/i-1"));
        assert!(!names_resource(&tags, "*"), "no resource in particular is not every one");
        assert!(names_resource(&serde_json::json!({ "Resource": "*" }), "*"));
        let all_but = serde_json::json!({ "NotResource": "arn:aws:ec2:*:*:network-interface/*" });
        assert!(!names_resource(&all_but, "arn:aws:ec2:us-west-2:111122223333:network-interface/eni-1"));
        assert!(names_resource(&all_but, "*"));
    }
}

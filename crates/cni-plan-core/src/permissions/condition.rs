//! What is known of a statement's `Condition`.
//!
//! Few conditions can be judged without a request. Those that can are about keys whose value is known
//! beforehand, by operators that compare strings; everything else is left open, never guessed.
//! Source: IAM User Guide, "IAM JSON policy elements: Condition operators".

use std::collections::BTreeMap;

use serde_json::Value;

use super::pattern::Pattern;
use super::reach::Reach;

/// Keys of a request that are known beforehand, each with its one value, such as `aws:RequestedRegion`.
/// A key that is not in it may have any value, or none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context(BTreeMap<String, String>);

impl Context {
    /// The same with one more key. Keys are read without regard to case.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<String>) -> Context {
        self.0.insert(key.to_ascii_lowercase(), value.into());
        self
    }
}

/// Whether a condition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holds {
    /// Whatever else the request has.
    Yes,
    /// Whatever else the request has.
    No,
    /// It depends on what is not known here.
    Open,
}

/// Every operator and every key of a condition has to hold. One with nothing in it is none.
pub(crate) fn holds(condition: &Value, context: &Context) -> Holds {
    let Value::Object(operators) = condition else { return Holds::Open };
    let mut all = Holds::Yes;
    for (operator, keys) in operators {
        let Value::Object(keys) = keys else { return Holds::Open };
        for (key, values) in keys {
            match one_holds(operator, context.0.get(&key.to_ascii_lowercase()), values) {
                Holds::No => return Holds::No,
                Holds::Open => all = Holds::Open,
                Holds::Yes => {}
            }
        }
    }
    all
}

/// Any one of the values will do, and for a negated operator none may match.
fn one_holds(operator: &str, known: Option<&String>, values: &Value) -> Holds {
    let Some(known) = known else { return Holds::Open };
    let operator = operator.to_ascii_lowercase();
    // Where the key is there, `…IfExists` is the operator without it.
    let name = operator.strip_suffix("ifexists").unwrap_or(&operator);
    let (compare, is_negated): (fn(&str, &str) -> Holds, bool) = match name {
        "stringequals" => (equals, false),
        "stringnotequals" => (equals, true),
        "stringequalsignorecase" => (equals_ignoring_case, false),
        "stringnotequalsignorecase" => (equals_ignoring_case, true),
        "stringlike" => (is_like, false),
        "stringnotlike" => (is_like, true),
        "arnequals" | "arnlike" => (is_arn_like, false),
        "arnnotequals" | "arnnotlike" => (is_arn_like, true),
        "bool" => (equals_ignoring_case, false),
        // It is there: what is known has a value.
        "null" if operator == "null" => (is_absent, false),
        _ => return Holds::Open,
    };
    let values = match values {
        Value::Array(values) if values.is_empty() => return Holds::Open,
        Value::Array(values) => values.as_slice(),
        single => std::slice::from_ref(single),
    };
    let mut any = Holds::No;
    for value in values {
        let found = match value {
            // A variable, or an escape, which is rare enough to be left open with them.
            Value::String(text) if text.contains("${") => Holds::Open,
            Value::String(text) => compare(text, known),
            Value::Bool(flag) => compare(if *flag { "true" } else { "false" }, known),
            Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_) => Holds::Open,
        };
        match found {
            Holds::Yes => return if is_negated { Holds::No } else { Holds::Yes },
            Holds::Open => any = Holds::Open,
            Holds::No => {}
        }
    }
    match any {
        Holds::No if is_negated => Holds::Yes,
        found => found,
    }
}

fn known(holds: bool) -> Holds {
    if holds { Holds::Yes } else { Holds::No }
}

fn equals(value: &str, found: &str) -> Holds {
    known(value == found)
}

fn equals_ignoring_case(value: &str, found: &str) -> Holds {
    known(value.to_lowercase() == found.to_lowercase())
}

fn is_like(value: &str, found: &str) -> Holds {
    known(matches_literally(value, found))
}

/// Part by part, six of them: here a `*` stays between its colons.
fn is_arn_like(value: &str, found: &str) -> Holds {
    let (value, found): (Vec<&str>, Vec<&str>) = (value.splitn(6, ':').collect(), found.splitn(6, ':').collect());
    if value.len() != 6 || found.len() != 6 {
        return Holds::Open;
    }
    known(value.iter().zip(&found).all(|(value, found)| matches_literally(value, found)))
}

fn is_absent(value: &str, _: &str) -> Holds {
    match value {
        "true" => Holds::No,
        "false" => Holds::Yes,
        _ => Holds::Open,
    }
}

/// What is found is a text: a `*` in it is that character.
pub(crate) fn matches_literally(pattern: &str, text: &str) -> bool {
    Pattern::resource(pattern).reach(&Pattern::text(text)) == Reach::Whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn judged(condition: &Value) -> Holds {
        let context = Context::default()
            .with("aws:RequestedRegion", "us-west-2")
            .with("aws:PrincipalArn", "arn:aws:iam::111122223333:role/team/Plugin")
            .with("aws:ViaAWSService", "false");
        holds(condition, &context)
    }

    #[test]
    fn what_is_known_is_judged_and_all_else_is_left_open() {
        for (condition, expected) in [
            (json!({}), Holds::Yes),
            (json!({"StringEquals": {}}), Holds::Yes),
            (json!([]), Holds::Open),
            (json!({"StringEquals": {"aws:requestedregion": "us-west-2"}}), Holds::Yes),
            (json!({"stringequals": {"aws:RequestedRegion": ["eu-west-1", "us-west-2"]}}), Holds::Yes),
            (json!({"StringEquals": {"aws:RequestedRegion": "US-WEST-2"}}), Holds::No),
            (json!({"StringEqualsIgnoreCase": {"aws:RequestedRegion": "US-WEST-2"}}), Holds::Yes),
            (json!({"StringEqualsIfExists": {"aws:RequestedRegion": "eu-west-1"}}), Holds::No),
            (json!({"StringNotEquals": {"aws:RequestedRegion": ["eu-west-1", "us-west-2"]}}), Holds::No),
            (json!({"StringNotEquals": {"aws:RequestedRegion": "eu-west-1"}}), Holds::Yes),
            (json!({"StringLike": {"aws:RequestedRegion": "us-*"}}), Holds::Yes),
            (json!({"StringNotLike": {"aws:RequestedRegion": "us-*"}}), Holds::No),
            (json!({"StringEquals": {"aws:RequestedRegion": "us-*"}}), Holds::No),
            (json!({"StringEquals": {"aws:RequestedRegion": []}}), Holds::Open),
            (json!({"StringEquals": {"aws:RequestedRegion": "${aws:PrincipalTag/region}"}}), Holds::Open),
            (json!({"StringNotEquals": {"aws:RequestedRegion": ["${x}", "us-west-2"]}}), Holds::No),
            (json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/*"}}), Holds::Yes),
            (json!({"ArnLike": {"aws:PrincipalArn": "arn:*:role/team/Plugin"}}), Holds::Open),
            (json!({"ArnNotEquals": {"aws:PrincipalArn": "arn:aws:iam::*:role/*"}}), Holds::No),
            (json!({"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::444455556666:role/*"}}), Holds::No),
            (json!({"Bool": {"aws:ViaAWSService": false}}), Holds::Yes),
            (json!({"Bool": {"aws:ViaAWSService": "true"}}), Holds::No),
            (json!({"Null": {"aws:RequestedRegion": "true"}}), Holds::No),
            (json!({"Null": {"aws:RequestedRegion": "false"}}), Holds::Yes),
            (json!({"Null": {"aws:TokenIssueTime": "true"}}), Holds::Open),
            (json!({"StringEquals": {"ec2:Vpc": "x"}}), Holds::Open),
            (json!({"ForAllValues:StringEquals": {"aws:RequestedRegion": "us-west-2"}}), Holds::Open),
            (json!({"IpAddress": {"aws:RequestedRegion": "us-west-2"}}), Holds::Open),
            (json!({"StringEquals": {"aws:RequestedRegion": "us-west-2", "ec2:Vpc": "x"}}), Holds::Open),
            (json!({"StringEquals": {"aws:RequestedRegion": "eu-west-1", "ec2:Vpc": "x"}}), Holds::No),
        ] {
            assert_eq!(judged(&condition), expected, "{condition}");
        }
    }
}

//! Conditions: whether a statement applies to one request.

use std::collections::BTreeMap;

use serde_json::Value;

use super::statement::{strings, wildcard_matches};

/// The values of the condition keys of one request, by lower-case key.
pub(crate) type Context = BTreeMap<String, String>;

/// IAM User Guide, "IAM JSON policy elements: Condition operators"; in lower case, as case does not count.
const OPERATORS: [&str; 27] = [
    "stringequals",
    "stringnotequals",
    "stringequalsignorecase",
    "stringnotequalsignorecase",
    "stringlike",
    "stringnotlike",
    "numericequals",
    "numericnotequals",
    "numericlessthan",
    "numericlessthanequals",
    "numericgreaterthan",
    "numericgreaterthanequals",
    "dateequals",
    "datenotequals",
    "datelessthan",
    "datelessthanequals",
    "dategreaterthan",
    "dategreaterthanequals",
    "bool",
    "binaryequals",
    "ipaddress",
    "notipaddress",
    "arnequals",
    "arnlike",
    "arnnotequals",
    "arnnotlike",
    "null",
];

/// Whether IAM has an operator of this name, with the qualifiers that it may have.
pub(super) fn is_operator(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let name = ["forallvalues:", "foranyvalue:"].iter().find_map(|set| name.strip_prefix(set)).unwrap_or(&name);
    let stem = name.strip_suffix("ifexists").filter(|stem| *stem != "null").unwrap_or(name);
    OPERATORS.contains(&stem)
}

/// The condition keys that a statement asks for, in lower case.
pub(super) fn keys(conditions: &Value) -> impl Iterator<Item = String> {
    let operators = conditions.as_object().into_iter().flatten();
    operators.flat_map(|(_, keys)| keys.as_object().into_iter().flatten()).map(|(key, _)| key.to_ascii_lowercase())
}

/// Every operator and every key must hold; an operator not known here does not hold.
pub(super) fn conditions_hold(conditions: &Value, context: &Context) -> bool {
    let Value::Object(operators) = conditions else {
        return conditions.is_null();
    };
    operators.iter().all(|(operator, keys)| {
        let Value::Object(keys) = keys else { return false };
        keys.iter().all(|(key, wanted)| {
            condition_holds(operator, context.get(&key.to_ascii_lowercase()).map(String::as_str), wanted)
        })
    })
}

fn condition_holds(operator: &str, found: Option<&str>, wanted: &Value) -> bool {
    let operator = operator.rsplit(':').next().unwrap_or(operator).to_ascii_lowercase();
    let (operator, if_exists) = match operator.strip_suffix("ifexists") {
        Some(stem) => (stem, true),
        None => (operator.as_str(), false),
    };
    if operator == "null" {
        return strings(wanted).any(|absent| (absent == "true") == found.is_none());
    }
    let any = |same: &dyn Fn(&str, &str) -> bool| found.map(|found| strings(wanted).any(|want| same(want, found)));
    // With no value a negated operator holds, and any other only with `IfExists`.
    match operator {
        "stringequals" => any(&|want, found| want == found).unwrap_or(if_exists),
        "stringequalsignorecase" => any(&|want, found| want.eq_ignore_ascii_case(found)).unwrap_or(if_exists),
        "stringlike" | "arnlike" | "arnequals" => any(&wildcard_matches).unwrap_or(if_exists),
        "stringnotequals" => !any(&|want, found| want == found).unwrap_or(false),
        "stringnotequalsignorecase" => !any(&|want, found| want.eq_ignore_ascii_case(found)).unwrap_or(false),
        "bool" => any(&|want, found| want.eq_ignore_ascii_case(found)).unwrap_or(if_exists),
        "stringnotlike" | "arnnotlike" | "arnnotequals" => !any(&wildcard_matches).unwrap_or(false),
        _ => false,
    }
}

//! IAM policy and trust documents, compared by what they mean.
//!
//! IAM hands a document back in many shapes: a string where a list was written, other orders,
//! other case of operators, URL-encoded. Two documents are equal here when IAM evaluates them the
//! same for those reasons; what each allows is not judged here.
//! Grammar: IAM User Guide, "Grammar of the IAM JSON policy language".

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use schemars::JsonSchema;
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

/// A policy or trust document. Statements keep the form and order they were found in, so that
/// writing the document back leaves other people's statements exactly as they were.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(try_from = "Value")]
#[schemars(with = "Map<String, Value>")]
pub struct PolicyDocument {
    version: String,
    id: Option<Value>,
    statements: Vec<Statement>,
}

/// One statement: as written, and the key it is compared by.
#[derive(Debug, Clone)]
pub struct Statement(Arc<Written>);

/// Shared: a fleet's plan holds the same statement as wanted, before and after.
#[derive(Debug)]
struct Written {
    raw: Value,
    /// Found when first compared: most statements of a first plan never are.
    meaning: OnceLock<String>,
}

/// Why a text is not a policy document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyDocumentError {
    /// Neither JSON nor URL-encoded JSON.
    #[error("not JSON: {0}")]
    Json(String),
    /// JSON of another shape.
    #[error("not a policy document: {0}")]
    Shape(&'static str),
}

/// IAM's default when a document names no version (IAM JSON policy elements: Version).
const DEFAULT_VERSION: &str = "2008-10-17";

impl PolicyDocument {
    /// A document of today's language version with these statements.
    pub fn new(statements: Vec<Statement>) -> PolicyDocument {
        PolicyDocument { version: "2012-10-17".to_owned(), id: None, statements }
    }

    /// Reads a document as IAM hands it out: JSON, possibly URL-encoded (RFC 3986).
    pub fn parse(text: &str) -> Result<PolicyDocument, PolicyDocumentError> {
        let trimmed = text.trim_start();
        let decoded = if trimmed.starts_with('%') { percent_decode(trimmed) } else { Some(trimmed.to_owned()) };
        let decoded = decoded.ok_or_else(|| PolicyDocumentError::Json("it is not UTF-8 text".to_owned()))?;
        let value: Value =
            serde_json::from_str(&decoded).map_err(|error| PolicyDocumentError::Json(error.to_string()))?;
        PolicyDocument::try_from(value)
    }

    /// The statements in the order they were found.
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// Whether a statement of the same meaning is in the document.
    pub fn contains(&self, statement: &Statement) -> bool {
        self.statements.iter().any(|mine| mine.meaning() == statement.meaning())
    }

    /// This document with each of `other`'s statements that it lacks, at the end. Nothing that is
    /// there goes or changes: trust that others wrote is theirs.
    #[must_use]
    pub fn with_statements_of(&self, other: &PolicyDocument) -> PolicyDocument {
        let mut merged = self.clone();
        for statement in &other.statements {
            if !merged.contains(statement) {
                merged.statements.push(statement.clone());
            }
        }
        merged
    }

    /// This document without the statements that `other` has too.
    #[must_use]
    pub fn without_statements_of(&self, other: &PolicyDocument) -> PolicyDocument {
        let mut rest = self.clone();
        rest.statements.retain(|statement| !other.contains(statement));
        rest
    }

    /// This document with the statements that `keep` says and no others.
    #[must_use]
    pub fn only(&self, keep: impl Fn(&Statement) -> bool) -> PolicyDocument {
        let mut part = self.clone();
        part.statements.retain(|statement| keep(statement));
        part
    }

    /// The document as IAM takes it: compact JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a document has only string keys")
    }

    fn meanings(&self) -> BTreeSet<&str> {
        self.statements.iter().map(Statement::meaning).collect()
    }
}

impl PartialEq for PolicyDocument {
    fn eq(&self, other: &Self) -> bool {
        let same = |(one, other): (&Statement, &Statement)| Arc::ptr_eq(&one.0, &other.0);
        let shared =
            self.statements.len() == other.statements.len() && self.statements.iter().zip(&other.statements).all(same);
        self.version == other.version && (shared || self.meanings() == other.meanings())
    }
}

impl Eq for PolicyDocument {}

impl TryFrom<Value> for PolicyDocument {
    type Error = PolicyDocumentError;

    fn try_from(value: Value) -> Result<PolicyDocument, PolicyDocumentError> {
        let Value::Object(mut document) = value else {
            return Err(PolicyDocumentError::Shape("it is not a JSON object"));
        };
        let version = match document.remove("Version") {
            None => DEFAULT_VERSION.to_owned(),
            Some(Value::String(version)) => version,
            Some(_) => return Err(PolicyDocumentError::Shape("`Version` is not a string")),
        };
        let statements = match document.remove("Statement") {
            Some(Value::Array(statements)) => statements,
            Some(statement @ Value::Object(_)) => vec![statement],
            Some(_) => return Err(PolicyDocumentError::Shape("`Statement` is neither an object nor a list")),
            None => return Err(PolicyDocumentError::Shape("it has no `Statement`")),
        };
        let statements = statements.into_iter().map(Statement::try_from).collect::<Result<_, _>>()?;
        Ok(PolicyDocument { version, id: document.remove("Id"), statements })
    }
}

impl From<&PolicyDocument> for Value {
    fn from(document: &PolicyDocument) -> Value {
        serde_json::to_value(document).expect("a document has only string keys")
    }
}

impl Serialize for PolicyDocument {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut document = serializer.serialize_map(None)?;
        document.serialize_entry("Version", &self.version)?;
        if let Some(id) = &self.id {
            document.serialize_entry("Id", id)?;
        }
        document.serialize_entry("Statement", &self.statements)?;
        document.end()
    }
}

impl Serialize for Statement {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.raw.serialize(serializer)
    }
}

impl Statement {
    /// The statement as it was written.
    pub fn as_written(&self) -> &Value {
        &self.0.raw
    }

    fn meaning(&self) -> &str {
        self.0.meaning.get_or_init(|| match &self.0.raw {
            Value::Object(statement) => meaning_of(statement).to_string(),
            other => other.to_string(),
        })
    }
}

impl TryFrom<Value> for Statement {
    type Error = PolicyDocumentError;

    fn try_from(raw: Value) -> Result<Statement, PolicyDocumentError> {
        let Value::Object(object) = &raw else {
            return Err(PolicyDocumentError::Shape("a statement is not a JSON object"));
        };
        if !matches!(object.get("Effect").and_then(Value::as_str), Some("Allow" | "Deny")) {
            return Err(PolicyDocumentError::Shape("a statement's `Effect` is neither Allow nor Deny"));
        }
        Ok(Statement(Arc::new(Written { raw, meaning: OnceLock::new() })))
    }
}

/// The statement with everything that does not change its evaluation folded away. `Sid` is a label.
fn meaning_of(statement: &Map<String, Value>) -> Value {
    let mut folded = Map::new();
    for (element, value) in statement {
        let value = match element.as_str() {
            "Sid" => continue,
            "Action" | "NotAction" => folded_list(value, str::to_ascii_lowercase),
            "Principal" | "NotPrincipal" => folded_principal(value),
            "Condition" => match folded_condition(value) {
                Value::Array(conditions) if conditions.is_empty() => continue,
                condition => condition,
            },
            _ => folded_list(value, str::to_owned),
        };
        folded.insert(element.clone(), value);
    }
    Value::Object(folded)
}

/// A string or a list of strings as a sorted list without repetition; scalars as IAM reads them.
fn folded_list(value: &Value, fold: impl Fn(&str) -> String) -> Value {
    let items = match value {
        Value::Array(items) => items.as_slice(),
        single => std::slice::from_ref(single),
    };
    let folded: BTreeSet<String> = items
        .iter()
        .map(|item| match item {
            Value::String(text) => fold(text),
            other => fold(&other.to_string()),
        })
        .collect();
    folded.into_iter().map(Value::String).collect()
}

/// `"*"` is `{"AWS": "*"}`, and an account's root ARN is the account's number
/// (IAM JSON policy elements: Principal).
fn folded_principal(value: &Value) -> Value {
    let everyone = Value::Object(Map::from_iter([("AWS".to_owned(), Value::String("*".to_owned()))]));
    let value = if value == "*" { &everyone } else { value };
    let Value::Object(principals) = value else { return value.clone() };
    let folded = principals.iter().map(|(kind, names)| (kind.clone(), folded_list(names, account_of_root)));
    Value::Object(folded.collect())
}

fn account_of_root(principal: &str) -> String {
    let parts: Vec<&str> = principal.split(':').collect();
    match parts.as_slice() {
        ["arn", _, "iam", "", account, "root"] => (*account).to_owned(),
        _ => principal.to_owned(),
    }
}

/// Operators and keys are read without regard to case; values are lists. All conditions have to hold,
/// so they are a set: two that differ in case alone are still two.
fn folded_condition(value: &Value) -> Value {
    let Value::Object(operators) = value else { return value.clone() };
    let mut folded: BTreeSet<[String; 3]> = BTreeSet::new();
    for (operator, keys) in operators {
        let Value::Object(keys) = keys else { return value.clone() };
        for (key, values) in keys {
            let values = folded_list(values, str::to_owned).to_string();
            folded.insert([operator.to_ascii_lowercase(), key.to_ascii_lowercase(), values]);
        }
    }
    folded.into_iter().map(|condition| Value::from(Vec::from(condition))).collect()
}

/// `None` where the bytes are no text: what is not known is not written back.
fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let decoded = (byte == b'%')
            .then(|| tail.get(..2))
            .flatten()
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match decoded {
            Some(decoded) => {
                bytes.push(decoded);
                rest = &tail[2..];
            }
            None => {
                bytes.push(if byte == b'+' { b' ' } else { byte });
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn document(value: Value) -> PolicyDocument {
        PolicyDocument::try_from(value).unwrap()
    }

    fn trust(operator: &str, subject: &Value) -> Value {
        json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow",
            "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/example"},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {operator: {"example:sub": subject}},
        }]})
    }

    #[test]
    fn shape_order_case_and_labels_do_not_matter() {
        let one = document(json!({"Version": "2012-10-17", "Statement": [
            {"Sid": "a", "Effect": "Allow", "Action": ["ec2:B", "ec2:A"], "Resource": "*"},
            {"Effect": "Deny", "Action": "ec2:C", "Resource": ["*"], "Condition": {}},
        ]}));
        let other = document(json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Deny", "Action": ["ec2:C"], "Resource": "*"},
            {"Effect": "Allow", "Action": ["EC2:a", "ec2:b", "ec2:B"], "Resource": ["*"]},
        ]}));
        assert_eq!(one, other);
        assert_eq!(document(trust("StringEquals", &json!("x"))), document(trust("stringequals", &json!(["x"]))));
    }

    #[test]
    fn another_value_operator_or_version_matters() {
        let base = document(trust("StringEquals", &json!("x")));
        assert_ne!(base, document(trust("StringLike", &json!("x"))));
        assert_ne!(base, document(trust("StringEquals", &json!("X"))));
        let mut unversioned = trust("StringEquals", &json!("x"));
        unversioned.as_object_mut().unwrap().remove("Version");
        assert_ne!(base, document(unversioned));
    }

    #[test]
    fn conditions_that_differ_in_case_alone_are_all_compared() {
        let with = |condition: Value| {
            document(json!({"Version": "2012-10-17", "Statement":
                {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*", "Condition": condition}}))
        };
        let both = with(json!({"StringEquals": {"a": "1"}, "stringequals": {"A": "2"}}));
        assert_ne!(both, with(json!({"stringequals": {"A": "2"}})));
        assert_ne!(both, with(json!({"StringEquals": {"a": "1"}})));
        assert_ne!(both, with(json!({"StringEquals": {"a": ["1", "2"]}})));
        assert_eq!(both, with(json!({"STRINGEQUALS": {"a": ["2"]}, "StringEquals": {"a": ["1"]}})));
    }

    #[test]
    fn numbers_are_written_and_read_as_they_were_found() {
        for number in [
            "0.1",
            "4.831600220046555e-101",
            "1e23",
            "2.2250738585072014e-308",
            "98.92999999999998",
            "123456789012345678901234567890",
        ] {
            let text = format!(
                r#"{{"Version":"2012-10-17","Statement":[{{"Condition":{{"NumericEquals":{{"a":{number}}}}},"Effect":"Deny"}}]}}"#
            );
            let found = PolicyDocument::parse(&text).unwrap();
            assert_eq!(PolicyDocument::parse(&found.to_json()).as_ref(), Ok(&found), "{number}");
        }
    }

    #[test]
    fn text_that_is_not_utf8_is_refused() {
        assert!(matches!(
            PolicyDocument::parse("%7B%22Statement%22:[],%22Id%22:%22%FF%22%7D"),
            Err(PolicyDocumentError::Json(_))
        ));
    }

    #[test]
    fn principals_are_compared_by_whom_they_name() {
        let with = |principal: Value| {
            document(json!({"Version": "2012-10-17", "Statement":
                {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}}))
        };
        assert_eq!(with(json!("*")), with(json!({"AWS": "*"})));
        assert_eq!(with(json!({"AWS": "arn:aws:iam::111122223333:root"})), with(json!({"AWS": ["111122223333"]})));
        assert_ne!(with(json!({"AWS": "111122223333"})), with(json!({"Service": "111122223333"})));
    }

    #[test]
    fn url_encoding_is_taken_off() {
        let plain = trust("StringEquals", &json!("system:serviceaccount:kube-system:aws-node"));
        let encoded: String = plain.to_string().bytes().map(|byte| format!("%{byte:02X}")).collect();
        assert_eq!(PolicyDocument::parse(&encoded), Ok(document(plain)));
    }

    #[test]
    fn merging_keeps_foreign_statements_as_they_were_written() {
        let foreign = json!({"Sid": "theirs", "Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"},
            "Action": "sts:AssumeRole"});
        let found = document(json!({"Version": "2012-10-17", "Statement": foreign}));
        let ours = document(trust("StringEquals", &json!("x")));
        let merged = found.with_statements_of(&ours);
        assert_eq!(merged.statements()[0].as_written(), &foreign);
        assert!(merged.contains(&ours.statements()[0]));
        assert_eq!(merged.with_statements_of(&ours).statements().len(), 2, "merging again adds nothing");
    }

    #[test]
    fn what_is_not_a_document_is_refused_with_its_reason() {
        assert!(matches!(PolicyDocument::parse("{"), Err(PolicyDocumentError::Json(_))));
        for text in ["[]", "{}", r#"{"Statement": 1}"#, r#"{"Statement": [{"Effect": "Maybe"}]}"#] {
            assert!(matches!(PolicyDocument::parse(text), Err(PolicyDocumentError::Shape(_))), "{text}");
        }
    }
}

//! An answer without what no two services have in common, and where two answers differ.

use std::collections::BTreeMap;

use serde_json::Value;

use super::xml::Element;

/// The fields that hold a document, which comes percent-encoded.
const DOCUMENTS: [&str; 3] = ["AssumeRolePolicyDocument", "PolicyDocument", "Document"];
/// A date before this one is of something that no test has made, and has to be the same.
const BEFORE_ANY_TEST: &str = "2025-01-01";

/// The place of the status and the error code, beside the places of the result's fields.
pub(super) const OUTCOME: &str = "outcome";

/// What a service answered: the status with the error's code, and each field of the result by its
/// place, such as `Role/Tags[team]/Value`.
#[derive(Debug)]
pub(super) struct Answer {
    outcome: String,
    fields: BTreeMap<String, String>,
}

/// A place where two answers differ, and what either has there.
#[derive(Debug)]
pub(super) struct Disagreement {
    pub(super) at: String,
    pub(super) moto: Option<String>,
    pub(super) sandbox: Option<String>,
}

impl Answer {
    /// Reads the answer to an action, and the marker in it.
    pub(super) fn read(action: &str, status: u16, body: &str) -> (Answer, Option<String>) {
        if !(200..300).contains(&status) {
            return (Answer { outcome: refusal(status, body), fields: BTreeMap::new() }, None);
        }
        let document = Element::parse(body);
        assert_eq!(document.name, format!("{action}Response"), "{body}");
        let mut fields = BTreeMap::new();
        let result = document.child(&format!("{action}Result"));
        for child in result.into_iter().flat_map(|result| &result.children) {
            flatten(child, &child.name, &mut fields);
        }
        let marker = result.and_then(|result| result.child("Marker")).map(|marker| marker.text.clone());
        (Answer { outcome: status.to_string(), fields }, marker)
    }

    /// Adds the next page of a list. Of two pages the later one says whether there is more.
    pub(super) fn append(&mut self, page: Answer) {
        if !page.fields.contains_key("Marker") {
            self.fields.remove("Marker");
        }
        self.outcome = page.outcome;
        for (place, value) in page.fields {
            if place.ends_with(']') {
                add_member(&mut self.fields, &place);
            } else {
                self.fields.insert(place, value);
            }
        }
    }

    /// Notes in how many pages the list came.
    pub(super) fn set_pages(&mut self, pages: usize) {
        self.fields.insert("pages".to_owned(), pages.to_string());
    }
}

/// Everything in which two answers to the same call differ.
pub(super) fn compare(moto: &Answer, sandbox: &Answer) -> Vec<Disagreement> {
    if moto.outcome != sandbox.outcome {
        let (moto, sandbox) = (Some(moto.outcome.clone()), Some(sandbox.outcome.clone()));
        return vec![Disagreement { at: OUTCOME.to_owned(), moto, sandbox }];
    }
    let mut places: Vec<&String> = moto.fields.keys().chain(sandbox.fields.keys()).collect();
    places.sort();
    places.dedup();
    let both = places.into_iter().map(|at| {
        let (moto, sandbox) = (moto.fields.get(at).cloned(), sandbox.fields.get(at).cloned());
        Disagreement { at: at.clone(), moto, sandbox }
    });
    both.filter(|place| place.moto != place.sandbox).collect()
}

/// `404 NoSuchEntity`. moto answers what it does not have with a page of HTML.
fn refusal(status: u16, body: &str) -> String {
    let code = |body: &str| Some(Element::parse(body).child("Error")?.child("Code")?.text.clone());
    match body.contains("<ErrorResponse").then(|| code(body)).flatten() {
        Some(code) => format!("{status} {code}"),
        None => status.to_string(),
    }
}

fn flatten(element: &Element, at: &str, fields: &mut BTreeMap<String, String>) {
    if element.children.is_empty() {
        if DOCUMENTS.contains(&element.name.as_str()) {
            fields.insert(format!("{at}/is-encoded"), is_encoded(&element.text).to_string());
        }
        fields.insert(at.to_owned(), neutral(&element.name, &element.text));
        return;
    }
    for child in &element.children {
        if !["member", "entry"].contains(&child.name.as_str()) {
            flatten(child, &format!("{at}/{}", child.name), fields);
            continue;
        }
        // AWS promises no order for its lists, so a member is known by what it is called.
        match name_of(child) {
            Some(name) => {
                for field in child.children.iter().filter(|field| field.name != name.name) {
                    flatten(field, &format!("{at}[{}]/{}", name.text, field.name), fields);
                }
                add_member(fields, &format!("{at}[{}]", name.text));
            }
            None => add_member(fields, &format!("{at}[{}]", child.text)),
        }
    }
}

/// Notes a member of a list, and if it was in it already.
fn add_member(fields: &mut BTreeMap<String, String>, place: &str) {
    if fields.insert(place.to_owned(), String::new()).is_some() {
        fields.insert(format!("{place} again"), String::new());
    }
}

fn name_of(member: &Element) -> Option<&Element> {
    ["Key", "key", "RoleName", "PolicyName", "VersionId", "Arn"].iter().find_map(|name| member.child(name))
}

/// A field's value, where it is nobody's own; else what sort of value it is, if it is of that sort.
fn neutral(name: &str, text: &str) -> String {
    let is = |sort: &str, holds: bool| if holds { format!("({sort})") } else { text.to_owned() };
    match name {
        "RoleId" | "PolicyId" => {
            let (kind, rest) = text.split_at_checked(4).unwrap_or_default();
            is(&format!("id {kind}"), is_unique(rest))
        }
        "AssumedRoleId" => match text.split_once(':') {
            Some((id, session)) if id.starts_with("AROA") && is_unique(&id[4..]) => format!("(id AROA):{session}"),
            _ => text.to_owned(),
        },
        "CreateDate" | "UpdateDate" | "Expiration" => is("time", is_time(text) && text > BEFORE_ANY_TEST),
        name if DOCUMENTS.contains(&name) => document(text),
        "Marker" | "AccessKeyId" | "SecretAccessKey" | "SessionToken" => is("opaque", !text.is_empty()),
        _ => text.to_owned(),
    }
}

/// What follows the four letters of an id: 17 capitals and digits.
fn is_unique(text: &str) -> bool {
    text.len() == 17 && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// `2026-11-23T12:00:00Z`, with or without fractions of a second.
fn is_time(text: &str) -> bool {
    let digits: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    let Some(rest) = digits.strip_prefix("0000-00-00T00:00:00") else { return false };
    rest == "Z" || rest.strip_prefix('.').is_some_and(|rest| rest.trim_start_matches('0') == "Z")
}

fn is_encoded(document: &str) -> bool {
    !document.contains(['{', '"', ' '])
}

/// A document's text, compared as JSON.
fn document(text: &str) -> String {
    let plain = percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    serde_json::from_str::<Value>(&plain).map_or(plain, |value| value.to_string())
}

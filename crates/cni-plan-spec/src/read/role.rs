//! `role`: name, path, description, boundary, tags.

use std::collections::{BTreeMap, HashMap};

use super::fields::{Field, Fields};
use super::keys::ROLE;
use super::{Scope, forms};
use crate::diagnostic::{Problem, Report, quoted};
use crate::name_template::{NameTemplate, NameTemplateError};
use crate::spec::RoleSpec;
use crate::yaml::Value;

/// IAM quotas: tags on a role, characters of a key and of a value.
const TAGS: usize = 50;
const TAG_KEY: usize = 128;
const TAG_VALUE: usize = 256;

/// The role of a cluster, whose name and region bound how long the role's name gets.
pub(super) fn read(cluster: &Fields<'_>, scope: &Scope<'_>, report: &mut Report) -> RoleSpec {
    let role = cluster.get("role").and_then(|field| field.mapping(&ROLE, report));
    let get = |key: &str| role.as_ref().and_then(|role| role.get(key));
    RoleSpec {
        name: read_name(get("name").as_ref(), cluster, scope, report),
        path: get("path").and_then(|field| field.text(report, forms::role_path)).unwrap_or_else(|| "/".to_owned()),
        description: get("description").and_then(|field| field.text(report, forms::description)),
        permissions_boundary: get("permissionsBoundary").and_then(|field| field.text(report, forms::policy_arn)),
        tags: get("tags").map(|field| read_tags(&field, report)).unwrap_or_default(),
    }
}

fn read_name(field: Option<&Field<'_>>, cluster: &Fields<'_>, scope: &Scope<'_>, report: &mut Report) -> NameTemplate {
    let template = match field {
        None => NameTemplate::default(),
        Some(field) => match field.text(report, |text| NameTemplate::parse(text).map_err(|error| explain(&error))) {
            Some(template) => template,
            None => return NameTemplate::default(),
        },
    };
    if let Scope::Cluster { name, region } = scope
        && let Err(length) = template.check_length(name, *region)
    {
        match (field, cluster.get("name")) {
            (Some(field), _) => {
                let problem =
                    Problem::new(format!("expands to {length} for the cluster {}; IAM takes 64 at most", quoted(name)));
                field.refuse(report, problem.hint("shorten it, or give this cluster a `role.name` of its own"));
            }
            (None, Some(name)) => {
                let problem = Problem::new(format!("makes the role's name {length} long; IAM takes 64 at most"))
                    .note(format!("the role's name is {} by default", quoted(&template.to_string())));
                name.refuse(report, problem.hint("set `role.name` to something shorter"));
            }
            (None, None) => {}
        }
    }
    template
}

fn explain(error: &NameTemplateError) -> Problem {
    let problem = match error {
        NameTemplateError::UnknownPlaceholder(name) => {
            Problem::new(format!("has an unknown placeholder {}", quoted(&format!("{{{name}}}"))))
        }
        NameTemplateError::Character(character) => {
            Problem::new(format!("has {}, which IAM does not take in a name", quoted(&character.to_string())))
        }
        other => Problem::new(other.to_string()),
    };
    problem.hint(match error {
        NameTemplateError::UnknownPlaceholder(_) | NameTemplateError::Unpaired(_) => {
            "what expands is {cluster}, {region} and {account}"
        }
        NameTemplateError::Character('/') => "a path goes under `role.path`, the name alone here",
        NameTemplateError::Character(_) => "letters, digits and `_+=,.@-`",
        NameTemplateError::Empty => "give it a value, or remove the key",
        NameTemplateError::TooLong { .. } => "shorten it",
    })
}

fn read_tags(field: &Field<'_>, report: &mut Report) -> BTreeMap<String, String> {
    let mut tags = BTreeMap::new();
    let Value::Mapping(entries) = &field.node.value else {
        field.wrong_type(report, "a mapping", Some("write `tags: { team: platform }`".to_owned()));
        return tags;
    };
    if entries.len() > TAGS {
        let problem = Problem::new(format!("holds {} tags; IAM takes {TAGS} on a role at most", entries.len()));
        field.refuse(report, problem.hint("those of `defaults` count too"));
    }
    let mut folded: HashMap<String, &str> = HashMap::new();
    for entry in entries {
        let tag = Field {
            path: format!("{}.{}", field.path, shown_key(&entry.key)),
            key_span: entry.key_span,
            node: &entry.value,
        };
        if let Err(problem) = check_key(&entry.key) {
            report.add(entry.key_span, problem);
        }
        if let Some(other) = folded.insert(entry.key.to_lowercase(), &entry.key) {
            let problem =
                Problem::new(format!("the tags {} and {} differ in case alone", quoted(other), quoted(&entry.key)));
            report.add(entry.key_span, problem.note("to IAM they are the same tag").hint("keep one of them"));
        }
        if let Some(value) = tag.text(report, check_value) {
            tags.insert(entry.key.clone(), value);
        }
    }
    tags
}

fn shown_key(key: &str) -> String {
    quoted(key).trim_matches('`').to_owned()
}

fn check_key(key: &str) -> Result<(), Problem> {
    if key.to_lowercase().starts_with("aws:") {
        return Err(Problem::new(format!("the tag key {} begins with `aws:`", quoted(key)))
            .hint("AWS keeps that prefix for itself; choose another key"));
    }
    match key.chars().count() {
        0 => Err(Problem::new("a tag key is empty").hint("give it a name, or remove it")),
        length if length > TAG_KEY => {
            Err(Problem::new(format!("a tag key is {length} characters long; IAM takes {TAG_KEY} at most"))
                .hint("shorten it"))
        }
        _ => match odd_tag_character(key) {
            Some(odd) => Err(Problem::new(format!("the tag key {} has {}", quoted(key), quoted(&odd.to_string())))
                .hint("IAM takes letters, digits, spaces and `_.:/=+-@`")),
            None => Ok(()),
        },
    }
}

fn check_value(value: &str) -> Result<String, Problem> {
    let length = value.chars().count();
    if length > TAG_VALUE {
        return Err(Problem::new(format!("is {length} characters long; IAM takes {TAG_VALUE} in a tag at most"))
            .hint("shorten it"));
    }
    match odd_tag_character(value) {
        Some(odd) => Err(Problem::new(format!("has {}, which IAM does not take in a tag", quoted(&odd.to_string())))
            .hint("letters, digits, spaces and `_.:/=+-@`")),
        None => Ok(value.to_owned()),
    }
}

/// IAM API, Tag: `[\p{L}\p{Z}\p{N}_.:/=+\-@]*`.
fn odd_tag_character(text: &str) -> Option<char> {
    text.chars().find(|character| {
        !(character.is_alphanumeric()
            || "_.:/=+-@".contains(*character)
            || (character.is_whitespace() && !character.is_control()))
    })
}

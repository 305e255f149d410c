//! A resource as named attributes, in a fixed order, so that two states can be laid side by side.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use cni_plan_core::{Annotation, PodIdentity, Pods, Policy, PolicyDocument, Resource, Role, ServiceAccount};

use crate::inert::inert;
use crate::words;

/// What an attribute is called; ordered as it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Name<'a> {
    /// Of a fixed set; the number is its place.
    Fixed(u8, &'static str),
    /// A tag by its key.
    Tag(&'a str),
    /// An annotation by its key.
    Annotation(&'a str),
    /// A document; last, being long.
    Document(&'static str),
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Name::Fixed(_, word) | Name::Document(word) => f.write_str(word),
            Name::Tag(key) => write!(f, "tag {}", inert(key)),
            Name::Annotation(key) => f.write_str(&inert(key)),
        }
    }
}

impl Name<'_> {
    /// Characters it takes.
    pub(crate) fn width(&self) -> usize {
        match self {
            Name::Fixed(_, word) | Name::Document(word) => word.chars().count(),
            Name::Tag(key) => "tag ".len() + inert(key).chars().count(),
            Name::Annotation(key) => inert(key).chars().count(),
        }
    }
}

/// What an attribute is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    /// One line.
    Text(Cow<'a, str>),
    /// A value with an owner.
    Annotation(&'a Annotation),
    /// Shown as lines, compared by meaning.
    Document(&'a PolicyDocument),
}

/// All attributes that are known of a resource.
pub(crate) fn of(resource: &Resource) -> BTreeMap<Name<'_>, Value<'_>> {
    match resource {
        Resource::OidcProvider(provider) => BTreeMap::from([
            (Name::Fixed(0, "issuer"), text(&provider.url)),
            (
                Name::Fixed(1, "audiences"),
                owned(provider.client_ids.iter().map(String::as_str).collect::<Vec<_>>().join(", ")),
            ),
        ]),
        Resource::Policy(policy) => of_policy(policy),
        Resource::Role(role) => of_role(role),
        Resource::Attachment(attachment) => BTreeMap::from([(Name::Fixed(0, "policy"), text(&attachment.policy_arn))]),
        Resource::ServiceAccount(account) => of_service_account(account),
        Resource::Pods(pods) => of_pods(pods),
    }
}

fn text(value: &str) -> Value<'_> {
    Value::Text(inert(value))
}

fn owned<'a>(value: String) -> Value<'a> {
    match inert(&value) {
        Cow::Borrowed(_) => Value::Text(Cow::Owned(value)),
        Cow::Owned(spelled) => Value::Text(Cow::Owned(spelled)),
    }
}

fn of_policy(policy: &Policy) -> BTreeMap<Name<'_>, Value<'_>> {
    let mut attributes = BTreeMap::from([
        (Name::Fixed(0, "arn"), text(&policy.arn)),
        (Name::Document("document"), Value::Document(&policy.document)),
    ]);
    if let Some(description) = &policy.description {
        attributes.insert(Name::Fixed(1, "description"), text(description));
    }
    if let Some(history) = &policy.history {
        let versions = format!("{} ({} in force)", history.versions.join(", "), history.default_version);
        attributes.insert(Name::Fixed(2, "versions"), owned(versions));
    }
    attributes
}

fn of_role(role: &Role) -> BTreeMap<Name<'_>, Value<'_>> {
    let mut attributes = BTreeMap::from([
        (Name::Fixed(0, "path"), text(&role.path)),
        (Name::Document("trust"), Value::Document(&role.trust)),
    ]);
    let optional = [
        (Name::Fixed(1, "unique id"), &role.id),
        (Name::Fixed(2, "description"), &role.description),
        (Name::Fixed(3, "boundary"), &role.permissions_boundary),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            attributes.insert(name, text(value));
        }
    }
    attributes.extend(role.tags.iter().map(|(key, value)| (Name::Tag(key), text(value))));
    attributes
}

fn of_service_account(account: &ServiceAccount) -> BTreeMap<Name<'_>, Value<'_>> {
    let annotations = account.annotations.iter();
    let mut attributes: BTreeMap<Name<'_>, Value<'_>> =
        annotations.map(|(key, annotation)| (Name::Annotation(key), Value::Annotation(annotation))).collect();
    if let Some(addon) = &account.addon {
        attributes.insert(Name::Fixed(0, "add-on's role"), text(addon.role_arn.as_deref().unwrap_or("none")));
    }
    if let Some(association) = &account.association {
        attributes.insert(Name::Fixed(1, "association's role"), text(&association.role_arn));
        if !association.besides.is_empty() {
            attributes.insert(Name::Fixed(3, "association has"), owned(association.besides.join(", ")));
        }
        if let Some(owner) = &association.owner_arn {
            attributes.insert(Name::Fixed(2, "association's owner"), text(owner));
        }
        attributes.extend(association.tags.iter().map(|(key, value)| (Name::Tag(key), text(value))));
    }
    attributes
}

fn of_pods(pods: &Pods) -> BTreeMap<Name<'_>, Value<'_>> {
    BTreeMap::from([
        (Name::Fixed(0, "daemonset"), text(&pods.daemon_set)),
        (Name::Fixed(1, "pods"), owned(carried(pods))),
        (Name::Fixed(2, "not ready"), owned(words::count(pods.not_ready as usize, "node"))),
    ])
}

/// `3 by the node role, 1 as arn:…`: how many pods carry what.
pub(crate) fn carried(pods: &Pods) -> String {
    if pods.carrying.is_empty() {
        return "none".to_owned();
    }
    let groups: Vec<String> = pods
        .carrying
        .iter()
        .map(|group| match &group.identity {
            PodIdentity::NodeRole => format!("{} by the node role", group.pods),
            identity => format!("{} as {identity}", group.pods),
        })
        .collect();
    groups.join(", ")
}

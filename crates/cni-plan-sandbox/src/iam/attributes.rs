//! Tags of roles, policies and providers, and the permissions boundary of a role.

use std::collections::BTreeMap;

use super::{Answer, Call, names, no_such_entity, paging::Page, policies, providers, roles};
use crate::wire::{Failure, Xml};
use crate::world::Account;

const MOST_TAGS: usize = 50;
const LONGEST_KEY: usize = 128;
const LONGEST_VALUE: usize = 256;

type Tags = BTreeMap<String, String>;

pub(super) fn tag_role(account: &mut Account, call: &Call<'_>) -> Answer {
    add_tags(&mut roles::find_mut(account, call)?.tags, &call.params.tags())
}

pub(super) fn untag_role(account: &mut Account, call: &Call<'_>) -> Answer {
    remove_tags(&mut roles::find_mut(account, call)?.tags, call)
}

pub(super) fn list_role_tags(account: &Account, call: &Call<'_>) -> Answer {
    list_tags(&roles::find(account, call)?.tags, call)
}

pub(super) fn tag_policy(account: &mut Account, call: &Call<'_>) -> Answer {
    add_tags(&mut policies::find_own(account, call)?.tags, &call.params.tags())
}

pub(super) fn untag_policy(account: &mut Account, call: &Call<'_>) -> Answer {
    remove_tags(&mut policies::find_own(account, call)?.tags, call)
}

pub(super) fn list_policy_tags(account: &Account, call: &Call<'_>) -> Answer {
    list_tags(&policies::find(account, call)?.tags, call)
}

pub(super) fn tag_provider(account: &mut Account, call: &Call<'_>) -> Answer {
    add_tags(&mut providers::find_mut(account, call)?.tags, &call.params.tags())
}

pub(super) fn untag_provider(account: &mut Account, call: &Call<'_>) -> Answer {
    remove_tags(&mut providers::find_mut(account, call)?.tags, call)
}

pub(super) fn list_provider_tags(account: &Account, call: &Call<'_>) -> Answer {
    list_tags(&providers::find(account, call)?.tags, call)
}

pub(super) fn put_boundary(account: &mut Account, call: &Call<'_>) -> Answer {
    roles::find(account, call)?;
    let boundary = boundary(account, call.params.required("PermissionsBoundary")?)?;
    roles::find_mut(account, call)?.boundary = Some(boundary);
    Ok(Xml::new())
}

pub(super) fn delete_boundary(account: &mut Account, call: &Call<'_>) -> Answer {
    let role = roles::find_mut(account, call)?;
    if role.boundary.take().is_none() {
        let message = format!("Role {} does not have a permissions boundary.", role.name);
        return Err(no_such_entity(message));
    }
    Ok(Xml::new())
}

/// The policy that is to bound a role: it has to be there.
pub(super) fn boundary(account: &Account, arn: &str) -> Result<String, Failure> {
    names::check_policy_arn("PermissionsBoundary", arn)?;
    match account.policy(arn) {
        Some(_) => Ok(arn.to_owned()),
        None => Err(no_such_entity(format!("Scope ARN: {arn} does not exist or is not attachable."))),
    }
}

/// Adds tags, all or none. A key that differs only in case replaces the one that is there.
pub(super) fn add_tags(tags: &mut Tags, wanted: &[(&str, &str)]) -> Answer {
    if wanted.len() > MOST_TAGS {
        let constraint = format!("Member must have length less than or equal to {MOST_TAGS}");
        return Err(Failure::constraint("(tags)", "Tags", &constraint));
    }
    let mut result = tags.clone();
    for (index, (key, value)) in wanted.iter().enumerate() {
        check_tag(key, value)?;
        if wanted[..index].iter().any(|(other, _)| other.eq_ignore_ascii_case(key)) {
            let message = "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
            return Err(Failure::new(400, "InvalidInput", message));
        }
        result.retain(|known, _| !known.eq_ignore_ascii_case(key));
        result.insert((*key).to_owned(), (*value).to_owned());
    }
    if result.len() > MOST_TAGS {
        return Err(Failure::new(409, "LimitExceeded", "The number of tags has reached the maximum limit."));
    }
    *tags = result;
    Ok(Xml::new())
}

/// Writes `<Tags>`, as it stands in roles, policies and providers.
pub(super) fn write_tags<'a>(xml: &mut Xml, tags: impl Iterator<Item = (&'a String, &'a String)>) {
    xml.list("Tags", tags, |xml, (key, value)| {
        xml.text("Key", key).text("Value", value);
    });
}

fn remove_tags(tags: &mut Tags, call: &Call<'_>) -> Answer {
    let unwanted = call.params.list("TagKeys");
    tags.retain(|known, _| !unwanted.iter().any(|key| known.eq_ignore_ascii_case(key)));
    Ok(Xml::new())
}

fn list_tags(tags: &Tags, call: &Call<'_>) -> Answer {
    let page = Page::cut(call.params, tags, |(key, _)| (*key).clone())?;
    let mut xml = Xml::new();
    write_tags(&mut xml, page.items.iter().copied());
    page.close(&mut xml);
    Ok(xml)
}

fn check_tag(key: &str, value: &str) -> Result<(), Failure> {
    let known = |text: &str| text.chars().all(|c| c.is_alphanumeric() || c.is_whitespace() || "_.:/=+-@".contains(c));
    if key.is_empty() || key.chars().count() > LONGEST_KEY {
        let constraint = format!("Member must have length between 1 and {LONGEST_KEY}");
        return Err(Failure::constraint(key, "tags.1.member.key", &constraint));
    }
    if value.chars().count() > LONGEST_VALUE {
        let constraint = format!("Member must have length less than or equal to {LONGEST_VALUE}");
        return Err(Failure::constraint(value, "tags.1.member.value", &constraint));
    }
    if !known(key) || !known(value) {
        let constraint = "Member must satisfy regular expression pattern: [\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+";
        return Err(Failure::constraint(key, "tags.1.member.key", constraint));
    }
    if key.to_ascii_lowercase().starts_with("aws:") {
        return Err(Failure::new(400, "InvalidInput", "System tags cannot be added/updated/deleted."));
    }
    Ok(())
}

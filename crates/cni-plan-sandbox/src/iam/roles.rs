//! Roles: create, read, change, delete.

use std::collections::{BTreeMap, BTreeSet};

use super::{Answer, Call, already_exists, delete_conflict, encoded, names, no_such_entity, over_quota};
use super::{attributes, paging::Page};
use crate::policy::{check_trust_policy, significant_length};
use crate::wire::{Failure, Xml, now};
use crate::world::{Account, Role};

const SHORTEST_SESSION: usize = 3600;
const LONGEST_SESSION: usize = 43200;
const LONGEST_DESCRIPTION: usize = 1000;

pub(super) fn create(account: &mut Account, call: &Call<'_>) -> Answer {
    let params = call.params;
    let name = names::role_name(params)?;
    let path = names::path(params)?;
    let trust = trust_document(account, params.required("AssumeRolePolicyDocument")?)?;
    let description = description(params.get("Description"))?;
    let session = session_duration(call)?.unwrap_or(SHORTEST_SESSION);
    let boundary = params.get("PermissionsBoundary").map(|arn| attributes::boundary(account, arn)).transpose()?;
    let mut tags = BTreeMap::new();
    attributes::add_tags(&mut tags, &params.tags())?;
    // IAM compares names without regard to case when it looks for a double.
    if account.roles.keys().any(|known| known.eq_ignore_ascii_case(name)) {
        return Err(already_exists(format!("Role with name {name} already exists.")));
    }
    if account.roles.len() >= account.quotas.roles {
        return Err(over_quota("RolesPerAccount", account.quotas.roles));
    }
    let role = Role {
        name: name.to_owned(),
        path: path.to_owned(),
        arn: account.arn(&format!("role{path}{name}")),
        role_id: account.new_id("AROA"),
        create_date: now(),
        trust,
        description,
        max_session_duration: session,
        tags,
        boundary,
        attached: BTreeSet::new(),
        inline: BTreeMap::new(),
    };
    let mut xml = Xml::new();
    write_whole(&mut xml, &role);
    account.roles.insert(role.name.clone(), role);
    Ok(xml)
}

pub(super) fn get(account: &Account, call: &Call<'_>) -> Answer {
    let mut xml = Xml::new();
    write_whole(&mut xml, find(account, call)?);
    Ok(xml)
}

pub(super) fn list(account: &Account, call: &Call<'_>) -> Answer {
    let prefix = call.params.get("PathPrefix").unwrap_or("/");
    let roles = account.roles.values().filter(|role| role.path.starts_with(prefix));
    let page = Page::cut(call.params, roles, |role| role.name.clone())?;
    let mut xml = Xml::new();
    // Listed roles come without their tags and boundary, as IAM documents.
    xml.list("Roles", &page.items, |xml, role| write_listed(xml, role));
    page.close(&mut xml);
    Ok(xml)
}

/// A description that is not sent stays; a session duration that is not sent falls back to one hour,
/// as the API's reference says of UpdateRole.
pub(super) fn update(account: &mut Account, call: &Call<'_>) -> Answer {
    let description = description(call.params.get("Description"))?;
    let session = session_duration(call)?;
    let role = find_mut(account, call)?;
    if description.is_some() {
        role.description = description;
    }
    role.max_session_duration = session.unwrap_or(SHORTEST_SESSION);
    Ok(Xml::new())
}

pub(super) fn update_description(account: &mut Account, call: &Call<'_>) -> Answer {
    let description = description(Some(call.params.required("Description")?))?;
    let role = find_mut(account, call)?;
    role.description = description;
    let mut xml = Xml::new();
    write_whole(&mut xml, role);
    Ok(xml)
}

pub(super) fn update_trust(account: &mut Account, call: &Call<'_>) -> Answer {
    find(account, call)?;
    let trust = trust_document(account, call.params.required("PolicyDocument")?)?;
    find_mut(account, call)?.trust = trust;
    Ok(Xml::new())
}

pub(super) fn delete(account: &mut Account, call: &Call<'_>) -> Answer {
    let role = find(account, call)?;
    if !role.attached.is_empty() {
        return Err(delete_conflict("Cannot delete entity, must detach all policies first."));
    }
    if !role.inline.is_empty() {
        return Err(delete_conflict("Cannot delete entity, must delete policies first."));
    }
    let name = role.name.clone();
    account.roles.remove(&name);
    Ok(Xml::new())
}

/// The role a call names.
pub(super) fn find<'a>(account: &'a Account, call: &Call<'_>) -> Result<&'a Role, Failure> {
    let name = names::role_name(call.params)?;
    account.roles.get(name).ok_or_else(|| not_found(name))
}

/// The role a call names, to be changed.
pub(super) fn find_mut<'a>(account: &'a mut Account, call: &Call<'_>) -> Result<&'a mut Role, Failure> {
    let name = names::role_name(call.params)?;
    account.roles.get_mut(name).ok_or_else(|| not_found(name))
}

fn not_found(name: &str) -> Failure {
    no_such_entity(format!("The role with name {name} cannot be found."))
}

fn trust_document(account: &Account, document: &str) -> Result<String, Failure> {
    check_trust_policy(document)?;
    let limit = account.quotas.trust_length;
    if significant_length(document) > limit {
        return Err(over_quota("ACLSizePerRole", limit));
    }
    Ok(document.to_owned())
}

/// An empty description is none: IAM leaves the element out then.
fn description(text: Option<&str>) -> Result<Option<String>, Failure> {
    let Some(text) = text else { return Ok(None) };
    if text.chars().count() > LONGEST_DESCRIPTION {
        let constraint = format!("Member must have length less than or equal to {LONGEST_DESCRIPTION}");
        return Err(Failure::constraint(text, "Description", &constraint));
    }
    Ok(Some(text.to_owned()))
}

fn session_duration(call: &Call<'_>) -> Result<Option<usize>, Failure> {
    call.params.integer("MaxSessionDuration", SHORTEST_SESSION, LONGEST_SESSION)
}

fn write_whole(xml: &mut Xml, role: &Role) {
    xml.element("Role", |xml| {
        write_listed(xml, role);
        if let Some(boundary) = &role.boundary {
            xml.element("PermissionsBoundary", |xml| {
                xml.text("PermissionsBoundaryType", "Policy").text("PermissionsBoundaryArn", boundary);
            });
        }
        if !role.tags.is_empty() {
            attributes::write_tags(xml, role.tags.iter());
        }
        xml.element("RoleLastUsed", |_| {});
    });
}

fn write_listed(xml: &mut Xml, role: &Role) {
    xml.text("Path", &role.path)
        .text("RoleName", &role.name)
        .text("RoleId", &role.role_id)
        .text("Arn", &role.arn)
        .text("CreateDate", &role.create_date)
        .text("AssumeRolePolicyDocument", encoded(&role.trust))
        .optional("Description", role.description.as_ref().filter(|text| !text.is_empty()))
        .text("MaxSessionDuration", role.max_session_duration);
}

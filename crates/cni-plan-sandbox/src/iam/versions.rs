//! The versions of a managed policy: five at most, one of them the default.

use super::{Answer, Call, delete_conflict, encoded, no_such_entity, paging::Page, policies};
use crate::wire::{Failure, Xml, now};
use crate::world::{Account, Policy, PolicyVersion};

const MOST_VERSIONS: usize = 5;

pub(super) fn create(account: &mut Account, call: &Call<'_>) -> Answer {
    policies::find_own(account, call)?;
    let document = policies::document(account, call.params.required("PolicyDocument")?)?;
    let policy = policies::find_own(account, call)?;
    if policy.versions.len() >= MOST_VERSIONS {
        return Err(Failure::new(
            409,
            "LimitExceeded",
            "A managed policy can have up to 5 versions. Before you create a new version, you must delete an \
             existing version.",
        ));
    }
    let number = policy.next_version;
    policy.next_version += 1;
    policy.versions.insert(number, PolicyVersion { document, create_date: now() });
    policy.update_date = now();
    if call.params.flag("SetAsDefault") {
        policy.default_version = number;
    }
    let mut xml = Xml::new();
    xml.element("PolicyVersion", |xml| write_listed(xml, policy, number));
    Ok(xml)
}

pub(super) fn get(account: &Account, call: &Call<'_>) -> Answer {
    let policy = policies::find(account, call)?;
    let number = version(policy, call)?;
    let mut xml = Xml::new();
    xml.element("PolicyVersion", |xml| {
        xml.text("Document", encoded(&policy.versions[&number].document));
        write_listed(xml, policy, number);
    });
    Ok(xml)
}

pub(super) fn list(account: &Account, call: &Call<'_>) -> Answer {
    let policy = policies::find(account, call)?;
    // Newest first, so the key counts down.
    let numbers = policy.versions.keys().rev().copied();
    let page = Page::cut(call.params, numbers, |number| format!("{:010}", u32::MAX - number))?;
    let mut xml = Xml::new();
    xml.list("Versions", page.items.iter().copied(), |xml, number| write_listed(xml, policy, number));
    page.close(&mut xml);
    Ok(xml)
}

pub(super) fn delete(account: &mut Account, call: &Call<'_>) -> Answer {
    let policy = policies::find_own(account, call)?;
    let number = version(policy, call)?;
    if number == policy.default_version {
        return Err(delete_conflict("Cannot delete the default version of a policy."));
    }
    policy.versions.remove(&number);
    policy.update_date = now();
    Ok(Xml::new())
}

pub(super) fn set_default(account: &mut Account, call: &Call<'_>) -> Answer {
    let policy = policies::find_own(account, call)?;
    policy.default_version = version(policy, call)?;
    policy.update_date = now();
    Ok(Xml::new())
}

/// The version a call names, which has to be there.
fn version(policy: &Policy, call: &Call<'_>) -> Result<u32, Failure> {
    let text = call.params.required("VersionId")?;
    let number = text.strip_prefix('v').and_then(|digits| digits.parse().ok());
    let Some(number) = number else {
        let constraint = "Member must satisfy regular expression pattern: v[1-9][0-9]*(\\.[A-Za-z0-9-]*)?";
        return Err(Failure::constraint(text, "VersionId", constraint));
    };
    if !policy.versions.contains_key(&number) {
        let message = format!("Policy {} version {text} does not exist or is not attachable.", policy.arn);
        return Err(no_such_entity(message));
    }
    Ok(number)
}

fn write_listed(xml: &mut Xml, policy: &Policy, number: u32) {
    xml.text("VersionId", format_args!("v{number}"))
        .text("IsDefaultVersion", number == policy.default_version)
        .text("CreateDate", &policy.versions[&number].create_date);
}

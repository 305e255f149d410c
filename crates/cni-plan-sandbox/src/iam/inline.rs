//! The inline policies of a role.

use super::{Answer, Call, encoded, names, no_such_entity, over_quota, paging::Page, roles};
use crate::policy::{check_identity_policy, significant_length};
use crate::wire::{Failure, Xml};
use crate::world::Account;

/// All of a role's inline policies together, in characters other than white space.
const MOST_CHARACTERS: usize = 10240;

pub(super) fn put(account: &mut Account, call: &Call<'_>) -> Answer {
    let name = names::policy_name(call.params)?;
    let document = call.params.required("PolicyDocument")?;
    let role = roles::find_mut(account, call)?;
    check_identity_policy(document)?;
    let others = role.inline.iter().filter(|(known, _)| *known != name);
    let held: usize = others.map(|(_, text)| significant_length(text)).sum();
    if held + significant_length(document) > MOST_CHARACTERS {
        return Err(over_quota("InlinePolicySizePerRole", MOST_CHARACTERS));
    }
    role.inline.insert(name.to_owned(), document.to_owned());
    Ok(Xml::new())
}

pub(super) fn get(account: &Account, call: &Call<'_>) -> Answer {
    let name = names::policy_name(call.params)?;
    let role = roles::find(account, call)?;
    let document = role.inline.get(name).ok_or_else(|| not_found(name))?;
    let mut xml = Xml::new();
    xml.text("RoleName", &role.name).text("PolicyName", name).text("PolicyDocument", encoded(document));
    Ok(xml)
}

pub(super) fn list(account: &Account, call: &Call<'_>) -> Answer {
    let role = roles::find(account, call)?;
    let page = Page::cut(call.params, role.inline.keys(), |name| (*name).clone())?;
    let mut xml = Xml::new();
    xml.list("PolicyNames", &page.items, |xml, name| xml.escape(name));
    page.close(&mut xml);
    Ok(xml)
}

pub(super) fn delete(account: &mut Account, call: &Call<'_>) -> Answer {
    let name = names::policy_name(call.params)?;
    match roles::find_mut(account, call)?.inline.remove(name) {
        Some(_) => Ok(Xml::new()),
        None => Err(not_found(name)),
    }
}

fn not_found(name: &str) -> Failure {
    no_such_entity(format!("The role policy with name {name} cannot be found."))
}

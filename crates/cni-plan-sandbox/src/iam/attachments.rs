//! Which managed policies are attached to which roles.

use super::{Answer, Call, names, no_such_entity, over_quota, paging::Page, policies, roles};
use crate::wire::Xml;
use crate::world::{Account, Role};

/// Attaching what is attached already succeeds and changes nothing.
pub(super) fn attach(account: &mut Account, call: &Call<'_>) -> Answer {
    let arn = names::policy_arn(call.params)?;
    let role = roles::find(account, call)?;
    if account.policy(arn).is_none() {
        return Err(no_such_entity(format!("Policy {arn} does not exist or is not attachable.")));
    }
    let limit = account.quotas.attached_policies_per_role;
    if role.attached.len() >= limit && !role.attached.contains(arn) {
        return Err(over_quota("PoliciesPerRole", limit));
    }
    roles::find_mut(account, call)?.attached.insert(arn.to_owned());
    Ok(Xml::new())
}

pub(super) fn detach(account: &mut Account, call: &Call<'_>) -> Answer {
    let arn = names::policy_arn(call.params)?;
    if !roles::find_mut(account, call)?.attached.remove(arn) {
        return Err(no_such_entity(format!("Policy {arn} was not found.")));
    }
    Ok(Xml::new())
}

pub(super) fn list(account: &Account, call: &Call<'_>) -> Answer {
    let role = roles::find(account, call)?;
    let prefix = call.params.get("PathPrefix").unwrap_or("/");
    let attached = role.attached.iter().filter(|arn| path_in_arn(arn).starts_with(prefix));
    let page = Page::cut(call.params, attached, |arn| (*arn).clone())?;
    let mut xml = Xml::new();
    xml.list("AttachedPolicies", &page.items, |xml, arn| {
        let name = arn.rsplit('/').next().unwrap_or(arn);
        xml.text("PolicyName", name).text("PolicyArn", arn);
    });
    page.close(&mut xml);
    Ok(xml)
}

/// Roles only: the sandbox has no users or groups, so those lists are empty.
pub(super) fn list_entities(account: &Account, call: &Call<'_>) -> Answer {
    let policy = policies::find(account, call)?;
    let params = call.params;
    let prefix = params.get("PathPrefix").unwrap_or("/");
    let wants_roles = matches!(params.get("EntityFilter").unwrap_or("Role"), "Role");
    let as_boundary = params.get("PolicyUsageFilter") == Some("PermissionsBoundary");
    let uses = |role: &&Role| {
        if as_boundary { role.boundary.as_ref() == Some(&policy.arn) } else { role.attached.contains(&policy.arn) }
    };
    let holders = account.roles.values().filter(uses).filter(|role| wants_roles && role.path.starts_with(prefix));
    let page = Page::cut(params, holders, |role| role.name.clone())?;
    let mut xml = Xml::new();
    xml.element("PolicyGroups", |_| {});
    xml.element("PolicyUsers", |_| {});
    xml.list("PolicyRoles", &page.items, |xml, role| {
        xml.text("RoleName", &role.name).text("RoleId", &role.role_id);
    });
    page.close(&mut xml);
    Ok(xml)
}

/// The path inside a policy's ARN: `/a/` of `arn:aws:iam::1:policy/a/name`.
fn path_in_arn(arn: &str) -> &str {
    let Some(start) = arn.find(":policy/").map(|at| at + ":policy".len()) else { return "/" };
    arn.rfind('/').map_or("/", |end| &arn[start..=end])
}

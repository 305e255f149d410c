//! Managed policies: the account's own, and AWS's, which every account sees and none can change.

use std::collections::BTreeMap;

use super::{Answer, Call, already_exists, delete_conflict, names, no_such_entity, over_quota};
use super::{attributes, paging::Page};
use crate::policy::{check_identity_policy, significant_length};
use crate::wire::{Failure, Xml, now};
use crate::world::{Account, Policy, PolicyVersion};

pub(super) fn create(account: &mut Account, call: &Call<'_>) -> Answer {
    let params = call.params;
    let name = names::policy_name(params)?;
    let path = names::path(params)?;
    let document = document(account, params.required("PolicyDocument")?)?;
    let mut tags = BTreeMap::new();
    attributes::add_tags(&mut tags, &params.tags())?;
    if account.policies.values().any(|policy| policy.name.eq_ignore_ascii_case(name)) {
        return Err(already_exists(format!("A policy called {name} already exists. Duplicate names are not allowed.")));
    }
    if account.policies.len() >= account.quotas.policies {
        return Err(over_quota("PoliciesPerAccount", account.quotas.policies));
    }
    let now = now();
    let policy = Policy {
        name: name.to_owned(),
        policy_id: account.new_id("ANPA"),
        path: path.to_owned(),
        arn: account.arn(&format!("policy{path}{name}")),
        description: params.get("Description").filter(|text| !text.is_empty()).map(str::to_owned),
        create_date: now.clone(),
        update_date: now.clone(),
        versions: BTreeMap::from([(1, PolicyVersion { document, create_date: now })]),
        default_version: 1,
        next_version: 2,
        tags,
    };
    let mut xml = Xml::new();
    // Without the description, and with tags only where there are some: so the command line
    // reference shows this answer.
    xml.element("Policy", |xml| {
        write_listed(xml, account, &policy);
        if !policy.tags.is_empty() {
            attributes::write_tags(xml, policy.tags.iter());
        }
    });
    account.policies.insert(policy.arn.clone(), policy);
    Ok(xml)
}

pub(super) fn get(account: &Account, call: &Call<'_>) -> Answer {
    let policy = find(account, call)?;
    let mut xml = Xml::new();
    xml.element("Policy", |xml| {
        write_listed(xml, account, policy);
        xml.optional("Description", policy.description.as_ref());
        attributes::write_tags(xml, policy.tags.iter());
    });
    Ok(xml)
}

pub(super) fn list(account: &Account, call: &Call<'_>) -> Answer {
    let params = call.params;
    let scope = params.get("Scope").unwrap_or("All");
    let (own, managed) = match scope {
        "All" => (true, true),
        "Local" => (true, false),
        "AWS" => (false, true),
        _ => {
            let constraint = "Member must satisfy enum value set: [AWS, Local, All]";
            return Err(Failure::constraint(scope, "Scope", constraint));
        }
    };
    let prefix = params.get("PathPrefix").unwrap_or("/");
    let only_attached = params.flag("OnlyAttached");
    let mut policies: Vec<&Policy> = account
        .every_policy()
        .filter(|policy| if account.policies.contains_key(&policy.arn) { own } else { managed })
        .filter(|policy| policy.path.starts_with(prefix))
        .filter(|policy| !only_attached || account.attachments_of(&policy.arn) > 0)
        .collect();
    policies.sort_by_key(|policy| listing_key(policy));
    let page = Page::cut(params, policies, |policy| listing_key(policy))?;
    let mut xml = Xml::new();
    // Listed policies come without their tags and description, as IAM documents.
    xml.list("Policies", &page.items, |xml, policy| write_listed(xml, account, policy));
    page.close(&mut xml);
    Ok(xml)
}

pub(super) fn delete(account: &mut Account, call: &Call<'_>) -> Answer {
    let policy = find_own(account, call)?;
    let (arn, versions) = (policy.arn.clone(), policy.versions.len());
    if account.attachments_of(&arn) > 0 || account.boundaries_of(&arn) > 0 {
        return Err(delete_conflict("Cannot delete a policy attached to entities."));
    }
    if versions > 1 {
        return Err(delete_conflict(
            "This policy has more than one version. Before you delete a policy, you must delete the policy's \
             versions. The default version is deleted with the policy.",
        ));
    }
    account.policies.remove(&arn);
    Ok(Xml::new())
}

/// The policy a call names, the account's own or AWS's.
pub(super) fn find<'a>(account: &'a Account, call: &Call<'_>) -> Result<&'a Policy, Failure> {
    let arn = names::policy_arn(call.params)?;
    account.policy(arn).ok_or_else(|| no_such_entity(format!("Policy {arn} was not found.")))
}

/// The policy a call names, to be changed: AWS's own are nobody's to change.
pub(super) fn find_own<'a>(account: &'a mut Account, call: &Call<'_>) -> Result<&'a mut Policy, Failure> {
    let arn = names::policy_arn(call.params)?;
    if !account.policies.contains_key(arn) && account.policy(arn).is_some() {
        let permission = format!("iam:{}", call.action);
        return Err(Failure::access_denied(&call.caller.arn, &permission, &format!("policy {arn}")));
    }
    account.policies.get_mut(arn).ok_or_else(|| no_such_entity(format!("Policy {arn} was not found.")))
}

/// A document fit to be a managed policy's version.
pub(super) fn document(account: &Account, text: &str) -> Result<String, Failure> {
    check_identity_policy(text)?;
    let limit = account.quotas.policy_length;
    if significant_length(text) > limit {
        return Err(over_quota("PolicySize", limit));
    }
    Ok(text.to_owned())
}

/// The account's own policies first, then AWS's, each by name.
fn listing_key(policy: &Policy) -> String {
    let managed = policy.arn.contains(":iam::aws:");
    format!("{}{}", u8::from(managed), policy.arn)
}

fn write_listed(xml: &mut Xml, account: &Account, policy: &Policy) {
    xml.text("PolicyName", &policy.name)
        .text("PolicyId", &policy.policy_id)
        .text("Arn", &policy.arn)
        .text("Path", &policy.path)
        .text("DefaultVersionId", format_args!("v{}", policy.default_version))
        .text("AttachmentCount", account.attachments_of(&policy.arn))
        .text("PermissionsBoundaryUsageCount", account.boundaries_of(&policy.arn))
        .text("IsAttachable", true)
        .text("CreateDate", &policy.create_date)
        .text("UpdateDate", &policy.update_date);
}

//! IAM: roles, managed and inline policies, attachments, OIDC providers, with IAM's own error codes,
//! limits, paging and quirks (documents come back URL-encoded; readers may lag behind writers, which
//! the world sees to).
//!
//! Each action is a function from an account and the call to the XML of its result. Readers get the
//! account shared, writers exclusively; a writer that fails has changed nothing. Nothing here does I/O.

mod attachments;
mod attributes;
mod inline;
pub(crate) mod managed;
mod names;
mod paging;
mod policies;
mod providers;
mod roles;
mod simulate;
mod summary;
mod versions;

use crate::wire::{Caller, Failure, Params, Xml};
use crate::world::{Account, World};

/// The namespace of IAM's answers.
pub(crate) const NAMESPACE: &str = "https://iam.amazonaws.com/doc/2010-05-08/";

/// One call of an IAM action.
pub(crate) struct Call<'a> {
    pub(crate) action: &'a str,
    pub(crate) caller: &'a Caller,
    pub(crate) params: &'a Params,
}

impl Call<'_> {
    /// What is asked, so far as answers to it may differ from one reader to the next.
    fn question(&self) -> String {
        const SUBJECTS: [&str; 4] = ["RoleName", "PolicyArn", "OpenIDConnectProviderArn", "PolicySourceArn"];
        let subjects = SUBJECTS.iter().filter_map(|name| self.params.get(name));
        std::iter::once(self.action).chain(subjects).collect::<Vec<_>>().join(" ")
    }
}

/// What an action answers with: the inside of its result element.
type Answer = Result<Xml, Failure>;

/// An action by how it uses the account.
enum Operation {
    Read(fn(&Account, &Call<'_>) -> Answer),
    Write(fn(&mut Account, &Call<'_>) -> Answer),
}

/// Answers one call; a change is on disk before this returns.
pub(crate) fn answer(world: &World, call: &Call<'_>) -> Answer {
    let caller = call.caller;
    match operation(call.action) {
        Some(Operation::Read(read)) => world.read_account(caller, &call.question(), |account| read(account, call)),
        Some(Operation::Write(write)) => world.write_account(caller, |account| write(account, call)),
        None => Err(Failure::new(
            400,
            "InvalidAction",
            format!("Could not find operation {} for version 2010-05-08", call.action),
        )),
    }
}

fn operation(action: &str) -> Option<Operation> {
    use Operation::{Read, Write};
    Some(match action {
        "CreateRole" => Write(roles::create),
        "GetRole" => Read(roles::get),
        "ListRoles" => Read(roles::list),
        "UpdateRole" => Write(roles::update),
        "UpdateRoleDescription" => Write(roles::update_description),
        "UpdateAssumeRolePolicy" => Write(roles::update_trust),
        "DeleteRole" => Write(roles::delete),
        "TagRole" => Write(attributes::tag_role),
        "UntagRole" => Write(attributes::untag_role),
        "ListRoleTags" => Read(attributes::list_role_tags),
        "PutRolePermissionsBoundary" => Write(attributes::put_boundary),
        "DeleteRolePermissionsBoundary" => Write(attributes::delete_boundary),

        "CreatePolicy" => Write(policies::create),
        "GetPolicy" => Read(policies::get),
        "ListPolicies" => Read(policies::list),
        "DeletePolicy" => Write(policies::delete),
        "TagPolicy" => Write(attributes::tag_policy),
        "UntagPolicy" => Write(attributes::untag_policy),
        "ListPolicyTags" => Read(attributes::list_policy_tags),
        "CreatePolicyVersion" => Write(versions::create),
        "GetPolicyVersion" => Read(versions::get),
        "ListPolicyVersions" => Read(versions::list),
        "DeletePolicyVersion" => Write(versions::delete),
        "SetDefaultPolicyVersion" => Write(versions::set_default),

        "AttachRolePolicy" => Write(attachments::attach),
        "DetachRolePolicy" => Write(attachments::detach),
        "ListAttachedRolePolicies" => Read(attachments::list),
        "ListEntitiesForPolicy" => Read(attachments::list_entities),

        "PutRolePolicy" => Write(inline::put),
        "GetRolePolicy" => Read(inline::get),
        "ListRolePolicies" => Read(inline::list),
        "DeleteRolePolicy" => Write(inline::delete),

        "CreateOpenIDConnectProvider" => Write(providers::create),
        "GetOpenIDConnectProvider" => Read(providers::get),
        "ListOpenIDConnectProviders" => Read(providers::list),
        "DeleteOpenIDConnectProvider" => Write(providers::delete),
        "AddClientIDToOpenIDConnectProvider" => Write(providers::add_client),
        "RemoveClientIDFromOpenIDConnectProvider" => Write(providers::remove_client),
        "UpdateOpenIDConnectProviderThumbprint" => Write(providers::update_thumbprints),
        "TagOpenIDConnectProvider" => Write(attributes::tag_provider),
        "UntagOpenIDConnectProvider" => Write(attributes::untag_provider),
        "ListOpenIDConnectProviderTags" => Read(attributes::list_provider_tags),

        "GetAccountSummary" => Read(summary::get),
        "SimulatePrincipalPolicy" => Read(simulate::principal),
        "SimulateCustomPolicy" => Read(simulate::custom),
        "ListInstanceProfilesForRole" => Read(summary::list_instance_profiles),
        _ => return None,
    })
}

/// The error for something that is not there.
fn no_such_entity(message: impl Into<String>) -> Failure {
    Failure::new(404, "NoSuchEntity", message)
}

/// The error for something that is there already.
fn already_exists(message: impl Into<String>) -> Failure {
    Failure::new(409, "EntityAlreadyExists", message)
}

/// The error for one of IAM's quotas.
fn over_quota(quota: &str, limit: usize) -> Failure {
    Failure::new(409, "LimitExceeded", format!("Cannot exceed quota for {quota}: {limit}"))
}

/// The error for something that others still hang on.
fn delete_conflict(message: impl Into<String>) -> Failure {
    Failure::new(409, "DeleteConflict", message)
}

/// A document as IAM returns it: percent-encoded by RFC 3986, so that only unreserved characters stay.
fn encoded(document: &str) -> String {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    utf8_percent_encode(document, RESERVED).to_string()
}

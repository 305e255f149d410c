//! What IAM says of the account as a whole, and the little it says of things the sandbox has none of.

use super::{Answer, Call, roles};
use crate::wire::Xml;
use crate::world::Account;

/// Counts and quotas, by the names IAM gives them.
pub(super) fn get(account: &Account, _call: &Call<'_>) -> Answer {
    let quotas = &account.quotas;
    let versions: usize = account.policies.values().map(|policy| policy.versions.len()).sum();
    let entries = [
        ("Roles", account.roles.len()),
        ("RolesQuota", quotas.roles),
        ("Policies", account.policies.len()),
        ("PoliciesQuota", quotas.policies),
        ("PolicySizeQuota", quotas.policy_length),
        ("PolicyVersionsInUse", versions),
        ("PolicyVersionsInUseQuota", 10_000),
        ("VersionsPerPolicyQuota", 5),
        ("AttachedPoliciesPerRoleQuota", quotas.attached_policies_per_role),
        ("AssumeRolePolicySizeQuota", quotas.trust_length),
        ("RolePolicySizeQuota", 10_240),
        ("Providers", account.oidc_providers.len()),
        ("Users", 0),
        ("Groups", 0),
        ("InstanceProfiles", 0),
    ];
    let mut xml = Xml::new();
    xml.element("SummaryMap", |xml| {
        for (key, value) in entries {
            xml.element("entry", |xml| {
                xml.text("key", key).text("value", value);
            });
        }
    });
    Ok(xml)
}

/// Always none; Terraform asks before it deletes a role.
pub(super) fn list_instance_profiles(account: &Account, call: &Call<'_>) -> Answer {
    roles::find(account, call)?;
    let mut xml = Xml::new();
    xml.element("InstanceProfiles", |_| {}).text("IsTruncated", false);
    Ok(xml)
}

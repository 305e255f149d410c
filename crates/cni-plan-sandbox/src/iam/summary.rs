//! What IAM says of the account as a whole, and the little it says of things the sandbox has none of.

use super::{Answer, Call, roles};
use crate::wire::Xml;
use crate::world::Account;

/// What the sandbox has none of, with the quotas that an account begins with (IAM User Guide, "IAM and
/// AWS STS quotas"; the names are those of GetAccountSummary's reference).
const OF_NOTHING: [(&str, usize); 22] = [
    ("AccessKeysPerUserQuota", 2),
    ("AccountAccessKeysPresent", 0),
    ("AccountMFAEnabled", 0),
    ("AccountPasswordPresent", 0),
    ("AccountSigningCertificatesPresent", 0),
    ("AttachedPoliciesPerGroupQuota", 10),
    ("AttachedPoliciesPerUserQuota", 10),
    ("GlobalEndpointTokenVersion", 1),
    ("GroupPolicySizeQuota", 5120),
    ("Groups", 0),
    ("GroupsPerUserQuota", 10),
    ("GroupsQuota", 300),
    ("InstanceProfiles", 0),
    ("InstanceProfilesQuota", 1000),
    ("MFADevices", 0),
    ("MFADevicesInUse", 0),
    ("ServerCertificates", 0),
    ("ServerCertificatesQuota", 20),
    ("SigningCertificatesPerUserQuota", 2),
    ("UserPolicySizeQuota", 2048),
    ("Users", 0),
    ("UsersQuota", 5000),
];

/// Counts and quotas, by the names IAM gives them.
pub(super) fn get(account: &Account, _call: &Call<'_>) -> Answer {
    let quotas = &account.quotas;
    let versions: usize = account.policies.values().map(|policy| policy.versions.len()).sum();
    let own = [
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
    ];
    let mut xml = Xml::new();
    xml.element("SummaryMap", |xml| {
        for (key, value) in own.into_iter().chain(OF_NOTHING) {
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

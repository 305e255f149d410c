//! Between IAM's policy with its versions and core's.

use aws_sdk_iam::types;
use cni_plan_core::{Policy, PolicyDocument, PolicyHistory};

use crate::known::Known;

/// The policy by its default version's document, or why IAM's answers are not one.
pub(super) fn from_wire(
    policy: types::Policy,
    versions: Vec<types::PolicyVersion>,
    default: &types::PolicyVersion,
) -> Result<Policy, String> {
    let arn = policy.arn.ok_or("the answer has no ARN")?;
    let name = policy.policy_name.ok_or("the answer has no name")?;
    let default_version = policy.default_version_id.ok_or("the answer names no default version")?;
    let mut versions: Vec<String> = versions.into_iter().filter_map(|version| version.version_id).collect();
    versions.sort_by_key(|version| number_of(version));
    Ok(Policy {
        arn,
        name,
        description: policy.description.filter(|description| !description.is_empty()),
        document: document_of(default)?,
        history: Some(PolicyHistory { default_version, versions }),
    })
}

/// A version's document, which comes URL-encoded (PolicyVersion: Document, RFC 3986).
pub(super) fn document_of(version: &types::PolicyVersion) -> Result<PolicyDocument, String> {
    let text = version.document.as_deref().ok_or("the answer has no document")?;
    PolicyDocument::parse(text).map_err(|error| format!("its document is {error}"))
}

/// Which versions a policy has is IAM's bookkeeping; what it says is what is wanted of it.
impl Known for Policy {
    fn fits(&self, found: &Policy) -> bool {
        self.is_reached_by(found) && (self.history.is_none() || self.history == found.history)
    }

    fn is_reached_by(&self, found: &Policy) -> bool {
        self.arn == found.arn && self.description == found.description && self.document == found.document
    }

    fn was_found(&self) -> bool {
        self.history.is_some()
    }
}

/// The path in a policy's ARN: `…:policy/path/name` has `/path/`, and most have `/`.
pub(super) fn path_of(arn: &str) -> &str {
    let resource = arn.split_once(":policy").map_or("/", |(_, resource)| resource);
    let end = resource.rfind('/').map_or(0, |at| at + 1);
    if end == 0 { "/" } else { &resource[..end] }
}

/// Versions are numbered from 1 and numbers never return; `v10` comes after `v9`.
pub(super) fn number_of(version: &str) -> u64 {
    version.strip_prefix('v').and_then(|number| number.parse().ok()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(id: &str) -> types::PolicyVersion {
        types::PolicyVersion::builder()
            .version_id(id)
            .document("%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%5D%7D")
            .build()
    }

    #[test]
    fn versions_are_in_the_order_they_were_made() {
        let policy = types::Policy::builder()
            .arn("arn:aws:iam::111122223333:policy/p")
            .policy_name("p")
            .default_version_id("v9")
            .build();
        let found = from_wire(policy, vec![version("v10"), version("v9"), version("v2")], &version("v9")).unwrap();
        let history = found.history.unwrap();
        assert_eq!(history.versions, ["v2", "v9", "v10"]);
        assert_eq!(history.default_version, "v9");
    }

    #[test]
    fn the_path_is_in_the_arn() {
        assert_eq!(path_of("arn:aws:iam::111122223333:policy/p"), "/");
        assert_eq!(path_of("arn:aws-cn:iam::111122223333:policy/team/cni/p"), "/team/cni/");
        assert_eq!(path_of("not an arn"), "/");
    }
}

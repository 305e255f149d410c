//! Between IAM's role and core's.

use std::collections::BTreeMap;

use aws_sdk_iam::types::{self, Tag};
use cni_plan_core::{PolicyDocument, Role};

use crate::known::Known;

/// The role, or why IAM's answer is not one. The trust document comes URL-encoded (GetRole:
/// AssumeRolePolicyDocument, RFC 3986). IAM shows a description that was taken off as empty.
pub(super) fn from_wire(role: types::Role) -> Result<Role, String> {
    let trust = role.assume_role_policy_document.ok_or("the answer has no trust document")?;
    let trust = PolicyDocument::parse(&trust).map_err(|error| format!("its trust document is {error}"))?;
    let tags: BTreeMap<String, String> =
        role.tags.unwrap_or_default().into_iter().map(|tag| (tag.key, tag.value)).collect();
    Ok(Role {
        name: role.role_name,
        path: role.path,
        trust,
        description: role.description.filter(|description| !description.is_empty()),
        permissions_boundary: role.permissions_boundary.and_then(|boundary| boundary.permissions_boundary_arn),
        tags,
        id: Some(role.role_id),
    })
}

/// One tag as IAM takes it.
pub(super) fn to_wire_tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build().expect("key and value are set")
}

/// Without its unique id, which IAM gives, a role may be any of that name that is otherwise the same.
impl Known for Role {
    fn fits(&self, found: &Role) -> bool {
        let id = self.id.as_ref().and(found.id.clone());
        Role { id, ..found.clone() } == *self
    }

    fn was_found(&self) -> bool {
        self.id.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_smithy_types::DateTime;

    const TRUST: &str = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C\
        %22Principal%22%3A%7B%22Service%22%3A%22ec2.amazonaws.com%22%7D%2C%22Action%22%3A%22sts%3AAssumeRole%22%7D%5D%7D";

    fn wire() -> types::builders::RoleBuilder {
        types::Role::builder()
            .path("/eks/")
            .role_name("r")
            .role_id("AROA1")
            .arn("arn:aws:iam::111122223333:role/eks/r")
            .create_date(DateTime::from_secs(0))
    }

    #[test]
    fn every_part_is_taken_over() {
        let boundary = types::AttachedPermissionsBoundary::builder().permissions_boundary_arn("arn:b").build();
        let role = wire()
            .assume_role_policy_document(TRUST)
            .description("")
            .permissions_boundary(boundary)
            .tags(to_wire_tag("team", "platform"));
        let role = from_wire(role.build().unwrap()).unwrap();
        assert_eq!((role.name.as_str(), role.path.as_str(), role.id.as_deref()), ("r", "/eks/", Some("AROA1")));
        assert_eq!(role.trust.statements()[0].as_written()["Principal"]["Service"], "ec2.amazonaws.com");
        assert_eq!(role.description, None, "an empty description is none");
        assert_eq!(role.permissions_boundary.as_deref(), Some("arn:b"));
        assert_eq!(role.tags["team"], "platform");
    }

    #[test]
    fn a_role_without_a_readable_trust_is_refused() {
        assert!(from_wire(wire().build().unwrap()).is_err());
        let error = from_wire(wire().assume_role_policy_document("%7B").build().unwrap()).unwrap_err();
        assert!(error.contains("trust document"), "{error}");
    }
}

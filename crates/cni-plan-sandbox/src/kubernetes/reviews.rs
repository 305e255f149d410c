//! Questions that a caller asks about itself, answered and not kept: who am I, may I.
//!
//! Everybody may do everything here; refusals are the faults' part, outside this module.

use serde_json::{Value, json};

/// A kind of review.
pub(super) struct Review {
    pub(super) group: &'static str,
    pub(super) version: &'static str,
    pub(super) plural: &'static str,
    pub(super) kind: &'static str,
}

/// Every kind of review.
pub(super) static REVIEWS: [Review; 2] = [
    Review { group: "authentication.k8s.io", version: "v1", plural: "selfsubjectreviews", kind: "SelfSubjectReview" },
    Review {
        group: "authorization.k8s.io",
        version: "v1",
        plural: "selfsubjectaccessreviews",
        kind: "SelfSubjectAccessReview",
    },
];

/// The review that a path leads to.
pub(super) fn find(path: &str) -> Option<&'static Review> {
    REVIEWS.iter().find(|review| path == format!("/apis/{}/{}/{}", review.group, review.version, review.plural))
}

impl Review {
    /// The answer to a review.
    pub(super) fn answer(&self, asked: &Value) -> Value {
        let status = match self.kind {
            "SelfSubjectReview" => {
                json!({ "userInfo": { "username": "sandbox", "groups": ["system:authenticated", "system:masters"] } })
            }
            _ => json!({ "allowed": true, "reason": "the sandbox lets everybody do everything" }),
        };
        json!({
            "kind": self.kind,
            "apiVersion": format!("{}/{}", self.group, self.version),
            "metadata": { "creationTimestamp": null },
            "spec": asked["spec"],
            "status": status,
        })
    }
}

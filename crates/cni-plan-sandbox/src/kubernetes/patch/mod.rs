//! The four kinds of PATCH: which one a request is, and what the body is.
//!
//! Each kind is a pure function from the live object and the patch to the patched object; storing it
//! is [`super::write`]'s.

pub(super) mod apply;
mod json_patch;
mod merge;
mod strategic;

use serde_json::Value;

use super::status::ApiError;

/// The media types of [`PatchKind`], as a refusal lists them.
const MEDIA_TYPES: [&str; 4] = [
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
];

/// How a patch's body is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PatchKind {
    /// RFC 6902.
    Json,
    /// RFC 7386.
    Merge,
    /// A merge that knows the keys of lists.
    Strategic,
    /// Server-side apply.
    Apply,
}

impl PatchKind {
    /// The kind that a Content-Type means.
    pub(super) fn of(content_type: &str) -> Result<PatchKind, ApiError> {
        match content_type.split(';').next().unwrap_or_default().trim() {
            "application/json-patch+json" => Ok(PatchKind::Json),
            "application/merge-patch+json" => Ok(PatchKind::Merge),
            "application/strategic-merge-patch+json" => Ok(PatchKind::Strategic),
            "application/apply-patch+yaml" | "application/apply-patch+json" => Ok(PatchKind::Apply),
            _ => Err(ApiError::unsupported_media_type(&MEDIA_TYPES)),
        }
    }

    /// Reads the body: JSON, and for an apply YAML too.
    pub(super) fn read(self, body: &[u8]) -> Result<Value, ApiError> {
        let error = match serde_json::from_slice(body) {
            Ok(patch) => return Ok(patch),
            Err(error) => error,
        };
        let yaml = (self == PatchKind::Apply).then(|| std::str::from_utf8(body).ok()).flatten();
        match yaml {
            Some(text) => serde_yaml::from_str(text)
                .map_err(|error| ApiError::bad_request(format!("error decoding YAML: {error}"))),
            None => Err(ApiError::bad_request(format!("error decoding patch: {error}"))),
        }
    }

    /// The live object, patched. An apply is not for here: it needs to know who owns what.
    pub(super) fn carry_out(self, live: &Value, patch: &Value) -> Result<Value, ApiError> {
        match self {
            PatchKind::Json => json_patch::patched(live, patch),
            PatchKind::Merge | PatchKind::Strategic if !patch.is_object() => {
                Err(ApiError::bad_request("error decoding patch: it must be an object"))
            }
            PatchKind::Merge => Ok(merge::patched(live, patch)),
            PatchKind::Strategic => strategic::patched(live, patch),
            PatchKind::Apply => Ok(apply::merged(live, patch)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_content_type_says_the_kind() {
        assert_eq!(PatchKind::of("application/merge-patch+json; charset=utf-8").unwrap(), PatchKind::Merge);
        assert!(PatchKind::of("application/json").is_err());
    }

    #[test]
    fn an_apply_may_be_yaml() {
        let body = b"apiVersion: v1\nkind: ConfigMap\ndata:\n  on: \"false\"\n  n: '1'\n";
        let config = PatchKind::Apply.read(body).unwrap();
        assert_eq!(config["data"], json!({ "on": "false", "n": "1" }));
        assert!(PatchKind::Merge.read(body).is_err());
    }
}

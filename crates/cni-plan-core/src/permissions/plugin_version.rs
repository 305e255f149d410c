//! The plugin's version, as an add-on, a release or an image tag gives it.

use std::fmt;
use std::str::FromStr;

/// A version of the plugin, ordered as it was released.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PluginVersion {
    major: u32,
    minor: u32,
    patch: u32,
    /// N of `-eksbuild.N`: EKS builds a release again. None comes before the first.
    build: Option<u32>,
}

/// Why a text is not a version of the plugin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a version of the plugin, such as v1.20.0-eksbuild.1")]
pub struct PluginVersionError(String);

impl PluginVersion {
    /// A release, before any build of EKS.
    pub const fn new(major: u32, minor: u32, patch: u32) -> PluginVersion {
        PluginVersion { major, minor, patch, build: None }
    }

    /// The release that it is a build of.
    #[must_use]
    pub const fn release(self) -> PluginVersion {
        PluginVersion { build: None, ..self }
    }
}

impl FromStr for PluginVersion {
    type Err = PluginVersionError;

    /// Reads `v1.20.0-eksbuild.1` (an add-on's version), `1.10.1`, or an image with such a tag and
    /// perhaps a digest. A release candidate or an image by digest alone is an error: what it can do is
    /// not known.
    fn from_str(text: &str) -> Result<PluginVersion, PluginVersionError> {
        let error = || PluginVersionError(text.to_owned());
        let image = text.split_once('@').map_or(text, |(image, _)| image);
        let tag = image.rsplit_once(':').map_or(image, |(_, tag)| tag);
        let version = tag.strip_prefix('v').unwrap_or(tag);
        let (release, build) = match version.split_once("-eksbuild.") {
            Some((release, build)) => (release, Some(number(build).ok_or_else(error)?)),
            None => (version, None),
        };
        let numbers: Option<Vec<u32>> = release.split('.').map(number).collect();
        match numbers.as_deref() {
            Some(&[major, minor, patch]) => Ok(PluginVersion { major, minor, patch, build }),
            _ => Err(error()),
        }
    }
}

impl fmt::Display for PluginVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}.{}.{}", self.major, self.minor, self.patch)?;
        self.build.map_or(Ok(()), |build| write!(f, "-eksbuild.{build}"))
    }
}

/// Digits alone: `parse` takes a sign too.
fn number(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_wherever_they_stand() {
        const REPOSITORY: &str = "602401143452.dkr.ecr.us-west-2.amazonaws.com/amazon-k8s-cni";
        for (text, expected) in [
            ("v1.20.0-eksbuild.1", "v1.20.0-eksbuild.1"),
            ("1.10.1", "v1.10.1"),
            ("v1.22.1", "v1.22.1"),
            (&format!("{REPOSITORY}:v1.19.2-eksbuild.5"), "v1.19.2-eksbuild.5"),
            (&format!("{REPOSITORY}:v1.19.2@sha256:0a1b"), "v1.19.2"),
            ("localhost:5000/amazon-k8s-cni:v1.19.2", "v1.19.2"),
        ] {
            assert_eq!(text.parse::<PluginVersion>().unwrap().to_string(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_version_is_refused() {
        for text in [
            "",
            "v",
            "latest",
            "v1.20",
            "v1.20.0.1",
            "v1.20.x",
            "v1.20.0-rc1",
            "v1.20.0-eksbuild.",
            "v1.+2.0",
            "v1..0",
            "v1.20.99999999999",
            "localhost:5000/amazon-k8s-cni",
            "amazon-k8s-cni@sha256:0a1b",
        ] {
            assert!(text.parse::<PluginVersion>().is_err(), "{text}");
        }
    }

    #[test]
    fn versions_are_ordered_by_number_and_then_by_build() {
        let ordered = [
            "1.7.10",
            "v1.9.0",
            "v1.10.1",
            "v1.18.0",
            "v1.22.1",
            "v1.22.1-eksbuild.1",
            "v1.22.1-eksbuild.2",
            "v1.22.1-eksbuild.10",
            "v1.22.2",
            "v2.0.0",
        ];
        let versions: Vec<PluginVersion> = ordered.iter().map(|text| text.parse().unwrap()).collect();
        assert!(versions.is_sorted_by(|one, other| one < other));
        assert_eq!(versions[7].release(), versions[4]);
    }
}

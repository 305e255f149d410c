//! Which add-ons there are and in which versions: as many as the migration meets.

use serde_json::{Value, json};

use super::{Request, paging};
use crate::wire::Failure;

/// The Kubernetes version of the sandbox's clusters, for which the first version is the default.
const KUBERNETES: &str = "1.33";

/// An add-on with its versions, the default one first.
type Versions = (&'static str, &'static [&'static str]);

const KNOWN: [Versions; 4] = [
    ("coredns", &["v1.12.1-eksbuild.2"]),
    ("eks-pod-identity-agent", &["v1.3.8-eksbuild.2", "v1.3.4-eksbuild.1"]),
    ("kube-proxy", &["v1.33.0-eksbuild.2"]),
    (
        "vpc-cni",
        &[
            "v1.23.1-eksbuild.1",
            "v1.22.1-eksbuild.1",
            "v1.20.0-eksbuild.1",
            "v1.19.0-eksbuild.1",
            "v1.15.5-eksbuild.1",
            "v1.15.4-eksbuild.1",
        ],
    ),
];

pub(super) fn is_known(addon: &str) -> bool {
    KNOWN.iter().any(|(name, _)| *name == addon)
}

pub(super) fn has(addon: &str, version: &str) -> bool {
    KNOWN.iter().any(|(name, versions)| *name == addon && versions.contains(&version))
}

pub(super) fn default_of(addon: &str) -> &'static str {
    KNOWN
        .iter()
        .find(|(name, _)| *name == addon)
        .and_then(|(_, versions)| versions.first())
        .copied()
        .unwrap_or_default()
}

/// DescribeAddonVersions.
pub(super) fn describe(request: &Request<'_>) -> Result<Value, Failure> {
    let (addon, kubernetes) = (request.params.get("addonName"), request.params.get("kubernetesVersion"));
    let names = KNOWN.iter().map(|(name, _)| (*name).to_owned());
    let names = names.filter(|name| addon.is_none_or(|addon| addon == name));
    let page = paging::cut(request.params, names.filter(|_| kubernetes.is_none_or(|wanted| wanted == KUBERNETES)))?;
    let shown = KNOWN.iter().filter(|(name, _)| page.names.iter().any(|shown| shown == name)).map(described);
    Ok(json!({ "addons": shown.collect::<Vec<_>>(), "nextToken": page.next_token }))
}

fn described((name, versions): &Versions) -> Value {
    let version = |(index, version): (usize, &&str)| {
        json!({
            "addonVersion": version,
            "architecture": ["amd64", "arm64"],
            "computeTypes": ["ec2"],
            "compatibilities": [
                { "clusterVersion": KUBERNETES, "platformVersions": ["*"], "defaultVersion": index == 0 },
            ],
            "requiresConfiguration": false,
            "requiresIamPermissions": *name == "vpc-cni",
        })
    };
    json!({
        "addonName": name,
        "type": "networking",
        "owner": "aws",
        "publisher": "eks",
        "addonVersions": versions.iter().enumerate().map(version).collect::<Vec<_>>(),
    })
}

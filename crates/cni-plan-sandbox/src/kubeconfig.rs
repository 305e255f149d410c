//! The kubeconfig that leads real clients to the clusters of a sandbox.

use serde_json::{Value, json};

use crate::world::{EksCluster, World};

/// YAML with one context a cluster. Written as JSON, which is YAML too and needs no quoting rules.
pub(crate) fn write(world: &World) -> String {
    let clusters = world.clusters();
    let clusters: Vec<_> = clusters.iter().map(|cluster| cluster.eks()).collect();
    let all: Vec<&EksCluster> = clusters.iter().map(|cluster| &**cluster).collect();
    let names: Vec<String> = all.iter().map(|cluster| context_name(cluster, &all)).collect();
    let entries = |entry: &dyn Fn(&str, &EksCluster) -> Value| -> Vec<Value> {
        names.iter().zip(&all).map(|(name, cluster)| entry(name, cluster)).collect()
    };
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": entries(&|name, cluster| {
            json!({ "name": name, "cluster": { "server": cluster.endpoint(world.base_url()) } })
        }),
        "users": [{ "name": "sandbox", "user": { "token": "sandbox" } }],
        "contexts": entries(&|name, _| json!({ "name": name, "context": { "cluster": name, "user": "sandbox" } })),
        "current-context": names.first().map_or("", String::as_str),
        "preferences": {},
    });
    format!("{config:#}\n")
}

/// The cluster's name; with its region where the name alone would be ambiguous.
fn context_name(cluster: &EksCluster, all: &[&EksCluster]) -> String {
    let alone = all.iter().filter(|other| other.name == cluster.name).count() == 1;
    if alone { cluster.name.clone() } else { format!("{}/{}", cluster.region, cluster.name) }
}

//! Access entries: which principals may come to a cluster, and as what.
//!
//! EKS makes the entries of managed node groups' roles itself; here they are worked out rather than
//! kept, and can be neither changed nor deleted. Access policies are not kept.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::addons::now;
use super::{Request, conflict_failure, invalid_parameter, not_found, paging};
use crate::options::AuthenticationMode;
use crate::wire::{Failure, short_id};
use crate::world::{AccessEntry, EksCluster};

/// What an entry may be for. Only `STANDARD` ones may say their own user name and groups.
const TYPES: [&str; 7] =
    ["EC2", "EC2_LINUX", "EC2_WINDOWS", "FARGATE_LINUX", "HYBRID_LINUX", "HYPERPOD_LINUX", "STANDARD"];

pub(super) fn list(request: &Request<'_>, cluster: &str) -> Result<Value, Failure> {
    let eks = request.cluster(cluster)?.eks();
    check_mode(&eks)?;
    // No policy is associated with any entry here.
    let all = if request.params.get("associatedPolicyArn").is_some() { BTreeMap::new() } else { entries(&eks) };
    let page = paging::cut(request.params, all.into_keys())?;
    Ok(json!({ "accessEntries": page.names, "nextToken": page.next_token }))
}

pub(super) fn describe(request: &Request<'_>, cluster: &str, principal: &str) -> Result<Value, Failure> {
    let eks = request.cluster(cluster)?.eks();
    check_mode(&eks)?;
    match entries(&eks).get(principal) {
        Some(entry) => Ok(json!({ "accessEntry": described(&eks, entry) })),
        None => Err(no_entry()),
    }
}

pub(super) fn create(request: &Request<'_>, cluster: &str) -> Result<Value, Failure> {
    let cluster = request.cluster(cluster)?;
    let body = request.body()?;
    check_mode(&cluster.eks())?;
    let principal = body.required("principalArn")?.to_owned();
    if !principal.starts_with("arn:") || !principal.contains(":iam::") {
        return Err(invalid_parameter("The specified principalArn is invalid: invalid principal.".to_owned()));
    }
    let kind = body.text("type")?.unwrap_or("STANDARD").to_owned();
    if !TYPES.contains(&kind.as_str()) {
        return Err(invalid_parameter(format!("The access entry type {kind} is not one of {}", TYPES.join(", "))));
    }
    let (groups, username) = (body.texts("kubernetesGroups")?, body.text("username")?);
    check_identity(&kind, &groups, username)?;
    let (named, tags) = (entry(&principal, &kind, now()), body.tags()?);
    request.world.write_eks(&cluster, |eks| {
        if entries(eks).contains_key(&principal) {
            let message = "The specified access entry resource is already in use on this cluster.";
            return Err(conflict_failure(message.to_owned()));
        }
        let kubernetes_groups = if kind == "STANDARD" { groups } else { named.kubernetes_groups.clone() };
        let username = username.map_or(named.username.clone(), str::to_owned);
        let entry = AccessEntry { kubernetes_groups, username, tags, ..named };
        let answer = json!({ "accessEntry": described(eks, &entry) });
        eks.access_entries.insert(principal, entry);
        Ok(answer)
    })
}

/// What is not sent stays; an empty list of groups takes them away.
pub(super) fn update(request: &Request<'_>, cluster: &str, principal: &str) -> Result<Value, Failure> {
    let cluster = request.cluster(cluster)?;
    let body = request.body()?;
    check_mode(&cluster.eks())?;
    let groups = body.list("kubernetesGroups")?.map(|_| body.texts("kubernetesGroups")).transpose()?;
    let username = body.text("username")?;
    request.world.write_eks(&cluster, |eks| {
        let found = entries(eks).remove(principal).ok_or_else(no_entry)?;
        check_identity(&found.kind, groups.as_deref().unwrap_or_default(), username)?;
        let entry = AccessEntry {
            kubernetes_groups: groups.unwrap_or(found.kubernetes_groups),
            username: username.map_or(found.username, str::to_owned),
            modified_at: now(),
            ..found
        };
        let answer = json!({ "accessEntry": described(eks, &entry) });
        // Those of node groups are not kept, and there is nothing of theirs that could be changed.
        eks.access_entries.entry(principal.to_owned()).and_modify(|kept| *kept = entry);
        Ok(answer)
    })
}

pub(super) fn delete(request: &Request<'_>, cluster: &str, principal: &str) -> Result<Value, Failure> {
    let cluster = request.cluster(cluster)?;
    check_mode(&cluster.eks())?;
    request.world.write_eks(&cluster, |eks| match eks.access_entries.remove(principal) {
        Some(_) => Ok(json!({})),
        None => Err(no_entry()),
    })
}

/// An entry as EKS fills it in for its type.
pub(crate) fn entry(principal: &str, kind: &str, created_at: i64) -> AccessEntry {
    let groups: &[&str] = match kind {
        "EC2_WINDOWS" => &["system:nodes", "eks:kube-proxy-windows"],
        "EC2_LINUX" | "HYPERPOD_LINUX" | "HYBRID_LINUX" | "EC2" => &["system:nodes"],
        "FARGATE_LINUX" => &["system:bootstrappers", "system:nodes", "system:node-proxier"],
        _ => &[],
    };
    let username = match kind {
        "EC2_LINUX" | "EC2_WINDOWS" => "system:node:{{EC2PrivateDNSName}}",
        "EC2" | "HYPERPOD_LINUX" | "HYBRID_LINUX" | "FARGATE_LINUX" => "system:node:{{SessionName}}",
        _ => principal,
    };
    AccessEntry {
        principal_arn: principal.to_owned(),
        kind: kind.to_owned(),
        kubernetes_groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        username: username.to_owned(),
        created_at,
        modified_at: created_at,
        tags: BTreeMap::new(),
    }
}

/// Every entry by its principal, those of managed node groups included.
fn entries(eks: &EksCluster) -> BTreeMap<String, AccessEntry> {
    let own = eks.nodegroups.values().map(|group| {
        let entry = entry(&group.node_role, "EC2_LINUX", eks.created_at);
        (group.node_role.clone(), entry)
    });
    let kept = eks.access_entries.iter().map(|(arn, entry)| (arn.clone(), entry.clone()));
    own.chain(kept).collect()
}

fn described(eks: &EksCluster, entry: &AccessEntry) -> Value {
    let principal = &entry.principal_arn;
    let owner = principal.split(':').nth(4).unwrap_or_default();
    let (kind, name) = principal.rsplit(':').next().and_then(|end| end.split_once('/')).unwrap_or(("root", owner));
    let name = name.rsplit('/').next().unwrap_or(name);
    let id = short_id(principal, 32);
    let resource = format!("access-entry/{}/{kind}/{owner}/{name}/{id}", eks.name);
    json!({
        "clusterName": eks.name,
        "principalArn": principal,
        "kubernetesGroups": entry.kubernetes_groups,
        "accessEntryArn": eks.arn_of(&resource),
        "createdAt": entry.created_at,
        "modifiedAt": entry.modified_at.max(entry.created_at),
        "tags": entry.tags,
        "username": entry.username,
        "type": entry.kind,
    })
}

/// Only an entry of type `STANDARD` says its own user name and groups.
fn check_identity(kind: &str, groups: &[String], username: Option<&str>) -> Result<(), Failure> {
    if kind == "STANDARD" || (groups.is_empty() && username.is_none()) {
        return Ok(());
    }
    let message = format!("An access entry of type {kind} can have no username and no kubernetesGroups");
    Err(invalid_parameter(message))
}

fn check_mode(eks: &EksCluster) -> Result<(), Failure> {
    if eks.authentication_mode != AuthenticationMode::ConfigMap {
        return Ok(());
    }
    let message = "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform \
                   this operation.";
    Err(Failure::new(400, "InvalidRequestException", message))
}

fn no_entry() -> Failure {
    let message = "The specified principalArn could not be found. You can view your available access entries with \
                   'aws eks list-access-entries'.";
    not_found(message.to_owned())
}

//! Add-ons: described, created, updated, deleted. A change is accepted at once and over later, when
//! [`super::pending`] carries it out.
//!
//! What DescribeAddon shows of a change's values it shows once the change has succeeded: of one that
//! fails nothing but the status and the issues remain.

use serde_json::{Value, json};

use super::request::Body;
use super::{Request, conflict_failure, invalid_parameter, not_found, paging, pending, versions};
use crate::wire::Failure;
use crate::world::{Addon, EksCluster, Pending, PendingKind, ResolveConflicts, Update, WantedAddon};

/// The longest an ARN may be.
const LONGEST_ARN: usize = 255;

pub(super) fn list(request: &Request<'_>, cluster: &str) -> Result<Value, Failure> {
    let eks = request.cluster(cluster)?.eks();
    let page = paging::cut(request.params, eks.addons.keys().cloned())?;
    Ok(json!({ "addons": page.names, "nextToken": page.next_token }))
}

pub(super) fn describe(request: &Request<'_>, cluster: &str, addon: &str) -> Result<Value, Failure> {
    let eks = request.cluster(cluster)?.eks();
    let state = eks.addons.get(addon).ok_or_else(|| no_addon(addon, &eks))?;
    Ok(json!({ "addon": described(&eks, addon, state) }))
}

pub(super) fn create(request: &Request<'_>, cluster: &str) -> Result<Value, Failure> {
    let cluster = request.cluster(cluster)?;
    let body = request.body()?;
    let name = body.required("addonName")?.to_owned();
    if !versions::is_known(&name) {
        return Err(invalid_parameter(format!("Addon {name} specified is not supported")));
    }
    let mut wanted = wanted(&body, &name, request)?;
    let version = wanted.addon_version.take().unwrap_or_else(|| versions::default_of(&name).to_owned());
    let tags = body.tags()?;
    let due = pending::due(request.world);
    let (answer, key) = request.world.write_eks(&cluster, |eks| {
        if eks.addons.contains_key(&name) {
            return Err(conflict_failure("Addon already exists.".to_owned()));
        }
        let now = now();
        let addon = Addon {
            status: "CREATING".to_owned(),
            addon_version: version,
            issues: Vec::new(),
            created_at: now,
            modified_at: now,
            service_account_role_arn: wanted.service_account_role_arn.clone(),
            tags,
            configuration_values: wanted.configuration_values.clone(),
            pending: Some(Pending { kind: PendingKind::Create, due, fails: request.fails_later, wanted }),
        };
        let answer = json!({ "addon": described(eks, &name, &addon) });
        eks.addons.insert(name.clone(), addon);
        Ok((answer, eks.key()))
    })?;
    pending::await_end(request.world, key, name, due);
    Ok(answer)
}

pub(super) fn update(request: &Request<'_>, cluster: &str, name: &str) -> Result<Value, Failure> {
    let cluster = request.cluster(cluster)?;
    let body = request.body()?;
    if !cluster.eks().addons.contains_key(name) {
        return Err(no_addon(name, &cluster.eks()));
    }
    let wanted = wanted(&body, name, request)?;
    let token = body.text("clientRequestToken")?.map(str::to_owned);
    let params = update_params(&body);
    let due = pending::due(request.world);
    let (answer, begun) = request.world.write_eks(&cluster, |eks| {
        let asked_before = |update: &&Update| update.addon == name && update.client_request_token == token;
        if token.is_some()
            && let Some((id, update)) = eks.addon_updates.iter().find(|(_, update)| asked_before(update))
        {
            return Ok((json!({ "update": described_update(id, update) }), None));
        }
        let id = uuid(&eks.new_id(32));
        let addon = eks.addons.get_mut(name).ok_or_else(|| not_found(format!("No addon: {name} found")))?;
        refuse_while_changing(name, addon)?;
        addon.status = "UPDATING".to_owned();
        addon.issues.clear();
        addon.modified_at = now();
        let kind = PendingKind::Update { id: id.clone() };
        addon.pending = Some(Pending { kind, due, fails: request.fails_later, wanted });
        let update = Update {
            addon: name.to_owned(),
            status: "InProgress".to_owned(),
            params,
            created_at: now(),
            errors: Vec::new(),
            client_request_token: token.clone(),
        };
        let answer = json!({ "update": described_update(&id, &update) });
        eks.addon_updates.insert(id, update);
        Ok((answer, Some(eks.key())))
    })?;
    if let Some(key) = begun {
        pending::await_end(request.world, key, name.to_owned(), due);
    }
    Ok(answer)
}

pub(super) fn delete(request: &Request<'_>, cluster: &str, name: &str) -> Result<Value, Failure> {
    let cluster = request.cluster(cluster)?;
    let preserve = request.params.flag("preserve");
    let due = pending::due(request.world);
    let (answer, key) = request.world.write_eks(&cluster, |eks| {
        let Some(addon) = eks.addons.get_mut(name) else { return Err(no_addon(name, eks)) };
        refuse_while_changing(name, addon)?;
        addon.status = "DELETING".to_owned();
        addon.modified_at = now();
        let kind = PendingKind::Delete { preserve };
        addon.pending = Some(Pending { kind, due, fails: request.fails_later, wanted: WantedAddon::default() });
        let addon = addon.clone();
        Ok((json!({ "addon": described(eks, name, &addon) }), eks.key()))
    })?;
    pending::await_end(request.world, key, name.to_owned(), due);
    Ok(answer)
}

pub(super) fn list_updates(request: &Request<'_>, cluster: &str) -> Result<Value, Failure> {
    let eks = request.cluster(cluster)?.eks();
    let addon = request.params.get("addonName");
    if let Some(addon) = addon.filter(|addon| !eks.addons.contains_key(*addon)) {
        return Err(no_addon(addon, &eks));
    }
    // Without an add-on or a node group the question is about the cluster's own updates: it has none.
    let mine = eks.addon_updates.iter().filter(|(_, update)| addon == Some(update.addon.as_str()));
    let page = paging::cut(request.params, mine.map(|(id, _)| id.clone()))?;
    Ok(json!({ "updateIds": page.names, "nextToken": page.next_token }))
}

pub(super) fn describe_update(request: &Request<'_>, cluster: &str, id: &str) -> Result<Value, Failure> {
    let eks = request.cluster(cluster)?.eks();
    let addon = request.params.get("addonName");
    match eks.addon_updates.get(id).filter(|update| addon == Some(update.addon.as_str())) {
        Some(update) => Ok(json!({ "update": described_update(id, update) })),
        None => Err(not_found(format!("No update found for ID: {id}"))),
    }
}

/// `addon` of DescribeAddon.
pub(super) fn described(eks: &EksCluster, name: &str, addon: &Addon) -> Value {
    let arn = eks.addon_arn(name);
    let mut described = json!({
        "addonName": name,
        "clusterName": eks.name,
        "status": addon.status,
        "addonVersion": addon.addon_version,
        "health": { "issues": addon.issues },
        "addonArn": arn,
        "createdAt": addon.created_at,
        "modifiedAt": addon.modified_at,
        "tags": addon.tags,
        "owner": "aws",
        "publisher": "eks",
    });
    if let Some(role) = &addon.service_account_role_arn {
        described["serviceAccountRoleArn"] = json!(role);
    }
    if let Some(values) = &addon.configuration_values {
        described["configurationValues"] = json!(values);
    }
    let owned = eks.pod_identity_associations.iter().filter(|(_, one)| one.owner_arn.as_ref() == Some(&arn));
    let owned: Vec<String> = owned.map(|(id, _)| eks.association_arn(id)).collect();
    if !owned.is_empty() {
        described["podIdentityAssociations"] = json!(owned);
    }
    described
}

fn described_update(id: &str, update: &Update) -> Value {
    json!({
        "id": id,
        "status": update.status,
        "type": "AddonUpdate",
        "params": update.params,
        "createdAt": update.created_at,
        "errors": update.errors,
    })
}

/// What the caller asks for, checked as far as EKS checks before it accepts.
fn wanted(body: &Body, addon: &str, request: &Request<'_>) -> Result<WantedAddon, Failure> {
    let version = body.text("addonVersion")?;
    if version.is_some_and(|version| !versions::has(addon, version)) {
        return Err(invalid_parameter("Addon version specified is not supported".to_owned()));
    }
    let role = body.text("serviceAccountRoleArn")?;
    if let Some(role) = role {
        check_role_arn("serviceAccountRoleArn", role, &request.caller.account)?;
    }
    let values = body.text("configurationValues")?;
    if let Some(values) = values.filter(|values| !values.trim().is_empty()) {
        // JSON is YAML too.
        let parsed: Result<Value, _> = serde_yaml::from_str(values);
        if !parsed.is_ok_and(|parsed| parsed.is_object()) {
            let message = "ConfigurationValue provided in request is not supported: it is neither JSON nor YAML \
                           of an object";
            return Err(invalid_parameter(message.to_owned()));
        }
    }
    let resolve_conflicts = match body.text("resolveConflicts")? {
        None | Some("NONE") => ResolveConflicts::None,
        Some("OVERWRITE") => ResolveConflicts::Overwrite,
        Some("PRESERVE") => ResolveConflicts::Preserve,
        Some(other) => {
            return Err(invalid_parameter(format!(
                "resolveConflicts must be one of OVERWRITE, NONE, PRESERVE, not {other}"
            )));
        }
    };
    let associations = body.list("podIdentityAssociations")?.map(|list| {
        list.iter()
            .map(|one| {
                let text = |field: &str| one[field].as_str().filter(|text| !text.is_empty());
                let (Some(service_account), Some(role)) = (text("serviceAccount"), text("roleArn")) else {
                    let message = "Each of podIdentityAssociations must have a serviceAccount and a roleArn";
                    return Err(invalid_parameter(message.to_owned()));
                };
                check_role_arn("roleArn", role, &request.caller.account)?;
                Ok((service_account.to_owned(), role.to_owned()))
            })
            .collect::<Result<Vec<_>, Failure>>()
    });
    Ok(WantedAddon {
        addon_version: version.map(str::to_owned),
        service_account_role_arn: role.map(str::to_owned),
        configuration_values: values.map(str::to_owned),
        pod_identity_associations: associations.transpose()?,
        resolve_conflicts,
    })
}

/// A role's ARN in the caller's account. Whether the role is there EKS does not ask.
pub(super) fn check_role_arn(parameter: &str, arn: &str, account: &str) -> Result<(), Failure> {
    if arn.is_empty() || arn.len() > LONGEST_ARN {
        return Err(invalid_parameter(format!(
            "{parameter} must have a length from 1 to {LONGEST_ARN}, not {}",
            arn.len()
        )));
    }
    match arn.splitn(6, ':').collect::<Vec<_>>()[..] {
        ["arn", _, "iam", "", owner, resource] if resource.starts_with("role/") && resource.len() > "role/".len() => {
            if owner == account {
                Ok(())
            } else {
                Err(invalid_parameter("Cross-account pass role is not allowed.".to_owned()))
            }
        }
        _ => Err(invalid_parameter(format!("{parameter} {arn} is not the ARN of an IAM role"))),
    }
}

/// The parameters as an update shows them: what was sent, by the names that updates have.
fn update_params(body: &Body) -> Vec<Value> {
    const NAMES: [(&str, &str); 5] = [
        ("addonVersion", "AddonVersion"),
        ("serviceAccountRoleArn", "ServiceAccountRoleArn"),
        ("resolveConflicts", "ResolveConflicts"),
        ("configurationValues", "ConfigurationValues"),
        ("podIdentityAssociations", "PodIdentityAssociations"),
    ];
    let sent = NAMES.iter().filter_map(|(field, kind)| Some((kind, body.value(field)?)));
    sent.map(|(kind, value)| {
        json!({ "type": kind, "value": value.as_str().map_or_else(|| value.to_string(), str::to_owned) })
    })
    .collect()
}

fn refuse_while_changing(name: &str, addon: &Addon) -> Result<(), Failure> {
    if addon.pending.is_none() {
        return Ok(());
    }
    let message = format!("Addon {name} cannot be changed as it is currently in {} state", addon.status);
    Err(conflict_failure(message))
}

fn no_addon(addon: &str, eks: &EksCluster) -> Failure {
    not_found(format!("No addon: {addon} found in cluster: {}", eks.name))
}

fn uuid(hex: &str) -> String {
    format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
}

pub(super) fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

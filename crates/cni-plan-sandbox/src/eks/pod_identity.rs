//! Pod Identity associations: a role for a service account, handed out by an agent on the node.
//!
//! As EKS does, an association is taken whatever its role is: one that is missing or does not trust
//! `pods.eks.amazonaws.com` shows when a pod asks for credentials. One that an add-on owns is changed
//! through the add-on only.

use serde_json::{Value, json};

use super::addons::check_role_arn;
use super::{Request, conflict_failure, invalid_parameter, not_found, paging};
use crate::wire::Failure;
use crate::world::{Association, EksCluster};

/// What the API has and the sandbox does not act on.
const NOT_HERE: [&str; 3] = ["targetRoleArn", "policy", "disableSessionTags"];

pub(super) fn list(request: &Request<'_>, cluster: &str) -> Result<Value, Failure> {
    let eks = request.cluster(cluster)?.eks();
    let is_asked = |name: &str, value: &str| request.params.get(name).is_none_or(|wanted| wanted == value);
    let asked = eks
        .pod_identity_associations
        .iter()
        .filter(|(_, one)| is_asked("namespace", &one.namespace) && is_asked("serviceAccount", &one.service_account));
    let page = paging::cut(request.params, asked.map(|(id, _)| id.clone()))?;
    let shown = page.names.iter().filter_map(|id| Some(summary(&eks, id, eks.pod_identity_associations.get(id)?)));
    Ok(json!({ "associations": shown.collect::<Vec<_>>(), "nextToken": page.next_token }))
}

pub(super) fn describe(request: &Request<'_>, cluster: &str, id: &str) -> Result<Value, Failure> {
    let eks = request.cluster(cluster)?.eks();
    let one = eks.pod_identity_associations.get(id).ok_or_else(|| no_association(id))?;
    Ok(json!({ "association": described(&eks, id, one) }))
}

pub(super) fn create(request: &Request<'_>, cluster: &str) -> Result<Value, Failure> {
    let cluster = request.cluster(cluster)?;
    let body = request.body()?;
    let text = |field: &str| body.required(field).map(str::to_owned);
    let (namespace, service_account, role_arn) = (text("namespace")?, text("serviceAccount")?, text("roleArn")?);
    check_role_arn("roleArn", &role_arn, &request.caller.account)?;
    refuse_what_is_not_here(&body)?;
    let client_request_token = body.text("clientRequestToken")?.map(str::to_owned);
    let tags = body.tags()?;
    request.world.write_eks(&cluster, |eks| {
        let there = eks
            .pod_identity_associations
            .iter()
            .find(|(_, one)| one.namespace == namespace && one.service_account == service_account);
        if let Some((id, one)) = there {
            if client_request_token.is_some() && one.client_request_token == client_request_token {
                return Ok(json!({ "association": described(eks, id, one) }));
            }
            return Err(conflict_failure(format!("Association already exists: {id}")));
        }
        let id = format!("a-{}", eks.new_id(17));
        let (created_at, owner_arn) = (now_in_millis(), None);
        let one = Association {
            namespace,
            service_account,
            role_arn,
            created_at,
            modified_at: created_at,
            tags,
            owner_arn,
            client_request_token,
        };
        let answer = json!({ "association": described(eks, &id, &one) });
        eks.pod_identity_associations.insert(id, one);
        Ok(answer)
    })
}

pub(super) fn update(request: &Request<'_>, cluster: &str, id: &str) -> Result<Value, Failure> {
    let cluster = request.cluster(cluster)?;
    let body = request.body()?;
    let role = body.text("roleArn")?;
    if let Some(role) = role {
        check_role_arn("roleArn", role, &request.caller.account)?;
    }
    refuse_what_is_not_here(&body)?;
    request.world.write_eks(&cluster, |eks| {
        let one = eks.pod_identity_associations.get_mut(id).ok_or_else(|| no_association(id))?;
        refuse_an_addons(one)?;
        if let Some(role) = role {
            role.clone_into(&mut one.role_arn);
        }
        one.modified_at = now_in_millis();
        let one = one.clone();
        Ok(json!({ "association": described(eks, id, &one) }))
    })
}

pub(super) fn delete(request: &Request<'_>, cluster: &str, id: &str) -> Result<Value, Failure> {
    let cluster = request.cluster(cluster)?;
    request.world.write_eks(&cluster, |eks| {
        let one = eks.pod_identity_associations.get(id).ok_or_else(|| no_association(id))?;
        refuse_an_addons(one)?;
        let answer = json!({ "association": described(eks, id, one) });
        eks.pod_identity_associations.remove(id);
        Ok(answer)
    })
}

fn summary(eks: &EksCluster, id: &str, one: &Association) -> Value {
    let mut summary = json!({
        "clusterName": eks.name,
        "namespace": one.namespace,
        "serviceAccount": one.service_account,
        "associationArn": eks.association_arn(id),
        "associationId": id,
    });
    if let Some(owner) = &one.owner_arn {
        summary["ownerArn"] = json!(owner);
    }
    summary
}

fn described(eks: &EksCluster, id: &str, one: &Association) -> Value {
    let mut described = summary(eks, id, one);
    described["roleArn"] = json!(one.role_arn);
    described["tags"] = json!(one.tags);
    described["createdAt"] = in_seconds(one.created_at);
    described["modifiedAt"] = in_seconds(one.modified_at);
    described["disableSessionTags"] = json!(false);
    described
}

pub(super) fn now_in_millis() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// As the API has times: in seconds, with a fraction.
fn in_seconds(millis: i64) -> Value {
    #[expect(clippy::cast_precision_loss, reason = "exact for some hundred thousand years")]
    let seconds = millis as f64 / 1000.0;
    json!(seconds)
}

fn refuse_what_is_not_here(body: &super::request::Body) -> Result<(), Failure> {
    let is_used = |field: &&str| body.value(field).is_some_and(|value| *value != false && *value != "");
    match NOT_HERE.iter().find(|field| is_used(field)) {
        Some(field) => Err(invalid_parameter(format!("The sandbox does not act on {field}"))),
        None => Ok(()),
    }
}

fn refuse_an_addons(one: &Association) -> Result<(), Failure> {
    let Some(owner) = &one.owner_arn else { return Ok(()) };
    let message = format!("The association is owned by the add-on {owner}: change it through UpdateAddon");
    Err(Failure::new(400, "InvalidRequestException", message))
}

fn no_association(id: &str) -> Failure {
    not_found(format!("Association ID {id} not found."))
}

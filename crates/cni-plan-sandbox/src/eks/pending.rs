//! The end of a change that was accepted: of an add-on created, updated or deleted. A task waits for
//! its time; a world opened anew waits on for what was on its way.

use std::sync::{Arc, Weak};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::addons::now;
use super::pod_identity::now_in_millis;
use crate::kubernetes::OnConflict;
use crate::world::{
    Addon, Association, Cluster, ClusterKey, EksCluster, Pending, PendingKind, ResolveConflicts, WantedAddon, World,
};

/// The add-on that is the CNI plugin, and what it runs as.
pub(super) const PLUGIN: &str = "vpc-cni";
const NAMESPACE: &str = "kube-system";
const AWS_NODE: &str = "aws-node";

/// When a change that begins now is over, in microseconds since 1970.
pub(super) fn due(world: &World) -> i64 {
    let takes = i64::try_from(world.pace().addon_update_takes.as_micros()).unwrap_or(i64::MAX);
    Timestamp::now().as_microsecond().saturating_add(takes)
}

/// Has a change end at its time. Must be called in a tokio runtime.
pub(super) fn await_end(world: &Arc<World>, key: ClusterKey, addon: String, due: i64) {
    tokio::spawn(end_when_due(Arc::downgrade(world), key, addon, due));
}

/// Waits on for the changes that were on their way when the world was closed.
pub(crate) fn resume(world: &Arc<World>) {
    for cluster in world.clusters() {
        let eks = cluster.eks();
        for (name, addon) in &eks.addons {
            if let Some(pending) = &addon.pending {
                await_end(world, eks.key(), name.clone(), pending.due);
            }
        }
    }
}

async fn end_when_due(world: Weak<World>, key: ClusterKey, addon: String, due: i64) {
    let left = u64::try_from(due - Timestamp::now().as_microsecond()).unwrap_or(0);
    tokio::time::sleep(Duration::from_micros(left)).await;
    let Some(world) = world.upgrade() else { return };
    if let Some(cluster) = world.cluster(&key.region, &key.name) {
        end(&world, &cluster, &addon);
    }
}

/// What went wrong with a change: an error code that updates and issues share, a message, and what
/// it is about.
struct Trouble {
    code: &'static str,
    message: String,
    resources: Vec<String>,
}

fn end(world: &World, cluster: &Cluster, name: &str) {
    let eks = cluster.eks();
    let Some(pending) = eks.addons.get(name).and_then(|addon| addon.pending.clone()) else { return };
    // The cluster is written to under no lock of EKS's; nothing else can begin while this is pending.
    let outcome = in_cluster(cluster, &eks, name, &pending);
    let written = world.write_eks(cluster, |eks| {
        record(eks, name, &pending, &outcome);
        Ok(())
    });
    if let Err(failure) = written {
        tracing::error!(message = failure.message, name, "the end of an add-on's change is not on disk");
    }
}

fn in_cluster(cluster: &Cluster, eks: &EksCluster, name: &str, pending: &Pending) -> Result<(), Trouble> {
    if pending.fails {
        return Err(Trouble {
            code: "AdmissionRequestDenied",
            message: "The sandbox was told to have this change fail".to_owned(),
            resources: vec![name.to_owned()],
        });
    }
    if name != PLUGIN {
        return Ok(());
    }
    if let PendingKind::Delete { preserve } = pending.kind {
        if !preserve {
            cluster.api.remove_plugin(NAMESPACE, AWS_NODE, AWS_NODE);
        }
        return Ok(());
    }
    let found = eks.addons.get(name).and_then(|addon| addon.service_account_role_arn.as_deref());
    let role = pending.wanted.service_account_role_arn.as_deref().or(found);
    let on_conflict = match pending.wanted.resolve_conflicts {
        ResolveConflicts::None => OnConflict::Fail,
        ResolveConflicts::Overwrite => OnConflict::Overwrite,
        ResolveConflicts::Preserve => OnConflict::Preserve,
    };
    cluster.api.apply_addon_service_account(NAMESPACE, AWS_NODE, role, on_conflict).map_err(|fields| Trouble {
        code: "ConfigurationConflict",
        message: format!(
            "Conflicts found when trying to apply. Will not continue due to resolve conflicts mode. Conflicts:\n{}",
            fields.join("\n")
        ),
        resources: vec![AWS_NODE.to_owned()],
    })?;
    let found = eks.addons.get(name).map(|addon| addon.addon_version.as_str());
    if let Some(version) = pending.wanted.addon_version.as_deref().filter(|wanted| found != Some(*wanted)) {
        cluster.api.set_plugin_version(NAMESPACE, AWS_NODE, version);
    }
    Ok(())
}

fn record(eks: &mut EksCluster, name: &str, pending: &Pending, outcome: &Result<(), Trouble>) {
    let arn = eks.addon_arn(name);
    if let PendingKind::Update { id } = &pending.kind
        && let Some(update) = eks.addon_updates.get_mut(id)
    {
        update.status = if outcome.is_ok() { "Successful" } else { "Failed" }.to_owned();
        update.errors = outcome.as_ref().err().map(Trouble::as_error).into_iter().collect();
    }
    if let (PendingKind::Delete { .. }, Ok(())) = (&pending.kind, outcome) {
        eks.addons.remove(name);
        eks.pod_identity_associations.retain(|_, one| one.owner_arn.as_ref() != Some(&arn));
        return;
    }
    let Some(addon) = eks.addons.get_mut(name) else { return };
    addon.pending = None;
    addon.modified_at = now();
    match outcome {
        Ok(()) => {
            take_over(addon, &pending.wanted);
            if let Some(wanted) = &pending.wanted.pod_identity_associations {
                own_associations(eks, &arn, wanted);
            }
        }
        Err(trouble) => {
            addon.status = match pending.kind {
                PendingKind::Create => "CREATE_FAILED",
                PendingKind::Update { .. } => "UPDATE_FAILED",
                PendingKind::Delete { .. } => "DELETE_FAILED",
            }
            .to_owned();
            addon.issues = vec![trouble.as_issue()];
        }
    }
}

fn take_over(addon: &mut Addon, wanted: &WantedAddon) {
    addon.status = "ACTIVE".to_owned();
    addon.issues.clear();
    if let Some(version) = &wanted.addon_version {
        addon.addon_version.clone_from(version);
    }
    if wanted.service_account_role_arn.is_some() {
        addon.service_account_role_arn.clone_from(&wanted.service_account_role_arn);
    }
    if let Some(values) = &wanted.configuration_values {
        addon.configuration_values = Some(values.clone()).filter(|values| !values.trim().is_empty());
    }
}

/// Makes the add-on's associations those that were asked for, and no others.
fn own_associations(eks: &mut EksCluster, owner: &str, wanted: &[(String, String)]) {
    eks.pod_identity_associations.retain(|_, one| {
        one.owner_arn.as_deref() != Some(owner) || wanted.iter().any(|(account, _)| *account == one.service_account)
    });
    for (service_account, role) in wanted {
        let there = eks
            .pod_identity_associations
            .values_mut()
            .find(|one| one.namespace == NAMESPACE && one.service_account == *service_account);
        if let Some(there) = there {
            // One that somebody made by hand is taken over with the add-on's role.
            there.role_arn.clone_from(role);
            there.owner_arn = Some(owner.to_owned());
            there.modified_at = now_in_millis();
            continue;
        }
        let id = format!("a-{}", eks.new_id(17));
        let created_at = now_in_millis();
        let association = Association {
            namespace: NAMESPACE.to_owned(),
            service_account: service_account.clone(),
            role_arn: role.clone(),
            created_at,
            modified_at: created_at,
            tags: std::collections::BTreeMap::new(),
            owner_arn: Some(owner.to_owned()),
            client_request_token: None,
        };
        eks.pod_identity_associations.insert(id, association);
    }
}

impl Trouble {
    fn as_error(&self) -> Value {
        json!({ "errorCode": self.code, "errorMessage": self.message, "resourceIds": self.resources })
    }

    fn as_issue(&self) -> Value {
        json!({ "code": self.code, "message": self.message, "resourceIds": self.resources })
    }
}

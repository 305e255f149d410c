//! What EKS does in a cluster for its add-on of the plugin: as field manager `eks` it applies the
//! fields that are its own, and takes away what it installed.
//!
//! Of the service account that is the annotation naming the role, set or not: one that others have
//! put there differs from an add-on without a role (facts: it is lost at the add-on's next update).
//! Only another version replaces pods.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::delete::DeleteOptions;
use super::managed_fields::Owners;
use super::patch::PatchKind;
use super::state::State;
use super::write::{Patch, Write};

/// EKS's field manager.
pub(super) const MANAGER: &str = "eks";
/// What EKS writes the add-on's role to.
pub(super) const ROLE_ANNOTATION: &str = "eks.amazonaws.com/role-arn";

/// What EKS does where others have set one of its fields to something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnConflict {
    /// Nothing is changed, and the fields are named.
    Fail,
    /// Its own value is set.
    Overwrite,
    /// The others' value stays.
    Preserve,
}

/// Brings the plugin's service account to what the add-on asks for. `Err` names the fields in conflict.
pub(super) fn apply_service_account(
    state: &mut State,
    namespace: &str,
    name: &str,
    role: Option<&str>,
    on_conflict: OnConflict,
    now: Timestamp,
) -> Result<(), Vec<String>> {
    let live = state.object("serviceaccounts", namespace, name);
    let found = live.as_ref().and_then(|live| live["metadata"]["annotations"][ROLE_ANNOTATION].as_str());
    let field = format!(".metadata.annotations.{ROLE_ANNOTATION}");
    let is_foreign = live.as_ref().is_some_and(|live| Owners::of(live).of_field(&field) != [MANAGER]);
    let conflict = found.is_some() && found != role && is_foreign;
    match on_conflict {
        OnConflict::Fail if conflict => {
            return Err(vec![format!("ServiceAccount {name} - {field}")]);
        }
        OnConflict::Preserve if conflict => return Ok(()),
        _ => {}
    }
    let write = Write::internal("serviceaccounts", namespace, MANAGER, now);
    if role.is_none() && conflict {
        // An apply takes nothing away that it does not own.
        let body = json!({ "metadata": { "annotations": { ROLE_ANNOTATION: null } } });
        log(write.patch(state, name, Patch { kind: PatchKind::Merge, body: &body, force: false }));
    }
    let mut body = json!({ "metadata": { "name": name, "labels": labels(live.as_deref()) } });
    if let Some(role) = role {
        body["metadata"]["annotations"] = json!({ ROLE_ANNOTATION: role });
    }
    log(write.patch(state, name, Patch { kind: PatchKind::Apply, body: &body, force: true }));
    Ok(())
}

/// Has the plugin's DaemonSet run another version, which replaces its pods as any change of its
/// template does. The version is the add-on's: `v1.23.1-eksbuild.1`.
pub(super) fn set_version(state: &mut State, namespace: &str, name: &str, version: &str, now: Timestamp) {
    let Some(live) = state.object("daemonsets", namespace, name) else { return };
    let mut set = Value::clone(&live);
    let plain = version.split('-').next().unwrap_or(version);
    set["metadata"]["labels"]["app.kubernetes.io/version"] = json!(plain);
    for list in ["initContainers", "containers"] {
        for container in set["spec"]["template"]["spec"][list].as_array_mut().into_iter().flatten() {
            let image = container["image"].as_str().and_then(|image| image.rsplit_once(':'));
            if let Some((repository, _)) = image.filter(|(repository, _)| repository.contains("/amazon-k8s-cni")) {
                container["image"] = json!(format!("{repository}:{version}"));
            }
            for variable in container.get_mut("env").and_then(Value::as_array_mut).into_iter().flatten() {
                if variable["name"] == "VPC_CNI_VERSION" {
                    variable["value"] = json!(plain);
                }
            }
        }
    }
    log(Write::internal("daemonsets", namespace, MANAGER, now).update(state, name, set));
}

/// Deletes the plugin's DaemonSet and service account; its pods go with it.
pub(super) fn remove(state: &mut State, namespace: &str, name: &str, service_account: &str, now: Timestamp) {
    for (plural, name) in [("daemonsets", name), ("serviceaccounts", service_account)] {
        let write = Write::internal(plural, namespace, MANAGER, now);
        // It may be gone already, which is what is wanted.
        let _ = write.delete(state, name, &DeleteOptions::default());
    }
}

/// The labels that the add-on sets: those the plugin's own manifest has, as they are.
fn labels(live: Option<&Value>) -> Value {
    const OWN: [&str; 4] =
        ["app.kubernetes.io/name", "app.kubernetes.io/instance", "k8s-app", "app.kubernetes.io/version"];
    let labels = live.map(|live| &live["metadata"]["labels"]);
    OWN.iter().filter_map(|key| Some(((*key).to_owned(), labels?.get(*key)?.clone()))).collect()
}

fn log<T>(written: Result<T, super::status::ApiError>) {
    if let Err(refusal) = written {
        tracing::warn!(?refusal, "an object of an add-on was not written");
    }
}

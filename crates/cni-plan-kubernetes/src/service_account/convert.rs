//! From a ServiceAccount object to core's resource, and who owns what by its `managedFields`.
//! Pure.

use std::collections::BTreeMap;

use cni_plan_core::{Annotation, ServiceAccount, annotation_keys};
use k8s_openapi::api::core::v1::ServiceAccount as Object;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;

use super::FIELD_MANAGER;

/// The annotations that give pods their identity.
pub(super) const KEYS: [&str; 2] = [annotation_keys::ROLE_ARN, annotation_keys::STS_REGIONAL_ENDPOINTS];

/// The identity annotations with their owners.
pub(super) fn identity(object: &Object, namespace: &str, name: &str) -> ServiceAccount {
    ServiceAccount::annotated(namespace, name, annotations(object))
}

/// The identity annotations by key.
pub(super) fn annotations(object: &Object) -> BTreeMap<String, Annotation> {
    let value = |key: &str| object.metadata.annotations.as_ref()?.get(key).cloned();
    KEYS.into_iter()
        .filter_map(|key| {
            let value = value(key)?;
            Some((key.to_owned(), Annotation { value, manager: owner(object, key) }))
        })
        .collect()
}

/// Identity annotations that `manager` holds by server-side apply, with their values.
pub(super) fn applied_by(object: &Object, manager: &str) -> BTreeMap<String, String> {
    let ours = |key: &str| {
        entries(object).any(|entry| {
            entry.manager.as_deref() == Some(manager) && entry.operation.as_deref() == Some("Apply") && owns(entry, key)
        })
    };
    let annotations = object.metadata.annotations.as_ref();
    KEYS.into_iter()
        .filter(|key| ours(key))
        .filter_map(|key| Some((key.to_owned(), annotations?.get(key)?.clone())))
        .collect()
}

/// The manager that owns an annotation. Where several do, the one that would set it back matters:
/// whoever owns it by server-side apply applies it again, an update was made once. Of those that are
/// alike, the one that wrote last; times are whole seconds and do not tell everything apart.
fn owner(object: &Object, key: &str) -> Option<String> {
    let owners = entries(object).filter(|entry| owns(entry, key));
    let chief = owners.max_by_key(|entry| {
        let applies = entry.operation.as_deref() == Some("Apply") && entry.manager.as_deref() != Some(FIELD_MANAGER);
        (applies, entry.time.as_ref().map(|time| time.0))
    });
    chief.and_then(|entry| entry.manager.clone())
}

/// Entries about the object itself; those of subresources do not own its metadata.
fn entries(object: &Object) -> impl Iterator<Item = &ManagedFieldsEntry> {
    let all = object.metadata.managed_fields.as_deref().unwrap_or_default();
    all.iter().filter(|entry| entry.subresource.as_deref().unwrap_or_default().is_empty())
}

fn owns(entry: &ManagedFieldsEntry, key: &str) -> bool {
    let field = format!("f:{key}");
    let fields = entry.fields_v1.as_ref().map(|fields| &fields.0["f:metadata"]["f:annotations"]);
    fields.is_some_and(|annotations| annotations.get(field).is_some())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// An object with these annotations and these entries: manager, operation, second, keys.
    pub(in crate::service_account) fn object(
        annotations: &[(&str, &str)],
        owners: &[(&str, &str, u8, &[&str])],
    ) -> Object {
        let managed: Vec<Value> = owners
            .iter()
            .map(|(manager, operation, second, keys)| {
                let fields: serde_json::Map<String, Value> =
                    keys.iter().map(|key| (format!("f:{key}"), json!({}))).collect();
                json!({
                    "manager": manager, "operation": operation, "apiVersion": "v1", "fieldsType": "FieldsV1",
                    "time": format!("2026-11-23T10:00:{second:02}Z"),
                    "fieldsV1": {"f:metadata": {"f:annotations": fields}},
                })
            })
            .collect();
        let annotations: BTreeMap<&str, &str> = annotations.iter().copied().collect();
        serde_json::from_value(json!({
            "metadata": {
                "name": "aws-node", "namespace": "kube-system", "resourceVersion": "7",
                "annotations": annotations, "managedFields": managed,
            },
        }))
        .unwrap()
    }

    const ROLE: &str = annotation_keys::ROLE_ARN;

    #[test]
    fn an_annotation_belongs_to_the_manager_that_wrote_it_last() {
        let object = object(
            &[(ROLE, "arn"), ("team", "x")],
            &[
                ("kubectl-annotate", "Update", 5, &[ROLE]),
                ("helm", "Update", 9, &["team"]),
                ("eksctl", "Update", 3, &[ROLE]),
            ],
        );
        let annotations = annotations(&object);
        assert_eq!(annotations.len(), 1);
        assert_eq!(annotations[ROLE].manager.as_deref(), Some("kubectl-annotate"));
    }

    #[test]
    fn of_several_owners_the_one_that_applies_again_is_told() {
        let object = object(
            &[(ROLE, "arn")],
            &[
                ("eks", "Apply", 1, &[ROLE]),
                ("kubectl-annotate", "Update", 5, &[ROLE]),
                (FIELD_MANAGER, "Apply", 9, &[ROLE]),
            ],
        );
        assert_eq!(annotations(&object)[ROLE].manager.as_deref(), Some("eks"));
    }

    #[test]
    fn nobody_owns_what_no_entry_names() {
        let object = object(&[(ROLE, "arn")], &[]);
        assert_eq!(annotations(&object)[ROLE].manager, None);
    }

    #[test]
    fn a_subresource_owns_no_annotation() {
        let mut object = object(&[(ROLE, "arn")], &[("kubelet", "Update", 9, &[ROLE]), ("eks", "Apply", 1, &[ROLE])]);
        let entries = object.metadata.managed_fields.as_mut().unwrap();
        entries[0].subresource = Some("status".to_owned());
        assert_eq!(annotations(&object)[ROLE].manager.as_deref(), Some("eks"));
    }

    #[test]
    fn only_what_was_applied_is_ours() {
        let object = object(
            &[(ROLE, "arn"), (annotation_keys::STS_REGIONAL_ENDPOINTS, "true")],
            &[("cni-plan", "Apply", 1, &[ROLE]), ("cni-plan", "Update", 2, &[annotation_keys::STS_REGIONAL_ENDPOINTS])],
        );
        assert_eq!(applied_by(&object, "cni-plan"), BTreeMap::from([(ROLE.to_owned(), "arn".to_owned())]));
    }
}

//! The table of resources that this API server has. A further resource is a row here, and nothing
//! else unless it behaves specially.

/// What Kubernetes knows of a resource as a type.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Resource {
    /// API group; empty for the core group.
    pub(super) group: &'static str,
    /// API version within the group.
    pub(super) version: &'static str,
    /// Plural name, as in paths.
    pub(super) plural: &'static str,
    /// Singular name, as kubectl takes it.
    pub(super) singular: &'static str,
    /// Kind, as in objects.
    pub(super) kind: &'static str,
    /// Short names, as kubectl takes them.
    pub(super) short: &'static [&'static str],
    /// Categories, such as kubectl's `all`.
    pub(super) categories: &'static [&'static str],
    /// Whether objects live in namespaces.
    pub(super) namespaced: bool,
    /// Whether the object has a status written through its own sub-resource.
    pub(super) status: bool,
    /// Whether `metadata.generation` counts the changes to its spec.
    pub(super) generation: bool,
    /// Whether a deletion is answered with the object rather than with a bare success.
    pub(super) returns_deleted: bool,
    /// Whether an update of what is not there makes it (a strategy's `AllowCreateOnUpdate`).
    pub(super) made_by_update: bool,
    /// Whether an update may leave out which version it is of (`AllowUnconditionalUpdate`).
    pub(super) updated_unseen: bool,
}

const PLAIN: Resource = Resource {
    group: "",
    version: "v1",
    plural: "",
    singular: "",
    kind: "",
    short: &[],
    categories: &[],
    namespaced: true,
    status: false,
    generation: false,
    returns_deleted: false,
    made_by_update: false,
    updated_unseen: true,
};

/// Kept as they are written, and asked by nobody here: whoever has a token may do everything.
const RBAC: &str = "rbac.authorization.k8s.io";

/// Every resource, core group first.
pub(super) static RESOURCES: &[Resource] = &[
    Resource { plural: "configmaps", singular: "configmap", kind: "ConfigMap", short: &["cm"], ..PLAIN },
    Resource { plural: "events", singular: "event", kind: "Event", short: &["ev"], made_by_update: true, ..PLAIN },
    Resource {
        plural: "namespaces",
        singular: "namespace",
        kind: "Namespace",
        short: &["ns"],
        namespaced: false,
        status: true,
        ..PLAIN
    },
    Resource {
        plural: "nodes",
        singular: "node",
        kind: "Node",
        short: &["no"],
        namespaced: false,
        status: true,
        ..PLAIN
    },
    Resource {
        plural: "pods",
        singular: "pod",
        kind: "Pod",
        short: &["po"],
        categories: &["all"],
        status: true,
        returns_deleted: true,
        ..PLAIN
    },
    Resource { plural: "secrets", singular: "secret", kind: "Secret", ..PLAIN },
    Resource {
        plural: "serviceaccounts",
        singular: "serviceaccount",
        kind: "ServiceAccount",
        short: &["sa"],
        returns_deleted: true,
        ..PLAIN
    },
    Resource {
        group: "apps",
        plural: "daemonsets",
        singular: "daemonset",
        kind: "DaemonSet",
        short: &["ds"],
        categories: &["all"],
        status: true,
        generation: true,
        ..PLAIN
    },
    Resource {
        group: "coordination.k8s.io",
        plural: "leases",
        singular: "lease",
        kind: "Lease",
        made_by_update: true,
        updated_unseen: false,
        ..PLAIN
    },
    Resource {
        group: RBAC,
        plural: "clusterroles",
        singular: "clusterrole",
        kind: "ClusterRole",
        namespaced: false,
        made_by_update: true,
        ..PLAIN
    },
    Resource {
        group: RBAC,
        plural: "clusterrolebindings",
        singular: "clusterrolebinding",
        kind: "ClusterRoleBinding",
        namespaced: false,
        made_by_update: true,
        ..PLAIN
    },
    Resource { group: RBAC, plural: "roles", singular: "role", kind: "Role", made_by_update: true, ..PLAIN },
    Resource {
        group: RBAC,
        plural: "rolebindings",
        singular: "rolebinding",
        kind: "RoleBinding",
        made_by_update: true,
        ..PLAIN
    },
];

impl Resource {
    /// The resource at a path's group, version and plural name.
    pub(super) fn find(group: &str, version: &str, plural: &str) -> Option<&'static Resource> {
        RESOURCES.iter().find(|r| r.group == group && r.version == version && r.plural == plural)
    }

    /// The resource with this plural name, in whichever group. Plural names in the table are unique.
    pub(super) fn named(plural: &str) -> Option<&'static Resource> {
        RESOURCES.iter().find(|r| r.plural == plural)
    }

    /// `v1` or `apps/v1`, as objects say it.
    pub(super) fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_owned() } else { format!("{}/{}", self.group, self.version) }
    }

    /// `pods` or `daemonsets.apps`, as error messages say it.
    pub(super) fn qualified(&self) -> String {
        if self.group.is_empty() { self.plural.to_owned() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// `Pod` or `DaemonSet.apps`, as messages about invalid objects say it.
    pub(super) fn qualified_kind(&self) -> String {
        if self.group.is_empty() { self.kind.to_owned() } else { format!("{}.{}", self.kind, self.group) }
    }
}

/// Every group and version that has a resource, core first.
pub(super) fn group_versions() -> Vec<(&'static str, &'static str)> {
    let mut found = Vec::new();
    for resource in RESOURCES {
        if !found.contains(&(resource.group, resource.version)) {
            found.push((resource.group, resource.version));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plural_names_are_unique() {
        for resource in RESOURCES {
            assert_eq!(Resource::named(resource.plural), Some(resource));
        }
    }
}

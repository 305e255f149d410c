//! Every finding that there is: its code, how grave it is, what it is about and what to do. The codes are in
//! change sets and specs, and never change their meaning.

use crate::{Address, Finding, Severity, Unread};

/// A sort of finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// In kebab case.
    pub code: &'static str,
    /// What follows from it.
    pub severity: Severity,
    /// What is the matter, in general.
    pub about: &'static str,
    /// What to do; a finding may say it more exactly.
    pub cure: &'static str,
}

impl Known {
    /// One that was seen at `address`; `message` is the evidence.
    pub(crate) fn at(&self, address: &Address, message: String) -> Finding {
        Finding {
            severity: self.severity,
            code: self.code.to_owned(),
            address: address.clone(),
            message,
            cure: self.cure.to_owned(),
            accepted: None,
        }
    }
}

/// Of something that could not be read, seen at `address`; its own cure names the permission.
pub(super) fn not_read(address: &Address, unread: &Unread) -> Finding {
    let message = format!("{} could not be read: {}", unread.what, unread.why);
    Finding { cure: unread.cure.clone(), ..NOT_READ.at(address, message) }
}

/// All sorts, by code.
pub fn known_findings() -> &'static [Known] {
    const ALL: &[Known] = &[
        ADDON_ANNOTATION_OF_OTHERS,
        ADDON_BUSY,
        ADDON_MERELY_ANNOTATED,
        ADDON_UNHEALTHY,
        ADDON_WITH_ASSOCIATION,
        BOUNDARY_TOO_SMALL,
        DAEMONSET_MISSING,
        EQUAL_POLICY,
        FAMILY_AT_ODDS,
        FOREIGN_TRUST,
        HOST_NETWORK,
        NEED_DENIED,
        NEED_UNCERTAIN,
        NO_ELIGIBLE_NODE,
        NODE_ROLE_HAS_A_COPY,
        NODE_ROLE_KEEPS_PERMISSIONS,
        NODE_ROLE_OWNED,
        NODE_ROLE_USED_OUTSIDE,
        NOT_READ,
        OIDC_PROVIDER_AUDIENCE,
        OIDC_PROVIDER_MISSING,
        OTHER_NODES,
        OWN_CREDENTIALS,
        OWNER_WOULD_SET_IT_BACK,
        PLUGIN_TOO_OLD,
        PLUGIN_WITHOUT_POD_IDENTITY,
        POD_IDENTITY_AGENT,
        POD_IDENTITY_ASSOCIATION,
        POD_IDENTITY_SESSION,
        POLICY_MISSING,
        POLICY_TOO_SMALL,
        PRIVATE_CLUSTER,
        PRIVATE_CLUSTER_WITH_AGENT,
        RESOURCE_MISSING,
        ROLE_OWNED,
        ROLE_PATH,
        SERVICE_ACCOUNT_MISSING,
        STALE_ISSUER,
        TRUST_TOO_LONG,
        WINDOWS_NODES,
    ];
    ALL
}

macro_rules! known {
    ($($name:ident = $code:literal, $severity:ident, $about:literal, $cure:literal;)*) => {
        $(pub(crate) const $name: Known =
            Known { code: $code, severity: Severity::$severity, about: $about, cure: $cure };)*
    };
}

known! {
    ADDON_ANNOTATION_OF_OTHERS = "addon-annotation-of-others", Refuse,
        "The service account of an EKS add-on has a role annotation of someone else's, which EKS would not replace.",
        "take the annotation off where its owner sets it, then plan again";
    ADDON_BUSY = "addon-busy", Refuse,
        "EKS is changing the add-on.",
        "wait until `aws eks describe-addon` says that it is ACTIVE, then plan again";
    ADDON_MERELY_ANNOTATED = "addon-merely-annotated", Note,
        "The service account of an EKS add-on was annotated by hand: the add-on's next update would take that off.",
        "nothing: the plan gives the role to the add-on";
    ADDON_WITH_ASSOCIATION = "addon-with-association", Refuse,
        "An EKS add-on without a role would get one in the step that deletes the association which its pods use.",
        "give the add-on the role first (`aws eks update-addon --service-account-role-arn`), which pods do not notice, then plan again";
    ADDON_UNHEALTHY = "addon-unhealthy", Warn,
        "The add-on is degraded, or EKS failed to change it last.",
        "look at `health` in `aws eks describe-addon` and mend that first";
    BOUNDARY_TOO_SMALL = "boundary-too-small", Refuse,
        "The permissions boundary of the plugin's role does not allow what this version of the plugin needs in this family.",
        "have the boundary allow the actions that are named, or give the role another under `role.permissionsBoundary`";
    DAEMONSET_MISSING = "daemonset-missing", Refuse,
        "No DaemonSet runs under the plugin's service account.",
        "install the plugin first, or name its service account under `serviceAccount`";
    EQUAL_POLICY = "equal-policy", Note,
        "A policy that the plugin's role has already allows the same as the one that would be made.",
        "name it under `policy.arn` to make no second one";
    FAMILY_AT_ODDS = "family-at-odds", Refuse,
        "The plugin's settings are for another IP family than the cluster's.",
        "set ENABLE_IPv4 and ENABLE_IPv6 of the DaemonSet as the cluster's family is";
    FOREIGN_TRUST = "foreign-trust", Warn,
        "The plugin's role is there already and lets in others than the plugin, who get what the plugin gets.",
        "give the plugin a role of its own under `role.name`, or accept it if they may have that; this plan leaves their statements as they are";
    HOST_NETWORK = "host-network", Warn,
        "Other pods on their nodes' network have the node role's credentials, and may lean on what it loses.",
        "see that none of them, and nothing in the nodes' user data, changes network interfaces or reads EC2's tags by the node role; give what does a role of its own, or set `detach: false`";
    NEED_DENIED = "need-denied", Refuse,
        "A Deny on the plugin's role is about something that this version of the plugin needs in this family.",
        "take the Deny out of the policy that is named, or take that policy off the role";
    NEED_UNCERTAIN = "need-uncertain", Warn,
        "Whether the plugin's role allows what the plugin needs hangs on a condition of a Deny or of its boundary, on whose subnets its nodes are in, or on what could not be read.",
        "see that the plugin is left what it needs: it cannot be judged beforehand";
    NO_ELIGIBLE_NODE = "no-eligible-node", Warn,
        "No node is eligible for the plugin's DaemonSet: nothing proves the role before the node role's policy goes.",
        "if the cluster has nodes, compare their labels and taints with the DaemonSet's affinity, selector and tolerations";
    NODE_ROLE_HAS_A_COPY = "node-role-has-a-copy", Warn,
        "A node role has not the policy that would be taken off it, but another that allows the same.",
        "take that policy off the node role once the plan is applied, unless something else there needs it";
    NODE_ROLE_KEEPS_PERMISSIONS = "node-role-keeps-permissions", Warn,
        "A node role may still change network interfaces once the policy is off it.",
        "take the actions that are named out of the policies that allow them, unless something else on the nodes needs them";
    NODE_ROLE_OWNED = "node-role-owned", Warn,
        "A node role that loses a policy is another tool's, which would put the policy back or report drift.",
        "take the policy out of that tool's own code as well, and apply that after this plan";
    NODE_ROLE_USED_OUTSIDE = "node-role-used-outside", Refuse,
        "A cluster that the spec does not hold has nodes with a role that would lose the policy.",
        "add that cluster to the spec, give its nodes another role, or set `detach: false`";
    NOT_READ = "not-read", Warn,
        "Something that could name a node role, or a user of one, or what a role is allowed, could not be read.",
        "grant the permission that is named, or name the roles under `nodeRoles`";
    OIDC_PROVIDER_AUDIENCE = "oidc-provider-audience", Refuse,
        "The OIDC provider of the cluster's issuer does not accept the plugin's tokens.",
        "set `oidcProvider: create` to have the audience added, or add it yourself";
    OIDC_PROVIDER_MISSING = "oidc-provider-missing", Refuse,
        "The account has no OIDC provider for the cluster's issuer.",
        "set `oidcProvider: create`, or run `eksctl utils associate-iam-oidc-provider --cluster NAME --approve`";
    OTHER_NODES = "other-nodes", Note,
        "The cluster has nodes that the plugin's DaemonSet does not run on; they and their roles are left alone.",
        "nothing";
    OWN_CREDENTIALS = "own-credentials", Refuse,
        "The DaemonSet's own template brings credentials: the webhook injects nothing beside them, or SDKs take them first.",
        "take the variables out of the DaemonSet's template";
    OWNER_WOULD_SET_IT_BACK = "owner-would-set-it-back", Refuse,
        "An annotation belongs to a controller that would set it back.",
        "change it where that owner takes it from, then plan again";
    PLUGIN_TOO_OLD = "plugin-too-old", Refuse,
        "IPv6 needs Kubernetes 1.21 and plugin 1.10.1 or later.",
        "update the cluster and the plugin first";
    PLUGIN_WITHOUT_POD_IDENTITY = "plugin-without-pod-identity", Refuse,
        "The plugin is older than v1.15.5 and does not ask the Pod Identity agent.",
        "update the plugin first, or set `identity: irsa`";
    POD_IDENTITY_AGENT = "pod-identity-agent", Refuse,
        "The add-on eks-pod-identity-agent is not there, or not active: nobody would hand out the role.",
        "run `aws eks create-addon --addon-name eks-pod-identity-agent --cluster-name NAME`, or set `identity: irsa`";
    POD_IDENTITY_ASSOCIATION = "pod-identity-association", Refuse,
        "The service account has a Pod Identity association of someone else's, which comes before its annotation.",
        "delete it (`aws eks delete-pod-identity-association`), or tag it `managed-by=cni-plan` for the plan to change it";
    POD_IDENTITY_SESSION = "pod-identity-session", Note,
        "The plan deletes a Pod Identity association, or gives it another role, while pods have credentials by it, which stay valid for their session.",
        "nothing: the plan restarts the pods right after";
    POLICY_MISSING = "policy-missing", Refuse,
        "A policy that the spec refers to does not exist.",
        "create it, or leave `policy.arn` out to use the family's own policy";
    POLICY_TOO_SMALL = "policy-too-small", Refuse,
        "The policies of the plugin's role lack something that this version of the plugin needs in this family.",
        "add the actions to the policy, or leave `policy` out to use the plugin's current list";
    PRIVATE_CLUSTER = "private-cluster", Warn,
        "The cluster's endpoint is private: its nodes may have no way to the global STS endpoint.",
        "set `stsRegionalEndpoints: true`, and see that the VPC has an interface endpoint for STS";
    PRIVATE_CLUSTER_WITH_AGENT = "private-cluster-with-agent", Warn,
        "The cluster's endpoint is private: its nodes may have no way to EKS, which hands out the role.",
        "see that the VPC has an interface endpoint for `eks-auth`";
    RESOURCE_MISSING = "resource-missing", Refuse,
        "Something that the spec refers to does not exist.",
        "create it first";
    ROLE_OWNED = "role-owned", Warn,
        "The plugin's role that the plan changes is another tool's, which would set it back or report drift.",
        "make the change in that tool's own code as well, or give the plugin a role of its own under `role.name`";
    ROLE_PATH = "role-path", Refuse,
        "The role exists under another path, which cannot be changed.",
        "set `role.path` to the existing path, or give the role another name";
    SERVICE_ACCOUNT_MISSING = "service-account-missing", Refuse,
        "The plugin's service account does not exist.",
        "install the plugin first, or name its service account under `serviceAccount`";
    STALE_ISSUER = "stale-issuer", Warn,
        "The role still trusts the plugin of another issuer: of a cluster that was made anew, or of another one.",
        "take the statement out of the role's trust if that cluster is gone; this plan leaves it as it is";
    TRUST_TOO_LONG = "trust-too-long", Refuse,
        "The role's trust document would be longer than IAM takes.",
        "give the cluster a role of its own: put `{cluster}` into `role.name`";
    WINDOWS_NODES = "windows-nodes", Warn,
        "The cluster has Windows nodes, whose networking by the legacy controller leans on the node role.",
        "see that VPC resource management is EKS's own (ConfigMap amazon-vpc-cni), or set `detach: false`";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_there_once_and_in_order() {
        let codes: Vec<&str> = known_findings().iter().map(|known| known.code).collect();
        assert!(codes.is_sorted_by(|one, next| one < next), "{codes:?}");
    }
}

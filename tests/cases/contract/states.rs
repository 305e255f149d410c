//! Targets, states and documents that the cases speak of.

use std::collections::BTreeMap;

use cni_plan_core::{Attachment, ClusterRef, OidcProvider, Policy, PolicyDocument, Resource, Role, Target};
use serde_json::{Value, json};

use super::account::ACCOUNT;

/// A policy of Amazon's that every account has.
pub(super) const CNI_POLICY: &str = "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy";

/// A cluster by its name alone.
pub(super) fn cluster(name: &str) -> ClusterRef {
    ClusterRef {
        key: name.to_owned(),
        name: name.to_owned(),
        region: None,
        account: None,
        profile: None,
        assume_role: None,
        kubernetes: None,
    }
}

pub(super) fn role_target(name: &str) -> Target {
    Target::Role { account: ACCOUNT.to_owned(), name: name.to_owned() }
}

/// A role that only EC2 may take, with nothing else to it.
pub(super) fn role(name: &str) -> Role {
    Role {
        name: name.to_owned(),
        path: "/".to_owned(),
        trust: trust_of_ec2(),
        description: None,
        permissions_boundary: None,
        tags: BTreeMap::new(),
        id: None,
    }
}

pub(super) fn policy_target(arn: &str) -> Target {
    Target::Policy { account: ACCOUNT.to_owned(), arn: arn.to_owned() }
}

/// A policy of this ARN that allows one action.
pub(super) fn policy(arn: &str, action: &str) -> Policy {
    let name = arn.rsplit('/').next().unwrap().to_owned();
    Policy { arn: arn.to_owned(), name, description: None, document: allow(action), history: None }
}

pub(super) fn attachment(role: &str, policy_arn: &str) -> (Target, Resource) {
    let (role, policy_arn) = (role.to_owned(), policy_arn.to_owned());
    let state = Attachment { role: role.clone(), policy_arn: policy_arn.clone() };
    (Target::Attachment { account: ACCOUNT.to_owned(), role, policy_arn }, Resource::Attachment(state))
}

pub(super) fn oidc_provider(url: &str, client_ids: &[&str]) -> (Target, Resource) {
    let arn = format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{url}");
    let client_ids = client_ids.iter().map(|&id| id.to_owned()).collect();
    let state = OidcProvider { url: url.to_owned(), client_ids };
    (Target::OidcProvider { account: ACCOUNT.to_owned(), arn }, Resource::OidcProvider(state))
}

pub(super) fn document(statements: &Value) -> PolicyDocument {
    PolicyDocument::try_from(json!({ "Version": "2012-10-17", "Statement": statements })).unwrap()
}

pub(super) fn allow(action: &str) -> PolicyDocument {
    document(&json!([{ "Effect": "Allow", "Action": action, "Resource": "*" }]))
}

pub(super) fn trust_of_ec2() -> PolicyDocument {
    document(
        &json!([{ "Effect": "Allow", "Principal": { "Service": "ec2.amazonaws.com" }, "Action": "sts:AssumeRole" }]),
    )
}

/// The trust that the procedure gives the plugin's role.
pub(super) fn trust_of_plugin(issuer: &str) -> PolicyDocument {
    document(&json!([{
        "Effect": "Allow",
        "Principal": { "Federated": format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{issuer}") },
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": { "StringEquals": {
            (format!("{issuer}:aud")): "sts.amazonaws.com",
            (format!("{issuer}:sub")): "system:serviceaccount:kube-system:aws-node",
        } },
    }]))
}

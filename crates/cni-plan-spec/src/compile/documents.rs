//! The documents of the procedure: the role's trust and the families' policies.

use cni_plan_core::{PolicyDocument, Statement};
use serde_json::{Value, json};

/// The audience of every service account token that STS takes, in every partition.
pub(super) const AUDIENCE: &str = "sts.amazonaws.com";

/// What a role trusts so that one service account of one cluster can take it
/// (EKS User Guide, "Configure Amazon VPC CNI plugin to use IRSA").
pub(super) fn trust(provider_arn: &str, issuer: &str, namespace: &str, service_account: &str) -> PolicyDocument {
    document([json!({
        "Effect": "Allow",
        "Principal": { "Federated": provider_arn },
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": { "StringEquals": {
            format!("{issuer}:aud"): AUDIENCE,
            format!("{issuer}:sub"): format!("system:serviceaccount:{namespace}:{service_account}"),
        }},
    })])
}

/// What a role trusts so that EKS can hand it to the pods of a Pod Identity association; which pods those
/// are is the association's to say (EKS User Guide, "Create IAM role with trust policy required by EKS Pod
/// Identity").
pub(super) fn pod_identity_trust() -> PolicyDocument {
    document([json!({
        "Effect": "Allow",
        "Principal": { "Service": "pods.eks.amazonaws.com" },
        "Action": ["sts:AssumeRole", "sts:TagSession"],
    })])
}

/// The IPv4 list: AWS managed policy `AmazonEKS_CNI_Policy`, version 5.
pub(super) fn ipv4(partition: &str) -> PolicyDocument {
    document([
        allow(
            &[
                "ec2:AssignPrivateIpAddresses",
                "ec2:AttachNetworkInterface",
                "ec2:CreateNetworkInterface",
                "ec2:DeleteNetworkInterface",
                "ec2:DescribeInstances",
                "ec2:DescribeTags",
                "ec2:DescribeNetworkInterfaces",
                "ec2:DescribeInstanceTypes",
                "ec2:DescribeSubnets",
                "ec2:DetachNetworkInterface",
                "ec2:ModifyNetworkInterfaceAttribute",
                "ec2:UnassignPrivateIpAddresses",
            ],
            "*",
        ),
        tags(partition),
    ])
}

/// The IPv6 list as the plugin's own docs have it now (aws/amazon-vpc-cni-k8s, docs/iam-policy.md).
/// The EKS User Guide's older list lacks the last two actions, and plugins from v1.22.1 abort
/// without `ec2:DescribeSubnets`.
pub(super) fn ipv6(partition: &str) -> PolicyDocument {
    document([
        allow(
            &[
                "ec2:AssignIpv6Addresses",
                "ec2:DescribeInstances",
                "ec2:DescribeTags",
                "ec2:DescribeNetworkInterfaces",
                "ec2:DescribeInstanceTypes",
                "ec2:DescribeSecurityGroups",
                "ec2:DescribeSubnets",
            ],
            "*",
        ),
        tags(partition),
    ])
}

fn tags(partition: &str) -> Value {
    allow(&["ec2:CreateTags"], &format!("arn:{partition}:ec2:*:*:network-interface/*"))
}

fn allow(actions: &[&str], resource: &str) -> Value {
    json!({ "Effect": "Allow", "Action": actions, "Resource": resource })
}

fn document(statements: impl IntoIterator<Item = Value>) -> PolicyDocument {
    let statements = statements.into_iter().map(|statement| Statement::try_from(statement).expect("it has an effect"));
    PolicyDocument::new(statements.collect())
}

//! The procedure as Amazon documents it, step by step, each a line that a person types.

use cni_plan_tests::served::Served;

/// The documented steps with what differs between families filled in.
pub(super) struct Procedure {
    pub(super) scenario: &'static str,
    pub(super) ip_family: &'static str,
    pub(super) policy_arn: &'static str,
    /// The optional step about the STS endpoint.
    pub(super) sts_regional_endpoints: Option<bool>,
}

const ROLE: &str = "AmazonEKSVPCCNIRole";
const ROLE_ARN: &str = "arn:aws:iam::111122223333:role/AmazonEKSVPCCNIRole";
const PODS: &str = "pods -n kube-system -l k8s-app=aws-node";

impl Procedure {
    /// Every step, each checked as the documentation says to check it.
    pub(super) fn follow(&self, at: &Served) {
        let Procedure { ip_family, policy_arn, .. } = self;
        let shell = at.shell();

        // Before anything: the issuer and its provider.
        let issuer =
            shell.must("aws eks describe-cluster --name my-cluster --query cluster.identity.oidc.issuer --output text");
        let issuer = issuer.strip_prefix("https://").expect("an issuer is a URL");
        let provider = format!("arn:aws:iam::111122223333:oidc-provider/{issuer}");
        let providers = shell.must("aws iam list-open-id-connect-providers");
        assert!(providers.contains(&provider), "{providers}");

        // 1. The role.
        let found = shell.must("aws eks describe-cluster --name my-cluster | grep ipFamily");
        assert!(found.contains(&format!("\"ipFamily\": \"{ip_family}\"")), "{found}");
        at.workspace().write("trust.json", &trust(&provider, issuer));
        shell.must(&format!("aws iam create-role --role-name {ROLE} --assume-role-policy-document file://trust.json"));
        shell.must(&format!("aws iam attach-role-policy --role-name {ROLE} --policy-arn {policy_arn}"));
        let annotate = "kubectl annotate serviceaccount -n kube-system aws-node";
        shell.must(&format!("{annotate} eks.amazonaws.com/role-arn={ROLE_ARN}"));
        if let Some(regional) = self.sts_regional_endpoints {
            shell.must(&format!("{annotate} eks.amazonaws.com/sts-regional-endpoints={regional}"));
        }

        // 2. The pods.
        shell.must(&format!("kubectl delete {PODS}"));
        shell.must("kubectl rollout status daemonset -n kube-system aws-node --timeout=30s");
        let pods = shell.must(&format!("kubectl get {PODS} --no-headers"));
        assert!(pods.lines().count() == 3 && pods.lines().all(|pod| pod.contains(" Running ")), "{pods}");
        let environment = shell.must(&format!(
            "kubectl get {PODS} -o jsonpath='{{.items[0].spec.containers[0].env[*].name}} {{.items[0].spec.containers[0].env[*].value}}'"
        ));
        for part in ["AWS_ROLE_ARN", ROLE_ARN, "AWS_WEB_IDENTITY_TOKEN_FILE"] {
            assert!(environment.contains(part), "{part} is not in {environment}");
        }

        // 3. The node role.
        shell.must(&format!("aws iam detach-role-policy --role-name AmazonEKSNodeRole --policy-arn {policy_arn}"));
    }
}

fn trust(provider: &str, issuer: &str) -> String {
    format!(
        r#"{{
    "Version": "2012-10-17",
    "Statement": [
        {{
            "Effect": "Allow",
            "Principal": {{
                "Federated": "{provider}"
            }},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {{
                "StringEquals": {{
                    "{issuer}:aud": "sts.amazonaws.com",
                    "{issuer}:sub": "system:serviceaccount:kube-system:aws-node"
                }}
            }}
        }}
    ]
}}
"#
    )
}

//! A plan's result as Terraform keeps it: resources, and an import block for each that is there already.
//!
//! Source: the documentation of the providers hashicorp/aws and hashicorp/kubernetes, "Argument Reference" and "Import"
//! of each resource; `kubernetes_annotations` has no import, since making it is the same. An argument that is left out
//! is one that the provider sets to its default, so that what a plan does not look at is named under `ignore_changes`;
//! what the provider reads back by itself (`Computed` in its schema: an add-on's version and configuration, a
//! provider's thumbprints) needs no word.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use cni_plan_core::{ChangeSet, PlannedCluster, Policy, annotation_keys};

use crate::hcl::{label, string};
use crate::inert::inert;
use crate::settled::{SettledCluster, settled};

/// `import` blocks came with Terraform 1.5, and with version 6 of the AWS provider all that is left out here may be
/// (`thumbprint_list` of an OIDC provider had to be given in earlier ones).
const REQUIRED: &str = r#"  required_version = ">= 1.5.0"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.0"
    }
"#;
const REQUIRED_KUBERNETES: &str = r#"    kubernetes = {
      source = "hashicorp/kubernetes"
    }
"#;
/// Tags that no plan looks at: the provider would take off those that are there.
const TAGS: [&str; 2] = ["tags", "tags_all"];
/// Of a role's, which the provider would set to an hour.
const SESSION: [&str; 1] = ["max_session_duration"];

/// The configuration of the cluster with this key: its providers can be of one account, region and API server alone.
pub fn terraform_config(change_set: &ChangeSet, key: &str) -> String {
    let mut file = File {
        text: "# What `cni-plan apply` leaves, for Terraform to keep. Apply the plan first: what is not there yet has no import\n# \
               block, and Terraform would make it, but restart no pods and take no policy off a node role.\n"
            .to_owned(),
    };
    for cluster in settled(change_set).iter().filter(|cluster| cluster.planned.cluster.key == key) {
        file.cluster(cluster);
    }
    file.text
}

struct File {
    text: String,
}

impl File {
    fn cluster(&mut self, cluster: &SettledCluster<'_>) {
        let key = cluster.planned.cluster.key.as_str();
        let label = label(key);
        let _ = write!(self.text, "\n# {}\n", inert(key));
        self.providers(cluster);
        for (role, policy) in &cluster.detached {
            let _ = writeln!(self.text, "# still to be taken off {}: {}", inert(role), inert(policy));
        }
        if let Some(provider) = &cluster.provider {
            let (arn, state) = provider.state;
            let ids: Vec<String> = state.client_ids.iter().map(|id| string(id)).collect();
            let body = format!(
                "  url            = {}\n  client_id_list = [{}]\n",
                string(&format!("https://{}", state.url)),
                ids.join(", ")
            );
            self.resource("aws_iam_openid_connect_provider", &label, provider.is_there.then_some(arn), &body, &TAGS);
        }
        for policy in &cluster.owned {
            let name = policy_label(cluster, policy.state);
            let id = policy.is_there.then_some(policy.state.arn.as_str());
            self.resource("aws_iam_policy", &name, id, &policy_body(policy.state), &TAGS);
        }
        self.role(cluster, &label);
        for policy in &cluster.policies {
            let name = &cluster.role.state.name;
            let id = format!("{name}/{}", policy.state);
            let owned = cluster.owned.iter().find(|owned| owned.state.arn == policy.state);
            let arn = owned.map_or_else(
                || string(policy.state),
                |owned| format!("aws_iam_policy.{}.arn", policy_label(cluster, owned.state)),
            );
            let body = format!("  role       = aws_iam_role.{label}.name\n  policy_arn = {arn}\n");
            self.resource("aws_iam_role_policy_attachment", &label, policy.is_there.then_some(&id), &body, &[]);
        }
        self.identity(cluster, &label);
    }

    /// Whom the resources are asked of: no other account, region or API server than the plan's.
    fn providers(&mut self, cluster: &SettledCluster<'_>) {
        let PlannedCluster { cluster: reached, facts, .. } = cluster.planned;
        let account = cluster.account;
        let is_annotated = account.association.is_none() && account.addon.is_none();
        let kubernetes = if is_annotated { REQUIRED_KUBERNETES } else { "" };
        let _ = write!(self.text, "\nterraform {{\n{REQUIRED}{kubernetes}  }}\n}}\n");
        let mut body = format!(
            "  region              = {}\n  allowed_account_ids = [{}]\n",
            string(&facts.region),
            string(&facts.account)
        );
        if let Some(profile) = &reached.profile {
            let _ = writeln!(body, "  profile             = {}", string(profile));
        }
        if let Some(role) = &reached.assume_role {
            let _ = write!(body, "  assume_role {{\n    role_arn = {}\n", string(&role.arn));
            if let Some(id) = &role.external_id {
                let _ = writeln!(body, "    external_id = {}", string(id));
            }
            body.push_str("  }\n");
        }
        let _ = write!(self.text, "\nprovider \"aws\" {{\n{body}}}\n");
        if !is_annotated {
            return;
        }
        let access = reached.kubernetes.as_ref();
        let path = access.and_then(|access| access.kubeconfig.as_deref()).unwrap_or("~/.kube/config");
        let mut body = format!("  config_path    = {}\n", string(path));
        // Without an access in the spec, the context is the one that `export --to commands` tells how to make.
        if let Some(context) = access.map_or(Some(&reached.key), |access| access.context.as_ref()) {
            let _ = writeln!(body, "  config_context = {}", string(context));
        }
        let _ = write!(self.text, "\nprovider \"kubernetes\" {{\n{body}}}\n");
    }

    fn role(&mut self, cluster: &SettledCluster<'_>, label: &str) {
        let role = cluster.role.state;
        let mut body =
            format!("  name               = {}\n  path               = {}\n", string(&role.name), string(&role.path));
        let _ = writeln!(body, "  assume_role_policy = {}", string(&role.trust.to_json()));
        if let Some(description) = &role.description {
            let _ = writeln!(body, "  description        = {}", string(description));
        }
        if let Some(arn) = &role.permissions_boundary {
            let _ = writeln!(body, "  permissions_boundary = {}", string(arn));
        }
        write_tags(&mut body, &role.tags);
        self.resource("aws_iam_role", label, cluster.role.is_there.then_some(&role.name), &body, &SESSION);
    }

    /// Who tells the pods their role.
    fn identity(&mut self, cluster: &SettledCluster<'_>, label: &str) {
        let (planned, account) = (cluster.planned, cluster.account);
        let name = &planned.cluster.name;
        let role = format!("aws_iam_role.{label}.arn");
        // No pod is told of a role that allows nothing yet, nor has one when its policy goes.
        let after_policies = format!("  depends_on = [aws_iam_role_policy_attachment.{label}]\n");
        if let Some(association) = &account.association {
            let id = planned.facts.association.as_ref().map(|id| format!("{name},{id}"));
            let mut body = format!(
                "  cluster_name    = {}\n  namespace       = {}\n  service_account = {}\n  role_arn        = {role}\n",
                string(name),
                string(&account.namespace),
                string(&account.name)
            );
            write_tags(&mut body, &association.tags);
            body.push_str(&after_policies);
            self.resource("aws_eks_pod_identity_association", label, id.as_deref(), &body, &[]);
        } else if account.addon.is_some() {
            let body = format!(
                "  cluster_name                = {}\n  addon_name                  = \"vpc-cni\"\n  service_account_role_arn    = \
                 {role}\n  resolve_conflicts_on_update = \"PRESERVE\"\n{after_policies}",
                string(name)
            );
            self.resource("aws_eks_addon", label, Some(&format!("{name}:vpc-cni")), &body, &TAGS);
        } else {
            let mut body = format!(
                "  api_version = \"v1\"\n  kind        = \"ServiceAccount\"\n  force       = true # cni-plan has set it\n  \
                 metadata {{\n    namespace = {}\n    name      = {}\n  }}\n  annotations = {{\n    {} = {role}\n",
                string(&account.namespace),
                string(&account.name),
                string(annotation_keys::ROLE_ARN)
            );
            if let Some(regional) = account.annotations.get(annotation_keys::STS_REGIONAL_ENDPOINTS) {
                let key = string(annotation_keys::STS_REGIONAL_ENDPOINTS);
                let _ = writeln!(body, "    {key} = {}", string(&regional.value));
            }
            body.push_str("  }\n");
            body.push_str(&after_policies);
            self.resource("kubernetes_annotations", label, None, &body, &[]);
        }
    }

    /// One that is there is taken over by its id, and its arguments in `unseen` stay as they are.
    fn resource(&mut self, kind: &str, label: &str, id: Option<&str>, body: &str, unseen: &[&str]) {
        let mut lifecycle = String::new();
        if let Some(id) = id {
            let _ = write!(self.text, "\nimport {{\n  to = {kind}.{label}\n  id = {}\n}}\n", string(id));
            if !unseen.is_empty() {
                lifecycle = format!("  lifecycle {{\n    ignore_changes = [{}]\n  }}\n", unseen.join(", "));
            }
        }
        let _ = write!(self.text, "\nresource \"{kind}\" \"{label}\" {{\n{body}{lifecycle}}}\n");
    }
}

/// A policy's label, by its account and name.
fn policy_label(cluster: &SettledCluster<'_>, policy: &Policy) -> String {
    label(&format!("{}-{}", cluster.planned.facts.account, policy.name))
}

/// Description and path are fixed when a policy is made: left out, Terraform would delete it and make another.
fn policy_body(policy: &Policy) -> String {
    let mut body = format!("  name   = {}\n  policy = {}\n", string(&policy.name), string(&policy.document.to_json()));
    if let Some(description) = &policy.description {
        let _ = writeln!(body, "  description = {}", string(description));
    }
    let path = policy.arn.split_once(":policy").and_then(|(_, path)| path.strip_suffix(policy.name.as_str()));
    if let Some(path) = path.filter(|path| *path != "/") {
        let _ = writeln!(body, "  path   = {}", string(path));
    }
    body
}

/// Those that begin with `aws:` are Amazon's own, which nobody else may set, and which the provider does not read.
fn write_tags(body: &mut String, tags: &BTreeMap<String, String>) {
    let mut tags = tags.iter().filter(|(key, _)| !key.to_ascii_lowercase().starts_with("aws:")).peekable();
    if tags.peek().is_none() {
        return;
    }
    body.push_str("  tags = {\n");
    for (key, value) in tags {
        let _ = writeln!(body, "    {} = {}", string(key), string(value));
    }
    body.push_str("  }\n");
}

//! A plan's result as Terraform keeps it: resources, and an import block for each that is there already.
//!
//! Source: the documentation of the providers hashicorp/aws and hashicorp/kubernetes, "Import" of each resource;
//! `kubernetes_annotations` has none, since making it is the same. Terraform configuration is written so that nothing
//! from outside is a template: `${` and `%{` are doubled (HCL, "Strings and Templates").

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use cni_plan_core::{ChangeSet, PlannedCluster, annotation_keys};

use crate::inert::inert;
use crate::settled::{SettledCluster, settled};

/// The configuration of the cluster with this key: its providers can be of one account, region and API server alone.
pub fn terraform_config(change_set: &ChangeSet, key: &str) -> String {
    let mut file = File {
        text: "# What `cni-plan apply` leaves, for Terraform to keep. Apply the plan first: what is not there yet has no import\n# \
               block, and Terraform would make it, but restart no pods and take no policy off a node role.\n"
            .to_owned(),
        imported: BTreeSet::new(),
    };
    for cluster in settled(change_set).iter().filter(|cluster| cluster.planned.cluster.key == key) {
        file.cluster(cluster);
    }
    file.text
}

struct File {
    text: String,
    /// Ids of what clusters may share, each told once.
    imported: BTreeSet<String>,
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
            self.resource("aws_iam_openid_connect_provider", &label, provider.is_there.then_some(arn), &body);
        }
        for policy in &cluster.owned {
            let body = format!(
                "  name   = {}\n  policy = {}\n",
                string(&policy.state.name),
                string(&policy.state.document.to_json())
            );
            let (arn, name) = (
                policy.state.arn.as_str(),
                self::label(&format!("{}-{}", cluster.planned.facts.account, policy.state.name)),
            );
            if self.imported.insert(arn.to_owned()) {
                self.resource("aws_iam_policy", &name, policy.is_there.then_some(arn), &body);
            }
        }
        self.role(cluster, &label);
        for policy in &cluster.policies {
            let name = &cluster.role.state.name;
            let id = format!("{name}/{}", policy.state);
            let body = format!("  role       = aws_iam_role.{label}.name\n  policy_arn = {}\n", string(policy.state));
            self.resource("aws_iam_role_policy_attachment", &label, policy.is_there.then_some(&id), &body);
        }
        self.identity(cluster, &label);
    }

    /// Whom the resources are asked of: no other account, region or API server than the plan's.
    fn providers(&mut self, cluster: &SettledCluster<'_>) {
        let PlannedCluster { cluster: reached, facts, .. } = cluster.planned;
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
        let account = cluster.account.state;
        if account.association.is_some() || account.addon.is_some() {
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
        self.resource("aws_iam_role", label, cluster.role.is_there.then_some(&role.name), &body);
    }

    /// Who tells the pods their role.
    fn identity(&mut self, cluster: &SettledCluster<'_>, label: &str) {
        let (planned, account) = (cluster.planned, cluster.account.state);
        let name = &planned.cluster.name;
        let role = format!("aws_iam_role.{label}.arn");
        if let Some(association) = &account.association {
            let id = planned.facts.association.as_ref().map(|id| format!("{name},{id}"));
            let mut body = format!(
                "  cluster_name    = {}\n  namespace       = {}\n  service_account = {}\n  role_arn        = {role}\n",
                string(name),
                string(&account.namespace),
                string(&account.name)
            );
            write_tags(&mut body, &association.tags);
            self.resource("aws_eks_pod_identity_association", label, id.as_deref(), &body);
        } else if account.addon.is_some() {
            let body = format!(
                "  cluster_name                = {}\n  addon_name                  = \"vpc-cni\"\n  service_account_role_arn    = \
                 {role}\n  resolve_conflicts_on_update = \"PRESERVE\"\n",
                string(name)
            );
            self.resource("aws_eks_addon", label, Some(&format!("{name}:vpc-cni")), &body);
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
            self.resource("kubernetes_annotations", label, None, &body);
        }
    }

    fn resource(&mut self, kind: &str, label: &str, id: Option<&str>, body: &str) {
        if let Some(id) = id {
            let _ = write!(self.text, "\nimport {{\n  to = {kind}.{label}\n  id = {}\n}}\n", string(id));
        }
        let _ = write!(self.text, "\nresource \"{kind}\" \"{label}\" {{\n{body}}}\n");
    }
}

fn write_tags(body: &mut String, tags: &BTreeMap<String, String>) {
    if tags.is_empty() {
        return;
    }
    body.push_str("  tags = {\n");
    for (key, value) in tags {
        let _ = writeln!(body, "    {} = {}", string(key), string(value));
    }
    body.push_str("  }\n");
}

/// A name that Terraform takes for a block: letters, digits, `_` and `-`, beginning with a letter. What else there is in
/// a key is written as its code, so that two keys never have one label.
fn label(key: &str) -> String {
    let mut label = "cni_".to_owned();
    for character in key.chars() {
        if character.is_ascii_alphanumeric() || character == '-' {
            label.push(character);
        } else {
            let _ = write!(label, "_{:x}_", u32::from(character));
        }
    }
    label
}

/// A string of HCL in ASCII, in which nothing is a template.
fn string(text: &str) -> String {
    let mut out = "\"".to_owned();
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '"' | '\\' => {
                out.push('\\');
                out.push(character);
            }
            '\n' => out.push_str("\\n"),
            '$' | '%' if rest.peek() == Some(&'{') => {
                out.push(character);
                out.push(character);
            }
            ' '..='~' => out.push(character),
            other if u32::from(other) <= 0xffff => {
                let _ = write!(out, "\\u{:04x}", u32::from(other));
            }
            other => {
                let _ = write!(out, "\\U{:08x}", u32::from(other));
            }
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_string_is_a_template_or_ends_it() {
        assert_eq!(string("a \"b\" \\ ${aws:username} %{if} $5\n"), r#""a \"b\" \\ $${aws:username} %%{if} $5\n""#);
        assert_eq!(string("é\u{1b}\u{1f980}"), r#""\u00e9\u001b\U0001f980""#);
    }

    #[test]
    fn two_keys_have_two_labels() {
        assert_eq!(label("my-cluster"), "cni_my-cluster");
        assert_ne!(label("a@b"), label("a.b"));
        assert_ne!(label("a_b"), label("a-b"));
    }
}

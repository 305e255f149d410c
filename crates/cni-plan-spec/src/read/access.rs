//! How a cluster is reached: `assumeRole`, `externalId`, `kubernetes`.

use cni_plan_core::{AssumeRole, KubernetesAccess};

use super::fields::Fields;
use super::keys::{ASSUME_ROLE, KUBERNETES};
use super::{Scope, forms};
use crate::diagnostic::{Problem, Report};
use crate::yaml::Value;

/// `assumeRole` is an ARN, with `externalId` beside it where the role's trust asks for one; or a
/// mapping that holds both, as `arn` and `externalId`.
pub(super) fn assume_role(
    cluster: &Fields<'_>,
    account: Option<&str>,
    scope: &Scope<'_>,
    report: &mut Report,
) -> Option<AssumeRole> {
    let beside = cluster.get("externalId");
    let beside_text = beside.as_ref().and_then(|field| field.text(report, forms::external_id));
    let Some(field) = cluster.get("assumeRole") else {
        if let (Some(beside), Scope::Cluster { .. }) = (&beside, scope) {
            let problem = Problem::new("is given without `assumeRole`");
            beside.refuse(report, problem.hint("add `assumeRole:` with the role's ARN, or remove the key"));
        }
        return None;
    };
    let (arn, inside_text) = match &field.node.value {
        Value::Mapping(_) => {
            let inside = field.mapping(&ASSUME_ROLE, report)?;
            let external_id = inside.get("externalId");
            if let (Some(beside), Some(_)) = (&beside, &external_id) {
                beside.refuse(report, Problem::new("is given beside `assumeRole` and in it").hint("keep one of them"));
            }
            let text = external_id.and_then(|field| field.text(report, forms::external_id));
            let Some(arn) = inside.get("arn") else {
                // In `defaults`, a cluster may supply it.
                if let Scope::Cluster { .. } = scope {
                    let problem = Problem::new("has no `arn`");
                    field.refuse(report, problem.hint("add `arn:` with the ARN of the role to assume"));
                }
                return None;
            };
            (arn, text)
        }
        _ => (field, None),
    };
    let text = arn.text(report, forms::role_arn)?;
    let assumed = forms::account_of(&text);
    if let (Some(account), Some(assumed), Scope::Cluster { .. }) = (account, assumed, scope)
        && account != assumed
    {
        let problem = Problem::new(format!("is a role of the account {assumed}, while `account` is {account}"));
        arn.refuse(report, problem.hint("the credentials would be refused; make the two agree"));
    }
    Some(AssumeRole { arn: text, external_id: inside_text.or(beside_text) })
}

pub(super) fn kubernetes(cluster: &Fields<'_>, report: &mut Report) -> Option<KubernetesAccess> {
    let field = cluster.get("kubernetes")?;
    let access = field.mapping(&KUBERNETES, report)?;
    if access.is_empty() {
        let problem = Problem::new("is empty").hint("set `context`, or remove the key to use the cluster's endpoint");
        field.refuse(report, problem);
    }
    let mut text = |key: &str| access.get(key).and_then(|field| field.text(report, forms::not_blank));
    Some(KubernetesAccess { kubeconfig: text("kubeconfig"), context: text("context") })
}

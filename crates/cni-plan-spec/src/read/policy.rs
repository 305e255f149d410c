//! `policy`: an existing one by its ARN, or one to own by name and document.

use super::document::Documents;
use super::fields::Fields;
use super::{forms, keys::POLICY};
use crate::diagnostic::{Problem, Report};
use crate::spec::PolicySpec;

pub(super) fn read(cluster: &Fields<'_>, documents: &mut Documents<'_>, report: &mut Report) -> PolicySpec {
    let Some(field) = cluster.get("policy") else { return PolicySpec::default() };
    let Some(policy) = field.mapping(&POLICY, report) else { return PolicySpec::default() };
    if policy.is_empty() {
        field.refuse(report, Problem::new("is empty").hint("set `arn`, or `name` and `document`, or remove the key"));
    }
    if let Some(arn) = policy.get("arn") {
        for key in ["name", "document"] {
            if let Some(field) = policy.get(key) {
                let problem = Problem::new("cannot stand together with `policy.arn`")
                    .note(format!("`policy.arn` is given at {}", report.place(arn.span().start)))
                    .note("`arn` refers to a policy that someone else keeps; `name` and `document` define one to own")
                    .hint("keep one or the other; `defaults` count too");
                field.refuse(report, problem);
            }
        }
    }
    PolicySpec {
        arn: policy.get("arn").and_then(|field| field.text(report, forms::policy_arn)),
        name: policy.get("name").and_then(|field| field.text(report, forms::policy_name)),
        document: policy.get("document").and_then(|field| documents.read(&field, report)),
    }
}

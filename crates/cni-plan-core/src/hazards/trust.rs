//! Whom a role that is there already trusts besides: the plugin of another issuer, most often that of a
//! cluster which was deleted and made anew under the same name.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Cluster, known};
use crate::{Finding, Resource, Statement};

pub(super) fn findings(cluster: &Cluster<'_>) -> Vec<Finding> {
    let Some((step, Some(found))) = cluster.role() else { return Vec::new() };
    let Some(Resource::Role(after)) = &step.after else { return Vec::new() };
    let Some(issuer) = cluster.planned.facts.issuer.as_deref() else { return Vec::new() };
    let ours: BTreeSet<String> = after.trust.statements().iter().flat_map(|it| subjects(it, issuer)).collect();
    let others = found.trust.statements().iter().filter_map(issuer_of).filter(|other| *other != issuer);
    let mut stale: Vec<&str> = others
        .filter(|other| found.trust.statements().iter().any(|it| subjects(it, other).any(|it| ours.contains(&it))))
        .collect();
    stale.sort_unstable();
    stale.dedup();
    let message =
        |other: &str| format!("role {} trusts the plugin of issuer {other}, and the cluster's is {issuer}", found.name);
    stale.into_iter().map(|other| known::STALE_ISSUER.at(&step.address, message(other))).collect()
}

/// The issuer of the one OIDC provider that a statement lets in.
fn issuer_of(statement: &Statement) -> Option<&str> {
    let arn = statement.as_written()["Principal"]["Federated"].as_str()?;
    arn.split_once(":oidc-provider/").map(|(_, issuer)| issuer)
}

/// The subjects that a statement asks of an issuer's tokens, whatever the operator.
fn subjects<'a>(statement: &'a Statement, issuer: &str) -> impl Iterator<Item = String> + 'a {
    let key = format!("{issuer}:sub");
    let operators = statement.as_written()["Condition"].as_object().into_iter().flatten();
    operators.filter_map(move |(_, keys)| keys.get(&key)).flat_map(texts)
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        single => single.as_str().map(str::to_owned).into_iter().collect(),
    }
}

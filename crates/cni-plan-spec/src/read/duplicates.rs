//! No cluster twice.

use std::collections::HashMap;

use crate::diagnostic::{Problem, Report, quoted};
use crate::source::{Position, Span};
use crate::spec::ClusterSpec;

/// Reports each cluster that is the same as one above it: same name, region and account. Where
/// no account is written, the role to assume or else the profile stands for it.
pub(super) fn refuse(clusters: &[ClusterSpec], report: &mut Report) {
    let mut first: HashMap<_, Position> = HashMap::with_capacity(clusters.len());
    for cluster in clusters {
        let assumed = cluster.assume_role.as_ref().and_then(|role| super::forms::account_of(&role.arn));
        let owner = match (cluster.account.as_deref().or(assumed), cluster.profile.as_deref()) {
            (Some(account), _) => (Some(account), None),
            (None, profile) => (None, profile),
        };
        let Some(earlier) = first.insert((&cluster.name, &cluster.region, owner), cluster.position) else { continue };
        let start = cluster.position;
        let end = Position { line: start.line, column: start.column + cluster.name.chars().count() };
        let problem = Problem::new(format!("the cluster {} is given twice", quoted(&cluster.name)))
            .note(format!("first given at {}", report.place(earlier)))
            .hint("remove one of them, or tell them apart by `region` or `account`");
        report.add(Span { start, end }, problem);
    }
}

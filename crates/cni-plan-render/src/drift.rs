//! A world that is not the one a plan was made for, resource by resource.

use std::collections::{BTreeMap, HashMap};

use cni_plan_core::{ClusterFacts, Drift, FactsDrift, OutsideUse, RolePolicy, RoleRecord};

use crate::describe::{self, Cause};
use crate::group;
use crate::lines::{Lines, Mark};
use crate::page::Page;
use crate::plan_text::body_line;
use crate::style::{Style, Tone};

/// Each drifted resource as a difference from what was planned on to what was found; empty of none. A difference that
/// several steps of one scope see, as all steps on a cluster's pods do, is shown once with all their addresses.
pub fn drift_text(drifts: &[Drift], style: &Style) -> String {
    let mut page = Page::new(style);
    let mut lines = Lines::default();
    for steps in seen_together(drifts) {
        let [drift, others @ ..] = steps.as_slice() else { continue };
        lines.clear();
        let (mark, what) = match (&drift.planned, &drift.found) {
            (None, Some(found)) => {
                describe::whole(&mut lines, found, Mark::Add);
                (Mark::Add, "  (was not there, and is now)")
            }
            (Some(planned), None) => {
                describe::whole(&mut lines, planned, Mark::Remove);
                (Mark::Remove, "  (was there, and is gone)")
            }
            (Some(planned), Some(found)) => {
                describe::difference(&mut lines, planned, found, Cause::World, style.width.saturating_sub(6));
                (Mark::Alter, "  (planned -> found)")
            }
            (None, None) => continue,
        };
        page.blank();
        let (mut lead, mut address) = (mark.lead(), &drift.address);
        for other in others {
            page.line(0, &[(mark.tone(), lead), (Tone::Strong, address.as_str()), (Tone::Quiet, ",")]);
            (lead, address) = (Mark::Same.lead(), &other.address);
        }
        page.line(0, &[(mark.tone(), lead), (Tone::Strong, address.as_str()), (Tone::Quiet, what)]);
        for line in lines.iter() {
            body_line(&mut page, 2, line);
        }
    }
    page.finish()
}

/// The drifts in their order, each with the later ones of its scope that are equal to it.
fn seen_together(drifts: &[Drift]) -> Vec<Vec<&Drift>> {
    let mut together: Vec<Vec<&Drift>> = Vec::new();
    let mut by_scope: HashMap<&str, Vec<usize>> = HashMap::new();
    for drift in drifts {
        let of_scope = by_scope.entry(drift.address.scope()).or_default();
        let is_equal = |first: &Drift| first.planned == drift.planned && first.found == drift.found;
        match of_scope.iter().find(|&&at| is_equal(together[at][0])) {
            Some(&at) => together[at].push(drift),
            None => {
                of_scope.push(together.len());
                together.push(vec![drift]);
            }
        }
    }
    together
}

/// Each cluster whose facts are not those a plan rests on, fact by fact; empty of none.
pub fn facts_drift_text(drifts: &[FactsDrift], style: &Style) -> String {
    let mut page = Page::new(style);
    for drift in drifts {
        page.blank();
        let pieces = [(Tone::Alter, "~ "), (Tone::Strong, &drift.cluster), (Tone::Quiet, "  (planned -> found)")];
        page.line(0, &pieces);
        for ((name, planned), (_, found)) in told(&drift.planned).into_iter().zip(told(&drift.found)) {
            if planned != found {
                page.prose(2, (Tone::Alter, "~ "), Tone::Plain, &format!("{name}: {planned} -> {found}"));
            }
        }
    }
    page.finish()
}

/// Each use of a node role by a cluster outside of a plan that has come or gone since; empty of none.
pub fn outside_drift_text(planned: &[OutsideUse], found: &[OutsideUse], style: &Style) -> String {
    let mut page = Page::new(style);
    let mut told = |tone, lead: &str, one: &[OutsideUse], other: &[OutsideUse], verb: &str| {
        for OutsideUse { account, role, region, cluster } in one.iter().filter(|it| !other.contains(it)) {
            let text = format!("nodes of cluster {cluster} in {region} {verb} role {role} of account {account}");
            page.prose(0, (tone, lead), Tone::Plain, &text);
        }
    };
    told(Tone::Remove, "- ", planned, found, "had");
    told(Tone::Add, "+ ", found, planned, "have");
    page.finish()
}

/// Each role on which there is something else than when a plan was made, policy by policy; empty of none.
pub fn roles_drift_text(drifts: &[(RoleRecord, RoleRecord)], style: &Style) -> String {
    let mut page = Page::new(style);
    for (planned, found) in drifts {
        page.blank();
        let title = format!("role {} of account {}", planned.name, planned.account);
        page.line(0, &[(Tone::Alter, "~ "), (Tone::Strong, &title), (Tone::Quiet, "  (planned -> found)")]);
        let (before, now) = (on_it(planned), on_it(found));
        for (what, policy) in &before {
            let (lead, tone, text) = match now.get(what) {
                None if found.is_partial => ("? ", Tone::Alter, format!("{what} was on it, and may be still")),
                None => ("- ", Tone::Remove, format!("{what} was on it")),
                Some(other) if other != policy => ("~ ", Tone::Alter, format!("{what} says something else")),
                Some(_) => continue,
            };
            page.prose(2, (tone, lead), Tone::Plain, &text);
        }
        for what in now.keys().filter(|what| !before.contains_key(*what)) {
            page.prose(2, (Tone::Add, "+ "), Tone::Plain, &format!("{what} is on it"));
        }
        if found.is_partial && !planned.is_partial {
            let why = "not all of it may be read with these credentials, and the plan was made with others that may";
            page.prose(2, (Tone::Quiet, ""), Tone::Quiet, why);
        }
    }
    page.finish()
}

/// The boundary and the policies of a role, by what people call them.
fn on_it(role: &RoleRecord) -> BTreeMap<String, &RolePolicy> {
    let policy = |it: &RolePolicy| if it.is_inline { it.label() } else { format!("policy {}", it.name) };
    let boundary = role.boundary.iter().map(|it| (format!("permissions boundary {}", it.name), it));
    role.policies.iter().map(|it| (policy(it), it)).chain(boundary).collect()
}

/// Every fact that a plan rests on, in words.
fn told(facts: &ClusterFacts) -> [(&'static str, String); 8] {
    let or_none = |fact: &Option<String>| fact.clone().unwrap_or_else(|| "none".to_owned());
    let node_roles = group::node_roles(facts);
    [
        ("account", facts.account.clone()),
        ("partition", facts.partition.clone()),
        ("region", facts.region.clone()),
        ("IP family", facts.ip_family.to_string()),
        ("issuer", or_none(&facts.issuer)),
        ("Kubernetes", facts.version.clone()),
        ("EKS add-on", or_none(&facts.managed_addon.as_ref().map(ToString::to_string))),
        ("node roles", if node_roles.is_empty() { "none".to_owned() } else { node_roles }),
    ]
}

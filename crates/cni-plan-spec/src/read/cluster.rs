//! One cluster's keys, `defaults` already laid under them.

use std::collections::HashSet;
use std::rc::Rc;

use cni_plan_core::IpFamily;

use super::document::Documents;
use super::fields::{Field, Fields};
use super::{Scope, accept, access, forms, keys, policy, restart, role};
use crate::diagnostic::{Problem, Report, quoted};
use crate::source::Span;
use crate::spec::{Addon, ClusterSpec, Identity, NodeRoles, OidcProvider, ServiceAccountRef};
use crate::yaml::{Entry, Node, Value};

/// Reads a cluster, or `defaults`, whose result means nothing but for what it reports. `None`
/// where the name is wrong; whatever else is wrong is in the report and has its default here.
pub(super) fn read(
    entries: &[Entry],
    at: Span,
    scope: &Scope<'_>,
    documents: &mut Documents<'_>,
    report: &mut Report,
) -> Option<ClusterSpec> {
    let fields = Fields::new("", entries, &keys::CLUSTER, report);
    let mut text = |key: &str, check: fn(&str) -> Result<String, Problem>| {
        fields.get(key).and_then(|field| field.text(report, check))
    };
    let name = text("name", forms::cluster_name);
    let region = text("region", forms::region);
    let profile = text("profile", forms::profile);
    let account = fields.get("account").and_then(|field| read_account(&field, report));
    let cluster = ClusterSpec {
        name: name.clone().unwrap_or_default(),
        region,
        assume_role: access::assume_role(&fields, account.as_deref(), scope, report),
        account,
        profile,
        ip_family: fields
            .get("ipFamily")
            .and_then(|field| field.choice(report, &[("ipv4", IpFamily::Ipv4), ("ipv6", IpFamily::Ipv6)])),
        kubernetes: access::kubernetes(&fields, report),
        addon: read_addon(&fields, report),
        identity: read_identity(&fields, report),
        service_account: read_service_account(&fields, report),
        role: role::read(&fields, scope, report),
        policy: policy::read(&fields, documents, report),
        oidc_provider: fields
            .get("oidcProvider")
            .and_then(|field| {
                field.choice(report, &[("require", OidcProvider::Require), ("create", OidcProvider::Create)])
            })
            .unwrap_or(OidcProvider::Require),
        sts_regional_endpoints: fields.get("stsRegionalEndpoints").and_then(|field| field.flag(report)),
        restart: restart::read(&fields, report),
        node_roles: fields
            .get("nodeRoles")
            .and_then(|field| read_node_roles(&field, report))
            .unwrap_or(NodeRoles::Auto),
        other_regions: fields.get("otherRegions").map(|field| read_regions(&field, report)).unwrap_or_default(),
        detach: fields.get("detach").and_then(|field| field.flag(report)).unwrap_or(true),
        accept: fields.get("accept").map(|field| accept::read(&field, report)).unwrap_or_default(),
        position: at.start,
        places: places(&fields),
    };
    name.is_some().then_some(cluster)
}

/// Accounts must be quoted: YAML reads bare digits as a number, which has no leading zero.
fn read_account(field: &Field<'_>, report: &mut Report) -> Option<String> {
    let Value::Number(text) = &field.node.value else { return field.text(report, forms::account) };
    let problem = Problem::new(format!("must be a string, found the unquoted number {}", quoted(text)));
    let problem = if forms::account(text).is_ok() {
        let problem = problem.hint(format!("quote it: \"{text}\""));
        if text.starts_with('0') {
            problem.note("as a number it loses its leading zero, or is read as octal")
        } else {
            problem
        }
    } else {
        problem.hint("an account is 12 digits, in quotes")
    };
    field.refuse(report, problem);
    None
}

fn read_addon(fields: &Fields<'_>, report: &mut Report) -> Addon {
    const CHOICES: &[(&str, Addon)] =
        &[("auto", Addon::Auto), ("self-managed", Addon::SelfManaged), ("managed", Addon::Managed)];
    let Some(field) = fields.get("addon") else { return Addon::Auto };
    field.choice(report, CHOICES).unwrap_or(Addon::Auto)
}

fn read_identity(fields: &Fields<'_>, report: &mut Report) -> Identity {
    const CHOICES: &[(&str, Identity)] = &[("irsa", Identity::Irsa), ("pod-identity", Identity::PodIdentity)];
    let Some(field) = fields.get("identity") else { return Identity::Irsa };
    field.choice(report, CHOICES).unwrap_or(Identity::Irsa)
}

fn read_service_account(fields: &Fields<'_>, report: &mut Report) -> ServiceAccountRef {
    let account = fields.get("serviceAccount").and_then(|field| field.mapping(&keys::SERVICE_ACCOUNT, report));
    let mut text = |key: &str, check: fn(&str) -> Result<String, Problem>, default: &str| {
        let field = account.as_ref().and_then(|account| account.get(key));
        field.and_then(|field| field.text(report, check)).unwrap_or_else(|| default.to_owned())
    };
    ServiceAccountRef {
        namespace: text("namespace", forms::dns_label, "kube-system"),
        name: text("name", forms::dns_subdomain, "aws-node"),
    }
}

fn read_node_roles(field: &Field<'_>, report: &mut Report) -> Option<NodeRoles> {
    let items = match &field.node.value {
        Value::Sequence(items) => items,
        Value::Text(text) if text == "auto" => return Some(NodeRoles::Auto),
        Value::Text(text) => {
            let problem = Problem::new(format!("must be auto or a list of role names, found {}", quoted(text)));
            let problem = match forms::role_name(text) {
                Ok(name) => problem.hint(format!("write nodeRoles: [{name}]")),
                Err(_) => problem.hint("write `auto`, or names in brackets"),
            };
            field.refuse(report, problem);
            return None;
        }
        _ => {
            let hint = "write `auto`, or names in brackets".to_owned();
            field.wrong_type(report, "auto or a list of role names", Some(hint));
            return None;
        }
    };
    if items.is_empty() {
        let problem = Problem::new("is an empty list");
        field.refuse(report, problem.hint("write `auto` to find them, or `detach: false` to leave node roles alone"));
    }
    Some(NodeRoles::Named(read_distinct(field, items, forms::role_name, report)))
}

fn read_regions(field: &Field<'_>, report: &mut Report) -> Vec<String> {
    let Value::Sequence(items) = &field.node.value else {
        field.wrong_type(report, "a list of regions", Some("write them in brackets: [us-east-1]".to_owned()));
        return Vec::new();
    };
    let mut regions = read_distinct(field, items, forms::region, report);
    regions.sort();
    regions
}

/// The items of a list of which none may come twice, in their order.
fn read_distinct(
    field: &Field<'_>,
    items: &[Rc<Node>],
    check: fn(&str) -> Result<String, Problem>,
    report: &mut Report,
) -> Vec<String> {
    let mut names: Vec<String> = Vec::with_capacity(items.len());
    let mut seen = HashSet::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let path = format!("{}[{index}]", field.path);
        let item = Field { path, key_span: item.span, node: item };
        if let Some(name) = item.text(report, check) {
            if !seen.insert(name.clone()) {
                item.refuse(report, Problem::new(format!("names {} again", quoted(&name))).hint("remove it"));
            }
            names.push(name);
        }
    }
    names
}

/// Where each key's value stands, for messages after parsing.
fn places(fields: &Fields<'_>) -> Vec<(&'static str, crate::source::Position)> {
    fields
        .entries()
        .iter()
        .filter_map(|entry| Some((keys::CLUSTER.find(&entry.key)?, entry.value.span.start.max(entry.key_span.start))))
        .collect()
}

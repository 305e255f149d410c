//! What holds of any role: more to allow never takes away, more to deny never gives, and the form in
//! which something is written does not matter.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::super::*;
use crate::{IpFamily, RoleAsked, RoleOf, RolePolicy, RoleRecord, role_records};

/// How much a verdict gives, for comparisons: a weaker one may follow where something is taken away.
fn gives(verdict: Verdict<'_>) -> u8 {
    match verdict {
        Verdict::Allowed => 4,
        Verdict::PerhapsDenied { .. } => 3,
        Verdict::Conditional { .. } => 2,
        Verdict::InPart { .. } => 1,
        Verdict::NotAllowed | Verdict::OutsideBoundary { .. } | Verdict::Denied { .. } => 0,
    }
}

fn pick(
    from: &'static [&'static str],
    how_many: std::ops::RangeInclusive<usize>,
) -> impl Strategy<Value = Vec<&'static str>> {
    prop::sample::subsequence(from.to_vec(), how_many)
}

const ACTIONS: &[&str] =
    &["*", "ec2:*", "ec2:Describe*", "ec2:DescribeTags", "EC2:createtags", "ec2:CreateTag?", "logs:*", "s3:GetObject"];
const RESOURCES: &[&str] = &[
    "*",
    "arn:aws:ec2:*:*:network-interface/*",
    "arn:aws:ec2:us-west-2:*:network-interface/*",
    "arn:aws:ec2:*:*:network-interface/${aws:PrincipalTag/eni}",
    "arn:aws:ec2:*:*:subnet/*",
    "arn:aws:ec2:*:*:network-interface/eni-1",
];

fn statement(effect: &'static str) -> impl Strategy<Value = Value> {
    let condition = prop::option::of(prop::sample::select(vec![
        json!({}),
        json!({"StringEquals": {"aws:RequestedRegion": "us-west-2"}}),
        json!({"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}),
        json!({"StringEquals": {"ec2:Vpc": "vpc-1"}}),
    ]));
    let flags = prop::array::uniform2(prop::bool::weighted(0.25));
    (pick(ACTIONS, 1..=3), pick(RESOURCES, 1..=3), flags, condition).prop_map(
        move |(actions, resources, [not_action, not_resource], condition)| {
            let mut statement = Map::new();
            statement.insert("Effect".to_owned(), json!(effect));
            statement.insert(if not_action { "NotAction" } else { "Action" }.to_owned(), json!(actions));
            statement.insert(if not_resource { "NotResource" } else { "Resource" }.to_owned(), json!(resources));
            if let Some(condition) = condition {
                statement.insert("Condition".to_owned(), condition);
            }
            Value::Object(statement)
        },
    )
}

fn any_statement() -> impl Strategy<Value = Value> {
    prop_oneof![3 => statement("Allow"), 1 => statement("Deny")]
}

/// A few documents of a few statements each.
fn documents() -> impl Strategy<Value = Vec<Vec<Value>>> {
    prop::collection::vec(prop::collection::vec(any_statement(), 1..4), 1..4)
}

fn question() -> impl Strategy<Value = (&'static str, &'static str)> {
    (
        prop::sample::select(vec!["ec2:CreateTags", "ec2:DescribeTags", "logs:PutLogEvents", "ec2:*"]),
        prop::sample::select(vec![
            "*",
            "arn:aws:ec2:*:*:network-interface/*",
            "arn:aws:ec2:us-west-2:111122223333:network-interface/eni-1",
        ]),
    )
}

fn document(statements: &[Value]) -> PolicyDocument {
    PolicyDocument::try_from(json!({"Version": "2012-10-17", "Statement": statements})).unwrap()
}

fn role(documents: &[Vec<Value>]) -> Permissions {
    let context = Context::default().with("aws:RequestedRegion", "us-west-2");
    let named = documents.iter().enumerate();
    named.fold(Permissions::new(context), |role, (at, it)| role.with_policy(format!("p{at}"), &document(it)))
}

/// What a plugin of either family needs in the region of these tests.
fn all_needs() -> Vec<Need> {
    let profile = |ip_family| PluginProfile {
        partition: "aws".to_owned(),
        region: Some("us-west-2".to_owned()),
        account: Some("111122223333".to_owned()),
        ip_family,
        version: None,
        subnet_discovery: true,
        network_policy_logs: true,
    };
    [IpFamily::Ipv4, IpFamily::Ipv6].into_iter().flat_map(|family| needs(&profile(family))).collect()
}

/// A role on which every second policy is inline.
fn record(documents: &[Vec<Value>], boundary: Option<&[Value]>) -> RoleRecord {
    let policy = |(at, statements): (usize, &Vec<Value>)| RolePolicy {
        name: format!("p{at}"),
        is_inline: at % 2 == 1,
        document: Some(document(statements)),
    };
    let boundary = boundary.map(|statements| RolePolicy {
        name: "bound".to_owned(),
        is_inline: false,
        document: Some(document(statements)),
    });
    let policies = documents.iter().enumerate().map(policy).collect();
    RoleRecord { policies, boundary, ..RoleRecord::empty("111122223333", "r") }
}

/// What a change set keeps of it.
fn kept(record: &RoleRecord, of: RoleOf) -> RoleRecord {
    let asked = RoleAsked {
        account: record.account.clone(),
        name: record.name.clone(),
        of,
        boundary: None,
        to_come: std::collections::BTreeSet::new(),
        settled: std::collections::BTreeSet::new(),
        clusters: std::collections::BTreeSet::new(),
        is_there: true,
    };
    let mut records = role_records([(&asked, record.clone())]);
    records.pop().unwrap_or_else(|| RoleRecord::empty("111122223333", "r"))
}

/// The same statement for each of its actions, where that means the same: an element that names what
/// is left out cannot be split.
fn split(statement: &Value) -> Vec<Value> {
    let Some(actions) = statement.get("Action").and_then(Value::as_array) else { return vec![statement.clone()] };
    let one = |action: &Value| {
        let mut one = statement.clone();
        one["Action"] = action.clone();
        one
    };
    actions.iter().map(one).collect()
}

/// A list of one as a string, and a string as a list of one.
fn in_other_form(statement: &Value) -> Value {
    let mut other = statement.clone();
    for element in ["Action", "NotAction", "Resource", "NotResource"] {
        let swapped = match statement.get(element) {
            Some(Value::Array(items)) if items.len() == 1 => items[0].clone(),
            Some(Value::String(item)) => json!([item]),
            _ => continue,
        };
        other[element] = swapped;
    }
    other
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn one_more_allow_never_takes_away(documents in documents(), more in statement("Allow"), (action, resource) in question()) {
        let before = role(&documents);
        let after = before.clone().with_policy("more", &document(&[more]));
        prop_assert!(gives(after.verdict(action, resource)) >= gives(before.verdict(action, resource)));
    }

    #[test]
    fn one_more_deny_never_gives(documents in documents(), more in statement("Deny"), (action, resource) in question()) {
        let before = role(&documents);
        let after = before.clone().with_policy("more", &document(&[more]));
        prop_assert!(gives(after.verdict(action, resource)) <= gives(before.verdict(action, resource)));
    }

    #[test]
    fn a_boundary_only_ever_takes_away(documents in documents(), boundary in prop::collection::vec(any_statement(), 1..4), (action, resource) in question()) {
        let before = role(&documents);
        let after = before.clone().with_boundary("bound", &document(&boundary));
        prop_assert!(gives(after.verdict(action, resource)) <= gives(before.verdict(action, resource)));
    }

    #[test]
    fn neither_the_order_of_statements_nor_that_of_policies_matters(documents in documents(), (action, resource) in question()) {
        let named = |order: &mut dyn Iterator<Item = usize>, backwards: bool| {
            order.fold(Permissions::default(), |role, at| {
                let mut statements = documents[at].clone();
                if backwards {
                    statements.reverse();
                }
                role.with_policy(format!("p{at}"), &document(&statements))
            })
        };
        let forwards = named(&mut (0..documents.len()), false);
        let backwards = named(&mut (0..documents.len()).rev(), true);
        prop_assert_eq!(forwards.verdict(action, resource), backwards.verdict(action, resource));
    }

    #[test]
    fn the_form_of_a_statement_does_not_matter(documents in documents(), (action, resource) in question()) {
        let rewritten = |rewrite: &dyn Fn(&Value) -> Vec<Value>| {
            role(&documents.iter().map(|statements| statements.iter().flat_map(rewrite).collect()).collect::<Vec<_>>())
        };
        let expected = role(&documents);
        let expected = expected.verdict(action, resource);
        for other in [
            rewritten(&split),
            rewritten(&|it| vec![in_other_form(it)]),
            rewritten(&|it| split(it).iter().map(in_other_form).collect()),
        ] {
            prop_assert_eq!(other.verdict(action, resource), expected);
        }
    }

    #[test]
    fn a_change_set_keeps_whatever_decides_what_the_plugin_may_do(documents in documents(), boundary in prop::option::of(prop::collection::vec(any_statement(), 1..4))) {
        let whole = record(&documents, boundary.as_deref());
        let context = || Context::default().with("aws:RequestedRegion", "us-west-2");
        for of in [RoleOf::Plugin, RoleOf::Nodes] {
            let kept = kept(&whole, of);
            let (whole, kept) = (whole.permissions(context()), kept.permissions(context()));
            for need in all_needs().iter().filter(|need| of == RoleOf::Plugin || need.changes()) {
                let (whole, kept) = (whole.verdict(need.action, &need.resource), kept.verdict(need.action, &need.resource));
                prop_assert_eq!(gives(kept), gives(whole), "{} on {}: {} and {}", need.action, need.resource, whole, kept);
            }
        }
    }

    #[test]
    fn what_is_kept_of_what_is_kept_is_all_of_it(documents in documents(), boundary in prop::option::of(prop::collection::vec(any_statement(), 1..4))) {
        for of in [RoleOf::Plugin, RoleOf::Nodes] {
            let once = kept(&record(&documents, boundary.as_deref()), of);
            prop_assert_eq!(kept(&once, of), once);
        }
    }

    #[test]
    fn a_role_is_the_sum_of_its_documents_in_any_order(documents in documents(), boundary in prop::option::of(prop::collection::vec(any_statement(), 1..4)), (action, resource) in question()) {
        let one = record(&documents, boundary.as_deref());
        let mut other = one.clone();
        other.policies.reverse();
        let (one, other) = (one.permissions(Context::default()), other.permissions(Context::default()));
        prop_assert_eq!(one.verdict(action, resource), other.verdict(action, resource));
        let by_hand = documents.iter().enumerate().fold(Permissions::default(), |role, (at, statements)| {
            let name = if at % 2 == 1 { format!("inline policy p{at}") } else { format!("p{at}") };
            role.with_policy(name, &document(statements))
        });
        let by_hand = match &boundary {
            Some(statements) => by_hand.with_boundary("bound", &document(statements)),
            None => by_hand,
        };
        prop_assert_eq!(one.verdict(action, resource), by_hand.verdict(action, resource));
    }

    #[test]
    fn what_is_allowed_for_all_is_allowed_for_each(documents in documents(), action in prop::sample::select(vec!["ec2:CreateTags", "logs:PutLogEvents"])) {
        let role = role(&documents);
        let (all, one) = ("arn:aws:ec2:*:*:network-interface/*", "arn:aws:ec2:us-west-2:111122223333:network-interface/eni-1");
        if role.verdict(action, all) == Verdict::Allowed {
            prop_assert_eq!(role.verdict(action, one), Verdict::Allowed);
        }
        if let Verdict::Denied { .. } = role.verdict(action, all) {
            prop_assert!(matches!(role.verdict(action, one), Verdict::Denied { .. }), "it is denied for all");
        }
    }
}

//! Where a run has left the world: at the goal, at the start, or between with everything named. There
//! is no fourth that would be right.

use std::fmt;

use serde_json::{Map, Value};

use crate::command::Ran;
use crate::course::{Journey, Way};

/// A right end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// Exit 0, and the world is where it was to go.
    There,
    /// Exit 0 or 6, and the world is where it began.
    Back,
    /// Exit 7, and whatever is not as it was is named.
    Residue,
    /// Exit 1, and the world is where the command found it: nothing was done.
    Untouched,
    /// Exit 3, and the world is where it began: the change set does not fit what is seen of it.
    Stale,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            End::There => "at the goal",
            End::Back => "at the start",
            End::Residue => "residue, all named",
            End::Untouched => "refused, untouched",
            End::Stale => "stale, untouched",
        })
    }
}

/// How `ran` ended, `state` being the world after it, locks apart: see [`locks_in`].
///
/// # Errors
/// When that is none of the right ends: where the world is, and the whole run.
pub fn end_of(journey: &Journey, ran: &Ran, state: &Value) -> Result<End, String> {
    let state = &without_locks(state.clone());
    let is_at_goal = || without_version_numbers(state.clone()) == journey.goal;
    let is_at_start = || *state == journey.start;
    match ran.code {
        Some(0) if is_at_goal() => Ok(End::There),
        Some(0 | 6) if is_at_start() => Ok(End::Back),
        Some(1) if journey.way == Way::Undone && is_at_goal() => Ok(End::Untouched),
        Some(1) if journey.way != Way::Undone && is_at_start() => Ok(End::Untouched),
        Some(3) if journey.way != Way::Undone && is_at_start() => Ok(End::Stale),
        Some(7) => match unnamed(&journey.start, state, &ran.stdout) {
            unnamed if unnamed.is_empty() => Ok(End::Residue),
            unnamed => Err(format!("not everything that is left is named:\n  {}\n{ran}", unnamed.join("\n  "))),
        },
        _ if is_at_start() => Err(format!("the world is where it began\n{ran}")),
        _ if is_at_goal() => Err(format!("the world is where it was to go\n{ran}")),
        _ => {
            let all: Vec<String> = differences(&journey.start, state).iter().map(ToString::to_string).collect();
            Err(format!("the world is between; unlike the start:\n  {}\n{ran}", all.join("\n  ")))
        }
    }
}

/// The locks that are taken, as who has them.
pub fn locks_in(state: &Value) -> Vec<String> {
    let clusters = state["clusters"].as_object().into_iter().flatten();
    let leases = clusters.flat_map(|(_, cluster)| cluster["kubernetes"]["leases"].as_array().into_iter().flatten());
    leases.map(|lease| lease["spec"]["holderIdentity"].as_str().unwrap_or_default().to_owned()).collect()
}

fn without_locks(mut state: Value) -> Value {
    for (_, cluster) in state["clusters"].as_object_mut().into_iter().flatten() {
        if let Some(leases) = cluster["kubernetes"].get_mut("leases") {
            *leases = Value::Array(Vec::new());
        }
    }
    state
}

/// A policy's versions as the documents they hold, the one in force first: a number that was used up
/// by a call whose answer was lost never returns.
///
/// # Panics
/// When a policy has no version in force.
pub fn without_version_numbers(mut state: Value) -> Value {
    for account in state["accounts"].as_object_mut().into_iter().flatten().map(|(_, account)| account) {
        for (_, policy) in account["policies"].as_object_mut().into_iter().flatten() {
            let number = policy["defaultVersion"].to_string();
            let versions = policy["versions"].as_object_mut().expect("a policy has versions");
            let in_force = versions.remove(&number).expect("the version in force is there");
            let rest: Vec<Value> = versions.values().cloned().collect();
            policy["defaultVersion"] = in_force;
            policy["versions"] = rest.into();
        }
    }
    state
}

/// A place where two worlds differ.
#[derive(Debug, Clone)]
pub struct Difference {
    /// The members that lead there.
    pub at: Vec<String>,
    was: Value,
    is: Value,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}: was {}, is {}", self.at.join("/"), beginning(&self.was), beginning(&self.is))
    }
}

/// As much of a value as tells what it is.
fn beginning(value: &Value) -> String {
    const ENOUGH: usize = 160;
    let text = value.to_string();
    match text.char_indices().nth(ENOUGH) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// The places where two worlds differ.
pub fn differences(was: &Value, is: &Value) -> Vec<Difference> {
    fn collect(at: &mut Vec<String>, was: &Value, is: &Value, into: &mut Vec<Difference>) {
        match (was, is) {
            (Value::Object(was), Value::Object(is)) => {
                let mut keys: Vec<&String> = was.keys().chain(is.keys()).collect();
                keys.sort();
                keys.dedup();
                let value = |object: &Map<String, Value>, key| object.get(key).cloned().unwrap_or_default();
                for key in keys {
                    at.push(key.clone());
                    collect(at, &value(was, key), &value(is, key), into);
                    at.pop();
                }
            }
            (Value::Array(was), Value::Array(is)) if was.len() == is.len() => {
                for (index, (was, is)) in was.iter().zip(is).enumerate() {
                    at.push(index.to_string());
                    collect(at, was, is, into);
                    at.pop();
                }
            }
            _ if was == is => {}
            _ => into.push(Difference { at: at.clone(), was: was.clone(), is: is.clone() }),
        }
    }
    let mut all = Vec::new();
    collect(&mut Vec::new(), was, is, &mut all);
    all
}

/// The differences that the list of what is left, `  ! ADDRESS` a line, does not name.
pub fn unnamed(start: &Value, state: &Value, output: &str) -> Vec<String> {
    let residue: Vec<&str> = output.lines().filter_map(|line| line.strip_prefix("  ! ")).collect();
    let mut unnamed = Vec::new();
    for difference in differences(start, state) {
        let wanted = addresses_of(&difference);
        let names = |wanted: &Pattern| residue.iter().any(|address| wanted.fits(address));
        if wanted.is_empty() || !wanted.iter().all(names) {
            unnamed.push(difference.to_string());
        }
    }
    unnamed
}

/// What an address has to be like to name a difference.
#[derive(Debug)]
struct Pattern {
    scope: Option<String>,
    kinds: &'static [&'static str],
    names: Vec<String>,
}

impl Pattern {
    fn fits(&self, address: &str) -> bool {
        let mut parts = address.trim().split('/');
        let (scope, kind) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let names: Vec<&str> = parts.collect();
        self.scope.as_deref().is_none_or(|wanted| wanted == scope)
            && self.kinds.contains(&kind)
            && self.names.iter().all(|name| names.contains(&name.as_str()))
    }
}

/// The addresses that name a difference; none for what cni-plan has no business with.
fn addresses_of(difference: &Difference) -> Vec<Pattern> {
    let at: Vec<&str> = difference.at.iter().map(String::as_str).collect();
    match at[..] {
        ["accounts", _, "roles", role] => {
            let on_it = attached(&difference.was["attached"], &difference.is["attached"], role);
            let itself = Pattern { scope: None, kinds: &["role"], names: vec![role.to_owned()] };
            std::iter::once(itself).chain(on_it).collect()
        }
        ["accounts", _, "roles", role, "attached"] => attached(&difference.was, &difference.is, role),
        // Of two lists that are equally long, the differing entry.
        ["accounts", _, "roles", role, "attached", _] => {
            attached(&Value::from(vec![difference.was.clone()]), &Value::from(vec![difference.is.clone()]), role)
        }
        ["accounts", _, "roles", role, ..] => {
            vec![Pattern { scope: None, kinds: &["role"], names: vec![role.to_owned()] }]
        }
        ["accounts", account, "policies", arn, ..] => {
            let names = vec![last_part(arn)];
            vec![Pattern { scope: Some(account.to_owned()), kinds: &["policy"], names }]
        }
        ["accounts", _, "oidcProviders", ..] => {
            vec![Pattern { scope: None, kinds: &["oidc-provider"], names: Vec::new() }]
        }
        // What EKS has of the plugin's identity is the annotation's step too.
        ["clusters", cluster, "eks", "addons", "vpc-cni", ..]
        | ["clusters", cluster, "eks", "podIdentityAssociations", ..] => in_cluster(cluster, &["annotate"]),
        ["clusters", cluster, "kubernetes", "serviceaccounts", ..] => in_cluster(cluster, &["annotate"]),
        ["clusters", cluster, "kubernetes", "pods" | "daemonsets", ..] => in_cluster(cluster, &["restart"]),
        _ => Vec::new(),
    }
}

/// One address for each policy that is on the role in one world alone.
fn attached(was: &Value, is: &Value, role: &str) -> Vec<Pattern> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let (was, is) = (list(was), list(is));
    let only_in = |one: &[Value], other: &[Value]| -> Vec<Value> {
        one.iter().filter(|policy| !other.contains(policy)).cloned().collect()
    };
    let policies = only_in(&was, &is).into_iter().chain(only_in(&is, &was));
    policies
        .map(|policy| Pattern {
            scope: None,
            kinds: &["attach", "detach"],
            names: vec![role.to_owned(), last_part(policy.as_str().unwrap_or_default())],
        })
        .collect()
}

fn in_cluster(key: &str, kinds: &'static [&'static str]) -> Vec<Pattern> {
    vec![Pattern { scope: Some(last_part(key)), kinds, names: Vec::new() }]
}

fn last_part(path: &str) -> String {
    path.rsplit('/').next().unwrap_or(path).to_owned()
}

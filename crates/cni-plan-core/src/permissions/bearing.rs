//! Which statements of a document bear on the plugin at all. The others change no answer about it.

use super::need::{NeedKind, PluginProfile, needs};
use super::reach::Reach;
use super::rule::{Asked, Rule};
use super::{Context, Need};
use crate::{IpFamily, PolicyDocument, Statement};

/// On what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bearing {
    /// Anything that a plugin of any version and family may need.
    AnyNeed,
    /// What it changes: what reads alone does no harm on a node's role.
    Changes,
}

/// The document with the statements that may bear on it and no others, in their order; `None` where there are
/// none. No answer about it differs, in whichever partition, region and account.
pub(crate) fn bearing(document: &PolicyDocument, on: Bearing) -> Option<PolicyDocument> {
    let questions = questions(on);
    let bears = |statement: &Statement| {
        let rule = Rule::new(statement, &Context::default());
        rule.is_some_and(|rule| questions.iter().any(|asked| rule.reach(asked) != Reach::Nothing))
    };
    let part = document.only(bears);
    (!part.statements().is_empty()).then_some(part)
}

impl Need {
    /// Whether it changes something: EC2's Describe actions, which know no single resources, do not.
    pub fn changes(&self) -> bool {
        self.resource != "*"
    }

    /// Whether addresses or interfaces are what it changes, and not only their tags, which other controllers
    /// may set for reasons of their own.
    pub fn changes_interfaces(&self) -> bool {
        self.changes() && self.action != "ec2:CreateTags" && self.kind == NeedKind::Hard
    }
}

/// Whatever is needed anywhere.
fn questions(on: Bearing) -> Vec<Asked> {
    let profile = |ip_family| PluginProfile {
        partition: "*".to_owned(),
        region: None,
        account: None,
        ip_family,
        version: None,
        subnet_discovery: true,
        network_policy_logs: true,
    };
    let all = [IpFamily::Ipv4, IpFamily::Ipv6].into_iter().flat_map(|family| needs(&profile(family)));
    all.filter(|need| on == Bearing::AnyNeed || need.changes())
        .map(|need| Asked::new(need.action, &need.resource))
        .collect()
}

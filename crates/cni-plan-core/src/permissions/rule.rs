//! One statement of a policy, made ready to be asked many times.

use serde_json::Value;

use super::condition::{Context, Holds, holds};
use super::pattern::Pattern;
use super::reach::Reach;
use crate::Statement;

/// What is asked: may this be done to that? Either may have wildcards, and then means all of it.
pub(super) struct Asked {
    action: Pattern,
    resource: Pattern,
}

impl Asked {
    pub(super) fn new(action: &str, resource: &str) -> Asked {
        Asked { action: Pattern::action(action), resource: Pattern::asked(resource) }
    }
}

/// A statement that may have an effect.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    /// Deny, not Allow.
    pub(super) denies: bool,
    actions: Scope,
    resources: Scope,
    /// As far as it reaches at most: no further than its condition is known to hold.
    at_most: Reach,
    /// It has something that has no place in a role's policy: what IAM makes of it is not known.
    is_odd: bool,
}

/// What a statement is about, or, negated, what it is not about.
#[derive(Debug, Clone, Default)]
struct Scope {
    is_negated: bool,
    patterns: Vec<Pattern>,
}

impl Rule {
    /// `None` where its condition is known not to hold: it has no effect then.
    pub(super) fn new(statement: &Statement, context: &Context) -> Option<Rule> {
        let mut rule = Rule {
            denies: false,
            actions: Scope::default(),
            resources: Scope::default(),
            at_most: Reach::Whole,
            is_odd: false,
        };
        let elements = statement.as_written().as_object()?;
        let (mut action_lists, mut resource_lists) = (0, 0);
        for (element, value) in elements {
            match element.to_ascii_lowercase().as_str() {
                "sid" => {}
                "effect" => rule.denies = value == "Deny",
                name @ ("action" | "notaction") => {
                    action_lists += 1;
                    let (patterns, is_odd) = patterns(value, Pattern::action);
                    rule.is_odd |= is_odd;
                    rule.actions = Scope { is_negated: name == "notaction", patterns };
                }
                name @ ("resource" | "notresource") => {
                    resource_lists += 1;
                    let (patterns, is_odd) = patterns(value, Pattern::resource);
                    rule.is_odd |= is_odd;
                    rule.resources = Scope { is_negated: name == "notresource", patterns };
                }
                "condition" => match holds(value, context) {
                    Holds::Yes => {}
                    Holds::No => return None,
                    Holds::Open => rule.at_most = Reach::Unjudged,
                },
                _ => rule.is_odd = true,
            }
        }
        rule.is_odd |= action_lists > 1 || resource_lists > 1;
        Some(rule)
    }

    /// How much of what is asked the statement is about.
    pub(super) fn reach(&self, asked: &Asked) -> Reach {
        if self.is_odd {
            return Reach::Unjudged;
        }
        match self.actions.reach(&asked.action) {
            Reach::Nothing => Reach::Nothing,
            actions => actions.min(self.resources.reach(&asked.resource)).min(self.at_most),
        }
    }
}

impl Scope {
    /// A list that is not there is about nothing.
    fn reach(&self, asked: &Pattern) -> Reach {
        let mut widest = Reach::Nothing;
        for pattern in &self.patterns {
            widest = widest.max(pattern.reach(asked));
            if widest == Reach::Whole {
                break;
            }
        }
        if self.is_negated { widest.of_the_rest() } else { widest }
    }
}

/// A string or a list of strings, and whether anything else was in it.
fn patterns(value: &Value, pattern: impl Fn(&str) -> Pattern) -> (Vec<Pattern>, bool) {
    let items = match value {
        Value::Array(items) => items.as_slice(),
        single => std::slice::from_ref(single),
    };
    let patterns: Vec<Pattern> = items.iter().filter_map(Value::as_str).map(pattern).collect();
    let is_odd = patterns.len() != items.len();
    (patterns, is_odd)
}

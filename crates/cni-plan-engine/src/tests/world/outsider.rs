//! What others do to the world meanwhile.

use std::collections::{BTreeMap, BTreeSet};

use cni_plan_core::{Annotation, Attachment, PolicyDocument, Resource, Role, Statement, Target, annotation_keys};

use super::super::procedure::{NODE_ROLE, account_of, attached, attachment, role_of, role_target};
use super::{ACCOUNT, World};

/// Something that someone else does, to a cluster or what belongs to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tests) enum Drift {
    TagRole,
    TrustOnRole,
    /// Another policy on the plugin's role.
    AttachTheirs,
    /// The policy on the plugin's role: off where it is on, and the other way round.
    ToggleAttachment,
    /// The same on the node role.
    ToggleNodeRole,
    DeleteRole,
    /// The service account names the plugin's role, by another hand.
    Annotate,
    /// It names a role that nobody has.
    AnnotateAnother,
    TakeAnnotationOff,
    /// About the STS endpoint, of which the plan says nothing.
    AnnotateEndpoint,
}

impl World {
    /// Whether anything is another than before.
    pub(in crate::tests) fn drift(&self, drift: Drift, cluster: &str) -> bool {
        let mut state = self.state();
        let before = state.things.clone();
        drift.act(&mut state.things, cluster);
        state.things != before
    }

    /// Every pod of a cluster is born again.
    pub(in crate::tests) fn bear_all(&self, cluster: &str) {
        self.state().bear_all(cluster);
    }

    /// Clusters whose pods, or any that would be born now, have no permissions.
    pub(in crate::tests) fn ailing(&self) -> BTreeSet<String> {
        self.state().ailing()
    }

    /// One in which there is that.
    pub(in crate::tests) fn of(things: &BTreeMap<Target, Resource>) -> World {
        let world = World::default();
        world.state().things = things.clone();
        world
    }

    /// Everything there is.
    pub(in crate::tests) fn things(&self) -> BTreeMap<Target, Resource> {
        self.state().things.clone()
    }
}

impl Drift {
    fn act(self, things: &mut BTreeMap<Target, Resource>, cluster: &str) {
        let (role, account) = (role_target(&role_of(cluster)), account_of(cluster));
        let theirs = Target::Attachment {
            account: ACCOUNT.to_owned(),
            role: role_of(cluster),
            policy_arn: format!("arn:aws:iam::{ACCOUNT}:policy/theirs"),
        };
        match self {
            Drift::TagRole => {
                on_role(things, &role, |role| drop(role.tags.insert("theirs".to_owned(), "yes".to_owned())));
            }
            Drift::TrustOnRole => {
                on_role(things, &role, |role| role.trust = role.trust.with_statements_of(&their_trust()));
            }
            Drift::AttachTheirs if things.contains_key(&role) => {
                let Target::Attachment { role, policy_arn, .. } = theirs.clone() else { return };
                things.insert(theirs, Resource::Attachment(Attachment { role, policy_arn }));
            }
            Drift::ToggleAttachment if things.contains_key(&role) => toggle(things, &role_of(cluster)),
            Drift::ToggleNodeRole => toggle(things, NODE_ROLE),
            Drift::DeleteRole => {
                for gone in [role, attached(&role_of(cluster)), theirs] {
                    things.remove(&gone);
                }
            }
            Drift::Annotate => annotate(things, &account, annotation_keys::ROLE_ARN, Some(&arn(&role_of(cluster)))),
            Drift::AnnotateAnother => annotate(things, &account, annotation_keys::ROLE_ARN, Some(&arn("nobodys"))),
            Drift::TakeAnnotationOff => annotate(things, &account, annotation_keys::ROLE_ARN, None),
            Drift::AnnotateEndpoint => {
                annotate(things, &account, annotation_keys::STS_REGIONAL_ENDPOINTS, Some("true"));
            }
            Drift::AttachTheirs | Drift::ToggleAttachment => {}
        }
    }
}

/// What is someone else's and no plan of ours is about: each tag, statement, annotation, attachment.
pub(in crate::tests) fn marks(things: &BTreeMap<Target, Resource>) -> BTreeSet<String> {
    let mut marks = BTreeSet::new();
    for (target, thing) in things {
        let is_theirs = match thing {
            Resource::Role(role) => {
                if role.tags.contains_key("theirs") {
                    marks.insert(format!("the tag of {target:?}"));
                }
                role.trust.statements().iter().any(|statement| their_trust().contains(statement))
            }
            Resource::ServiceAccount(account) => {
                account.annotations.contains_key(annotation_keys::STS_REGIONAL_ENDPOINTS)
            }
            Resource::Attachment(attachment) => attachment.policy_arn.ends_with("/theirs"),
            _ => false,
        };
        if is_theirs {
            marks.insert(format!("what others have of {target:?}"));
        }
    }
    marks
}

fn their_trust() -> PolicyDocument {
    let statement = serde_json::json!({
        "Effect": "Allow", "Principal": {"Service": "theirs.amazonaws.com"}, "Action": "sts:AssumeRole",
    });
    PolicyDocument::new(vec![Statement::try_from(statement).unwrap()])
}

fn on_role(things: &mut BTreeMap<Target, Resource>, role: &Target, change: impl FnOnce(&mut Role)) {
    if let Some(Resource::Role(role)) = things.get_mut(role) {
        change(role);
    }
}

fn annotate(things: &mut BTreeMap<Target, Resource>, account: &Target, key: &str, value: Option<&str>) {
    let Some(Resource::ServiceAccount(account)) = things.get_mut(account) else { return };
    match value {
        Some(value) => account.annotations.insert(key.to_owned(), by_hand(value)),
        None => account.annotations.remove(key),
    };
}

fn toggle(things: &mut BTreeMap<Target, Resource>, role: &str) {
    if things.remove(&attached(role)).is_none() {
        things.insert(attached(role), attachment(role));
    }
}

fn arn(role: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:role/{role}")
}

fn by_hand(value: &str) -> Annotation {
    Annotation { value: value.to_owned(), manager: Some("kubectl-annotate".to_owned()) }
}

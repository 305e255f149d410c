//! By what identities the pods of one cluster may call AWS, as far as a plan tells them apart.

use crate::{PodIdentity, Pods, ServiceAccount};

/// A set of sorts of identity: those that some pod may carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(super) struct Identities(u8);

impl Identities {
    pub(super) const NONE: Identities = Identities(0);
    /// The node's role.
    pub(super) const NODE_ROLE: Identities = Identities(1);
    /// The plugin's own role, exactly as the plan wants it carried.
    pub(super) const OWN: Identities = Identities(2);
    /// The plugin's own role in another way: by another STS endpoint.
    pub(super) const OWN_OTHERWISE: Identities = Identities(4);
    /// Whatever else pods were found with: another role, credentials by other means. The plan touches
    /// nothing of those.
    pub(super) const OTHER: Identities = Identities(8);
    /// Another role that pods may be born with, and none was found with.
    pub(super) const OTHER_NEW: Identities = Identities(16);
    /// The plugin's own role in any way.
    pub(super) const OWN_ROLE: Identities = Identities(2 | 4);

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) fn or(self, other: Identities) -> Identities {
        Identities(self.0 | other.0)
    }

    pub(super) fn and(self, other: Identities) -> Identities {
        Identities(self.0 & other.0)
    }

    pub(super) fn without(self, other: Identities) -> Identities {
        Identities(self.0 & !other.0)
    }

    pub(super) fn meets(self, other: Identities) -> bool {
        self.0 & other.0 != 0
    }
}

/// What tells one cluster's sorts of identity apart.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Lens<'a> {
    /// ARN of the plugin's own role.
    pub(super) own: Option<&'a str>,
    /// What the plan wants the pods to carry.
    pub(super) wanted: Option<&'a PodIdentity>,
    /// What they were found with.
    pub(super) found: Option<&'a Pods>,
}

impl<'a> Lens<'a> {
    /// For what the annotation is meant to tell the pods, `wanted`.
    pub(super) fn of(wanted: Option<&'a PodIdentity>, found: Option<&'a Pods>) -> Lens<'a> {
        let own = match wanted {
            Some(PodIdentity::WebIdentity { role_arn, .. }) => Some(role_arn.as_str()),
            Some(PodIdentity::Association { role_arn }) => role_arn.as_deref(),
            _ => None,
        };
        Lens { own, wanted, found }
    }

    /// The sorts of an identity that pods take. Where nothing is said of the STS endpoint, the
    /// webhook's own configuration decides, and either may be what they are found with.
    pub(super) fn sorts(&self, identity: &PodIdentity) -> Identities {
        match identity {
            PodIdentity::WebIdentity { role_arn, sts_regional: None } => {
                let with =
                    |regional| PodIdentity::WebIdentity { role_arn: role_arn.clone(), sts_regional: Some(regional) };
                self.sort(&with(true)).or(self.sort(&with(false)))
            }
            known => self.sort(known),
        }
    }

    /// The sorts that pods were found with.
    pub(super) fn carried(&self, pods: &Pods) -> Identities {
        pods.carrying.iter().fold(Identities::NONE, |all, group| all.or(self.sort(&group.identity)))
    }

    /// The sorts that a pod may take which is born under these annotations; without a service account
    /// none is born, and one made by someone else names no role.
    pub(super) fn newborn(self, account: Option<&'a ServiceAccount>) -> Identities {
        account.map_or(Identities::NODE_ROLE, |it| self.sorts(&it.identity_of_new_pods()))
    }

    fn wants_association(&self) -> bool {
        self.wanted.is_some_and(PodIdentity::is_by_association)
    }

    fn sort(&self, identity: &PodIdentity) -> Identities {
        match identity {
            PodIdentity::NodeRole => Identities::NODE_ROLE,
            // By an association where web identity is wanted, or the other way round, the own role lets pods in by
            // a statement of trust that the plan does not touch: that is another identity.
            PodIdentity::WebIdentity { role_arn, .. } if self.own == Some(role_arn) && !self.wants_association() => {
                let is_as_wanted = self.wanted.is_none_or(|wanted| identity.satisfies(wanted));
                if is_as_wanted { Identities::OWN } else { Identities::OWN_OTHERWISE }
            }
            PodIdentity::Association { role_arn: Some(role_arn) }
                if self.own == Some(role_arn) && self.wants_association() =>
            {
                Identities::OWN
            }
            other => {
                let is_found = self.found.is_some_and(|pods| pods.identities().contains(&other));
                if is_found { Identities::OTHER } else { Identities::OTHER_NEW }
            }
        }
    }
}

//! Which role the pods of a Pod Identity association have. Nothing in a pod names it: the agent on the node
//! asks EKS for the association's role when the pod first calls AWS, and keeps what it gets for a session of
//! hours. So a pod has the role that the association had when the pod was born.
//!
//! EKS knows when an association was changed, the API server when a pod was born: two adapters that never
//! see one another. The command hands an [`AssociationReader`] of the one to the other.

use std::time::Duration;

use crate::{BoxFuture, PodIdentity, ProviderError};

/// Reads associations of a cluster.
pub trait AssociationReader: Send + Sync {
    /// The one of a service account; `None`: it has none.
    fn in_effect<'a>(
        &'a self,
        namespace: &'a str,
        service_account: &'a str,
    ) -> BoxFuture<'a, Result<Option<AssociationInEffect>, ProviderError>>;
}

/// The role of an association, and since when each newborn pod has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssociationInEffect {
    role_arn: String,
    since: u64,
}

impl AssociationInEffect {
    /// `created` and `modified` are EKS's times, since 1970; within `lag` of a change a pod may still be given the
    /// role from before it, or be born by a clock that is behind EKS's.
    pub fn new(role_arn: String, created: Duration, modified: Duration, lag: Duration) -> AssociationInEffect {
        let since = match modified > created {
            // An API server tells a birth in whole seconds, cut off: the second after is the first that is surely later.
            true => (modified + lag).as_secs() + 1,
            // As far as anybody can tell there was no other role before.
            false => created.as_secs(),
        };
        AssociationInEffect { role_arn, since }
    }

    /// Its role's ARN.
    pub fn role_arn(&self) -> &str {
        &self.role_arn
    }

    /// What a pod by this association has that was born `born` seconds after 1970.
    pub fn of_pod_born(&self, born: i64) -> PodIdentity {
        let is_later = u64::try_from(born).is_ok_and(|born| born >= self.since);
        PodIdentity::Association { role_arn: is_later.then(|| self.role_arn.clone()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAG: Duration = Duration::from_secs(30);
    const UNKNOWN: PodIdentity = PodIdentity::UNKNOWN_ROLE;

    fn at(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn pods_born_under_an_unchanged_association_have_its_role() {
        let unchanged = AssociationInEffect::new("r".to_owned(), at(100.7), at(100.7), LAG);
        assert_eq!(unchanged.of_pod_born(100), PodIdentity::associated("r"), "100.9 is told as 100");
        assert_eq!(unchanged.of_pod_born(99), UNKNOWN, "by one that there was before");
    }

    #[test]
    fn pods_born_before_a_change_is_known_everywhere_may_have_the_role_from_before() {
        let changed = AssociationInEffect::new("r".to_owned(), at(100.0), at(200.7), LAG);
        assert_eq!(changed.of_pod_born(150), UNKNOWN);
        assert_eq!(changed.of_pod_born(230), UNKNOWN, "230.1 is told as 230");
        assert_eq!(changed.of_pod_born(231), PodIdentity::associated("r"));
        assert_eq!(changed.of_pod_born(-1), UNKNOWN);
    }
}

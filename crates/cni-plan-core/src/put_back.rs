//! Taking a change back from a state that others may have changed meanwhile: what the change did goes
//! back, everything else stays.

use std::collections::BTreeMap;

use crate::{OidcProvider, Policy, PolicyDocument, PolicyHistory, Resource, Role, ServiceAccount};

impl Resource {
    /// What `self`, as found now, becomes when the change that made `before` into `after` is taken
    /// back. Equal to `before` where nobody else has changed anything, to `self` where nothing of the
    /// change is left.
    #[must_use]
    pub fn put_back(&self, before: &Resource, after: &Resource) -> Resource {
        match (self, before, after) {
            (Resource::OidcProvider(now), Resource::OidcProvider(before), Resource::OidcProvider(after)) => {
                Resource::OidcProvider(provider_put_back(now, before, after))
            }
            (Resource::Policy(now), Resource::Policy(before), Resource::Policy(after)) => {
                Resource::Policy(policy_put_back(now, before, after))
            }
            (Resource::Role(now), Resource::Role(before), Resource::Role(after)) => {
                Resource::Role(role_put_back(now, before, after))
            }
            (Resource::ServiceAccount(now), Resource::ServiceAccount(before), Resource::ServiceAccount(after)) => {
                let annotations = entries_put_back(&now.annotations, &before.annotations, &after.annotations);
                Resource::ServiceAccount(ServiceAccount {
                    annotations,
                    addon: value_put_back(&now.addon, &before.addon, &after.addon),
                    association: value_put_back(&now.association, &before.association, &after.association),
                    ..now.clone()
                })
            }
            _ => before.clone(),
        }
    }

    /// Whether `self`, as found now, is what making `after` leaves, but for what only the service
    /// knows beforehand: a unique id, a history.
    pub fn is_as_left(&self, after: &Resource) -> bool {
        match (self, after) {
            (Resource::Role(now), Resource::Role(after)) => {
                Role { id: None, ..now.clone() } == Role { id: None, ..after.clone() }
            }
            (Resource::Policy(now), Resource::Policy(after)) => {
                // A version that others have made of what the run made is theirs.
                let others = |history: &PolicyHistory| after.history.is_none() && history.versions.len() > 1;
                Policy { history: None, ..now.clone() } == Policy { history: None, ..after.clone() }
                    && !now.history.as_ref().is_some_and(others)
            }
            (now, after) => now == after,
        }
    }
}

fn provider_put_back(now: &OidcProvider, before: &OidcProvider, after: &OidcProvider) -> OidcProvider {
    let added = |id: &&String| after.client_ids.contains(*id) && !before.client_ids.contains(*id);
    let kept = now.client_ids.iter().filter(|id| !added(id));
    let removed = before.client_ids.difference(&after.client_ids);
    OidcProvider { client_ids: kept.chain(removed).cloned().collect(), ..now.clone() }
}

/// A document is one value: either it is still one of the two, or it is someone else's.
fn policy_put_back(now: &Policy, before: &Policy, after: &Policy) -> Policy {
    if now.document == after.document || now.document == before.document { before.clone() } else { now.clone() }
}

fn role_put_back(now: &Role, before: &Role, after: &Role) -> Role {
    Role {
        trust: trust_put_back(&now.trust, &before.trust, &after.trust),
        description: value_put_back(&now.description, &before.description, &after.description),
        permissions_boundary: value_put_back(
            &now.permissions_boundary,
            &before.permissions_boundary,
            &after.permissions_boundary,
        ),
        tags: entries_put_back(&now.tags, &before.tags, &after.tags),
        ..now.clone()
    }
}

/// Statement by statement, so that one which others have added since stays.
fn trust_put_back(now: &PolicyDocument, before: &PolicyDocument, after: &PolicyDocument) -> PolicyDocument {
    if now == after || now == before {
        return before.clone();
    }
    now.without_statements_of(&after.without_statements_of(before))
        .with_statements_of(&before.without_statements_of(after))
}

fn value_put_back<T: Clone + PartialEq>(now: &T, before: &T, after: &T) -> T {
    if now == after { before.clone() } else { now.clone() }
}

fn entries_put_back<V: Clone + PartialEq>(
    now: &BTreeMap<String, V>,
    before: &BTreeMap<String, V>,
    after: &BTreeMap<String, V>,
) -> BTreeMap<String, V> {
    let mut entries = now.clone();
    for key in before.keys().chain(after.keys()) {
        let is_ours = before.get(key) != after.get(key) && now.get(key) == after.get(key);
        match before.get(key) {
            Some(value) if is_ours => entries.insert(key.clone(), value.clone()),
            None if is_ours => entries.remove(key),
            _ => None,
        };
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Statement;
    use proptest::prelude::*;
    use serde_json::json;

    fn trust(names: &[&str]) -> PolicyDocument {
        let statement = |name: &&str| {
            let value = json!({"Effect": "Allow", "Principal": {"Service": name}, "Action": "sts:AssumeRole"});
            Statement::try_from(value).unwrap()
        };
        PolicyDocument::new(names.iter().map(statement).collect())
    }

    fn role(statements: &[&str], tags: &[(&str, &str)], description: Option<&str>) -> Resource {
        Resource::Role(Role {
            name: "r".to_owned(),
            path: "/".to_owned(),
            trust: trust(statements),
            description: description.map(str::to_owned),
            permissions_boundary: None,
            tags: tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            id: Some("AROA1".to_owned()),
        })
    }

    #[test]
    fn what_others_did_meanwhile_stays() {
        let before = role(&["theirs"], &[("team", "old")], Some("old"));
        let after = role(&["theirs", "ours"], &[("team", "new"), ("made", "by us")], Some("new"));
        let now = role(&["theirs", "ours", "later"], &[("team", "new"), ("made", "by us"), ("x", "y")], Some("other"));
        let back = now.put_back(&before, &after);
        assert_eq!(back, role(&["theirs", "later"], &[("team", "old"), ("x", "y")], Some("other")));
    }

    #[test]
    fn a_document_that_someone_else_wrote_is_not_touched() {
        let policy = |name: &str| {
            Resource::Policy(Policy {
                arn: "arn".to_owned(),
                name: "p".to_owned(),
                description: None,
                document: trust(&[name]),
                history: None,
            })
        };
        assert_eq!(policy("theirs").put_back(&policy("before"), &policy("after")), policy("theirs"));
        assert_eq!(policy("after").put_back(&policy("before"), &policy("after")), policy("before"));
    }

    #[test]
    fn audiences_annotations_and_a_boundary_go_back_one_by_one() {
        let provider = |ids: &[&str]| {
            let client_ids = ids.iter().map(|&id| id.to_owned()).collect();
            Resource::OidcProvider(OidcProvider { url: "issuer".to_owned(), client_ids })
        };
        let (before, after) = (provider(&["old", "both"]), provider(&["new", "both"]));
        assert_eq!(provider(&["new", "both", "later"]).put_back(&before, &after), provider(&["old", "both", "later"]));

        let account = |entries: &[(&str, &str)]| {
            let annotation = |value: &str| crate::Annotation { value: value.to_owned(), manager: None };
            let annotations = entries.iter().map(|(key, value)| ((*key).to_owned(), annotation(value))).collect();
            Resource::ServiceAccount(ServiceAccount::annotated("n", "s", annotations))
        };
        let (before, after) = (account(&[("a", "old")]), account(&[("a", "new"), ("b", "new")]));
        let now = account(&[("a", "new"), ("b", "theirs"), ("c", "theirs")]);
        let back = account(&[("a", "old"), ("b", "theirs"), ("c", "theirs")]);
        assert_eq!(now.put_back(&before, &after), back);

        let bounded = |boundary: Option<&str>| {
            let Resource::Role(role) = role(&[], &[], None) else { panic!("it is a role") };
            Resource::Role(Role { permissions_boundary: boundary.map(str::to_owned), ..role })
        };
        assert_eq!(bounded(Some("ours")).put_back(&bounded(None), &bounded(Some("ours"))), bounded(None));
        assert_eq!(bounded(Some("x")).put_back(&bounded(None), &bounded(Some("ours"))), bounded(Some("x")));
    }

    fn some_role() -> impl Strategy<Value = Resource> {
        let names = prop::sample::subsequence(vec!["a", "b", "c", "d"], 0..=4);
        let tags = prop::collection::btree_map(
            prop::sample::select(vec!["k", "l", "m"]),
            prop::sample::select(vec!["1", "2"]),
            0..3,
        );
        let description = prop::option::of(prop::sample::select(vec!["x", "y"]));
        (names, tags, description)
            .prop_map(|(names, tags, description)| role(&names, &tags.into_iter().collect::<Vec<_>>(), description))
    }

    proptest! {
        #[test]
        fn untouched_by_others_it_is_as_before(before in some_role(), after in some_role()) {
            prop_assert_eq!(after.put_back(&before, &after), before.clone());
            prop_assert_eq!(before.put_back(&before, &after), before);
        }

        #[test]
        fn taking_back_twice_is_taking_back_once(before in some_role(), after in some_role(), now in some_role()) {
            let once = now.put_back(&before, &after);
            prop_assert_eq!(once.put_back(&before, &after), once);
        }
    }

    #[test]
    fn a_version_that_others_have_made_of_a_policy_of_ours_is_theirs() {
        let policy = |versions: Option<&[&str]>| {
            Resource::Policy(Policy {
                arn: "arn".to_owned(),
                name: "p".to_owned(),
                description: None,
                document: trust(&["x"]),
                history: versions.map(|versions| PolicyHistory {
                    default_version: "v1".to_owned(),
                    versions: versions.iter().map(|&version| version.to_owned()).collect(),
                }),
            })
        };
        assert!(policy(Some(&["v1"])).is_as_left(&policy(None)));
        assert!(!policy(Some(&["v1", "v2"])).is_as_left(&policy(None)));
        assert!(policy(Some(&["v1", "v2"])).is_as_left(&policy(Some(&["v1"]))), "what was there before it is no one's");
    }
}

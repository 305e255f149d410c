//! Decisions of one write, and the whole loop against an API server in the process.

use std::sync::{Arc, Mutex};

use cni_plan_core::annotation_keys::{ROLE_ARN, STS_REGIONAL_ENDPOINTS};
use serde_json::Value;

use super::super::convert::tests::object;
use super::*;
use crate::fake::{Fake, refusal};

fn wanted(annotations: &[(&str, &str, &str)]) -> BTreeMap<String, Annotation> {
    annotations
        .iter()
        .map(|(key, value, manager)| {
            let annotation = Annotation { value: (*value).to_owned(), manager: Some((*manager).to_owned()) };
            ((*key).to_owned(), annotation)
        })
        .collect()
}

fn values(annotations: &[(&str, &str)]) -> BTreeMap<String, String> {
    annotations.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn a_first_annotation_is_applied_without_force() {
    let write = next_write(&object(&[], &[]), &wanted(&[(ROLE_ARN, "new", "cni-plan")]));
    assert_eq!(write, Ok(Some(Write::Apply { annotations: values(&[(ROLE_ARN, "new")]), force: false })));
}

#[test]
fn what_is_ours_already_is_applied_again_with_the_rest() {
    let found = object(&[(ROLE_ARN, "new")], &[("cni-plan", "Apply", 1, &[ROLE_ARN])]);
    let after = wanted(&[(ROLE_ARN, "new", "cni-plan"), (STS_REGIONAL_ENDPOINTS, "true", "cni-plan")]);
    let all = values(&[(ROLE_ARN, "new"), (STS_REGIONAL_ENDPOINTS, "true")]);
    assert_eq!(next_write(&found, &after), Ok(Some(Write::Apply { annotations: all, force: false })));
}

#[test]
fn a_field_of_another_manager_is_taken_by_force() {
    let found = object(&[(ROLE_ARN, "old")], &[("eksctl", "Update", 1, &[ROLE_ARN])]);
    let write = next_write(&found, &wanted(&[(ROLE_ARN, "new", "cni-plan")]));
    assert_eq!(write, Ok(Some(Write::Apply { annotations: values(&[(ROLE_ARN, "new")]), force: true })));
}

#[test]
fn a_key_that_was_not_there_goes_by_an_apply_without_it() {
    let found = object(&[(ROLE_ARN, "new")], &[("cni-plan", "Apply", 1, &[ROLE_ARN])]);
    let write = next_write(&found, &BTreeMap::new());
    assert_eq!(write, Ok(Some(Write::Apply { annotations: BTreeMap::new(), force: false })));
}

#[test]
fn a_former_owner_gets_its_value_back_under_its_own_name() {
    let after = wanted(&[(ROLE_ARN, "old", "eksctl")]);
    let taken = object(&[(ROLE_ARN, "new")], &[("cni-plan", "Apply", 1, &[ROLE_ARN])]);
    let restore = Write::Restore { manager: "eksctl".to_owned(), annotations: values(&[(ROLE_ARN, "old")]) };
    assert_eq!(next_write(&taken, &after), Ok(Some(restore)));
    let back = object(&[(ROLE_ARN, "old")], &[("eksctl", "Update", 2, &[ROLE_ARN])]);
    assert_eq!(next_write(&back, &after), Ok(None));
}

#[test]
fn a_value_that_stayed_with_us_is_let_go_of_first() {
    let after = wanted(&[(ROLE_ARN, "same", "eksctl")]);
    let taken = object(&[(ROLE_ARN, "same")], &[("cni-plan", "Apply", 1, &[ROLE_ARN])]);
    let let_go = Write::Apply { annotations: BTreeMap::new(), force: false };
    assert_eq!(next_write(&taken, &after), Ok(Some(let_go)));
    let restore = Write::Restore { manager: "eksctl".to_owned(), annotations: values(&[(ROLE_ARN, "same")]) };
    assert_eq!(next_write(&object(&[], &[]), &after), Ok(Some(restore)));
}

#[test]
fn what_came_to_belong_to_a_stranger_is_not_touched() {
    let theirs = object(&[(ROLE_ARN, "other")], &[("argocd-controller", "Apply", 1, &[ROLE_ARN])]);
    for after in [BTreeMap::new(), wanted(&[(ROLE_ARN, "old", "eksctl")])] {
        let refused = next_write(&theirs, &after).unwrap_err();
        assert!(refused.contains("argocd-controller"), "{refused}");
    }
}

/// An API server that answers a read with what `account` is, and a patch as `patched` says:
/// whether it is refused, and what the account is from then on.
fn serving(
    account: Object,
    mut patched: impl FnMut(usize, &Value) -> (bool, Object) + Send + 'static,
) -> (Fake, Arc<Mutex<Vec<Value>>>) {
    let patches = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&patches);
    let mut account = account;
    let fake = Fake::new(&[]).answering(move |method, path, body| {
        assert!(path.contains("/serviceaccounts/aws-node"));
        if method == http::Method::GET {
            return Some((200, serde_json::to_value(&account).unwrap()));
        }
        let mut all = seen.lock().unwrap();
        all.push(json!({"path": path, "body": body}));
        let (is_refused, now) = patched(all.len(), body);
        account = now;
        Some(if is_refused { refusal(409, "Conflict") } else { (200, serde_json::to_value(&account).unwrap()) })
    });
    (fake, patches)
}

fn account(annotations: BTreeMap<String, Annotation>) -> ServiceAccount {
    ServiceAccount::annotated("kube-system", "aws-node", annotations)
}

fn ours() -> Object {
    object(&[(ROLE_ARN, "new")], &[("cni-plan", "Apply", 9, &[ROLE_ARN])])
}

#[tokio::test]
async fn a_lost_race_about_something_else_is_run_again() {
    let bare = || {
        let mut bare = object(&[], &[]);
        bare.metadata.resource_version = Some("8".to_owned());
        bare
    };
    let (fake, patches) =
        serving(object(&[], &[]), move |count, _| (count == 1, if count == 1 { bare() } else { ours() }));
    let after = account(wanted(&[(ROLE_ARN, "new", "cni-plan")]));
    apply(&fake.connection(), &account(BTreeMap::new()), &after).await.unwrap();
    let patches = patches.lock().unwrap();
    let versions: Vec<&Value> = patches.iter().map(|patch| &patch["body"]["metadata"]["resourceVersion"]).collect();
    assert_eq!(versions, ["7", "8"]);
    let path = patches[0]["path"].as_str().unwrap();
    assert!(path.contains("fieldManager=cni-plan") && !path.contains("force"), "{path}");
}

#[tokio::test]
async fn a_reviewed_takeover_is_forced_and_its_undoing_is_under_the_former_name() {
    let theirs = || object(&[(ROLE_ARN, "old")], &[("eksctl", "Update", 1, &[ROLE_ARN])]);
    let before = account(wanted(&[(ROLE_ARN, "old", "eksctl")]));
    let after = account(wanted(&[(ROLE_ARN, "new", "cni-plan")]));

    let (fake, patches) = serving(theirs(), |_, _| (false, ours()));
    apply(&fake.connection(), &before, &after).await.unwrap();
    let path = patches.lock().unwrap()[0]["path"].as_str().unwrap().to_owned();
    assert!(path.contains("fieldManager=cni-plan") && path.contains("force=true"), "{path}");

    let (fake, patches) = serving(ours(), move |_, _| (false, theirs()));
    apply(&fake.connection(), &after, &before).await.unwrap();
    let patch = patches.lock().unwrap()[0].clone();
    assert!(patch["path"].as_str().unwrap().contains("fieldManager=eksctl"), "{patch}");
    assert_eq!(patch["body"]["metadata"]["annotations"], json!({ROLE_ARN: "old"}));
    assert_eq!(patch["body"]["metadata"]["resourceVersion"], "7", "what was written since is not overwritten");
}

#[tokio::test]
async fn a_race_about_the_annotation_itself_is_a_conflict() {
    let theirs = || object(&[(ROLE_ARN, "other")], &[("kubectl-annotate", "Update", 9, &[ROLE_ARN])]);
    let (fake, patches) = serving(object(&[], &[]), move |_, _| (true, theirs()));
    let after = account(wanted(&[(ROLE_ARN, "new", "cni-plan")]));
    let error = apply(&fake.connection(), &account(BTreeMap::new()), &after).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert!(error.why.ends_with("was absent and is other (of kubectl-annotate)"), "{error}");
    assert_eq!(patches.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn an_endless_race_is_given_up() {
    let (fake, patches) = serving(object(&[], &[]), |_, _| (true, object(&[], &[])));
    let after = account(wanted(&[(ROLE_ARN, "new", "cni-plan")]));
    let error = apply(&fake.connection(), &account(BTreeMap::new()), &after).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert_eq!(patches.lock().unwrap().len(), RACES + 1);
}

#[tokio::test]
async fn another_owner_than_the_reviewed_one_is_not_overwritten() {
    let theirs = object(&[(ROLE_ARN, "old")], &[("helm", "Update", 1, &[ROLE_ARN])]);
    let (fake, patches) = serving(theirs, |_, _| unreachable!("nothing is to be written"));
    let before = account(wanted(&[(ROLE_ARN, "old", "eksctl")]));
    let after = account(wanted(&[(ROLE_ARN, "new", "cni-plan")]));
    let error = apply(&fake.connection(), &before, &after).await.unwrap_err();
    assert!(error.why.contains("old (of eksctl) and is old (of helm)"), "{error}");
    assert!(patches.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_account_that_is_gone_is_not_made_again() {
    let fake = Fake::new(&[]).answering(|_, _, _| Some(refusal(404, "NotFound")));
    let after = account(wanted(&[(ROLE_ARN, "new", "cni-plan")]));
    let error = apply(&fake.connection(), &account(BTreeMap::new()), &after).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
}

#[tokio::test]
async fn a_write_without_a_clear_answer_is_looked_after() {
    for took_effect in [true, false] {
        let (fake, patches) = serving(object(&[], &[]), |_, _| unreachable!("answered below"));
        let sent = Arc::clone(&patches);
        let mut now = object(&[], &[]);
        let fake = fake.answering(move |method, _, body| {
            if *method == http::Method::PATCH {
                let mut sent = sent.lock().unwrap();
                sent.push(body.clone());
                let is_first = sent.len() == 1;
                if took_effect || !is_first {
                    now = ours();
                }
                if is_first {
                    return Some(refusal(500, "InternalError"));
                }
            }
            Some((200, serde_json::to_value(&now).unwrap()))
        });
        let after = account(wanted(&[(ROLE_ARN, "new", "cni-plan")]));
        apply(&fake.connection(), &account(BTreeMap::new()), &after).await.unwrap();
        assert_eq!(patches.lock().unwrap().len(), if took_effect { 1 } else { 2 });
    }
}

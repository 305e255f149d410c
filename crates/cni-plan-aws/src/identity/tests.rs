use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use cni_plan_core::{Annotation, AssociationInEffect, AssociationReader, ErrorKind, Progress, annotation_keys};

use super::*;
use crate::scripted::{Asked, Scripted, change, cluster, identity};

const OLD: &str = "arn:aws:iam::111122223333:role/old";
const NEW: &str = "arn:aws:iam::111122223333:role/new";

/// An API server with the one service account; EKS's own hand on it is the test's.
struct ApiServer {
    annotated: Mutex<Option<&'static str>>,
    applied: Mutex<Vec<Change>>,
}

impl ApiServer {
    fn annotated(role_arn: Option<&'static str>) -> Arc<ApiServer> {
        Arc::new(ApiServer { annotated: Mutex::new(role_arn), applied: Mutex::default() })
    }
}

impl Provider for ApiServer {
    fn observe<'a>(&'a self, targets: &'a [&'a Target]) -> BoxFuture<'a, Vec<Observation>> {
        let account = account(*self.annotated.lock().unwrap());
        Box::pin(async move { vec![Observation::Present(Resource::ServiceAccount(account)); targets.len()] })
    }

    fn apply<'a>(&'a self, change: &'a Change, _: &'a dyn Overseer) -> BoxFuture<'a, Result<(), ProviderError>> {
        self.applied.lock().unwrap().push(change.clone());
        Box::pin(async { Ok(()) })
    }
}

fn account(role_arn: Option<&str>) -> ServiceAccount {
    let annotation = |value: &str| Annotation { value: value.to_owned(), manager: Some("eks".to_owned()) };
    let annotations = role_arn.map(|value| (annotation_keys::ROLE_ARN.to_owned(), annotation(value)));
    ServiceAccount::annotated("kube-system", "aws-node", annotations.into_iter().collect())
}

fn of_addon(role_arn: &str) -> Resource {
    let addon = Some(AddonRole { role_arn: Some(role_arn.to_owned()) });
    Resource::ServiceAccount(ServiceAccount { addon, ..account(Some(role_arn)) })
}

fn associated(role_arn: Option<&str>, annotated: Option<&str>) -> Resource {
    let association = |role_arn: &str| Association {
        role_arn: role_arn.to_owned(),
        owner_arn: None,
        besides: Vec::new(),
        tags: BTreeMap::new(),
    };
    Resource::ServiceAccount(ServiceAccount { association: role_arn.map(association), ..account(annotated) })
}

fn target(addon: bool, association: bool) -> Target {
    Target::ServiceAccount {
        cluster: "c".to_owned(),
        namespace: "kube-system".to_owned(),
        name: "aws-node".to_owned(),
        addon,
        association,
    }
}

async fn provider(script: &Scripted, api_server: Arc<dyn Provider>) -> Arc<dyn Provider> {
    script.aws().associations(&cluster()).await.unwrap().with(api_server)
}

/// An add-on with role `old`, whose update is over when it is asked for the second time.
fn eks(updates: &AtomicUsize, asked: &Asked) -> (u16, String) {
    let addon = format!(
        r#"{{"addon":{{"addonName":"vpc-cni","addonVersion":"v1","status":"ACTIVE","configurationValues":"{{}}","serviceAccountRoleArn":"{OLD}"}}}}"#
    );
    let update = |status: &str| (200, format!(r#"{{"update":{{"id":"u-1","status":"{status}"}}}}"#));
    match asked.operation.as_str() {
        "GET /clusters/c/addons/vpc-cni" => (200, addon),
        "POST /clusters/c/addons/vpc-cni/update" => update("InProgress"),
        path if path.starts_with("GET /clusters/c/updates/u-1") => match updates.fetch_add(1, Ordering::SeqCst) {
            0 => update("InProgress"),
            _ => update("Successful"),
        },
        _ => identity(),
    }
}

#[tokio::test]
async fn the_role_is_sent_with_all_that_was_found_and_its_update_is_followed_to_its_end() {
    let updates = AtomicUsize::new(0);
    let script = Scripted::start(move |asked| eks(&updates, asked)).await;
    let provider = provider(&script, ApiServer::annotated(Some(NEW))).await;
    let change = change(target(true, false), Some(of_addon(OLD)), Some(of_addon(NEW)));
    let told = Mutex::new(Vec::new());
    provider.apply(&change, &|progress| told.lock().unwrap().push(progress)).await.unwrap();
    let waited = Progress::Told("waiting for EKS to update the add-on vpc-cni, update u-1".to_owned());
    assert_eq!(told.into_inner().unwrap(), [waited], "who waits is told for what");
    let body: serde_json::Value =
        serde_json::from_str(&script.body_of("POST /clusters/c/addons/vpc-cni/update")).unwrap();
    assert_eq!(body["serviceAccountRoleArn"], NEW);
    assert_eq!((&body["addonVersion"], &body["configurationValues"]), (&"v1".into(), &"{}".into()));
    assert_eq!(body["resolveConflicts"], "PRESERVE");
    assert_eq!(body.get("podIdentityAssociations"), None, "an empty list would delete them");
    let followed = script.operations().iter().filter(|it| it.starts_with("GET /clusters/c/updates/u-1")).count();
    assert_eq!(followed, 2, "it is in progress first");
}

#[tokio::test]
async fn an_addon_with_another_role_by_now_is_not_touched() {
    let updates = AtomicUsize::new(0);
    let script = Scripted::start(move |asked| eks(&updates, asked)).await;
    let provider = provider(&script, ApiServer::annotated(None)).await;
    let change = change(target(true, false), Some(of_addon("another")), Some(of_addon(NEW)));
    let error = provider.apply(&change, &|_| {}).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert_eq!(error.why, format!("its role is {OLD}, and was another"));
    assert!(!script.operations().iter().any(|operation| operation.starts_with("POST")));
}

#[tokio::test]
async fn what_comes_before_the_annotation_goes_after_it() {
    let script = Scripted::start(|asked| match asked.operation.as_str() {
        path if path.starts_with("GET /clusters/c/pod-identity-associations/a-1") => {
            (200, format!(r#"{{"association":{{"roleArn":"{OLD}"}}}}"#))
        }
        path if path.starts_with("GET /clusters/c/pod-identity-associations") => {
            (200, r#"{"associations":[{"associationId":"a-1"}]}"#.to_owned())
        }
        "DELETE /clusters/c/pod-identity-associations/a-1" => (403, r#"{"message":"no"}"#.to_owned()),
        _ => identity(),
    })
    .await;
    let api_server = ApiServer::annotated(None);
    let provider = provider(&script, Arc::clone(&api_server) as _).await;
    let (before, after) = (associated(Some(OLD), None), associated(None, Some(NEW)));
    let change = change(target(false, true), Some(before), Some(after));
    assert!(provider.apply(&change, &|_| {}).await.is_err());
    let applied = api_server.applied.lock().unwrap();
    let [annotated] = applied.as_slice() else { panic!("the annotation is there before the association goes") };
    assert_eq!(annotated.after, Some(Resource::ServiceAccount(account(Some(NEW)))), "without EKS's share");
}

#[tokio::test(start_paused = true)]
async fn an_update_after_which_the_annotation_is_not_there_is_told() {
    let updates = AtomicUsize::new(0);
    let script = Scripted::start(move |asked| eks(&updates, asked)).await;
    let provider = provider(&script, ApiServer::annotated(Some(OLD))).await;
    let change = change(target(true, false), Some(of_addon(OLD)), Some(of_addon(NEW)));
    let error = provider.apply(&change, &|_| {}).await.unwrap_err();
    assert_eq!(error.why, format!("EKS has updated it, and annotation {} is {OLD}", annotation_keys::ROLE_ARN));
}

#[tokio::test]
async fn an_annotation_that_was_taken_off_is_written_again_by_an_update_to_the_same_role() {
    let updates = AtomicUsize::new(0);
    let script = Scripted::start(move |asked| eks(&updates, asked)).await;
    let api_server = ApiServer::annotated(None);
    let provider = provider(&script, Arc::clone(&api_server) as _).await;
    let Resource::ServiceAccount(bare) = of_addon(OLD) else { panic!("it is a service account") };
    let bare = Resource::ServiceAccount(ServiceAccount { annotations: BTreeMap::new(), ..bare });
    let change = change(target(true, false), Some(bare), Some(of_addon(OLD)));
    let eks_writes = async {
        while !script.operations().iter().any(|it| it.starts_with("POST")) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        *api_server.annotated.lock().unwrap() = Some(OLD);
    };
    let (applied, ()) = tokio::join!(provider.apply(&change, &|_| {}), eks_writes);
    applied.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_addon_that_eks_is_never_done_with_is_not_to_be_seen() {
    let script = Scripted::start(|asked| match asked.operation.as_str() {
        "GET /clusters/c/addons/vpc-cni" => {
            (200, r#"{"addon":{"addonName":"vpc-cni","addonVersion":"v1","status":"UPDATING"}}"#.to_owned())
        }
        _ => identity(),
    })
    .await;
    let provider = provider(&script, ApiServer::annotated(None)).await;
    let target = target(true, false);
    let settled = provider.settle(&[&target]).await;
    let [Observation::Unseen(error)] = settled.as_slice() else { panic!("{settled:?}") };
    assert_eq!((error.kind, error.why.as_str()), (ErrorKind::Timeout, "EKS is still changing it after 15 minutes"));
}

#[tokio::test]
async fn what_no_plan_sets_of_an_association_is_seen() {
    let script = Scripted::start(|asked| match asked.operation.as_str() {
        path if path.starts_with("GET /clusters/c/pod-identity-associations/a-1") => (
            200,
            format!(
                r#"{{"association":{{"roleArn":"{OLD}","targetRoleArn":"{NEW}","tags":{{"managed-by":"cni-plan"}}}}}}"#
            ),
        ),
        path if path.starts_with("GET /clusters/c/pod-identity-associations") => {
            (200, r#"{"associations":[{"associationId":"a-1"}]}"#.to_owned())
        }
        _ => identity(),
    })
    .await;
    let provider = provider(&script, ApiServer::annotated(None)).await;
    let target = target(false, true);
    let [Observation::Present(Resource::ServiceAccount(account))] = &provider.observe(&[&target]).await[..] else {
        panic!("it is there")
    };
    let association = account.association.as_ref().unwrap();
    assert_eq!(association.besides, ["targetRoleArn"]);
    assert!(!association.is_of_a_plan());
}

/// One association with role `old`, made at 100 and changed at 200.
fn with_association(asked: &Asked) -> (u16, String) {
    let association = format!(r#"{{"association":{{"roleArn":"{OLD}","createdAt":100.25,"modifiedAt":200.5}}}}"#);
    match asked.operation.as_str() {
        "POST /clusters/c/pod-identity-associations/a-1" => (200, association),
        path if path.starts_with("GET /clusters/c/pod-identity-associations/a-1") => (200, association),
        path if path.starts_with("GET /clusters/c/pod-identity-associations") => {
            (200, r#"{"associations":[{"associationId":"a-1"}]}"#.to_owned())
        }
        _ => identity(),
    }
}

#[tokio::test]
async fn who_looks_at_pods_is_told_the_role_of_their_association_and_since_when_with_one_answer_for_all_who_ask_at_once()
 {
    let script = Scripted::start(with_association).await;
    let associations = script.aws().associations(&cluster()).await.unwrap();
    let lag = associations.lag;
    let ask = || associations.in_effect("kube-system", "aws-node");
    let (one, other) = tokio::join!(ask(), ask());
    let expected =
        AssociationInEffect::new(OLD.to_owned(), Duration::from_millis(100_250), Duration::from_millis(200_500), lag);
    assert_eq!(one.unwrap().as_ref(), Some(&expected));
    assert_eq!(other.unwrap(), Some(expected));
    let asked = || script.operations().iter().filter(|it| it.contains("pod-identity-associations")).count();
    assert_eq!(asked(), 2, "listed and described once");
    ask().await.unwrap();
    assert_eq!(asked(), 4, "who asks later is told what is so then");
}

#[tokio::test(start_paused = true)]
async fn after_an_association_is_given_another_role_pods_wait_until_eks_knows_it_everywhere() {
    let script = Scripted::start(with_association).await;
    let associations = script.aws().associations(&cluster()).await.unwrap();
    let lag = associations.lag;
    let provider = associations.with(ApiServer::annotated(None));
    let change = change(target(false, true), Some(associated(Some(OLD), None)), Some(associated(Some(NEW), None)));
    let began = tokio::time::Instant::now();
    provider.apply(&change, &|_| {}).await.unwrap();
    assert!(script.operations().iter().any(|it| it == "POST /clusters/c/pod-identity-associations/a-1"));
    assert!(began.elapsed() >= lag + Duration::from_secs(1), "{:?}", began.elapsed());
}

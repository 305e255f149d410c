//! The token that is asked for, and what becomes of it.

use std::sync::{Arc, Mutex};

use cni_plan_core::{BoxFuture, NeedKind, TokenClaims};
use serde_json::{Value, json};

use super::*;
use crate::fake::{Answer, Fake, refusal};

const ROLE: &str = "arn:aws:iam::111122223333:role/r";
/// `{"iss":"https://i","sub":"s","aud":["sts.amazonaws.com"]}`.
const TOKEN: &str = "e30.eyJpc3MiOiJodHRwczovL2kiLCJzdWIiOiJzIiwiYXVkIjpbInN0cy5hbWF6b25hd3MuY29tIl19.c2ln";
const PATH: &str = "/api/v1/namespaces/kube-system/serviceaccounts/aws-node/token";

/// Keeps what it is given and answers as it is told to.
struct Trying {
    answer: Result<(), ProviderError>,
    given: Mutex<Vec<Given>>,
}

/// A trial: the role, the token, what that says, and the actions needed.
type Given = (String, String, TokenClaims, Vec<&'static str>);

impl Trying {
    fn with(answer: Result<(), ProviderError>) -> Trying {
        Trying { answer, given: Mutex::default() }
    }
}

impl RoleTrial for Trying {
    fn try_role<'a>(&'a self, trial: Trial<'a>, _: &'a dyn Overseer) -> BoxFuture<'a, Result<(), ProviderError>> {
        let actions = trial.needs.iter().map(|need| need.action).collect();
        let given = (trial.role_arn.to_owned(), trial.token.expose().to_owned(), trial.claims.clone(), actions);
        self.given.lock().unwrap().push(given);
        Box::pin(std::future::ready(self.answer.clone()))
    }
}

async fn probed(answer: Answer, trying: &Trying) -> (Result<(), ProviderError>, Vec<(String, Value)>) {
    let asked: Arc<Mutex<Vec<(String, Value)>>> = Arc::default();
    let kept = Arc::clone(&asked);
    let fake = Fake::new(&["n"]).answering(move |method, path, body| {
        kept.lock().unwrap().push((format!("{method} {path}"), body.clone()));
        Some(answer.clone())
    });
    let needs = [Need { action: "ec2:CreateTags", resource: "*".to_owned(), own: None, kind: NeedKind::Hard, why: "" }];
    let plan = Probe { role_arn: ROLE, needs: &needs };
    let result = probe(&fake.connection(), "kube-system", "aws-node", plan, trying, &|_| {}).await;
    let asked = asked.lock().unwrap().clone();
    (result, asked)
}

fn issued(token: &str) -> Answer {
    let status = json!({"token": token, "expirationTimestamp": "2026-11-26T00:00:00Z"});
    (
        201,
        json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "metadata": {}, "spec": {"audiences": []}, "status": status}),
    )
}

#[tokio::test]
async fn the_role_is_tried_by_a_token_for_sts_that_lives_no_longer_than_it_must() {
    let trying = Trying::with(Ok(()));
    let (result, asked) = probed(issued(TOKEN), &trying).await;
    assert_eq!(result, Ok(()));
    let [(request, body)] = asked.as_slice() else { panic!("{asked:?}") };
    assert!(request.starts_with(&format!("POST {PATH}")), "{request}");
    assert_eq!(body["spec"]["audiences"], json!(["sts.amazonaws.com"]));
    assert_eq!(body["spec"]["expirationSeconds"], json!(600));
    let given = trying.given.into_inner().unwrap();
    let [(role, token, claims, actions)] = given.as_slice() else { panic!("{given:?}") };
    assert_eq!((role.as_str(), token.as_str(), actions.as_slice()), (ROLE, TOKEN, &["ec2:CreateTags"][..]));
    assert_eq!((claims.issuer.as_str(), claims.subject.as_str()), ("https://i", "s"));
}

#[tokio::test]
async fn who_may_not_make_tokens_is_told_which_right_is_missing() {
    let trying = Trying::with(Ok(()));
    let (result, _) = probed(refusal(403, "Forbidden"), &trying).await;
    let error = result.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied);
    assert_eq!(error.what, "cannot make a token for service account kube-system/aws-node in cluster test");
    assert_eq!(error.cure, "grant the caller `create` on `serviceaccounts/token` in namespace kube-system (RBAC)");
    assert!(trying.given.into_inner().unwrap().is_empty());
}

#[tokio::test]
async fn the_token_is_in_no_error_whoever_repeats_it() {
    let echoing = ProviderError {
        kind: ErrorKind::Refused,
        what: "cannot take role r".to_owned(),
        why: format!("the token {TOKEN} is refused"),
        cure: String::new(),
    };
    let (result, _) = probed(issued(TOKEN), &Trying::with(Err(echoing))).await;
    assert_eq!(result.unwrap_err().why, "the token (hidden) is refused");
    // What is no token is not repeated either.
    let (result, _) = probed(issued("CANARY"), &Trying::with(Ok(()))).await;
    assert!(!format!("{:?}", result.unwrap_err()).contains("CANARY"));
}

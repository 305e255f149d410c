//! Against an AWS that answers by a script.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use cni_plan_core::{
    ErrorKind, Need, NeedKind, Overseer, Progress, ProviderError, RoleTrial, TokenClaims, Trial, WebIdentityToken,
};

use crate::scripted::{ACCOUNT, Answer, Asked, LosesItsLock, Scripted, identity, refusal, xml};

const ISSUER: &str = "oidc.eks.us-west-2.amazonaws.com/id/A";
const ROLE: &str = "arn:aws:iam::111122223333:role/path/r";
const SECRET: &str = "e30.CANARY.c2ln";

fn needs() -> Vec<Need> {
    let need = |action, resource: &str| Need {
        action,
        resource: resource.to_owned(),
        own: None,
        kind: NeedKind::Hard,
        why: "",
    };
    vec![
        need("ec2:DescribeInstances", "*"),
        need("ec2:CreateNetworkInterface", "arn:aws:ec2:us-west-2:111122223333:network-interface/*"),
        need("ec2:CreateTags", "arn:aws:ec2:us-west-2:111122223333:network-interface/*"),
        need("ec2:CreateNetworkInterface", "arn:aws:ec2:us-west-2:*:subnet/*"),
    ]
}

/// Tries the role; returns what came of it and what was told meanwhile.
async fn tried(
    script: impl Fn(&Asked) -> Answer + Send + Sync + 'static,
) -> (Result<(), ProviderError>, Vec<String>, Scripted) {
    let aws = Scripted::start(script).await;
    let told = Mutex::new(Vec::new());
    let tell = |progress| {
        if let Progress::Told(what) | Progress::Noted(what) = progress {
            told.lock().unwrap().push(what);
        }
    };
    let result = try_role(&aws, &tell).await;
    (result, told.into_inner().unwrap(), aws)
}

async fn try_role(aws: &Scripted, overseer: &dyn Overseer) -> Result<(), ProviderError> {
    let token = WebIdentityToken::new(SECRET.to_owned());
    let claims = TokenClaims {
        issuer: format!("https://{ISSUER}"),
        subject: "system:serviceaccount:kube-system:aws-node".to_owned(),
        audiences: vec!["sts.amazonaws.com".to_owned()],
    };
    let needs = needs();
    let trial = Trial { role_arn: ROLE, token: &token, claims: &claims, needs: &needs };
    aws.iam().await.try_role(trial, overseer).await
}

fn let_in() -> Answer {
    let credentials = "<AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>CANARYkey</SecretAccessKey>\
        <SessionToken>CANARYsession</SessionToken><Expiration>2026-11-26T00:00:00Z</Expiration>";
    xml("AssumeRoleWithWebIdentity", &format!("<Credentials>{credentials}</Credentials>"))
}

/// The simulator's answer: each action that was asked for, denied where `is_denied` says so.
fn judged(asked: &Asked, is_denied: impl Fn(&str) -> Option<&'static str>) -> Answer {
    let results = asked.body.split('&').filter(|pair| pair.starts_with("ActionNames.member.")).map(|pair| {
        let action = pair.split_once('=').unwrap().1;
        let decision = is_denied(action).unwrap_or("allowed");
        format!("<member><EvalActionName>{action}</EvalActionName><EvalDecision>{decision}</EvalDecision></member>")
    });
    let results: String = results.collect();
    xml(
        "SimulatePrincipalPolicy",
        &format!("<EvaluationResults>{results}</EvaluationResults><IsTruncated>false</IsTruncated>"),
    )
}

#[tokio::test]
async fn a_role_that_answers_and_allows_is_proved() {
    let (result, told, aws) = tried(|asked| match asked.operation.as_str() {
        "AssumeRoleWithWebIdentity" => let_in(),
        "SimulatePrincipalPolicy" => judged(asked, |_| None),
        _ => identity(),
    })
    .await;
    assert_eq!((result, told), (Ok(()), Vec::new()));
    // One question for each resource: everything, interfaces, subnets.
    assert_eq!(
        aws.operations(),
        ["AssumeRoleWithWebIdentity", "SimulatePrincipalPolicy", "SimulatePrincipalPolicy", "SimulatePrincipalPolicy"]
    );
    let assumed = aws.body_of("AssumeRoleWithWebIdentity");
    for part in [
        &format!("RoleArn={ROLE}"),
        &format!("WebIdentityToken={SECRET}"),
        "DurationSeconds=900",
        "\"Effect\":\"Deny\"",
    ] {
        assert!(assumed.contains(part), "{part} is not in {assumed}");
    }
    let asked = aws.bodies_of("SimulatePrincipalPolicy");
    assert!(asked.iter().any(|body| body.contains("ResourceArns.member.1=*&")), "{asked:?}");
    let interfaces = "ResourceArns.member.1=arn:aws:ec2:us-west-2:111122223333:network-interface/eni-";
    let of_interfaces = asked.iter().find(|body| body.contains(interfaces)).unwrap();
    assert!(of_interfaces.contains("ActionNames.member.2=ec2:CreateTags"), "{of_interfaces}");
    // Subnets may be another account's; the simulator wants one.
    assert!(asked.iter().any(|body| body.contains(&format!("arn:aws:ec2:us-west-2:{ACCOUNT}:subnet/subnet-"))));
}

#[tokio::test]
async fn a_refusal_that_passes_is_waited_for() {
    for code in ["AccessDenied", "InvalidIdentityToken"] {
        let (assumed, simulated) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let (result, told, aws) = tried(move |asked| match asked.operation.as_str() {
            "AssumeRoleWithWebIdentity" if assumed.fetch_add(1, Ordering::SeqCst) < 3 => refusal(400, code),
            "AssumeRoleWithWebIdentity" => let_in(),
            "SimulatePrincipalPolicy" => match simulated.fetch_add(1, Ordering::SeqCst) {
                0 => refusal(404, "NoSuchEntity"),
                1..4 => judged(asked, |_| Some("implicitDeny")),
                _ => judged(asked, |_| None),
            },
            _ => identity(),
        })
        .await;
        assert_eq!(result, Ok(()), "{code}");
        let waits = [
            "waiting for the role to let the service account in",
            "waiting for the role to allow what the plugin needs",
        ];
        assert_eq!(told, waits, "each is told once");
        assert_eq!(aws.operations().iter().filter(|it| *it == "AssumeRoleWithWebIdentity").count(), 4);
    }
}

/// The refusal is explained by what is there, and says no secret whatever STS repeats.
#[tokio::test]
async fn a_refusal_that_stays_says_what_is_wrong() {
    let trust = |sub: &str| {
        let document = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity",
            "Principal":{{"Federated":"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"}},
            "Condition":{{"StringEquals":{{"{ISSUER}:sub":"{sub}"}}}}}}]}}"#
        );
        document.replace('"', "&quot;")
    };
    let (result, _, aws) = tried(move |asked| match asked.operation.as_str() {
        "AssumeRoleWithWebIdentity" => refusal(403, "AccessDenied"),
        "GetRole" => xml(
            "GetRole",
            &format!(
                "<Role><RoleName>r</RoleName><Path>/path/</Path><Arn>{ROLE}</Arn><RoleId>AROA1</RoleId>\
                 <CreateDate>2026-11-26T00:00:00Z</CreateDate>\
                 <AssumeRolePolicyDocument>{}</AssumeRolePolicyDocument></Role>",
                trust("system:serviceaccount:default:app")
            ),
        ),
        "GetOpenIDConnectProvider" => xml(
            "GetOpenIDConnectProvider",
            &format!("<Url>{ISSUER}</Url><ClientIDList><member>sts.amazonaws.com</member></ClientIDList>"),
        ),
        _ => identity(),
    })
    .await;
    let error = result.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused);
    assert_eq!(error.what, "cannot take role r as system:serviceaccount:kube-system:aws-node in account 111122223333");
    assert!(error.why.starts_with("the subject is wrong: "), "{error}");
    assert!(error.why.ends_with("(STS: AccessDenied: because)"), "{error}");
    assert!(aws.operations().iter().filter(|it| *it == "AssumeRoleWithWebIdentity").count() > 3, "the bound is used");
    assert!(!aws.operations().contains(&"SimulatePrincipalPolicy".to_owned()));
    assert!(!format!("{error:?}").contains("CANARY"));
}

#[tokio::test]
async fn a_refusal_whose_reason_cannot_be_looked_for_is_told_as_it_is() {
    let (result, ..) = tried(|asked| match asked.operation.as_str() {
        "AssumeRoleWithWebIdentity" | "GetRole" | "GetOpenIDConnectProvider" => refusal(403, "AccessDenied"),
        _ => identity(),
    })
    .await;
    assert_eq!(result.unwrap_err().why, "AccessDenied: because");
}

#[tokio::test]
async fn any_other_failure_is_not_waited_for() {
    let (result, _, aws) = tried(|asked| match asked.operation.as_str() {
        "AssumeRoleWithWebIdentity" => refusal(400, "ExpiredTokenException"),
        _ => identity(),
    })
    .await;
    let error = result.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused);
    assert_eq!(error.cure, "check the clocks of the API server and of this machine", "nobody has signed the call");
    assert_eq!(aws.operations(), ["AssumeRoleWithWebIdentity"]);
}

#[tokio::test]
async fn actions_that_are_denied_are_named() {
    let (result, ..) = tried(|asked| match asked.operation.as_str() {
        "AssumeRoleWithWebIdentity" => let_in(),
        "SimulatePrincipalPolicy" => judged(asked, |action| match action {
            "ec2:CreateTags" => Some("explicitDeny"),
            "ec2:DescribeInstances" => Some("implicitDeny"),
            _ => None,
        }),
        _ => identity(),
    })
    .await;
    let error = result.unwrap_err();
    assert_eq!(error.why, "ec2:CreateTags (explicitDeny), ec2:DescribeInstances (implicitDeny)");
    assert_eq!(error.what, "role r in account 111122223333 does not allow what the plugin needs");
}

#[tokio::test]
async fn what_the_simulator_cannot_judge_is_not_held_against_the_role() {
    let (result, ..) = tried(|asked| match asked.operation.as_str() {
        "AssumeRoleWithWebIdentity" => let_in(),
        "SimulatePrincipalPolicy" => {
            let (status, body) = judged(asked, |_| Some("implicitDeny"));
            let open = "<MissingContextValues><member>aws:sourceip</member></MissingContextValues></member>";
            (status, body.replace("</EvalDecision></member>", &format!("</EvalDecision>{open}")))
        }
        _ => identity(),
    })
    .await;
    assert_eq!(result, Ok(()));
}

#[tokio::test]
async fn a_caller_who_may_not_ask_the_simulator_is_told_so_and_goes_on() {
    let denied = "grant iam:SimulatePrincipalPolicy on arn:aws:iam::111122223333:role/path/r";
    for (answer, why) in [
        (refusal(403, "AccessDenied"), denied),
        (refusal(501, "NotImplemented"), "no simulator"),
        ((500, String::new()), "no simulator"),
    ] {
        let (result, told, _) = tried(move |asked| match asked.operation.as_str() {
            "AssumeRoleWithWebIdentity" => let_in(),
            "SimulatePrincipalPolicy" => answer.clone(),
            _ => identity(),
        })
        .await;
        assert_eq!(result, Ok(()));
        let [told] = told.as_slice() else { panic!("{told:?}") };
        assert!(
            told.starts_with("the role answers; what it allows could not be asked (") && told.contains(why),
            "{told}"
        );
    }
}

/// One that is there and failed may have had something to say.
#[tokio::test]
async fn a_simulator_that_fails_is_a_failure() {
    let (result, ..) = tried(|asked| match asked.operation.as_str() {
        "AssumeRoleWithWebIdentity" => let_in(),
        "SimulatePrincipalPolicy" => refusal(500, "ServiceFailure"),
        _ => identity(),
    })
    .await;
    assert_eq!(result.unwrap_err().kind, ErrorKind::Unreachable);
}

/// Whoever asked to stop, or a lock that is lost, ends the waiting.
#[tokio::test]
async fn it_waits_no_longer_than_it_may() {
    let aws = Scripted::start(|asked| match asked.operation.as_str() {
        "AssumeRoleWithWebIdentity" => refusal(403, "AccessDenied"),
        _ => identity(),
    })
    .await;
    let overseer = LosesItsLock { after: AtomicUsize::new(2) };
    let error = try_role(&aws, &overseer).await.unwrap_err();
    assert_eq!(error.what, "the lock is lost");
    assert_eq!(aws.operations(), ["AssumeRoleWithWebIdentity"; 2]);
}

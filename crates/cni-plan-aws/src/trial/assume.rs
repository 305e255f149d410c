//! The token exchanged for the role's credentials, as every SDK in a pod does it. The call is not signed:
//! the token is the credential (STS API, AssumeRoleWithWebIdentity).

use aws_sdk_sts::operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use cni_plan_core::{ErrorKind, Overseer, Progress, ProviderError, Trial};
use tokio::time::sleep;

use super::{diagnosis, name_of};
use crate::IamProvider;

/// What CloudTrail shows as the session.
const SESSION: &str = "cni-plan-probe";
/// The shortest session that STS gives, in seconds.
const SHORTEST: i32 = 900;
/// The session's own policy: its credentials are good for nothing, should they ever get anywhere.
const NOTHING: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#;

/// Asks until the role lets the token in.
pub(super) async fn until_let_in(
    iam: &IamProvider,
    trial: Trial<'_>,
    overseer: &dyn Overseer,
) -> Result<(), ProviderError> {
    let doing = format!("take role {} as {}", name_of(trial.role_arn), trial.claims.subject);
    let intent = iam.intent("sts:AssumeRoleWithWebIdentity", trial.role_arn, &doing);
    let call = iam
        .sts()
        .assume_role_with_web_identity()
        .role_arn(trial.role_arn)
        .role_session_name(SESSION)
        .duration_seconds(SHORTEST)
        .policy(NOTHING)
        .web_identity_token(trial.token.expose());
    let mut delays = iam.visibility.delays();
    let mut is_told = false;
    loop {
        overseer.may_go_on().await?;
        let Err(error) = call.clone().send().await else { return Ok(()) };
        let refusal = of_a_token(intent.failed(&error), &error);
        if !may_pass(&error) {
            return Err(refusal);
        }
        let Some(delay) = delays.next() else { return Err(diagnosis::explained(iam, trial, refusal).await) };
        if !std::mem::replace(&mut is_told, true) {
            overseer.tell(Progress::Told("waiting for the role to let the service account in".to_owned()));
        }
        sleep(delay).await;
    }
}

/// The call is signed by nobody: what helps against a refusal is about the token and the role, not about
/// whoever runs this.
fn of_a_token(refusal: ProviderError, error: &SdkError<AssumeRoleWithWebIdentityError, HttpResponse>) -> ProviderError {
    let cure = match error.as_service_error().and_then(ProvideErrorMetadata::code) {
        Some("ExpiredTokenException" | "ExpiredToken") => "check the clocks of the API server and of this machine",
        Some(_) if may_pass(error) => "look at the role's trust and at the OIDC provider of the cluster's issuer",
        _ => return refusal,
    };
    ProviderError { kind: ErrorKind::Refused, cure: cure.to_owned(), ..refusal }
}

/// What STS answers while it does not know of a role, its trust or a provider yet; and what it goes on
/// answering when there is something wrong with them.
fn may_pass(error: &SdkError<AssumeRoleWithWebIdentityError, HttpResponse>) -> bool {
    const REFUSALS: [&str; 4] = ["AccessDenied", "InvalidIdentityToken", "IDPRejectedClaim", "IDPCommunicationError"];
    error.as_service_error().and_then(ProvideErrorMetadata::code).is_some_and(|code| REFUSALS.contains(&code))
}

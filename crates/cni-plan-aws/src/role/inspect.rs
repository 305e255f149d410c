//! Reads one role.

use aws_sdk_iam::types;
use cni_plan_core::{ProviderError, Role};

use super::convert;
use crate::IamProvider;
use crate::failure::{Intent, if_there};

pub(crate) async fn inspect(iam: &IamProvider, name: &str) -> Result<Option<Role>, ProviderError> {
    let intent = reading(iam, name);
    let Some(role) = if_there(get(iam, name, &intent).await)? else { return Ok(None) };
    convert::from_wire(role).map(Some).map_err(|why| intent.unreadable(why))
}

/// In seconds. Not ours to want, but UpdateRole resets it to an hour where it is not repeated.
///
/// # Errors
/// When it cannot be read, also because the role is not there.
pub(super) async fn session_duration(iam: &IamProvider, name: &str) -> Result<Option<i32>, ProviderError> {
    Ok(get(iam, name, &reading(iam, name)).await?.max_session_duration)
}

/// GetRole answers with everything: trust, description, boundary and all of at most fifty tags.
async fn get(iam: &IamProvider, name: &str, intent: &Intent<'_>) -> Result<types::Role, ProviderError> {
    let answer = iam.client().get_role().role_name(name).send().await;
    let answer = answer.map_err(|error| intent.failed(&error))?;
    answer.role.ok_or_else(|| intent.unreadable("the answer has no role"))
}

fn reading<'a>(iam: &'a IamProvider, name: &str) -> Intent<'a> {
    iam.intent("iam:GetRole", &format!("role {name}"), &format!("read role {name}"))
}

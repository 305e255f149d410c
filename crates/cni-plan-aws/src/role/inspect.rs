//! Reads one role.

use aws_sdk_iam::types;
use cni_plan_core::{ProviderError, Role};

use super::convert;
use crate::IamProvider;
use crate::failure::if_there;

pub(crate) async fn inspect(iam: &IamProvider, name: &str) -> Result<Option<Role>, ProviderError> {
    Ok(inspect_whole(iam, name).await?.map(|found| found.role))
}

/// A role with what is not ours to want, but must not be lost when it is written.
pub(super) struct WholeRole {
    pub(super) role: Role,
    /// Seconds; UpdateRole resets it to an hour where it is not repeated.
    pub(super) max_session_duration: Option<i32>,
}

/// GetRole answers with everything: trust, description, boundary and all of at most fifty tags.
pub(super) async fn inspect_whole(iam: &IamProvider, name: &str) -> Result<Option<WholeRole>, ProviderError> {
    let intent = iam.intent("iam:GetRole", &format!("role {name}"), &format!("read role {name}"));
    let answer = iam.client().get_role().role_name(name).send().await;
    let Some(answer) = if_there(answer.map_err(|error| intent.failed(&error)))? else { return Ok(None) };
    let role: types::Role = answer.role.ok_or_else(|| intent.unreadable("the answer has no role"))?;
    let max_session_duration = role.max_session_duration;
    let role = convert::from_wire(role).map_err(|why| intent.unreadable(why))?;
    Ok(Some(WholeRole { role, max_session_duration }))
}

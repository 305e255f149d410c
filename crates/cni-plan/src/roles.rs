//! What was read of roles, sorted: what a change set keeps, what could not be read, and what failed.

use cni_plan_core::{ProviderError, RoleAsked, RoleRead, RoleRecord, Unread, role_records};

use crate::error::CommandError;

/// The records of some roles; `unread` is told what may not be read of them.
///
/// # Errors
/// Whatever failed, each once.
pub(crate) fn records(
    read: Vec<(RoleAsked, Result<RoleRead, ProviderError>)>,
    mut unread: impl FnMut(&RoleAsked, Vec<Unread>),
) -> Result<Vec<RoleRecord>, CommandError> {
    let (mut found, mut errors) = (Vec::new(), Vec::new());
    for (asked, read) in read {
        match read {
            Ok(read) => {
                unread(&asked, read.unread);
                found.push((asked, read.record));
            }
            Err(error) if errors.contains(&error) => {}
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() {
        Ok(role_records(found.iter().map(|(asked, record)| (asked, record.clone()))))
    } else {
        Err(CommandError::Provider(errors))
    }
}

//! The association that pods are to have their role by, read until EKS shows it: its readers may lag behind the
//! step that made or changed it, and pods would be judged by what there was before.

use std::time::Duration;

use cni_plan_core::{AssociationInEffect, Overseer, PodIdentity, Progress, ProviderError};

/// How often it is read once more: after one second, then after twice as long each time, together half a minute.
const MORE_READS: u32 = 5;

/// What `read` gives; where pods are `wanted` with a role by an association, once it names that role, or what it gave last.
///
/// # Errors
/// Of a read, and when the run is to stop.
pub(crate) async fn shown<Reading>(
    wanted: &PodIdentity,
    read: impl Fn() -> Reading,
    overseer: &dyn Overseer,
) -> Result<Option<AssociationInEffect>, ProviderError>
where
    Reading: Future<Output = Result<Option<AssociationInEffect>, ProviderError>>,
{
    let mut found = read().await?;
    let PodIdentity::Association { role_arn: Some(role_arn) } = wanted else { return Ok(found) };
    for reads in 0..MORE_READS {
        if found.as_ref().is_some_and(|found| found.role_arn() == role_arn) {
            break;
        }
        overseer.tell(Progress::Told("waiting until EKS shows the Pod Identity association".to_owned()));
        tokio::time::sleep(Duration::from_secs(1 << reads)).await;
        overseer.may_go_on().await?;
        found = read().await?;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    fn with(role_arn: &str) -> Option<AssociationInEffect> {
        Some(AssociationInEffect::new(role_arn.to_owned(), Duration::ZERO, Duration::ZERO, Duration::ZERO))
    }

    /// What comes of reads that give `answers`, and none after that, and how many there were.
    async fn read_until(
        wanted: &PodIdentity,
        answers: &[Option<AssociationInEffect>],
    ) -> (Option<AssociationInEffect>, usize) {
        let reads = Mutex::new(0);
        let read = || async {
            let mut reads = reads.lock().unwrap();
            *reads += 1;
            Ok(answers.get(*reads - 1).cloned().flatten())
        };
        let found = shown(wanted, read, &|_| {}).await.unwrap();
        (found, reads.into_inner().unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_read_until_it_names_the_role() {
        let wanted = PodIdentity::associated("new");
        assert_eq!(read_until(&wanted, &[with("new")]).await, (with("new"), 1));
        assert_eq!(read_until(&wanted, &[None, with("old"), with("new")]).await, (with("new"), 3));
        assert_eq!(read_until(&wanted, &[]).await, (None, 6), "whoever waits is told how pods are judged without it");
    }

    #[tokio::test]
    async fn it_is_read_once_where_no_role_is_wanted_by_it() {
        assert_eq!(read_until(&PodIdentity::NodeRole, &[with("old")]).await, (with("old"), 1));
    }
}

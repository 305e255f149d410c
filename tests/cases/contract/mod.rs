//! The adapter's contract with AWS: each case runs against the sandbox, always, and against
//! `moto_server`, an imitation that others wrote. What holds for both is what IAM does rather than
//! what one of us believes.
//!
//! A case shares moto's account with all others, so it keeps to names of its own.

mod account;
mod attachments;
mod clusters;
mod oidc_providers;
mod paging;
mod policies;
mod roles;
mod states;
mod trust;

/// Runs each case in this module against both.
macro_rules! against_both {
    ($($case:ident),+ $(,)?) => {
        mod sandbox {
            $(#[tokio::test]
            async fn $case() {
                super::$case(&crate::contract::account::Account::of_sandbox().await).await;
            })+
        }

        mod moto_server {
            $(#[tokio::test]
            #[ignore = "peer: moto_server"]
            async fn $case() {
                super::$case(&crate::contract::account::Account::of_moto().await).await;
            })+
        }
    };
}
use against_both;

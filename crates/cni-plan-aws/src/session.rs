//! One set of credentials in one region: the clients, and what a failed call is told with.

use std::sync::Arc;

use aws_config::SdkConfig;
use aws_types::region::Region;
use cni_plan_core::{CallObserver, ProviderError};

use crate::failure::Intent;
use crate::login::{Caller, Login};
use crate::repeats::Repeats;
use crate::retry::{SoonAgain, unrationed};
use crate::timing::Timing;
use crate::whole::Whole;

/// The clients of a login in a region.
pub(crate) struct Session {
    pub(crate) login: Arc<Login>,
    pub(crate) region: String,
    pub(crate) config: SdkConfig,
    pub(crate) eks: aws_sdk_eks::Client,
    pub(crate) iam: aws_sdk_iam::Client,
    pub(crate) sts: aws_sdk_sts::Client,
}

impl Session {
    pub(crate) fn new(login: Arc<Login>, region: String, observer: &Arc<dyn CallObserver>) -> Session {
        let config = login.config.to_builder().region(Region::new(region.clone())).build();
        let eks = aws_sdk_eks::config::Builder::from(&config)
            .interceptor(Timing::new("eks", observer))
            .retry_classifier(SoonAgain)
            .retry_partition(unrationed("cni-plan-eks"));
        let iam = aws_sdk_iam::config::Builder::from(&config)
            .interceptor(Timing::new("iam", observer))
            .interceptor(Repeats)
            .interceptor(Whole)
            .retry_classifier(SoonAgain)
            .retry_partition(unrationed("cni-plan-iam"));
        let sts = aws_sdk_sts::config::Builder::from(&config)
            .interceptor(Timing::new("sts", observer))
            .interceptor(Whole)
            .retry_classifier(SoonAgain)
            .retry_partition(unrationed("cni-plan-sts"));
        Session {
            eks: aws_sdk_eks::Client::from_conf(eks.build()),
            iam: aws_sdk_iam::Client::from_conf(iam.build()),
            sts: aws_sdk_sts::Client::from_conf(sts.build()),
            login,
            region,
            config,
        }
    }

    /// Whose the credentials are; asked once for all regions.
    pub(crate) async fn caller(&self) -> Result<&Caller, ProviderError> {
        self.login
            .caller
            .get_or_try_init(|| async {
                let what = format!("cannot tell whose the credentials of {} are", self.login.key);
                let intent = self.intent("sts:GetCallerIdentity", "*", what);
                let identity = self.sts.get_caller_identity().send().await.map_err(|error| intent.failed(&error))?;
                match (identity.account, identity.arn) {
                    (Some(account), Some(arn)) => Ok(Caller { account, arn }),
                    _ => Err(intent.unreadable("the answer has no account or ARN")),
                }
            })
            .await
    }

    /// What a call is about to be made for. `action` as IAM policies name it, `on` the resource,
    /// `what` the failure in words: `cannot …`.
    pub(crate) fn intent(&self, action: &'static str, on: impl Into<String>, what: impl Into<String>) -> Intent<'_> {
        Intent { session: self, action, on: on.into(), what: what.into() }
    }
}

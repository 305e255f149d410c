//! One account as the cases see it: through the adapter, and past it.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use aws_sdk_iam::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_http_client::Builder;
use cni_plan_aws::{Aws, AwsOptions, IamProvider, StaticCredentials, Visibility};
use cni_plan_core::{
    Action, Address, Call, CallObserver, Change, ClusterRef, Kind, Observation, Provider, ProviderError, Resource,
    Reversibility, Target,
};
use cni_plan_sandbox::{ClusterSeed, IpFamily, Options, Sandbox};
use cni_plan_tests::peers::Moto;

use super::states::{allow, cluster, trust_of_ec2};

pub(super) const ACCOUNT: &str = "111122223333";
pub(super) const REGION: &str = "us-west-2";

/// The account 111122223333 of the sandbox or of moto.
pub(super) struct Account {
    service: Service,
    pub(super) aws: Arc<Aws>,
    /// What is under test.
    pub(super) iam: Arc<IamProvider>,
    /// Someone else, past the adapter.
    pub(super) raw: aws_sdk_iam::Client,
}

enum Service {
    Sandbox(Sandbox),
    Moto(Arc<Moto>),
}

impl Account {
    /// In a sandbox of its own. More policies fit on a role than by default, as AWS allows on request.
    pub(super) async fn of_sandbox() -> Account {
        let options = Options { attached_policies_per_role: 40, ..Options::default() };
        let sandbox = Sandbox::start(options).await.unwrap();
        let url = sandbox.url();
        Account::at(&url, &format!("SANDBOX{ACCOUNT}"), Service::Sandbox(sandbox)).await
    }

    /// In the one moto that all cases of the moment share.
    pub(super) async fn of_moto() -> Account {
        let moto = tokio::task::spawn_blocking(shared_moto).await.unwrap();
        let url = moto.url().to_owned();
        Account::at(&url, "AKIAIOSFODNN7EXAMPLE", Service::Moto(moto)).await
    }

    async fn at(url: &str, key_id: &str, service: Service) -> Account {
        let credentials = StaticCredentials { key_id: key_id.to_owned(), secret: "secret".to_owned() };
        let options = AwsOptions {
            endpoint_url: Some(url.to_owned()),
            default_region: Some(REGION.to_owned()),
            credentials: Some(Arc::new(move |_: &ClusterRef| credentials.clone())),
            // Neither service has readers that lag.
            visibility: Some(Visibility::within(Duration::from_millis(400))),
        };
        let aws = Arc::new(Aws::new(options, Arc::new(Unobserved)));
        let iam = aws.account(&cluster("any")).await.unwrap();
        assert_eq!(iam.account(), ACCOUNT);
        let raw = aws_sdk_iam::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(Builder::new().build_http())
            .credentials_provider(Credentials::new(key_id, "secret", None, None, "test"))
            .region(Region::new(REGION))
            .endpoint_url(url)
            .build();
        Account { service, aws, iam, raw: aws_sdk_iam::Client::from_conf(raw) }
    }

    /// Makes a cluster with two node groups, `spot` and `workers`, on `AmazonEKSNodeRole`.
    pub(super) async fn make_cluster(&self, name: &str, ip_family: IpFamily) {
        match &self.service {
            Service::Sandbox(sandbox) => {
                sandbox.ensure_cluster(&ClusterSeed { ip_family, ..ClusterSeed::new(name) }).unwrap();
            }
            Service::Moto(moto) => make_cluster_of_moto(moto, name, ip_family).await,
        }
    }

    /// What the adapter sees of one target.
    pub(super) async fn observe(&self, target: &Target) -> Observation {
        self.iam.observe(&[target]).await.remove(0)
    }

    /// What is there.
    pub(super) async fn found(&self, target: &Target) -> Resource {
        match self.observe(target).await {
            Observation::Present(resource) => resource,
            other => panic!("{target:?}: {other:?}"),
        }
    }

    /// One change by the adapter, from a state to another.
    pub(super) async fn change(
        &self,
        target: &Target,
        before: Option<&Resource>,
        after: Option<&Resource>,
    ) -> Result<(), ProviderError> {
        let change = Change {
            address: Address::new(ACCOUNT, kind_of(target), &["tried"]),
            target: target.clone(),
            action: Action::Update,
            why: String::new(),
            before: before.cloned(),
            after: after.cloned(),
            run: None,
            reversibility: Reversibility::Reversible,
            depends_on: Vec::new(),
            clusters: Vec::new(),
        };
        self.iam.apply(&change, &|_| {}).await
    }

    /// Brings a target to what is wanted, as a plan does: what is there is merged with, not
    /// replaced. Returns what was there and what is there now.
    pub(super) async fn bring(&self, target: &Target, wanted: &Resource) -> (Option<Resource>, Resource) {
        let before = match self.observe(target).await {
            Observation::Present(found) => Some(found),
            Observation::Absent => None,
            Observation::Unseen(error) => panic!("{error}"),
        };
        let after = before.as_ref().map_or_else(|| wanted.clone(), |found| wanted.merged_into(found));
        self.change(target, before.as_ref(), Some(&after)).await.unwrap();
        (before, self.found(target).await)
    }

    /// A policy made past the adapter; its ARN.
    pub(super) async fn make_policy(&self, name: &str) -> String {
        let call = self.raw.create_policy().policy_name(name).policy_document(allow("ec2:DescribeTags").to_json());
        call.send().await.unwrap().policy.unwrap().arn.unwrap()
    }

    /// A role made past the adapter, which EC2 may take.
    pub(super) async fn make_role(&self, name: &str) {
        let call = self.raw.create_role().role_name(name).assume_role_policy_document(trust_of_ec2().to_json());
        call.send().await.unwrap();
    }
}

async fn make_cluster_of_moto(moto: &Moto, name: &str, ip_family: IpFamily) {
    use aws_sdk_eks::types::{IpFamily as Family, KubernetesNetworkConfigRequest, VpcConfigRequest};

    let config = aws_sdk_eks::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(Builder::new().build_http())
        .credentials_provider(Credentials::new("AKIAIOSFODNN7EXAMPLE", "secret", None, None, "test"))
        .region(Region::new(REGION))
        .endpoint_url(moto.url())
        .build();
    let eks = aws_sdk_eks::Client::from_conf(config);
    let family = Family::from(ip_family.as_str());
    eks.create_cluster()
        .name(name)
        .role_arn(format!("arn:aws:iam::{ACCOUNT}:role/AmazonEKSClusterRole"))
        .resources_vpc_config(VpcConfigRequest::builder().subnet_ids("subnet-1").build())
        .kubernetes_network_config(KubernetesNetworkConfigRequest::builder().ip_family(family).build())
        .send()
        .await
        .unwrap();
    for group in ["workers", "spot"] {
        eks.create_nodegroup()
            .cluster_name(name)
            .nodegroup_name(group)
            .subnets("subnet-1")
            .node_role(format!("arn:aws:iam::{ACCOUNT}:role/AmazonEKSNodeRole"))
            .send()
            .await
            .unwrap();
    }
}

fn shared_moto() -> Arc<Moto> {
    // Held by the cases that run and by nothing else, so the server ends with the last of them.
    static RUNNING: Mutex<Weak<Moto>> = Mutex::new(Weak::new());
    let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    running.upgrade().unwrap_or_else(|| {
        let moto = Arc::new(Moto::start(ACCOUNT));
        *running = Arc::downgrade(&moto);
        moto
    })
}

struct Unobserved;

impl CallObserver for Unobserved {
    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn called(&self, _call: Call) {}
}

fn kind_of(target: &Target) -> Kind {
    match target {
        Target::OidcProvider { .. } => Kind::OidcProvider,
        Target::Policy { .. } => Kind::Policy,
        Target::Role { .. } => Kind::Role,
        Target::Attachment { .. } => Kind::Attach,
        Target::ServiceAccount { .. } | Target::Pods { .. } => unreachable!("the cases are about IAM"),
    }
}

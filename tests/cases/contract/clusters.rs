//! What EKS and STS say of a cluster, before anything is compiled.

use cni_plan_core::{ClusterFacts, ClusterInspector, ClusterRef, ErrorKind, FactsWanted, IpFamily, NodeRole};
use cni_plan_sandbox::IpFamily as SandboxFamily;

use super::account::{ACCOUNT, Account, REGION};
use super::against_both;
use super::states::cluster;

against_both!(
    a_cluster_tells_its_family_issuer_and_node_roles,
    a_cluster_that_is_not_there_is_not_found,
    another_account_is_refused,
);

/// moto knows no add-ons, so the spec says who owns the plugin there.
const SELF_MANAGED: FactsWanted = FactsWanted {
    node_roles: true,
    addon: false,
    agent: false,
    association_of: None,
    neighbours: false,
    other_regions: Vec::new(),
};

async fn a_cluster_tells_its_family_issuer_and_node_roles(account: &Account) {
    for (name, made, family) in
        [("four", SandboxFamily::Ipv4, IpFamily::Ipv4), ("six", SandboxFamily::Ipv6, IpFamily::Ipv6)]
    {
        account.make_cluster(name, made).await;
        let mut facts = account.aws.facts(&cluster(name), SELF_MANAGED).await.unwrap();
        // moto knows no access entries.
        for role in &mut facts.node_roles {
            role.found_in.retain(|place| place.starts_with("nodegroup "));
        }
        let issuer = facts.issuer.clone().expect("every cluster has an issuer");
        assert!(issuer.starts_with("oidc.eks.us-west-2.amazonaws.com/id/"), "{issuer}");
        assert!(facts.version.starts_with("1."), "{}", facts.version);
        assert!(facts.endpoint.is_some() && facts.certificate_authority.is_some());
        let found_in = ["nodegroup spot", "nodegroup workers"].map(str::to_owned).to_vec();
        let expected = ClusterFacts {
            account: ACCOUNT.to_owned(),
            partition: "aws".to_owned(),
            region: REGION.to_owned(),
            ip_family: family,
            managed_addon: None,
            node_roles: vec![NodeRole { name: "AmazonEKSNodeRole".to_owned(), found_in }],
            ..facts.clone()
        };
        assert_eq!(facts, expected);
    }
}

async fn a_cluster_that_is_not_there_is_not_found(account: &Account) {
    let error = account.aws.facts(&cluster("nowhere"), SELF_MANAGED).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound, "{error:?}");
}

async fn another_account_is_refused(account: &Account) {
    account.make_cluster("five", SandboxFamily::Ipv4).await;
    let elsewhere = ClusterRef { account: Some("999900001111".to_owned()), ..cluster("five") };
    let error = account.aws.facts(&elsewhere, SELF_MANAGED).await.unwrap_err();
    assert!(error.why.contains(ACCOUNT) || error.what.contains(ACCOUNT), "{error:?}");
    assert!(account.aws.account(&elsewhere).await.is_err());
}

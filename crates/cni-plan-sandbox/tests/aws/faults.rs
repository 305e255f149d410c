//! Faults: each kind does what it says, and the record shows it.

use std::io::Read;

use cni_plan_sandbox::{ClusterSeed, Options, Sandbox, Service};

use crate::client::Client;

const CNI: &str = "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy";

async fn with_fault(fault: &str) -> (Sandbox, Client) {
    let options = Options { faults: vec![fault.parse().unwrap()], ..Options::default() };
    let sandbox = Sandbox::start(options).await.unwrap();
    sandbox.ensure_cluster(&ClusterSeed::new("c")).unwrap();
    let client = Client::of(&sandbox);
    (sandbox, client)
}

fn node_role_has_policy(client: &Client) -> bool {
    let attached = client.iam("ListAttachedRolePolicies", &[("RoleName", "AmazonEKSNodeRole")]);
    attached.expect_ok().elements("PolicyArn").contains(&CNI)
}

#[tokio::test(flavor = "multi_thread")]
async fn access_denied_names_who_what_and_on_what() {
    let (sandbox, client) = with_fault("iam:DetachRolePolicy=AccessDenied@0x1").await;
    let detach = [("RoleName", "AmazonEKSNodeRole"), ("PolicyArn", CNI)];
    let answer = client.iam("DetachRolePolicy", &detach);
    assert_eq!(answer.refusal(), (403, "AccessDenied"));
    assert!(
        answer.body.contains(
            "User: arn:aws:iam::111122223333:user/sandbox is not authorized to perform: iam:DetachRolePolicy on \
             resource: role AmazonEKSNodeRole"
        ),
        "{}",
        answer.body
    );
    assert!(node_role_has_policy(&client));
    client.iam("DetachRolePolicy", &detach).expect_ok();
    let calls = sandbox.calls();
    let detaches: Vec<_> = calls.iter().filter(|call| call.operation == "DetachRolePolicy").collect();
    assert_eq!(detaches.iter().map(|call| call.status).collect::<Vec<_>>(), [403, 200]);
    assert_eq!((detaches[0].service, detaches[0].fault.as_deref()), (Service::Iam, Some("AccessDenied")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_connection_leaves_the_effect_or_not_as_asked() {
    for (fault, effect) in [("ConnectionReset", false), ("ConnectionResetAfter", true)] {
        let (sandbox, client) = with_fault(&format!("iam:DetachRolePolicy={fault}")).await;
        let detach = [("RoleName", "AmazonEKSNodeRole"), ("PolicyArn", CNI)];
        let broken = client.query("iam", "2010-05-08", "DetachRolePolicy", &detach);
        assert!(broken.is_err(), "{broken:?}");
        assert_eq!(node_role_has_policy(&client), !effect);
        assert_eq!(sandbox.calls().first().map(|call| call.status), Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_service_throttles_and_fails_in_its_own_way() {
    let (sandbox, client) = with_fault("iam:*=Throttlingx1").await;
    assert_eq!(client.iam("ListRoles", &[]).refusal(), (400, "Throttling"));
    for fault in ["iam:*=InternalErrorx1", "eks:*=Throttling", "kubernetes:list pods=Throttling"] {
        sandbox.add_fault(fault.parse().unwrap());
    }
    assert_eq!(client.iam("ListRoles", &[]).refusal(), (500, "ServiceFailure"));
    let eks = client.eks("/clusters");
    assert_eq!(eks.status, 429);
    assert!(eks.head.contains("x-amzn-errortype: toomanyrequestsexception"), "{}", eks.head);
    let pods = client.eks("/k8s/us-west-2/c/api/v1/namespaces/kube-system/pods");
    assert_eq!(pods.status, 429);
    assert!(pods.body.contains("\"reason\":\"TooManyRequests\""), "{}", pods.body);
    sandbox.clear_faults();
    client.eks("/clusters").expect_ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_body_is_cut_short() {
    let (_sandbox, client) = with_fault("iam:ListRoles=MalformedBodyx1").await;
    let broken = client.iam("ListRoles", &[]);
    assert_eq!(broken.status, 200);
    assert!(!broken.body.contains("</ListRolesResponse>"), "{}", broken.body);
    assert!(client.iam("ListRoles", &[]).body.contains("</ListRolesResponse>"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_call_ends_with_its_client_and_has_its_effect_or_never() {
    for (fault, effect) in [("Hold", false), ("HoldAfter", true)] {
        let (sandbox, client) = with_fault(&format!("iam:DetachRolePolicy={fault}x1")).await;
        let waits = client.begin_iam("DetachRolePolicy", &[("RoleName", "AmazonEKSNodeRole"), ("PolicyArn", CNI)]);
        let held = sandbox.until_held().await;
        assert_eq!((held[0].operation.as_str(), held[0].carried_out), ("DetachRolePolicy", effect));
        assert!(held[0].resource.ends_with("AmazonEKSNodeRole"), "{held:?}");
        assert!(sandbox.calls().is_empty(), "it is not over");
        assert_eq!(node_role_has_policy(&client), !effect);
        sandbox.clear_calls();
        drop(waits);
        sandbox.until_idle().await;
        assert_eq!(node_role_has_policy(&client), !effect);
        let call = sandbox.calls().remove(0);
        assert_eq!((call.operation.as_str(), call.status, call.fault.as_deref()), ("DetachRolePolicy", 0, Some(fault)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_released_call_is_reset_and_never_has_the_effect_it_was_held_before() {
    let (_sandbox, client) = with_fault("iam:DetachRolePolicy=Holdx1").await;
    let mut waits = client.begin_iam("DetachRolePolicy", &[("RoleName", "AmazonEKSNodeRole"), ("PolicyArn", CNI)]);
    let control = |method: &str, path: &str| client.send(method, path, "", "text/plain", "").unwrap().body;
    let held = control("GET", "/_sandbox/held?wait=true");
    assert!(held.contains("\"operation\":\"DetachRolePolicy\""), "{held}");
    control("DELETE", "/_sandbox/held");
    let answer = waits.read(&mut [0]);
    assert_eq!(answer.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!(control("GET", "/_sandbox/held"), "[]");
    assert!(node_role_has_policy(&client));
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_can_be_set_over_http_and_a_bad_one_changes_nothing() {
    let (_sandbox, client) = with_fault("sts:GetCallerIdentity=AccessDenied").await;
    let control = |method: &str, path: &str, body: &str| client.send(method, path, "", "text/plain", body).unwrap();
    assert_eq!(control("POST", "/_sandbox/faults", "iam:GetRole=AccessDenied\nnonsense\n").status, 400);
    assert_eq!(control("GET", "/_sandbox/faults", "").body, "sts:GetCallerIdentity=AccessDenied\n");
    assert_eq!(control("DELETE", "/_sandbox/faults", "").status, 200);
    client.sts("GetCallerIdentity", &[]).expect_ok();
    let calls = control("GET", "/_sandbox/calls", "").body;
    assert!(calls.contains("\"operation\":\"GetCallerIdentity\""), "{calls}");
}

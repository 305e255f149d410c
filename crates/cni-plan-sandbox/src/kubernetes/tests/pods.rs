//! Pods: born on nodes, injected, Ready, deleted and born again.

use super::*;

/// The value of a variable in each container of a pod, init containers first.
fn variable(pod: &Value, name: &str) -> Vec<Option<String>> {
    let lists = ["initContainers", "containers"].into_iter();
    let containers = lists.flat_map(|list| pod["spec"][list].as_array().unwrap());
    containers
        .map(|container| {
            let env = container["env"].as_array().unwrap();
            let found = env.iter().find(|variable| variable["name"] == name)?;
            found["value"].as_str().map(str::to_owned)
        })
        .collect()
}

#[test]
fn the_plugin_is_installed_running() {
    let cluster = Cluster::new();
    assert_eq!(cluster.ready(), 3);
    let set = cluster.api.object("daemonsets", NAMESPACE, "aws-node").unwrap();
    assert_eq!(
        set["status"],
        json!({ "currentNumberScheduled": 3, "desiredNumberScheduled": 3, "numberAvailable": 3,
                "numberMisscheduled": 0, "numberReady": 3, "observedGeneration": 1, "updatedNumberScheduled": 3 })
    );
    let pod = &cluster.pods()[&node(1)];
    let owner = &pod["metadata"]["ownerReferences"][0];
    assert_eq!((&owner["uid"], &owner["controller"]), (&set["metadata"]["uid"], &json!(true)));
    assert_eq!(pod["metadata"]["labels"]["pod-template-generation"], "1");
    assert!(name_of(pod).starts_with("aws-node-") && name_of(pod).len() == "aws-node-x7k2p".len());
    assert_eq!(variable(pod, "AWS_ROLE_ARN"), [None, None, None]);
    assert_eq!(pod["spec"]["hostNetwork"], true);
    let pinned = "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms";
    let field = json!({ "key": "metadata.name", "operator": "In", "values": [node(1)] });
    assert_eq!(pod.pointer(pinned).unwrap(), &json!([{ "matchFields": [field] }]));
}

#[test]
fn an_ipv6_plugin_says_so() {
    let cluster = Cluster::around(|check, hook| ApiServer::new(config(), check, hook));
    cluster.api.install_plugin(&PluginSeed {
        namespace: NAMESPACE.into(),
        service_account: "cni".into(),
        daemon_set: "cni".into(),
        version: "v1.23.1".into(),
        by_eks: false,
        addon_role: None,
        ip_family: IpFamily::Ipv6,
        nodes: vec![NodeSeed { name: node(1), nodegroup: "workers".into(), labels: BTreeMap::new(), taint: None }],
        annotations: Vec::new(),
        map_roles: None,
    });
    let pod = &cluster.pods()[&node(1)];
    assert_eq!(variable(pod, "ENABLE_IPv6")[1].as_deref(), Some("true"));
    assert_eq!(variable(pod, "ENABLE_IPv4")[1].as_deref(), Some("false"));
    assert_eq!(pod["spec"]["serviceAccountName"], "cni");
}

#[tokio::test]
async fn a_deleted_pod_is_born_again_with_the_role() {
    let cluster = Cluster::new();
    cluster.annotate(ROLE_ANNOTATION, ROLE).await;
    let old = cluster.pods()[&node(2)].clone();
    assert_eq!(variable(&old, "AWS_ROLE_ARN"), [None, None, None]);

    let (status, going) = cluster.delete(&format!("{SYSTEM}/pods/{}", name_of(&old)), &json!({})).await;
    assert_eq!((status, &going["metadata"]["deletionGracePeriodSeconds"]), (200, &json!(10)));
    cluster.wait(0);
    assert_eq!(cluster.pods()[&node(2)]["metadata"]["uid"], old["metadata"]["uid"], "it stops first");
    let set = cluster.api.object("daemonsets", NAMESPACE, "aws-node").unwrap();
    assert_eq!(set["status"]["numberReady"], 2);

    cluster.wait(4);
    let new = cluster.pods()[&node(2)].clone();
    assert_ne!(new["metadata"]["uid"], old["metadata"]["uid"]);
    assert_eq!(variable(&new, "AWS_ROLE_ARN"), vec![Some(ROLE.to_owned()); 3]);
    assert!(!is_ready(&new));
    assert_eq!(new["status"]["phase"], "Pending");

    cluster.wait(60);
    let new = &cluster.pods()[&node(2)];
    assert!(is_ready(new));
    assert_eq!(new["status"]["containerStatuses"][0]["restartCount"], 0);
    assert_eq!(cluster.pods().len(), 3);
}

#[tokio::test]
async fn a_pod_whose_role_does_not_work_keeps_restarting_until_it_does() {
    let cluster = Cluster::new();
    cluster.annotate(ROLE_ANNOTATION, ROLE).await;
    cluster.role_works.store(false, Ordering::SeqCst);
    let old = cluster.pods()[&node(1)].clone();
    cluster.delete(&format!("{SYSTEM}/pods/{}", name_of(&old)), &json!({ "gracePeriodSeconds": 0 })).await;
    cluster.wait(60);
    let broken = cluster.pods()[&node(1)].clone();
    assert!(!is_ready(&broken));
    assert!(broken["status"]["containerStatuses"][0]["restartCount"].as_u64().unwrap() > 1);
    assert_eq!(broken["status"]["containerStatuses"][0]["ready"], false);
    assert_eq!(cluster.ready(), 2, "the others are not looked at again");
    let path =
        format!("{SYSTEM}/events?fieldSelector=involvedObject.uid={}", broken["metadata"]["uid"].as_str().unwrap());
    let events = cluster.get(&path).await.1;
    assert_eq!(events["items"][0]["reason"], "MissingIAMPermissions");
    assert!(events["items"][0]["count"].as_u64().unwrap() > 1);

    cluster.role_works.store(true, Ordering::SeqCst);
    cluster.wait(120);
    assert_eq!(cluster.ready(), 3);
}

#[tokio::test]
async fn without_the_webhook_nothing_is_injected() {
    let cluster = Cluster::with(ClusterConfig { webhook: false, ..config() }, Vec::new());
    cluster.annotate(ROLE_ANNOTATION, ROLE).await;
    cluster.delete(&format!("{SYSTEM}/pods?labelSelector=k8s-app=aws-node"), &json!({})).await;
    cluster.wait(60);
    assert_eq!(cluster.ready(), 3);
    assert_eq!(variable(&cluster.pods()[&node(1)], "AWS_ROLE_ARN"), [None, None, None]);
}

#[test]
fn an_annotation_in_the_seed_comes_before_the_pods() {
    let annotation = AnnotationSeed { key: ROLE_ANNOTATION.into(), value: ROLE.into(), manager: "eksctl".into() };
    let cluster = Cluster::with(config(), vec![annotation]);
    assert_eq!(variable(&cluster.pods()[&node(3)], "AWS_ROLE_ARN"), vec![Some(ROLE.to_owned()); 3]);
    assert_eq!(cluster.ready(), 3);
}

#[tokio::test]
async fn pods_run_on_the_nodes_that_fit_and_on_no_others() {
    let cluster = Cluster::new();
    let label = json!({ "metadata": { "labels": { "eks.amazonaws.com/compute-type": "fargate" } } });
    cluster.patch(&format!("/api/v1/nodes/{}", node(1)), MERGE, &label).await;
    cluster.delete(&format!("/api/v1/nodes/{}", node(2)), &json!({})).await;
    let windows = json!({ "metadata": { "name": "w", "labels": { "kubernetes.io/os": "windows" } } });
    cluster.post("/api/v1/nodes", &windows).await;
    let labels = json!({ "kubernetes.io/os": "linux", "kubernetes.io/arch": "arm64" });
    let tainted = json!({ "metadata": { "name": "t", "labels": labels },
                          "spec": { "taints": [{ "key": "x", "effect": "NoSchedule" }] } });
    cluster.post("/api/v1/nodes", &tainted).await;
    cluster.wait(60);
    let nodes: Vec<String> = cluster.pods().into_keys().collect();
    assert_eq!(nodes, [node(3), "t".to_owned()]);
    assert_eq!(cluster.ready(), 2);
}

#[tokio::test]
async fn a_changed_template_rolls_through_the_nodes() {
    let cluster = Cluster::new();
    let path = "/apis/apps/v1/namespaces/kube-system/daemonsets/aws-node";
    let containers = json!([{ "name": "aws-node", "env": [{ "name": "WARM_ENI_TARGET", "value": "3" }] }]);
    let patch = json!({ "spec": { "template": { "spec": { "containers": containers } } } });
    let (status, set) = cluster.patch(path, "application/strategic-merge-patch+json", &patch).await;
    assert_eq!((status, &set["metadata"]["generation"]), (200, &json!(2)));
    cluster.wait(0);
    let going = |cluster: &Cluster| {
        cluster.pods().values().filter(|pod| pod["metadata"]["deletionTimestamp"].is_string()).count()
    };
    assert_eq!(going(&cluster), 1, "10% of three nodes is one");
    cluster.wait(120);
    for pod in cluster.pods().values() {
        assert_eq!(variable(pod, "WARM_ENI_TARGET")[1].as_deref(), Some("3"));
    }
    assert_eq!(cluster.ready(), 3);
}

#[tokio::test]
async fn a_world_that_was_away_has_moved_on() {
    let cluster = Cluster::new();
    let old = cluster.pods()[&node(1)].clone();
    cluster.delete(&format!("{SYSTEM}/pods/{}", name_of(&old)), &json!({})).await;
    let saved = cluster.saved.lock().unwrap().clone().unwrap();
    let text = serde_json::to_string(&saved).unwrap();

    let restored = Cluster::restored(serde_json::from_str(&text).unwrap());
    assert_eq!(restored.pods(), cluster.pods());
    restored.wait(3600);
    let new = &restored.pods()[&node(1)];
    assert_ne!(new["metadata"]["uid"], old["metadata"]["uid"]);
    assert!(is_ready(new));
    assert_eq!(restored.saved.lock().unwrap().as_ref().unwrap().revision, restored.api.snapshot().revision);
}

#[tokio::test]
async fn what_a_daemonset_owns_goes_with_it() {
    let cluster = Cluster::new();
    let path = "/apis/apps/v1/namespaces/kube-system/daemonsets/aws-node";
    let (_, status) = cluster.delete(path, &json!({})).await;
    assert_eq!((&status["kind"], &status["status"]), (&json!("Status"), &json!("Success")));
    cluster.wait(60);
    assert!(cluster.pods().is_empty());
}

#[tokio::test]
async fn without_its_service_account_a_pod_is_not_born() {
    let cluster = Cluster::new();
    cluster.delete(&format!("{SYSTEM}/serviceaccounts/aws-node"), &json!({})).await;
    cluster.delete(&format!("{SYSTEM}/pods"), &json!({})).await;
    cluster.wait(60);
    assert!(cluster.pods().is_empty());
    let events = cluster.api.objects("events");
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["reason"], "FailedCreate");
    cluster.post(&format!("{SYSTEM}/serviceaccounts"), &json!({ "metadata": { "name": "aws-node" } })).await;
    cluster.wait(120);
    assert_eq!(cluster.ready(), 3);
}

#[tokio::test]
async fn the_controllers_run_by_themselves() {
    let cluster = Cluster::with(ClusterConfig { ready_after: Duration::from_millis(40), ..config() }, Vec::new());
    cluster.api.start_controllers();
    let mut revisions = cluster.api.revisions();
    let before = cluster.pods();
    cluster.delete(&format!("{SYSTEM}/pods"), &json!({})).await;
    let replaced = async {
        loop {
            let now = cluster.pods();
            let new = |name: &String| {
                now.get(name).is_some_and(|pod| pod["metadata"]["uid"] != before[name]["metadata"]["uid"])
            };
            if cluster.ready() == 3 && before.keys().all(new) {
                return;
            }
            revisions.changed().await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(10), replaced).await.unwrap();
}

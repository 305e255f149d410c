//! Node groups, which are only read.

use cni_plan_tests::served::Served;
use serde_json::json;

use super::{Eks, sorted};

#[test]
#[ignore = "peer: aws, kubectl"]
fn are_read() {
    let served = Served::scenario("ipv4");
    let eks = Eks::of(&served);
    // The client's own paging, over pages of one.
    assert_eq!(sorted(&eks.call("list-nodegroups --page-size 1")["nodegroups"]), json!(["spot", "workers"]));
    let workers = eks.call("describe-nodegroup --nodegroup-name workers")["nodegroup"].clone();
    assert_eq!((&workers["status"], &workers["capacityType"]), (&json!("ACTIVE"), &json!("ON_DEMAND")));
    assert_eq!(workers["nodeRole"], "arn:aws:iam::111122223333:role/AmazonEKSNodeRole");
    let nodes = eks.shell.must("kubectl get nodes -l eks.amazonaws.com/nodegroup=workers -o name");
    assert_eq!(workers["scalingConfig"]["desiredSize"], nodes.lines().count());
    eks.shell.must("aws eks wait nodegroup-active --cluster-name my-cluster --nodegroup-name workers");
    eks.are_refused(&[
        ("list-nodegroups --cluster-name nowhere", "ResourceNotFoundException"),
        ("describe-nodegroup --nodegroup-name nothing", "ResourceNotFoundException"),
    ]);
}

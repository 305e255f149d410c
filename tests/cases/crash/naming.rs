//! That a difference which is not named is noticed: a judge that lets everything pass proves nothing.

use cni_plan_tests::ending::unnamed;
use serde_json::json;

#[test]
fn what_is_left_has_to_be_named_item_by_item() {
    let start = json!({ "accounts": { "1": { "roles": { "node": { "attached": ["arn:p/cni"] } } } } });
    let now = json!({ "accounts": { "1": { "roles": {
        "node": { "attached": [] },
        "own": { "attached": ["arn:p/cni"] },
    } } } });
    let output = "  ! 1/detach/node/cni\n  ! c/role/own\n  ! 1/attach/own/cni\n";
    assert!(unnamed(&start, &now, output).is_empty());
    for line in output.lines() {
        let left_out = output.replace(&format!("{line}\n"), "");
        assert_eq!(unnamed(&start, &now, &left_out).len(), 1, "{line}");
    }
}

#[test]
fn pods_and_annotations_are_named_in_their_own_cluster() {
    let world = |text: &str| {
        json!({ "clusters": { "r/c": { "kubernetes": {
            "pods": [{ "env": text }],
            "serviceaccounts": [{ "metadata": { "annotations": { "a": text } } }],
        } } } })
    };
    let residue = "  ! c/annotate/kube-system/aws-node\n  ! c/restart/kube-system/aws-node\n";
    assert!(unnamed(&world("was"), &world("is"), residue).is_empty());
    assert_eq!(unnamed(&world("was"), &world("is"), &residue.replace("! c/", "! other/")).len(), 2);
}

//! The roles of a cluster's nodes, as EKS knows of them: by node groups, and by the access entries
//! that let nodes of other kinds in.

use aws_sdk_eks::operation::list_access_entries::ListAccessEntriesError;
use cni_plan_core::{NodeRole, ProviderError, Unread};
use futures::future::join;

use crate::failure::if_there;
use crate::session::Session;
use crate::transport::at_most;

/// Node groups or access entries described at once.
const AT_ONCE: usize = 8;

/// Types of access entries that are nodes' (EKS User Guide, "Create access entries"): Fargate's pods and
/// hybrid nodes have roles too, which this plugin does not run on.
const NODE_TYPES: [&str; 4] = ["EC2_LINUX", "EC2_WINDOWS", "EC2", "HYPERPOD_LINUX"];

/// What EKS says of a cluster's nodes.
#[derive(Debug, Default)]
pub(crate) struct NodeRolesRead {
    /// One a source that names it: a role may come several times.
    pub(crate) roles: Vec<NodeRole>,
    pub(crate) unread: Vec<Unread>,
}

/// The roles of a cluster's nodes; none of a cluster that is not there. A source that the caller may not
/// read, or that this EKS does not have, is told of and does not stand in the way.
pub(crate) async fn read(session: &Session, cluster: &str) -> Result<NodeRolesRead, ProviderError> {
    let (groups, entries) = join(of_groups(session, cluster), of_entries(session, cluster)).await;
    let mut read = NodeRolesRead::default();
    for (what, roles) in [("the node groups", groups), ("the access entries", entries)] {
        match roles {
            Ok(roles) => read.roles.extend(roles),
            Err(error) => read.unread.push(Unread::unless_failed(what, error)?),
        }
    }
    Ok(read)
}

async fn of_groups(session: &Session, cluster: &str) -> Result<Vec<NodeRole>, ProviderError> {
    let intent = session.intent(
        "eks:ListNodegroups",
        format!("cluster {cluster}"),
        format!("cannot list the node groups of cluster {cluster}"),
    );
    let pages = session.eks.list_nodegroups().cluster_name(cluster).into_paginator().items().send();
    let names = pages.collect::<Result<Vec<_>, _>>().await.map_err(|error| intent.failed(&error));
    // DescribeCluster says better that there is no such cluster.
    let names = if_there(names)?.unwrap_or_default();
    let roles = at_most(AT_ONCE, names.iter().map(|name| of_group(session, cluster, name)).collect()).await;
    let mut found = Vec::with_capacity(names.len());
    for (name, role) in names.iter().zip(roles) {
        found.extend(role?.as_deref().and_then(|arn| node_role(arn, format!("nodegroup {name}"))));
    }
    Ok(found)
}

/// The ARN of the group's role; none of a group that has been deleted meanwhile.
async fn of_group(session: &Session, cluster: &str, group: &str) -> Result<Option<String>, ProviderError> {
    let intent = session.intent(
        "eks:DescribeNodegroup",
        format!("nodegroup {cluster}/{group}"),
        format!("cannot read node group {group} of cluster {cluster}"),
    );
    let answer = session.eks.describe_nodegroup().cluster_name(cluster).nodegroup_name(group).send().await;
    let Some(answer) = if_there(answer.map_err(|error| intent.failed(&error)))? else { return Ok(None) };
    let role = answer.nodegroup.and_then(|group| group.node_role);
    role.map(Some).ok_or_else(|| intent.unreadable("the answer has no node role"))
}

async fn of_entries(session: &Session, cluster: &str) -> Result<Vec<NodeRole>, ProviderError> {
    let intent = session.intent(
        "eks:ListAccessEntries",
        format!("cluster {cluster}"),
        format!("cannot list the access entries of cluster {cluster}"),
    );
    let pages = session.eks.list_access_entries().cluster_name(cluster).into_paginator().items().send();
    let principals = match pages.collect::<Result<Vec<_>, _>>().await {
        // A cluster that knows its callers by aws-auth alone has no entries (authenticationMode CONFIG_MAP).
        Err(error) if error.as_service_error().is_some_and(ListAccessEntriesError::is_invalid_request_exception) => {
            return Ok(Vec::new());
        }
        answer => if_there(answer.map_err(|error| intent.failed(&error)))?.unwrap_or_default(),
    };
    let roles: Vec<&String> = principals.iter().filter(|principal| principal.contains(":role/")).collect();
    let types = at_most(AT_ONCE, roles.iter().map(|arn| type_of_entry(session, cluster, arn)).collect()).await;
    let mut found = Vec::new();
    for (arn, entry) in roles.into_iter().zip(types) {
        if let Some(entry) = entry?.filter(|entry| NODE_TYPES.contains(&entry.as_str())) {
            found.extend(node_role(arn, format!("access entry ({entry})")));
        }
    }
    Ok(found)
}

/// None of an entry that has been deleted meanwhile.
async fn type_of_entry(session: &Session, cluster: &str, principal: &str) -> Result<Option<String>, ProviderError> {
    let intent = session.intent(
        "eks:DescribeAccessEntry",
        format!("access entry {cluster}/{principal}"),
        format!("cannot read the access entry of {principal} in cluster {cluster}"),
    );
    let answer = session.eks.describe_access_entry().cluster_name(cluster).principal_arn(principal).send().await;
    let answer = if_there(answer.map_err(|error| intent.failed(&error)))?;
    Ok(answer.and_then(|answer| answer.access_entry).and_then(|entry| entry.r#type))
}

fn node_role(arn: &str, found_in: String) -> Option<NodeRole> {
    let name = arn.rsplit('/').next().filter(|name| !name.is_empty())?;
    Some(NodeRole { name: name.to_owned(), found_in: vec![found_in] })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use cni_plan_core::{ClusterFacts, ClusterInspector, FactsWanted, Neighbour};

    use crate::scripted::{ACCOUNT, Answer, Asked, Scripted, cluster, identity};

    use super::*;

    const WANTED: FactsWanted = FactsWanted {
        node_roles: true,
        addon: false,
        agent: false,
        association_of: None,
        neighbours: true,
        other_regions: Vec::new(),
    };
    const FORBIDDEN: &str = r#"{"__type":"AccessDeniedException","message":"no"}"#;

    /// Two clusters, `c` with nodes of every kind and `d` with one node group.
    fn eks(asked: &Asked) -> Answer {
        let role = |name: &str| format!("arn:aws:iam::{ACCOUNT}:role/path/{name}");
        let ok = |body: String| (200, body);
        match asked.operation.as_str() {
            "GET /clusters" => ok(r#"{"clusters":["c","d"]}"#.to_owned()),
            "GET /clusters/c" => ok(r#"{"cluster":{"arn":"arn:aws:eks:r:1:cluster/c","version":"1.33"}}"#.to_owned()),
            "GET /clusters/c/node-groups" => ok(r#"{"nodegroups":["b","a","g","gone"]}"#.to_owned()),
            "GET /clusters/d/node-groups" => ok(r#"{"nodegroups":["only"]}"#.to_owned()),
            "GET /clusters/c/node-groups/g" => ok(format!(r#"{{"nodegroup":{{"nodeRole":"{}"}}}}"#, role("gpu"))),
            path if path.ends_with("/gone") => (404, r#"{"__type":"ResourceNotFoundException"}"#.to_owned()),
            path if path.contains("/node-groups/") => {
                ok(format!(r#"{{"nodegroup":{{"nodeRole":"{}"}}}}"#, role("nodes")))
            }
            "GET /clusters/c/access-entries" => {
                let user = format!("arn:aws:iam::{ACCOUNT}:user/alice");
                let [nodes, pods, admin] = ["nodes", "pods", "admin"].map(role);
                ok(format!(r#"{{"accessEntries":["{nodes}","{pods}","{admin}","{user}"]}}"#))
            }
            // A cluster that knows its callers by aws-auth alone.
            "GET /clusters/d/access-entries" => (400, r#"{"__type":"InvalidRequestException"}"#.to_owned()),
            path if path.contains("/access-entries/") => {
                let is = |name: &str| path.ends_with(name);
                let entry = if is("nodes") {
                    "EC2_LINUX"
                } else if is("pods") {
                    "FARGATE_LINUX"
                } else {
                    "STANDARD"
                };
                ok(format!(r#"{{"accessEntry":{{"type":"{entry}"}}}}"#))
            }
            _ => identity(),
        }
    }

    fn told(facts: &ClusterFacts) -> Vec<String> {
        facts.node_roles.iter().map(|role| format!("{}: {}", role.name, role.found_in.join(", "))).collect()
    }

    #[tokio::test]
    async fn a_role_of_several_sources_is_one_role_and_those_of_no_nodes_are_none() {
        let facts = Scripted::start(eks).await.aws().facts(&cluster(), WANTED).await.unwrap();
        let nodes = "nodes: access entry (EC2_LINUX), nodegroup a, nodegroup b";
        assert_eq!(told(&facts), ["gpu: nodegroup g", nodes]);
        assert_eq!(facts.unread, []);
    }

    #[tokio::test]
    async fn a_source_that_may_not_be_read_is_told_and_the_others_are_read() {
        let script = |asked: &Asked| match asked.operation.as_str() {
            path if path.contains("/access-entries") => (403, FORBIDDEN.to_owned()),
            _ => eks(asked),
        };
        let facts = Scripted::start(script).await.aws().facts(&cluster(), WANTED).await.unwrap();
        assert_eq!(told(&facts), ["gpu: nodegroup g", "nodes: nodegroup a, nodegroup b"]);
        let [unread] = facts.unread.as_slice() else { panic!("{:?}", facts.unread) };
        assert_eq!(unread.what, "the access entries");
        assert!(unread.cure.starts_with("grant eks:ListAccessEntries on cluster c to "), "{}", unread.cure);
    }

    #[tokio::test]
    async fn a_source_that_gave_no_whole_answer_is_no_source_that_may_not_be_read() {
        for broken in [(200, r#"{"accessEntr"#.to_owned()), (500, "{}".to_owned())] {
            let script = move |asked: &Asked| match asked.operation.as_str() {
                path if path.contains("/access-entries") => broken.clone(),
                _ => eks(asked),
            };
            let error = Scripted::start(script).await.aws().facts(&cluster(), WANTED).await.unwrap_err();
            assert_eq!(error.kind, cni_plan_core::ErrorKind::Unreachable, "{error}");
        }
    }

    #[tokio::test]
    async fn whoever_asks_again_is_told_what_is_so_by_then() {
        let is_bare = std::sync::atomic::AtomicBool::new(true);
        let script = move |asked: &Asked| match asked.operation.as_str() {
            "GET /clusters/c/node-groups" if is_bare.swap(false, std::sync::atomic::Ordering::SeqCst) => {
                (200, r#"{"nodegroups":[]}"#.to_owned())
            }
            _ => eks(asked),
        };
        let aws = Scripted::start(script).await.aws();
        let mut roles = Vec::new();
        for _ in 0..2 {
            roles.push(told(&aws.facts(&cluster(), WANTED).await.unwrap()).len());
        }
        assert_eq!(roles, [1, 2]);
    }

    #[tokio::test]
    async fn neighbours_are_told_with_their_nodes_roles_and_nothing_is_asked_twice() {
        let eks = Scripted::start(eks).await;
        let (aws, cluster, known) = (eks.aws(), cluster(), BTreeSet::from(["c"]));
        let (facts, neighbours) = join(aws.facts(&cluster, WANTED), aws.neighbours(&cluster, None, &known)).await;
        facts.unwrap();
        let neighbour = |name: &str, roles: &[&str]| Neighbour {
            account: ACCOUNT.to_owned(),
            region: "us-west-2".to_owned(),
            name: name.to_owned(),
            node_roles: roles.iter().map(|&role| role.to_owned()).collect(),
            unread: Vec::new(),
        };
        assert_eq!(neighbours.unwrap(), [neighbour("d", &["nodes"])]);
        let mut operations = eks.operations();
        operations.sort();
        let asked = operations.len();
        operations.dedup();
        assert_eq!(operations.len(), asked, "{operations:?}");
    }
}

//! EKS over REST JSON: clusters and node groups to be read, add-ons, access entries and Pod Identity
//! associations to be changed too.
//!
//! An operation is one row of the table and one function of a module below.

mod access_entries;
mod addons;
mod clusters;
mod describe;
mod paging;
mod pending;
mod pod_identity;
mod request;
mod versions;

use http::Method;
use serde_json::Value;

use crate::wire::{Caller, CallerRefused, Failure};

pub(crate) use access_entries::entry as access_entry;
pub(crate) use pending::resume;
pub(crate) use request::Request;

/// An operation and the names in its path.
pub(crate) struct Operation {
    name: &'static str,
    /// The names in its path, the cluster's first.
    path: Vec<String>,
    answer: Handler,
}

/// Answers a call, given the names in its path.
type Handler = fn(&Request<'_>, &[String]) -> Result<Value, Failure>;

/// A row of the table of operations: name, method, path with `*` for a name, and what answers it.
type Row = (&'static str, Method, &'static str, Handler);

const TABLE: [Row; 22] = [
    ("ListClusters", Method::GET, "clusters", |r, _| clusters::list(r)),
    ("DescribeCluster", Method::GET, "clusters/*", |r, n| clusters::describe(r, &n[0])),
    ("ListNodegroups", Method::GET, "clusters/*/node-groups", |r, n| clusters::list_nodegroups(r, &n[0])),
    ("DescribeNodegroup", Method::GET, "clusters/*/node-groups/*", |r, n| {
        clusters::describe_nodegroup(r, &n[0], &n[1])
    }),
    ("DescribeAddonVersions", Method::GET, "addons/supported-versions", |r, _| versions::describe(r)),
    ("ListAddons", Method::GET, "clusters/*/addons", |r, n| addons::list(r, &n[0])),
    ("CreateAddon", Method::POST, "clusters/*/addons", |r, n| addons::create(r, &n[0])),
    ("DescribeAddon", Method::GET, "clusters/*/addons/*", |r, n| addons::describe(r, &n[0], &n[1])),
    ("UpdateAddon", Method::POST, "clusters/*/addons/*/update", |r, n| addons::update(r, &n[0], &n[1])),
    ("DeleteAddon", Method::DELETE, "clusters/*/addons/*", |r, n| addons::delete(r, &n[0], &n[1])),
    ("ListUpdates", Method::GET, "clusters/*/updates", |r, n| addons::list_updates(r, &n[0])),
    ("DescribeUpdate", Method::GET, "clusters/*/updates/*", |r, n| addons::describe_update(r, &n[0], &n[1])),
    ("ListAccessEntries", Method::GET, "clusters/*/access-entries", |r, n| access_entries::list(r, &n[0])),
    ("CreateAccessEntry", Method::POST, "clusters/*/access-entries", |r, n| access_entries::create(r, &n[0])),
    ("DescribeAccessEntry", Method::GET, "clusters/*/access-entries/*", |r, n| {
        access_entries::describe(r, &n[0], &n[1])
    }),
    ("UpdateAccessEntry", Method::POST, "clusters/*/access-entries/*", |r, n| access_entries::update(r, &n[0], &n[1])),
    ("DeleteAccessEntry", Method::DELETE, "clusters/*/access-entries/*", |r, n| {
        access_entries::delete(r, &n[0], &n[1])
    }),
    ("ListPodIdentityAssociations", Method::GET, "clusters/*/pod-identity-associations", |r, n| {
        pod_identity::list(r, &n[0])
    }),
    ("CreatePodIdentityAssociation", Method::POST, "clusters/*/pod-identity-associations", |r, n| {
        pod_identity::create(r, &n[0])
    }),
    ("DescribePodIdentityAssociation", Method::GET, "clusters/*/pod-identity-associations/*", |r, n| {
        pod_identity::describe(r, &n[0], &n[1])
    }),
    ("UpdatePodIdentityAssociation", Method::POST, "clusters/*/pod-identity-associations/*", |r, n| {
        pod_identity::update(r, &n[0], &n[1])
    }),
    ("DeletePodIdentityAssociation", Method::DELETE, "clusters/*/pod-identity-associations/*", |r, n| {
        pod_identity::delete(r, &n[0], &n[1])
    }),
];

/// The operation of a request, from its method and the decoded segments of its path.
pub(crate) fn route(method: &Method, segments: &[&str]) -> Option<Operation> {
    TABLE.iter().find_map(|(name, wanted, pattern, answer)| {
        let pattern: Vec<&str> = pattern.split('/').collect();
        let fits = wanted == method
            && pattern.len() == segments.len()
            && pattern.iter().zip(segments).all(|(pattern, segment)| *pattern == "*" || pattern == segment);
        let names = pattern.iter().zip(segments).filter(|(pattern, _)| **pattern == "*");
        let path = names.map(|(_, name)| (*name).to_owned()).collect();
        fits.then_some(Operation { name, path, answer: *answer })
    })
}

/// Answers one call.
pub(crate) fn answer(operation: &Operation, request: &Request<'_>) -> Result<Value, Failure> {
    (operation.answer)(request, &operation.path)
}

impl Operation {
    /// The operation's name in the API.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Whether it only begins what is over later.
    pub(crate) fn is_asynchronous(&self) -> bool {
        ["CreateAddon", "UpdateAddon", "DeleteAddon"].contains(&self.name)
    }

    /// What the operation is about, as an ARN, for a refusal that has to name it.
    pub(crate) fn resource(&self, caller: &Caller) -> String {
        let cluster = self.path.first().map_or("*", String::as_str);
        let kind = match self.name {
            name if name.ends_with("Nodegroup") => "nodegroup",
            name if name.ends_with("Addon") => "addon",
            name if name.ends_with("AccessEntry") => "access-entry",
            name if name.ends_with("PodIdentityAssociation") => "podidentityassociation",
            _ => "cluster",
        };
        let resource = match self.path.get(1).filter(|_| kind != "cluster") {
            Some(below) => format!("{kind}/{cluster}/{below}"),
            None => format!("cluster/{cluster}"),
        };
        format!("arn:{}:eks:{}:{}:{resource}", caller.partition(), caller.region, caller.account)
    }
}

/// A refusal of the caller as EKS words it.
pub(crate) fn caller_refused(refused: CallerRefused) -> Failure {
    match refused {
        CallerRefused::Unsigned => {
            Failure::new(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
        }
        CallerRefused::UnknownKey => {
            Failure::new(403, "UnrecognizedClientException", "The security token included in the request is invalid.")
        }
        CallerRefused::Expired => {
            Failure::new(403, "ExpiredTokenException", "The security token included in the request is expired")
        }
    }
}

/// The error for something that is not there.
fn not_found(message: String) -> Failure {
    Failure::new(404, "ResourceNotFoundException", message)
}

/// The error for a parameter that will not do.
fn invalid_parameter(message: String) -> Failure {
    Failure::new(400, "InvalidParameterException", message)
}

/// The error for something that is there already, or busy.
fn conflict_failure(message: String) -> Failure {
    Failure::new(409, "ResourceInUseException", message)
}

//! A call to a cluster's API server: found by its path, let in by its token, handed over.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use http::{Method, Request, Uri};
use serde_json::{Value, json};

use super::{Refusal, response};
use crate::kubernetes::ApiServer;
use crate::wire::check_cluster_token;
use crate::world::World;

/// Who calls with no token at all. Clients send none over plain HTTP, so that has to open the door.
const ANONYMOUS: &str = "kubernetes-admin";

/// A call whose cluster and verb are known.
pub(super) struct KubernetesCall {
    server: Arc<ApiServer>,
    /// The path below the cluster, without its query.
    path: String,
    target: Target,
    user: Result<String, String>,
    request: Request<Body>,
}

/// What a Kubernetes request acts on, as its access rules see it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Target {
    verb: &'static str,
    group: String,
    namespace: Option<String>,
    /// With its subresource: `serviceaccounts/token`. For what is no resource, the path.
    resource: String,
    name: Option<String>,
}

impl KubernetesCall {
    pub(super) fn read(world: &World, mut request: Request<Body>) -> Result<KubernetesCall, Box<Response>> {
        let uri = request.uri().clone();
        // /k8s/REGION/NAME/api/v1/…
        let mut parts = uri.path().splitn(5, '/').skip(2);
        let (region, name) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let path = format!("/{}", parts.next().unwrap_or_default());
        let Some(cluster) = world.cluster(region, name) else {
            let message = format!("the sandbox has no cluster {name} in {region}");
            return Err(Box::new(status(404, "NotFound", &message, Value::Null)));
        };
        let below = match uri.query() {
            Some(query) => format!("{path}?{query}"),
            None => path.clone(),
        };
        let Ok(below) = below.parse::<Uri>() else {
            return Err(Box::new(status(400, "BadRequest", "the request's path is malformed", Value::Null)));
        };
        *request.uri_mut() = below;
        let target = Target::of(request.method(), &path, uri.query().unwrap_or_default());
        let user = user_of(&request);
        Ok(KubernetesCall { server: Arc::clone(&cluster.api), path, target, user, request })
    }

    /// The verb and the resource: `patch serviceaccounts`, `create serviceaccounts/token`.
    pub(super) fn operation(&self) -> String {
        format!("{} {}", self.target.verb, self.target.resource)
    }

    pub(super) fn resource(&self) -> String {
        self.path.clone()
    }

    pub(super) async fn answer(self) -> Response {
        match self.user {
            Ok(_) => self.server.handle(self.request).await,
            Err(_) => status(401, "Unauthorized", "Unauthorized", Value::Null),
        }
    }

    pub(super) fn refuse(&self, refusal: Refusal) -> Response {
        let target = &self.target;
        let mut details = json!({ "group": target.group, "kind": target.resource });
        if let Some(name) = &target.name {
            details["name"] = json!(name);
        }
        match refusal {
            Refusal::AccessDenied => {
                let user = self.user.as_deref().unwrap_or("system:anonymous");
                status(403, "Forbidden", &target.forbidden(user), details)
            }
            Refusal::Throttling => {
                let message = "the server has received too many requests and has asked us to try again later";
                response::header(status(429, "TooManyRequests", message, details), "retry-after", "1")
            }
            Refusal::InternalError => {
                status(500, "InternalError", "Internal error occurred: the sandbox was told to fail", details)
            }
        }
    }
}

impl Target {
    fn of(method: &Method, path: &str, query: &str) -> Target {
        let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        let (group, rest) = match &segments[..] {
            ["api", _version, rest @ ..] if !rest.is_empty() => ("", rest),
            ["apis", group, _version, rest @ ..] if !rest.is_empty() => (*group, rest),
            _ => return Target::no_resource(method, path),
        };
        let (namespace, rest) = match rest {
            ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (Some((*namespace).to_owned()), rest),
            rest => (None, rest),
        };
        let [resource, rest @ ..] = rest else { return Target::no_resource(method, path) };
        let name = rest.first().map(|name| (*name).to_owned());
        let subresource = rest.get(1);
        let watched = form_urlencoded::parse(query.as_bytes())
            .any(|(key, value)| key == "watch" && (value == "true" || value == "1"));
        let verb = match (method.as_str(), &name) {
            ("GET" | "HEAD", None) if watched => "watch",
            ("GET" | "HEAD", None) => "list",
            ("GET" | "HEAD", Some(_)) => "get",
            ("POST", _) => "create",
            ("PUT", _) => "update",
            ("PATCH", _) => "patch",
            ("DELETE", None) => "deletecollection",
            ("DELETE", Some(_)) => "delete",
            _ => "use",
        };
        let resource = match subresource {
            Some(subresource) => format!("{resource}/{subresource}"),
            None => (*resource).to_owned(),
        };
        Target { verb, group: group.to_owned(), namespace, resource, name }
    }

    fn no_resource(method: &Method, path: &str) -> Target {
        let verb = match method.as_str() {
            "GET" => "get",
            "POST" => "post",
            "PUT" => "put",
            "DELETE" => "delete",
            _ => "use",
        };
        Target { verb, group: String::new(), namespace: None, resource: path.to_owned(), name: None }
    }

    /// The message of a refusal by RBAC.
    fn forbidden(&self, user: &str) -> String {
        let Target { verb, group, namespace, resource, name } = self;
        if resource.starts_with('/') {
            return format!("forbidden: User \"{user}\" cannot {verb} path \"{resource}\"");
        }
        let subject = name.as_ref().map_or_else(String::new, |name| format!(" \"{name}\""));
        let place = match namespace {
            Some(namespace) => format!("in the namespace \"{namespace}\""),
            None => "at the cluster scope".to_owned(),
        };
        let plural = resource.split('/').next().unwrap_or(resource);
        let qualified = if group.is_empty() { plural.to_owned() } else { format!("{plural}.{group}") };
        format!(
            "{qualified}{subject} is forbidden: User \"{user}\" cannot {verb} resource \"{resource}\" in API group \
             \"{group}\" {place}"
        )
    }
}

/// Who a request's token stands for: an EKS token is checked, any other is taken as it is.
fn user_of(request: &Request<Body>) -> Result<String, String> {
    let header = request.headers().get(http::header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let Some(token) = header.and_then(|value| value.strip_prefix("Bearer ")) else {
        return Ok(ANONYMOUS.to_owned());
    };
    check_cluster_token(token, jiff::Timestamp::now()).unwrap_or_else(|| Ok(ANONYMOUS.to_owned())).inspect_err(|why| {
        tracing::debug!(%why, "a cluster token is refused");
    })
}

fn status(code: u16, reason: &str, message: &str, details: Value) -> Response {
    let mut body = json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code,
    });
    if !details.is_null() {
        body["details"] = details;
    }
    response::json(code, &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(method: &Method, path: &str, query: &str) -> String {
        let target = Target::of(method, path, query);
        format!("{} {}", target.verb, target.resource)
    }

    #[test]
    fn requests_are_named_as_access_rules_name_them() {
        let pods = "/api/v1/namespaces/kube-system/pods";
        assert_eq!(operation(&Method::GET, pods, "labelSelector=a"), "list pods");
        assert_eq!(operation(&Method::GET, pods, "watch=true"), "watch pods");
        assert_eq!(operation(&Method::DELETE, &format!("{pods}/p"), ""), "delete pods");
        assert_eq!(operation(&Method::DELETE, pods, ""), "deletecollection pods");
        let token = "/api/v1/namespaces/kube-system/serviceaccounts/aws-node/token";
        assert_eq!(operation(&Method::POST, token, ""), "create serviceaccounts/token");
        let daemon_set = "/apis/apps/v1/namespaces/kube-system/daemonsets/aws-node";
        assert_eq!(operation(&Method::PATCH, daemon_set, ""), "patch daemonsets");
        assert_eq!(operation(&Method::GET, "/api/v1/namespaces/kube-system", ""), "get namespaces");
        assert_eq!(operation(&Method::GET, "/version", ""), "get /version");
    }

    #[test]
    fn a_refusal_reads_as_rbac_writes_it() {
        let path = "/apis/apps/v1/namespaces/kube-system/daemonsets/aws-node";
        assert_eq!(
            Target::of(&Method::GET, path, "").forbidden("u"),
            "daemonsets.apps \"aws-node\" is forbidden: User \"u\" cannot get resource \"daemonsets\" in API group \
             \"apps\" in the namespace \"kube-system\""
        );
    }
}

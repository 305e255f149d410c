//! The server on a port, driven by a client that knows nothing but HTTP/1.1.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::*;

/// Serves a cluster on a free port for as long as the runtime lives.
async fn serve(cluster: &Cluster) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let api = cluster.api.clone();
    let app = axum::Router::new().fallback(move |request: Request<Body>| api.clone().handle(request));
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// Sends a request; answers its status and a reader on the rest of the answer.
fn send(address: SocketAddr, head: &str, body: &str) -> (u16, BufReader<TcpStream>) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let length = body.len();
    let (first, headers) = head.split_once('\n').unwrap_or((head, ""));
    let headers = headers.replace('\n', "\r\n");
    let end = if headers.is_empty() { "" } else { "\r\n" };
    write!(stream, "{first} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n{headers}{end}\r\n{body}").unwrap();
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let status = line.split(' ').nth(1).unwrap().parse().unwrap();
    (status, reader)
}

/// The body of an answer that says its length.
fn json_of((status, mut reader): (u16, BufReader<TcpStream>)) -> (u16, Value) {
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_client_finds_its_way() {
    let cluster = Cluster::with(ClusterConfig { ready_after: Duration::from_millis(20), ..config() }, Vec::new());
    cluster.api.start_controllers();
    let address = serve(&cluster).await;
    let client = move || {
        let get = |path: &str| json_of(send(address, &format!("GET {path}"), ""));
        assert_eq!(send(address, "GET /readyz", "").0, 200);
        assert_eq!(get("/version").1["gitVersion"], "v1.33.0-eks-sandbox");
        assert_eq!(get("/api").1["versions"], json!(["v1"]));
        let groups: Vec<Value> =
            get("/apis").1["groups"].as_array().unwrap().iter().map(|g| g["name"].clone()).collect();
        let kept = ["apps", "coordination.k8s.io", "rbac.authorization.k8s.io"];
        assert_eq!(groups, [&kept[..], &["authentication.k8s.io", "authorization.k8s.io"]].concat());
        let resources = get("/api/v1").1["resources"].clone();
        let has = |name: &str| resources.as_array().unwrap().iter().any(|r| r["name"] == name);
        assert!(has("pods") && has("pods/status") && has("serviceaccounts/token"));
        assert_eq!(get("/apis/apps/v1").1["resources"][0]["kind"], "DaemonSet");
        assert_eq!(get("/apis/nothing/v1").0, 404);
        assert!(get("/openapi/v3/apis/apps/v1").1["paths"].is_object());

        let body = json!({ "metadata": { "annotations": { ROLE_ANNOTATION: ROLE } } }).to_string();
        let head = format!("PATCH {SYSTEM}/serviceaccounts/aws-node\ncontent-type: {MERGE}\nuser-agent: plain/1");
        let (status, account) = json_of(send(address, &head, &body));
        assert_eq!((status, &account["metadata"]["annotations"][ROLE_ANNOTATION]), (200, &json!(ROLE)));
        let table = "accept: application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
        let (_, table) = json_of(send(address, &format!("GET {SYSTEM}/pods\n{table}"), ""));
        assert_eq!((&table["kind"], table["rows"].as_array().unwrap().len()), (&json!("Table"), 3));

        let (_, pods) = get(&format!("{SYSTEM}/pods"));
        let revision = pods["metadata"]["resourceVersion"].as_str().unwrap();
        let (status, watch) = send(address, &format!("GET {SYSTEM}/pods?watch=1&resourceVersion={revision}"), "");
        assert_eq!(status, 200);
        let name = pods["items"][0]["metadata"]["name"].as_str().unwrap();
        assert_eq!(json_of(send(address, &format!("DELETE {SYSTEM}/pods/{name}"), "")).0, 200);
        let events = watch.lines().map_while(Result::ok).filter(|line| line.starts_with('{'));
        let events = events.map(|line| serde_json::from_str::<Value>(&line).unwrap());
        let ready =
            events.filter(|event| event["object"]["metadata"]["name"] != name).find(|event| is_ready(&event["object"]));
        assert!(ready.unwrap().to_string().contains(ROLE));
    };
    let done = tokio::task::spawn_blocking(client);
    tokio::time::timeout(Duration::from_secs(30), done).await.unwrap().unwrap();
}

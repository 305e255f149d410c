//! For tests: an AWS on loopback that answers by a script and keeps what it was asked.
//!
//! It knows no state: a test says what each request is answered with.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cni_plan_core::{
    Action, Address, BoxFuture, Call, CallObserver, Change, ClusterRef, ErrorKind, Kind, Overseer, Progress,
    ProviderError, Resource, Reversibility, Target,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::{Aws, AwsOptions, IamProvider, StaticCredentials, Visibility};

pub(crate) const ACCOUNT: &str = "111122223333";

/// Short enough for tests to wait until it is over.
pub(crate) const VISIBILITY: Visibility = Visibility::within(Duration::from_millis(400));

/// A running script.
pub(crate) struct Scripted {
    url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    calls: Arc<Calls>,
}

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// The query protocol's action, or `GET /path` of EKS.
    pub(crate) operation: String,
    /// The form of the query protocol, decoded no further than `%`-escapes.
    pub(crate) body: String,
}

/// Status and body of an answer.
pub(crate) type Answer = (u16, String);

impl Scripted {
    /// Answers on a port of its own until the test's runtime ends.
    pub(crate) async fn start(script: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Scripted {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        let script = Arc::new(script);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&script), Arc::clone(&kept)));
            }
        });
        Scripted { url, asked, calls: Arc::new(Calls { began: Instant::now(), calls: Mutex::new(Vec::new()) }) }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn aws(&self) -> Arc<Aws> {
        let options = AwsOptions {
            endpoint_url: Some(self.url.clone()),
            default_region: Some("us-west-2".to_owned()),
            credentials: Some(Arc::new(|_| StaticCredentials { key_id: "AKIA1".into(), secret: "s".into() })),
            visibility: Some(VISIBILITY),
        };
        Arc::new(Aws::new(options, self.observer()))
    }

    pub(crate) fn observer(&self) -> Arc<dyn CallObserver> {
        Arc::clone(&self.calls) as Arc<dyn CallObserver>
    }

    pub(crate) async fn iam(&self) -> Arc<IamProvider> {
        self.aws().account(&cluster()).await.unwrap()
    }

    /// The operations so far, but for the question who is calling.
    pub(crate) fn operations(&self) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        asked.iter().map(|asked| asked.operation.clone()).filter(|it| it != "GetCallerIdentity").collect()
    }

    pub(crate) fn body_of(&self, operation: &str) -> String {
        let asked = self.asked.lock().unwrap();
        asked.iter().find(|asked| asked.operation == operation).unwrap().body.clone()
    }

    pub(crate) fn bodies_of(&self, operation: &str) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|asked| asked.operation == operation).map(|asked| asked.body.clone()).collect()
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.calls.lock().unwrap().clone()
    }
}

pub(crate) fn cluster() -> ClusterRef {
    ClusterRef {
        key: "c".to_owned(),
        name: "c".to_owned(),
        region: None,
        account: None,
        profile: None,
        assume_role: None,
        kubernetes: None,
    }
}

/// A change of `target` between two states.
pub(crate) fn change(target: Target, before: Option<Resource>, after: Option<Resource>) -> Change {
    Change {
        address: Address::new("c", Kind::Role, &["x"]),
        target,
        action: Action::Update,
        why: String::new(),
        before,
        after,
        run: None,
        reversibility: Reversibility::Reversible,
        depends_on: Vec::new(),
        clusters: Vec::new(),
    }
}

/// One whose lock is lost when it is asked once too often.
pub(crate) struct LosesItsLock {
    /// How often it still has it.
    pub(crate) after: std::sync::atomic::AtomicUsize,
}

impl Overseer for LosesItsLock {
    fn tell(&self, _: Progress) {}

    fn may_go_on(&self) -> BoxFuture<'_, Result<(), ProviderError>> {
        self.holds_locks()
    }

    fn holds_locks(&self) -> BoxFuture<'_, Result<(), ProviderError>> {
        let one_less = |left: usize| left.checked_sub(1);
        let holds = self.after.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).map(drop);
        let lost = || ProviderError {
            kind: ErrorKind::Conflict,
            what: "the lock is lost".to_owned(),
            why: String::new(),
            cure: String::new(),
        };
        Box::pin(std::future::ready(holds.map_err(|_| lost())))
    }
}

pub(crate) async fn apply(iam: &IamProvider, change: &Change) -> Result<(), ProviderError> {
    cni_plan_core::Provider::apply(iam, change, &|_| {}).await
}

/// An answer of the query protocol.
pub(crate) fn xml(operation: &str, result: &str) -> Answer {
    let body = format!("<{operation}Response><{operation}Result>{result}</{operation}Result></{operation}Response>");
    (200, body)
}

/// A refusal of the query protocol.
pub(crate) fn refusal(status: u16, code: &str) -> Answer {
    (status, format!("<ErrorResponse><Error><Code>{code}</Code><Message>because</Message></Error></ErrorResponse>"))
}

/// Who is calling.
pub(crate) fn identity() -> Answer {
    let arn = format!("arn:aws:iam::{ACCOUNT}:user/tester");
    xml("GetCallerIdentity", &format!("<Account>{ACCOUNT}</Account><Arn>{arn}</Arn><UserId>U</UserId>"))
}

async fn serve(
    mut stream: TcpStream,
    script: Arc<impl Fn(&Asked) -> Answer>,
    kept: Arc<Mutex<Vec<Asked>>>,
) -> Option<()> {
    let mut received = Vec::new();
    let head = loop {
        if let Some(at) = received.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut received).await.ok()? == 0 {
            return None;
        }
    };
    let header = String::from_utf8(received[..head].to_vec()).ok()?;
    let length = header
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:").map(str::trim)?.parse().ok())
        .unwrap_or(0);
    while received.len() < head + length {
        if stream.read_buf(&mut received).await.ok()? == 0 {
            return None;
        }
    }
    let body = decoded(&received[head..head + length]);
    let action = body.split('&').find_map(|pair| pair.strip_prefix("Action="));
    let line = header.lines().next()?.rsplit_once(" HTTP").map(|(line, _)| line)?;
    let asked = Asked { operation: action.unwrap_or(line).to_owned(), body };
    let (status, answer) = script(&asked);
    kept.lock().unwrap().push(asked);
    let length = answer.len();
    let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{answer}");
    stream.write_all(answer.as_bytes()).await.ok()
}

fn decoded(body: &[u8]) -> String {
    let mut bytes = Vec::new();
    let mut rest = body;
    while let [first, tail @ ..] = rest {
        let hex = (*first == b'%').then(|| tail.get(..2)).flatten();
        match hex.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()) {
            Some(byte) => (bytes.push(byte), rest = &tail[2..]),
            None => (bytes.push(*first), rest = tail),
        };
    }
    String::from_utf8(bytes).unwrap()
}

struct Calls {
    began: Instant,
    calls: Mutex<Vec<Call>>,
}

impl CallObserver for Calls {
    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    fn called(&self, call: Call) {
        self.calls.lock().unwrap().push(call);
    }
}

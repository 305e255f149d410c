//! The part of an API server that keeps Leases, as strict as the real one: a name is taken once, a
//! version is written over once, an update of what is not there makes it unless a uid is given.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use http::Method;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::super::{Clock, LeaseLock};
use crate::fake::{Answer, Fake, refusal};

/// What goes wrong with a call.
#[derive(Clone, Copy)]
pub(super) enum Trouble {
    /// It is refused with this code, and does nothing.
    Refused(u16),
    /// It is carried out and answered with 500.
    AnswerLost,
}

/// One cluster; clones share it.
#[derive(Clone)]
pub(super) struct Server(Arc<Mutex<State>>);

pub(super) struct State {
    pub(super) lease: Option<Value>,
    version: u64,
    born: u64,
    /// For the next calls with that method.
    pub(super) troubles: VecDeque<(Method, Trouble)>,
    /// Every call is answered with 503.
    pub(super) away: bool,
    /// Methods, in order.
    pub(super) calls: Vec<Method>,
}

impl Server {
    pub(super) fn new() -> Server {
        Server(Arc::new(Mutex::new(State {
            lease: None,
            version: 0,
            born: 0,
            troubles: VecDeque::new(),
            away: false,
            calls: Vec::new(),
        })))
    }

    /// The lock as seen from a machine whose clock is ahead of the others by so many seconds.
    pub(super) fn lock_ahead(&self, seconds: i64) -> LeaseLock {
        let server = self.clone();
        let fake = Fake::new(&[]).answering(move |method, path, body| {
            assert!(path.starts_with("/apis/coordination.k8s.io/v1/namespaces/kube-system/leases"), "{path}");
            Some(server.0.lock().unwrap().answer(method, body))
        });
        let ahead = SignedDuration::from_secs(seconds);
        LeaseLock::new(Arc::new(fake.connection()), Clock::with_wall(move || wall() + ahead))
    }

    pub(super) fn lock(&self) -> LeaseLock {
        self.lock_ahead(0)
    }

    /// Looks at the state, or meddles with it.
    pub(super) fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.0.lock().unwrap())
    }

    pub(super) fn spec(&self) -> Value {
        self.with(|state| state.lease.as_ref().map_or(Value::Null, |lease| lease["spec"].clone()))
    }

    pub(super) fn count(&self, method: &Method) -> usize {
        self.with(|state| state.calls.iter().filter(|call| *call == method).count())
    }
}

/// The time on everyone's wall: it goes as the test's own does.
fn wall() -> Timestamp {
    thread_local! {
        static BEGAN: Instant = Instant::now();
    }
    let passed = BEGAN.with(Instant::elapsed);
    Timestamp::from_second(1_800_000_000).unwrap() + SignedDuration::try_from(passed).unwrap()
}

impl State {
    /// Writes as somebody does who asks for nothing.
    pub(super) fn put(&mut self, mut lease: Value) {
        self.version += 1;
        lease["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.lease = Some(lease);
    }

    fn answer(&mut self, method: &Method, body: &Value) -> Answer {
        self.calls.push(method.clone());
        if self.away {
            return refusal(503, "ServiceUnavailable");
        }
        let trouble = self.troubles.iter().position(|(of, _)| of == method).and_then(|at| self.troubles.remove(at));
        match trouble {
            Some((_, Trouble::Refused(code))) => refusal(code, "Refused"),
            Some((_, Trouble::AnswerLost)) => {
                self.carry_out(method, body);
                refusal(500, "InternalError")
            }
            None => self.carry_out(method, body),
        }
    }

    fn carry_out(&mut self, method: &Method, body: &Value) -> Answer {
        match (method.clone(), self.lease.clone()) {
            (Method::GET | Method::DELETE, None) => refusal(404, "NotFound"),
            (Method::GET, Some(lease)) => (200, lease),
            (Method::POST, Some(_)) => refusal(409, "AlreadyExists"),
            (Method::PUT, None) if body["metadata"]["uid"].is_string() => refusal(409, "Conflict"),
            (Method::POST | Method::PUT, None) => {
                self.born += 1;
                let mut lease = body.clone();
                lease["metadata"]["uid"] = json!(format!("uid-{}", self.born));
                self.put(lease);
                (201, self.lease.clone().unwrap())
            }
            (Method::PUT, Some(lease)) if !same(&body["metadata"], &lease["metadata"]) => refusal(409, "Conflict"),
            (Method::PUT, Some(_)) => {
                self.put(body.clone());
                (200, self.lease.clone().unwrap())
            }
            (Method::DELETE, Some(lease)) if !same(&body["preconditions"], &lease["metadata"]) => {
                refusal(409, "Conflict")
            }
            (Method::DELETE, Some(_)) => {
                self.lease = None;
                (200, json!({"kind": "Status", "apiVersion": "v1", "status": "Success"}))
            }
            (method, _) => panic!("{method} is never called"),
        }
    }
}

/// Both are asked for in every write.
fn same(asked: &Value, is: &Value) -> bool {
    ["uid", "resourceVersion"].iter().all(|field| {
        assert!(asked[field].is_string(), "no write goes without {field}: {asked}");
        asked[field] == is[field]
    })
}

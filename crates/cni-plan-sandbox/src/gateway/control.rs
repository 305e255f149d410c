//! The sandbox's own control, for people and tests without the library at hand.
//!
//! ```text
//! GET, POST, DELETE /_sandbox/faults    the faults waiting, one a line in their text form
//! GET, DELETE       /_sandbox/calls     the calls so far, as JSON
//! GET, DELETE       /_sandbox/held      the calls held by Hold and HoldAfter, as JSON; ?wait=true waits for one;
//!                                       DELETE ends them
//! GET, PUT, DELETE  /_sandbox/visibility    how IAM's readers lag behind its writers: lag=2s,oscillation=30s,seed=7
//! GET               /_sandbox/state     the whole world, as JSON; ?comparable=true without what is volatile
//! ```

use axum::body::Body;
use axum::response::Response;
use http::{Method, Request};
use serde_json::json;

use super::{Gateway, LARGEST_BODY, response};
use crate::fault::Fault;
use crate::world::{Visibility, comparable};

pub(super) async fn answer(gateway: &Gateway, request: Request<Body>) -> Response {
    let (head, body) = request.into_parts();
    match (&head.method, head.uri.path()) {
        (&Method::GET, "/_sandbox/faults") => {
            let lines: Vec<String> = gateway.faults.all().iter().map(|fault| format!("{fault}\n")).collect();
            response::plain(200, lines.concat())
        }
        (&Method::POST, "/_sandbox/faults") => add_faults(gateway, body).await,
        (&Method::DELETE, "/_sandbox/faults") => {
            gateway.faults.clear();
            response::plain(200, "")
        }
        (&Method::GET, "/_sandbox/calls") => response::json(200, &json!(gateway.calls.all())),
        (&Method::DELETE, "/_sandbox/calls") => {
            gateway.calls.clear();
            response::plain(200, "")
        }
        (&Method::GET, "/_sandbox/held") => {
            let waits = head.uri.query().is_some_and(|query| query.contains("wait=true"));
            let held = if waits { gateway.held.until_any().await } else { gateway.held.all() };
            response::json(200, &json!(held))
        }
        (&Method::DELETE, "/_sandbox/held") => {
            gateway.held.release();
            response::plain(200, "")
        }
        (&Method::GET, "/_sandbox/visibility") => response::plain(200, format!("{}\n", gateway.world.visibility())),
        (&Method::PUT, "/_sandbox/visibility") => set_visibility(gateway, body).await,
        (&Method::DELETE, "/_sandbox/visibility") => {
            gateway.world.set_visibility(Visibility::default());
            response::plain(200, "")
        }
        (&Method::GET, "/_sandbox/state") => {
            let state = gateway.world.state();
            let wants_comparable = head.uri.query().is_some_and(|query| query.contains("comparable=true"));
            response::json(200, &if wants_comparable { comparable(&state) } else { state })
        }
        (method, path) => response::plain(404, format!("The sandbox has no control at {method} {path}.\n")),
    }
}

async fn set_visibility(gateway: &Gateway, body: Body) -> Response {
    match text_of(body).await.trim().parse() {
        Ok(visibility) => {
            gateway.world.set_visibility(visibility);
            response::plain(200, format!("{visibility}\n"))
        }
        Err(error) => response::plain(400, format!("{error}\n")),
    }
}

async fn add_faults(gateway: &Gateway, body: Body) -> Response {
    let text = text_of(body).await;
    let faults: Result<Vec<Fault>, _> =
        text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::parse).collect();
    match faults {
        Ok(faults) => {
            let answer = response::plain(200, format!("{} added\n", faults.len()));
            faults.into_iter().for_each(|fault| gateway.faults.add(fault));
            answer
        }
        Err(error) => response::plain(400, format!("{error}\n")),
    }
}

async fn text_of(body: Body) -> String {
    let text = axum::body::to_bytes(body, LARGEST_BODY).await.unwrap_or_default();
    String::from_utf8_lossy(&text).into_owned()
}

//! What happens to a pod on its node: it starts, is probed, is Ready or keeps restarting, and stops.
//!
//! Every pod here is judged by one thing, whether the credentials it finds work; the caller asks, for
//! the answer lies outside this cluster and must be sought with no lock held.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::delete::{DeleteOptions, uid_of};
use super::events;
use super::state::{State, Then, Timer};
use super::time;
use super::write::Write;

const MANAGER: &str = "kubelet";
/// How long a container that is not ready is left before it is killed and probed again, at least.
const SHORTEST_RESTART: Duration = Duration::from_secs(1);

/// Takes up the pods that have come to a node.
pub(super) fn start_new(state: &mut State, now: Timestamp) {
    for pod in state.objects("pods", None) {
        if pod["spec"]["nodeName"].is_string() && pod["status"]["startTime"].is_null() {
            start(state, &pod, now);
        }
    }
}

/// A pod's containers are being created.
fn start(state: &mut State, pod: &Arc<Value>, now: Timestamp) {
    let status = starting(pod, now);
    let pod = write_status(state, pod, status, MANAGER, now);
    let due = time::after(now, state.config.ready_after);
    state.timers.entry(uid_of(&pod)).or_insert_with(|| Timer::new(&pod, Then::Probe, due));
}

/// When something happens to some pod next.
pub(super) fn next_due(state: &State) -> Option<Timestamp> {
    state.timers.values().map(Timer::due).min()
}

/// Removes the pods whose containers have stopped.
pub(super) fn remove_stopped(state: &mut State, now: Timestamp) {
    for timer in due(state, Then::Vanish, now) {
        let write = Write::internal("pods", &timer.namespace, MANAGER, now);
        // Finalizers hold the object; the containers are gone all the same.
        let _ = write.delete(state, &timer.pod, &DeleteOptions::now());
    }
    state.timers.retain(|_, timer| !(timer.then == Then::Vanish && timer.due() <= now));
}

/// The pods whose readiness is to be judged now.
pub(super) fn to_be_probed(state: &State, now: Timestamp) -> Vec<Arc<Value>> {
    due(state, Then::Probe, now)
        .into_iter()
        .filter_map(|timer| state.object("pods", &timer.namespace, &timer.pod))
        .collect()
}

/// Acts on a verdict about a pod's credentials, if the pod is still the one that was judged.
pub(super) fn probed(state: &mut State, judged: &Value, verdict: Result<(), String>, now: Timestamp) {
    let uid = uid_of(judged);
    if state.timers.get(&uid).is_none_or(|timer| timer.then != Then::Probe) {
        return;
    }
    state.timers.remove(&uid);
    let text = |field: &str| judged["metadata"][field].as_str().unwrap_or_default();
    let Some(pod) = state.object("pods", text("namespace"), text("name")).filter(|pod| uid_of(pod) == uid) else {
        return;
    };
    match verdict {
        Ok(()) => {
            write_status(state, &pod, ready(&pod, now), MANAGER, now);
        }
        Err(problem) => {
            events::record(state, &pod, "Warning", "MissingIAMPermissions", &problem, "aws-node", now);
            let pod = write_status(state, &pod, restarting(&pod, now), MANAGER, now);
            let again = time::after(now, state.config.ready_after.max(SHORTEST_RESTART));
            state.timers.insert(uid, Timer::new(&pod, Then::Probe, again));
        }
    }
}

/// Makes a pod Ready at once, whatever its credentials: it was so before anybody looked.
pub(super) fn make_ready(state: &mut State, pod: &Arc<Value>, now: Timestamp) {
    state.timers.remove(&uid_of(pod));
    write_status(state, pod, ready(pod, now), MANAGER, now);
}

/// Writes a pod's status; answers the pod as it is then.
pub(super) fn write_status(
    state: &mut State,
    pod: &Arc<Value>,
    status: Value,
    manager: &str,
    now: Timestamp,
) -> Arc<Value> {
    let text = |field: &str| pod["metadata"][field].as_str().unwrap_or_default();
    let mut changed = Value::clone(pod);
    changed["status"] = status;
    let write = Write::internal("pods", text("namespace"), manager, now).to_status();
    write.update(state, text("name"), changed).unwrap_or_else(|_| pod.clone())
}

fn due(state: &State, then: Then, now: Timestamp) -> Vec<Timer> {
    let mut due: Vec<Timer> =
        state.timers.values().filter(|timer| timer.then == then && timer.due() <= now).cloned().collect();
    due.sort_by(|a, b| (a.due(), &a.pod).cmp(&(b.due(), &b.pod)));
    due
}

fn starting(pod: &Value, now: Timestamp) -> Value {
    let waiting = |reason: &str| json!({ "waiting": { "reason": reason } });
    let mut status = with_statuses(pod, |_, _| (waiting("PodInitializing"), false, 0));
    status["phase"] = json!("Pending");
    status["startTime"] = json!(time::seconds(now));
    let address = host_address(pod);
    status["hostIP"] = json!(address);
    status["hostIPs"] = json!([{ "ip": address }]);
    if pod["spec"]["hostNetwork"] == true {
        status["podIP"] = json!(address);
        status["podIPs"] = json!([{ "ip": address }]);
    }
    status["conditions"] = conditions(pod, now, "False", false);
    status
}

fn ready(pod: &Value, now: Timestamp) -> Value {
    let started = json!({ "running": { "startedAt": time::seconds(now) } });
    let mut status = with_statuses(pod, |_, before| {
        let running = before["state"]["running"].is_object();
        (if running { before["state"].clone() } else { started.clone() }, true, restarts(before))
    });
    status["phase"] = json!("Running");
    status["conditions"] = conditions(pod, now, "True", true);
    status
}

/// The plugin's container was killed by its probe and has been started again; the others run.
fn restarting(pod: &Value, now: Timestamp) -> Value {
    let started = json!({ "running": { "startedAt": time::seconds(now) } });
    let was_started = pod["status"]["phase"] == "Running";
    let mut status = with_statuses(pod, |index, before| {
        let count = restarts(before) + u64::from(was_started && index == 0);
        (started.clone(), index != 0, count)
    });
    status["phase"] = json!("Running");
    status["conditions"] = conditions(pod, now, "False", true);
    status
}

/// The pod's status with a new state for each container: what it does, whether it is ready, how often
/// it was restarted.
fn with_statuses(pod: &Value, state: impl Fn(usize, &Value) -> (Value, bool, u64)) -> Value {
    let mut status = pod["status"].clone();
    let before = status["containerStatuses"].take();
    let statuses = containers(pod, "containers").enumerate().map(|(i, container)| {
        let (state, ready, restarts) = state(i, &before[i]);
        let started = state["running"].is_object();
        container_status(container, &state, ready, started, restarts)
    });
    status["containerStatuses"] = statuses.collect();
    let initialized = status["containerStatuses"][0]["started"] == true;
    let init: Vec<Value> = containers(pod, "initContainers")
        .map(|container| {
            let state = if initialized {
                let at = &pod["status"]["startTime"];
                json!({ "terminated": { "exitCode": 0, "reason": "Completed", "startedAt": at, "finishedAt": at } })
            } else {
                json!({ "waiting": { "reason": "PodInitializing" } })
            };
            container_status(container, &state, initialized, false, 0)
        })
        .collect();
    if !init.is_empty() {
        status["initContainerStatuses"] = json!(init);
    }
    status
}

fn container_status(container: &Value, state: &Value, ready: bool, started: bool, restarts: u64) -> Value {
    json!({
        "name": container["name"],
        "image": container["image"],
        "imageID": container["image"],
        "state": state,
        "lastState": {},
        "ready": ready,
        "started": started,
        "restartCount": restarts,
    })
}

fn conditions(pod: &Value, now: Timestamp, ready: &str, initialized: bool) -> Value {
    let names: Vec<&str> = containers(pod, "containers").filter_map(|c| c["name"].as_str()).collect();
    let unready = format!("containers with unready status: [{}]", names.join(" "));
    let condition = |kind: &str, status: &str, reason: &str, message: &str| {
        let before = pod["status"]["conditions"].as_array().into_iter().flatten().find(|c| c["type"] == kind);
        let since = before
            .filter(|c| c["status"] == status)
            .map_or_else(|| json!(time::seconds(now)), |c| c["lastTransitionTime"].clone());
        let mut condition =
            json!({ "type": kind, "status": status, "lastProbeTime": null, "lastTransitionTime": since });
        if status == "False" {
            condition["reason"] = json!(reason);
            condition["message"] = json!(message);
        }
        condition
    };
    let initialized = if initialized { "True" } else { "False" };
    json!([
        condition("Initialized", initialized, "ContainersNotInitialized", "containers with incomplete status"),
        condition("Ready", ready, "ContainersNotReady", &unready),
        condition("ContainersReady", ready, "ContainersNotReady", &unready),
        condition("PodScheduled", "True", "", ""),
    ])
}

fn containers<'a>(pod: &'a Value, list: &str) -> impl Iterator<Item = &'a Value> {
    pod["spec"][list].as_array().into_iter().flatten()
}

fn restarts(status: &Value) -> u64 {
    status["restartCount"].as_u64().unwrap_or(0)
}

/// The address in the name of an EC2 node, `ip-10-0-0-1.…`; a fixed one otherwise.
fn host_address(pod: &Value) -> String {
    address_of(pod["spec"]["nodeName"].as_str().unwrap_or_default())
}

/// The address that a node's name carries.
pub(super) fn address_of(node: &str) -> String {
    let host = node.split('.').next().unwrap_or_default();
    let octets: Vec<&str> = host.trim_start_matches("ip-").split('-').collect();
    let is_address = octets.len() == 4 && octets.iter().all(|octet| octet.parse::<u8>().is_ok());
    if is_address { octets.join(".") } else { "192.168.0.1".to_owned() }
}

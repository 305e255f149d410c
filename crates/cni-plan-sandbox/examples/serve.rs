//! Serves a scenario until interrupted: `cargo run -p cni-plan-sandbox --example serve -- ipv4 4566 [STORE]`.
//!
//! Prints the environment for AWS clients and the kubeconfig, as `NAME=value` lines and YAML.

use cni_plan_sandbox::{Options, Sandbox, SandboxError};

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "an example that a person runs prints what the person needs")]
async fn main() -> Result<(), SandboxError> {
    let mut arguments = std::env::args().skip(1);
    let scenario = arguments.next().unwrap_or_else(|| "ipv4".to_owned());
    let port = arguments.next().and_then(|port| port.parse().ok()).unwrap_or(0);
    let store = arguments.next().map(Into::into);
    let sandbox = Sandbox::start(Options { scenario: Some(scenario), port, store, ..Options::default() }).await?;
    for (name, value) in sandbox.environment() {
        println!("export {name}={value}");
    }
    println!("# kubeconfig\n{}", sandbox.kubeconfig());
    std::future::pending().await
}

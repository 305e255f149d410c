//! Ctrl-C and SIGTERM: the first asks a run to begin nothing more, the second ends the process.

use cni_plan_engine::Stop;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;

use crate::exit::Exit;

/// Watches until dropped.
pub(crate) struct Watch(JoinHandle<()>);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Has signals raise `stop`; each is told of through `tell`.
pub(crate) fn watch(stop: Stop, tell: impl Fn(&str) + Send + 'static) -> std::io::Result<Watch> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(Watch(tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if stop.is_raised() {
                tell("stopped at once; what was under way is found out by `cni-plan resume` or `cni-plan rollback`");
                std::process::exit(Exit::Interrupted as i32);
            }
            stop.raise();
            tell("stopping: steps under way are finished, and nothing more is begun; once more to stop at once");
        }
    })))
}

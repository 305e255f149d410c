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

/// Has signals raise `stop`. Each is told of first, by whether it ends the process at once.
pub(crate) fn watch(stop: Stop, tell: impl Fn(bool) + Send + 'static) -> std::io::Result<Watch> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(Watch(tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            let at_once = stop.is_raised();
            tell(at_once);
            if at_once {
                std::process::exit(Exit::Interrupted as i32);
            }
            stop.raise();
        }
    })))
}

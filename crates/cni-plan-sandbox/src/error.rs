//! What can go wrong in starting or changing a sandbox. What goes wrong in a call is answered on the
//! wire instead.

use std::path::PathBuf;

/// Why the sandbox could not do what its owner asked.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// Nothing could listen on the loopback address.
    #[error("the sandbox cannot listen on 127.0.0.1:{port}: {source}; choose another port, or 0 for any")]
    Listen {
        /// The port asked for.
        port: u16,
        /// What the system says.
        source: std::io::Error,
    },
    /// Another process has the world open.
    #[error("another process is using the sandbox in {}: wait for it to end, or use another folder", store.display())]
    InUse {
        /// The world's folder.
        store: PathBuf,
    },
    /// A file of the world cannot be read or written.
    #[error("the sandbox cannot {action} {}: {source}", path.display())]
    File {
        /// `read`, `write`, `create`, `remove` or `lock`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file of the world does not hold what it should.
    #[error("the sandbox cannot understand {}: {source}; start afresh with `sandbox reset`", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where and why it cannot be read.
        source: serde_json::Error,
    },
    /// A file of the world was written by a newer version of this program.
    #[error(
        "{} has format {found}, and this program knows up to {known}: use the newer program, \
         or start afresh with `sandbox reset`",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The format found.
        found: u32,
        /// The newest format known.
        known: u32,
    },
    /// No scenario has this name.
    #[error("there is no sandbox scenario {name:?}: choose one of {}", known.join(", "))]
    UnknownScenario {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: Vec<&'static str>,
    },
    /// A cluster of the same name and region is there, in another account.
    #[error(
        "the sandbox has the cluster {name} of {region} in account {found}, not {wanted}: \
         rename one of them, or start afresh with `sandbox reset`"
    )]
    OtherAccount {
        /// The cluster's name.
        name: String,
        /// The cluster's region.
        region: String,
        /// The account it is in.
        found: String,
        /// The account asked for.
        wanted: String,
    },
    /// A fault's text form is not understood.
    #[error("{0}")]
    Fault(#[from] crate::FaultSyntax),
}

//! `cni-plan sandbox`: the embedded world, and its wires for real clients.

use std::path::Path;

use cni_plan_sandbox::{Options, Sandbox, reset, scenarios};

use crate::cli::{SandboxCommand, ServeArgs};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::own_folder;
use crate::printer::Printer;
use crate::sandbox_world::{STORE, sandbox_error};

pub(super) async fn run(command: SandboxCommand, printer: &Printer) -> Result<Exit, CommandError> {
    match command {
        SandboxCommand::Reset { scenario } => {
            own_folder::make();
            reset(Path::new(STORE), scenario.as_deref()).map_err(sandbox_error)?;
            printer.note(&match scenario {
                Some(scenario) => format!("the sandbox holds the scenario {scenario}"),
                None => "the sandbox is empty; the next spec's clusters are made in it".to_owned(),
            });
        }
        SandboxCommand::List => {
            let width = scenarios().iter().map(|scenario| scenario.name.len()).max().unwrap_or_default();
            for scenario in scenarios() {
                printer.data(&format!("{:<width$}  {}\n", scenario.name, scenario.summary));
            }
        }
        SandboxCommand::Serve(args) => serve(args, printer).await?,
    }
    Ok(Exit::Done)
}

/// Serves until a signal comes. What real clients need is printed as shell lines.
async fn serve(args: ServeArgs, printer: &Printer) -> Result<(), CommandError> {
    if args.scenario.is_none() || own_folder::holds(&args.kubeconfig) {
        own_folder::make();
    }
    let options = Options {
        store: args.scenario.is_none().then(|| Path::new(STORE).to_owned()),
        port: args.port,
        scenario: args.scenario,
        faults: args.faults,
        ..Options::default()
    };
    let sandbox = Sandbox::start(options).await.map_err(sandbox_error)?;
    write_kubeconfig(&args.kubeconfig, &sandbox.kubeconfig())?;
    for (name, value) in sandbox.environment() {
        printer.data(&format!("export {name}={value}\n"));
    }
    printer.data(&format!("export KUBECONFIG={}\n", args.kubeconfig.display()));
    printer.note(&format!("serving on {}; Ctrl-C ends it", sandbox.url()));
    tokio::signal::ctrl_c()
        .await
        .map_err(|error| CommandError::plain("cannot watch for signals", error.to_string(), "try again"))
}

fn write_kubeconfig(path: &Path, text: &str) -> Result<(), CommandError> {
    let failed = |source| CommandError::File { action: "write", path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    std::fs::write(path, text).map_err(failed)
}

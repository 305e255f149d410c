//! One file a command, and what runs them.

mod apply;
mod check;
mod completions;
mod export;
mod graph;
mod init;
mod lock;
mod man;
mod permissions;
mod plan;
mod resume;
mod rollback;
mod running;
mod runs;
#[cfg(feature = "sandbox")]
mod sandbox;
mod schema;
mod show;
mod validate;
mod verify;

use std::sync::Arc;

use cni_plan_aws::AwsOptions;
#[cfg(feature = "sandbox")]
use cni_plan_core::ErrorKind;
use cni_plan_core::{ClusterRef, FactsWanted, PlannedCluster};
use cni_plan_render::timings_text;

use crate::cli::{Cli, Command, Global};
use crate::connect::Connector;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::printer::Printer;
use crate::recorder::Recorder;
use crate::spec_file::SpecFile;

/// Runs the command that was asked for.
pub(crate) async fn run(cli: Cli, printer: &Printer) -> Result<Exit, CommandError> {
    let recorder = Arc::new(Recorder::new());
    let mut session =
        Session { global: &cli.global, recorder: Arc::clone(&recorder), world: World::default(), printer };
    let result = match cli.command {
        Command::Plan(args) => plan::run(&args, &mut session, printer).await,
        Command::Apply(args) => apply::run(&args, &mut session, printer).await,
        Command::Show(args) => show::run(&args, printer),
        Command::Check(args) => check::run(&args, &mut session, printer).await,
        Command::Graph(args) => graph::run(&args, &mut session, printer).await,
        Command::Validate(args) => validate::run(&args, &mut session, printer).await,
        Command::Verify(args) => verify::run(&args, &mut session, printer).await,
        Command::Permissions(args) => permissions::run(&args, &mut session, printer).await,
        Command::Init(args) => init::run(&args, &mut session, printer).await,
        Command::Export(args) => export::run(&args, &mut session, printer).await,
        Command::Runs(args) => runs::run(&args, printer),
        Command::Resume(args) => resume::run(&args, &mut session, printer).await,
        Command::Rollback(args) => rollback::run(&args, &mut session, printer).await,
        Command::Lock(command) => lock::run(command, &mut session, printer).await,
        #[cfg(feature = "sandbox")]
        Command::Sandbox(command) => sandbox::run(command, printer).await,
        Command::Schema(args) => Ok(schema::run(&args, printer)),
        Command::Completions(args) => Ok(completions::run(&args, printer)),
        Command::Man(args) => man::run(&args, printer),
    };
    if cli.global.timings {
        printer.text(&timings_text(&recorder.timings(), &printer.err));
    }
    result.map_err(|error| or_rehearsed(error, &cli.global))
}

/// Whoever has no credentials in a folder that has a sandbox may have left out the flag.
#[cfg(feature = "sandbox")]
fn or_rehearsed(error: CommandError, global: &Global) -> CommandError {
    use crate::sandbox_world::STORE;
    if global.is_sandboxed() || !std::path::Path::new(STORE).is_dir() {
        return error;
    }
    let way = format!("or add `--sandbox`, which rehearses on the world in {STORE}/");
    error.with_way_out(&[ErrorKind::Credentials], &way)
}

#[cfg(not(feature = "sandbox"))]
fn or_rehearsed(error: CommandError, _global: &Global) -> CommandError {
    error
}

#[cfg(feature = "sandbox")]
type World = Option<crate::sandbox_world::SandboxWorld>;
#[cfg(not(feature = "sandbox"))]
type World = Option<std::convert::Infallible>;

/// What a command needs to reach anything.
struct Session<'a> {
    global: &'a Global,
    recorder: Arc<Recorder>,
    /// Runs as long as the session does.
    world: World,
    /// For what is made up in the sandbox.
    #[cfg_attr(not(feature = "sandbox"), expect(dead_code, reason = "only the sandbox makes anything up"))]
    printer: &'a Printer,
}

impl Session<'_> {
    /// For the clusters of a spec.
    #[cfg_attr(not(feature = "sandbox"), expect(unused_variables, reason = "only the sandbox has clusters made up"))]
    async fn connector_for_spec(&mut self, file: &SpecFile) -> Result<Connector, CommandError> {
        if self.global.is_sandboxed() {
            #[cfg(feature = "sandbox")]
            let printer = self.printer;
            #[cfg(feature = "sandbox")]
            self.world().await?.fit_spec(&file.spec, printer)?;
        }
        Ok(self.connector())
    }

    /// For whatever is there: no cluster is made up.
    async fn connector_as_it_is(&mut self) -> Result<Connector, CommandError> {
        if self.global.is_sandboxed() {
            #[cfg(feature = "sandbox")]
            self.world().await?;
        }
        Ok(self.connector())
    }

    /// For the clusters of a change set.
    #[cfg_attr(not(feature = "sandbox"), expect(unused_variables, reason = "only the sandbox has clusters made up"))]
    async fn connector_for_clusters(&mut self, clusters: &[PlannedCluster]) -> Result<Connector, CommandError> {
        if self.global.is_sandboxed() {
            #[cfg(feature = "sandbox")]
            let printer = self.printer;
            #[cfg(feature = "sandbox")]
            self.world().await?.fit_clusters(clusters, printer)?;
        }
        Ok(self.connector())
    }

    #[cfg(feature = "sandbox")]
    async fn world(&mut self) -> Result<&crate::sandbox_world::SandboxWorld, CommandError> {
        if self.world.is_none() {
            self.world = Some(crate::sandbox_world::SandboxWorld::start().await?);
        }
        Ok(self.world.as_ref().expect("it was just started"))
    }

    fn connector(&self) -> Connector {
        let options = match &self.world {
            #[cfg(feature = "sandbox")]
            Some(world) => world.aws_options(),
            #[cfg(not(feature = "sandbox"))]
            Some(never) => match *never {},
            None => AwsOptions::default(),
        };
        Connector::new(options, Arc::clone(&self.recorder), self.world.is_some())
    }
}

/// The clusters of a change set as things to connect to.
fn asked(clusters: &[PlannedCluster]) -> Vec<(ClusterRef, FactsWanted)> {
    clusters.iter().map(|planned| (planned.cluster.clone(), planned.asked.clone())).collect()
}

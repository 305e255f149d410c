//! `cni-plan lock show` and `lock break`: the locks of a spec's or a change set's clusters.
//!
//! Neither plans nor reads anything else, so that whoever may reach the clusters may use them.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use cni_plan_core::{ClusterLock, ClusterRef, LockRecord, ProviderError};
use cni_plan_render::{inert, locks_text};
use futures::future::join_all;

use super::Session;
use crate::change_set_files;
use crate::cli::{LockBreakArgs, LockCommand, LockShowArgs};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::printer::Printer;
use crate::question::{Question, agreed};
use crate::spec_file::SpecFile;

pub(super) async fn run(
    command: LockCommand,
    session: &mut Session<'_>,
    printer: &Printer,
) -> Result<Exit, CommandError> {
    match command {
        LockCommand::Show(args) => show(&args, session, printer).await,
        LockCommand::Break(args) => break_locks(&args, session, printer).await,
    }
}

async fn show(args: &LockShowArgs, session: &mut Session<'_>, printer: &Printer) -> Result<Exit, CommandError> {
    let (locks, errors) = look(locks(&args.subject, &[], session, printer).await?).await;
    let text = locks_text(locks.iter().map(|seen| (seen.key.as_str(), seen.record.as_ref())), &printer.out);
    printer.data(&text);
    ended(errors)
}

async fn break_locks(args: &LockBreakArgs, session: &mut Session<'_>, printer: &Printer) -> Result<Exit, CommandError> {
    let (locks, mut errors) = look(locks(&args.subject, &args.clusters, session, printer).await?).await;
    let held: Vec<(&Seen, &LockRecord)> = locks.iter().filter_map(|seen| Some((seen, seen.record.as_ref()?))).collect();
    if held.is_empty() {
        if errors.is_empty() {
            printer.data("Nothing to break: nobody holds a lock.\n");
        }
        return ended(errors);
    }
    printer.text(&locks_text(held.iter().map(|(seen, record)| (seen.key.as_str(), Some(*record))), &printer.err));
    let question = Question {
        what: "Break what is locked? A run that lives is stopped in the middle. Only `yes` breaks it: ",
        cannot: "cannot ask whether to break a lock",
        instead: "make sure that the run is dead, then add --auto-approve",
    };
    if !args.auto_approve && !agreed(&question, args.no_input, printer)? {
        printer.note("No lock was broken.");
        return Ok(Exit::Error);
    }
    let broken = join_all(held.iter().map(|(seen, record)| seen.lock.break_held(record))).await;
    for ((seen, record), broken) in held.iter().zip(broken) {
        match broken {
            Ok(()) => {
                let LockRecord { holder, since, .. } = record;
                let text = format!("Broken: the lock of {}, which {holder} had since {since}.", seen.key);
                printer.data(&format!("{}\n", inert(&text)));
            }
            Err(error) => errors.push(error),
        }
    }
    ended(errors)
}

/// A cluster's lock and what was found.
struct Seen {
    key: String,
    lock: Arc<dyn ClusterLock>,
    record: Option<LockRecord>,
}

/// Looks at all of them at once; those that cannot be seen hide no others.
async fn look(locks: Vec<(String, Arc<dyn ClusterLock>)>) -> (Vec<Seen>, Vec<ProviderError>) {
    let shown = join_all(locks.iter().map(|(_, lock)| lock.show())).await;
    let (mut seen, mut errors) = (Vec::new(), Vec::new());
    for ((key, lock), shown) in locks.into_iter().zip(shown) {
        match shown {
            Ok(record) => seen.push(Seen { key, lock, record }),
            Err(error) => errors.push(error),
        }
    }
    (seen, errors)
}

fn ended(errors: Vec<ProviderError>) -> Result<Exit, CommandError> {
    if errors.is_empty() { Ok(Exit::Done) } else { Err(CommandError::Provider(errors)) }
}

/// The locks of the subject's clusters; of those in `only`, unless that is empty.
async fn locks(
    subject: &Path,
    only: &[String],
    session: &mut Session<'_>,
    printer: &Printer,
) -> Result<Vec<(String, Arc<dyn ClusterLock>)>, CommandError> {
    let (mut clusters, connector): (Vec<ClusterRef>, _) = if change_set_files::is_change_set(subject) {
        let planned = change_set_files::read(subject)?.header.clusters;
        let connector = session.connector_for_clusters(&planned).await?;
        (planned.into_iter().map(|planned| planned.cluster).collect(), connector)
    } else {
        let file = SpecFile::read(subject, printer)?;
        let connector = session.connector_for_spec(&file).await?;
        (file.clusters().into_iter().map(|(cluster, _)| cluster).collect(), connector)
    };
    clusters.sort_by(|one, other| one.key.cmp(&other.key));
    if !only.is_empty() {
        let keys: BTreeSet<&str> = clusters.iter().map(|cluster| cluster.key.as_str()).collect();
        if let Some(unknown) = only.iter().find(|key| !keys.contains(key.as_str())) {
            return Err(CommandError::plain(
                format!("there is no cluster {unknown} in {}", subject.display()),
                format!("its clusters are {}", keys.into_iter().collect::<Vec<_>>().join(", ")),
                "name one of them",
            ));
        }
        clusters.retain(|cluster| only.contains(&cluster.key));
    }
    connector.locks(&clusters).await
}

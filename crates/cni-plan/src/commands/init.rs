//! `cni-plan init`: a spec written from live clusters, so that a plan of it changes as little as can be.
//!
//! Each cluster is planned by the shortest spec there is, and what that finds is written into the draft; the draft is
//! planned until it gets no better, since some of it only shows with the right role's name in it. Nothing is changed
//! anywhere but for the one file.

use std::collections::HashMap;
use std::path::Path;

use cni_plan_core::{ClusterRef, ErrorKind, Existing, ProviderError, existing};
use cni_plan_render::{Told, inert, quoted};
use cni_plan_spec::{draft, near_region, nearest, probing};
use futures::future::join_all;

use super::Session;
use crate::cli::InitArgs;
use crate::connect::Connector;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::planning::plan;
use crate::printer::Printer;
use crate::spec_file::{SpecFile, doubtful_region};
use crate::whole_file;

pub(super) async fn run(args: &InitArgs, session: &mut Session<'_>, printer: &Printer) -> Result<Exit, CommandError> {
    if args.out.exists() {
        return Err(in_the_way(&args.out));
    }
    // The specs that are planned here name this region alone, and nobody reads them.
    if let Some((region, near)) = args.region.as_deref().and_then(|region| Some((region, near_region(region)?))) {
        printer.tell(&Told::Warning(&doubtful_region(region, &near)));
    }
    let connector = session.connector_as_it_is().await?;
    let names = match &args.cluster {
        Some(name) => vec![name.clone()],
        None => connector.cluster_names(&like(args)).await?,
    };
    let looked = join_all(names.iter().map(|name| look(name, args, &connector, printer))).await;
    let (mut found, mut unread) = (Vec::new(), Vec::new());
    for (name, looked) in names.into_iter().zip(looked) {
        match looked {
            Ok(existing) => found.extend(existing),
            // One alone is what was asked for; one of many hides no others.
            Err(error) if args.all => unread.push((name, why(&error))),
            Err(error) => return Err(in_flags(error, &name, args, &connector).await),
        }
    }
    if found.is_empty() {
        let hint = if session.global.is_sandboxed() && unread.is_empty() {
            "`cni-plan sandbox reset ipv4` puts one into the sandbox, and `cni-plan sandbox list` names other worlds"
        } else {
            "name another --region or --profile"
        };
        return Err(CommandError::plain(
            "there is no spec to write",
            unread.first().map_or_else(|| "no cluster was found".to_owned(), |(name, why)| format!("{name}: {why}")),
            hint,
        ));
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    let profile = args.profile.as_deref();
    let mut text = draft(&found, &unread, profile);
    for _ in 0..ROUNDS {
        found = refined(&text, found, args, &connector, printer).await?;
        let better = draft(&found, &unread, profile);
        if better == text {
            break;
        }
        text = better;
    }
    if !whole_file::create(&args.out, &text)? {
        return Err(in_the_way(&args.out));
    }
    tell(&found, &unread, &args.out, printer);
    Ok(Exit::Done)
}

/// A role that is gone, then a policy on the role that is there instead: no draft gets better more often.
const ROUNDS: usize = 3;

/// Whoever may list the clusters that are asked for.
fn like(args: &InitArgs) -> ClusterRef {
    ClusterRef {
        key: "the account".to_owned(),
        name: String::new(),
        region: args.region.clone(),
        account: None,
        profile: args.profile.clone(),
        assume_role: None,
        kubernetes: None,
    }
}

/// Of a cluster that is not there: what to do in this command's own words, since there is no spec yet whose keys could be
/// corrected, and which cluster may be meant, where they may be listed.
async fn in_flags(error: CommandError, name: &str, args: &InitArgs, connector: &Connector) -> CommandError {
    let CommandError::Provider(mut errors) = error else { return error };
    let is_missing = |error: &ProviderError| error.kind == ErrorKind::NotFound;
    if let Some(error) = errors.iter_mut().find(|error| is_missing(error)) {
        let there = connector.cluster_names(&like(args)).await.unwrap_or_default();
        let there: Vec<&str> = there.iter().map(String::as_str).collect();
        error.cure = match nearest(name, &there) {
            // It is something else that is missing.
            Some(near) if near == name => error.cure.clone(),
            Some(near) => format!("did you mean {near}? Or name another --region or --profile"),
            None => {
                "name another --cluster, --region or --profile; --all writes a spec of all that there are".to_owned()
            }
        };
    }
    CommandError::Provider(errors)
}

/// One cluster by the shortest spec.
async fn look(
    name: &str,
    args: &InitArgs,
    connector: &Connector,
    printer: &Printer,
) -> Result<Vec<Existing>, CommandError> {
    let text = probing(name, args.region.as_deref(), args.profile.as_deref());
    let file = SpecFile::of_text(&args.out, &text)?;
    Ok(existing(&plan(&file, connector, printer).await?))
}

/// What the plan of the draft knows better: whether the role is there, which policy is on it, and what refuses the plan.
async fn refined(
    text: &str,
    found: Vec<Existing>,
    args: &InitArgs,
    connector: &Connector,
    printer: &Printer,
) -> Result<Vec<Existing>, CommandError> {
    let file = SpecFile::of_text(&args.out, text)?;
    let again = existing(&plan(&file, connector, printer).await?);
    let again: HashMap<&str, &Existing> = again.iter().map(|it| (it.name.as_str(), it)).collect();
    let refine = |mut first: Existing| {
        if let Some(now) = again.get(first.name.as_str()) {
            if let Some(role) = &mut first.role {
                role.is_gone |= !now.has_wanted_role;
            }
            first.policy_arn = first.policy_arn.or_else(|| now.policy_arn.clone());
            first.refusals.clone_from(&now.refusals);
        }
        first
    };
    Ok(found.into_iter().map(refine).collect())
}

fn in_the_way(path: &Path) -> CommandError {
    CommandError::plain(
        format!("cannot write {}", path.display()),
        "it is there already, and is left as it is",
        "name another file with --out, or move it away",
    )
}

/// The first line of why a cluster was not read.
fn why(error: &CommandError) -> String {
    error.lines().first().map_or_else(|| error.to_string(), |lines| format!("{}: {}", lines.what, lines.why))
}

fn tell(found: &[Existing], unread: &[(String, String)], path: &Path, printer: &Printer) {
    let path = inert(&path.display().to_string()).into_owned();
    let clusters = if found.len() == 1 { "1 cluster".to_owned() } else { format!("{} clusters", found.len()) };
    let typed = quoted(&path);
    printer.note(&format!("wrote {path}: {clusters}; `cni-plan plan {typed}` shows what it would change"));
    for (name, why) in unread {
        printer.note(&format!("warning: left out {}: {}", inert(name), inert(why)));
    }
    for cluster in found.iter().filter(|cluster| !cluster.refusals.is_empty()) {
        printer.note(&format!("warning: a plan of {} is refused; the spec's comments say why", inert(&cluster.name)));
    }
}

//! `cni-plan export SPEC`: what a plan of it would do, in the words of other tools.

use cni_plan_core::ChangeSet;
use cni_plan_render::{NoScript, commands_script, eksctl_config, inert, safety_text, terraform_config};

use super::Session;
use crate::cli::{ExportArgs, Tool};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::planning::{may_go_on, plan, refusals};
use crate::printer::Printer;
use crate::spec_file::SpecFile;

pub(super) async fn run(args: &ExportArgs, session: &mut Session<'_>, printer: &Printer) -> Result<Exit, CommandError> {
    let file = SpecFile::read(&args.spec, printer)?;
    let connector = session.connector_for_spec(&file).await?;
    let change_set = plan(&file, &connector, printer).await?;
    match exported(&change_set, args, printer)? {
        Some(text) => printer.data(&text),
        None => return Ok(Exit::Unsafe),
    }
    Ok(Exit::Done)
}

/// The plan in the tool's words; `None` where it would cut pods off, which is told.
fn exported(change_set: &ChangeSet, args: &ExportArgs, printer: &Printer) -> Result<Option<String>, CommandError> {
    // What must not be applied is not to be done by hand either.
    let refusals = refusals(change_set);
    if !refusals.is_empty() {
        return Err(CommandError::Refused(refusals));
    }
    if !change_set.safety.is_safe() {
        printer.text(&safety_text(&change_set.safety, &printer.err));
    }
    if !may_go_on(&change_set.safety, args.accept_network_outage, printer) {
        return Ok(None);
    }
    Ok(Some(match args.to {
        Tool::Commands => commands_script(change_set).map_err(|why| no_script(&why))?,
        Tool::Eksctl => eksctl_config(change_set),
        Tool::Terraform => terraform_config(change_set, one_cluster(change_set, args.cluster.as_deref())?),
    }))
}

fn no_script(why: &NoScript) -> CommandError {
    let hint = match why {
        NoScript::AssumesRole { .. } => {
            "make an AWS profile with that `role_arn`, and name it as the cluster's `profile` in place of `assumeRole`"
        }
        NoScript::NotPrintable { .. } => "give it another value, or use `cni-plan apply`",
    };
    CommandError::plain("cannot export this plan as commands", why.to_string(), hint)
}

/// The key of the cluster that Terraform's file is of. A file has one provider of each kind, and so one account, one region and
/// one API server.
fn one_cluster<'a>(change_set: &'a ChangeSet, asked: Option<&str>) -> Result<&'a str, CommandError> {
    let what = "cannot export this plan for Terraform";
    let mut keys = change_set.header.clusters.iter().map(|planned| planned.cluster.key.as_str());
    match asked {
        Some(asked) => keys.find(|key| *key == asked).ok_or_else(|| {
            CommandError::plain(what, format!("the spec has no cluster {}", inert(asked)), "name it as plans name it")
        }),
        None => match (keys.next(), keys.next()) {
            (Some(only), None) => Ok(only),
            _ => Err(CommandError::plain(
                what,
                "it has several clusters, and one file of Terraform is for one",
                "name one with --cluster, and export each into a folder of its own",
            )),
        },
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use cni_plan_core::{Kind, prove};

    use super::*;
    use crate::cli::Cli;
    use crate::events::Events;

    #[test]
    fn what_would_cut_pods_off_is_exported_for_those_alone_who_accept_it() {
        let plan = include_str!("../../../../plans/ipv4.plan.json");
        let mut change_set = ChangeSet::from_json(plan).unwrap();
        let printer = Printer::new(
            &Cli::parse_from(["cni-plan", "--quiet", "--color", "never", "runs"]).global,
            Events::default(),
        );
        let is_exported = |change_set: &ChangeSet, to, accept_network_outage| {
            let args = ExportArgs { spec: "spec.yaml".into(), to, cluster: None, accept_network_outage };
            exported(change_set, &args, &printer).unwrap().is_some()
        };
        let tools = [Tool::Commands, Tool::Eksctl, Tool::Terraform];
        assert!(tools.iter().all(|to| is_exported(&change_set, *to, false)));
        for change in change_set.changes.iter_mut().filter(|change| change.address.kind() == Kind::Detach) {
            change.depends_on.clear();
        }
        change_set.safety = prove(&change_set.changes);
        assert!(!change_set.safety.is_safe());
        assert!(tools.iter().all(|to| !is_exported(&change_set, *to, false) && is_exported(&change_set, *to, true)));
    }
}

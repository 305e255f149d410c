//! `cni-plan permissions SPEC`: what someone has to be allowed to plan a spec, or to apply it, and nothing more.

use cni_plan_core::{Access, Address, Asked, AwsAccess, ErrorKind, Node, PlannedCluster, Purpose, access};
use cni_plan_render::{GroupIn, access_heading, iam_policy, rbac_heading, rbac_yaml};
use cni_plan_spec::{Assumed, assumed, compile};
use std::collections::BTreeSet;

use super::Session;
use crate::cli::{PermissionsArgs, To, Which};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::printer::Printer;
use crate::spec_file::SpecFile;

/// Characters of a managed policy at most, white space not counted (IAM quotas).
const LONGEST_POLICY: usize = 6144;

/// What keeps someone from asking for facts.
const CANNOT_ASK: [ErrorKind; 3] = [ErrorKind::Credentials, ErrorKind::Denied, ErrorKind::Unreachable];

pub(super) async fn run(
    args: &PermissionsArgs,
    session: &mut Session<'_>,
    printer: &Printer,
) -> Result<Exit, CommandError> {
    let file = SpecFile::read(&args.spec, printer)?;
    let purpose = match args.to {
        To::Plan => Purpose::Plan,
        To::Apply => Purpose::Apply,
    };
    let facts = if args.offline {
        assumed(&file.spec)
    } else {
        let connector = session.connector_for_spec(&file).await?;
        let connected = connector.connect(&file.clusters()).await;
        // Whoever asks for permissions may have none yet.
        let connected =
            connected.map_err(|error| error.with_way_out(&CANNOT_ASK, "or ask nobody, with `--offline`"))?;
        Assumed { clusters: connected.clusters, unknown: BTreeSet::new() }
    };
    print(&needed(&file, &facts, purpose)?, &facts, purpose, args, printer);
    Ok(Exit::Done)
}

fn needed(file: &SpecFile, facts: &Assumed, purpose: Purpose) -> Result<Access, CommandError> {
    let graph = compile(&file.spec, &facts.clusters)
        .map_err(|problems| CommandError::Compile { spec: file.path.display().to_string(), problems })?;
    let nodes: Vec<(&Address, &Node)> = graph.iter().collect();
    Ok(access(Asked { nodes: &nodes, clusters: &facts.clusters, unknown: &facts.unknown }, purpose))
}

/// A policy alone is JSON and the rules alone are YAML; together each has a line of comment above it.
fn print(needed: &Access, facts: &Assumed, purpose: Purpose, args: &PermissionsArgs, printer: &Printer) {
    if args.only != Some(Which::Rbac) {
        for access in &needed.aws {
            if args.only.is_none() {
                printer.data(&format!("{}\n", access_heading(access, purpose)));
            }
            printer.data(&iam_policy(access));
            warn_of_length(access, printer);
        }
    }
    if args.only != Some(Which::Iam) {
        for grants in &needed.kubernetes {
            let clusters: Vec<GroupIn<'_>> = facts
                .clusters
                .iter()
                .filter(|it| grants.clusters.contains(&it.cluster.key))
                .map(|it| group_in(it, facts))
                .collect();
            printer.data(&rbac_heading(&clusters, &args.group));
            printer.data(&rbac_yaml(grants, purpose, &args.group));
        }
    }
}

fn group_in<'a>(planned: &'a PlannedCluster, facts: &Assumed) -> GroupIn<'a> {
    let region = &planned.facts.region;
    let is_known = !facts.unknown.contains(region);
    GroupIn { key: &planned.cluster.key, name: &planned.cluster.name, region: is_known.then_some(region) }
}

fn warn_of_length(access: &AwsAccess, printer: &Printer) {
    let length = iam_policy(access).chars().filter(|character| !character.is_whitespace()).count();
    if length > LONGEST_POLICY {
        printer.note(&format!(
            "warning: this policy has {length} characters, and IAM takes {LONGEST_POLICY} in a managed one: split it by its \
             statements, or split the spec"
        ));
    }
}

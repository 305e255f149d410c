//! `cni-plan validate SPEC`: everything about a spec that can be checked where nobody can be asked.

use cni_plan_core::ProviderError;
use cni_plan_render::inert;
use cni_plan_spec::{ClusterSpec, CompileProblem, contradictions};

use super::Session;
use crate::cli::ValidateArgs;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::printer::Printer;
use crate::spec_file::SpecFile;

/// What is left to a plan, which asks.
const NOT_CHECKED: &str = "what is live: clusters, accounts, roles, policies, pods (`cni-plan plan` reads them)";

pub(super) async fn run(
    args: &ValidateArgs,
    session: &mut Session<'_>,
    printer: &Printer,
) -> Result<Exit, CommandError> {
    let file = SpecFile::read(&args.spec, printer)?;
    let mut problems = contradictions(&file.spec);
    // Kubeconfigs do not lead to the sandbox, which then needs none.
    let kubeconfigs = !session.global.is_sandboxed();
    if kubeconfigs {
        let clusters = file.clusters().into_iter().map(|(cluster, _)| cluster).collect::<Vec<_>>();
        let found = session.connector().kubeconfig_problems(&clusters).await;
        let found = file.spec.clusters.iter().zip(found);
        problems.extend(found.filter_map(|(cluster, error)| Some(unreachable(cluster, error?))));
    }
    // A key of `defaults` is wrong once, however many clusters have it from there.
    problems.sort_by(|one, other| (one.position, &one.what).cmp(&(other.position, &other.what)));
    problems.dedup();
    if !problems.is_empty() {
        return Err(CommandError::Compile { spec: file.path.display().to_string(), problems });
    }
    printer.data(&told(&file, kubeconfigs));
    Ok(Exit::Done)
}

fn unreachable(cluster: &ClusterSpec, error: ProviderError) -> CompileProblem {
    let ProviderError { what, why, cure, .. } = error;
    CompileProblem { position: cluster.position_of("kubernetes"), what, why, cure }
}

/// That nothing was found, and where it was looked for.
fn told(file: &SpecFile, kubeconfigs: bool) -> String {
    let clusters = &file.spec.clusters;
    let mut checked = vec!["keys and values".to_owned(), "names and contradictions between clusters".to_owned()];
    let documents = clusters.iter().filter(|cluster| cluster.policy.document.is_some()).count();
    if documents > 0 {
        checked.push(format!("policy documents of {}", counted(documents)));
    }
    let with_kubeconfig = clusters.iter().filter(|cluster| cluster.kubernetes.is_some()).count();
    if kubeconfigs && with_kubeconfig > 0 {
        checked.push(format!("kubeconfigs and contexts of {}", counted(with_kubeconfig)));
    }
    format!(
        "{}: {}, no problem\n  checked:     {}\n  not checked: {NOT_CHECKED}\n",
        inert(&file.path.display().to_string()),
        counted(clusters.len()),
        checked.join("; "),
    )
}

fn counted(clusters: usize) -> String {
    if clusters == 1 { "1 cluster".to_owned() } else { format!("{clusters} clusters") }
}

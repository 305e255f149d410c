//! The embedded sandbox as a place that a command's calls go to.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cni_plan_aws::{AwsOptions, StaticCredentials, Visibility};
use cni_plan_core::{ClusterRef, IpFamily, PlannedCluster};
use cni_plan_render::inert;
use cni_plan_sandbox::{ClusterSeed, Fault, IpFamily as SandboxFamily, Options, Sandbox, SandboxError};
use cni_plan_spec::{ClusterSpec, NodeRoles, OidcProvider, Spec};

use crate::error::CommandError;
use crate::own_folder;
use crate::printer::Printer;

/// Where the world is kept between commands.
pub(crate) const STORE: &str = ".cni-plan/sandbox";
/// Faults for `--sandbox`, separated by `;`.
const FAULTS: &str = "CNI_PLAN_SANDBOX_FAULTS";
/// How IAM's readers lag behind its writers, for `--sandbox`.
const VISIBILITY: &str = "CNI_PLAN_SANDBOX_VISIBILITY";
/// The sandbox's IAM is quicker than Amazon's.
const READERS_MAY_TAKE: Duration = Duration::from_millis(800);
const DEFAULT_ACCOUNT: &str = "111122223333";
const DEFAULT_REGION: &str = "us-west-2";

/// A sandbox that runs as long as this is there.
pub(crate) struct SandboxWorld(Sandbox);

impl SandboxWorld {
    /// Starts it on the world that the last command left.
    pub(crate) async fn start() -> Result<SandboxWorld, CommandError> {
        let options = Options {
            store: Some(Path::new(STORE).to_owned()),
            faults: faults_of_environment()?,
            visibility: visibility_of_environment()?,
            pods_ready_after: Duration::from_millis(400),
            ..Options::default()
        };
        own_folder::make();
        Ok(SandboxWorld(Sandbox::start(options).await.map_err(sandbox_error)?))
    }

    /// Has the clusters of a spec in it, as the spec takes them to be, unless it is made of a scenario.
    pub(crate) fn fit_spec(&self, spec: &Spec, printer: &Printer) -> Result<(), CommandError> {
        self.fit(spec.clusters.iter().map(seed_of_spec), printer)
    }

    /// Has the clusters of a change set in it, as its header has them, unless it is made of a scenario.
    pub(crate) fn fit_clusters(&self, clusters: &[PlannedCluster], printer: &Printer) -> Result<(), CommandError> {
        self.fit(clusters.iter().map(seed_of_change_set), printer)
    }

    /// Every call to the sandbox, each cluster with keys of its account.
    pub(crate) fn aws_options(&self) -> AwsOptions {
        AwsOptions {
            endpoint_url: Some(self.0.url()),
            default_region: Some(DEFAULT_REGION.to_owned()),
            credentials: Some(Arc::new(|cluster: &ClusterRef| StaticCredentials {
                key_id: format!("SANDBOX{}", account_of(cluster.account.as_deref(), assumed(cluster))),
                secret: "sandbox".to_owned(),
            })),
            visibility: std::env::var_os("CNI_PLAN_IAM_VISIBILITY")
                .is_none()
                .then_some(Visibility::within(READERS_MAY_TAKE)),
        }
    }

    /// Whoever has chosen a scenario has said what there is: a cluster that is not in it does not exist, as with EKS.
    /// What is made in any other world is told.
    fn fit(&self, seeds: impl Iterator<Item = ClusterSeed>, printer: &Printer) -> Result<(), CommandError> {
        if let Some(scenario) = self.0.scenario() {
            for seed in seeds.filter(|seed| !self.0.has_cluster(&seed.region, &seed.name)) {
                printer.note(&format!(
                    "the sandbox holds the scenario {}, which has no cluster {} in {}; after `cni-plan sandbox reset` the \
                     clusters of a spec are made up",
                    inert(scenario),
                    inert(&seed.name),
                    inert(&seed.region),
                ));
            }
            return Ok(());
        }
        let such = if self.0.has_no_cluster() { "" } else { "such " };
        let mut made = Vec::new();
        for seed in seeds {
            if self.0.ensure_cluster(&seed).map_err(sandbox_error)? {
                made.push(seed);
            }
        }
        if !made.is_empty() {
            printer.note(&format!("the sandbox has no {such}cluster yet: made {}", made_text(&made)));
        }
        Ok(())
    }
}

/// Of many clusters the first few, since a fleet is no line.
fn made_text(made: &[ClusterSeed]) -> String {
    const SHOWN: usize = 4;
    let cluster = |seed: &ClusterSeed| {
        let family = match seed.ip_family {
            SandboxFamily::Ipv4 => "IPv4",
            SandboxFamily::Ipv6 => "IPv6",
        };
        inert(&format!("{} in {}, {family}", seed.name, seed.region)).into_owned()
    };
    let mut texts: Vec<String> = made.iter().take(SHOWN).map(cluster).collect();
    if made.len() > SHOWN {
        texts.push(format!("{} more", made.len() - SHOWN));
    }
    texts.join("; ")
}

#[expect(clippy::needless_pass_by_value, reason = "map_err hands it over")]
pub(crate) fn sandbox_error(error: SandboxError) -> CommandError {
    let (what, hint) = match &error {
        SandboxError::UnknownScenario { .. } => {
            ("the sandbox cannot be made anew", "`cni-plan sandbox list` says what each scenario holds")
        }
        SandboxError::InUse { .. } | SandboxError::Listen { .. } => ("the sandbox cannot run", "run it again then"),
        _ => ("the sandbox cannot run", "`cni-plan sandbox reset` makes its world anew"),
    };
    CommandError::plain(what, error.to_string(), hint)
}

fn faults_of_environment() -> Result<Vec<Fault>, CommandError> {
    let Ok(text) = std::env::var(FAULTS) else { return Ok(Vec::new()) };
    let faults = text.split(';').filter(|fault| !fault.is_empty()).map(str::parse);
    faults.collect::<Result<_, _>>().map_err(|error: cni_plan_sandbox::FaultSyntax| {
        CommandError::plain(
            format!("cannot read {FAULTS}"),
            error.to_string(),
            "write faults like iam:AttachRolePolicy=AccessDenied, separated by `;`",
        )
    })
}

fn visibility_of_environment() -> Result<cni_plan_sandbox::Visibility, CommandError> {
    let Ok(text) = std::env::var(VISIBILITY) else { return Ok(cni_plan_sandbox::Visibility::default()) };
    text.parse().map_err(|error: cni_plan_sandbox::VisibilitySyntax| {
        CommandError::plain(
            format!("cannot read {VISIBILITY}"),
            error.to_string(),
            "write such as lag=200ms,oscillation=300ms",
        )
    })
}

fn seed_of_spec(cluster: &ClusterSpec) -> ClusterSeed {
    let assumed = cluster.assume_role.as_ref().map(|role| role.arn.as_str());
    let node_roles = match &cluster.node_roles {
        NodeRoles::Named(names) => names.clone(),
        NodeRoles::Auto => Vec::new(),
    };
    ClusterSeed {
        region: cluster.region.clone().unwrap_or_else(|| DEFAULT_REGION.to_owned()),
        account: account_of(cluster.account.as_deref(), assumed),
        ip_family: family(cluster.ip_family.unwrap_or(IpFamily::Ipv4)),
        namespace: cluster.service_account.namespace.clone(),
        service_account: cluster.service_account.name.clone(),
        oidc_provider: cluster.oidc_provider == OidcProvider::Require,
        policies: cluster.role.permissions_boundary.iter().chain(&cluster.policy.arn).cloned().collect(),
        ..seed(&cluster.name, node_roles)
    }
}

fn seed_of_change_set(planned: &PlannedCluster) -> ClusterSeed {
    let node_roles = planned.facts.node_roles.iter().map(|role| role.name.clone()).collect();
    ClusterSeed {
        region: planned.facts.region.clone(),
        account: planned.facts.account.clone(),
        ip_family: family(planned.facts.ip_family),
        ..seed(&planned.cluster.name, node_roles)
    }
}

fn seed(name: &str, node_roles: Vec<String>) -> ClusterSeed {
    let mut seed = ClusterSeed::new(name);
    if !node_roles.is_empty() {
        seed.node_roles = node_roles;
    }
    seed
}

fn account_of(account: Option<&str>, assumed_role: Option<&str>) -> String {
    account.or_else(|| assumed_role.and_then(|arn| arn.split(':').nth(4))).unwrap_or(DEFAULT_ACCOUNT).to_owned()
}

fn assumed(cluster: &ClusterRef) -> Option<&str> {
    cluster.assume_role.as_ref().map(|role| role.arn.as_str())
}

fn family(family: IpFamily) -> SandboxFamily {
    match family {
        IpFamily::Ipv4 => SandboxFamily::Ipv4,
        IpFamily::Ipv6 => SandboxFamily::Ipv6,
    }
}

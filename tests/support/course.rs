//! The courses that crashes and faults are tried on: from a world to what a spec asks for, gone
//! forwards, back after a refusal, or undone after the end.
//!
//! Each journey is gone once without disturbance; what it called then is what is disturbed afterwards,
//! each time in a fresh world.

use std::collections::HashMap;
use std::fmt;

use cni_plan_sandbox::{CallRecord, ClusterSeed, IpFamily};
use serde_json::Value;

use crate::command::repository;
use crate::ending::{End, without_version_numbers};
use crate::rehearsal::Rehearsal;
use crate::wire::FOREIGN_TRUST;

/// IPv4, as the quickstart has it: a role, its annotation, the pods, the node role.
pub const IPV4: Course = Course { name: "ipv4", spec: "examples/ipv4.yaml", world: Rehearsal::ipv4 };

/// IPv6 with a policy of its own and an OIDC provider to create: every kind of step there is.
pub const IPV6: Course = Course {
    name: "ipv6",
    spec: "tests/cases/specs/ipv6-own-policy.yaml",
    world: || Rehearsal::with_clusters(&[ClusterSeed { oidc_provider: false, ..ipv6() }]),
};

/// IPv6 with a role and a policy that are there already and differ in everything.
pub const CORRECTED: Course =
    Course { name: "corrected", spec: "tests/cases/specs/everything-differs.yaml", world: with_old_role_and_policy };

/// Two clusters whose nodes have one role.
pub const TWO_CLUSTERS: Course = Course {
    name: "two-clusters",
    spec: "examples/two-clusters.yaml",
    world: || Rehearsal::of_scenario("two-clusters"),
};

/// The plugin as an EKS add-on that has a role, and is given another one.
pub const ADDON: Course = Course {
    name: "addon",
    spec: "tests/cases/specs/another-role.yaml",
    world: || Rehearsal::of_scenario("managed-addon-with-role"),
};

/// Pods on a role by annotation, sent to the same role by a Pod Identity association.
pub const POD_IDENTITY: Course = Course {
    name: "pod-identity",
    spec: "tests/cases/specs/pod-identity.yaml",
    world: || {
        let rehearsal =
            Rehearsal::with_clusters(&[ClusterSeed { pod_identity_agent: true, ..ClusterSeed::new("my-cluster") }]);
        rehearsal.by_web_identity();
        rehearsal
    },
};

/// Where the change set of a course is, in the workspace.
pub const SAVED: &str = "plans/tried.plan.json";

/// A way from a world to what a spec asks for.
#[derive(Debug)]
pub struct Course {
    /// For tables.
    pub name: &'static str,
    /// Relative to the repository.
    spec: &'static str,
    /// Makes the world to start from.
    world: fn() -> Rehearsal,
}

/// In which direction a course is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// `apply`, to the end.
    There,
    /// `apply`, whose last write to IAM is refused, so that it goes back.
    Back,
    /// `rollback` of an `apply` that had come to its end.
    Undone,
}

/// A course gone in one direction, without disturbance.
#[derive(Debug)]
pub struct Journey {
    /// Which course.
    pub course: &'static Course,
    /// In which direction.
    pub way: Way,
    /// The world before the course.
    pub start: Value,
    /// The world after it, without the numbers of policies' versions.
    pub goal: Value,
    /// The calls of the command that is disturbed, in the order of their answers. Of [`Way::Back`],
    /// those after the refusal.
    pub calls: Vec<Call>,
    change_set: String,
    /// The fault that turns [`Way::Back`] round.
    refusal: Option<String>,
}

/// A call of a command.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Call {
    /// As a fault names it: `iam:CreateRole`.
    pub operation: String,
    /// How many of the same operation came before it in the same command.
    pub nth: usize,
    /// Whether it changes the world; taking a lock does not.
    pub changes_something: bool,
    /// Whether nothing was changed before it.
    pub is_before_any_change: bool,
}

impl Course {
    /// A fresh world with the course's spec in it, as `spec.yaml`.
    ///
    /// # Panics
    /// When there is no such spec.
    pub fn world(&self) -> Rehearsal {
        let rehearsal = (self.world)();
        let spec = std::fs::read_to_string(repository().join(self.spec)).expect("the spec is there");
        rehearsal.workspace().write("spec.yaml", &spec);
        rehearsal
    }

    /// Goes it once.
    pub fn journey(&'static self, way: Way) -> Journey {
        let there = self.once_there();
        match way {
            Way::There => there,
            Way::Back => {
                let last =
                    there.calls.iter().rfind(|call| call.changes_something && call.operation.starts_with("iam:"));
                let last = last.expect("a course ends with a write to IAM");
                let refusal = last.fault("AccessDenied", 1);
                Journey { way, refusal: Some(refusal), ..there }.measured()
            }
            Way::Undone => Journey { way, ..there }.measured(),
        }
    }

    fn once_there(&'static self) -> Journey {
        let rehearsal = self.world();
        rehearsal.run(&format!("plan spec.yaml --out {SAVED}")).expect(0);
        let start = rehearsal.state();
        rehearsal.sandbox().clear_calls();
        rehearsal.run(&format!("apply {SAVED}")).expect(0);
        let goal = without_version_numbers(rehearsal.state());
        assert_ne!(start, goal);
        Journey {
            course: self,
            way: Way::There,
            start,
            goal,
            calls: calls_of(&rehearsal.sandbox().calls()),
            change_set: rehearsal.workspace().read(SAVED),
            refusal: None,
        }
    }
}

impl Journey {
    /// A fresh world, brought to where the command to disturb begins; calls are counted from here.
    ///
    /// # Panics
    /// When two fresh worlds differ.
    pub fn begin(&self) -> Rehearsal {
        let rehearsal = (self.course.world)();
        assert_eq!(rehearsal.state(), self.start, "two fresh worlds differ");
        rehearsal.workspace().write(SAVED, &self.change_set);
        if self.way == Way::Undone {
            rehearsal.run(&format!("apply {SAVED}")).expect(0);
        }
        rehearsal.sandbox().clear_calls();
        if let Some(refusal) = &self.refusal {
            rehearsal.fail(refusal);
        }
        rehearsal
    }

    /// The command to disturb, in a world that has just begun.
    pub fn command(&self, rehearsal: &Rehearsal) -> String {
        match self.way {
            Way::There | Way::Back => format!("apply {SAVED}"),
            Way::Undone => rehearsal.rollback(),
        }
    }

    /// Where the command ends when nothing disturbs it.
    pub fn end(&self) -> End {
        if self.way == Way::There { End::There } else { End::Back }
    }

    /// The calls of the command when nothing disturbs it.
    fn measured(self) -> Journey {
        let rehearsal = self.begin();
        rehearsal.run(&self.command(&rehearsal)).expect(if self.way == Way::Back { 6 } else { 0 });
        assert_eq!(rehearsal.state(), self.start, "the way back does not lead back");
        let records = rehearsal.sandbox().calls();
        let refused = records.iter().position(|record| record.fault.is_some()).map_or(0, |at| at + 1);
        Journey { calls: calls_of(&records).split_off(refused), ..self }
    }
}

impl Call {
    /// A fault that lets this call go wrong, and those of the same operation after it until it has
    /// struck so many.
    pub fn fault(&self, kind: &str, times: usize) -> String {
        format!("{}={kind}@{}x{times}", self.operation, self.nth)
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<36} {:>2}.", self.operation, self.nth + 1)
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Way::There => "there",
            Way::Back => "back",
            Way::Undone => "undone",
        })
    }
}

impl fmt::Display for Journey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.course.name, self.way)
    }
}

fn calls_of(records: &[CallRecord]) -> Vec<Call> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut has_changed = false;
    let call_of = |record: &CallRecord| {
        let operation = format!("{}:{}", record.service, record.operation);
        let count = seen.entry(operation.clone()).or_default();
        let nth = *count;
        *count += 1;
        let changes_something = changes_something(&record.operation);
        has_changed |= changes_something;
        Call { operation, nth, changes_something, is_before_any_change: !has_changed }
    };
    records.iter().map(call_of).collect()
}

/// Whether any of these calls changed the world.
pub fn any_changed(records: &[CallRecord]) -> bool {
    records.iter().any(|record| changes_something(&record.operation))
}

fn changes_something(operation: &str) -> bool {
    const READS: [&str; 9] =
        ["Get", "List", "Describe", "Assume", "Simulate", "get ", "list ", "watch ", "create serviceaccounts/token"];
    !READS.iter().any(|read| operation.starts_with(read)) && !operation.ends_with(" leases")
}

fn ipv6() -> ClusterSeed {
    ClusterSeed { ip_family: IpFamily::Ipv6, ..ClusterSeed::new("my-cluster") }
}

/// The policy as it was once documented, and a role that differs in every attribute.
fn with_old_role_and_policy() -> Rehearsal {
    let boundary = "arn:aws:iam::111122223333:policy/Boundary".to_owned();
    let rehearsal = Rehearsal::with_clusters(&[ClusterSeed { policies: vec![boundary], ..ipv6() }]);
    let wire = rehearsal.wire();
    let role = [
        ("RoleName", "AmazonEKSVPCCNIRole"),
        ("AssumeRolePolicyDocument", FOREIGN_TRUST),
        ("Description", "of last year"),
        ("MaxSessionDuration", "7200"),
        ("Tags.member.1.Key", "team"),
        ("Tags.member.1.Value", "networking"),
        ("Tags.member.2.Key", "cost-center"),
        ("Tags.member.2.Value", "4711"),
    ];
    wire.iam("CreateRole", &role);
    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Resource":"*",
        "Action":["ec2:AssignIpv6Addresses","ec2:DescribeInstances","ec2:DescribeTags"]}]}"#;
    wire.iam("CreatePolicy", &[("PolicyName", "MyOwnIPv6Policy"), ("PolicyDocument", document)]);
    rehearsal
}

//! Actions of IAM, EKS and STS, each on the resources that it is about.
//!
//! Which kind of resource an action takes, and which condition keys: Service Authorization Reference, "Actions,
//! resources, and condition keys for" AWS Identity and Access Management, Amazon EKS. STS GetCallerIdentity needs
//! no permission, and AssumeRoleWithWebIdentity is the token's.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Map, Value, json};

use super::wildcards::Wildcards;
use super::{Asked, Purpose};
use crate::{Kind, Node, PlannedCluster, PodIdentity, Resource, Run, Target, Wanted};

/// What one identity needs of AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsAccess {
    /// Twelve digits; `*` where nobody knows.
    pub account: String,
    /// The role that is assumed; `None`: whoever the credentials belong to.
    pub assumed: Option<String>,
    /// Sorted by name.
    pub grants: Vec<Grant>,
}

/// One statement: these actions on these resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// What it is for, as a statement's `Sid`: letters and digits.
    pub name: &'static str,
    /// Such as `iam:GetRole`.
    pub actions: BTreeSet<&'static str>,
    /// ARNs, with wildcards where it has to be; or `*` alone.
    pub resources: BTreeSet<String>,
    /// Where more is asked of a request than its action and resource.
    pub only: Option<Only>,
}

/// A condition key, and the values of which one has to match.
pub type Only = (&'static str, BTreeSet<String>);

impl AwsAccess {
    /// As an IAM policy. A `Sid` stands in it once, so further statements of a name are numbered.
    pub fn to_policy(&self) -> Value {
        let mut times: BTreeMap<&str, usize> = BTreeMap::new();
        let statement = |grant: &Grant| {
            let nth = times.entry(grant.name).or_default();
            *nth += 1;
            grant.to_statement(&if *nth == 1 { grant.name.to_owned() } else { format!("{}{nth}", grant.name) })
        };
        let statements: Vec<Value> = self.grants.iter().map(statement).collect();
        json!({ "Version": "2012-10-17", "Statement": statements })
    }
}

impl Grant {
    fn to_statement(&self, sid: &str) -> Value {
        let mut statement = Map::new();
        statement.insert("Sid".to_owned(), json!(sid));
        statement.insert("Effect".to_owned(), json!("Allow"));
        statement.insert("Action".to_owned(), json!(self.actions));
        statement.insert("Resource".to_owned(), json!(self.resources));
        if let Some((key, values)) = &self.only {
            let operator = if *key == POLICY_ARN { "ArnLike" } else { "StringLike" };
            statement.insert("Condition".to_owned(), json!({ operator: { *key: values } }));
        }
        Value::Object(statement)
    }
}

/// Which policy is attached or detached (Service Authorization Reference, IAM).
const POLICY_ARN: &str = "iam:PolicyARN";
/// Which service a role is handed to.
const PASSED_TO: &str = "iam:PassedToService";

/// Who calls: an account, and the role assumed there.
type Caller = (String, Option<String>);

pub(super) fn access(asked: Asked<'_>, purpose: Purpose) -> Vec<AwsAccess> {
    let spec = Spec::new(asked);
    let mut callers: BTreeMap<Caller, Grants> = BTreeMap::new();
    let mut of_cluster: BTreeMap<&str, (&PlannedCluster, Caller)> = BTreeMap::new();
    for planned in asked.clusters {
        let assumed = planned.cluster.assume_role.as_ref().map(|role| role.arn.clone());
        let caller = (spec.wildcards.put_into(&planned.facts.account), assumed);
        callers.entry(caller.clone()).or_insert_with(|| Grants::new(&spec)).cluster(planned, purpose);
        of_cluster.insert(&planned.cluster.key, (planned, caller));
    }
    for &(address, node) in asked.nodes {
        for key in &node.clusters {
            let Some((planned, caller)) = of_cluster.get(key.as_str()) else { continue };
            let grants = callers.get_mut(caller).expect("every cluster's caller is there");
            grants.node(address.kind(), node, planned, purpose);
        }
    }
    let mut all: Vec<AwsAccess> = callers
        .into_iter()
        .map(|((account, assumed), grants)| AwsAccess { account, assumed, grants: grants.finished() })
        .collect();
    let roles: BTreeSet<String> = all.iter().filter_map(|access| access.assumed.clone()).collect();
    all.extend(login(&spec, roles));
    all
}

/// Whoever assumes the roles of a spec.
fn login(spec: &Spec<'_>, roles: BTreeSet<String>) -> Option<AwsAccess> {
    (!roles.is_empty()).then(|| {
        let mut grants = Grants::new(spec);
        for role in roles {
            grants.add("AssumeRoles", &["sts:AssumeRole"], [role]);
        }
        AwsAccess { account: "*".to_owned(), assumed: None, grants: grants.finished() }
    })
}

/// What the statements of every caller are made by.
struct Spec<'a> {
    asked: Asked<'a>,
    wildcards: Wildcards<'a>,
    /// The paths of the roles that the spec makes, by account and name.
    paths: HashMap<(&'a str, &'a str), &'a str>,
}

impl<'a> Spec<'a> {
    fn new(asked: Asked<'a>) -> Spec<'a> {
        let path = |node: &'a Node| match (&node.target, &node.wanted) {
            (Target::Role { account, name }, Wanted::Present(Resource::Role(role))) => {
                Some(((account.as_str(), name.as_str()), role.path.as_str()))
            }
            _ => None,
        };
        let paths = asked.nodes.iter().filter_map(|&(_, node)| path(node)).collect();
        Spec { asked, wildcards: Wildcards::new(asked.unknown), paths }
    }

    fn path_of(&self, account: &str, role: &str) -> &'a str {
        self.paths.get(&(account, role)).copied().unwrap_or("/")
    }
}

/// The statements of one caller while they are gathered: by name and condition values, so that what is about
/// different policies stays apart.
struct Grants<'a> {
    spec: &'a Spec<'a>,
    all: BTreeMap<(&'static str, Option<Only>), Grant>,
}

impl<'a> Grants<'a> {
    fn new(spec: &'a Spec<'a>) -> Grants<'a> {
        Grants { spec, all: BTreeMap::new() }
    }

    fn add(
        &mut self,
        name: &'static str,
        actions: &[&'static str],
        resources: impl IntoIterator<Item = impl AsRef<str>>,
    ) {
        self.add_only(name, actions, resources, None);
    }

    fn add_only(
        &mut self,
        name: &'static str,
        actions: &[&'static str],
        resources: impl IntoIterator<Item = impl AsRef<str>>,
        only: Option<(&'static str, &str)>,
    ) {
        let wildcards = &self.spec.wildcards;
        let only = only.map(|(key, value)| (key, BTreeSet::from([wildcards.put_into(value)])));
        let grant = self.all.entry((name, only.clone())).or_insert_with(|| Grant {
            name,
            actions: BTreeSet::new(),
            resources: BTreeSet::new(),
            only,
        });
        grant.actions.extend(actions);
        grant.resources.extend(resources.into_iter().map(|resource| wildcards.put_into(resource.as_ref())));
    }

    /// Sorted.
    fn finished(self) -> Vec<Grant> {
        self.all.into_values().collect()
    }

    /// What is asked of EKS about a cluster and those beside it.
    fn cluster(&mut self, planned: &PlannedCluster, purpose: Purpose) {
        let PlannedCluster { cluster, asked: wanted, facts } = planned;
        let arn = |region: &str, rest: &str| format!("arn:{}:eks:{region}:{}:{rest}", facts.partition, facts.account);
        let own = |kind: &str, rest: &str| arn(&facts.region, &format!("{kind}/{}{rest}", cluster.name));
        self.add("ReadClusters", &["eks:DescribeCluster"], [own("cluster", "")]);
        if wanted.neighbours {
            // EKS lists clusters by account and region alone.
            self.add("ListClusters", &["eks:ListClusters"], ["*"]);
        }
        let nodes: &[&str] =
            &["eks:ListNodegroups", "eks:DescribeNodegroup", "eks:ListAccessEntries", "eks:DescribeAccessEntry"];
        let kinds = ["cluster", "nodegroup", "access-entry"];
        if wanted.node_roles && !wanted.neighbours {
            let below = |kind| if kind == "cluster" { "" } else { "/*" };
            self.add("ReadNodeRoles", nodes, kinds.map(|kind| own(kind, below(kind))));
        }
        if wanted.neighbours {
            for region in [&facts.region].into_iter().chain(&wanted.other_regions) {
                self.add("ReadNodeRolesOfOtherClusters", nodes, kinds.map(|kind| arn(region, &format!("{kind}/*"))));
            }
        }
        if wanted.addon {
            self.add("ReadAddons", &["eks:DescribeAddon"], [own("addon", "/vpc-cni*")]);
        }
        if wanted.agent {
            self.add("ReadAddons", &["eks:DescribeAddon"], [own("addon", "/eks-pod-identity-agent*")]);
        }
        if wanted.association_of.is_some() {
            self.add("ListAssociations", &["eks:ListPodIdentityAssociations"], [own("cluster", "")]);
        }
        if planned.looks_at_association() {
            let associations = own("podidentityassociation", "/*");
            self.add("ReadAssociations", &["eks:DescribePodIdentityAssociation"], [&associations]);
            if purpose == Purpose::Apply {
                self.add("MakeAssociations", &["eks:CreatePodIdentityAssociation"], [own("cluster", "")]);
                let change: &[&str] =
                    &["eks:UpdatePodIdentityAssociation", "eks:DeletePodIdentityAssociation", "eks:TagResource"];
                self.add("ChangeAssociations", change, [&associations]);
            }
        }
        // Offline nobody knows who owns the plugin.
        let may_be_addon = facts.managed_addon.is_some() || self.spec.asked.is_guessed() && wanted.addon;
        if purpose == Purpose::Apply && may_be_addon {
            self.add("UpdateAddon", &["eks:UpdateAddon"], [own("addon", "/vpc-cni*")]);
            self.add("FollowUpdates", &["eks:DescribeUpdate"], [own("cluster", ""), own("addon", "/vpc-cni*")]);
        }
    }

    /// What a node's step reads and does; the kind says which step.
    fn node(&mut self, kind: Kind, node: &Node, planned: &PlannedCluster, purpose: Purpose) {
        let applies = purpose == Purpose::Apply;
        match (&node.target, &node.wanted) {
            (Target::OidcProvider { arn, .. }, wanted) => {
                self.add("ReadOidcProviders", &["iam:GetOpenIDConnectProvider"], [arn]);
                if applies && matches!(wanted, Wanted::Present(_)) {
                    let make: &[&str] = &[
                        "iam:CreateOpenIDConnectProvider",
                        "iam:DeleteOpenIDConnectProvider",
                        "iam:AddClientIDToOpenIDConnectProvider",
                        "iam:RemoveClientIDFromOpenIDConnectProvider",
                    ];
                    self.add("MakeOidcProviders", make, [arn]);
                }
            }
            (Target::Policy { arn, .. }, wanted) => {
                let read: &[&str] = &["iam:GetPolicy", "iam:GetPolicyVersion", "iam:ListPolicyVersions"];
                self.add("ReadPolicies", read, [arn]);
                if applies && matches!(wanted, Wanted::Present(_)) {
                    let make: &[&str] = &[
                        "iam:CreatePolicy",
                        "iam:DeletePolicy",
                        "iam:CreatePolicyVersion",
                        "iam:DeletePolicyVersion",
                        "iam:SetDefaultPolicyVersion",
                    ];
                    self.add("MakePolicies", make, [arn]);
                }
            }
            (Target::Role { account, name }, Wanted::Present(Resource::Role(role))) => {
                let arn = format!("arn:{}:iam::{account}:role{}{name}", planned.facts.partition, role.path);
                self.read_role(planned, &[&arn]);
                if applies {
                    self.make_role(&arn, role.description.is_some(), role.permissions_boundary.is_some());
                    self.hand_over(&arn, planned);
                }
            }
            (Target::Attachment { account, role, policy_arn }, _) if kind == Kind::Detach => {
                // Where a role was found, its path was not: with and without one.
                let role = |path: &str| format!("arn:{}:iam::{account}:role/{path}{role}", planned.facts.partition);
                let roles = [role(""), role("*/")];
                let roles: Vec<&String> = roles.iter().collect();
                self.read_role(planned, &roles);
                if applies {
                    let change: &[&str] = &["iam:DetachRolePolicy", "iam:AttachRolePolicy"];
                    self.add_only("ChangeNodeRoles", change, roles, Some((POLICY_ARN, policy_arn)));
                }
            }
            (Target::Attachment { account, role, policy_arn }, _) if applies => {
                let path = self.spec.path_of(account, role);
                let role = format!("arn:{}:iam::{account}:role{path}{role}", planned.facts.partition);
                let change: &[&str] = &["iam:AttachRolePolicy", "iam:DetachRolePolicy"];
                self.add_only("ChangeRolePolicies", change, [role], Some((POLICY_ARN, policy_arn)));
            }
            (_, Wanted::Run(Run::Probe { identity: PodIdentity::WebIdentity { role_arn, .. }, .. })) if applies => {
                self.add("ProveRole", &["iam:SimulatePrincipalPolicy"], [role_arn]);
            }
            _ => {}
        }
    }

    /// A role is read whole: whatever policies are on it, the account's and Amazon's.
    fn read_role(&mut self, planned: &PlannedCluster, roles: &[&String]) {
        let read: &[&str] =
            &["iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies"];
        self.add("ReadRoles", read, roles);
        let (partition, account) = (&planned.facts.partition, &planned.facts.account);
        let policies = [account.as_str(), "aws"].map(|owner| format!("arn:{partition}:iam::{owner}:policy/*"));
        self.add("ReadPoliciesOnRoles", &["iam:GetPolicy", "iam:GetPolicyVersion"], policies);
    }

    fn make_role(&mut self, arn: &String, has_description: bool, has_boundary: bool) {
        let make: &[&str] =
            &["iam:CreateRole", "iam:DeleteRole", "iam:TagRole", "iam:UntagRole", "iam:UpdateAssumeRolePolicy"];
        self.add("MakeRoles", make, [arn]);
        if has_description {
            self.add("MakeRoles", &["iam:UpdateRole"], [arn]);
        }
        if has_boundary {
            let bound: &[&str] = &["iam:PutRolePermissionsBoundary", "iam:DeleteRolePermissionsBoundary"];
            self.add("MakeRoles", bound, [arn]);
        }
    }

    /// No call is PassRole: EKS asks for it where a role is handed over, to an add-on (EKS User Guide, "Update an
    /// Amazon EKS add-on") or by an association ("Assign an IAM role to a Kubernetes service account").
    fn hand_over(&mut self, arn: &String, planned: &PlannedCluster) {
        let may_be_addon = planned.facts.managed_addon.is_some() || self.spec.asked.is_guessed() && planned.asked.addon;
        if planned.looks_at_association() {
            let service = Some((PASSED_TO, "pods.eks.amazonaws.com"));
            self.add_only("HandRoleToPods", &["iam:PassRole"], [arn], service);
        } else if may_be_addon {
            self.add("HandRoleToAddon", &["iam:PassRole"], [arn]);
        }
    }
}

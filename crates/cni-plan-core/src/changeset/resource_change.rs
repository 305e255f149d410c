//! A change as version 2 of the document has it: in Terraform's words where Terraform has the thing (its JSON
//! output format: `resource_changes`; its AWS provider: the resources' types and attributes), so that policies
//! which were written for a Terraform plan find what they look for. What Terraform has no word for keeps ours.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{
    Action, Address, Attachment, Change, OidcProvider, Pods, Policy, PolicyDocument, PolicyHistory, Resource,
    Reversibility, Role, Run, ServiceAccount, Target,
};

/// One step, by the type of what it is about.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type")]
pub(super) enum ResourceChange {
    /// An IAM OpenID Connect provider.
    #[serde(rename = "aws_iam_openid_connect_provider")]
    OidcProvider(Step<OidcProviderAttributes>),
    /// A customer managed policy of IAM.
    #[serde(rename = "aws_iam_policy")]
    Policy(Step<PolicyAttributes>),
    /// An IAM role.
    #[serde(rename = "aws_iam_role")]
    Role(Step<RoleAttributes>),
    /// A managed policy on a role.
    #[serde(rename = "aws_iam_role_policy_attachment")]
    Attachment(Step<AttachmentAttributes>),
    /// What gives the pods of a service account their identity. Terraform has no one resource for it.
    #[serde(rename = "cni_plan_service_account")]
    ServiceAccount(Step<ServiceAccount>),
    /// The plugin's pods. Terraform has no resource for it.
    #[serde(rename = "cni_plan_pods")]
    Pods(Step<Pods>),
}

/// What is done to one thing.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Step<S> {
    /// What it is about.
    address: Address,
    /// Where that is found.
    target: Target,
    /// What is done, in Terraform's words.
    change: BeforeAndAfter<S>,
    /// Why, or why nothing, in one line.
    why: String,
    /// For an action on pods: which one, and how.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    run: Option<Run>,
    /// Whether it can be put back.
    reversibility: Reversibility,
    /// Addresses of the steps that have to be done before, sorted.
    depends_on: Vec<Address>,
    /// Keys of the clusters concerned, sorted.
    clusters: Vec<String>,
}

/// What is done.
#[derive(Serialize, Deserialize, JsonSchema)]
struct BeforeAndAfter<S> {
    /// One of them: nothing that a plan does is a replacement.
    actions: [TerraformAction; 1],
    /// The state observed; null: it was not there.
    before: Option<S>,
    /// The state afterwards; null: it will not be there.
    after: Option<S>,
}

/// An action, as Terraform calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum TerraformAction {
    /// Nothing.
    NoOp,
    /// It is made.
    Create,
    /// Something is found out and nothing changed: a probe or a verification.
    Read,
    /// It is changed where it is; with `run` beside it, pods are deleted and come back.
    Update,
    /// It goes.
    Delete,
}

/// An OpenID Connect provider by Terraform's attributes.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(super) struct OidcProviderAttributes {
    /// The issuer without `https://`.
    url: String,
    /// Audiences that it accepts, sorted.
    client_id_list: BTreeSet<String>,
}

/// A policy by Terraform's attributes.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(super) struct PolicyAttributes {
    /// Its ARN.
    arn: String,
    /// Its name.
    name: String,
    /// Fixed when it is made.
    description: Option<String>,
    /// The document in force, as a text of JSON.
    policy: DocumentText,
    /// Its versions, where it was found.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    history: Option<PolicyHistory>,
}

/// A role by Terraform's attributes.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(super) struct RoleAttributes {
    /// Its name, without path.
    name: String,
    /// `/` or `/.../`.
    path: String,
    /// Who may take it: a document as a text of JSON.
    assume_role_policy: DocumentText,
    /// For people.
    description: Option<String>,
    /// The ARN of its boundary.
    permissions_boundary: Option<String>,
    /// Its tags.
    tags: BTreeMap<String, String>,
    /// IAM's unique id, where it was found.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    unique_id: Option<String>,
}

/// A managed policy on a role by Terraform's attributes.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(super) struct AttachmentAttributes {
    /// The role's name.
    role: String,
    /// The policy's ARN.
    policy_arn: String,
}

/// A document as Terraform's attributes have it: JSON in a string.
#[derive(JsonSchema)]
#[schemars(with = "String", inline)]
struct DocumentText(PolicyDocument);

impl Serialize for DocumentText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_json())
    }
}

impl<'de> Deserialize<'de> for DocumentText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<DocumentText, D::Error> {
        let text = String::deserialize(deserializer)?;
        PolicyDocument::parse(&text).map(DocumentText).map_err(serde::de::Error::custom)
    }
}

/// A step whose parts do not go together.
#[derive(Debug, thiserror::Error)]
#[error("the type of {0} is not the one of its target")]
pub(super) struct Mismatch(Address);

impl From<&Change> for ResourceChange {
    fn from(change: &Change) -> ResourceChange {
        match &change.target {
            Target::OidcProvider { .. } => ResourceChange::OidcProvider(Step::of(change)),
            Target::Policy { .. } => ResourceChange::Policy(Step::of(change)),
            Target::Role { .. } => ResourceChange::Role(Step::of(change)),
            Target::Attachment { .. } => ResourceChange::Attachment(Step::of(change)),
            Target::ServiceAccount { .. } => ResourceChange::ServiceAccount(Step::of(change)),
            Target::Pods { .. } => ResourceChange::Pods(Step::of(change)),
        }
    }
}

impl TryFrom<ResourceChange> for Change {
    type Error = Mismatch;

    fn try_from(written: ResourceChange) -> Result<Change, Mismatch> {
        match written {
            ResourceChange::OidcProvider(step) => step.into_change(),
            ResourceChange::Policy(step) => step.into_change(),
            ResourceChange::Role(step) => step.into_change(),
            ResourceChange::Attachment(step) => step.into_change(),
            ResourceChange::ServiceAccount(step) => step.into_change(),
            ResourceChange::Pods(step) => step.into_change(),
        }
    }
}

impl<S: Written> Step<S> {
    /// # Panics
    /// If a state is not of its target's kind: what an adapter finds at a target always is.
    fn of(change: &Change) -> Step<S> {
        let state = |state: &Option<Resource>| {
            state.as_ref().map(|resource| S::of(resource).expect("a state is of its target's kind"))
        };
        Step {
            address: change.address.clone(),
            target: change.target.clone(),
            change: BeforeAndAfter {
                actions: [TerraformAction::of(change)],
                before: state(&change.before),
                after: state(&change.after),
            },
            why: change.why.clone(),
            run: change.run.clone(),
            reversibility: change.reversibility.clone(),
            depends_on: change.depends_on.clone(),
            clusters: change.clusters.clone(),
        }
    }

    fn into_change(self) -> Result<Change, Mismatch> {
        if !S::is_at(&self.target) {
            return Err(Mismatch(self.address));
        }
        let [action] = self.change.actions;
        Ok(Change {
            action: action.of_ours(self.run.is_some()),
            address: self.address,
            target: self.target,
            why: self.why,
            before: self.change.before.map(S::into_resource),
            after: self.change.after.map(S::into_resource),
            run: self.run,
            reversibility: self.reversibility,
            depends_on: self.depends_on,
            clusters: self.clusters,
        })
    }
}

impl TerraformAction {
    /// What a run does, by what it leaves: a restart and a confirmation delete pods that come back otherwise, so a
    /// policy about changes has to see them; a probe and a verification leave everything as it is.
    fn of(change: &Change) -> TerraformAction {
        match (change.action, &change.run) {
            (Action::None, _) => TerraformAction::NoOp,
            (Action::Create, _) => TerraformAction::Create,
            (Action::Delete, _) => TerraformAction::Delete,
            (Action::Run, Some(Run::Probe { .. } | Run::Verify { .. })) => TerraformAction::Read,
            (Action::Update | Action::Run, _) => TerraformAction::Update,
        }
    }

    /// The way back. What does not come back as it was is not what was written, and is refused as edited.
    fn of_ours(self, has_run: bool) -> Action {
        match self {
            TerraformAction::NoOp => Action::None,
            TerraformAction::Create => Action::Create,
            TerraformAction::Delete => Action::Delete,
            TerraformAction::Read => Action::Run,
            TerraformAction::Update if has_run => Action::Run,
            TerraformAction::Update => Action::Update,
        }
    }
}

/// A state as it is written.
pub(super) trait Written: Sized {
    /// Nothing of a resource of another kind.
    fn of(resource: &Resource) -> Option<Self>;
    fn into_resource(self) -> Resource;
    /// Whether it is what there is at `target`.
    fn is_at(target: &Target) -> bool;
}

impl Written for OidcProviderAttributes {
    fn of(resource: &Resource) -> Option<Self> {
        let Resource::OidcProvider(OidcProvider { url, client_ids }) = resource else { return None };
        Some(OidcProviderAttributes { url: url.clone(), client_id_list: client_ids.clone() })
    }

    fn into_resource(self) -> Resource {
        Resource::OidcProvider(OidcProvider { url: self.url, client_ids: self.client_id_list })
    }

    fn is_at(target: &Target) -> bool {
        matches!(target, Target::OidcProvider { .. })
    }
}

impl Written for PolicyAttributes {
    fn of(resource: &Resource) -> Option<Self> {
        let Resource::Policy(Policy { arn, name, description, document, history }) = resource.clone() else {
            return None;
        };
        Some(PolicyAttributes { arn, name, description, policy: DocumentText(document), history })
    }

    fn into_resource(self) -> Resource {
        let PolicyAttributes { arn, name, description, policy: DocumentText(document), history } = self;
        Resource::Policy(Policy { arn, name, description, document, history })
    }

    fn is_at(target: &Target) -> bool {
        matches!(target, Target::Policy { .. })
    }
}

impl Written for RoleAttributes {
    fn of(resource: &Resource) -> Option<Self> {
        let Resource::Role(role) = resource.clone() else { return None };
        let Role { name, path, trust, description, permissions_boundary, tags, id: unique_id } = role;
        let assume_role_policy = DocumentText(trust);
        Some(RoleAttributes { name, path, assume_role_policy, description, permissions_boundary, tags, unique_id })
    }

    fn into_resource(self) -> Resource {
        let RoleAttributes { name, path, assume_role_policy, description, permissions_boundary, tags, unique_id } =
            self;
        let DocumentText(trust) = assume_role_policy;
        Resource::Role(Role { name, path, trust, description, permissions_boundary, tags, id: unique_id })
    }

    fn is_at(target: &Target) -> bool {
        matches!(target, Target::Role { .. })
    }
}

impl Written for AttachmentAttributes {
    fn of(resource: &Resource) -> Option<Self> {
        let Resource::Attachment(Attachment { role, policy_arn }) = resource.clone() else { return None };
        Some(AttachmentAttributes { role, policy_arn })
    }

    fn into_resource(self) -> Resource {
        Resource::Attachment(Attachment { role: self.role, policy_arn: self.policy_arn })
    }

    fn is_at(target: &Target) -> bool {
        matches!(target, Target::Attachment { .. })
    }
}

impl Written for ServiceAccount {
    fn of(resource: &Resource) -> Option<Self> {
        let Resource::ServiceAccount(account) = resource else { return None };
        Some(account.clone())
    }

    fn into_resource(self) -> Resource {
        Resource::ServiceAccount(self)
    }

    fn is_at(target: &Target) -> bool {
        matches!(target, Target::ServiceAccount { .. })
    }
}

impl Written for Pods {
    fn of(resource: &Resource) -> Option<Self> {
        let Resource::Pods(pods) = resource else { return None };
        Some(pods.clone())
    }

    fn into_resource(self) -> Resource {
        Resource::Pods(self)
    }

    fn is_at(target: &Target) -> bool {
        matches!(target, Target::Pods { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{fresh, graph};
    use crate::{Kind, diff};
    use serde_json::{Value, json};

    fn written() -> Vec<(Change, Value)> {
        let changes = diff(graph(&["c"]), fresh(&["c"])).unwrap().changes;
        let value = |change: &Change| serde_json::to_value(ResourceChange::from(change)).unwrap();
        changes.into_iter().map(|change| (change.clone(), value(&change))).collect()
    }

    fn of(kind: Kind) -> Value {
        written().into_iter().find(|(change, _)| change.address.kind() == kind).unwrap().1
    }

    #[test]
    fn every_step_has_an_action_of_terraforms_and_is_read_back() {
        for (change, value) in written() {
            let actions = match change.address.kind() {
                Kind::OidcProvider => "no-op",
                Kind::Role | Kind::Attach => "create",
                Kind::Probe | Kind::Verify => "read",
                Kind::Annotate | Kind::Restart | Kind::Confirm => "update",
                Kind::Detach => "delete",
                other => panic!("{other} is not in the fixture"),
            };
            assert_eq!(value["change"]["actions"], json!([actions]), "{}", change.address);
            let read: ResourceChange = serde_json::from_value(value).unwrap();
            assert_eq!(Change::try_from(read).unwrap(), change);
        }
    }

    #[test]
    fn a_role_has_terraforms_type_and_attributes() {
        let role = of(Kind::Role);
        assert_eq!(role["type"], "aws_iam_role");
        assert_eq!(role["change"]["before"], Value::Null);
        let after = &role["change"]["after"];
        assert_eq!((&after["path"], &after["permissions_boundary"]), (&json!("/"), &Value::Null));
        let trust: Value = serde_json::from_str(after["assume_role_policy"].as_str().unwrap()).unwrap();
        assert_eq!(trust["Statement"][0]["Action"], "sts:AssumeRoleWithWebIdentity");
        assert_eq!(of(Kind::Detach)["change"]["before"]["role"], "NodeRole");
    }

    #[test]
    fn a_type_that_is_not_its_targets_is_refused() {
        let mut detach = of(Kind::Detach);
        detach["type"] = "aws_iam_role".into();
        let before = of(Kind::Role)["change"]["after"].clone();
        detach["change"]["before"] = before;
        let read: ResourceChange = serde_json::from_value(detach).unwrap();
        let told = Change::try_from(read).unwrap_err().to_string();
        assert!(told.ends_with("is not the one of its target"), "{told}");
    }
}

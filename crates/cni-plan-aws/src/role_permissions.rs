//! What is on a role beside a plan's own steps, in three rounds: the role, its lists; the documents of inline
//! policies, and which version of the others is in force; those versions. What steps say themselves, and what
//! cannot matter, is not read.

use std::collections::{BTreeSet, HashSet};

use cni_plan_core::{PolicyDocument, ProviderError, Role, RoleAsked, RoleOf, RolePolicy, RoleRead, RoleRecord, Unread};
use futures::future::{OptionFuture, join3};

use crate::IamProvider;
use crate::failure::if_there;
use crate::once::Once;
use crate::transport::at_most;
use crate::{attachment, policy, role};

/// Roles read at once; most have nothing to be read after the first round.
const ROLES_AT_ONCE: usize = 16;
/// Documents of one role read at once.
const DOCUMENTS_AT_ONCE: usize = 4;

/// Answers about roles that several questions share, kept for one look at the world.
#[derive(Default)]
pub(crate) struct RoleAnswers {
    roles: Once<String, Result<Option<Role>, ProviderError>>,
    attached: Once<String, Result<HashSet<String>, ProviderError>>,
    /// By ARN; `None`: there is no such policy.
    documents: Once<String, Result<Option<PolicyDocument>, ProviderError>>,
}

impl RoleAnswers {
    pub(crate) async fn role(&self, iam: &IamProvider, name: &str) -> Result<Option<Role>, ProviderError> {
        self.roles.get(name.to_owned(), || async { Ok(role::inspect::inspect(iam, name).await) }).await?
    }

    /// The ARNs of the policies on it.
    pub(crate) async fn attached(&self, iam: &IamProvider, role: &str) -> Result<HashSet<String>, ProviderError> {
        self.attached.get(role.to_owned(), || async { Ok(attachment::inspect::list(iam, role).await) }).await?
    }

    async fn document(&self, iam: &IamProvider, arn: &str) -> Result<Option<PolicyDocument>, ProviderError> {
        self.documents.get(arn.to_owned(), || async { Ok(policy::inspect::document(iam, arn).await) }).await?
    }
}

/// What is on each role, in their order.
///
/// # Errors
/// Of a role that cannot be read for another reason than that the caller may not, or that this IAM does not
/// know the call.
pub(crate) async fn read(
    iam: &IamProvider,
    asked: &[&RoleAsked],
    answers: &RoleAnswers,
) -> Vec<Result<RoleRead, ProviderError>> {
    at_most(ROLES_AT_ONCE, asked.iter().map(|asked| Reading::of(iam, asked, answers)).collect()).await
}

struct Reading<'a> {
    role: &'a str,
    record: RoleRecord,
    unread: Vec<Unread>,
}

impl Reading<'_> {
    async fn of(iam: &IamProvider, asked: &RoleAsked, answers: &RoleAnswers) -> Result<RoleRead, ProviderError> {
        let name = asked.name.as_str();
        let record = RoleRecord::empty(&asked.account, name);
        let mut reading = Reading { role: name, record, unread: Vec::new() };
        let (role, attached, inline) =
            join3(answers.role(iam, name), answers.attached(iam, name), inline_policies(iam, name)).await;
        let role = match (role, asked.of) {
            (Ok(Some(role)), _) => Some(role),
            // Nothing is on a role that is not there, whoever may ask.
            (Ok(None), _) => {
                return reading.with_documents(iam, asked, answers, BTreeSet::new(), &[], asked.boundary.clone()).await;
            }
            (Err(error), _) => {
                reading.told("the tags and the boundary", error)?;
                None
            }
        };
        // Nothing is not what is attached where that cannot be listed: before an apply no step has told it.
        let attached = match attached {
            Ok(attached) => attached,
            Err(error) => reading.told("the attached policies", error).map(|()| Default::default())?,
        };
        let attached: BTreeSet<String> = attached.into_iter().filter(|arn| asked.needs(arn)).collect();
        let inline = match inline {
            Ok(names) => names,
            Err(error) => reading.told("the inline policies", error).map(|()| Vec::new())?,
        };
        let mut boundary = asked.boundary.clone();
        if let Some(role) = role {
            reading.record = reading.record.with_owners_of(role.tags);
            boundary = boundary.or(role.permissions_boundary);
        }
        // It takes away, and from nothing there is nothing to be taken.
        let boundary = boundary.filter(|_| asked.of == RoleOf::Plugin || !attached.is_empty() || !inline.is_empty());
        reading.with_documents(iam, asked, answers, attached, &inline, boundary).await
    }

    async fn with_documents(
        mut self,
        iam: &IamProvider,
        asked: &RoleAsked,
        answers: &RoleAnswers,
        attached: BTreeSet<String>,
        inline: &[String],
        boundary: Option<String>,
    ) -> Result<RoleRead, ProviderError> {
        let arns: BTreeSet<&String> = attached.iter().chain(&asked.to_come).collect();
        let (inline_documents, documents, boundary_document) = join3(
            at_most(DOCUMENTS_AT_ONCE, inline.iter().map(|name| inline_document(iam, self.role, name)).collect()),
            at_most(DOCUMENTS_AT_ONCE, arns.iter().map(|arn| answers.document(iam, arn)).collect()),
            OptionFuture::from(boundary.as_ref().map(|arn| answers.document(iam, arn))),
        )
        .await;
        for (arn, document) in arns.into_iter().zip(documents) {
            match document {
                // It has gone since it was listed.
                Ok(None) if !asked.to_come.contains(arn) => {}
                Ok(document) => {
                    self.record.policies.push(RolePolicy { name: arn.clone(), is_inline: false, document });
                }
                Err(error) => self.told(&format!("policy {arn}"), error)?,
            }
        }
        for (name, document) in inline.iter().zip(inline_documents) {
            match document {
                Ok(None) => {}
                Ok(document) => {
                    self.record.policies.push(RolePolicy { name: name.clone(), is_inline: true, document });
                }
                Err(error) => self.told(&format!("inline policy {name}"), error)?,
            }
        }
        if let (Some(arn), Some(document)) = (boundary, boundary_document) {
            match document {
                Ok(document) => self.record.boundary = Some(RolePolicy { name: arn, is_inline: false, document }),
                Err(error) => self.told(&format!("permissions boundary {arn}"), error)?,
            }
        }
        Ok(RoleRead { record: self.record, unread: self.unread })
    }

    /// Keeps in mind what may not be read.
    fn told(&mut self, what: &str, error: ProviderError) -> Result<(), ProviderError> {
        self.unread.push(Unread::unless_failed(&format!("{what} of role {}", self.role), error)?);
        self.record.is_partial = true;
        Ok(())
    }
}

/// The names of a role's inline policies, sorted; none of a role that is not there.
async fn inline_policies(iam: &IamProvider, role: &str) -> Result<Vec<String>, ProviderError> {
    let intent = iam.intent(
        "iam:ListRolePolicies",
        &format!("role {role}"),
        &format!("list the inline policies of role {role}"),
    );
    let pages = iam.client().list_role_policies().role_name(role).into_paginator().items().send();
    let names = pages.collect::<Result<Vec<_>, _>>().await.map_err(|error| intent.failed(&error));
    let mut names = if_there(names)?.unwrap_or_default();
    names.sort();
    Ok(names)
}

/// `None`: it has gone since it was listed.
async fn inline_document(iam: &IamProvider, role: &str, name: &str) -> Result<Option<PolicyDocument>, ProviderError> {
    let intent =
        iam.intent("iam:GetRolePolicy", &format!("role {role}"), &format!("read inline policy {name} of role {role}"));
    let answer = iam.client().get_role_policy().role_name(role).policy_name(name).send().await;
    let Some(answer) = if_there(answer.map_err(|error| intent.failed(&error)))? else { return Ok(None) };
    let document = PolicyDocument::parse(&answer.policy_document);
    document.map(Some).map_err(|error| intent.unreadable(format!("its document is {error}")))
}

#[cfg(test)]
mod tests;

//! STS: who the caller is, and credentials of roles that let the caller in.

mod web_identity;

use serde_json::Value;

use crate::policy::{self, Context};
use crate::wire::{Caller, Failure, KEY_ID_PREFIX, Params, Xml, session_token, timestamp};
use crate::world::{Role, World};

/// The namespace of STS's answers.
pub(crate) const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
/// The one action that needs no signature: the token is the credential.
pub(crate) const UNSIGNED_ACTION: &str = "AssumeRoleWithWebIdentity";

const SHORTEST_SESSION: usize = 900;
const LONGEST_SESSION: usize = 43200;
const DEFAULT_SESSION: usize = 3600;

/// Answers one signed call.
pub(crate) fn answer(world: &World, action: &str, caller: &Caller, params: &Params) -> Result<Xml, Failure> {
    match action {
        "GetCallerIdentity" => Ok(caller_identity(caller)),
        "AssumeRole" => assume_role(world, caller, params),
        UNSIGNED_ACTION => answer_unsigned(world, params),
        _ => {
            Err(Failure::new(400, "InvalidAction", format!("Could not find operation {action} for version 2011-06-15")))
        }
    }
}

/// Answers `AssumeRoleWithWebIdentity`, whoever calls.
pub(crate) fn answer_unsigned(world: &World, params: &Params) -> Result<Xml, Failure> {
    web_identity::assume(world, params)
}

fn caller_identity(caller: &Caller) -> Xml {
    let mut xml = Xml::new();
    xml.text("Arn", &caller.arn).text("UserId", &caller.user_id).text("Account", &caller.account);
    xml
}

fn assume_role(world: &World, caller: &Caller, params: &Params) -> Result<Xml, Failure> {
    let (arn, session) = (params.required("RoleArn")?, session_name(params)?);
    let denied = || Failure::access_denied(&caller.arn, "sts:AssumeRole", arn);
    let role_arn = RoleArn::parse(arn)?;
    let root = format!("arn:{}:iam::{}:root", caller.partition(), caller.account);
    let principals = [root, caller.account.clone(), caller.arn.clone()];
    let context: Context =
        params.get("ExternalId").map(|id| ("sts:externalid".to_owned(), id.to_owned())).into_iter().collect();
    let assumed = world.look_into_account(role_arn.account, |account| {
        let role = account.roles.get(role_arn.name).filter(|role| role.arn == arn).ok_or_else(denied)?;
        if !policy::trusts(&role.trust, "AWS", &principals, "sts:AssumeRole", &context) {
            return Err(denied());
        }
        let mut xml = Xml::new();
        write_session(&mut xml, &role_arn, role, session, params)?;
        Ok(xml)
    });
    assumed.unwrap_or_else(|| Err(denied()))
}

/// A role's ARN, taken apart.
struct RoleArn<'a> {
    partition: &'a str,
    account: &'a str,
    name: &'a str,
}

impl<'a> RoleArn<'a> {
    fn parse(arn: &'a str) -> Result<RoleArn<'a>, Failure> {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        match parts[..] {
            ["arn", partition, "iam", "", account, resource] if resource.starts_with("role/") => {
                let name = resource.rsplit('/').next().unwrap_or_default();
                Ok(RoleArn { partition, account, name })
            }
            _ => Err(Failure::new(400, "ValidationError", format!("{arn} is invalid"))),
        }
    }
}

fn session_name(params: &Params) -> Result<&str, Failure> {
    let name = params.required("RoleSessionName")?;
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
    if (2..=64).contains(&name.len()) && name.bytes().all(known) {
        Ok(name)
    } else {
        let constraint = "Member must satisfy regular expression pattern: [\\w+=,.@-]{2,64}";
        Err(Failure::constraint(name, "RoleSessionName", constraint))
    }
}

/// Writes the credentials of an assumed role and who they make their holder.
///
/// The key id is the one of the role's account; the session token carries the identity, and the two
/// together bring the holder back as the assumed role.
fn write_session(
    xml: &mut Xml,
    role_arn: &RoleArn<'_>,
    role: &Role,
    session: &str,
    params: &Params,
) -> Result<(), Failure> {
    let lifetime = params.integer("DurationSeconds", SHORTEST_SESSION, LONGEST_SESSION)?.unwrap_or(DEFAULT_SESSION);
    if lifetime > role.max_session_duration {
        return Err(Failure::new(
            400,
            "ValidationError",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ));
    }
    let RoleArn { partition, account, name } = role_arn;
    let arn = format!("arn:{partition}:sts::{account}:assumed-role/{name}/{session}");
    let user_id = format!("{}:{session}", role.role_id);
    let seconds = i64::try_from(lifetime).unwrap_or(i64::MAX);
    let expires = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds);
    xml.element("AssumedRoleUser", |xml| {
        xml.text("Arn", &arn).text("AssumedRoleId", &user_id);
    });
    xml.element("Credentials", |xml| {
        xml.text("AccessKeyId", format_args!("{KEY_ID_PREFIX}{account}"))
            .text("SecretAccessKey", "sandbox")
            .text("SessionToken", session_token(&arn, &user_id))
            .text("Expiration", timestamp(expires));
    });
    Ok(())
}

/// A claim of a token that is one string, or a list of which the first counts.
fn first_string<'a>(claims: &'a Value, name: &str) -> Option<&'a str> {
    let claim = &claims[name];
    claim.as_str().or_else(|| claim.get(0)?.as_str())
}

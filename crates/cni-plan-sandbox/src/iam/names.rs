//! The forms IAM asks of names, paths and ARNs.

use crate::wire::{Failure, Params};

/// A role's name: at most 64 of IAM's name characters.
pub(super) fn role_name(params: &Params) -> Result<&str, Failure> {
    name(params, "RoleName", 64)
}

/// A policy's name, managed or inline: at most 128 of IAM's name characters.
pub(super) fn policy_name(params: &Params) -> Result<&str, Failure> {
    name(params, "PolicyName", 128)
}

/// A managed policy's ARN, checked only so far as IAM does before it looks.
pub(super) fn policy_arn(params: &Params) -> Result<&str, Failure> {
    let arn = params.required("PolicyArn")?;
    check_policy_arn("PolicyArn", arn)?;
    Ok(arn)
}

/// The same of an ARN in another parameter.
pub(super) fn check_policy_arn(parameter: &str, arn: &str) -> Result<(), Failure> {
    if arn.len() < 20 {
        return Err(Failure::constraint(arn, parameter, "Member must have length greater than or equal to 20"));
    }
    if !arn.starts_with("arn:") || !arn.contains(":policy/") {
        return Err(Failure::new(400, "InvalidInput", format!("ARN {arn} is not valid.")));
    }
    Ok(())
}

/// The path something is created under, `/` unless told.
pub(super) fn path(params: &Params) -> Result<&str, Failure> {
    let path = params.get("Path").unwrap_or("/");
    let well_formed = path.starts_with('/')
        && path.ends_with('/')
        && path.len() <= 512
        && path.bytes().all(|byte| (0x21..=0x7e).contains(&byte));
    if !well_formed {
        return Err(Failure::new(
            400,
            "ValidationError",
            "The specified value for path is invalid. It must begin and end with / and contain only \
             alphanumeric characters and/or / characters.",
        ));
    }
    Ok(path)
}

fn name<'a>(params: &'a Params, parameter: &str, longest: usize) -> Result<&'a str, Failure> {
    let name = params.required(parameter)?;
    if name.is_empty() {
        return Err(Failure::constraint(name, parameter, "Member must have length greater than or equal to 1"));
    }
    if name.len() > longest {
        let constraint = format!("Member must have length less than or equal to {longest}");
        return Err(Failure::constraint(name, parameter, &constraint));
    }
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte)) {
        return Err(Failure::new(
            400,
            "ValidationError",
            format!(
                "The specified value for {} is invalid. It must contain only alphanumeric characters and/or the \
                 following: +=,.@_-",
                parameter.replacen('R', "r", 1).replacen('P', "p", 1)
            ),
        ));
    }
    Ok(name)
}

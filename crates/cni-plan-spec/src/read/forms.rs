//! Forms of names and ARNs, as AWS and Kubernetes check them.
//!
//! Each check takes a string and answers with it, or with a problem whose message goes on after
//! the name of the field.

use crate::diagnostic::{Problem, quoted};
use crate::name_template::is_name_character;

/// EKS API, CreateCluster: `^[0-9A-Za-z][A-Za-z0-9_-]*`, 1 to 100 characters.
pub(super) fn cluster_name(text: &str) -> Result<String, Problem> {
    let fits = text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.chars().all(|character| character.is_ascii_alphanumeric() || "_-".contains(character));
    if !fits {
        let problem = Problem::new(format!("is no cluster name: {}", quoted(text)));
        let hint = if text.starts_with("arn:") {
            "write the name alone, the part of the ARN after `cluster/`"
        } else {
            "letters, digits, `-` and `_`, beginning with a letter or digit"
        };
        return Err(problem.hint(hint));
    }
    at_most(text, 100, "EKS takes")
}

/// `us-west-2`, `us-gov-east-1`, `eusc-de-east-1`: words, then a number.
pub(super) fn region(text: &str) -> Result<String, Problem> {
    let mut parts = text.split('-').rev();
    let number = parts.next().unwrap_or_default();
    let words: Vec<&str> = parts.collect();
    let fits = (1..=2).contains(&number.len())
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && words.len() >= 2
        && words.iter().all(|word| word.len() >= 2 && word.bytes().all(|byte| byte.is_ascii_lowercase()));
    if fits {
        return Ok(text.to_owned());
    }
    let problem = Problem::new(format!("is no AWS region: {}", quoted(text)));
    let zone = text.strip_suffix(|last: char| last.is_ascii_lowercase()).filter(|start| region(start).is_ok());
    Err(match zone {
        Some(region) => problem.hint(format!("that is an availability zone; its region is {region}")),
        None => problem.hint("write such as us-west-2"),
    })
}

pub(super) fn account(text: &str) -> Result<String, Problem> {
    if is_account(text) {
        return Ok(text.to_owned());
    }
    let digits: String = text.chars().filter(|character| *character != '-' && *character != ' ').collect();
    let problem = Problem::new(format!("is no AWS account: {}", quoted(text)));
    Err(if is_account(&digits) {
        problem.hint(format!("leave out what is between the digits: \"{digits}\""))
    } else {
        problem.hint("an account is 12 digits, in quotes")
    })
}

/// A profile's name: anything that fits in a line of the AWS configuration.
pub(super) fn profile(text: &str) -> Result<String, Problem> {
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        return Err(Problem::new(format!("is no profile name: {}", quoted(text)))
            .hint("write a name from ~/.aws/config, or remove the key"));
    }
    Ok(text.to_owned())
}

/// A path or a name that only the reader's own machine can judge.
pub(super) fn not_blank(text: &str) -> Result<String, Problem> {
    if text.trim().is_empty() || text.contains('\0') {
        return Err(Problem::new("is empty").hint("give it a value, or remove the key"));
    }
    Ok(text.to_owned())
}

/// IAM API, AssumeRole: `[\w+=,.@:\/-]*`, 2 to 1224 characters.
pub(super) fn external_id(text: &str) -> Result<String, Problem> {
    let fits = text.chars().all(|character| is_name_character(character) || ":/".contains(character));
    if fits && (2..=1224).contains(&text.len()) {
        return Ok(text.to_owned());
    }
    Err(Problem::new(format!("is no external id: {}", quoted(text)))
        .hint("2 to 1224 letters, digits and `_+=,.@:/-`, as the role's trust policy has it"))
}

/// An IAM role's ARN.
pub(super) fn role_arn(text: &str) -> Result<String, Problem> {
    iam_arn(text, "role", "arn:aws:iam::111122223333:role/NAME", false)
}

/// A managed policy's ARN; those of AWS itself have `aws` in place of the account.
pub(super) fn policy_arn(text: &str) -> Result<String, Problem> {
    iam_arn(text, "policy", "arn:aws:iam::111122223333:policy/NAME", true)
}

/// The account of an IAM ARN that was found good.
pub(super) fn account_of(arn: &str) -> Option<&str> {
    arn.split(':').nth(4)
}

/// `arn:PARTITION:iam::ACCOUNT:KIND/PATH/NAME`; every partition begins with `aws` (facts: trust
/// and ARNs).
fn iam_arn(text: &str, kind: &str, example: &str, managed: bool) -> Result<String, Problem> {
    let bad = |why: String| {
        Problem::new(format!("is no {kind} ARN: {}", quoted(text))).note(why).hint(format!("write such as {example}"))
    };
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let &["arn", partition, service, region, account, resource] = parts.as_slice() else {
        return Err(bad("an ARN has six parts separated by `:`, of which the first is `arn`".to_owned()));
    };
    let partition_fits = partition.starts_with("aws")
        && partition.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if !partition_fits {
        return Err(bad(format!("{} is no partition; they begin with `aws`", quoted(partition))));
    }
    if service != "iam" || !region.is_empty() {
        return Err(bad("the parts after the partition are `iam` and nothing, as IAM has no regions".to_owned()));
    }
    let owned = is_account(account) || (managed && account == "aws");
    if !owned {
        return Err(bad(format!("{} is no account of 12 digits", quoted(account))));
    }
    let Some(path_and_name) = resource.strip_prefix(kind).and_then(|rest| rest.strip_prefix('/')) else {
        return Err(bad(format!("its last part must begin with `{kind}/`")));
    };
    let (path, name) = path_and_name.rsplit_once('/').unwrap_or(("", path_and_name));
    let longest = if kind == "role" { 64 } else { 128 };
    let name_fits = (1..=longest).contains(&name.len()) && name.chars().all(is_name_character);
    if !name_fits || path.len() > 510 || !path.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(bad(format!("the {kind}'s name is 1 to {longest} letters, digits and `_+=,.@-`")));
    }
    Ok(text.to_owned())
}

/// A role's name as node roles are listed: no path, no ARN, as IAM's calls want it.
pub(super) fn role_name(text: &str) -> Result<String, Problem> {
    let name = iam_name(text, "role", 64);
    match role_arn(text) {
        Ok(arn) => {
            let (_, last) = arn.rsplit_once('/').unwrap_or(("", &arn));
            Err(Problem::new(format!("is an ARN: {}", quoted(text)))
                .hint(format!("write the role's name alone: {last}")))
        }
        Err(_) => name,
    }
}

/// IAM API, CreatePolicy: `[\w+=,.@-]+`, 1 to 128 characters.
pub(super) fn policy_name(text: &str) -> Result<String, Problem> {
    iam_name(text, "policy", 128)
}

fn iam_name(text: &str, kind: &str, longest: usize) -> Result<String, Problem> {
    if text.is_empty() || !text.chars().all(is_name_character) {
        return Err(Problem::new(format!("is no {kind} name: {}", quoted(text)))
            .hint("letters, digits and `_+=,.@-`, without a path"));
    }
    at_most(text, longest, "IAM takes")
}

/// IAM API, CreateRole: `/` or `/…/` of printable ASCII, at most 512 characters.
pub(super) fn role_path(text: &str) -> Result<String, Problem> {
    let fits = text.bytes().all(|byte| byte.is_ascii_graphic());
    let bounded = text == "/" || (text.len() > 2 && text.starts_with('/') && text.ends_with('/'));
    if !fits || !bounded {
        let problem = Problem::new(format!("is no role path: {}", quoted(text)));
        let inner = text.trim_matches('/');
        return Err(if fits && !inner.is_empty() && inner.len() < 60 {
            problem.hint(format!("a path begins and ends with `/`: /{inner}/"))
        } else {
            problem.hint("write `/`, or words between slashes such as /platform/network/")
        });
    }
    at_most(text, 512, "IAM takes")
}

/// IAM API, CreateRole: tab, line ends, printable Latin-1, at most 1,000 characters.
pub(super) fn description(text: &str) -> Result<String, Problem> {
    let odd =
        text.chars().find(|character| !matches!(*character, '\t' | '\n' | '\r' | ' '..='~' | '\u{a1}'..='\u{ff}'));
    if let Some(odd) = odd {
        return Err(Problem::new(format!(
            "has the character {}, which IAM does not take in a description",
            quoted(&odd.to_string())
        ))
        .hint("write it in Latin letters, digits and punctuation"));
    }
    at_most(text, 1000, "IAM takes")
}

/// RFC 1123 label, as Kubernetes wants of a namespace.
pub(super) fn dns_label(text: &str) -> Result<String, Problem> {
    if is_label(text) {
        return Ok(text.to_owned());
    }
    Err(Problem::new(format!("is no Kubernetes namespace: {}", quoted(text)))
        .hint("at most 63 lower-case letters, digits and `-`, beginning and ending with a letter or digit"))
}

/// RFC 1123 subdomain, as Kubernetes wants of a service account.
pub(super) fn dns_subdomain(text: &str) -> Result<String, Problem> {
    if text.len() <= 253 && text.split('.').all(is_label) {
        return Ok(text.to_owned());
    }
    Err(Problem::new(format!("is no name that Kubernetes takes: {}", quoted(text)))
        .hint("lower-case letters, digits, `-` and `.`, beginning and ending with a letter or digit"))
}

fn is_label(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=63).contains(&text.len())
        && text.bytes().all(|byte| inner(byte) || byte == b'-')
        && text.bytes().next().is_some_and(inner)
        && text.bytes().last().is_some_and(inner)
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn at_most(text: &str, longest: usize, who: &str) -> Result<String, Problem> {
    let length = text.chars().count();
    if length <= longest {
        return Ok(text.to_owned());
    }
    Err(Problem::new(format!("is {length} characters long; {who} {longest} at most")).hint("shorten it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_of_every_partition() {
        for arn in [
            "arn:aws:iam::111122223333:role/A",
            "arn:aws-cn:iam::111122223333:role/path/to/A",
            "arn:aws-us-gov:iam::111122223333:role/A_b+=,.@-",
            "arn:aws-iso-b:iam::111122223333:role/A",
            "arn:aws-eusc:iam::111122223333:role/A",
        ] {
            assert_eq!(role_arn(arn).as_deref(), Ok(arn));
        }
        assert!(policy_arn("arn:aws-cn:iam::aws:policy/AmazonEKS_CNI_Policy").is_ok());
        assert!(policy_arn("arn:aws:iam::aws:policy/service-role/X").is_ok());
    }

    #[test]
    fn what_is_no_arn() {
        for arn in [
            "",
            "A",
            "arn:aws:iam::111122223333:role/",
            "arn:aws:iam::aws:role/A",
            "arn:aws:iam:us-west-2:111122223333:role/A",
            "arn:gcp:iam::111122223333:role/A",
            "arn:aws:sts::111122223333:assumed-role/A/b",
            "arn:aws:iam::11112222333:role/A",
            "arn:aws:iam::111122223333:role/a b",
            "arn:aws:iam::111122223333:roles/A",
        ] {
            assert!(role_arn(arn).is_err(), "{arn}");
        }
    }

    #[test]
    fn regions() {
        for good in ["us-west-2", "us-gov-east-1", "cn-northwest-1", "eusc-de-east-1", "ap-southeast-12"] {
            assert!(region(good).is_ok(), "{good}");
        }
        for bad in ["us-west", "west-2", "us-west-2a", "US-WEST-2", "us_west_2", "", "-", "--1"] {
            assert!(region(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_and_paths_at_their_limits() {
        assert!(cluster_name(&"a".repeat(100)).is_ok());
        assert!(cluster_name(&"a".repeat(101)).is_err());
        assert!(cluster_name("-a").is_err());
        assert!(role_path("/a/b/").is_ok());
        assert!(role_path("//").is_err());
        assert!(role_path(&format!("/{}/", "a".repeat(510))).is_ok());
        assert!(role_path(&format!("/{}/", "a".repeat(511))).is_err());
        assert!(dns_label(&"a".repeat(63)).is_ok());
        assert!(dns_label(&"a".repeat(64)).is_err());
        assert!(dns_subdomain("a.b-c.d").is_ok());
        assert!(dns_subdomain("a..b").is_err());
        assert!(role_name(&"a".repeat(65)).is_err());
    }
}

//! A call of the AWS CLI as a line for a POSIX shell, in which nothing from outside is more than text.
//!
//! A shell's quotes are not enough: the CLI takes a value that begins with `-` for an option, and puts what a file or a
//! URL holds in place of one that begins with `file://` and so on (AWS CLI User Guide, "Loading a parameter from a file";
//! version 1 fetches URLs too). Inside the JSON of `--cli-input-json` nothing is read like that, and a control character
//! is an escape there, so a call with any such value is written in that form.

use cni_plan_core::canonical_json;
use serde_json::{Map, Value};

use crate::inert::inert;

/// How a service names the members of its requests, which the CLI's options are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    /// `RoleName`.
    Iam,
    /// `roleArn`.
    Eks,
}

/// `call` with these options, those of `lists` being no plain texts but lists or maps.
pub(crate) fn with_options(call: String, service: Service, texts: &[(&str, &str)], lists: &[(&str, Value)]) -> String {
    if texts.iter().all(|(_, text)| is_only_text(text)) {
        let texts = texts.iter().map(|(name, text)| format!(" --{name} {}", quoted(text)));
        let lists = lists.iter().map(|(name, list)| format!(" --{name} {}", quoted(&canonical_json::to_line(list))));
        return texts.chain(lists).fold(call, |line, option| line + &option);
    }
    let texts = texts.iter().map(|(name, text)| (member(service, name), Value::from(*text)));
    let lists = lists.iter().map(|(name, list)| (member(service, name), list.clone()));
    let input: Map<String, Value> = texts.chain(lists).collect();
    format!("{call} --cli-input-json {}", quoted(&canonical_json::to_line(&input)))
}

/// Whether the CLI, a terminal and a reader all take `text` for itself.
fn is_only_text(text: &str) -> bool {
    let is_read = ["-", "file://", "fileb://", "http://", "https://"].iter().any(|prefix| text.starts_with(prefix));
    !is_read && inert(text) == text
}

/// The member of the request that an option stands for.
fn member(service: Service, option: &str) -> String {
    match option {
        // IAM writes these in a way of their own.
        "open-id-connect-provider-arn" => return "OpenIDConnectProviderArn".to_owned(),
        "client-id" => return "ClientID".to_owned(),
        "client-id-list" => return "ClientIDList".to_owned(),
        _ => {}
    }
    let mut member = String::with_capacity(option.len());
    for (at, word) in option.split('-').enumerate() {
        let (first, rest) = word.split_at(word.len().min(1));
        let is_small = at == 0 && service == Service::Eks;
        member.push_str(&if is_small { first.to_owned() } else { first.to_ascii_uppercase() });
        member.push_str(rest);
    }
    member
}

/// A word for a POSIX shell, in quotes where it needs them.
pub fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"@%_+=:,./-".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// An option of a program with its value, ` --NAME VALUE`, which is no option itself whatever it begins with.
pub(crate) fn option(name: &str, value: &str) -> String {
    let between = if value.starts_with('-') { '=' } else { ' ' };
    format!(" --{name}{between}{}", quoted(value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_aws_cli_would_read_or_obey_goes_in_as_json() {
        for text in ["file:///etc/passwd", "fileb://x", "http://x", "https://x", "-rf", "--debug", "a\nb", "a\u{202e}b"]
        {
            let line = with_options(
                "aws iam update-role-description".to_owned(),
                Service::Iam,
                &[("role-name", "r"), ("description", text)],
                &[],
            );
            let input = line.strip_prefix("aws iam update-role-description --cli-input-json '").unwrap();
            let input: Value = serde_json::from_str(input.strip_suffix('\'').unwrap()).unwrap();
            assert_eq!(input, json!({"RoleName": "r", "Description": text}));
            assert!(line.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{line}");
        }
    }

    #[test]
    fn members_are_named_as_their_service_names_them() {
        let of = |service, option| member(service, option);
        assert_eq!(of(Service::Iam, "assume-role-policy-document"), "AssumeRolePolicyDocument");
        assert_eq!(of(Service::Iam, "client-id"), "ClientID");
        assert_eq!(of(Service::Eks, "service-account-role-arn"), "serviceAccountRoleArn");
    }

    #[test]
    fn a_list_is_json_whatever_its_elements_are() {
        let line = with_options(
            "aws iam untag-role".to_owned(),
            Service::Iam,
            &[("role-name", "r")],
            &[("tag-keys", json!(["file:///etc/passwd"]))],
        );
        assert_eq!(line, r#"aws iam untag-role --role-name r --tag-keys '["file:///etc/passwd"]'"#);
    }

    #[test]
    fn a_value_is_no_option() {
        assert_eq!(option("context", "--token"), " --context=--token");
        assert_eq!(option("context", "a b"), " --context 'a b'");
    }
}

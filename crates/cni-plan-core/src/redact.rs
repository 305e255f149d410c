//! Words of services and programs without the credentials that some of them repeat.
//!
//! A refusal for a wrong signature quotes the canonical request, session token and all (IAM User
//! Guide, "Signature Version 4 for API requests", troubleshooting); proxies show the headers they
//! were sent; a credential helper that fails may have printed what it holds. Adapters pass such
//! words through here before anyone sees them or a journal keeps them. It knows what credentials
//! look like, not what they are: it is a second line, behind not handing them out in the first place.

use std::borrow::Cow;

/// Stands where a credential stood.
pub const HIDDEN: &str = "(hidden)";

/// What a credential's value follows, in lower case: header, query and form fields, keys of
/// configuration and of helpers' JSON. Longer names that end like one of these count too.
const NAMES: &[&str] = &[
    "authorization",
    "security-token",
    "amz-credential",
    "signature",
    "secretaccesskey",
    "secret_access_key",
    "secretkey",
    "sessiontoken",
    "session_token",
    "web-identity-token",
    "webidentitytoken",
    "token",
    "password",
    "client-key-data",
    "clientkeydata",
    "private_key",
];

/// What a credential begins with, wherever it stands: an EKS token, a bearer token's scheme, a PEM key.
const BEGINNINGS: &[&str] = &["k8s-aws-v1.", "bearer ", PEM];
const PEM: &str = "-----begin ";

/// `text` with every value that looks like a credential's replaced by [`HIDDEN`]. Takes time in
/// proportion to the text, whoever wrote it.
pub fn redacted(text: &str) -> Cow<'_, str> {
    let lower = text.to_ascii_lowercase();
    let mut spans: Vec<(usize, usize)> = Vec::new();
    for name in NAMES {
        spans.extend(ends_of(&lower, name).filter_map(|end| value_after(text, &lower, name, end)));
    }
    for beginning in BEGINNINGS {
        spans.extend(ends_of(&lower, beginning).filter_map(|end| value_beginning(&lower, beginning, end)));
    }
    spans.extend(ends_of(&lower, "//").filter_map(|end| user_of_url(&lower, end)));
    if spans.is_empty() {
        return Cow::Borrowed(text);
    }
    spans.sort_unstable();
    let mut out = String::with_capacity(text.len());
    let mut hidden_to = 0;
    for (start, end) in spans {
        if start > hidden_to || hidden_to == 0 {
            out.push_str(&text[hidden_to..start]);
            out.push_str(HIDDEN);
        }
        hidden_to = hidden_to.max(end);
    }
    out.push_str(&text[hidden_to..]);
    Cow::Owned(out)
}

/// Behind each occurrence of `word`.
fn ends_of<'a>(lower: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    lower.match_indices(word).map(|(at, word)| at + word.len())
}

/// `NAME=VALUE`, `NAME: VALUE`, `"NAME":"VALUE"`.
fn value_after(text: &str, lower: &str, name: &str, end: usize) -> Option<(usize, usize)> {
    let rest = lower[end..].trim_start_matches(['"', '\'', '\\']).trim_start_matches(' ');
    let rest = rest.strip_prefix([':', '=']).or_else(|| rest.strip_prefix("%3d"))?;
    let value = rest.trim_start_matches([' ', '"', '\'', '\\', '[']);
    let length = if name == "authorization" { scheme_and_value(value) } else { value_length(value) };
    let start = lower.len() - value.len();
    let is_prose = name != "password" && is_word(&text[start..start + length]);
    (length > 0 && !is_prose).then_some((start, start + length))
}

/// Prose goes on in words: `ExpiredToken: The security token …`. No service makes credentials of few
/// letters and nothing else.
fn is_word(value: &str) -> bool {
    const LONGEST: usize = 16;
    let letters = value.trim_end_matches(['.', ':', '!', '?']);
    let lower = letters.strip_prefix(|first: char| first.is_ascii_uppercase()).unwrap_or(letters);
    letters.len() <= LONGEST && lower.bytes().all(|byte| byte.is_ascii_lowercase())
}

/// Whoever signs in by a URL, a proxy's most often: `scheme://USER:PASSWORD@host`.
fn user_of_url(lower: &str, end: usize) -> Option<(usize, usize)> {
    let rest = &lower[end..];
    let ends_authority = |character: char| character.is_whitespace() || "/?#\"'<>\\".contains(character);
    let authority = &rest[..rest.find(ends_authority).unwrap_or(rest.len())];
    let length = authority.rfind('@').filter(|&length| length > 0)?;
    Some((end, end + length))
}

/// From the credential's own beginning to its end. `Bearer ` alone is a word like any other.
fn value_beginning(lower: &str, beginning: &str, end: usize) -> Option<(usize, usize)> {
    let value = &lower[end..];
    let length = if beginning == PEM { pem_length(value) } else { value_length(value) };
    (length > 0).then_some((end - beginning.len(), end + length))
}

/// To the end of the line that ends a PEM text, or of what is left of it.
fn pem_length(value: &str) -> usize {
    const END: &str = "-----end ";
    let Some(end) = value.find(END).map(|at| at + END.len()) else { return value.len() };
    value[end..].find("-----").map_or(value.len(), |dashes| end + dashes + 5)
}

/// The first word and, where it is a scheme, the one behind it.
fn scheme_and_value(lower: &str) -> usize {
    match lower.split_once(' ') {
        Some((scheme @ ("bearer" | "basic" | "aws4-hmac-sha256"), rest)) => scheme.len() + 1 + value_length(rest),
        _ => value_length(lower),
    }
}

/// Up to what ends a value in headers, queries, JSON, YAML and XML.
fn value_length(text: &str) -> usize {
    text.find(|character: char| character.is_whitespace() || "\"'&,;<>{}[]()\\`|".contains(character))
        .unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECRET: &str = "IQoJ+/b3JpZ2lu==";

    #[test]
    fn credentials_are_hidden_wherever_services_and_helpers_put_them() {
        for (text, expected) in [
            (format!("x-amz-security-token:{SECRET} 'x"), "x-amz-security-token:(hidden) 'x".to_owned()),
            (format!("X-Amz-Security-Token={SECRET}&a=b"), "X-Amz-Security-Token=(hidden)&a=b".to_owned()),
            (format!("{{\"SecretAccessKey\": \"{SECRET}\", \"a\": 1}}"), "{\"SecretAccessKey\": \"(hidden)\", \"a\": 1}".to_owned()),
            (format!("{{\\\"token\\\":\\\"{SECRET}\\\"}}"), "{\\\"token\\\":\\\"(hidden)\\\"}".to_owned()),
            (format!("aws_secret_access_key = {SECRET}"), "aws_secret_access_key = (hidden)".to_owned()),
            (format!("Authorization: Bearer {SECRET} host: h"), "Authorization: (hidden) host: h".to_owned()),
            (format!("got bearer {SECRET}"), "got (hidden)".to_owned()),
            ("token k8s-aws-v1.aHR0cHM6Ly9zdHM_X.".to_owned(), "token (hidden)".to_owned()),
            (
                "authorization: AWS4-HMAC-SHA256 Credential=AKIA/2/us/sts/aws4_request, SignedHeaders=host;x-amz-date, Signature=0af9 x: y".to_owned(),
                "authorization: (hidden), SignedHeaders=host;x-amz-date, Signature=(hidden) x: y".to_owned(),
            ),
            (format!("no socks5://alice:{}@proxy:1080/x", &SECRET[..4]), "no socks5://(hidden)@proxy:1080/x".to_owned()),
            ("password=CorrectHorse token=CorrectHorse".to_owned(), "password=(hidden) token=(hidden)".to_owned()),
            ("password=horse".to_owned(), "password=(hidden)".to_owned()),
            (format!("a -----BEGIN PRIVATE KEY----- {SECRET} -----END PRIVATE KEY----- b"), "a (hidden) b".to_owned()),
        ] {
            assert!(!redacted(&text).contains(SECRET), "{}", redacted(&text));
            assert_eq!(redacted(&text), expected);
        }
    }

    #[test]
    fn what_services_say_of_credentials_is_left_alone() {
        for text in [
            "The security token included in the request is invalid",
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key",
            "User: arn:aws:iam::111122223333:user/u is not authorized to perform: iam:GetRole on resource: role r",
            "the kubeconfig's credential plugin ended with exit status: 1",
            "arn:aws:iam::111122223333:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/X:sub",
            "a bearer of news",
            "ExpiredToken: The security token included in the request is expired",
            "InvalidSignature: none. Authorization: denied.",
            "arn:aws:sts::111122223333:assumed-role/admin/alice@example.com at https://host/path@2",
        ] {
            let shown = redacted(text);
            assert!(matches!(shown, Cow::Borrowed(_)) || text.contains("bearer"), "{shown}");
        }
    }

    proptest! {
        #[test]
        fn any_text_ends_well_and_twice_is_once(text in any::<String>(), cut in "[ =:\"&a-zé]{0,9}(token|Bearer|signature|authorization)[ =:\"]{0,3}\\PC{0,9}") {
            for text in [text, cut] {
                let once = redacted(&text).into_owned();
                prop_assert_eq!(redacted(&once), once.as_str());
            }
        }
    }
}

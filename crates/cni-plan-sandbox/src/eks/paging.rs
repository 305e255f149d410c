//! Paging as EKS has it: `maxResults` (1 to 100) and `nextToken`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::wire::{Failure, Params};

const LONGEST_PAGE: usize = 100;

/// One page of names; the token leads to the next, and is null after the last.
pub(super) struct Page {
    pub(super) names: Vec<String>,
    pub(super) next_token: Option<String>,
}

/// Cuts the asked-for page out of names that are in order.
pub(super) fn cut(params: &Params, names: impl IntoIterator<Item = String>) -> Result<Page, Failure> {
    let longest = match params.get("maxResults") {
        None => LONGEST_PAGE,
        Some(text) => match text.parse() {
            Ok(number @ 1..=LONGEST_PAGE) => number,
            _ => return Err(invalid(format!("maxResults must be from 1 to {LONGEST_PAGE}, not {text}"))),
        },
    };
    let after = params.get("nextToken").filter(|token| !token.is_empty()).map(open_token).transpose()?;
    let mut names: Vec<String> =
        names.into_iter().filter(|name| after.as_ref().is_none_or(|after| name > after)).take(longest + 1).collect();
    let truncated = names.len() > longest;
    names.truncate(longest);
    let next_token = names.last().filter(|_| truncated).map(|name| URL_SAFE_NO_PAD.encode(name));
    Ok(Page { names, next_token })
}

fn open_token(token: &str) -> Result<String, Failure> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok();
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(|| invalid("Invalid nextToken".to_owned()))
}

fn invalid(message: String) -> Failure {
    Failure::new(400, "InvalidParameterException", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_ends_with_a_token_until_the_last() {
        let names = || ["a", "b", "c"].map(str::to_owned);
        let first = cut(&Params::parse(&[b"maxResults=2"]), names()).unwrap();
        assert_eq!(first.names, ["a", "b"]);
        let query = format!("maxResults=2&nextToken={}", first.next_token.unwrap());
        let second = cut(&Params::parse(&[query.as_bytes()]), names()).unwrap();
        assert_eq!((second.names, second.next_token), (vec!["c".to_owned()], None));
        assert!(cut(&Params::parse(&[b"maxResults=0"]), names()).is_err());
    }
}

//! Words of HCL, Terraform's language, in which nothing from outside is more than text.
//!
//! Source: the HCL native syntax specification, "Templates" and "Identifiers": in a quoted string `${` and `%{` begin a
//! template, and are themselves when doubled.

use std::fmt::Write as _;

/// A name that Terraform takes for a block: letters, digits, `_` and `-`, beginning with a letter. What else there is in
/// a key is written as its code, so that two keys never have one label.
pub(crate) fn label(key: &str) -> String {
    let mut label = "cni_".to_owned();
    for character in key.chars() {
        if character.is_ascii_alphanumeric() || character == '-' {
            label.push(character);
        } else {
            let _ = write!(label, "_{:x}_", u32::from(character));
        }
    }
    label
}

/// A string of HCL in ASCII, in which nothing is a template.
pub(crate) fn string(text: &str) -> String {
    let mut out = "\"".to_owned();
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '"' | '\\' => {
                out.push('\\');
                out.push(character);
            }
            '\n' => out.push_str("\\n"),
            '$' | '%' if rest.peek() == Some(&'{') => {
                out.push(character);
                out.push(character);
            }
            ' '..='~' => out.push(character),
            other if u32::from(other) <= 0xffff => {
                let _ = write!(out, "\\u{:04x}", u32::from(other));
            }
            other => {
                let _ = write!(out, "\\U{:08x}", u32::from(other));
            }
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_string_is_a_template_or_ends_it() {
        assert_eq!(string("a \"b\" \\ ${aws:username} %{if} $5\n"), r#""a \"b\" \\ $${aws:username} %%{if} $5\n""#);
        assert_eq!(string("é\u{1b}\u{1f980}"), r#""\u00e9\u001b\U0001f980""#);
    }

    #[test]
    fn two_keys_have_two_labels() {
        assert_eq!(label("my-cluster"), "cni_my-cluster");
        assert_ne!(label("a@b"), label("a.b"));
        assert_ne!(label("a_b"), label("a-b"));
    }
}

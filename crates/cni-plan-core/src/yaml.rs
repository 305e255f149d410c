//! Text as it is written into YAML: quoted and in plain ASCII, so that nothing in it is YAML, and nothing in it can
//! reorder or hide what stands around it.
//!
//! JSON's strings are not quite YAML's: a character beyond the basic plane is two escapes in JSON, and each of them
//! half a character in YAML, which has `\U` with eight digits for it (YAML 1.2.2, section 5.7).

use std::fmt::Write as _;

/// `text` as a double-quoted YAML scalar on one line, in printable ASCII.
pub fn yaml_scalar(text: &str) -> String {
    let mut scalar = String::with_capacity(text.len() + 2);
    scalar.push('"');
    for character in text.chars() {
        let _ = match character {
            '"' | '\\' => write!(scalar, "\\{character}"),
            '\n' => write!(scalar, "\\n"),
            '\r' => write!(scalar, "\\r"),
            '\t' => write!(scalar, "\\t"),
            ' '..='~' => write!(scalar, "{character}"),
            ..='\u{ffff}' => write!(scalar, "\\u{:04x}", u32::from(character)),
            _ => write!(scalar, "\\U{:08x}", u32::from(character)),
        };
    }
    scalar.push('"');
    scalar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_beyond_printable_ascii_is_an_escape_of_yaml() {
        assert_eq!(yaml_scalar("a: [b] # c"), r#""a: [b] # c""#);
        assert_eq!(yaml_scalar("\"\\\n\r\t\u{1b}\u{e9}\u{202e}"), r#""\"\\\n\r\t\u001b\u00e9\u202e""#);
        assert_eq!(yaml_scalar("\u{ffff}\u{1f980}"), r#""\uffff\U0001f980""#);
    }
}

//! Text from outside, made harmless to a terminal and honest to a reader.
//!
//! What is in scope is what a terminal obeys or a reader cannot see. Markup is another matter: see
//! the Markdown module.

use std::borrow::Cow;
use std::fmt::Write as _;

/// `text` with control characters (C0, DEL, C1: all that ANSI sequences are made of), bidirectional
/// controls and invisible characters spelled out: ESC becomes `\x1b`, a line feed `\n`, U+202E
/// `\u{202e}`. Text without any is handed back as it is; doing it twice changes nothing more.
pub fn inert(text: &str) -> Cow<'_, str> {
    // Without a way out of the loop the compiler looks at many bytes at once.
    let is_printable_ascii = text.bytes().fold(true, |all, byte| all & matches!(byte, b' '..=b'~'));
    if is_printable_ascii || !text.chars().any(is_live) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            live if is_live(live) => spell(&mut out, live),
            other => out.push(other),
        }
    }
    Cow::Owned(out)
}

fn spell(out: &mut String, live: char) {
    let code = u32::from(live);
    if code <= 0xff { write!(out, "\\x{code:02x}") } else { write!(out, "\\u{{{code:x}}}") }
        .expect("a String takes every write");
}

/// Controls, and what Unicode calls format or default-ignorable characters as far as they hide or
/// reorder text (Unicode Technical Report 36, "Bidirectional Text Spoofing"; UAX 9 for the controls).
fn is_live(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' // soft hyphen
            | '\u{34f}' // combining grapheme joiner
            | '\u{61c}' // Arabic letter mark
            | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' // Hangul fillers
            | '\u{180e}' // Mongolian vowel separator
            | '\u{200b}'..='\u{200f}' // zero width characters and direction marks
            | '\u{2028}'..='\u{202e}' // separators, embeddings and overrides
            | '\u{2060}'..='\u{206f}' // invisible operators, isolates, deprecated controls
            | '\u{feff}' // byte order mark
            | '\u{fff9}'..='\u{fffb}' // interlinear annotation
            | '\u{e0000}'..='\u{e007f}') // tags
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_a_terminal_obeys_is_spelled_out() {
        assert_eq!(inert("\u{1b}[31mred\u{7}"), "\\x1b[31mred\\x07");
        assert_eq!(inert("a\nb\r\tc\u{9b}2J\u{7f}"), "a\\nb\\r\\tc\\x9b2J\\x7f");
        assert_eq!(inert("abc\u{202e}fed\u{2066}"), "abc\\u{202e}fed\\u{2066}");
    }

    #[test]
    fn ordinary_text_of_any_script_is_left_alone() {
        for text in ["", "AmazonEKSVPCCNIRole", "größe", "日本語", "עברית", "🦀"] {
            assert!(matches!(inert(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_live_is_left_and_twice_is_once(text in any::<String>()) {
            let once = inert(&text).into_owned();
            prop_assert!(!once.chars().any(is_live));
            prop_assert_eq!(inert(&once), once.as_str());
        }
    }
}

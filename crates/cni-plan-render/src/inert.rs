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

/// Whole output on its way to a stream, as a last line of defence behind [`inert`] in each value:
/// line feeds stay, and where the output is in `color` so do its SGR sequences (ECMA-48, 8.3.117);
/// everything else that is live is spelled out.
pub fn inert_lines(text: &str, color: bool) -> Cow<'_, str> {
    let is_plain = text.bytes().fold(true, |all, byte| all & matches!(byte, b' '..=b'~' | b'\n'));
    if is_plain {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            out.push('\n');
        }
        let mut rest = line;
        while let Some((before, sequence, after)) = if color { next_sgr(rest) } else { None } {
            out.push_str(&inert(before));
            out.push_str(sequence);
            rest = after;
        }
        out.push_str(&inert(rest));
    }
    Cow::Owned(out)
}

/// `text` as it is seen where colours are: without its SGR sequences.
pub(crate) fn without_sgr(text: &str) -> Cow<'_, str> {
    if !text.contains('\u{1b}') {
        return Cow::Borrowed(text);
    }
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, _, after)) = next_sgr(rest) {
        out.push_str(before);
        rest = after;
    }
    Cow::Owned(out + rest)
}

/// What stands before the next SGR sequence, the sequence, and what stands after it.
fn next_sgr(text: &str) -> Option<(&str, &str, &str)> {
    let mut starts = text.match_indices("\u{1b}[").map(|(start, introducer)| (start, start + introducer.len()));
    starts.find_map(|(start, inside)| {
        let rest = text[inside..].trim_start_matches(|character: char| character.is_ascii_digit() || character == ';');
        let after = rest.strip_prefix('m')?;
        let end = text.len() - after.len();
        Some((&text[..start], &text[start..end], after))
    })
}

fn spell(out: &mut String, live: char) {
    let code = u32::from(live);
    if code <= 0xff { write!(out, "\\x{code:02x}") } else { write!(out, "\\u{{{code:x}}}") }
        .expect("a String takes every write");
}

/// Controls, what breaks a line, and every code point that Unicode calls default-ignorable: those
/// hide or reorder text (DerivedCoreProperties.txt, Default_Ignorable_Code_Point; UAX 9 for the
/// bidirectional controls).
fn is_live(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' // soft hyphen
            | '\u{34f}' // combining grapheme joiner
            | '\u{61c}' // Arabic letter mark
            | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' // Hangul fillers
            | '\u{17b4}' | '\u{17b5}' // Khmer inherent vowels
            | '\u{180b}'..='\u{180f}' // Mongolian selectors and vowel separator
            | '\u{200b}'..='\u{200f}' // zero width characters and direction marks
            | '\u{2028}'..='\u{202e}' // separators, embeddings and overrides
            | '\u{2060}'..='\u{206f}' // invisible operators, isolates, deprecated controls
            | '\u{fe00}'..='\u{fe0f}' // variation selectors
            | '\u{feff}' // byte order mark
            | '\u{fff0}'..='\u{fffb}' // unassigned, interlinear annotation
            | '\u{1bca0}'..='\u{1bca3}' // shorthand format controls
            | '\u{1d173}'..='\u{1d17a}' // musical format controls
            | '\u{e0000}'..='\u{e0fff}') // tags, more variation selectors
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
    fn what_a_reader_cannot_see_is_spelled_out() {
        for hidden in ['\u{200b}', '\u{fe0f}', '\u{e0041}', '\u{e0100}', '\u{3164}', '\u{2028}'] {
            assert_eq!(inert(&format!("a{hidden}b")), format!("a\\u{{{:x}}}b", u32::from(hidden)));
        }
    }

    #[test]
    fn output_keeps_its_lines_and_colours_and_nothing_else() {
        let text = "\u{1b}[1;31merror\u{1b}[0m: a\u{1b}[2J\u{9b}\n\u{1b}]0;x\u{7}b\u{1b}[";
        assert_eq!(inert_lines(text, true), "\u{1b}[1;31merror\u{1b}[0m: a\\x1b[2J\\x9b\n\\x1b]0;x\\x07b\\x1b[");
        assert_eq!(inert_lines(text, false), "\\x1b[1;31merror\\x1b[0m: a\\x1b[2J\\x9b\n\\x1b]0;x\\x07b\\x1b[");
        assert!(matches!(inert_lines("a\nb", false), Cow::Borrowed("a\nb")));
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

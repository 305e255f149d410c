//! Text from outside in Markdown and the HTML that Markdown lets through.
//!
//! Backslashes alone do not make text safe there: a forge links mentions, issue numbers and bare
//! addresses after Markdown is done. So everything from outside stands in a code span, a fenced
//! block or an HTML `code` element, where no forge looks for any of that.

use std::fmt::Write as _;

use crate::inert::inert;

/// A code span: its delimiter is longer than any run of backticks inside (CommonMark 6.1).
/// Not for table cells, where a pipe would end it: see [`html_code`].
pub(crate) fn code(text: &str) -> String {
    let text = inert(text);
    if text.is_empty() {
        return "`(empty)`".to_owned(); // two delimiters alone would be text
    }
    if !text.contains('`') && !text.starts_with(' ') && !text.ends_with(' ') {
        return format!("`{text}`");
    }
    let delimiter = "`".repeat(longest_run(&text) + 1);
    // One space each side is taken off again; without it a backtick would join the delimiter.
    let edge = |at: Option<char>| matches!(at, Some('`' | ' '));
    let pad = if edge(text.chars().next()) || edge(text.chars().next_back()) { " " } else { "" };
    format!("{delimiter}{pad}{text}{pad}{delimiter}")
}

/// Characters of a text of which no more is told where room is scarce.
const CLIPPED: usize = 120;

/// A code span of the text's beginning, where it is long.
pub(crate) fn clipped(text: &str) -> String {
    let text = inert(text);
    match text.char_indices().nth(CLIPPED) {
        Some((end, _)) => code(&format!("{}...", &text[..end])),
        None => code(&text),
    }
}

/// An HTML `code` element for table cells and raw HTML: every ASCII character that Markdown, HTML
/// or a table could read as markup is a numeric reference. Hyphen, comma and stop are none there,
/// and regions and versions stay readable in the source; but `www.` begins a link.
pub(crate) fn html_code(text: &str) -> String {
    let text = inert(text);
    let mut out = String::with_capacity(text.len() + 16);
    out.push_str("<code>");
    let mut previous = ' ';
    for character in text.chars() {
        let harmless = matches!(character, '-' | ',') || character == '.' && !matches!(previous, 'w' | 'W');
        if character.is_ascii_punctuation() && !harmless {
            write!(out, "&#{};", u32::from(character)).expect("a String takes every write");
        } else {
            out.push(character);
        }
        previous = character;
    }
    out.push_str("</code>");
    out
}

/// A fenced block of lines that are inert already; its fence is longer than any run of backticks
/// inside.
pub(crate) fn fence(out: &mut String, language: &str, body: &str) {
    let fence = "`".repeat(longest_run(body).max(2) + 1);
    write!(out, "{fence}{language}\n{body}{fence}\n").expect("a String takes every write");
}

fn longest_run(text: &str) -> usize {
    if !text.contains('`') {
        return 0;
    }
    text.split(|character| character != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_span_outlasts_its_backticks() {
        assert_eq!(code("role"), "`role`");
        assert_eq!(code("a`b``c"), "```a`b``c```");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(code("a\nb"), "`a\\nb`");
        assert_eq!(code(""), "`(empty)`");
    }

    #[test]
    fn a_long_text_is_clipped_between_characters() {
        assert_eq!(clipped("role"), "`role`");
        assert_eq!(clipped(&"\u{e9}".repeat(CLIPPED)), format!("`{}`", "\u{e9}".repeat(CLIPPED)));
        assert_eq!(clipped(&"\u{e9}".repeat(CLIPPED + 1)), format!("`{}...`", "\u{e9}".repeat(CLIPPED)));
    }

    #[test]
    fn a_cell_holds_no_markup() {
        assert_eq!(html_code("us-west-2, 1.33"), "<code>us-west-2, 1.33</code>");
        assert_eq!(html_code("www.evil.example"), "<code>www&#46;evil.example</code>");
        assert_eq!(html_code("a|b</code>@me"), "<code>a&#124;b&#60;&#47;code&#62;&#64;me</code>");
    }

    #[test]
    fn a_fence_outlasts_its_backticks() {
        let mut out = String::new();
        fence(&mut out, "diff", "+ ````\n");
        assert_eq!(out, "`````diff\n+ ````\n`````\n");
    }
}

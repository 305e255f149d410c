//! HTML being written, in which text from outside cannot become markup.

use std::fmt::{self, Write as _};

use crate::inert::inert;

/// A page or a part of one. Markup is what stands in this crate's source, and everything else is
/// escaped on its way in: there is no third way to write.
#[derive(Debug, Default)]
pub(super) struct Html {
    out: String,
}

impl Html {
    /// With room for so many bytes.
    pub(super) fn with_capacity(bytes: usize) -> Html {
        Html { out: String::with_capacity(bytes) }
    }

    /// Markup, known when this crate is compiled.
    pub(super) fn raw(&mut self, markup: &'static str) -> &mut Html {
        self.out.push_str(markup);
        self
    }

    /// Text, inert and escaped, so that it is the same text in an element and in a quoted attribute.
    pub(super) fn text(&mut self, text: &str) -> &mut Html {
        escape(&mut self.out, &inert(text));
        self
    }

    /// Digits, and a sign.
    pub(super) fn number(&mut self, number: impl Number) -> &mut Html {
        write!(self.out, "{number}").expect("a String takes every write");
        self
    }

    pub(super) fn finish(self) -> String {
        self.out
    }
}

/// What is written in digits and so cannot be markup.
pub(super) trait Number: fmt::Display + Copy {}

impl Number for usize {}
impl Number for i32 {}

/// The five characters that mean something in text or between quotes (HTML, 13.1.2.3 and 13.1.4).
fn escape(out: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
        out.push_str(&rest[..at]);
        out.push_str(match rest.as_bytes()[at] {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&quot;",
            _ => "&#39;",
        });
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_text_whatever_it_says() {
        let mut html = Html::default();
        html.raw("<p>").text("</p><script a=\"b\" c='d'>&amp;\u{1b}[2J\u{202e}").raw("</p>");
        assert_eq!(
            html.finish(),
            "<p>&lt;/p&gt;&lt;script a=&quot;b&quot; c=&#39;d&#39;&gt;&amp;amp;\\x1b[2J\\u{202e}</p>"
        );
    }
}

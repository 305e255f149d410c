//! The XML of the query protocol, written element by element so that nothing goes unescaped.

use std::fmt::{Display, Write};

use super::Failure;

/// A piece of XML under construction.
#[derive(Debug, Default, Clone)]
pub(crate) struct Xml {
    text: String,
}

impl Xml {
    /// Nothing yet; also the result of an action that answers with nothing.
    pub(crate) fn new() -> Xml {
        Xml::default()
    }

    /// `<name>value</name>`, the value escaped.
    pub(crate) fn text(&mut self, name: &str, value: impl Display) -> &mut Xml {
        self.element(name, |xml| xml.escape(&value.to_string()))
    }

    /// The same, or nothing where there is no value.
    pub(crate) fn optional(&mut self, name: &str, value: Option<impl Display>) -> &mut Xml {
        if let Some(value) = value {
            self.text(name, value);
        }
        self
    }

    /// `<name>…</name>` around what `inside` writes.
    pub(crate) fn element(&mut self, name: &str, inside: impl FnOnce(&mut Xml)) -> &mut Xml {
        self.open(name, "");
        inside(self);
        self.close(name)
    }

    /// A list as the query protocol has it: `<name><member>…</member>…</name>`.
    pub(crate) fn list<T>(
        &mut self,
        name: &str,
        items: impl IntoIterator<Item = T>,
        each: impl Fn(&mut Xml, T),
    ) -> &mut Xml {
        self.element(name, |xml| {
            for item in items {
                xml.element("member", |member| each(member, item));
            }
        })
    }

    /// Text inside the element being written, escaped. For lists of plain strings.
    pub(crate) fn escape(&mut self, value: &str) {
        for character in value.chars() {
            match character {
                '&' => self.text.push_str("&amp;"),
                '<' => self.text.push_str("&lt;"),
                '>' => self.text.push_str("&gt;"),
                '"' => self.text.push_str("&quot;"),
                '\r' => self.text.push_str("&#xD;"),
                '\n' | '\t' => self.text.push(character),
                // XML 1.0 has no way to write the other control characters.
                control if control.is_control() => self.text.push('\u{fffd}'),
                plain => self.text.push(plain),
            }
        }
    }

    fn open(&mut self, name: &str, namespace: &str) -> &mut Xml {
        if namespace.is_empty() {
            let _ = write!(self.text, "<{name}>");
        } else {
            let _ = write!(self.text, "<{name} xmlns=\"{namespace}\">");
        }
        self
    }

    fn close(&mut self, name: &str) -> &mut Xml {
        let _ = write!(self.text, "</{name}>");
        self
    }
}

/// The whole answer to an action: its result and the request's id.
///
/// The result element is there even when empty, because botocore looks it up by name.
pub(crate) fn query_answer(namespace: &str, action: &str, result: &Xml, request_id: &str) -> String {
    let response = format!("{action}Response");
    let mut xml = Xml::new();
    xml.open(&response, namespace);
    xml.element(&format!("{action}Result"), |inside| inside.text.push_str(&result.text));
    xml.element("ResponseMetadata", |metadata| {
        metadata.text("RequestId", request_id);
    });
    xml.close(&response);
    xml.text
}

/// The whole answer to an action that is refused.
pub(crate) fn query_failure(namespace: &str, failure: &Failure, request_id: &str) -> String {
    let mut xml = Xml::new();
    xml.open("ErrorResponse", namespace);
    xml.element("Error", |error| {
        error.text("Type", if failure.status >= 500 { "Receiver" } else { "Sender" });
        error.text("Code", &failure.code);
        error.text("Message", &failure.message);
    });
    xml.text("RequestId", request_id);
    xml.close("ErrorResponse");
    xml.text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_and_control_characters_in_values_stay_inert() {
        let mut xml = Xml::new();
        xml.text("Description", "a<b>&\"c\u{1b}[31m");
        assert_eq!(xml.text, "<Description>a&lt;b&gt;&amp;&quot;c\u{fffd}[31m</Description>");
    }

    #[test]
    fn an_answer_carries_its_result_and_request_id() {
        let mut result = Xml::new();
        result.list("Names", ["a", "b"], Xml::escape);
        assert_eq!(
            query_answer("urn:x", "List", &result, "id-1"),
            "<ListResponse xmlns=\"urn:x\"><ListResult><Names><member>a</member><member>b</member></Names>\
             </ListResult><ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata></ListResponse>"
        );
    }
}

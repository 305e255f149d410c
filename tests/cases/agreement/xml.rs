//! As much of XML as the query protocol uses: elements, text, the five entities.

/// An element with its text, or with the elements in it.
#[derive(Debug, Default)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) children: Vec<Element>,
}

impl Element {
    /// Reads a document. What is no XML panics: neither service sends such.
    pub(super) fn parse(document: &str) -> Element {
        let mut rest = document.trim_start();
        if rest.starts_with("<?") {
            rest = rest.split_once("?>").expect("a declaration ends").1.trim_start();
        }
        element(&mut rest)
    }

    pub(super) fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }
}

fn element(rest: &mut &str) -> Element {
    let (tag, after) = rest.strip_prefix('<').and_then(|inside| inside.split_once('>')).expect("an element begins");
    *rest = after;
    let name = tag.split([' ', '/']).next().unwrap_or_default().to_owned();
    let mut read = Element { name, ..Element::default() };
    if tag.ends_with('/') {
        return read;
    }
    loop {
        let (text, _) = rest.split_once('<').expect("an element ends");
        read.text.push_str(text);
        *rest = &rest[text.len()..];
        if let Some(end) = rest.strip_prefix("</") {
            let (name, after) = end.split_once('>').expect("an end has an end");
            assert_eq!(name.trim_end(), read.name);
            *rest = after;
            break;
        }
        read.children.push(element(rest));
    }
    // Between elements there is nothing but layout.
    read.text = if read.children.is_empty() { unescaped(&read.text) } else { String::new() };
    read
}

fn unescaped(text: &str) -> String {
    let plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&apos;", "'");
    // Last, so that what it uncovers is not taken for an entity.
    plain.replace("&amp;", "&")
}

#[test]
fn elements_texts_and_entities_are_read() {
    let read = Element::parse("<?xml version=\"1.0\"?>\n<a x=\"y\">\n <b>1 &lt; 2 &amp;amp; 3</b><c/>\n</a>");
    let children: Vec<(&str, &str)> =
        read.children.iter().map(|child| (child.name.as_str(), child.text.as_str())).collect();
    assert_eq!((read.name.as_str(), children), ("a", vec![("b", "1 < 2 &amp; 3"), ("c", "")]));
}

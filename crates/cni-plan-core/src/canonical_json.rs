//! JSON as it is written into files that people read: plain ASCII, so that nothing in it can reorder
//! or hide text, whatever shows it.
//!
//! JSON itself asks only for the controls below U+0020 to be escaped. A pull request would show the
//! rest as it is, DEL, C1 controls and bidirectional overrides too, and a reviewer would agree to
//! something else than what stands there. So everything beyond printable ASCII is a `\u` escape
//! (RFC 8259, section 7); what reads back is equal. Nothing here decides what is written.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter};

/// `value` as indented JSON in printable ASCII and line feeds, appended to `into`; no line feed at
/// its end.
///
/// # Panics
/// If `value` has a map whose keys are not strings, or fails to serialize by itself: none of this
/// project's types does.
pub fn write_document<T: Serialize + ?Sized>(value: &T, into: &mut Vec<u8>) {
    write(value, PrettyFormatter::new(), into);
}

/// The same as a text that ends in a line feed.
///
/// # Panics
/// As [`write_document`].
pub fn to_document<T: Serialize + ?Sized>(value: &T) -> String {
    let mut bytes = Vec::new();
    write_document(value, &mut bytes);
    bytes.push(b'\n');
    String::from_utf8(bytes).expect("JSON is UTF-8")
}

/// `value` as JSON on one line, in printable ASCII without a line feed anywhere.
///
/// # Panics
/// As [`write_document`].
pub fn to_line<T: Serialize + ?Sized>(value: &T) -> String {
    let mut bytes = Vec::with_capacity(256);
    write(value, CompactFormatter, &mut bytes);
    String::from_utf8(bytes).expect("JSON is UTF-8")
}

fn write<T: Serialize + ?Sized, F: Formatter>(value: &T, layout: F, into: &mut Vec<u8>) {
    value
        .serialize(&mut Serializer::with_formatter(into, Ascii(layout)))
        .expect("a Vec takes every write, and keys are strings");
}

/// The inner formatter's layout, with strings in printable ASCII.
struct Ascii<F>(F);

impl<F> Ascii<F> {
    /// A string's part beyond the common case, character by character: UTF-16 code units, two of
    /// them for a character outside of the basic plane.
    #[cold]
    fn write_escaped<W: ?Sized + Write>(writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut units = [0; 2];
        for character in fragment.chars() {
            if is_plain(character) {
                writer.write_all(character.encode_utf8(&mut [0; 4]).as_bytes())?;
            } else {
                for unit in character.encode_utf16(&mut units) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(())
    }
}

fn is_plain(character: char) -> bool {
    matches!(character, ' '..='~')
}

/// Hands `$name` on to the inner formatter.
macro_rules! laid_out_by_inner {
    ($($name:ident($($argument:ident: $type:ty)?)),* $(,)?) => {$(
        fn $name<W: ?Sized + Write>(&mut self, writer: &mut W $(, $argument: $type)?) -> io::Result<()> {
            self.0.$name(writer $(, $argument)?)
        }
    )*};
}

impl<F: Formatter> Formatter for Ascii<F> {
    /// `fragment` is without quotes, backslashes and controls below U+0020: serde_json has escaped
    /// those by itself.
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        // Without a way out of the loop the compiler looks at many bytes at once.
        let is_plain = fragment.bytes().fold(true, |all, byte| all & matches!(byte, b' '..=b'~'));
        if is_plain { writer.write_all(fragment.as_bytes()) } else { Self::write_escaped(writer, fragment) }
    }

    laid_out_by_inner! {
        begin_array(), end_array(), begin_array_value(first: bool), end_array_value(),
        begin_object(), end_object(), begin_object_key(first: bool), end_object_key(),
        begin_object_value(), end_object_value(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn document(value: &Value) -> String {
        let mut bytes = Vec::new();
        write_document(value, &mut bytes);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn everything_beyond_printable_ascii_is_an_escape() {
        let value = json!({"k\u{e9}y": "a\u{7f}\u{9b}\u{202e}\u{feff}\u{1f980}\u{1b}\n\"\\"});
        let line = r#"{"k\u00e9y":"a\u007f\u009b\u202e\ufeff\ud83e\udd80\u001b\n\"\\"}"#;
        assert_eq!(to_line(&value), line);
    }

    #[test]
    fn plain_text_is_laid_out_as_serde_json_does() {
        let value = json!({"a": [], "b": {}, "c": [1, -2.5, null, true, {"d": "e"}]});
        assert_eq!(document(&value), serde_json::to_string_pretty(&value).unwrap());
        assert_eq!(to_line(&value), serde_json::to_string(&value).unwrap());
    }

    /// JSON of any text, in keys and in values.
    fn any_json() -> impl Strategy<Value = Value> {
        let leaf =
            prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), any::<String>().prop_map(Value::from)];
        leaf.prop_recursive(3, 24, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_text_is_written_in_printable_ascii_and_read_back_equal(value in any_json()) {
            for (text, may_break) in [(document(&value), true), (to_line(&value), false)] {
                let other = text.chars().find(|&character| !(is_plain(character) || may_break && character == '\n'));
                prop_assert_eq!(other, None, "{}", text);
                prop_assert_eq!(&serde_json::from_str::<Value>(&text).unwrap(), &value);
            }
        }
    }
}

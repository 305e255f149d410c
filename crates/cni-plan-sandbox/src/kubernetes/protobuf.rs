//! Bodies in Kubernetes' protobuf encoding, which kubectl 1.32 and later sends where it creates an
//! object of a built-in type itself: `create`, `auth`, `drain`.
//!
//! Read only, and only the kinds in [`KINDS`]; answers are JSON, which these clients take as well.
//! Source: the `generated.proto` files of k8s.io/api and k8s.io/apimachinery v0.33.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};

/// What such a body begins with.
const MAGIC: &[u8] = b"k8s\0";

/// A field of a message: its number, its name in JSON, what it holds.
struct Field(u64, &'static str, Holds);

enum Holds {
    Text,
    Integer,
    Flag,
    Message(&'static [Field]),
    Texts,
    Messages(&'static [Field]),
    TextByName,
    BytesByName,
}

use Holds::{BytesByName, Flag, Integer, Message, Messages, Text, TextByName, Texts};

const TYPE_META: &[Field] = &[Field(1, "apiVersion", Text), Field(2, "kind", Text)];
const METADATA: &[Field] = &[
    Field(1, "name", Text),
    Field(2, "generateName", Text),
    Field(3, "namespace", Text),
    Field(5, "uid", Text),
    Field(6, "resourceVersion", Text),
    Field(11, "labels", TextByName),
    Field(12, "annotations", TextByName),
    Field(14, "finalizers", Texts),
];
const NAMED: &[Field] = &[Field(1, "name", Text)];
const SECRET_REFERENCE: &[Field] = &[Field(3, "name", Text)];
const BOUND_OBJECT: &[Field] =
    &[Field(1, "kind", Text), Field(2, "apiVersion", Text), Field(3, "name", Text), Field(4, "uid", Text)];
const TOKEN_REQUEST_SPEC: &[Field] = &[
    Field(1, "audiences", Texts),
    Field(3, "boundObjectRef", Message(BOUND_OBJECT)),
    Field(4, "expirationSeconds", Integer),
];
const PRECONDITIONS: &[Field] = &[Field(1, "uid", Text), Field(2, "resourceVersion", Text)];
const DELETE_OPTIONS: &[Field] = &[
    Field(1, "gracePeriodSeconds", Integer),
    Field(2, "preconditions", Message(PRECONDITIONS)),
    Field(3, "orphanDependents", Flag),
    Field(4, "propagationPolicy", Text),
    Field(5, "dryRun", Texts),
];
const RESOURCE_ATTRIBUTES: &[Field] = &[
    Field(1, "namespace", Text),
    Field(2, "verb", Text),
    Field(3, "group", Text),
    Field(4, "version", Text),
    Field(5, "resource", Text),
    Field(6, "subresource", Text),
    Field(7, "name", Text),
];
const ACCESS_REVIEW_SPEC: &[Field] = &[Field(1, "resourceAttributes", Message(RESOURCE_ATTRIBUTES))];

/// The kinds that are read, by their fields.
const KINDS: &[(&str, &[Field])] = &[
    (
        "ConfigMap",
        &[
            Field(1, "metadata", Message(METADATA)),
            Field(2, "data", TextByName),
            Field(3, "binaryData", BytesByName),
            Field(4, "immutable", Flag),
        ],
    ),
    ("DeleteOptions", DELETE_OPTIONS),
    ("Eviction", &[Field(1, "metadata", Message(METADATA)), Field(2, "deleteOptions", Message(DELETE_OPTIONS))]),
    ("Namespace", &[Field(1, "metadata", Message(METADATA))]),
    (
        "Secret",
        &[
            Field(1, "metadata", Message(METADATA)),
            Field(2, "data", BytesByName),
            Field(3, "type", Text),
            Field(5, "immutable", Flag),
        ],
    ),
    ("SelfSubjectAccessReview", &[Field(2, "spec", Message(ACCESS_REVIEW_SPEC))]),
    ("SelfSubjectReview", &[]),
    (
        "ServiceAccount",
        &[
            Field(1, "metadata", Message(METADATA)),
            Field(2, "secrets", Messages(SECRET_REFERENCE)),
            Field(3, "imagePullSecrets", Messages(NAMED)),
            Field(4, "automountServiceAccountToken", Flag),
        ],
    ),
    ("TokenRequest", &[Field(1, "metadata", Message(METADATA)), Field(2, "spec", Message(TOKEN_REQUEST_SPEC))]),
];

/// The object in a body; nothing if the body is broken or of a kind that is not read.
pub(super) fn read(body: &[u8]) -> Option<Value> {
    let (mut type_meta, mut raw) = (Value::Null, &[][..]);
    for part in parts(body.strip_prefix(MAGIC)?)? {
        match part {
            (1, Wire::Bytes(bytes)) => type_meta = message(TYPE_META, bytes)?,
            (2, Wire::Bytes(bytes)) => raw = bytes,
            _ => {}
        }
    }
    let (_, fields) = KINDS.iter().find(|(kind, _)| type_meta["kind"] == *kind)?;
    let mut object = message(fields, raw)?;
    object["apiVersion"] = type_meta["apiVersion"].clone();
    object["kind"] = type_meta["kind"].clone();
    Some(object)
}

/// A message as JSON. Strings that are empty are left out: the encoder writes them where JSON has none.
fn message(fields: &[Field], bytes: &[u8]) -> Option<Value> {
    let mut object = Map::new();
    for (number, wire) in parts(bytes)? {
        let Some(Field(_, name, holds)) = fields.iter().find(|field| field.0 == number) else { continue };
        let mut append = |item: Value| match object.get_mut(*name).and_then(Value::as_array_mut) {
            Some(list) => list.push(item),
            None => drop(object.insert((*name).to_owned(), json!([item]))),
        };
        match (holds, wire) {
            (Texts, Wire::Bytes(bytes)) => append(json!(text(bytes)?)),
            (Messages(fields), Wire::Bytes(bytes)) => append(message(fields, bytes)?),
            (Text, Wire::Bytes([])) => {}
            (Text, Wire::Bytes(bytes)) => drop(object.insert((*name).to_owned(), json!(text(bytes)?))),
            (Message(fields), Wire::Bytes(bytes)) => {
                object.insert((*name).to_owned(), message(fields, bytes)?);
            }
            (Integer, Wire::Number(number)) => {
                object.insert((*name).to_owned(), json!(number.cast_signed()));
            }
            (Flag, Wire::Number(number)) => {
                object.insert((*name).to_owned(), json!(number != 0));
            }
            (TextByName | BytesByName, Wire::Bytes(bytes)) => {
                let (key, value) = entry(bytes)?;
                let value = match holds {
                    TextByName => json!(text(value)?),
                    _ => json!(BASE64_STANDARD.encode(value)),
                };
                let map = object.entry(*name).or_insert_with(|| json!({}));
                map[text(key)?] = value;
            }
            _ => return None,
        }
    }
    Some(Value::Object(object))
}

/// An entry of a map: a message of its key and its value.
fn entry(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (mut key, mut value) = (&[][..], &[][..]);
    for part in parts(bytes)? {
        match part {
            (1, Wire::Bytes(bytes)) => key = bytes,
            (2, Wire::Bytes(bytes)) => value = bytes,
            _ => {}
        }
    }
    Some((key, value))
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

#[derive(Clone, Copy)]
enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// A message's fields in order, by number. Kubernetes' messages have varints and bytes alone.
fn parts(mut bytes: &[u8]) -> Option<Vec<(u64, Wire<'_>)>> {
    let mut parts = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes)?;
        let wire = match tag & 7 {
            0 => Wire::Number(varint(&mut bytes)?),
            2 => {
                let length = usize::try_from(varint(&mut bytes)?).ok()?;
                let (head, rest) = bytes.split_at_checked(length)?;
                bytes = rest;
                Wire::Bytes(head)
            }
            _ => return None,
        };
        parts.push((tag >> 3, wire));
    }
    Some(parts)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A field that holds bytes, shorter than 128.
    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, u8::try_from(bytes.len()).unwrap()], bytes].concat()
    }

    fn body(kind: &str, object: &[u8]) -> Vec<u8> {
        let type_meta = [field(1, b"v1"), field(2, kind.as_bytes())].concat();
        [MAGIC.to_vec(), field(1, &type_meta), field(2, object), field(3, b""), field(4, b"")].concat()
    }

    #[test]
    fn a_map_of_text() {
        let metadata = [field(1, b"a"), field(2, b""), field(11, &[field(1, b"k"), field(2, b"v")].concat())].concat();
        let data = [field(1, b"x"), field(2, b"1")].concat();
        let object = [field(1, &metadata), field(2, &data), vec![4 << 3, 1]].concat();
        assert_eq!(
            read(&body("ConfigMap", &object)).unwrap(),
            json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "a", "labels": { "k": "v" } },
                    "data": { "x": "1" }, "immutable": true })
        );
    }

    #[test]
    fn a_request_for_a_token() {
        let spec = [field(1, b"sts.amazonaws.com"), vec![4 << 3, 0x84, 0x07]].concat();
        let request = read(&body("TokenRequest", &field(2, &spec))).unwrap();
        assert_eq!(request["spec"], json!({ "audiences": ["sts.amazonaws.com"], "expirationSeconds": 900 }));
    }

    #[test]
    fn what_is_broken_is_not_read() {
        assert_eq!(read(b"{}"), None);
        assert_eq!(read(&body("Gadget", b"")), None);
        let whole = body("ConfigMap", &field(1, &field(1, b"a")));
        for length in MAGIC.len() + 1..whole.len() - 4 {
            assert_eq!(read(&whole[..length]).filter(|object| object["metadata"]["name"] == "a"), None, "{length}");
        }
    }
}

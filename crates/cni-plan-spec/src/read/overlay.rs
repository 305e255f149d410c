//! `defaults` under a cluster: key by key, mappings deeply, everything else replaced.

use std::collections::HashMap;
use std::rc::Rc;

use crate::yaml::{Entry, Node, Value};

/// The entries of `over`, and those of `under` that it does not have. Where both hold a mapping
/// under one key, the two are laid over each other the same way; lists are replaced, not joined.
pub(super) fn overlay(under: &[Entry], over: &[Entry]) -> Vec<Entry> {
    let mut merged: Vec<Entry> = over.to_vec();
    let places: HashMap<&str, usize> = over.iter().enumerate().map(|(at, entry)| (entry.key.as_str(), at)).collect();
    for below in under {
        match places.get(below.key.as_str()).and_then(|at| merged.get_mut(*at)) {
            None => merged.push(below.clone()),
            Some(above) => {
                if let (Value::Mapping(under), Value::Mapping(over)) = (&below.value.value, &above.value.value) {
                    let both = Value::Mapping(overlay(under, over));
                    above.value = Rc::new(Node::new(above.value.span, both));
                }
            }
        }
    }
    merged
}

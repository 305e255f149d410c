//! YAML text to a tree of nodes that know their places.
//!
//! Knows nothing of the spec. It sits on the event parser that `serde-saphyr` is built on, rather
//! than on serde: only events give the places of keys, tell a quoted `"1"` from `1`, and let the
//! reader go on after a problem. Nesting and the growth through aliases are bounded, so that no
//! text can exhaust memory or the stack.

mod load;
mod node;
mod scalar;
mod syntax;
#[cfg(test)]
mod tests;

pub(crate) use load::load;
pub(crate) use node::{Entry, Node, Value};

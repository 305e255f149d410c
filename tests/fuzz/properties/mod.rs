//! What must hold of any bytes that cni-plan is given to read: one module a reader, each with a
//! `check` that panics where it does not.
//!
//! The fuzzer's targets and the replay in the ordinary tests share this; so it knows nothing of
//! either, reads no file, and uses what the readers' crates make public.

pub mod change_set;
pub mod journal;
pub mod policy_document;
pub mod spec;

/// A reader's name, and what must hold of any bytes that it is given.
pub type Property = (&'static str, fn(&[u8]));

/// Every reader.
pub const ALL: [Property; 4] = [
    ("change_set", change_set::check),
    ("journal", journal::check),
    ("policy_document", policy_document::check),
    ("spec", spec::check),
];

/// No character that a terminal obeys or a reader cannot see, other than line feeds.
fn assert_inert(text: &str) {
    let live = text.lines().find(|line| cni_plan_render::inert(line) != *line);
    assert_eq!(live, None, "in {text:?}");
}

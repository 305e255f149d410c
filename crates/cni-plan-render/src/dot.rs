//! A plan's graph in Graphviz's language, for `dot -Tsvg` and its like.

use std::fmt::Write as _;

use cni_plan_core::ChangeSet;

use crate::drawing::Drawing;
use crate::inert::inert;
use crate::lines::Mark;

/// The whole graph, a box for every step, whatever its size.
pub fn plan_dot(change_set: &ChangeSet) -> String {
    let drawing = Drawing::of_steps(change_set);
    let mut out = String::from("digraph plan {\n  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\"];\n");
    let mut put = |text: std::fmt::Arguments<'_>| out.write_fmt(text).expect("a String takes every write");
    for (number, lane) in drawing.lanes.iter().enumerate() {
        put(format_args!("  subgraph cluster_{number} {{\n    label={};\n", quoted(&lane.title)));
        for step in &lane.boxes {
            put(format_args!("    s{} [label={}, {}];\n", step.number, quoted(&step.label), look(step.mark)));
        }
        put(format_args!("  }}\n"));
    }
    for (from, to) in &drawing.arrows {
        put(format_args!("  s{from} -> s{to};\n"));
    }
    out.push_str("}\n");
    out
}

fn look(mark: Mark) -> &'static str {
    match mark {
        Mark::Add => "color=\"#2da44e\"",
        Mark::Alter => "color=\"#bf8700\"",
        Mark::Remove => "color=\"#cf222e\"",
        Mark::Run => "color=\"#0969da\"",
        Mark::Same => "style=dashed",
    }
}

/// A quoted string: in a label Graphviz reads backslashes and HTML's entities, so neither is left.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in inert(text).chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '&' => out.push_str("&amp;"),
            plain => out.push(plain),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_ends_where_it_is_meant_to() {
        assert_eq!(quoted("role a-b"), "\"role a-b\"");
        assert_eq!(quoted("\"]; x [\\N&lt;\n"), "\"\\\"]; x [\\\\N&amp;lt;\\\\n\"");
    }
}

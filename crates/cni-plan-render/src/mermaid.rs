//! A plan's graph for Mermaid, which GitHub and GitLab draw where a fenced block is in that language.

use std::fmt::Write as _;

use cni_plan_core::ChangeSet;

use crate::drawing::Drawing;
use crate::inert::inert;
use crate::lines::Mark;

/// Arrows that Mermaid draws before it refuses (its configuration, `maxEdges`).
const MOST_ARROWS: usize = 500;
/// Characters that Mermaid reads before it refuses (its configuration, `maxTextSize`).
const MOST_CHARACTERS: usize = 50_000;

/// Outlines only: the fill is the theme's, so that it can be read on light and on dark.
const CLASSES: &str = "  classDef create stroke:#2da44e,stroke-width:2px
  classDef update stroke:#bf8700,stroke-width:2px
  classDef delete stroke:#cf222e,stroke-width:2px
  classDef run stroke:#0969da,stroke-width:2px
  classDef none stroke-dasharray:4
";

/// The whole graph, a box for every step, whatever its size.
pub fn plan_mermaid(change_set: &ChangeSet) -> String {
    write(&Drawing::of_steps(change_set))
}

/// The graph with a box for every step, if Mermaid draws it and anything is to be done.
pub(crate) fn of_steps(change_set: &ChangeSet) -> Option<String> {
    drawn(change_set, Drawing::of_steps)
}

/// The graph with a box for every kind of step, likewise.
pub(crate) fn of_kinds(change_set: &ChangeSet) -> Option<String> {
    drawn(change_set, Drawing::of_kinds)
}

fn drawn(change_set: &ChangeSet, of: fn(&ChangeSet) -> Drawing) -> Option<String> {
    let drawing = (!change_set.counts().is_empty()).then(|| of(change_set))?;
    // Of a fleet's plan the text need not even be written to see that it is too much.
    let text = (drawing.arrows.len() <= MOST_ARROWS).then(|| write(&drawing))?;
    (text.len() <= MOST_CHARACTERS).then_some(text)
}

fn write(drawing: &Drawing) -> String {
    let mut out = String::from("flowchart LR\n");
    let mut put = |text: std::fmt::Arguments<'_>| out.write_fmt(text).expect("a String takes every write");
    for (number, lane) in drawing.lanes.iter().enumerate() {
        put(format_args!("  subgraph lane{number}[\"{}\"]\n", label(&lane.title)));
        for step in &lane.boxes {
            put(format_args!("    s{}[\"{}\"]:::{}\n", step.number, label(&step.label), class(step.mark)));
        }
        put(format_args!("  end\n"));
    }
    for (from, to) in &drawing.arrows {
        put(format_args!("  s{from} --> s{to}\n"));
    }
    out.push_str(CLASSES);
    out
}

fn class(mark: Mark) -> &'static str {
    match mark {
        Mark::Add => "create",
        Mark::Alter => "update",
        Mark::Remove => "delete",
        Mark::Run => "run",
        Mark::Same => "none",
    }
}

/// Text between quotes, every ASCII character of which that Mermaid, Markdown or HTML could read as markup is one
/// of Mermaid's entity codes.
fn label(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for character in inert(text).chars() {
        if character.is_ascii_punctuation() && !matches!(character, '-' | '/' | '.' | ',') {
            write!(out, "#{};", u32::from(character)).expect("a String takes every write");
        } else {
            out.push(character);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_holds_no_markup() {
        assert_eq!(label("role a-b"), "role a-b");
        assert_eq!(label("x\"]; click s0 \"`<b>#1\n"), "x#34;#93;#59; click s0 #34;#96;#60;b#62;#35;1#92;n");
    }
}

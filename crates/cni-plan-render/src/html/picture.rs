//! Steps as boxes in lanes, drawn: what waits for what, from top to bottom.
//!
//! A box is a link to its step. So it takes the focus of a keyboard, leads there without any script,
//! and a screen reader has a list of links where others see a picture.

use super::index::Index;
use super::layout::{Line, Node, layout};
use super::markup::Html;
use super::step;
use crate::headline::headline;
use crate::inert::inert;
use crate::lines::Mark;

/// Characters of a name that a box has room for.
const NAME_AT_MOST: usize = 29;

/// One lane: its title, and the numbers of its steps in the plan's order.
pub(super) struct Lane {
    pub(super) title: String,
    pub(super) steps: Vec<usize>,
}

/// Draws these lanes; lines to steps that are not in them are counted at the box.
pub(super) fn write(page: &mut Html, index: &Index<'_>, lanes: &[Lane]) {
    let (steps, nodes) = graph(index, lanes);
    let layout = layout(&nodes, lanes.len());
    page.raw("<div class=\"map\"><svg width=\"").number(layout.width).raw("\" height=\"").number(layout.height);
    page.raw("\" role=\"group\" aria-label=\"What waits for what\">\n");
    for (lane, &(left, width)) in lanes.iter().zip(&layout.lanes) {
        page.raw("<rect class=\"lane\" x=\"").number(left).raw("\" width=\"").number(width).raw("\" height=\"100%\"/>");
        page.raw("<text class=\"title\" x=\"").number(left + 14).raw("\" y=\"19\">").text(&lane.title).raw("</text>\n");
    }
    for line in &layout.lines {
        draw_line(page, &steps, line);
    }
    for (at, &number) in steps.iter().enumerate() {
        let elsewhere = index.waits_for(number).len().saturating_sub(nodes[at].waits_for.len());
        draw_box(page, index, number, layout.boxes[at], elsewhere);
    }
    page.raw("</svg></div>\n");
}

/// The lanes' steps in the plan's order, and what they are to the layout.
fn graph(index: &Index<'_>, lanes: &[Lane]) -> (Vec<usize>, Vec<Node>) {
    let mut steps: Vec<(usize, usize)> =
        lanes.iter().enumerate().flat_map(|(lane, of)| of.steps.iter().map(move |&number| (number, lane))).collect();
    steps.sort_unstable();
    let numbers: Vec<usize> = steps.iter().map(|&(number, _)| number).collect();
    let nodes = steps.iter().enumerate().map(|(at, &(number, lane))| {
        // Each step comes after those that it waits for; whatever else a document says is not drawn. What a fleet
        // shares waits for thousands, so they are looked for among the picture's few and not the other way round.
        let waits_for = index.waits_for(number);
        Node { lane, waits_for: (0..at).filter(|&on| waits_for.binary_search(&numbers[on]).is_ok()).collect() }
    });
    let nodes = nodes.collect();
    (numbers, nodes)
}

fn draw_box(page: &mut Html, index: &Index<'_>, number: usize, (x, y): (i32, i32), elsewhere: usize) {
    let change = index.change(number);
    let headline = headline(change);
    let name = shortened(&inert(&headline.name));
    page.raw("<a href=\"#s").number(number).raw("\" class=\"").raw(step::class(change.action));
    page.raw("\" transform=\"translate(").number(x).raw(" ").number(y).raw(")\"><rect/><text x=\"14\" y=\"17\">");
    page.raw(if headline.mark == Mark::Same { "= " } else { headline.mark.lead() }).raw(headline.noun);
    page.raw("</text><text class=\"name\" x=\"14\" y=\"33\">").text(&name).raw("</text></a>\n");
    if elsewhere > 0 {
        page.raw("<text class=\"more\" x=\"").number(x + 2).raw("\" y=\"").number(y - 4).raw("\">and after ");
        page.number(elsewhere).raw(" elsewhere</text>\n");
    }
}

/// Curves that leave and arrive upright.
fn draw_line(page: &mut Html, steps: &[usize], line: &Line) {
    page.raw("<path data-ends=\"").number(steps[line.from]).raw(" ").number(steps[line.to]).raw("\" d=\"M");
    let mut points = line.points.iter().copied();
    let Some((mut x, mut y)) = points.next() else { return };
    page.number(x).raw(" ").number(y);
    for (next_x, next_y) in points {
        if next_x == x {
            page.raw("V").number(next_y);
        } else {
            let middle = y.midpoint(next_y);
            page.raw("C").number(x).raw(" ").number(middle).raw(" ").number(next_x).raw(" ").number(middle);
            page.raw(" ").number(next_x).raw(" ").number(next_y);
        }
        (x, y) = (next_x, next_y);
    }
    page.raw("\"/>\n");
}

/// A name that has room: of a longer one both ends, since they are what tells names apart.
fn shortened(name: &str) -> String {
    let characters: Vec<char> = name.chars().collect();
    if characters.len() <= NAME_AT_MOST {
        return name.to_owned();
    }
    let (front, back) = (NAME_AT_MOST / 2, NAME_AT_MOST - 1 - NAME_AT_MOST / 2);
    let ends = [&characters[..front], &['…'], &characters[characters.len() - back..]];
    ends.concat().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_keeps_both_its_ends() {
        assert_eq!(shortened("AmazonEKSNodeRole"), "AmazonEKSNodeRole");
        let short = shortened("AmazonEKSVPCCNIRole-production-of-the-blue-cluster");
        assert_eq!((short.as_str(), short.chars().count()), ("AmazonEKSVPCCN…e-blue-cluster", NAME_AT_MOST));
    }
}

//! Where the boxes of a graph go: rows from top to bottom in the order of doing, lanes side by side.
//!
//! A layered layout in the manner of Sugiyama, Tagawa and Toda (1981). A box stands below everything
//! that it waits for; a line that passes rows on its way has a place of its own in each of them, so
//! that no line runs through a box; the places of a row are put in order of what they hang from,
//! which keeps lines from crossing; and each place is moved as near to its neighbours above and
//! below as the others let it. Whole numbers throughout: the same graph, the same picture.

/// Size of a box, in the picture's units.
pub(super) const BOX: (i32, i32) = (212, 42);

/// Between two places of a row.
const GAP: i32 = 16;
/// Between two rows; and where a line has far to go sideways, so that it is not flat.
const ROW_GAP: i32 = 24;
const WIDE_ROW_GAP: i32 = 48;
/// What a passing line takes of a row.
const BEND: i32 = 10;
/// Around a lane's boxes, and above them for its title.
const MARGIN: i32 = 14;
const TITLE: i32 = 30;
/// Between lanes.
const LANE_GAP: i32 = 12;
/// Rounds of ordering, and of moving: small graphs are settled after fewer.
const ROUNDS: usize = 8;

/// A box to place.
#[derive(Debug)]
pub(super) struct Node {
    /// Which lane it stands in.
    pub(super) lane: usize,
    /// Earlier boxes that it waits for.
    pub(super) waits_for: Vec<usize>,
}

/// A picture's geometry.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) width: i32,
    pub(super) height: i32,
    /// Left edge and width of each lane.
    pub(super) lanes: Vec<(i32, i32)>,
    /// Upper left corner of each box.
    pub(super) boxes: Vec<(i32, i32)>,
    pub(super) lines: Vec<Line>,
}

/// A line from one box down to another.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) from: usize,
    pub(super) to: usize,
    /// From the one's lower edge to the other's upper edge.
    pub(super) points: Vec<(i32, i32)>,
}

/// Places boxes that are given in an order of doing, each after those it waits for.
pub(super) fn layout(nodes: &[Node], lanes: usize) -> Layout {
    let edges = needed(nodes);
    let rows = rows(nodes.len(), &edges);
    let mut grid = Grid::new(nodes, &edges, &rows);
    grid.order();
    let lanes = grid.lanes(lanes);
    grid.place(&lanes);
    grid.draw(nodes.len(), &edges, lanes)
}

/// The pairs that are not implied by others: what waits for a box waits for all that box waits for.
fn needed(nodes: &[Node]) -> Vec<(usize, usize)> {
    let mut behind: Vec<Vec<bool>> = Vec::with_capacity(nodes.len());
    let mut edges = Vec::new();
    for (to, node) in nodes.iter().enumerate() {
        let mut reached = vec![false; to];
        for &from in &node.waits_for {
            for (at, &is_behind) in behind[from].iter().enumerate() {
                reached[at] |= is_behind;
            }
        }
        edges.extend(node.waits_for.iter().filter(|&&from| !reached[from]).map(|&from| (from, to)));
        node.waits_for.iter().for_each(|&from| reached[from] = true);
        behind.push(reached);
    }
    edges
}

/// Each box's row: below all that it waits for; what waits for nothing, just above what waits for it.
fn rows(boxes: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let mut rows = vec![0; boxes];
    for &(from, to) in edges {
        rows[to] = rows[to].max(rows[from] + 1);
    }
    for at in 0..boxes {
        if edges.iter().all(|&(_, to)| to != at) {
            let next = edges.iter().filter(|&&(from, _)| from == at).map(|&(_, to)| rows[to]).min();
            rows[at] = next.map_or(0, |next| next - 1);
        }
    }
    rows
}

/// A box's place, or a line's in a row that it passes.
struct Place {
    lane: usize,
    width: i32,
    /// Middle.
    x: i32,
    above: Vec<usize>,
    below: Vec<usize>,
}

/// All places, and which of them make up each row, from left to right.
struct Grid {
    places: Vec<Place>,
    rows: Vec<Vec<usize>>,
    row_of: Vec<usize>,
    /// The places of each edge's bends.
    bends: Vec<Vec<usize>>,
}

impl Grid {
    fn new(nodes: &[Node], edges: &[(usize, usize)], rows: &[usize]) -> Grid {
        let place = |lane, width| Place { lane, width, x: 0, above: Vec::new(), below: Vec::new() };
        let count = rows.iter().max().map_or(0, |last| last + 1);
        let mut grid = Grid {
            places: nodes.iter().map(|node| place(node.lane, BOX.0)).collect(),
            rows: vec![Vec::new(); count],
            row_of: rows.to_vec(),
            bends: Vec::with_capacity(edges.len()),
        };
        rows.iter().enumerate().for_each(|(at, &row)| grid.rows[row].push(at));
        for &(from, to) in edges {
            let (mut last, mut bends) = (from, Vec::new());
            for row in rows[from] + 1..rows[to] {
                let bend = grid.places.len();
                grid.places.push(place(nodes[from].lane, BEND));
                grid.rows[row].push(bend);
                grid.row_of.push(row);
                grid.join(last, bend);
                bends.push(bend);
                last = bend;
            }
            grid.join(last, to);
            grid.bends.push(bends);
        }
        grid
    }

    fn join(&mut self, upper: usize, lower: usize) {
        self.places[upper].below.push(lower);
        self.places[lower].above.push(upper);
    }

    /// Puts each row in order of where its places hang, by lanes; keeps the best of several rounds.
    fn order(&mut self) {
        let lanes: Vec<usize> = self.places.iter().map(|place| place.lane).collect();
        self.rows.iter_mut().for_each(|row| row.sort_by_key(|&at| lanes[at]));
        let mut best = (self.crossings(), self.rows.clone());
        for round in 0..ROUNDS {
            if best.0 == 0 {
                break;
            }
            let is_downwards = round % 2 == 0;
            for step in 0..self.rows.len() {
                let row = if is_downwards { step } else { self.rows.len() - 1 - step };
                self.order_row(row, is_downwards);
            }
            let crossings = self.crossings();
            if crossings < best.0 {
                best = (crossings, self.rows.clone());
            }
        }
        self.rows = best.1;
    }

    fn order_row(&mut self, row: usize, is_downwards: bool) {
        let columns = self.columns();
        let mean = |at: usize| {
            let place = &self.places[at];
            let neighbours = if is_downwards { &place.above } else { &place.below };
            match neighbours.len() {
                0 => columns[at] * 1000,
                many => neighbours.iter().map(|&neighbour| columns[neighbour] * 1000).sum::<usize>() / many,
            }
        };
        let mut keyed: Vec<(usize, usize, usize)> =
            self.rows[row].iter().map(|&at| (self.places[at].lane, mean(at), at)).collect();
        keyed.sort_by_key(|&(lane, mean, _)| (lane, mean));
        self.rows[row] = keyed.into_iter().map(|(.., at)| at).collect();
    }

    /// Each place's position in its row.
    fn columns(&self) -> Vec<usize> {
        let mut columns = vec![0; self.places.len()];
        for row in &self.rows {
            row.iter().enumerate().for_each(|(column, &at)| columns[at] = column);
        }
        columns
    }

    fn crossings(&self) -> usize {
        let columns = self.columns();
        let crossings_below = |row: &Vec<usize>| {
            let lines: Vec<(usize, usize)> = row
                .iter()
                .flat_map(|&at| self.places[at].below.iter().map(move |&below| (at, below)))
                .map(|(at, below)| (columns[at], columns[below]))
                .collect();
            let crosses = |one: &(usize, usize), other: &(usize, usize)| one.0 < other.0 && one.1 > other.1;
            lines.iter().map(|one| lines.iter().filter(|other| crosses(one, other)).count()).sum::<usize>()
        };
        self.rows.iter().map(crossings_below).sum()
    }

    /// Left edge and width of each lane: as wide as its widest row, and as a box.
    fn lanes(&self, count: usize) -> Vec<(i32, i32)> {
        let mut widths = vec![BOX.0; count];
        for row in &self.rows {
            for (lane, width) in widths.iter_mut().enumerate() {
                *width = (*width).max(self.width_of(&self.of_lane(row, lane)));
            }
        }
        let mut left = 0;
        let lanes = widths.into_iter().map(|width| {
            let lane = (left, width + 2 * MARGIN);
            left += lane.1 + LANE_GAP;
            lane
        });
        lanes.collect()
    }

    fn of_lane(&self, row: &[usize], lane: usize) -> Vec<usize> {
        row.iter().copied().filter(|&at| self.places[at].lane == lane).collect()
    }

    fn width_of(&self, places: &[usize]) -> i32 {
        let gaps = i32::try_from(places.len().saturating_sub(1)).unwrap_or(i32::MAX);
        places.iter().map(|&at| self.places[at].width).sum::<i32>() + gaps.saturating_mul(GAP)
    }

    /// Moves every place to where its neighbours are, down and up, as far as there is room.
    fn place(&mut self, lanes: &[(i32, i32)]) {
        for place in &mut self.places {
            place.x = lanes[place.lane].0 + lanes[place.lane].1 / 2;
        }
        for round in 0..=ROUNDS {
            for step in 0..self.rows.len() {
                let is_downwards = round % 2 == 0;
                let row = if is_downwards { step } else { self.rows.len() - 1 - step };
                for (lane, &(left, width)) in lanes.iter().enumerate() {
                    let places = self.of_lane(&self.rows[row], lane);
                    self.place_row(&places, (left + MARGIN, width - 2 * MARGIN), is_downwards);
                }
            }
        }
    }

    /// Places of one row and lane, from left to right, each as near as it gets to the middle of its
    /// neighbours: least squares under an order, which pooling neighbours that are in each other's way solves.
    fn place_row(&mut self, places: &[usize], (left, width): (i32, i32), is_downwards: bool) {
        struct Pool {
            weight: i64,
            sum: i64,
            members: usize,
        }
        let mean = |pool: &Pool| pool.sum.div_euclid(pool.weight);
        let mut offsets = Vec::with_capacity(places.len());
        let mut pools: Vec<Pool> = Vec::new();
        let mut offset = 0;
        for &at in places {
            let place = &self.places[at];
            offsets.push(offset + place.width / 2);
            let (wanted, pull) = self.wanted(at, is_downwards);
            // Straight lines between boxes are worth more than straight bends.
            let weight = pull * if place.width == BEND { 1 } else { 16 };
            let mut pool = Pool { weight, sum: weight * i64::from(wanted - offset - place.width / 2), members: 1 };
            offset += place.width + GAP;
            while let Some(previous) = pools.pop_if(|previous| mean(previous) > mean(&pool)) {
                pool.weight += previous.weight;
                pool.sum += previous.sum;
                pool.members += previous.members;
            }
            pools.push(pool);
        }
        let room = (width - (offset - GAP)).max(0);
        let starts = pools.iter().flat_map(|pool| {
            let start = i32::try_from(mean(pool)).unwrap_or(left).clamp(left, left + room);
            std::iter::repeat_n(start, pool.members)
        });
        for ((&at, offset), start) in places.iter().zip(offsets).zip(starts) {
            self.places[at].x = start + offset;
        }
    }

    /// Where a place would like to be, and how much: with the boxes of its own lane, or else where it is.
    fn wanted(&self, at: usize, is_downwards: bool) -> (i32, i64) {
        let place = &self.places[at];
        let neighbours = if is_downwards { &place.above } else { &place.below };
        let own: Vec<i32> = neighbours
            .iter()
            .map(|&neighbour| &self.places[neighbour])
            .filter(|neighbour| neighbour.lane == place.lane)
            .map(|neighbour| neighbour.x)
            .collect();
        match i32::try_from(own.len()) {
            Ok(0) | Err(_) => (place.x, 1),
            Ok(many) => (own.iter().sum::<i32>() / many, 4),
        }
    }

    fn draw(self, boxes: usize, edges: &[(usize, usize)], lanes: Vec<(i32, i32)>) -> Layout {
        let tops = self.tops();
        let upper = |at: usize| (self.places[at].x, tops[self.row_of[at]]);
        let lower = |at: usize| (self.places[at].x, tops[self.row_of[at]] + BOX.1);
        let lines = edges.iter().zip(&self.bends).map(|(&(from, to), bends)| {
            let mut points = vec![lower(from)];
            points.extend(bends.iter().flat_map(|&bend| [upper(bend), lower(bend)]));
            points.push(upper(to));
            Line { from, to, points }
        });
        Layout {
            width: lanes.last().map_or(0, |(left, width)| left + width),
            height: tops.last().map_or(TITLE, |last| last + BOX.1) + MARGIN,
            lines: lines.collect(),
            boxes: (0..boxes).map(|at| (self.places[at].x - BOX.0 / 2, upper(at).1)).collect(),
            lanes,
        }
    }

    /// Where each row begins.
    fn tops(&self) -> Vec<i32> {
        let mut top = TITLE;
        let tops = self.rows.iter().map(|row| {
            let here = top;
            let x = |at: usize| self.places[at].x;
            let is_far = |&at: &usize| self.places[at].below.iter().any(|&below| (x(at) - x(below)).abs() > BOX.0);
            top += BOX.1 + if row.iter().any(is_far) { WIDE_ROW_GAP } else { ROW_GAP };
            here
        });
        tops.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Boxes of these lanes, each with what it waits for.
    fn drawn(nodes: &[(usize, &[usize])], lanes: usize) -> Layout {
        let nodes: Vec<Node> =
            nodes.iter().map(|&(lane, waits_for)| Node { lane, waits_for: waits_for.to_vec() }).collect();
        layout(&nodes, lanes)
    }

    fn overlap(one: (i32, i32), other: (i32, i32)) -> bool {
        (one.0 - other.0).abs() < BOX.0 && (one.1 - other.1).abs() < BOX.1
    }

    /// Pairs of lines that change sides.
    fn crossings(layout: &Layout) -> usize {
        let pieces: Vec<[(i32, i32); 2]> =
            layout.lines.iter().flat_map(|line| line.points.windows(2).map(|pair| [pair[0], pair[1]])).collect();
        let crosses = |one: &[(i32, i32); 2], other: &[(i32, i32); 2]| {
            (one[0].1, one[1].1) == (other[0].1, other[1].1) && one[0].0 < other[0].0 && one[1].0 > other[1].0
        };
        pieces.iter().map(|one| pieces.iter().filter(|other| crosses(one, other)).count()).sum()
    }

    #[test]
    fn a_chain_is_a_straight_line_and_what_it_needs_stands_just_above() {
        // A policy that only the fourth step waits for, and an edge that the others imply.
        let layout = drawn(&[(0, &[]), (0, &[]), (0, &[0]), (0, &[1, 2]), (0, &[0, 3])], 1);
        let [provider, policy, role, attach, annotate] = layout.boxes[..] else { panic!("five boxes") };
        assert_eq!((provider.0, attach.0), (role.0, annotate.0));
        assert_eq!(policy.1, role.1, "it is not at the top, far from what waits for it");
        assert!(!layout.lines.iter().any(|line| (line.from, line.to) == (0, 4)), "it is implied");
        assert_eq!(layout.lines.len(), 4);
    }

    #[test]
    fn lines_are_uncrossed_where_that_is_possible() {
        // Two steps and then two more, each waiting for one; listed crosswise.
        let layout = drawn(&[(0, &[]), (0, &[]), (0, &[1]), (0, &[0]), (0, &[2, 3])], 1);
        assert_eq!(crossings(&layout), 0, "{layout:?}");
    }

    #[test]
    fn a_step_that_lanes_share_stands_between_the_rows_of_both() {
        let layout = drawn(&[(0, &[]), (1, &[]), (2, &[0, 1]), (0, &[2]), (1, &[2])], 3);
        let heights: Vec<i32> = layout.boxes.iter().map(|at| at.1).collect();
        assert!(heights[0] == heights[1] && heights[1] < heights[2] && heights[2] < heights[3]);
        assert_eq!(layout.boxes[0].0, layout.boxes[3].0);
        assert_eq!(crossings(&layout), 0);
    }

    /// Up to a dozen boxes in three lanes, each waiting for any of those before it.
    fn graphs() -> impl Strategy<Value = Vec<Node>> {
        prop::collection::vec((0..3_usize, any::<u16>()), 0..13).prop_map(|nodes| {
            let node = |(at, (lane, mask)): (usize, (usize, u16))| Node {
                lane,
                waits_for: (0..at).filter(|on| mask & 1 << on != 0 && mask & 1 << (15 - on) != 0).collect(),
            };
            nodes.into_iter().enumerate().map(node).collect()
        })
    }

    proptest! {
        #[test]
        fn boxes_keep_apart_in_their_lanes_and_lines_run_down_past_them(nodes in graphs()) {
            let layout = layout(&nodes, 3);
            for (at, &here) in layout.boxes.iter().enumerate() {
                let (left, width) = layout.lanes[nodes[at].lane];
                prop_assert!(here.0 >= left && here.0 + BOX.0 <= left + width && here.1 + BOX.1 <= layout.height);
                prop_assert!(layout.boxes[..at].iter().all(|&other| !overlap(here, other)));
                prop_assert!(nodes[at].waits_for.iter().all(|&on| layout.boxes[on].1 + BOX.1 < here.1));
            }
            for line in &layout.lines {
                let inner = &line.points[1..line.points.len() - 1];
                prop_assert!(line.points.windows(2).all(|pair| pair[0].1 < pair[1].1));
                let is_in = |&(x, y): &(i32, i32), at: &(i32, i32)| {
                    (at.0..=at.0 + BOX.0).contains(&x) && (at.1..=at.1 + BOX.1).contains(&y)
                };
                prop_assert!(inner.iter().all(|point| layout.boxes.iter().all(|at| !is_in(point, at))));
            }
        }
    }
}

//! A text that has to fit: pieces with shorter forms of themselves, given up step by step until it does.
//!
//! A form is whole or not there at all, so nothing is ever cut in its middle: no fence, table row or character.

/// When a form is given up for the next shorter one; the first ones go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// The graph with a box for every step.
    GraphOfSteps,
    /// What each step does, line by line.
    Details,
    /// Which steps a cluster has.
    Headlines,
    /// The graph of kinds.
    Graph,
    /// A cluster's row in the table.
    Rows,
    /// What a hazard says at length.
    Lengths,
    /// Hazards and steps that cannot be undone, one by one.
    Items,
    /// Not at all.
    Never,
}

/// What a piece belongs to: it is told there how much was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Opening,
    Findings,
    Irreversible,
    Safety,
    Graph,
    Table,
    Details,
}

/// A piece of the text.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) part: Part,
    /// The longest first.
    forms: Vec<(Stage, String)>,
    current: usize,
}

impl Piece {
    /// One that has to be there as it is.
    pub(crate) fn fixed(part: Part, text: String) -> Piece {
        Piece::new(part, vec![(Stage::Never, text)])
    }

    /// Forms with the stage at which each is given up; after the last of them nothing is left of the piece.
    pub(crate) fn new(part: Part, forms: Vec<(Stage, String)>) -> Piece {
        Piece { part, forms, current: 0 }
    }

    pub(crate) fn text(&self) -> &str {
        self.forms.get(self.current).map_or("", |(_, text)| text)
    }

    /// Whether another form stands for the longest one; of some pieces, none.
    pub(crate) fn is_shortened(&self) -> bool {
        self.current > 0
    }

    pub(crate) fn is_left_out(&self) -> bool {
        self.current >= self.forms.len()
    }
}

/// Gives up forms, stage by stage and the last pieces first, until all of it has at most `limit` bytes or nothing
/// more can be given up.
pub(crate) fn fit(pieces: &mut [Piece], limit: usize) {
    let mut length: usize = pieces.iter().map(|piece| piece.text().len()).sum();
    let stages = [
        Stage::GraphOfSteps,
        Stage::Details,
        Stage::Headlines,
        Stage::Graph,
        Stage::Rows,
        Stage::Lengths,
        Stage::Items,
    ];
    for stage in stages {
        for piece in pieces.iter_mut().rev() {
            if length <= limit {
                return;
            }
            if piece.forms.get(piece.current).is_some_and(|(given_up, _)| *given_up == stage) {
                length -= piece.text().len();
                piece.current += 1;
                length += piece.text().len();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces() -> Vec<Piece> {
        let piece = |text: &str| {
            let forms = vec![(Stage::Details, text.repeat(10)), (Stage::Headlines, text.repeat(2))];
            Piece::new(Part::Details, forms)
        };
        vec![Piece::fixed(Part::Opening, "o".to_owned()), piece("a"), piece("b")]
    }

    fn fitted(limit: usize) -> String {
        let mut pieces = pieces();
        fit(&mut pieces, limit);
        pieces.iter().map(Piece::text).collect()
    }

    #[test]
    fn the_last_pieces_are_shortened_first_and_no_more_than_needed() {
        assert_eq!(fitted(21), "oaaaaaaaaaabbbbbbbbbb");
        assert_eq!(fitted(20), "oaaaaaaaaaabb");
        assert_eq!(fitted(12), "oaabb");
        assert_eq!(fitted(4), "oaa");
        assert_eq!(fitted(0), "o");
    }
}

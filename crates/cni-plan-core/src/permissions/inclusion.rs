//! Whether one pattern matches all, or any, of what another stands for.
//!
//! Both questions are about languages, not about one text: `arn:aws:ec2:*:*:network-interface/*` stands
//! for every network interface. Characters that a pattern does not name are all alike to it, so one
//! stranger stands for them, and wildcards of the pattern that is asked about need only produce
//! strangers: what matches those also matches anything in their place.

use super::pattern::Token;

/// Both without the characters that they begin with alike, which changes neither answer; `None` where
/// the next ones differ, and so no text is both. Most patterns of a policy end here.
pub(super) fn behind_common_start<'a>(
    mut one: &'a [Token],
    mut other: &'a [Token],
) -> Option<(&'a [Token], &'a [Token])> {
    while let ([Token::Is(mine), my_rest @ ..], [Token::Is(theirs), their_rest @ ..]) = (one, other) {
        if mine != theirs {
            return None;
        }
        (one, other) = (my_rest, their_rest);
    }
    Some((one, other))
}

/// Whether `pattern` matches every text that `asked` stands for.
///
/// Reads `asked` from left to right and keeps, for every way to read it, the places of `pattern` that
/// one can be at. `false` too where that takes more than [`BUDGET`] steps, which only a pattern made to
/// be hard does: not to be sure is safe.
pub(super) fn covers(pattern: &[Token], asked: &[Token]) -> bool {
    if pattern == [Token::Any] || pattern == asked {
        return true;
    }
    let mut ways = vec![Places::at_start(pattern)];
    let mut budget = BUDGET;
    for token in asked {
        let mut next: Vec<Places> = Vec::new();
        for places in ways {
            match token {
                Token::Is(character) => keep_least(&mut next, places.behind(pattern, Some(*character))),
                Token::One => keep_least(&mut next, places.behind(pattern, None)),
                Token::Any => {
                    let mut places = places;
                    loop {
                        let longer = places.behind(pattern, None);
                        let is_last = longer == places;
                        keep_least(&mut next, places);
                        // The places that strangers lead to come to rest once every `?` is used up.
                        if is_last {
                            break;
                        }
                        places = longer;
                        budget = match budget.checked_sub(1) {
                            Some(left) => left,
                            None => return false,
                        };
                    }
                }
            }
        }
        if next.iter().any(Places::are_none) || next.len() > BUDGET / 16 {
            return false;
        }
        ways = next;
    }
    ways.iter().all(|places| places.has(pattern.len()))
}

/// Whether there is a text that both stand for, where wildcards of `asked` may have to stand for text
/// without a colon. That does not matter to `covers`, which lets them stand for strangers alone.
pub(super) fn overlaps(pattern: &[Token], asked: &[Token], has_no_colons: bool) -> bool {
    if pattern == [Token::Any] {
        return true;
    }
    // Whether both can be read up to a pair of places, row by row: no reading ever goes back.
    let mut row = vec![false; asked.len() + 1];
    let mut below = row.clone();
    row[0] = true;
    for (at, mine) in pattern.iter().map(Some).chain([None]).enumerate() {
        below.fill(false);
        for beside in 0..=asked.len() {
            if !row[beside] {
                continue;
            }
            let theirs = asked.get(beside);
            // Either may be nothing.
            below[beside] |= mine == Some(&Token::Any);
            if theirs == Some(&Token::Any) {
                row[beside + 1] = true;
            }
            match (mine, theirs) {
                (None, _) | (_, None) | (Some(Token::Any), Some(Token::Any)) => {}
                (Some(Token::Is(mine)), Some(Token::Is(theirs))) if mine != theirs => {}
                (Some(Token::Is(':')), Some(Token::Any | Token::One)) if has_no_colons => {}
                (Some(Token::Any), Some(_)) => row[beside + 1] = true,
                (Some(_), Some(Token::Any)) => below[beside] = true,
                (Some(_), Some(_)) => below[beside + 1] = true,
            }
        }
        if at < pattern.len() {
            std::mem::swap(&mut row, &mut below);
        }
    }
    row[asked.len()]
}

/// How many steps an inclusion may take. Patterns of policies take tens.
const BUDGET: usize = 4096;

/// Adds a way, unless one that leads to fewer places is there: what is matched from those is matched
/// from more.
fn keep_least(ways: &mut Vec<Places>, places: Places) {
    if ways.iter().any(|way| way.are_among(&places)) {
        return;
    }
    ways.retain(|way| !places.are_among(way));
    ways.push(places);
}

/// A set of places in a pattern, its end included, as bits.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Places(Vec<u64>);

impl Places {
    fn at_start(pattern: &[Token]) -> Places {
        let mut places = Places(vec![0; pattern.len() / 64 + 1]);
        places.add(pattern, 0);
        places
    }

    /// Where one character leads to; `None` is one that the pattern does not name.
    fn behind(&self, pattern: &[Token], character: Option<char>) -> Places {
        let mut places = Places(vec![0; self.0.len()]);
        for (at, token) in pattern.iter().enumerate().filter(|(at, _)| self.has(*at)) {
            match token {
                Token::Is(named) if character == Some(*named) => places.add(pattern, at + 1),
                Token::Is(_) => {}
                Token::One => places.add(pattern, at + 1),
                Token::Any => places.add(pattern, at),
            }
        }
        places
    }

    /// A place, and the one behind it where a `*` may be nothing.
    fn add(&mut self, pattern: &[Token], at: usize) {
        self.0[at / 64] |= 1 << (at % 64);
        if pattern.get(at) == Some(&Token::Any) {
            self.add(pattern, at + 1);
        }
    }

    fn has(&self, at: usize) -> bool {
        self.0[at / 64] >> (at % 64) & 1 == 1
    }

    fn are_none(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    fn are_among(&self, others: &Places) -> bool {
        self.0.iter().zip(&others.0).all(|(mine, theirs)| mine & !theirs == 0)
    }
}

//! What nobody knows, as wildcards in texts.

use std::collections::{BTreeSet, HashSet};

/// Texts that stand for what nobody knows, made to be looked for in many others: of a fleet without regions there
/// are as many as clusters, and each text has one of them at most.
pub(super) struct Wildcards<'a> {
    texts: HashSet<&'a str>,
    /// Their lengths in bytes, the longest first. They are few, since the texts are made by few rules.
    lengths: Vec<usize>,
}

impl<'a> Wildcards<'a> {
    /// For these texts, none of which is empty or part of another.
    pub(super) fn new(unknown: &'a BTreeSet<String>) -> Wildcards<'a> {
        let texts: HashSet<&str> = unknown.iter().map(String::as_str).collect();
        let lengths: BTreeSet<usize> = texts.iter().map(|text| text.len()).collect();
        Wildcards { texts, lengths: lengths.into_iter().rev().collect() }
    }

    /// The text with a wildcard for each of them in it.
    pub(super) fn put_into(&self, text: &str) -> String {
        let mut known = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let found = self.lengths.iter().find_map(|&length| {
                let start = rest.get(..length)?;
                self.texts.contains(start).then_some(length)
            });
            let step = match found {
                Some(length) => {
                    known.push('*');
                    length
                }
                None => {
                    known.push(first);
                    first.len_utf8()
                }
            };
            rest = &rest[step..];
        }
        known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unknown_text_becomes_a_wildcard_and_the_rest_stays() {
        let unknown = BTreeSet::from(["r00000001", "r00000012", "somebody", "\u{e9}"].map(str::to_owned));
        let wildcards = Wildcards::new(&unknown);
        for (text, known) in [
            ("", ""),
            ("r0000000", "r0000000"),
            ("arn:aws:eks:r00000012:somebody:cluster/c", "arn:aws:eks:*:*:cluster/c"),
            ("r00000001r00000001", "**"),
            ("\u{1f980}\u{e9}rr00000001\u{e9}", "\u{1f980}*r**"),
            ("r00000013", "r00000013"),
        ] {
            assert_eq!(wildcards.put_into(text), known, "{text}");
        }
        assert_eq!(Wildcards::new(&BTreeSet::new()).put_into("r00000001"), "r00000001");
    }
}

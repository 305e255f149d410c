//! One `Action` or `Resource` of a policy, or of a question: text with wildcards.
//!
//! Says how far one pattern reaches into another; what a statement makes of that is not its business.
//! `*` is any run of characters, the empty one too, and `?` is exactly one (IAM User Guide, "IAM JSON
//! policy elements: Resource"). A `*` also runs over the colons of an ARN, as IAM lets it.

use super::inclusion::{behind_common_start, covers, overlaps};
use super::reach::Reach;

/// One place of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    /// This character.
    Is(char),
    /// Any one character.
    One,
    /// Any characters, or none.
    Any,
}

/// A text with wildcards, in one normal form: `?` before `*` wherever they meet, and no `**`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    tokens: Vec<Token>,
    /// It stands for more than it can match: a policy variable in it is read as `*`.
    is_wider: bool,
    /// Its wildcards stand for text without a colon.
    has_no_colons: bool,
}

impl Pattern {
    /// A pattern as a question has it: no variables. Case stays. In an ARN of EC2 a wildcard stays
    /// between its colons: `arn:aws:ec2:*:*:subnet/*` stands for subnets, and neither a region nor an
    /// account nor an id has a colon. So a policy about instances has nothing to do with it.
    pub(super) fn asked(text: &str) -> Pattern {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let has_no_colons = matches!(parts.as_slice(), ["arn", _, "ec2", _, _, _]);
        Pattern { has_no_colons, ..Pattern::new(text.chars().map(token)) }
    }

    /// A text that has no wildcards, whatever characters are in it.
    pub(super) fn text(text: &str) -> Pattern {
        Pattern::new(text.chars().map(Token::Is))
    }

    /// An action: IAM reads them without regard to case ("IAM JSON policy elements: Action").
    pub(super) fn action(text: &str) -> Pattern {
        Pattern::new(text.to_ascii_lowercase().chars().map(token))
    }

    /// A resource of a statement. `${*}`, `${?}` and `${$}` are those characters; every other `${…}` is
    /// a variable, whose value is not known here ("IAM policy elements: Variables and tags").
    pub(super) fn resource(text: &str) -> Pattern {
        let mut found = Vec::with_capacity(text.len());
        let mut is_wider = false;
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            match rest.strip_prefix("${").and_then(|behind| behind.split_once('}')) {
                Some((name, behind)) => {
                    found.push(match name {
                        "*" | "?" | "$" => Token::Is(name.chars().next().unwrap_or('$')),
                        _ => Token::Any,
                    });
                    is_wider |= !matches!(name, "*" | "?" | "$");
                    rest = behind;
                }
                None => {
                    found.push(token(first));
                    rest = &rest[first.len_utf8()..];
                }
            }
        }
        Pattern { is_wider, ..Pattern::new(found.into_iter()) }
    }

    fn new(found: impl Iterator<Item = Token>) -> Pattern {
        Pattern { tokens: normal(found), is_wider: false, has_no_colons: false }
    }

    /// How much of what `asked` stands for this pattern matches.
    pub(super) fn reach(&self, asked: &Pattern) -> Reach {
        let Some((mine, theirs)) = behind_common_start(&self.tokens, &asked.tokens) else { return Reach::Nothing };
        if !self.is_wider && covers(mine, theirs) {
            return Reach::Whole;
        }
        match overlaps(mine, theirs, asked.has_no_colons) {
            false => Reach::Nothing,
            true if self.is_wider => Reach::Unjudged,
            true => Reach::Part,
        }
    }
}

fn token(character: char) -> Token {
    match character {
        '*' => Token::Any,
        '?' => Token::One,
        other => Token::Is(other),
    }
}

/// The normal form.
fn normal(found: impl Iterator<Item = Token>) -> Vec<Token> {
    let mut tokens = Vec::with_capacity(found.size_hint().0);
    for token in found {
        match (tokens.last(), token) {
            (Some(Token::Any), Token::Any) => {}
            (Some(Token::Any), Token::One) => tokens.insert(tokens.len() - 1, Token::One),
            (_, token) => tokens.push(token),
        }
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reach(pattern: &str, asked: &str) -> Reach {
        Pattern::resource(pattern).reach(&Pattern::asked(asked))
    }

    #[test]
    fn a_pattern_reaches_all_some_or_none_of_what_is_asked() {
        for (pattern, asked, expected) in [
            ("*", "*", Reach::Whole),
            ("*", "", Reach::Whole),
            ("", "", Reach::Whole),
            ("", "*", Reach::Part),
            ("?*", "*", Reach::Part),
            ("*?", "?*", Reach::Whole),
            ("a*b", "a:x:b", Reach::Whole),
            ("a*b", "a*", Reach::Part),
            ("a?b", "ab", Reach::Nothing),
            ("?", "??", Reach::Nothing),
            ("??*", "?*a?", Reach::Whole),
            ("*a*", "*b*", Reach::Part),
            ("*ab", "*aab", Reach::Whole),
            ("A", "a", Reach::Nothing),
            ("arn:aws:ec2:*:network-interface/*", "arn:aws:ec2:*:*:network-interface/*", Reach::Whole),
            ("arn:aws:ec2:*:1:network-interface/*", "arn:aws:ec2:*:*:network-interface/*", Reach::Part),
            ("arn:aws:ec2:*:*:subnet/*", "arn:aws:ec2:*:*:network-interface/*", Reach::Nothing),
            ("arn:aws:ec2:*/eni-1", "arn:aws:ec2:*:*:network-interface/*", Reach::Part),
            ("arn:aws-cn:ec2:*", "arn:aws:ec2:*:*:network-interface/*", Reach::Nothing),
        ] {
            assert_eq!(reach(pattern, asked), expected, "`{pattern}` for `{asked}`");
        }
    }

    #[test]
    fn a_variable_is_never_sure_and_an_escape_is_a_character() {
        assert_eq!(reach("a/${aws:username}", "a/b"), Reach::Unjudged);
        assert_eq!(reach("a/${aws:username}", "b/b"), Reach::Nothing);
        assert_eq!(reach("${aws:username}", "*"), Reach::Unjudged);
        assert_eq!(reach("a/${*}", "a/b"), Reach::Nothing);
        assert_eq!(reach("a/${*}", "a/*"), Reach::Part);
        assert_eq!(reach("a/${$}{x}", "a/${x}"), Reach::Whole);
        assert_eq!(reach("a/${open", "a/${open"), Reach::Whole);
    }

    #[test]
    fn a_pattern_that_would_take_too_long_is_not_claimed_to_cover() {
        let (hard, asked) = (format!("*a{}", "?".repeat(300)), format!("{}*", "*a".repeat(40)));
        assert_ne!(reach(&hard, &asked), Reach::Whole);
    }

    /// Every text of these up to a length. Patterns name all but the last, so that it stands for every
    /// character that they do not name.
    fn texts(alphabet: [char; 3], longest: usize) -> Vec<String> {
        let mut all = vec![String::new()];
        let mut last = all.clone();
        for _ in 0..longest {
            last = last.iter().flat_map(|text| alphabet.map(|more| format!("{text}{more}"))).collect();
            all.extend(last.iter().cloned());
        }
        all
    }

    /// Told apart from the code under test: straight from what the wildcards mean.
    fn matches(pattern: &[u8], text: &[u8], wild: &dyn Fn(u8) -> bool) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, None) => true,
            (Some((b'*', rest)), _) => {
                let one_more = text.split_first().filter(|(first, _)| wild(**first));
                matches(rest, text, wild) || one_more.is_some_and(|(_, tail)| matches(pattern, tail, wild))
            }
            (Some((b'?', rest)), Some((first, tail))) => wild(*first) && matches(rest, tail, wild),
            (Some((one, rest)), Some((other, tail))) => one == other && matches(rest, tail, wild),
            (None, Some(_)) | (Some(_), None) => false,
        }
    }

    /// By trying every text; wildcards of what is asked stand for what `wild` takes.
    fn reach_by_trying(pattern: &str, asked: &str, texts: &[String], wild: &dyn Fn(u8) -> bool) -> Reach {
        let meant: Vec<&String> =
            texts.iter().filter(|text| matches(asked.as_bytes(), text.as_bytes(), wild)).collect();
        let hits = meant.iter().filter(|text| matches(pattern.as_bytes(), text.as_bytes(), &|_| true)).count();
        match hits {
            0 => Reach::Nothing,
            all if all == meant.len() => Reach::Whole,
            _ => Reach::Part,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        // Seven characters: the patterns name no more than that together.
        #[test]
        fn inclusion_agrees_with_every_text(pattern in "[ab*?]{0,5}", asked in "[ab*?]{0,4}") {
            let expected = reach_by_trying(&pattern, &asked, &texts(['a', 'b', 'c'], 7), &|_| true);
            prop_assert_eq!(reach(&pattern, &asked), expected);
        }

        #[test]
        fn inclusion_agrees_with_every_text_of_an_arn(pattern in "[a:*?]{0,5}", asked in "[a:*?]{0,4}") {
            let expected = reach_by_trying(&pattern, &asked, &texts(['a', ':', 'c'], 7), &|byte| byte != b':');
            prop_assert_eq!(reach(&format!("arn:aws:ec2:::{pattern}"), &format!("arn:aws:ec2:::{asked}")), expected);
        }
    }
}

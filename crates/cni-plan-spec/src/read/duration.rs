//! Durations as people write them: `30s`, `5m`, `1h30m`, `500ms`.

use std::time::Duration;

use crate::diagnostic::{Problem, quoted};

/// Longer than any sensible wait; keeps deadlines far from overflow.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// Largest first: each unit is given at most once and in this order.
const UNITS: &[(&str, u64)] = &[("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

/// A duration as the spec has them, given elsewhere: `30s`, `5m`, `1h30m`; zero or more, at most a day.
///
/// # Errors
/// What is wrong with the text, and what to write.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    duration(text).map_err(|problem| [vec![problem.message], problem.hints].concat().join("; "))
}

/// A duration of zero or more, at most a day.
pub(crate) fn duration(text: &str) -> Result<Duration, Problem> {
    let bad = || Problem::new(format!("is no duration: {}", quoted(text))).hint("write such as 30s, 5m or 1h30m");
    let mut rest = text;
    let mut units = UNITS.iter();
    let mut milliseconds = 0u64;
    if rest.is_empty() {
        return Err(bad());
    }
    while !rest.is_empty() {
        let digits = rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        let letters = after.find(|character: char| character.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let (_, factor) = units.find(|(name, _)| *name == unit).ok_or_else(bad)?;
        // Only digits are left to fail here, by being too many.
        let number = if number.is_empty() { return Err(bad()) } else { number.parse::<u64>().unwrap_or(u64::MAX) };
        milliseconds = milliseconds.saturating_add(number.saturating_mul(*factor));
        rest = after;
    }
    let duration = Duration::from_millis(milliseconds);
    if duration > LONGEST {
        return Err(Problem::new(format!("cannot be {}: longer than a day", quoted(text))).hint("write 24h at most"));
    }
    Ok(duration)
}

/// A duration above zero.
pub(crate) fn positive_duration(text: &str) -> Result<Duration, Problem> {
    let duration = duration(text)?;
    if duration.is_zero() {
        let problem = Problem::new("cannot be zero: no pod would be Ready in time");
        return Err(problem.hint("write how long a batch of pods may take, such as 5m"));
    }
    Ok(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write() {
        let cases =
            [("0s", 0), ("500ms", 500), ("30s", 30_000), ("5m", 300_000), ("1h30m", 5_400_000), ("24h", 86_400_000)];
        for (text, milliseconds) in cases {
            assert_eq!(duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
    }

    #[test]
    fn what_is_none() {
        for text in ["", "5", "m", "5 m", "5min", "1.5h", "-5m", "5m1h", "5m5m", "25h", "99999999999999999999h", "五m"]
        {
            assert!(duration(text).is_err(), "{text}");
        }
        assert!(positive_duration("0s").is_err());
    }
}

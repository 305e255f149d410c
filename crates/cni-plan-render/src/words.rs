//! Numbers, durations and lists as people write them.

use std::fmt::Write as _;
use std::time::Duration;

/// `1 pod`, `3 pods`. Only for nouns that take an `s`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A duration as a spec would have it, exact to the millisecond: `5m`, `1h30m`, `2s500ms`, `0s`.
pub fn duration_text(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    let parts = [
        (milliseconds / 3_600_000, "h"),
        (milliseconds / 60_000 % 60, "m"),
        (milliseconds / 1000 % 60, "s"),
        (milliseconds % 1000, "ms"),
    ];
    let mut text = String::new();
    for (number, unit) in parts.into_iter().filter(|(number, _)| *number > 0) {
        write!(text, "{number}{unit}").expect("a String takes every write");
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// How long something took, as precisely as anyone cares: `340ms`, `3.2s`, `2m05s`.
pub(crate) fn took(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    // 59.95 s would be rounded to `60.0s`: from there on it is minutes.
    match milliseconds {
        0..1000 => format!("{milliseconds}ms"),
        1000..59_950 => format!("{:.1}s", duration.as_secs_f64()),
        _ => {
            let seconds = (milliseconds + 500) / 1000;
            format!("{}m{:02}s", seconds / 60, seconds % 60)
        }
    }
}

/// How long something has been going on: `12s`, `3m05s`, `1h02m`.
pub(crate) fn elapsed(duration: Duration) -> String {
    match duration.as_secs() {
        seconds @ 0..60 => format!("{seconds}s"),
        seconds @ 60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        seconds => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn and(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// `a, b, c`; of more than `most`, the first ones and how many others there are.
pub(crate) fn first_of(items: &[String], most: usize) -> String {
    if items.len() <= most {
        return items.join(", ");
    }
    format!("{} and {} more", items[..most].join(", "), items.len() - most)
}

/// Lines of at most `width` characters, broken at spaces; a longer word has a line of its own.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > width {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        line.push_str(word);
        used += length;
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_numbers_are_read_in_groups() {
        assert_eq!([0, 12, 999, 1000, 1_234_567].map(grouped), ["0", "12", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn durations_read_as_people_write_them() {
        let text = |milliseconds| duration_text(Duration::from_millis(milliseconds));
        assert_eq!(text(300_000), "5m");
        assert_eq!(text(5_400_000), "1h30m");
        assert_eq!(text(90_000), "1m30s");
        assert_eq!(text(2500), "2s500ms");
        assert_eq!(text(0), "0s");
    }

    #[test]
    fn what_took_time_is_told_to_a_useful_precision() {
        let text = |milliseconds| took(Duration::from_millis(milliseconds));
        assert_eq!(text(0), "0ms");
        assert_eq!(text(3249), "3.2s");
        assert_eq!(text(59_949), "59.9s");
        assert_eq!(text(59_950), "1m00s");
        assert_eq!(text(125_000), "2m05s");
    }

    #[test]
    fn what_goes_on_is_told_to_the_second_and_later_to_the_minute() {
        let text = |seconds| elapsed(Duration::from_secs(seconds));
        assert_eq!([0, 59, 60, 3599, 3600, 7260].map(text), ["0s", "59s", "1m00s", "59m59s", "1h00m", "2h01m"]);
    }

    #[test]
    fn wrapping_loses_nothing_and_never_breaks_a_word() {
        let text = "a bc def ghij a-word-longer-than-the-line x";
        let lines = wrap(text, 8);
        assert_eq!(lines, ["a bc def", "ghij", "a-word-longer-than-the-line", "x"]);
        assert_eq!(lines.join(" "), text);
    }

    #[test]
    fn a_list_that_is_cut_says_so() {
        let items: Vec<String> = ["a", "b", "c"].map(str::to_owned).to_vec();
        assert_eq!(first_of(&items, 3), "a, b, c");
        assert_eq!(first_of(&items, 2), "a, b and 1 more");
        assert_eq!(and(&items), "a, b and c");
    }
}

//! Instants as Kubernetes writes them.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// `metav1.Time`: whole seconds in UTC.
pub(super) fn seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// An instant later by a duration; the end of time if there is no such instant.
pub(super) fn after(at: Timestamp, wait: Duration) -> Timestamp {
    SignedDuration::try_from(wait).ok().and_then(|wait| at.checked_add(wait).ok()).unwrap_or(Timestamp::MAX)
}

/// How long ago something was, as kubectl's tables write it: `5s`, `3m`, `4h`, `2d`.
pub(super) fn age(since: &str, now: Timestamp) -> String {
    let Ok(since) = since.parse::<Timestamp>() else { return "<unknown>".to_owned() };
    let seconds = now.duration_since(since).as_secs().max(0);
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..600 if seconds % 60 != 0 => format!("{minutes}m{}s", seconds % 60),
        120..10_800 => format!("{minutes}m"),
        10_800..28_800 if minutes % 60 != 0 => format!("{hours}h{}m", minutes % 60),
        10_800..172_800 => format!("{hours}h"),
        172_800..691_200 if hours % 24 != 0 => format!("{}d{}h", hours / 24, hours % 24),
        _ => format!("{}d", hours / 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_written_as_kubectl_writes_them() {
        let ago = |seconds| age("1970-01-01T00:00:00Z", Timestamp::from_second(seconds).unwrap());
        assert_eq!([ago(5), ago(119), ago(185), ago(180), ago(700)], ["5s", "119s", "3m5s", "3m", "11m"]);
        assert_eq!([ago(11_000), ago(100_000), ago(900_000)], ["3h3m", "27h", "10d"]);
    }
}

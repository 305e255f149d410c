//! Durations in files as people write them: `300s`, `1500ms`.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serializer};

pub(crate) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    let milliseconds = duration.as_millis();
    if milliseconds.is_multiple_of(1000) {
        serializer.serialize_str(&format!("{}s", milliseconds / 1000))
    } else {
        serializer.serialize_str(&format!("{milliseconds}ms"))
    }
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    let parsed = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(milliseconds), _) => milliseconds.parse().map(Duration::from_millis),
        (None, Some(seconds)) => seconds.parse().map(Duration::from_secs),
        (None, None) => return Err(serde::de::Error::custom(format!("`{text}` is no duration such as 300s"))),
    };
    let duration = parsed.map_err(serde::de::Error::custom)?;
    if duration > LONGEST {
        return Err(serde::de::Error::custom(format!("`{text}` is longer than a day")));
    }
    Ok(duration)
}

/// What a spec may ask for at most. A file is not a spec: whoever makes one by hand could ask for a
/// moment that no clock can tell.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Wait(#[serde(with = "super")] Duration);

    #[test]
    fn a_duration_is_one_that_a_clock_can_tell() {
        let read = |text: &str| serde_json::from_value::<Wait>(text.into());
        assert_eq!(read("86400s").unwrap(), Wait(LONGEST));
        for text in ["86401s", "18446744073709551615s", "18446744073709551615ms", "5m", "-1s", ""] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}

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
    parsed.map_err(serde::de::Error::custom)
}

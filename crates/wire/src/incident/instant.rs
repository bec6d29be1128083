//! Instants in JSON, as RFC 3339 text.

use jiff::{Timestamp, ZonedDateTime};
use serde::{Deserialize, Deserializer, Serializer};

/// Writes an instant in UTC.
pub(super) fn serialize<S: Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(at)
}

/// Reads an instant with any offset.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(from)?;
    text.parse().map_err(|_| serde::de::Error::custom(format!("{text:?} is no instant; write it as 2026-01-31T09:00:00Z")))
}

/// The local time of a deadline with its offset, to the second.
pub(super) fn local(due: &ZonedDateTime) -> String {
    due.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// Writes a local time with its offset, or null.
#[expect(clippy::ref_option, reason = "serde hands over a reference to the field")]
pub(super) fn serialize_due<S: Serializer>(due: &Option<ZonedDateTime>, to: S) -> Result<S::Ok, S::Error> {
    match due {
        Some(due) => to.serialize_some(&local(due)),
        None => to.serialize_none(),
    }
}

/// An instant that may be absent.
pub(super) mod option {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes an instant in UTC, or null.
    #[expect(clippy::ref_option, reason = "serde hands over a reference to the field")]
    pub(in super::super) fn serialize<S: Serializer>(at: &Option<Timestamp>, to: S) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => to.serialize_some(&at.to_string()),
            None => to.serialize_none(),
        }
    }

    /// Reads an instant with any offset, or null.
    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
        #[derive(Deserialize)]
        struct Inner(#[serde(with = "super")] Timestamp);
        Ok(Option::<Inner>::deserialize(from)?.map(|inner| inner.0))
    }
}

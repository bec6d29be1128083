//! Moments: as STIX (section 3.2) and TAXII (section 2) write them, in UTC with `Z`, and as people write them, with any offset.

use std::str::FromStr;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A moment of UTC, microseconds since 1970.
///
/// # Example
/// ```
/// use buttress_wire::Instant;
/// let instant = Instant::parse("2016-05-12T08:17:27.5Z").unwrap();
/// assert_eq!(instant.to_string(), "2016-05-12T08:17:27.500000Z");
/// assert_eq!(Instant::parse("2016-05-12T10:17:27+02:00"), None);
/// assert_eq!("2016-05-12T10:17:27+02:00".parse::<Instant>().unwrap().short(), "2016-05-12T08:17:27Z");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(pub i64);

impl Instant {
    /// Reads `YYYY-MM-DDThh:mm:ss[.s+]Z`; `None` for any other form. Digits beyond the sixth are dropped.
    pub fn parse(text: &str) -> Option<Instant> {
        let body = text.strip_suffix('Z')?;
        let (seconds, fraction) = body.split_once('.').map_or((body, None), |(s, f)| (s, Some(f)));
        let is_form = seconds.len() == 19
            && seconds.bytes().enumerate().all(|(i, c)| match i {
                4 | 7 => c == b'-',
                10 => c == b'T',
                13 | 16 => c == b':',
                _ => c.is_ascii_digit(),
            });
        if !is_form || fraction.is_some_and(|f| f.is_empty() || !f.bytes().all(|c| c.is_ascii_digit())) {
            return None;
        }
        let civil: jiff::civil::DateTime = seconds.parse().ok()?;
        let micro = fraction.unwrap_or("").bytes().chain(std::iter::repeat(b'0')).take(6).fold(0, |sum, c| sum * 10 + i64::from(c - b'0'));
        let second = TimeZone::UTC.to_timestamp(civil).ok()?.as_second();
        Some(Instant(second * 1_000_000 + micro))
    }

    /// The same moment, to be reckoned with; at the ends of the calendar its first or last.
    pub fn timestamp(self) -> Timestamp {
        Timestamp::from_microsecond(self.0).unwrap_or(if self.0 < 0 { Timestamp::MIN } else { Timestamp::MAX })
    }

    /// What clocks in a zone show.
    pub fn in_zone(self, zone: &TimeZone) -> ZonedDateTime {
        self.timestamp().to_zoned_datetime(zone.clone())
    }

    /// In UTC, with no more digits of a second than it has.
    pub fn short(self) -> String {
        self.timestamp().to_string()
    }
}

impl From<Timestamp> for Instant {
    /// The microsecond in which a moment lies.
    fn from(timestamp: Timestamp) -> Instant {
        Instant(timestamp.as_nanosecond().div_euclid(1000) as i64)
    }
}

/// A text that is no moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no instant; write it as 2026-01-31T09:00:00Z or 2026-01-31T10:00:00+01:00")]
pub struct NoInstant(pub String);

impl FromStr for Instant {
    type Err = NoInstant;

    /// Reads RFC 3339 with any offset.
    fn from_str(text: &str) -> Result<Instant, NoInstant> {
        text.parse::<Timestamp>().map(Instant::from).map_err(|_| NoInstant(text.chars().take(80).collect()))
    }
}

impl Serialize for Instant {
    /// Writes UTC.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.short())
    }
}

impl<'de> Deserialize<'de> for Instant {
    /// Reads any offset.
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Instant, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

impl std::fmt::Display for Instant {
    /// Six digits of a second, as TAXII 2.1 section 2 asks.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match Timestamp::from_microsecond(self.0) {
            Ok(timestamp) => write!(f, "{timestamp:.6}"),
            Err(_) => write!(f, "9999-12-31T23:59:59.999999Z"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_utc_in_the_form_of_the_standard_is_a_timestamp() {
        for bad in ["", "Z", "2016-05-12", "2016-05-12T08:17Z", "2016-05-12 08:17:27Z", "2016-05-12T08:17:27.Z", "2016-13-12T08:17:27Z"] {
            assert_eq!(Instant::parse(bad), None, "{bad}");
        }
        assert_eq!(Instant::parse("1970-01-01T00:00:01Z"), Some(Instant(1_000_000)));
        assert_eq!(Instant::parse("1970-01-01T00:00:00.0000019Z"), Some(Instant(1)));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(micro in 0_i64..253_402_300_799_000_000) {
            prop_assert_eq!(Instant::parse(&Instant(micro).to_string()), Some(Instant(micro)));
            prop_assert_eq!(Instant(micro).short().parse(), Ok(Instant(micro)));
            prop_assert_eq!(Instant::from(Instant(micro).timestamp()), Instant(micro));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,40}") {
            let _ = (Instant::parse(&text), text.parse::<Instant>());
        }
    }
}

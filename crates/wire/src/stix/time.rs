//! Timestamps of STIX (section 3.2) and TAXII (section 2): RFC 3339 in UTC, written with `Z`.

/// A moment of UTC, microseconds since 1970.
///
/// # Example
/// ```
/// use buttress_wire::stix::Instant;
/// let instant = Instant::parse("2016-05-12T08:17:27.5Z").unwrap();
/// assert_eq!(instant.to_string(), "2016-05-12T08:17:27.500000Z");
/// assert_eq!(Instant::parse("2016-05-12T10:17:27+02:00"), None);
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
        let second = jiff::tz::TimeZone::UTC.to_timestamp(civil).ok()?.as_second();
        Some(Instant(second * 1_000_000 + micro))
    }
}

impl std::fmt::Display for Instant {
    /// Six digits of a second, as TAXII 2.1 section 2 asks.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
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
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,40}") {
            let _ = Instant::parse(&text);
        }
    }
}

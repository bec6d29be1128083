//! How long to wait before asking again.

use std::time::Duration;

use super::Limits;

/// What `Retry-After` says, at the moment `now` (seconds since 1970): seconds, or a date (RFC 9110 section 10.2.3).
pub(super) fn retry_after(text: &str, now: i64) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let at = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?.as_second();
    Some(Duration::from_secs(u64::try_from(at - now).unwrap_or(0)))
}

/// The wait before attempt number `n`, counted from 1: doubling, up to the longest.
pub(super) fn backoff(limits: &Limits, n: u32) -> Duration {
    limits.first_wait.saturating_mul(2_u32.saturating_pow(n.saturating_sub(1))).min(limits.longest_wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_understood() {
        let now = 1_445_412_420; // Wed, 21 Oct 2015 07:27:00 GMT
        assert_eq!(retry_after("120", now), Some(Duration::from_mins(2)));
        assert_eq!(retry_after("Wed, 21 Oct 2015 07:28:00 GMT", now), Some(Duration::from_mins(1)));
        assert_eq!(retry_after("Wed, 21 Oct 2015 07:26:00 GMT", now), Some(Duration::ZERO));
        for other in ["", "-1", "soon", "1.5"] {
            assert_eq!(retry_after(other, now), None, "{other}");
        }
    }

    #[test]
    fn waits_double_and_are_bounded() {
        let limits = Limits { first_wait: Duration::from_millis(500), longest_wait: Duration::from_secs(3), ..Limits::default() };
        let waits: Vec<u128> = [1, 2, 3, 4, 99].map(|n| backoff(&limits, n).as_millis()).into();
        assert_eq!(waits, [500, 1000, 2000, 3000, 3000]);
    }
}

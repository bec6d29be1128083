//! Bearer tokens of accounts (RFC 6750): random, kept as a digest only.

use sha2::{Digest, Sha256};

use super::{NoRandomness, random};
use crate::hex::{bytes_of_hex, hex};

/// How every token begins, so that a scanner of repositories and logs can find one that leaked.
pub const PREFIX: &str = "buttress_";
/// Random bytes of a token: no guessing, and so no salt and no slow hash.
const RANDOM: usize = 32;
/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// A new token.
pub fn fresh() -> Result<String, NoRandomness> {
    Ok(format!("{PREFIX}{}", hex(&random::<RANDOM>()?)))
}

/// The digest by which a token is kept and found. Finding it by a sorted table tells a watcher of the clock at most how digests
/// begin, from which no token follows.
pub fn digest_of(token: &str) -> Option<[u8; 32]> {
    bytes_of_hex::<RANDOM>(token.strip_prefix(PREFIX)?)?;
    Some(Sha256::digest(token.as_bytes()).into())
}

/// The end of a token's life: `90d` from now, midnight UTC at which a date begins, or `never`.
pub fn expiry(text: &str, now: i64) -> Result<Option<i64>, String> {
    let wrong = || format!("`{text}` is no end of a token's life: write a number of days such as 90d, a date such as 2027-01-31, or never");
    if text == "never" {
        return Ok(None);
    }
    let at = if let Some(days) = text.strip_suffix('d') {
        let days: i64 = days.parse().ok().filter(|days| (1..=36_500).contains(days)).ok_or_else(wrong)?;
        now.saturating_add(days * DAY)
    } else {
        let date: jiff::civil::Date = text.parse().map_err(|_| wrong())?;
        jiff::tz::TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).map_err(|_| wrong())?.as_microsecond()
    };
    if at <= now { Err(format!("`{text}` is over: give a later end of the token's life")) } else { Ok(Some(at)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_long_can_be_found_and_is_no_other() {
        let (a, b) = (fresh().unwrap(), fresh().unwrap());
        assert!(a.starts_with(PREFIX) && a.len() == PREFIX.len() + 64 && a != b);
        assert_ne!(digest_of(&a), digest_of(&b));
        assert_eq!(digest_of(&a), digest_of(&a.clone()));
        for odd in ["", "buttress_", &a[1..], &a[..a.len() - 1], &a.to_uppercase(), &format!("{a}0")] {
            assert_eq!(digest_of(odd), None, "{odd}");
        }
        assert_eq!(bytes_of_hex(&hex(&[0, 9, 255, 16])), Some([0, 9, 255, 16]));
    }

    #[test]
    fn ends_of_life_are_read() {
        let now = 1_800_000_000_000_000; // 2027-01-15T08:00:00Z
        assert_eq!(expiry("90d", now), Ok(Some(now + 90 * DAY)));
        assert_eq!(expiry("never", now), Ok(None));
        assert_eq!(expiry("2027-01-16", now), Ok(Some(1_800_057_600_000_000)));
        for odd in ["", "d", "0d", "-1d", "x", "2027-13-01", "90", "2027-01-15", "2020-01-01"] {
            assert!(expiry(odd, now).is_err(), "{odd}");
        }
    }
}

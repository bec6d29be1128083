//! Limits: token buckets in a table of fixed size.
//!
//! A bucket is kept as the moment at which it is full again (the generic cell rate algorithm of ITU-T I.371), so it needs no upkeep.
//! Who is limited, a name or an address, is laid by a keyed hash over one place in each of four rows; the emptiest of the four debts
//! counts, and only places below the new debt are raised (a count-min sketch with conservative update). So nobody ever gets more than
//! the limit, memory does not grow with addresses, and a stranger is limited with somebody else only where all four places collide.

use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

const ROWS: usize = 4;
/// Places of a row, as a power of two.
const ROW_BITS: u32 = 14;
const ROW: usize = 1 << ROW_BITS;
const NS: u64 = 1_000_000_000;
/// From this on a clock counts as set back. Who waited for a check before it is booked brings an older moment than others, by less.
const SET_BACK_NS: i64 = 60 * NS as i64;

/// So much in a period, and so much at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// What may be taken in a period.
    pub amount: u64,
    /// Period, seconds.
    pub period_s: u64,
    /// What may be taken at once after a rest.
    pub burst: u64,
}

/// Seconds after which to ask again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait(pub u64);

/// Buckets of one limit.
#[derive(Debug)]
pub struct Buckets {
    /// Time that one unit takes, nanoseconds.
    unit_ns: i64,
    /// Time that a whole burst takes.
    burst_ns: i64,
    hash: RandomState,
    full_at: Mutex<Vec<i64>>,
}

impl Buckets {
    /// Full buckets.
    pub fn new(limit: Limit) -> Buckets {
        let unit_ns = limit.period_s.saturating_mul(NS).div_ceil(limit.amount.max(1)).max(1);
        let unit_ns = i64::try_from(unit_ns).unwrap_or(i64::MAX);
        let burst_ns = unit_ns.saturating_mul(i64::try_from(limit.burst.max(1)).unwrap_or(i64::MAX));
        // A year bounds what follows from odd settings, far from the ends of the clock.
        let burst_ns = burst_ns.min(365 * 86_400 * NS as i64);
        Buckets { unit_ns, burst_ns, hash: RandomState::new(), full_at: Mutex::new(vec![i64::MIN; ROWS * ROW]) }
    }

    fn places(&self, who: &[u8]) -> [usize; ROWS] {
        let hash = self.hash.hash_one(who);
        std::array::from_fn(|row| row * ROW + (hash >> (row as u32 * ROW_BITS)) as usize % ROW)
    }

    /// Takes an amount, or says when to come again. More than a burst at once takes the whole burst. `now` in microseconds.
    pub fn take(&self, who: &[u8], amount: u64, now: i64) -> Result<(), Wait> {
        let cost = self.unit_ns.saturating_mul(i64::try_from(amount).unwrap_or(i64::MAX)).min(self.burst_ns);
        self.book(who, now, |begin, latest| {
            let end = begin.saturating_add(cost);
            if end > latest { Err(end - latest) } else { Ok(end) }
        })
    }

    /// Whether one unit could be taken, without taking it.
    pub fn check(&self, who: &[u8], now: i64) -> Result<(), Wait> {
        let unit = self.unit_ns.min(self.burst_ns);
        self.book(who, now, |begin, latest| {
            let end = begin.saturating_add(unit);
            if end > latest { Err(end - latest) } else { Ok(begin) }
        })
    }

    /// Takes one unit, or what is left of one.
    pub fn charge(&self, who: &[u8], now: i64) {
        let _ = self.book(who, now, |begin, latest| Ok(begin.saturating_add(self.unit_ns).min(latest)));
    }

    /// Lets `decide` say from the moment a bucket is full, and the latest such moment allowed, when it shall be full.
    fn book(&self, who: &[u8], now: i64, decide: impl FnOnce(i64, i64) -> Result<i64, i64>) -> Result<(), Wait> {
        let now = now.saturating_mul(1000);
        let latest = now.saturating_add(self.burst_ns);
        let places = self.places(who);
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        // A moment well beyond the latest comes from a clock that was set back; it must not shut anybody out for long.
        for place in places {
            if full_at[place] > latest.saturating_add(SET_BACK_NS) {
                full_at[place] = latest;
            }
        }
        let debt = |at: i64| at.clamp(now, latest);
        let begin = places.iter().map(|&place| debt(full_at[place])).min().unwrap_or(now);
        let end = decide(begin, latest).map_err(|ns| Wait((ns.max(1) as u64).div_ceil(NS)))?;
        for place in places {
            full_at[place] = debt(full_at[place]).max(end);
        }
        Ok(())
    }
}

/// What stands for an address in a limit: IPv4 itself, of IPv6 the network of 64 bits that one site holds.
pub fn network_of(address: IpAddr) -> [u8; 16] {
    let v6 = match address.to_canonical() {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64),
    };
    v6.octets()
}

/// All limits of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// Requests of an account.
    pub account: Limit,
    /// Requests from an address.
    pub address: Limit,
    /// Bytes sent by an account.
    pub bytes: Limit,
    /// Failed logins from an address.
    pub logins: Limit,
    /// Failed logins under a name, from addresses where it never succeeded.
    pub names: Limit,
}

/// Bytes of a mebibyte.
const MIB: u64 = 1 << 20;

impl Default for Rates {
    fn default() -> Rates {
        let a_second = |amount| Limit { amount, period_s: 1, burst: 2 * amount };
        let a_minute = |amount| Limit { amount, period_s: 60, burst: amount };
        Rates { account: a_second(2000), address: a_second(4000), bytes: a_minute(4096 * MIB), logins: a_minute(100), names: a_minute(60) }
    }
}

impl Rates {
    /// Reads words such as `account=2000`, `account=2000:8000` (with its burst), `mib=512`, `logins=10`, on top of the defaults.
    pub fn parse(words: &[String]) -> Result<Rates, String> {
        let mut rates = Rates::default();
        for word in words {
            let wrong = || {
                format!(
                    "`{word}` is no rate: write account=N or address=N (requests a second), mib=N (sent by an account in a minute), \
                     logins=N (failed ones of an address in a minute) or names=N (failed ones of a name); N:BURST allows a burst"
                )
            };
            let (what, text) = word.split_once('=').ok_or_else(wrong)?;
            let (limit, unit) = match what {
                "account" => (&mut rates.account, 1),
                "address" => (&mut rates.address, 1),
                "mib" => (&mut rates.bytes, MIB),
                "logins" => (&mut rates.logins, 1),
                "names" => (&mut rates.names, 1),
                _ => return Err(wrong()),
            };
            let number = |text: &str| text.parse().ok().filter(|n| (1..=1_000_000_u64).contains(n)).map(|n| n * unit).ok_or_else(wrong);
            let at_rest = limit.burst / limit.amount;
            let (amount, burst) = match text.split_once(':') {
                Some((amount, burst)) => (number(amount)?, number(burst)?),
                None => (number(text)?, number(text)? * at_rest),
            };
            *limit = Limit { amount, burst, ..*limit };
        }
        Ok(rates)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn never_more_than_burst_and_rate_times_time(
            amount in 1_u64..50, period_s in 1_u64..70, burst in 1_u64..40,
            asks in proptest::collection::vec((0_i64..2_000_000, 0_u8..4, 1_u64..5), 1..200),
        ) {
            let limit = Limit { amount, period_s, burst };
            let buckets = Buckets::new(limit);
            let (begin, mut now) = (1_800_000_000_000_000_i64, 1_800_000_000_000_000_i64);
            let mut taken = [0_u64; 4];
            for (later, who, n) in asks {
                now += later;
                if buckets.take(&[who], n, now).is_ok() {
                    taken[who as usize] += n.min(burst);
                }
                let time_s = (now - begin) as f64 / 1e6;
                let most = burst as f64 + amount as f64 / period_s as f64 * time_s;
                prop_assert!(taken[who as usize] as f64 <= most + 1e-6, "{} of {most}", taken[who as usize]);
            }
        }

        #[test]
        fn who_comes_when_told_is_let_in(burst in 1_u64..9, period_s in 1_u64..90) {
            let buckets = Buckets::new(Limit { amount: 1, period_s, burst });
            let mut now = 1_800_000_000_000_000;
            for _ in 0..burst + 3 {
                if let Err(Wait(seconds)) = buckets.take(b"a", 1, now) {
                    prop_assert!(seconds <= period_s);
                    now += seconds as i64 * 1_000_000;
                    prop_assert!(buckets.check(b"a", now).is_ok());
                    prop_assert!(buckets.take(b"a", 1, now).is_ok());
                }
            }
        }
    }

    #[test]
    fn others_are_let_in_beside_one_who_is_shut_out() {
        let buckets = Buckets::new(Limit { amount: 1, period_s: 60, burst: 5 });
        let shut = (0..1000_u32).filter(|n| (0..20).filter(|_| buckets.take(&n.to_be_bytes(), 1, 0).is_ok()).count() != 5).count();
        assert_eq!(shut, 0, "a thousand spenders in four rows of 16,384 do not meet in all four");
    }

    #[test]
    fn a_clock_set_back_shuts_nobody_out_for_long() {
        let buckets = Buckets::new(Limit { amount: 1, period_s: 1, burst: 2 });
        (0..2).for_each(|_| buckets.take(b"a", 1, 3_600_000_000).unwrap());
        assert_eq!(buckets.take(b"a", 1, 0), Err(Wait(1)));
        assert_eq!(buckets.take(b"a", 1, 1_000_000), Ok(()));
    }

    #[test]
    fn more_than_a_burst_takes_the_whole_of_it() {
        let buckets = Buckets::new(Limit { amount: 60, period_s: 60, burst: 60 });
        assert_eq!(buckets.take(b"a", 1000, 0), Ok(()));
        assert_eq!(buckets.take(b"a", 1, 0), Err(Wait(1)));
        assert_eq!(buckets.take(b"a", 1000, 0), Err(Wait(60)));
    }

    #[test]
    fn neighbours_of_a_site_count_together() {
        let of = |text: &str| network_of(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("192.0.2.1"), of("::ffff:192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }

    #[test]
    fn rates_are_read_and_odd_ones_refused() {
        let parse = |text: &str| Rates::parse(&text.split(',').map(str::to_owned).collect::<Vec<_>>());
        let rates = parse("account=10,mib=2:3,logins=5").unwrap();
        assert_eq!(rates.account, Limit { amount: 10, period_s: 1, burst: 20 });
        assert_eq!(rates.bytes, Limit { amount: 2 << 20, period_s: 60, burst: 3 << 20 });
        assert_eq!(rates.logins, Limit { amount: 5, period_s: 60, burst: 5 });
        assert_eq!(rates.address, Rates::default().address);
        for odd in ["", "account", "account=0", "account=x", "account=1:0", "pages=3", "account=99999999"] {
            assert!(parse(odd).is_err_and(|why| why.contains("no rate")), "{odd}");
        }
        assert!(Rates::default().account.amount >= 1000, "the speed bars read a thousand pages a second from one account");
    }
}

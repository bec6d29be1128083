//! How grave, how soon, how sure: stated rules from figures to the three words of CAP.
//!
//! The standard leaves the words to the sender. Ours:
//!
//! - severity: *Extreme* from 1,000,000 people without service or 6 member states of the Union (the number of states of the
//!   Critical Infrastructure Blueprint and of CER Art. 15(1)), *Severe* from 100,000 people or 2 member states, *Moderate* where
//!   any service is lost, *Minor* where none is. The numbers of people are ours.
//! - urgency: *Immediate* once it has begun, *Expected* within the next hour (the standard's own word), *Future* later, *Past* once
//!   all is over.
//! - certainty is never worked out from a simulation: what was simulated is *Possible* until a person says more.

use super::{Certainty, Severity, Time, Urgency};

/// People without service from which a threat is extraordinary.
pub const EXTREME_PEOPLE: f64 = 1_000_000.0;
/// People without service from which a threat is significant.
pub const SEVERE_PEOPLE: f64 = 100_000.0;
/// Member states hit from which a threat is extraordinary.
pub const EXTREME_STATES: usize = 6;
/// Member states hit from which a threat is significant.
pub const SEVERE_STATES: usize = 2;
/// Seconds ahead that are still *Expected*.
const SOON_S: i64 = 3600;

/// What is known of the effect.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Effect {
    /// People without service at the worst moment.
    pub people: f64,
    /// Member states of the Union hit.
    pub n_states: usize,
    /// Services that lose something.
    pub n_services: usize,
}

/// How grave an effect is.
pub fn severity(effect: &Effect) -> Severity {
    if effect.people >= EXTREME_PEOPLE || effect.n_states >= EXTREME_STATES {
        Severity::Extreme
    } else if effect.people >= SEVERE_PEOPLE || effect.n_states >= SEVERE_STATES {
        Severity::Severe
    } else if effect.people >= 1.0 || effect.n_services > 0 {
        Severity::Moderate
    } else {
        Severity::Minor
    }
}

/// How soon to act on what begins at `onset` and ends at `until`, as seen at `sent`; unknown without an onset.
pub fn urgency(onset: Option<Time>, until: Option<Time>, sent: Time) -> Urgency {
    let second = |time: Time| time.timestamp().as_second();
    let Some(onset) = onset else { return Urgency::Unknown };
    if until.is_some_and(|until| second(until) < second(sent)) {
        Urgency::Past
    } else if second(onset) <= second(sent) {
        Urgency::Immediate
    } else if second(onset) - second(sent) <= SOON_S {
        Urgency::Expected
    } else {
        Urgency::Future
    }
}

/// Confidence of STIX, 0 to 100, of a certainty: the middle of what the standard's word covers.
pub fn confidence(certainty: Certainty) -> Option<u8> {
    match certainty {
        Certainty::Observed => Some(95),
        Certainty::Likely => Some(75),
        Certainty::Possible => Some(30),
        Certainty::Unlikely => Some(5),
        Certainty::Unknown => None,
    }
}

/// Certainty of a confidence of STIX: never *Observed*, since confidence says how sure one is and not that it has happened.
pub fn certainty(confidence: Option<u8>) -> Certainty {
    match confidence {
        None => Certainty::Unknown,
        Some(0..=10) => Certainty::Unlikely,
        Some(11..=50) => Certainty::Possible,
        Some(_) => Certainty::Likely,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edges_of_severity_are_where_the_page_says() {
        let of = |people, n_states, n_services| severity(&Effect { people, n_states, n_services });
        assert_eq!((of(1e6, 0, 1), of(0.0, 6, 1)), (Severity::Extreme, Severity::Extreme));
        assert_eq!((of(999_999.0, 5, 1), of(1e5, 0, 1), of(0.0, 2, 0)), (Severity::Severe, Severity::Severe, Severity::Severe));
        assert_eq!((of(99_999.0, 1, 1), of(0.0, 0, 1)), (Severity::Moderate, Severity::Moderate));
        assert_eq!(of(0.0, 0, 0), Severity::Minor);
    }

    #[test]
    fn urgency_follows_the_clock() {
        let t = |text: &str| text.parse::<Time>().unwrap();
        let sent = t("2026-01-15T05:00:00-00:00");
        let of = |onset: &str, until: Option<&str>| urgency(Some(t(onset)), until.map(t), sent);
        assert_eq!(of("2026-01-15T05:00:00-00:00", None), Urgency::Immediate);
        assert_eq!(of("2026-01-15T07:00:00+01:00", None), Urgency::Expected);
        assert_eq!(of("2026-01-15T06:00:01-00:00", None), Urgency::Future);
        assert_eq!(of("2026-01-14T05:00:00-00:00", Some("2026-01-15T04:59:59-00:00")), Urgency::Past);
        assert_eq!(urgency(None, None, sent), Urgency::Unknown);
    }

    #[test]
    fn a_certainty_survives_the_way_through_stix_except_that_it_has_happened() {
        for word in [Certainty::Likely, Certainty::Possible, Certainty::Unlikely, Certainty::Unknown] {
            assert_eq!(certainty(confidence(word)), word);
        }
        assert_eq!(certainty(confidence(Certainty::Observed)), Certainty::Likely);
    }
}

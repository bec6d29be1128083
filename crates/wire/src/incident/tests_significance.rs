//! Thresholds at, below and above their numbers, and with inputs missing.

use super::significance::{
    Bound, DigitalService, Finding, Outage, Rule, SmallIncident, StateThresholds, Verdict, any, blueprint, cer, digital, money, nis2,
    recurring,
};
use super::{Answer, Impact};
use jiff::tz::TimeZone;
use proptest::prelude::*;

use Verdict::{Met, NotMet, Unknown};

fn in_countries(codes: &[&str]) -> Impact {
    Impact { countries: Some(codes.iter().map(|c| (*c).to_owned()).collect()), ..Impact::default() }
}

fn find(findings: &[Finding], rule: Rule) -> &Finding {
    findings.iter().find(|f| f.rule == rule).unwrap_or_else(|| panic!("no {rule:?}"))
}

#[test]
fn money_is_half_a_million_or_five_per_cent_the_lower() {
    let verdict = |loss_eur, turnover_eur| money(&Impact { loss_eur, turnover_eur, ..Impact::default() }).verdict;
    // 5 % of 20 million is one million: half a million is lower, and must be exceeded.
    assert_eq!(verdict(Some(500_000.0), Some(2e7)), NotMet);
    assert_eq!(verdict(Some(500_000.01), Some(2e7)), Met);
    // 5 % of 2 million is 100,000.
    assert_eq!(verdict(Some(100_000.0), Some(2e6)), NotMet);
    assert_eq!(verdict(Some(100_001.0), Some(2e6)), Met);
    // Without the turnover only the ends are certain.
    assert_eq!(verdict(Some(600_000.0), None), Met);
    assert_eq!(verdict(Some(400_000.0), None), Unknown);
    assert_eq!(verdict(Some(0.0), None), NotMet);
    assert_eq!(verdict(None, Some(2e6)), Unknown);
    for bad in [f64::NAN, f64::INFINITY, -1.0] {
        assert_eq!(verdict(Some(bad), Some(2e6)), Unknown);
        assert_eq!(verdict(Some(400_000.0), Some(bad)), Unknown);
    }
    let open = money(&Impact { loss_eur: Some(400_000.0), ..Impact::default() });
    assert_eq!(open.missing, ["turnover_eur"]);
    assert_eq!(money(&Impact::default()).missing, ["loss_eur", "turnover_eur"]);
    let known = money(&Impact { loss_eur: Some(1.0), turnover_eur: Some(2e6), ..Impact::default() });
    assert_eq!((known.readings[0].value, known.readings[0].bound), (Some(1.0), Bound::Above(100_000.0)));
    assert!(known.article.ends_with("Art. 3(1)(a)"));
}

#[test]
fn digital_services_have_their_own_minutes() {
    use DigitalService::{Cloud, ContentDelivery, DataCentre};
    let down = |service, min| find(&digital(service, &Outage { down_min: Some(min), ..Outage::default() }), Rule::ServiceDown).verdict;
    for service in [Cloud, ContentDelivery] {
        assert_eq!((down(service, 30.0), down(service, 30.1)), (NotMet, Met), "{service:?}");
    }
    assert_eq!((down(DataCentre, 0.0), down(DataCentre, 0.1)), (NotMet, Met));

    let limited = |service, limited_h, limited_users, limited_share| {
        let outage = Outage { down_min: None, limited_h, limited_users, limited_share };
        let findings = digital(service, &outage);
        let finding = find(&findings, Rule::ServiceLimited);
        (finding.verdict, finding.missing.clone())
    };
    assert_eq!(limited(Cloud, Some(1.1), Some(1_000_001.0), Some(0.01)), (Met, vec![]));
    assert_eq!(limited(Cloud, Some(1.1), Some(10.0), Some(0.051)), (Met, vec![]));
    assert_eq!(limited(Cloud, Some(1.1), Some(1e6), Some(0.05)), (NotMet, vec![]));
    assert_eq!(limited(Cloud, Some(1.0), Some(2e6), Some(1.0)), (NotMet, vec![]));
    assert_eq!(limited(Cloud, Some(1.0), None, None), (NotMet, vec![]));
    assert_eq!(limited(ContentDelivery, Some(2.0), Some(10.0), None), (Unknown, vec!["limited_share"]));
    assert_eq!(limited(ContentDelivery, None, None, Some(0.5)), (Unknown, vec!["limited_users", "limited_h"]));
    assert_eq!(limited(DataCentre, Some(1.1), None, None), (Met, vec![]));
    assert_eq!(limited(DataCentre, Some(1.0), None, None), (NotMet, vec![]));
    // A share above 1 is no share.
    assert_eq!(limited(Cloud, Some(2.0), Some(0.0), Some(5.0)).0, Unknown);
}

fn small(at: &str, cause: Option<&str>, loss_eur: Option<f64>) -> SmallIncident {
    SmallIncident { at: at.parse().unwrap(), cause: cause.map(str::to_owned), loss_eur }
}

#[test]
fn two_incidents_of_one_cause_in_six_months_count_together() {
    let verdict = |list: &[SmallIncident]| recurring(list, Some(1e8), &TimeZone::UTC).verdict;
    let a = |at, loss| small(at, Some("relay firmware"), Some(loss));
    assert_eq!(verdict(&[a("2026-07-31T12:00:00Z", 3e5), a("2026-01-31T12:00:00Z", 3e5)]), Met);
    assert_eq!(verdict(&[a("2026-01-31T12:00:00Z", 3e5), a("2026-07-31T12:00:01Z", 3e5)]), NotMet);
    assert_eq!(verdict(&[a("2026-01-31T12:00:00Z", 2e5), a("2026-02-01T12:00:00Z", 3e5)]), NotMet);
    assert_eq!(verdict(&[a("2026-01-31T12:00:00Z", 6e5)]), NotMet);
    assert_eq!(verdict(&[]), NotMet);
    // A third in the window tips what two do not.
    let three = [a("2026-01-01T00:00:00Z", 2e5), a("2026-03-01T00:00:00Z", 2e5), a("2026-05-01T00:00:00Z", 2e5)];
    assert_eq!(verdict(&three), Met);
    assert_eq!(recurring(&three, Some(1e8), &TimeZone::UTC).readings[0].value, Some(3.0));
    let other = small("2026-02-01T00:00:00Z", Some("flood"), Some(4e5));
    assert_eq!(verdict(&[a("2026-01-01T00:00:00Z", 4e5), other.clone()]), NotMet);
    // With the months of the zone: 31 August plus six months is 28 February.
    assert_eq!(verdict(&[a("2025-08-31T00:00:00Z", 3e5), a("2026-02-28T00:00:00Z", 3e5)]), Met);
    assert_eq!(verdict(&[a("2025-08-31T00:00:00Z", 3e5), a("2026-02-28T00:00:01Z", 3e5)]), NotMet);
}

#[test]
fn an_unknown_cause_or_loss_leaves_recurrence_open_only_where_it_could_decide() {
    let find = |list: &[SmallIncident]| recurring(list, Some(1e8), &TimeZone::UTC);
    let flood = |loss| small("2026-01-01T00:00:00Z", Some("flood"), loss);
    let open = |loss| small("2026-02-01T00:00:00Z", None, loss);
    let found = find(&[flood(Some(4e5)), open(Some(2e5))]);
    assert_eq!((found.verdict, found.missing), (Unknown, vec!["cause"]));
    assert_eq!(find(&[flood(Some(1e5)), open(Some(2e5))]).verdict, NotMet);
    let found = find(&[flood(Some(4e5)), flood(None)]);
    assert_eq!((found.verdict, found.missing), (Unknown, vec!["loss_eur"]));
    assert_eq!(find(&[flood(Some(4e5)), flood(Some(4e5)), flood(None)]).verdict, Met);
    // One without a known cause cannot belong to two causes at once: 0.2 + 0.2 million is not enough.
    let early = small("2025-12-01T00:00:00Z", None, Some(2e5));
    let fire = small("2026-01-02T00:00:00Z", Some("fire"), Some(2e5));
    assert_eq!(find(&[early, flood(Some(2e5)), fire]).verdict, NotMet);
}

#[test]
fn parameters_of_cer_stand_against_the_thresholds_of_the_state() {
    let state = StateThresholds {
        users: Some(50_000.0),
        share: Some(0.1),
        duration_h: Some(6.0),
        area_km2: Some(1_000.0),
        isolated_area_km2: Some(100.0),
    };
    let impact = Impact {
        people_hit: Some(50_000.0),
        share: Some(0.05),
        area_km2: Some(500.0),
        ..in_countries(&["BE", "NL", "DE", "FR", "LU", "ES"])
    };
    let findings = cer(&impact, &state);
    let verdicts: Vec<Verdict> = findings.iter().map(|f| f.verdict).collect();
    assert_eq!(verdicts, [Met, NotMet, Unknown, Unknown, Met]);
    assert_eq!(findings[2].missing, ["duration_h"]);
    assert_eq!(findings[3].missing, ["isolated"]);
    assert_eq!(any(&findings), Met);
    let area = |isolated| find(&cer(&Impact { isolated, ..impact.clone() }, &state), Rule::CerArea).verdict;
    assert_eq!((area(Answer::Yes), area(Answer::No)), (Met, NotMet));
    let unset = cer(&impact, &StateThresholds::default());
    assert_eq!((unset[0].verdict, unset[0].missing.as_slice()), (Unknown, ["threshold of the state"].as_slice()));
    assert_eq!(any(&unset[..4]), Unknown);
}

#[test]
fn six_states_are_six_member_states() {
    let verdict = |codes: &[&str]| find(&cer(&in_countries(codes), &StateThresholds::default()), Rule::CerSixStates).verdict;
    assert_eq!(verdict(&["BE", "NL", "DE", "FR", "LU"]), NotMet);
    assert_eq!(verdict(&["BE", "NL", "DE", "FR", "LU", "CH"]), NotMet);
    assert_eq!(verdict(&["BE", "NL", "DE", "FR", "GR", "EL"]), NotMet);
    assert_eq!(verdict(&["BE", "NL", "DE", "FR", "EL", "at"]), Met);
    let none = cer(&Impact::default(), &StateThresholds::default());
    assert_eq!((none[4].verdict, none[4].missing.as_slice()), (Unknown, ["countries"].as_slice()));
}

#[test]
fn nis2_takes_either_disruption_or_loss() {
    let verdict = |severe_disruption, severe_loss| nis2(&Impact { severe_disruption, severe_loss, ..Impact::default() })[0].verdict;
    assert_eq!(verdict(Answer::Unknown, Answer::Yes), Met);
    assert_eq!(verdict(Answer::No, Answer::No), NotMet);
    assert_eq!(verdict(Answer::No, Answer::Unknown), Unknown);
    assert_eq!(nis2(&Impact::default())[0].missing, ["severe_disruption", "severe_loss"]);
    assert_eq!(nis2(&Impact { damage_to_others: Answer::Yes, ..Impact::default() })[1].verdict, Met);
}

#[test]
fn the_blueprint_has_three_tests() {
    let verdicts = |impact: &Impact| blueprint(impact).map(|f| f.verdict);
    assert_eq!(verdicts(&Impact::default()), [Unknown; 3]);
    let two = Impact { coordination_agreed: Answer::Yes, particular_significance: Answer::No, ..in_countries(&["BE", "NL"]) };
    assert_eq!(verdicts(&two), [NotMet, NotMet, Met]);
    let one = Impact { countries: in_countries(&["BE"]).countries, ..two.clone() };
    assert_eq!(verdicts(&one), [NotMet, NotMet, NotMet]);
    let not_agreed = Impact { coordination_agreed: Answer::Unknown, particular_significance: Answer::Yes, ..two };
    let findings = blueprint(&not_agreed);
    assert_eq!(findings.each_ref().map(|f| f.verdict), [NotMet, Met, Unknown]);
    assert_eq!(findings[2].missing, ["coordination_agreed"]);
}

fn amount() -> impl Strategy<Value = Option<f64>> {
    prop::option::of(prop_oneof![0.0..2e6, Just(f64::NAN), Just(-1.0), Just(5e5)])
}

proptest! {
    #[test]
    fn filling_in_what_is_missing_never_overturns_a_verdict(loss in amount(), turnover in amount(), more in 0.0..2e7, h in amount()) {
        let sparse = Impact { loss_eur: loss, turnover_eur: turnover, duration_h: h, ..Impact::default() };
        let fill = |v: Option<f64>| v.filter(|v| v.is_finite() && *v >= 0.0).or(Some(more));
        let full = Impact { loss_eur: fill(loss), turnover_eur: fill(turnover), ..sparse.clone() };
        let (before, after) = (money(&sparse), money(&full));
        prop_assert!(before.verdict == Unknown || before.verdict == after.verdict);
        prop_assert_ne!(after.verdict, Unknown);
        prop_assert_eq!(before.missing.is_empty(), before.verdict != Unknown);
    }

    #[test]
    fn recurrence_does_not_depend_on_the_order(days in prop::collection::vec((0_i64..400, 0_u8..3, amount()), 0..10)) {
        let list: Vec<SmallIncident> = days.iter().map(|(day, cause, loss_eur)| SmallIncident {
            at: crate::Instant((1_700_000_000 + day * 86_400) * 1_000_000),
            cause: [None, Some("a".to_owned()), Some("b".to_owned())][usize::from(*cause)].clone(),
            loss_eur: *loss_eur,
        }).collect();
        let turned: Vec<SmallIncident> = list.iter().rev().cloned().collect();
        let verdict = |list: &[SmallIncident]| recurring(list, None, &TimeZone::UTC).verdict;
        prop_assert_eq!(verdict(&list), verdict(&turned));
    }
}

//! Clocks worked by hand, with their traps.

use super::clock::{
    CerMonth, ClockError, Deadline, History, Inability, MonthEnd, Request, RestDays, Start, State, StateRules, Submission, deadlines,
};
use super::{Awareness, Cer, Duty, Nis2, Sector};
use crate::Instant;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// Central European time written as a rule, so that no test reads a file.
fn brussels() -> TimeZone {
    TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap()
}

fn t(text: &str) -> Instant {
    text.parse().unwrap()
}

fn strict() -> StateRules {
    StateRules::strict(brussels())
}

fn regulation(holidays: &[Date]) -> StateRules {
    StateRules::regulation_1182_71(brussels(), holidays.iter().copied().collect())
}

fn aware(at: &str) -> Awareness {
    Awareness {
        incident: "I-1".into(),
        who: "Grid operator, control room".into(),
        at: t(at),
        sector: Sector::Energy,
        nis2: Some(Nis2::Entity),
        cer: Some(Cer::WithDetailedReport),
    }
}

fn handed_in(list: &[(Duty, &str)]) -> History {
    History { submissions: list.iter().map(|(duty, at)| Submission { duty: *duty, at: t(at), by: None }).collect(), ..History::default() }
}

fn of(list: &[Deadline], duty: Duty) -> &Deadline {
    list.iter().find(|d| d.duty == duty).unwrap_or_else(|| panic!("no {duty:?}"))
}

fn due(list: &[Deadline], duty: Duty) -> String {
    of(list, duty).due.as_ref().map_or_else(|| "-".into(), super::clock::local)
}

#[test]
fn both_directives_stand_side_by_side_by_due_time() {
    let list = deadlines(&aware("2026-01-31T10:00:00+01:00"), &History::default(), &strict(), t("2026-01-31T12:00:00+01:00")).unwrap();
    let seen: Vec<(Duty, String)> = list.iter().map(|d| (d.duty, due(&list, d.duty))).collect();
    assert_eq!(
        seen,
        [
            (Duty::EarlyWarning, "2026-02-01T10:00:00+01:00".into()),
            (Duty::InitialNotification, "2026-02-01T10:00:00+01:00".into()),
            (Duty::Notification, "2026-02-03T10:00:00+01:00".into()),
            (Duty::DetailedReport, "2026-02-28T10:00:00+01:00".into()),
            (Duty::FinalReport, "-".into()),
        ]
    );
    assert_eq!(of(&list, Duty::FinalReport).state, State::Waiting);
    assert_eq!(of(&list, Duty::EarlyWarning).state, State::Open);
    assert!(list.iter().all(|d| d.who == "Grid operator, control room" && d.aware_at == t("2026-01-31T09:00:00Z")));
}

#[test]
fn the_final_month_runs_from_the_notification_and_not_from_awareness() {
    let mut history = handed_in(&[(Duty::Notification, "2026-02-02T15:30:00+01:00")]);
    history.handled_at = Some(t("2026-02-01T00:00:00Z"));
    let list = deadlines(&aware("2026-01-31T10:00:00+01:00"), &history, &strict(), t("2026-02-05T00:00:00Z")).unwrap();
    assert_eq!(due(&list, Duty::FinalReport), "2026-03-02T15:30:00+01:00");
    let list = deadlines(&aware("2026-01-31T10:00:00+01:00"), &history, &regulation(&[]), t("2026-02-05T00:00:00Z")).unwrap();
    assert_eq!(due(&list, Duty::FinalReport), "2026-03-02T23:59:59+01:00");
}

#[test]
fn a_month_from_31_january_ends_with_february() {
    for (notified, expected) in [
        ("2026-01-31T11:00:00+01:00", "2026-02-28T11:00:00+01:00"),
        ("2028-01-31T11:00:00+01:00", "2028-02-29T11:00:00+01:00"),
        ("2026-08-31T11:00:00+02:00", "2026-09-30T11:00:00+02:00"),
    ] {
        assert_eq!(super::clock::local(&strict().month_after(t(notified)).unwrap()), expected);
    }
}

#[test]
fn a_month_that_ends_on_a_rest_day_moves_only_where_the_state_says_so() {
    // 28 February 2026 is a Saturday; Monday 2 March is listed as a holiday.
    let from = t("2026-01-31T11:00:00+01:00");
    let local = |rules: &StateRules| super::clock::local(&rules.month_after(from).unwrap());
    assert_eq!(local(&strict()), "2026-02-28T11:00:00+01:00");
    assert_eq!(local(&regulation(&[])), "2026-03-02T23:59:59+01:00");
    assert_eq!(local(&regulation(&[date(2026, 3, 2)])), "2026-03-03T23:59:59+01:00");
    let same_time = StateRules { month_end: MonthEnd::SameTime, ..regulation(&[]) };
    assert_eq!(local(&same_time), "2026-03-02T23:59:59+01:00");
    // A working day keeps its time under that rule.
    assert_eq!(super::clock::local(&same_time.month_after(t("2026-02-03T11:00:00+01:00")).unwrap()), "2026-03-03T11:00:00+01:00");
    // The day is that of the zone: 23:30 UTC on 30 January is already the 31st in Brussels.
    assert_eq!(super::clock::local(&strict().month_after(t("2026-01-30T23:30:00Z")).unwrap()), "2026-02-28T00:30:00+01:00");
}

#[test]
fn hours_do_not_stop_for_nights_holidays_or_a_change_of_clocks() {
    // Clocks go forward on 29 March 2026 at 02:00 and back on 25 October 2026 at 03:00.
    let rules = regulation(&[date(2026, 3, 29)]);
    for (at, duty, expected) in [
        ("2026-03-28T10:00:00+01:00", Duty::EarlyWarning, "2026-03-29T11:00:00+02:00"),
        ("2026-03-28T10:00:00+01:00", Duty::Notification, "2026-03-31T11:00:00+02:00"),
        ("2026-10-24T10:00:00+02:00", Duty::InitialNotification, "2026-10-25T09:00:00+01:00"),
        ("2026-10-24T10:00:00+02:00", Duty::Notification, "2026-10-27T09:00:00+01:00"),
        ("2026-12-24T22:00:00+01:00", Duty::EarlyWarning, "2026-12-25T22:00:00+01:00"),
    ] {
        let list = deadlines(&aware(at), &History::default(), &rules, t(at)).unwrap();
        assert_eq!(due(&list, duty), expected);
    }
}

#[test]
fn a_month_that_lands_in_the_skipped_hour_still_has_an_end() {
    // 28 March 2027, 02:30 does not exist in Brussels.
    let end = strict().month_after(t("2027-02-28T02:30:00+01:00")).unwrap();
    assert_eq!(Instant::from(end.timestamp()), t("2027-03-28T01:30:00Z"));
    // 25 October 2026, 02:30 exists twice: the earlier one counts.
    assert_eq!(Instant::from(strict().month_after(t("2026-09-25T02:30:00+02:00")).unwrap().timestamp()), t("2026-10-25T00:30:00Z"));
}

#[test]
fn the_last_moment_is_in_time_and_the_next_is_late() {
    let a = aware("2026-05-04T08:00:00Z");
    let state = |at: &str, now: &str| {
        let list = deadlines(&a, &handed_in(&[(Duty::EarlyWarning, at)]), &strict(), t(now)).unwrap();
        of(&list, Duty::EarlyWarning).state
    };
    let end = "2026-05-05T08:00:00Z";
    assert_eq!(state(end, "2026-05-06T00:00:00Z"), State::Met { at: t(end) });
    let late = "2026-05-05T08:00:00.001Z";
    assert_eq!(state(late, "2026-05-06T00:00:00Z"), State::MetLate { at: t(late) });
    // At `now` the report has not been made yet.
    assert_eq!(state(late, end), State::Open);
    assert_eq!(state("2026-05-07T00:00:00Z", "2026-05-05T08:00:00.001Z"), State::Missed);
    assert_eq!(deadlines(&a, &History::default(), &strict(), t("2026-05-04T07:59:59Z")).unwrap(), []);
}

#[test]
fn a_trust_service_notifies_within_24_hours() {
    let a = Awareness { nis2: Some(Nis2::TrustService), cer: None, ..aware("2026-05-04T08:00:00Z") };
    let list = deadlines(&a, &History::default(), &strict(), t("2026-05-04T09:00:00Z")).unwrap();
    assert_eq!(due(&list, Duty::Notification), "2026-05-05T10:00:00+02:00");
    assert!(of(&list, Duty::Notification).article.contains("second subparagraph"));
    assert_eq!(list.len(), 3);
}

#[test]
fn banking_finance_and_digital_owe_nothing_under_cer() {
    for sector in [Sector::Banking, Sector::FinancialMarket, Sector::DigitalInfrastructure] {
        let a = Awareness { sector, ..aware("2026-05-04T08:00:00Z") };
        let list = deadlines(&a, &History::default(), &strict(), a.at).unwrap();
        assert!(list.iter().all(|d| d.duty.law() == super::Law::Nis2), "{sector:?}");
    }
}

#[test]
fn an_incident_that_goes_on_owes_a_progress_report_and_a_month_after_handling() {
    let a = Awareness { cer: None, ..aware("2026-05-04T08:00:00Z") };
    let mut history = handed_in(&[(Duty::Notification, "2026-05-06T08:00:00Z"), (Duty::ProgressReport, "2026-06-05T08:00:00Z")]);
    let list = deadlines(&a, &history, &strict(), t("2026-06-07T00:00:00Z")).unwrap();
    assert_eq!(due(&list, Duty::ProgressReport), "2026-06-06T10:00:00+02:00");
    assert_eq!(of(&list, Duty::ProgressReport).state, State::Met { at: t("2026-06-05T08:00:00Z") });
    assert_eq!((of(&list, Duty::FinalReport).runs, of(&list, Duty::FinalReport).state), (Start::AwaitedHandling, State::Waiting));

    history.handled_at = Some(t("2026-06-20T12:00:00Z"));
    let list = deadlines(&a, &history, &strict(), t("2026-07-21T00:00:00Z")).unwrap();
    assert_eq!(due(&list, Duty::FinalReport), "2026-07-20T14:00:00+02:00");
    assert_eq!(of(&list, Duty::FinalReport).state, State::Missed);
    assert!(of(&list, Duty::FinalReport).article.ends_with("(e)"));

    // Handled before the final report falls due: (d), no progress report, whatever came early.
    history.handled_at = Some(t("2026-06-01T00:00:00Z"));
    let list = deadlines(&a, &history, &strict(), t("2026-06-02T00:00:00Z")).unwrap();
    assert!(list.iter().all(|d| d.duty != Duty::ProgressReport));
    assert_eq!(due(&list, Duty::FinalReport), "2026-06-06T10:00:00+02:00");
    assert!(of(&list, Duty::FinalReport).article.ends_with("(d)"));
}

#[test]
fn a_final_report_while_the_incident_goes_on_is_a_progress_report() {
    let a = Awareness { cer: None, ..aware("2026-05-04T08:00:00Z") };
    let mut history = handed_in(&[(Duty::Notification, "2026-05-06T08:00:00Z"), (Duty::FinalReport, "2026-05-20T08:00:00Z")]);
    history.handled_at = Some(t("2026-05-25T00:00:00Z"));
    let list = deadlines(&a, &history, &strict(), t("2026-05-26T00:00:00Z")).unwrap();
    assert_eq!(of(&list, Duty::ProgressReport).state, State::Met { at: t("2026-05-20T08:00:00Z") });
    assert_eq!(due(&list, Duty::FinalReport), "2026-06-25T02:00:00+02:00");
    assert_eq!(of(&list, Duty::FinalReport).state, State::Open);
}

#[test]
fn each_request_wants_an_intermediate_report_of_its_own() {
    let a = Awareness { cer: None, ..aware("2026-05-04T08:00:00Z") };
    let mut history = handed_in(&[(Duty::IntermediateReport, "2026-05-05T08:00:00Z"), (Duty::IntermediateReport, "2026-05-07T08:00:00Z")]);
    history.requests = vec![
        Request { at: t("2026-05-08T00:00:00Z"), answer_by: None },
        Request { at: t("2026-05-06T00:00:00Z"), answer_by: Some(t("2026-05-07T00:00:00Z")) },
        Request { at: t("2026-05-09T00:00:00Z"), answer_by: None },
    ];
    let list = deadlines(&a, &history, &strict(), t("2026-05-08T12:00:00Z")).unwrap();
    let states: Vec<State> = list.iter().filter(|d| d.duty == Duty::IntermediateReport).map(|d| d.state).collect();
    // The report of 5 May came before any request; the request of 9 May lies ahead.
    assert_eq!(states, [State::MetLate { at: t("2026-05-07T08:00:00Z") }, State::Open]);
}

#[test]
fn the_month_of_cer_counts_from_what_the_state_says() {
    let a = Awareness { nis2: None, ..aware("2026-05-04T08:00:00Z") };
    let history = handed_in(&[(Duty::InitialNotification, "2026-05-05T06:00:00Z")]);
    let list = deadlines(&a, &history, &strict(), t("2026-05-06T00:00:00Z")).unwrap();
    assert_eq!(due(&list, Duty::DetailedReport), "2026-06-04T10:00:00+02:00");
    let rules = StateRules { cer_month: CerMonth::FromInitialNotification, ..strict() };
    let list = deadlines(&a, &history, &rules, t("2026-05-06T00:00:00Z")).unwrap();
    assert_eq!(due(&list, Duty::DetailedReport), "2026-06-05T08:00:00+02:00");
    let list = deadlines(&a, &History::default(), &rules, t("2026-05-06T00:00:00Z")).unwrap();
    assert_eq!(of(&list, Duty::DetailedReport).state, State::Waiting);
    let short = Awareness { cer: Some(Cer::InitialOnly), ..a };
    assert_eq!(deadlines(&short, &history, &rules, t("2026-05-06T00:00:00Z")).unwrap().len(), 1);
}

#[test]
fn who_is_unable_to_notify_is_excused_until_able() {
    let a = Awareness { nis2: None, cer: Some(Cer::InitialOnly), ..aware("2026-05-04T08:00:00Z") };
    let unable = Inability { from: t("2026-05-05T00:00:00Z"), until: Some(t("2026-05-06T00:00:00Z")) };
    let state = |submitted: &[(Duty, &str)], inability, now: &str| {
        let history = History { inability: Some(inability), ..handed_in(submitted) };
        deadlines(&a, &history, &strict(), t(now)).unwrap()[0].state
    };
    assert_eq!(state(&[], unable, "2026-05-05T04:00:00Z"), State::Open);
    assert_eq!(state(&[], unable, "2026-05-05T12:00:00Z"), State::Excused);
    assert_eq!(state(&[], unable, "2026-05-06T00:00:01Z"), State::Missed);
    let before_the_limit = Inability { until: Some(t("2026-05-05T07:00:00Z")), ..unable };
    assert_eq!(state(&[], before_the_limit, "2026-05-05T12:00:00Z"), State::Missed);
    let at = t("2026-05-05T20:00:00Z");
    assert_eq!(state(&[(Duty::InitialNotification, "2026-05-05T20:00:00Z")], unable, "2026-05-05T21:00:00Z"), State::Met { at });
    assert_eq!(state(&[(Duty::InitialNotification, "2026-05-05T20:00:00Z")], unable, "2026-05-07T00:00:00Z"), State::Met { at });
}

#[test]
fn a_deadline_keeps_who_handed_in() {
    let a = Awareness { cer: None, ..aware("2026-05-04T08:00:00Z") };
    let by = |name: &str| Some(name.to_owned());
    let mut history = handed_in(&[(Duty::EarlyWarning, "2026-05-05T06:00:00Z"), (Duty::EarlyWarning, "2026-05-04T10:00:00Z")]);
    history.submissions[0].by = by("A. Second");
    history.submissions[1].by = by("B. First");
    history.submissions.push(Submission { duty: Duty::Notification, at: t("2026-05-06T06:00:00Z"), by: None });
    history.submissions.push(Submission { duty: Duty::FinalReport, at: t("2026-05-20T06:00:00Z"), by: by("C. Last") });
    let list = deadlines(&a, &history, &strict(), t("2026-05-30T00:00:00Z")).unwrap();
    let seen = |duty| of(&list, duty).by.as_deref();
    assert_eq!((seen(Duty::EarlyWarning), seen(Duty::Notification)), (Some("B. First"), None));
    assert_eq!((seen(Duty::ProgressReport), seen(Duty::FinalReport)), (Some("C. Last"), None));
}

#[test]
fn bad_data_is_told_where_it_stands() {
    let a = aware("2026-05-04T08:00:00Z");
    let history = handed_in(&[(Duty::EarlyWarning, "2026-05-04T09:00:00Z"), (Duty::Notification, "2026-05-04T07:00:00Z")]);
    let error = deadlines(&a, &history, &strict(), a.at).unwrap_err();
    assert!(matches!(error, ClockError::BeforeAwareness { index: 1, .. }), "{error}");
    let last = Awareness { at: jiff::Timestamp::MAX.into(), ..a.clone() };
    assert!(matches!(deadlines(&last, &History::default(), &strict(), last.at), Err(ClockError::OutOfRange { .. })));
    let mut holidays = BTreeSet::new();
    let mut day = date(2026, 1, 1);
    while day.year() < 2029 {
        holidays.insert(day);
        day = day.tomorrow().unwrap();
    }
    let rules = StateRules { rest_days: RestDays::MoveToWorkingDay { holidays }, ..strict() };
    assert!(matches!(rules.month_after(a.at), Err(ClockError::NoWorkingDay { .. })));
    let many = History { requests: vec![Request { at: a.at, answer_by: None }; super::clock::MAX_EVENTS + 1], ..History::default() };
    assert!(matches!(deadlines(&a, &many, &strict(), a.at), Err(ClockError::TooManyEvents { found: 10_001 })));
}

#[test]
fn deadlines_are_written_in_local_time_and_read_back_as_instants() {
    let a = aware("2026-01-31T10:00:00+01:00");
    let list = deadlines(&a, &History::default(), &strict(), a.at).unwrap();
    let json = serde_json::to_value(&list[0]).unwrap();
    assert_eq!(json["due"], "2026-02-01T10:00:00+01:00");
    assert_eq!((&json["state"], &json["law"], &json["aware_at"]), (&"open".into(), &"nis2".into(), &"2026-01-31T09:00:00Z".into()));
    assert_eq!(list[0].to_string(), "2026-02-01T10:00:00+01:00  early warning  open  (Directive (EU) 2022/2555 Art. 23(4)(a))");
    let read: Awareness = serde_json::from_str(&serde_json::to_string(&a).unwrap()).unwrap();
    assert_eq!(read, a);
    let history: History = serde_json::from_str(r#"{"handled_at": null, "requests": [{"at": "2026-02-01T00:00:00Z"}]}"#).unwrap();
    assert_eq!(history.requests[0].answer_by, None);
    let wrong = serde_json::from_str::<History>(r#"{"handled_at": "yesterday"}"#).unwrap_err();
    assert!(wrong.to_string().contains("yesterday"), "{wrong}");
}

fn histories() -> impl Strategy<Value = History> {
    let duty = (0..Duty::ALL.len()).prop_map(|i| Duty::ALL[i]);
    let at = || (0_i64..200 * 86_400).prop_map(|s| Instant((1_767_225_600 + s) * 1_000_000));
    let submissions = prop::collection::vec((duty, at()).prop_map(|(duty, at)| Submission { duty, at, by: None }), 0..12);
    let requests = prop::collection::vec((at(), prop::option::of(at())).prop_map(|(at, answer_by)| Request { at, answer_by }), 0..4);
    (submissions, requests, prop::option::of(at())).prop_map(|(submissions, requests, handled_at)| History {
        submissions,
        requests,
        handled_at,
        inability: None,
    })
}

proptest! {
    #[test]
    fn the_order_of_the_history_changes_nothing_and_the_list_is_sorted(history in histories(), now in 0_i64..400) {
        let a = Awareness { at: t("2026-01-01T00:00:00Z"), ..aware("2026-01-01T00:00:00Z") };
        let now = Instant(a.at.0 + now * 86_400_000_000);
        let list = deadlines(&a, &history, &strict(), now).unwrap();
        let mut turned = history.clone();
        turned.submissions.reverse();
        turned.requests.reverse();
        prop_assert_eq!(&list, &deadlines(&a, &turned, &strict(), now).unwrap());
        let dues: Vec<_> = list.iter().filter_map(|d| d.due.as_ref().map(jiff::ZonedDateTime::timestamp)).collect();
        prop_assert!(dues.is_sorted());
        for d in &list {
            let limit = d.due.as_ref().map(|due| Instant::from(due.timestamp()));
            match d.state {
                State::Met { at } => prop_assert!(at <= now && limit.is_none_or(|l| at <= l)),
                State::MetLate { at } => prop_assert!(at <= now && limit.is_some_and(|l| at > l)),
                State::Missed => prop_assert!(limit.is_some_and(|l| now > l)),
                State::Open => prop_assert!(limit.is_none_or(|l| now <= l)),
                State::Waiting => prop_assert!(limit.is_none()),
                State::Excused => prop_assert!(false),
            }
        }
    }

    #[test]
    fn no_reading_is_earlier_than_the_strict_one(second in 1_700_000_000_i64..1_900_000_000) {
        let from = Instant(second * 1_000_000);
        let strict = strict().month_after(from).unwrap();
        let moved = regulation(&[date(2026, 5, 1), date(2026, 12, 25)]).month_after(from).unwrap();
        prop_assert!(strict.timestamp() <= moved.timestamp());
        let days = strict.date().duration_since(from.in_zone(&brussels()).date()).as_hours() / 24;
        prop_assert!((28..=31).contains(&days));
    }
}

//! Forms filled from a simulation, empty and full.

use super::form::{Form, Need};
use super::{Answer, Awareness, Cer, Duty, Impact, Law, Nis2, Sector};
use std::collections::BTreeSet;

fn awareness() -> Awareness {
    Awareness {
        incident: "I-1".into(),
        who: "Grid operator".into(),
        at: "2026-01-31T09:00:00Z".parse().unwrap(),
        sector: Sector::Energy,
        nis2: Some(Nis2::Entity),
        cer: Some(Cer::WithDetailedReport),
    }
}

fn simulated() -> Impact {
    Impact {
        people_hit: Some(120_000.0),
        share: Some(0.125),
        duration_h: Some(30.0),
        countries: Some(BTreeSet::from(["BE".to_owned(), "NL".to_owned()])),
        sectors: BTreeSet::from([Sector::DrinkingWater, Sector::Energy]),
        services: BTreeSet::from(["electricity supply".to_owned()]),
        cause: Some("fire in a substation".into()),
        ..Impact::default()
    }
}

fn answer<'a>(form: &'a Form, key: &str) -> Option<&'a str> {
    form.fields.iter().find(|f| f.key == key).unwrap_or_else(|| panic!("no {key}")).answer.as_deref()
}

#[test]
fn an_empty_impact_leaves_every_field_open() {
    for duty in Duty::ALL {
        let form = Form::fill(duty, &awareness(), &Impact::default());
        assert!(!form.fields.is_empty() && form.fields.iter().all(|f| f.answer.is_none()), "{duty:?}");
        assert_eq!(form.missing.len() + form.unanswered.len(), form.fields.len());
        assert_eq!(form.missing.len(), form.fields.iter().filter(|f| f.need == Need::Always).count());
        assert_eq!(form.law, if form.title.starts_with("initial") || form.title.starts_with("detailed") { Law::Cer } else { Law::Nis2 });
    }
}

#[test]
fn a_final_report_says_what_a_simulation_cannot_know() {
    let form = Form::fill(Duty::FinalReport, &awareness(), &simulated());
    assert_eq!(form.missing, ["nature", "severity", "measures"]);
    assert_eq!(answer(&form, "cause"), Some("fire in a substation"));
    assert_eq!(answer(&form, "cross_border"), Some("yes (countries: BE, NL)"));
    assert_eq!(
        answer(&form, "impact"),
        Some(
            "120000 users; 12.5 % of users; 30 h; countries: BE, NL; sectors: energy, drinking water; \
             services: electricity supply"
        )
    );
}

#[test]
fn a_form_of_cer_holds_its_parameters() {
    let impact = Impact { area_km2: Some(812.345), isolated: Answer::No, ..simulated() };
    let form = Form::fill(Duty::InitialNotification, &awareness(), &impact);
    assert_eq!(form.missing, [""; 0]);
    assert_eq!(form.unanswered, ["nature", "consequences"]);
    assert_eq!(answer(&form, "people_hit"), Some("120000 users"));
    assert_eq!(answer(&form, "area_km2"), Some("812.35 km², not geographically isolated"));
    let bad = Impact { people_hit: Some(f64::NAN), share: Some(12.5), ..impact };
    let form = Form::fill(Duty::InitialNotification, &awareness(), &bad);
    assert_eq!((answer(&form, "people_hit"), answer(&form, "share")), (None, None));
}

#[test]
fn an_early_warning_tells_no_from_not_said() {
    let said = Impact { malicious: Answer::No, ..in_one_state() };
    let form = Form::fill(Duty::EarlyWarning, &awareness(), &said);
    assert_eq!(answer(&form, "malicious"), Some("no"));
    // One state alone does not say that no border is crossed.
    assert_eq!(answer(&form, "cross_border"), None);
    assert_eq!(form.unanswered, ["cross_border"]);
}

fn in_one_state() -> Impact {
    Impact { countries: Some(BTreeSet::from(["BE".to_owned()])), ..Impact::default() }
}

#[test]
fn a_form_is_json_and_plain_text() {
    let mut impact = simulated();
    impact.severity = Some("grave\nCER: forged\u{1b}[31m".into());
    let form = Form::fill(Duty::Notification, &awareness(), &impact);
    let json = form.to_json();
    assert_eq!(json["law"], "nis2");
    assert_eq!(json["duty"], "notification");
    assert_eq!(json["aware_at"], "2026-01-31T09:00:00Z");
    assert_eq!(json["fields"][2]["key"], "severity");
    assert_eq!(json["unanswered"], serde_json::json!(["malicious", "indicators"]));
    let text = form.to_string();
    assert!(text.starts_with("NIS2: incident notification\nincident: I-1\naware: Grid operator at 2026-01-31T09:00:00Z\n"), "{text}");
    assert!(text.contains("Severity [NIS2 Art. 23(4)(b)]\n  grave\n  CER: forged [31m\n"), "{text}");
    assert!(text.contains("Indicators of compromise [NIS2 Art. 23(4)(b)]\n  not answered (where available)"), "{text}");
    assert!(Form::fill(Duty::FinalReport, &awareness(), &impact).to_string().contains("MISSING"));
}

#[test]
fn an_impact_is_read_from_the_few_facts_a_simulation_has() {
    let impact: Impact =
        serde_json::from_str(r#"{"people_hit": 10, "countries": ["BE"], "sectors": ["energy"], "malicious": "yes"}"#).unwrap();
    assert_eq!((impact.people_hit, impact.share, impact.malicious), (Some(10.0), None, Answer::Yes));
    assert_eq!(impact.member_states(), Some(1));
    let again: Impact = serde_json::from_value(serde_json::to_value(&impact).unwrap()).unwrap();
    assert_eq!(again, impact);
}

#[test]
fn a_page_names_its_gaps_and_no_answer_breaks_out_of_it() {
    let mut impact = simulated();
    impact.cause = Some("# CER: forged\n## Gaps\n<b>".into());
    impact.figures_from = Some("simulation".into());
    let page = Form::fill(Duty::FinalReport, &awareness(), &impact).to_markdown();
    assert!(
        page.starts_with("# NIS2: final report\n\n- Incident: I-1\n- Aware: Grid operator, 2026-01-31T09:00:00Z\n- Figures: simulation;"),
        "{page}"
    );
    assert!(page.contains("> \\# CER: forged\n> \\#\\# Gaps\n> \\<b\\>\n"), "{page}");
    assert!(page.ends_with("Must be answered and is not:\n\n- What happened (`nature`)\n- Severity (`severity`)\n- Measures applied and under way (`measures`)\n"), "{page}");
    let early =
        Form::fill(Duty::EarlyWarning, &awareness(), &Impact { malicious: Answer::No, cross_border: Answer::No, ..Impact::default() });
    assert!(early.to_markdown().ends_with("## Gaps\n\nNone.\n"));
}

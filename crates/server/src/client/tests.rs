//! The client against servers that misbehave.

use std::collections::BTreeSet;
use std::time::Instant as Clock;

use proptest::prelude::*;
use serde_json::json;
use serde_json::value::RawValue;

use super::testing::{Answered, BadPartner, How, Next, Shelf, id, object, quick};
use super::*;

/// Identifiers crawled, in order, with how it ended.
fn crawl(client: &Client) -> Result<(Vec<String>, Ending), ClientError> {
    let mut ids = Vec::new();
    let filter = buttress_wire::taxii::Filter::default();
    let ending = client.crawl(&Wanted { after: None, filter: &filter }, &mut |part: Part<Box<RawValue>>| {
        let read = |text: &RawValue| serde_json::from_str::<serde_json::Value>(text.get()).unwrap()["id"].as_str().unwrap().to_owned();
        ids.extend(part.items.iter().map(|text| read(text)));
        Ok::<(), ClientError>(())
    })?;
    Ok((ids, ending))
}

fn all(n: usize) -> Vec<String> {
    (0..n).map(id).collect()
}

#[test]
fn more_without_next_goes_on_by_date() {
    for is_inclusive in [false, true] {
        let partner = Shelf { next: Next::Missing, is_inclusive, ..Shelf::new(0..2500) }.serve();
        assert_eq!(crawl(&partner.client(quick())).unwrap(), (all(2500), Ending::Complete));
        assert!(partner.asked().len() < 8, "{}", partner.asked().len());
    }
}

#[test]
fn a_page_of_one_date_is_asked_for_again_with_a_higher_limit() {
    for (is_inclusive, tells_dates) in [(false, true), (true, true), (false, false)] {
        let shelf = Shelf { next: Next::Missing, is_inclusive, tells_dates, ..Shelf::new(std::iter::repeat_n(7, 3000).chain(8..20)) };
        let partner = shelf.serve();
        assert_eq!(crawl(&partner.client(quick())).unwrap(), (all(3012), Ending::Complete));
        assert!(partner.asked().len() < 8, "{}", partner.asked().len());
    }
}

#[test]
fn what_a_server_hides_behind_one_date_is_said_to_be_missing() {
    for is_inclusive in [false, true] {
        let shelf =
            Shelf { next: Next::Missing, cap: 10, is_inclusive, ..Shelf::new(std::iter::repeat_n(7, 25).chain(10_000_000..10_000_005)) };
        let partner = shelf.serve();
        let (ids, ending) = crawl(&partner.client(quick())).unwrap();
        assert_eq!(ids, [&all(10)[..], &all(30)[25..]].concat());
        assert!(matches!(ending, Ending::Short(why) if why.contains("hides that there are more")));
    }
}

#[test]
fn next_that_leads_in_a_circle_is_left() {
    let partner = Shelf { next: Next::Circling, cap: 10, ..Shelf::new(0..95) }.serve();
    let client = partner.client(quick());
    assert_eq!(crawl(&client).unwrap(), (all(95), Ending::Complete));
    assert!(client.warnings().iter().any(|w| w.contains("circle")));
}

#[test]
fn next_that_a_server_forgot_is_replaced_by_the_date() {
    let partner = Shelf { next: Next::Forgotten, cap: 10, ..Shelf::new(0..95) }.serve();
    let client = partner.client(quick());
    assert_eq!(crawl(&client).unwrap(), (all(95), Ending::Complete));
    assert!(client.warnings().iter().any(|w| w.contains("no longer knows")));
}

#[test]
fn a_server_that_always_says_more_is_left() {
    let partner = BadPartner::new(|_, _| Answered::json(&json!({"more": true, "next": "x", "objects": [object(0, 1)]})));
    let (ids, ending) = crawl(&partner.client(quick())).unwrap();
    assert_eq!(ids, all(1));
    assert!(matches!(ending, Ending::Short(_)) && partner.asked().len() < 50);
    let partner = BadPartner::new(|n, _| Answered::json(&json!({"more": true, "next": n.to_string()})));
    assert!(matches!(crawl(&partner.client(quick())).unwrap(), (ids, Ending::Short(_)) if ids.is_empty()));
    assert!(partner.asked().len() < 50);
}

#[test]
fn missing_and_null_lists_are_empty_and_other_media_types_a_warning() {
    for body in [json!({}), json!({"objects": null, "next": null, "more": null}), json!({"objects": []})] {
        let partner = BadPartner::new(move |_, _| Answered::json(&body).with("Content-Type", &"application/json"));
        let client = partner.client(quick());
        assert_eq!(crawl(&client).unwrap(), (Vec::new(), Ending::Complete));
        assert!(client.warnings()[0].contains("application/json"));
    }
}

#[test]
fn retry_after_is_honoured_up_to_a_bound() {
    let shelf = Shelf::new(0..3);
    let partner = BadPartner::new(move |n, asked| match n {
        0 => Answered::raw(429, "").with("Retry-After", &1),
        _ => shelf.answer(asked),
    });
    let begun = Clock::now();
    assert_eq!(crawl(&partner.client(quick())).unwrap().0, all(3));
    assert!(begun.elapsed() >= Duration::from_secs(1));
    let partner = BadPartner::new(|_, _| Answered::raw(503, "").with("Retry-After", &3600));
    let wait = Duration::from_hours(1);
    assert!(matches!(crawl(&partner.client(quick())), Err(ClientError::Busy { wait: asked, .. }) if asked == wait));
    assert_eq!(partner.asked().len(), 1);
}

#[test]
fn a_busy_server_is_asked_again_and_a_broken_one_not_for_ever() {
    let shelf = Shelf::new(0..3);
    let partner = BadPartner::new(move |n, asked| if n < 2 { Answered::raw(503, "") } else { shelf.answer(asked) });
    assert_eq!(crawl(&partner.client(quick())).unwrap().0, all(3));
    let partner = BadPartner::new(|_, _| Answered::raw(503, ""));
    assert!(matches!(partner.client(quick()).collection(), Err(ClientError::Refused { status: 503, .. })));
    assert_eq!(partner.asked().len(), 3);
}

#[test]
fn an_answer_that_breaks_off_is_asked_for_again() {
    for how in [How::Nothing, How::CutAfter(0), How::CutAfter(50)] {
        let shelf = Shelf::new(0..3);
        let partner = BadPartner::new(move |n, asked| shelf.answer(asked).sent(if n == 0 { how } else { How::Whole }));
        assert_eq!(crawl(&partner.client(quick())).unwrap(), (all(3), Ending::Complete), "{how:?}");
    }
    // Cut on the way by a proxy that mended the length.
    let shelf = Shelf::new(0..3);
    let partner = BadPartner::new(move |n, asked| {
        let whole = shelf.answer(asked);
        if n == 0 { Answered { body: whole.body[..100].to_vec(), ..whole } } else { whole }
    });
    assert_eq!(crawl(&partner.client(quick())).unwrap().0, all(3));
}

#[test]
fn a_server_that_drips_is_left_in_time() {
    let shelf = Shelf::new(0..3);
    let partner = BadPartner::new(move |_, asked| shelf.answer(asked).sent(How::Drip(Duration::from_millis(20))));
    let limits = Limits { body: Duration::from_millis(300), attempts: 2, ..quick() };
    let begun = Clock::now();
    let error = crawl(&partner.client(limits)).unwrap_err();
    assert!(matches!(&error, ClientError::Unreachable { why, .. } if why.contains("in time")), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(3));
}

#[test]
fn a_body_beyond_the_limit_is_not_read_packed_or_not() {
    use std::io::Write;
    let limits = Limits { max_body: 1_000_000, ..quick() };
    let large = vec![b' '; 1_000_001];
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..64 {
        packer.write_all(&large).unwrap();
    }
    let bomb = packer.finish().unwrap();
    assert!(bomb.len() < 100_000);
    let partner = BadPartner::new(move |n, _| match n {
        0 => Answered::raw(200, large.clone()),
        _ => Answered::raw(200, bomb.clone()).with("Content-Encoding", &"gzip"),
    });
    let client = partner.client(limits);
    for _ in 0..2 {
        assert!(matches!(client.collection(), Err(ClientError::TooLarge { limit: 1_000_000, .. })));
    }
    assert_eq!(partner.asked().len(), 2);
}

#[test]
fn a_page_that_is_too_large_or_no_json_is_asked_for_in_smaller_ones() {
    let shelf = Shelf::new(0..40);
    let partner = BadPartner::new(move |_, asked| {
        let limit: usize = asked.query["limit"].parse().unwrap();
        if limit > 20 { Answered::raw(200, "{\"objects\":[nan]}") } else { shelf.answer(asked) }
    });
    assert_eq!(crawl(&partner.client(quick())).unwrap(), (all(40), Ending::Complete));
    let partner = BadPartner::new(|_, _| Answered::raw(200, "<html>"));
    assert!(matches!(crawl(&partner.client(quick())).unwrap().1, Ending::Short(why) if why.contains("cannot be read")));
    assert!(partner.asked().len() < 10);
}

#[test]
fn a_redirection_is_followed_on_the_same_server_only() {
    let partner = BadPartner::new(|_, _| Answered::raw(307, "").with("Location", &"https://example.org/x"));
    let error = partner.client(quick()).collection().unwrap_err();
    assert!(matches!(&error, ClientError::Elsewhere { to, .. } if to == "https://example.org/x"));
    let partner = BadPartner::new(|n, _| match n {
        0 => Answered::raw(301, "").with("Location", &"/other/"),
        _ => Answered::json(&json!({"id": "x", "title": "T", "can_read": true, "can_write": false})),
    });
    assert_eq!(partner.client(quick()).collection().unwrap().title, "T");
    assert_eq!(partner.asked()[1].path, "/other/");
    let partner = BadPartner::new(|_, _| Answered::raw(302, "").with("Location", &"/again/"));
    assert!(matches!(partner.client(quick()).collection(), Err(ClientError::Unreadable { .. })));
}

#[test]
fn a_refusal_is_told_with_the_title_that_the_server_gives() {
    let partner = BadPartner::new(|_, _| Answered::raw(403, r#"{"title":"not allowed","description":"ask the operator"}"#));
    let error = partner.client(quick()).root().unwrap_err();
    assert!(error.to_string().ends_with("the server answers 403: not allowed (ask the operator)"), "{error}");
    assert_eq!(partner.asked().len(), 1);
}

fn texts(n: usize) -> Vec<(String, String, String)> {
    (0..n).map(|n| (id(n), "2026-01-01T00:00:00.000Z".to_owned(), object(n, 1).to_string())).collect()
}

fn parcels(texts: &[(String, String, String)]) -> Vec<Parcel<'_>> {
    texts.iter().map(|(id, version, text)| Parcel { id, version, text }).collect()
}

fn sent(asked: &super::testing::Asked) -> Vec<serde_json::Value> {
    let body: serde_json::Value = serde_json::from_slice(&asked.body).unwrap();
    body["objects"].as_array().unwrap().clone()
}

#[test]
fn sending_waits_for_the_status_and_tells_each_objects_end() {
    let detail = |n: usize| json!({"id": id(n), "version": "2026-01-01T00:00:00.000Z"});
    let partner = BadPartner::new(move |n, asked| match (asked.method.as_str(), n) {
        ("POST", _) => Answered::raw(202, json!({"id": "s1", "status": "pending", "total_count": 3, "pending_count": 3}).to_string()),
        (_, 0..=2) if asked.path == "/api/status/s1/" => Answered::json(&json!({"id": "s1", "status": "pending", "pending_count": 3})),
        _ if asked.path == "/api/status/s1/" => Answered::json(&json!({
            "id": "s1", "status": "complete", "success_count": 1, "successes": [detail(0)], "failure_count": 1,
            "failures": [{"id": id(1), "version": "2026-01-01T00:00:00Z", "message": "too odd"}], "pending_count": 1, "pendings": [detail(2)]})),
        _ => Answered::json(&json!({"title": "R", "versions": [], "max_content_length": 100_000})),
    });
    let verdicts = partner.client(quick()).add(&parcels(&texts(3))).unwrap();
    assert_eq!(verdicts[..2], [Verdict::Kept, Verdict::Refused("too odd".into())]);
    assert!(matches!(verdicts[2], Verdict::Open(_)));
}

#[test]
fn sending_is_halved_to_what_the_server_takes_and_to_whom_a_refusal_is_about() {
    let partner = BadPartner::new(|_, asked| {
        if asked.method == "GET" {
            return Answered::json(&json!({"title": "R", "versions": [], "max_content_length": 2000}));
        }
        let objects = sent(asked);
        let is_odd = objects.iter().any(|object| object["id"] == id(5));
        match objects.len() {
            n if n > 4 => Answered::raw(413, ""),
            _ if is_odd => Answered::raw(422, r#"{"title":"I do not like one of these"}"#),
            // Says how many and not which.
            n => Answered::raw(202, json!({"id": "s", "status": "complete", "success_count": n, "failure_count": 0}).to_string()),
        }
    });
    let verdicts = partner.client(quick()).add(&parcels(&texts(20))).unwrap();
    let refused: Vec<usize> = (0..20).filter(|n| verdicts[*n] != Verdict::Kept).collect();
    assert_eq!(refused, [5]);
    assert_eq!(verdicts[5], Verdict::Refused("I do not like one of these".into()));
    assert!(partner.asked().iter().all(|asked| asked.body.len() <= 2000));
}

#[test]
fn a_status_that_does_not_say_which_failed_is_asked_for_each() {
    let partner = BadPartner::new(|_, asked| {
        if asked.method == "GET" {
            return Answered::json(&json!({"title": "R", "versions": [], "max_content_length": 100_000}));
        }
        let objects = sent(asked);
        let n_odd = objects.iter().filter(|object| object["id"] == id(3)).count();
        let counts = json!({"id": "s", "status": "complete", "success_count": objects.len() - n_odd, "failure_count": n_odd});
        Answered::raw(202, counts.to_string())
    });
    let verdicts = partner.client(quick()).add(&parcels(&texts(8))).unwrap();
    assert_eq!((0..8).filter(|n| verdicts[*n] != Verdict::Kept).collect::<Vec<_>>(), [3]);
}

#[test]
fn a_status_that_never_completes_leaves_things_open_in_time() {
    let partner = BadPartner::new(|_, _| Answered::raw(202, json!({"id": "s", "status": "pending", "pending_count": 2}).to_string()));
    let begun = Clock::now();
    let verdicts = partner.client(quick()).add(&parcels(&texts(2))).unwrap();
    assert!(verdicts.iter().all(|verdict| matches!(verdict, Verdict::Open(_))));
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[test]
fn deleting_names_version_and_edition_and_what_is_gone_is_gone() {
    let partner = BadPartner::new(|n, _| if n == 0 { Answered::raw(200, "") } else { Answered::raw(404, r#"{"title":"not found"}"#) });
    let client = partner.client(quick());
    let version = Instant::parse("2026-01-01T00:00:00.000Z").unwrap();
    assert_eq!(client.delete(&id(1), version, "2.1").unwrap(), Removed::Now);
    assert_eq!(client.delete(&id(1), version, "2.1").unwrap(), Removed::Before);
    let asked = &partner.asked()[0];
    assert_eq!((asked.method.as_str(), asked.path.as_str()), ("DELETE", format!("objects/{}/", id(1)).as_str()));
    assert_eq!(asked.query["match[version]"], "2026-01-01T00:00:00.000000Z");
    assert_eq!(asked.query["match[spec_version]"], "2.1");
}

#[test]
fn no_secret_is_printed() {
    let access = Access { login: Some(("fi".into(), "hush".into())), token: Some("hush".into()), ..Access::default() };
    assert!(!format!("{access:?}").contains("hush"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// However a server pages, a crawl ends, repeats nothing, and either has everything or says that it has not.
    #[test]
    fn a_crawl_loses_nothing_silently(
        dates in prop::collection::vec(0_i64..12, 0..60),
        cap in 1_usize..12,
        next in prop::sample::select(vec![Next::Given, Next::Missing, Next::Circling, Next::Forgotten]),
        is_inclusive in any::<bool>(),
        tells_dates in any::<bool>(),
    ) {
        let n = dates.len();
        let partner = Shelf { cap, next, is_inclusive, tells_dates, ..Shelf::new(dates) }.serve();
        let (ids, ending) = crawl(&partner.client(quick())).unwrap();
        let distinct: BTreeSet<&String> = ids.iter().collect();
        prop_assert_eq!(distinct.len(), ids.len());
        if ending == Ending::Complete {
            prop_assert_eq!(distinct.len(), n);
        }
        if next == Next::Given {
            prop_assert_eq!(ending, Ending::Complete);
        }
        prop_assert!(partner.asked().len() < 400);
    }
}

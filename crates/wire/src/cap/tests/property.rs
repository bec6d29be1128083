//! Properties: what is written is read the same, and no bytes make the reader panic.

use jiff::Timestamp;
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

use super::{assert_fits_the_schema, full, written};
use crate::cap::*;

/// A word for names and lists.
fn key() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9@.:_é>'-]{1,12}"
}

/// Text that says something, with all that XML has to escape.
fn text() -> impl Strategy<Value = String> {
    "[ -~\t\r\n\u{85}\u{a0}é🚢\u{2028}]{0,20}[a-z<>&\"']"
}

fn time() -> impl Strategy<Value = Time> {
    let (first, last) = (-62_000_000_000_i64, 253_000_000_000);
    (first..last, -840_i16..=840).prop_map(|(second, offset_min)| {
        let moment = Timestamp::from_second(second).expect("a second of the years 5 to 9987");
        Time::at(moment, offset_min).expect("an offset within 14 h")
    })
}

fn point() -> impl Strategy<Value = Point> {
    (-90.0..=90.0, -180.0..=180.0).prop_map(|(lat_deg, lon_deg)| Point { lat_deg, lon_deg })
}

fn polygon() -> impl Strategy<Value = Polygon> {
    vec(point(), 3..6).prop_map(|mut points| {
        points.push(points[0]);
        Polygon { points }
    })
}

fn named() -> impl Strategy<Value = Vec<Named>> {
    vec((text(), text()).prop_map(|(name, value)| Named { name, value }), 0..3)
}

fn area() -> impl Strategy<Value = Area> {
    let circle = (point(), 0.0..20_000.0).prop_map(|(centre, radius_km)| Circle { centre, radius_km });
    let heights = of((-1e3..1e5, of(0.0..1e300)));
    (text(), vec(polygon(), 0..3), vec(circle, 0..3), named(), heights).prop_map(|(area_desc, polygon, circle, geocode, heights)| Area {
        area_desc,
        polygon,
        circle,
        geocode,
        altitude_ft: heights.map(|(altitude_ft, _)| altitude_ft),
        ceiling_ft: heights.and_then(|(altitude_ft, above_ft)| above_ft.map(|above_ft| altitude_ft + above_ft)),
    })
}

fn resource() -> impl Strategy<Value = Resource> {
    (text(), of(any::<u64>()), of("[a-z]{1,5}:[a-z&/]{1,9}"), of("([A-Za-z0-9+/]{4}){1,5}"), of("[0-9a-f]{40}")).prop_map(
        |(resource_desc, size_bytes, uri, deref_uri, digest)| Resource {
            resource_desc,
            mime_type: "image/png".into(),
            size_bytes,
            uri,
            deref_uri,
            digest,
        },
    )
}

fn info() -> impl Strategy<Value = Info> {
    let words = (
        of("[a-z]{2}(-[A-Z0-9]{2})?"),
        vec(select(Category::ALL), 1..4),
        vec(select(ResponseType::ALL), 0..4),
        (select(Urgency::ALL), select(Severity::ALL), select(Certainty::ALL)),
        (of(time()), of(time()), of(time())),
    );
    let texts = (text(), of(text()), of(text()), of(text()), of(text()), of(text()), of(text()), of("https:[a-z&]{1,9}"));
    let parts = (named(), named(), vec(resource(), 0..3), vec(area(), 0..3));
    (words, texts, parts).prop_map(|(words, texts, parts)| {
        let (language, category, response_type, (urgency, severity, certainty), (effective, onset, expires)) = words;
        let (event, audience, sender_name, headline, description, instruction, contact, web) = texts;
        let (event_code, parameter, resource, area) = parts;
        Info {
            language,
            category,
            event,
            response_type,
            urgency,
            severity,
            certainty,
            audience,
            event_code,
            effective,
            onset,
            expires,
            sender_name,
            headline,
            description,
            instruction,
            web,
            contact,
            parameter,
            resource,
            area,
        }
    })
}

fn alert() -> impl Strategy<Value = Alert> {
    let reference = (key(), key(), time()).prop_map(|(sender, identifier, sent)| Reference { sender, identifier, sent });
    let item = || "[ -!#-~\té\r\n]{0,9}[a-z]";
    let words = (key(), key(), time(), select(Status::ALL), select(MsgType::ALL), select(Scope::ALL));
    let lists = (vec(item(), 1..4), vec(text(), 0..3), vec(reference, 0..3), vec(item(), 0..3), vec(info(), 0..3));
    (words, (of(text()), text(), of(text())), lists).prop_map(|(words, (source, restriction, note), lists)| {
        let (identifier, sender, sent, status, msg_type, scope) = words;
        let (addresses, code, references, incidents, info) = lists;
        Alert {
            identifier,
            sender,
            sent,
            status,
            msg_type,
            source,
            scope,
            restriction: Some(restriction),
            addresses,
            code,
            note,
            references,
            incidents,
            info,
        }
    })
}

/// A change of bytes: the place, how many go, and what comes.
fn edits() -> impl Strategy<Value = Vec<(prop::sample::Index, usize, Vec<u8>)>> {
    let pieces: &[&[u8]] =
        &[b"<", b">", b"&", b"/", b"]]>", b"<!--", b"<![CDATA[", b"<!DOCTYPE a>", b"<info>", b"&#x0;", b"\"", b"\xff", b"xmlns=''", b","];
    let piece = prop_oneof![select(pieces).prop_map(<[u8]>::to_vec), vec(any::<u8>(), 0..4)];
    vec((any::<prop::sample::Index>(), 0_usize..40, piece), 1..5)
}

proptest! {
    #[test]
    fn what_is_written_is_read_the_same(alert in alert()) {
        let text = written(&alert);
        assert_fits_the_schema(&text);
        prop_assert_eq!(read(text.as_bytes()), Ok(alert));
    }

    #[test]
    fn times_come_back(time in time()) {
        prop_assert_eq!(time.to_string().parse(), Ok(time));
    }

    #[test]
    fn changed_bytes_never_panic(edits in edits()) {
        let mut bytes = written(&full()).into_bytes();
        for (place, n_gone, piece) in edits {
            let from = place.index(bytes.len());
            let to = (from + n_gone).min(bytes.len());
            bytes.splice(from..to, piece);
        }
        if let Ok(alert) = read(&bytes)
            && let Ok(text) = write(&alert)
        {
            prop_assert_eq!(read(text.as_bytes()), Ok(alert));
        }
    }

    #[test]
    fn any_bytes_never_panic(bytes in vec(any::<u8>(), 0..200)) {
        prop_assert!(read(&bytes).is_err());
    }
}

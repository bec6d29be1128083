//! Bodies: too large, too deep, no text, packed.

use std::io::Write;

use serde_json::json;

use super::{Target, objects};
use crate::http::{Ask, TAXII};
use crate::node::ask;

/// Memory allowed where bodies are small, megabytes.
const SMALL_MB: f64 = 150.0;
/// Memory allowed where bodies of the largest size come at once, megabytes: room for 128 MiB, a copy of it, and the rest.
const LARGE_MB: f64 = 600.0;

fn object(rest: &str) -> String {
    format!(
        "{{\"type\":\"infrastructure\",\"spec_version\":\"2.1\",\"id\":\"infrastructure--00000000-0000-4000-8000-000000000001\"{rest}}}"
    )
}

fn envelope(object: &str) -> Vec<u8> {
    format!("{{\"objects\":[{object}]}}").into_bytes()
}

fn nested(open: &str, close: &str) -> String {
    format!("{}{}", open.repeat(100_000), close.repeat(100_000))
}

/// The request with one more header.
fn with_header(request: &Ask, header: &'static str, value: &str) -> Vec<u8> {
    let mut request = request.clone();
    request.headers.push((header, value.to_owned()));
    request.bytes()
}

#[test]
fn odd_bodies_get_their_status() {
    let target = Target::new();
    let cases: [(&str, Vec<u8>, &[u16]); 16] = [
        ("no UTF-8", b"{\"objects\":[{\"name\":\"\xff\xfe\"}]}".to_vec(), &[400]),
        ("half a character", b"{\"objects\":[{\"name\":\"\xe2\x82\"}]}".to_vec(), &[400]),
        ("a surrogate in UTF-8", b"{\"objects\":[{\"name\":\"\xed\xa0\x80\"}]}".to_vec(), &[400]),
        ("UTF-16", b"\xff\xfe{\0}\0".to_vec(), &[400]),
        ("a NUL", b"{\"objects\":[{\"name\":\"a\0b\"}]}".to_vec(), &[400]),
        ("NULs only", vec![0; 10_000], &[400]),
        ("lists 100,000 deep", nested("[", "]").into_bytes(), &[400, 422]),
        ("objects 100,000 deep", nested("{\"objects\":", "}").into_bytes(), &[400, 422]),
        ("open lists only", "[".repeat(1_000_000).into_bytes(), &[400, 422]),
        ("an envelope with two lists", b"{\"objects\":[{}],\"objects\":[{}]}".to_vec(), &[400, 422]),
        ("no end", b"{\"objects\":[{\"a\":\"".to_vec(), &[400]),
        ("a comment", b"/* */{\"objects\":[]}".to_vec(), &[400]),
        ("not a number", b"{\"objects\":[NaN]}".to_vec(), &[400]),
        ("a lone surrogate", b"{\"objects\":[\"\\ud800\"]}".to_vec(), &[202, 400]),
        ("XML", b"<?xml version=\"1.0\"?><a/>".to_vec(), &[400]),
        ("a million empty objects", envelope(&vec!["{}"; 1_000_000].join(",")), &[422]),
    ];
    for (name, body, expected) in cases {
        let answer = target.send(&ask("all", "POST", &objects(), &body).bytes()).unwrap_or_else(|| panic!("{name}: no answer"));
        assert!(expected.contains(&answer.status), "{name}: {} {:.300}", answer.status, answer.text());
        assert!(answer.status != 202 || answer.json()["success_count"] == 0, "{name}: {:.300}", answer.text());
        target.serves();
    }
    target.is_within(SMALL_MB);
}

#[test]
fn odd_objects_fail_alone() {
    let target = Target::new();
    let cases = [
        ("nested 100,000 deep", object(&format!(",\"x\":{}", nested("[", "]")))),
        ("objects 100,000 deep", object(&format!(",\"x\":{}", nested("{\"a\":", "}").replace(":}", ":1}")))),
        ("a name twice", object(",\"name\":\"a\",\"name\":\"b\"")),
        ("a name twice, once in escapes", object(",\"name\":\"a\",\"n\\u0061me\":\"b\"")),
        ("a name twice further down", object(",\"x\":[{\"a\":1,\"a\":2}]")),
        ("a marking twice", object(",\"object_marking_refs\":[],\"object_marking_refs\":[]")),
        ("a number that no double holds", object(",\"x\":1e999999999")),
        ("an identifier of a megabyte", object("").replace("infrastructure--", &"a".repeat(1 << 20))),
        ("a version that is none", object(",\"modified\":\"yesterday\"")),
        ("a list for a version", object(",\"modified\":[]")),
        ("markings that are none", object(",\"object_marking_refs\":{\"a\":1}")),
    ];
    let good = object(",\"created\":\"2026-01-01T00:00:00Z\"").replace("000000000001", "0000000000ff");
    for (name, text) in cases {
        let body = envelope(&format!("{text},{good}"));
        let answer = target.send(&ask("all", "POST", &objects(), &body).bytes()).unwrap_or_else(|| panic!("{name}: no answer"));
        let told = answer.json();
        let counts = (answer.status, told["success_count"].as_u64(), told["failure_count"].as_u64());
        // Nesting may also be refused with the whole body.
        assert!(counts == (202, Some(1), Some(1)) || (answer.status == 400 && name.contains("deep")), "{name}: {:.500}", answer.text());
        target.serves();
    }
    for (name, rest) in [
        ("a million digits", format!(",\"x\":0.{}", "1".repeat(1_000_000))),
        ("a megabyte of text", format!(",\"x\":\"{}\"", "ä".repeat(1 << 19))),
    ] {
        let answer =
            target.send(&ask("all", "POST", &objects(), &envelope(&object(&rest))).bytes()).unwrap_or_else(|| panic!("{name}: no answer"));
        assert_eq!(answer.status, 202, "{name}: {:.300}", answer.text());
        target.serves();
    }
    target.is_within(SMALL_MB);
}

#[test]
fn a_packed_body_is_not_unpacked() {
    let target = Target::new();
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    (0..10_000).for_each(|_| bomb.write_all(&[b' '; 10_000]).expect("room"));
    let bomb = bomb.finish().expect("a packed body");
    assert!(bomb.len() < 200_000);
    for encoding in ["gzip", "GZIP", "deflate", "br", "zstd", "gzip, gzip", "x-gzip"] {
        let request = with_header(&ask("all", "POST", &objects(), &bomb), "Content-Encoding", encoding);
        let answer = target.send(&request).unwrap_or_else(|| panic!("{encoding}: no answer"));
        assert_eq!((answer.status, answer.header("Content-Type")), (415, Some(TAXII)), "{encoding}: {}", answer.text());
    }
    // Packed and not told so, it is no text.
    assert_eq!(target.send(&ask("all", "POST", &objects(), &bomb).bytes()).map(|a| a.status), Some(400));
    let plain = envelope(&object(",\"created\":\"2026-01-01T00:00:00Z\""));
    let request = with_header(&ask("all", "POST", &objects(), &plain), "Content-Encoding", "identity");
    assert_eq!(target.send(&request).map(|a| a.status), Some(202));
    target.serves();
    target.is_within(SMALL_MB);
}

/// A request with a head of its own making.
fn headed(user: &str, head: &str) -> Vec<u8> {
    let request = String::from_utf8(Ask { body: b"", ..ask(user, "POST", &objects(), b"") }.bytes()).expect("text");
    request.replace("Content-Length: 0", head).into_bytes()
}

#[test]
fn a_body_declared_too_large_is_refused_before_it_comes() {
    let target = Target::new();
    for length in [100 * 1024 * 1024 + 1, 1_u64 << 40] {
        let answer = target.send(&headed("all", &format!("Content-Length: {length}"))).expect("an answer");
        assert_eq!((answer.status, answer.header("Content-Type")), (413, Some(TAXII)), "{length}: {}", answer.text());
        assert!(answer.json()["title"].is_string());
    }
    // The HTTP beneath us has a largest number of its own.
    let answer = target.send(&headed("all", &format!("Content-Length: {}", u64::MAX - 1))).expect("an answer");
    assert!((400..500).contains(&answer.status), "{}", answer.status);
    target.serves();
    target.is_within(SMALL_MB);
}

#[test]
fn a_body_in_chunks_is_cut_off_at_the_largest_size() {
    let target = Target::new();
    let chunk = [format!("{:x}\r\n", 1 << 20).as_bytes(), &vec![b' '; 1 << 20], b"\r\n"].concat();
    let mut client = target.client();
    client.send(&headed("all", "Transfer-Encoding: chunked")).expect("a head is taken");
    for _ in 0..150 {
        if client.send(&chunk).is_err() {
            break;
        }
    }
    let answer = client.receive().expect("an answer");
    assert_eq!(answer.status, 413, "{}", answer.text());
    target.serves();
    target.is_within(LARGE_MB);
}

#[test]
fn who_is_not_logged_in_fills_no_memory() {
    let target = Target::new();
    let body = vec![b' '; 100 * 1024 * 1024];
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                let path = objects();
                let mut request = ask("nobody", "POST", &path, b"");
                request.headers.remove(0);
                request.body = &body;
                assert_eq!(target.send(&request.bytes()).map(|answer| answer.status), Some(401));
            });
        }
        target.serves();
    });
    target.is_within(SMALL_MB);
}

#[test]
fn many_large_bodies_at_once_share_the_room() {
    let target = Target::new();
    let good =
        json!({"type": "infrastructure", "spec_version": "2.1", "id": "infrastructure--00000000-0000-4000-8000-000000000002"}).to_string();
    let body = [envelope(&good), vec![b' '; 60 * 1024 * 1024]].concat();
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                let status = target.send(&ask("all", "POST", &objects(), &body).bytes()).map(|answer| answer.status);
                assert!(matches!(status, Some(202 | 503)), "{status:?}");
            });
        }
        target.serves();
    });
    target.serves();
    target.is_within(LARGE_MB);
}

//! Requests: two readings of one request, floods of headers, absurd paths.

use super::{Target, objects};
use crate::http::basic;
use crate::node::{PASSWORD, ask};

fn login() -> String {
    basic("all", PASSWORD)
}

/// The statuses that come back over one connection until it is closed or silent.
fn statuses(target: &Target, bytes: &[u8]) -> Vec<u16> {
    let mut client = target.client();
    client.patience(std::time::Duration::from_secs(3)).expect("a shorter wait");
    let _ = client.send(bytes);
    std::iter::from_fn(|| client.receive().ok().map(|answer| answer.status)).take(10).collect()
}

/// A request with these headers, this body, and another request hidden behind it that would be 404 if it were read.
fn smuggling(target: &Target, headers: &str, body: &str) -> Vec<u16> {
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\nContent-Type: application/taxii+json;version=2.1\r\n{headers}\r\n",
        objects(),
        login()
    );
    let hidden = format!("GET /hidden/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\n\r\n", login());
    statuses(target, format!("{head}{body}{hidden}").as_bytes())
}

#[test]
fn a_request_with_two_readings_is_refused_and_nothing_behind_it_is_read() {
    let target = Target::new();
    let cases = [
        ("length and chunks", "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        ("chunks and length", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"),
        ("two lengths", "Content-Length: 2\r\nContent-Length: 3\r\n", "{}"),
        ("a list of lengths", "Content-Length: 2, 3\r\n", "{}"),
        ("a length with a sign", "Content-Length: +2\r\n", "{}"),
        ("a negative length", "Content-Length: -2\r\n", "{}"),
        ("a length in hexadecimal", "Content-Length: 0x2\r\n", "{}"),
        ("a length beyond all", "Content-Length: 99999999999999999999999\r\n", "{}"),
        ("chunks that are not last", "Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n"),
        ("an unknown coding", "Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"),
        ("a space before the colon", "Transfer-Encoding : chunked\r\n", "0\r\n\r\n"),
        ("a folded line", "X-A: b\r\n Transfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        ("a lone carriage return", "X-A: b\rTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        ("a NUL in a header", "X-A: b\0c\r\n", ""),
        ("a chunk size that is none", "Transfer-Encoding: chunked\r\n", "xyz\r\n{}\r\n0\r\n\r\n"),
        ("a negative chunk size", "Transfer-Encoding: chunked\r\n", "-2\r\n{}\r\n0\r\n\r\n"),
        ("a chunk size beyond all", "Transfer-Encoding: chunked\r\n", "fffffffffffffffff\r\n{}\r\n0\r\n\r\n"),
        ("a chunk longer than told", "Transfer-Encoding: chunked\r\n", "1\r\n{}\r\n0\r\n\r\n"),
        ("a chunk size without line end", "Transfer-Encoding: chunked\r\n", "2{}0\r\n\r\n"),
    ];
    for (name, headers, body) in cases {
        let found = smuggling(&target, headers, body);
        let is_safe = found.len() <= 1 && found.iter().all(|status| (400..500).contains(status) && *status != 404);
        assert!(is_safe, "{name}: {found:?}");
    }
    // With one reading, what stands behind a request is the next one.
    assert_eq!(smuggling(&target, "Content-Length: 2\r\n", "{}"), [422, 404]);
    assert_eq!(smuggling(&target, "Transfer-Encoding: chunked\r\n", "2\r\n{}\r\n0\r\n\r\n"), [422, 404]);
    target.serves();
}

#[test]
fn a_request_line_that_is_none_is_refused() {
    let target = Target::new();
    let lines = [
        "GET",
        "GET /taxii2/",
        "GET /taxii2/ HTTP/9.9",
        "GET  /taxii2/ HTTP/1.1",
        "G\0T /taxii2/ HTTP/1.1",
        "GET /tax ii2/ HTTP/1.1",
        "GET taxii2 HTTP/1.1",
        "\u{1}\u{2}\u{3}",
        "GET /\u{7f} HTTP/1.1",
        "PRI * HTTP/2.0",
    ];
    for line in lines {
        let found = statuses(&target, format!("{line}\r\nHost: localhost\r\nAuthorization: {}\r\n\r\n", login()).as_bytes());
        assert!(found.len() <= 1 && found.iter().all(|status| (400..600).contains(status)), "{line:?}: {found:?}");
    }
    target.serves();
}

#[test]
fn floods_of_headers_and_absurd_paths_are_4xx() {
    let target = Target::new();
    let long = |n: usize| "a".repeat(n);
    let flood: String = (0..20_000).map(|n| format!("X-{n}: {n}\r\n")).collect();
    let same: String = (0..5000).map(|_| "Accept: */*\r\n").collect();
    let cases = [
        ("20,000 headers", "/taxii2/".to_owned(), flood),
        ("5,000 times one header", "/taxii2/".to_owned(), same),
        ("a header of 10 MB", "/taxii2/".to_owned(), format!("X-A: {}\r\n", long(10_000_000))),
        ("a name of 1 MB", "/taxii2/".to_owned(), format!("{}: x\r\n", long(1_000_000))),
        ("a path of 1 MB", format!("/{}", long(1_000_000)), String::new()),
        ("a path of 30 kB", format!("/{}", long(30_000)), String::new()),
        ("a query of 30 kB", format!("{}?match[type]={}", objects(), ",".repeat(30_000)), String::new()),
        ("10,000 slashes", "/".repeat(10_000), String::new()),
        ("dots", "/../../../etc/passwd".to_owned(), String::new()),
        ("encoded dots", "/%2e%2e/%2e%2e/etc/passwd".to_owned(), String::new()),
        ("an encoded NUL", "/joint%00/".to_owned(), String::new()),
        ("no UTF-8", "/%ff%fe/".to_owned(), String::new()),
        ("a quote", "/joint'%20OR%201=1--/".to_owned(), String::new()),
    ];
    for (name, path, headers) in cases {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\n{headers}\r\n", login());
        let found = statuses(&target, request.as_bytes());
        // Where the head is far beyond the limit, closing without a word is all that may arrive.
        assert!(found.len() <= 1 && found.iter().all(|status| (400..500).contains(status)), "{name}: {found:?}");
        assert!(!found.is_empty() || request.len() > 64_000, "{name}: no answer");
        target.serves();
    }
    target.is_within(150.0);
}

#[test]
fn values_of_parameters_are_no_part_of_a_statement() {
    let target = Target::new();
    let words = ["'", "''; DROP TABLE object; --", "a' OR '1'='1", "$1", "\\", "%00", "%", "_", "a\u{301}"];
    for word in words {
        let encoded: String = word.bytes().map(|b| format!("%{b:02X}")).collect();
        for name in ["match[type]", "match[spec_version]", "match[id]", "match[version]", "next", "added_after", "limit"] {
            let path = format!("{}?{name}={encoded}", objects());
            let answer = target.send(&ask("all", "GET", &path, b"").bytes()).expect("an answer");
            assert!(matches!(answer.status, 200 | 400), "{name}={word}: {} {}", answer.status, answer.text());
            assert!(answer.json().get("objects").is_none(), "{name}={word}: {}", answer.text());
        }
    }
    // A list that is long, but fits into a head.
    let many = format!("{}?match[type]={}", objects(), vec!["a"; 20_000].join(","));
    let answer = target.send(&ask("all", "GET", &many, b"").bytes()).expect("an answer");
    assert!(matches!(answer.status, 200 | 400 | 414 | 431), "{} {}", answer.status, answer.text());
    target.serves();
}

//! Crowds: slow heads, slow bodies, readers that do not read, connections that say nothing, and ten thousand of them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::{Target, objects};
use crate::http::{Client, basic};
use crate::node::{PASSWORD, ask};
use crate::random::is_soak;

/// Connections of a crowd; the node has 512 places.
const CROWD: usize = 600;
/// Memory allowed with all places taken, megabytes.
const CROWD_MB: f64 = 250.0;

/// Connections that have shaken hands and sent these bytes.
fn crowd(target: &Target, bytes: &[u8]) -> Vec<Client> {
    let open = || {
        let mut client = target.client();
        let _ = client.send(bytes);
        client
    };
    (0..CROWD).map(|_| open()).collect()
}

fn is_served_beside(target: &Target, bytes: &[u8]) {
    let clients = crowd(target, bytes);
    for _ in 0..3 {
        target.serves();
    }
    drop(clients);
    target.serves();
}

#[test]
fn connections_that_say_nothing_keep_nobody_out() {
    let target = Target::new();
    is_served_beside(&target, b"");
    target.is_within(CROWD_MB);
}

#[test]
fn slow_heads_keep_nobody_out() {
    let target = Target::new();
    is_served_beside(&target, b"GET /taxii2/ HTTP/1.1\r\nHost: localhost\r\nX-");
    target.is_within(CROWD_MB);
}

#[test]
fn slow_bodies_keep_nobody_out() {
    let target = Target::new();
    for length in ["Content-Length: 60000", "Content-Length: 90000000", "Transfer-Encoding: chunked"] {
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\nContent-Type: application/taxii+json;version=2.1\r\n{length}\r\n\r\n",
            objects(),
            basic("all", PASSWORD)
        );
        is_served_beside(&target, head.as_bytes());
    }
    target.is_within(CROWD_MB);
}

#[test]
fn readers_that_do_not_read_keep_nobody_out() {
    let target = Target::new();
    let object = |n: usize| {
        format!(
            "{{\"type\":\"infrastructure\",\"spec_version\":\"2.1\",\"id\":\"infrastructure--00000000-0000-4000-8000-{n:012}\",\"x\":\"{}\"}}",
            "x".repeat(500)
        )
    };
    let body = format!("{{\"objects\":[{}]}}", (0..200).map(object).collect::<Vec<_>>().join(","));
    assert_eq!(target.send(&ask("all", "POST", &objects(), body.as_bytes()).bytes()).map(|a| a.status), Some(202));
    is_served_beside(&target, &ask("all", "GET", &objects(), b"").bytes().repeat(50));
    target.is_within(CROWD_MB);
}

#[test]
fn wrong_passwords_keep_nobody_out() {
    let target = Target::new();
    let request =
        |n: usize| format!("GET /taxii2/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\n\r\n", basic("all", &format!("wrong {n}")));
    let mut clients: Vec<Client> = (0..20).map(|_| target.client()).collect();
    for (n, client) in clients.iter_mut().enumerate() {
        client.send(request(n).as_bytes()).expect("a request is taken");
    }
    target.serves();
    for client in &mut clients {
        assert!(matches!(client.receive().map(|a| a.status), Ok(401 | 429 | 503)));
    }
}

#[test]
fn a_slow_client_is_let_go() {
    let target = Target::new();
    let begin = Instant::now();
    let mut clients: Vec<Client> = ["", "GET /taxii2/ HTTP/1.1\r\nX-"]
        .iter()
        .map(|bytes| {
            let mut client = target.client();
            client.send(bytes.as_bytes()).expect("bytes are taken");
            client
        })
        .collect();
    // And one that never shakes hands.
    let mut silent = TcpStream::connect(target.node.address).expect("a connection");
    silent.set_read_timeout(Some(Duration::from_mins(1))).expect("a wait");
    assert!(!matches!(silent.read(&mut [0; 16]), Err(e) if e.kind() == std::io::ErrorKind::WouldBlock), "a silent connection stays open");
    for client in &mut clients {
        // Closed, or told that it was too slow.
        assert!(client.receive().map_or(true, |answer| (400..500).contains(&answer.status)));
    }
    assert!(begin.elapsed() < Duration::from_secs(45), "slow clients stay for {:?}", begin.elapsed());
}

#[test]
fn halves_of_connections_harm_nobody() {
    let target = Target::new();
    let halves: [&[u8]; 5] = [b"", b"\x16", b"\x16\x03\x01\x02\x00\x01\x00", b"GET / HTTP/1.1\r\n\r\n", &[0xff; 4096]];
    for bytes in halves {
        for _ in 0..50 {
            let mut socket = TcpStream::connect(target.node.address).expect("a connection");
            let _ = socket.write_all(bytes);
            let _ = socket.shutdown(std::net::Shutdown::Write);
        }
        target.serves();
    }
    for _ in 0..50 {
        let mut client = target.client();
        let _ = client.send(&ask("all", "GET", &objects(), b"").bytes());
        client.half_close().expect("a half");
    }
    target.serves();
    target.is_within(150.0);
}

/// Files that this process may have open at once.
fn may_open() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find(|line| line.starts_with("Max open files"));
    line.and_then(|line| line.split_whitespace().nth(3)).and_then(|word| word.parse().ok()).unwrap_or(1024)
}

#[test]
fn ten_thousand_connections_keep_nobody_out() {
    let wanted = if is_soak() { 10_000 } else { 1500 };
    let n = wanted.min(may_open().saturating_sub(200));
    if n < wanted {
        println!("{n} connections in place of {wanted}: raise the limit with `ulimit -n`");
    }
    let target = Target::new();
    let address = target.node.address;
    let mut open = Vec::new();
    for i in 0..n {
        match TcpStream::connect_timeout(&address, Duration::from_secs(20)) {
            Ok(mut socket) => {
                // Every third begins a handshake, so that the node has something to keep.
                if i % 3 == 0 {
                    let _ = socket.write_all(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc");
                }
                open.push(socket);
            }
            Err(e) => panic!("connection {i} of {n}: {e}"),
        }
        if i % (n / 4) == 0 {
            target.serves();
        }
    }
    target.serves();
    drop(open);
    target.serves();
    target.is_within(CROWD_MB);
}

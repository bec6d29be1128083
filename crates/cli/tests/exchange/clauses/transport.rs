//! TLS (section 8.2.2; RFC 7540 appendix A) and the ways of HTTP/1.1 that clients rely on.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use super::world::{FULL, World, objects};
use super::{Clause, Verdict, holds, must, ours, same, should, status};
use crate::http::{Client, TAXII, trusting};
use crate::node::ask;

/// Suites of TLS 1.2 that RFC 7540 appendix A forbids: blocks chained, or keys carried by RSA.
const FORBIDDEN: [u16; 8] = [0x002f, 0x0035, 0x003c, 0x009c, 0x009d, 0xc013, 0xc014, 0xc027];
/// Suites that a server of today takes.
const GOOD: [u16; 4] = [0xc02b, 0xc02c, 0xc02f, 0xcca9];

/// A first message of TLS, made by hand: record and message of these versions with these suites.
fn client_hello(version: u16, suites: &[u16]) -> Vec<u8> {
    let mut extensions = Vec::new();
    let mut extension = |kind: u16, body: &[u8]| {
        extensions.extend(kind.to_be_bytes());
        extensions.extend((body.len() as u16).to_be_bytes());
        extensions.extend(body);
    };
    extension(10, &[0, 4, 0, 29, 0, 23]);
    extension(11, &[1, 0]);
    extension(13, &[0, 12, 4, 3, 8, 4, 4, 1, 5, 3, 2, 3, 2, 1]);
    extension(23, &[]);
    let mut body = version.to_be_bytes().to_vec();
    body.extend([7; 32]);
    body.push(0);
    body.extend((2 * suites.len() as u16).to_be_bytes());
    body.extend(suites.iter().flat_map(|s| s.to_be_bytes()));
    body.extend([1, 0]);
    body.extend((extensions.len() as u16).to_be_bytes());
    body.extend(extensions);
    let mut message = vec![1];
    message.extend(&(body.len() as u32).to_be_bytes()[1..]);
    message.extend(body);
    let mut record = vec![22, 3, 1];
    record.extend((message.len() as u16).to_be_bytes());
    record.extend(message);
    record
}

/// What the node says first to these bytes.
fn first_words(w: &World, bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut socket = TcpStream::connect(w.node.address).map_err(|e| e.to_string())?;
    socket.set_read_timeout(Some(Duration::from_secs(30))).map_err(|e| e.to_string())?;
    socket.write_all(bytes).map_err(|e| e.to_string())?;
    let mut room = [0; 512];
    match socket.read(&mut room) {
        Ok(n) => Ok(room[..n].to_vec()),
        Err(e) if e.kind() == std::io::ErrorKind::ConnectionReset => Ok(Vec::new()),
        Err(e) => Err(e.to_string()),
    }
}

/// An alert of TLS, or nothing at all, and no message of a handshake.
fn refuses(w: &World, bytes: &[u8]) -> Verdict {
    let words = first_words(w, bytes)?;
    holds(words.first().is_none_or(|kind| *kind == 21), || format!("{words:02x?}"))
}

fn speaks(w: &World, version: &'static rustls::SupportedProtocolVersion) -> Verdict {
    let tls = trusting(&w.site.folder.join("certificate.pem"), &[version]);
    let mut client = Client::connect(w.node.address, &tls).map_err(|e| e.to_string())?;
    same(client.tls_version(), Some(version.version))?;
    status(&client.ask(&ask("all", "GET", "/taxii2/", b"")).map_err(|e| e.to_string())?, 200)
}

pub const CLAUSES: &[Clause] = &[
    must("8.2.2", "TLS 1.2 is spoken", |w| speaks(w, &rustls::version::TLS12)),
    should("8.2.2", "TLS 1.3 is spoken", |w| speaks(w, &rustls::version::TLS13)),
    must("8.2.2", "our own first message is understood where its suites are good", |w| {
        // So that the refusals below are for the version and the suites.
        let words = first_words(w, &client_hello(0x0303, &GOOD))?;
        same(words.first().copied(), Some(22))
    }),
    must("8.2.2", "TLS 1.1 is refused", |w| refuses(w, &client_hello(0x0302, &[&FORBIDDEN[..], &GOOD].concat()))),
    must("8.2.2", "TLS 1.0 is refused", |w| refuses(w, &client_hello(0x0301, &[&FORBIDDEN[..], &GOOD].concat()))),
    must("8.2.2", "SSL 3 is refused", |w| refuses(w, &client_hello(0x0300, &FORBIDDEN))),
    must("8.2.2", "suites that RFC 7540 forbids are refused", |w| {
        FORBIDDEN.iter().try_for_each(|suite| refuses(w, &client_hello(0x0303, &[*suite])).map_err(|e| format!("{suite:04x}: {e}")))
    }),
    must("8.2.2", "HTTP without TLS is refused", |w| {
        let words = first_words(w, b"GET /taxii2/ HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
        holds(!words.starts_with(b"HTTP/"), || String::from_utf8_lossy(&words).into_owned())
    }),
    must("8.2.2", "no early data is taken in TLS 1.3", |w| {
        let mut config = (*trusting(&w.site.folder.join("certificate.pem"), &[&rustls::version::TLS13])).clone();
        config.enable_early_data = true;
        let tls = Arc::new(config);
        for _ in 0..2 {
            let mut client = Client::connect(w.node.address, &tls).map_err(|e| e.to_string())?;
            holds(!client.offers_early_data(), || "the ticket allows early data".into())?;
            client.ask(&ask("all", "GET", "/taxii2/", b"")).map_err(|e| e.to_string())?;
        }
        Ok(())
    }),
    must("RFC 9112", "a connection is kept open for further requests", |w| {
        let mut client = w.node.connect();
        for _ in 0..20 {
            let answer = client.ask(&ask("all", "GET", &objects(FULL, ""), b"")).map_err(|e| e.to_string())?;
            status(&answer, 200)?;
        }
        Ok(())
    }),
    must("RFC 9112", "requests sent at once are answered in their order", |w| {
        let mut client = w.node.connect();
        let paths = ["/taxii2/".to_owned(), "/none/".to_owned(), objects(FULL, "?limit=0"), objects(FULL, "")];
        let all: Vec<u8> = paths.iter().flat_map(|path| ask("all", "GET", path, b"").bytes()).collect();
        client.send(&all).map_err(|e| e.to_string())?;
        [200, 404, 400, 200].iter().try_for_each(|expected| status(&client.receive().map_err(|e| e.to_string())?, *expected))
    }),
    must("RFC 9112", "a request without Host is 400", |w| {
        let mut client = w.node.connect();
        client.send(b"GET /taxii2/ HTTP/1.1\r\n\r\n").map_err(|e| e.to_string())?;
        status(&client.receive().map_err(|e| e.to_string())?, 400)
    }),
    must("RFC 9112", "a target in absolute form is taken", |w| {
        let path = format!("https://{}/taxii2/", w.node.address);
        status(&w.get(&path), 200)
    }),
    must("RFC 9112", "Connection: close is obeyed", |w| {
        let mut client = w.node.connect();
        let mut request = ask("all", "GET", "/taxii2/", b"");
        request.headers.push(("Connection", "close".to_owned()));
        status(&client.ask(&request).map_err(|e| e.to_string())?, 200)?;
        let again = client.ask(&ask("all", "GET", "/taxii2/", b""));
        holds(again.is_err(), || "the connection is still open".into())
    }),
    ours("8.2.1", "an answer tells its length", |w| {
        let answer = w.get(&objects(FULL, ""));
        same(answer.header("Content-Length"), Some(answer.body.len().to_string().as_str()))?;
        same(answer.header("Content-Type"), Some(TAXII))
    }),
];

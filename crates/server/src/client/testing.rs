//! A server of TAXII that misbehaves as told, on the loopback address.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use buttress_wire::stix::Instant;
use buttress_wire::taxii::MEDIA_TYPE;
use serde_json::{Value, json};

use super::{Access, Client, Limits, Remote};

/// Identifier of its collection.
pub(crate) const COLLECTION: &str = "91a7b528-80eb-42ed-a74d-c6fbd5a26116";

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// What follows the collection, or the whole path elsewhere.
    pub(crate) path: String,
    pub(crate) query: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

/// How an answer is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    Whole,
    /// So many bytes of the body, then the connection is cut.
    CutAfter(usize),
    /// Nothing at all.
    Nothing,
    /// A byte, a pause, and so on.
    Drip(Duration),
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) how: How,
}

impl Answered {
    pub(crate) fn json(value: &Value) -> Answered {
        Answered::raw(200, value.to_string())
    }
    pub(crate) fn raw(status: u16, body: impl Into<Vec<u8>>) -> Answered {
        Answered { status, headers: vec![("Content-Type", MEDIA_TYPE.to_owned())], body: body.into(), how: How::Whole }
    }
    pub(crate) fn with(mut self, name: &'static str, value: &impl ToString) -> Answered {
        self.headers.retain(|header| header.0 != name);
        self.headers.push((name, value.to_string()));
        self
    }
    pub(crate) fn sent(self, how: How) -> Answered {
        Answered { how, ..self }
    }
}

/// The server.
pub(crate) struct BadPartner {
    port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl BadPartner {
    /// A server that answers as `script` says, which is told the number of the request, from 0.
    pub(crate) fn new(script: impl Fn(usize, &Asked) -> Answered + Send + Sync + 'static) -> BadPartner {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (script, log) = (Arc::new(script), asked.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (script, log) = (script.clone(), log.clone());
                std::thread::spawn(move || {
                    let Some(request) = read(&stream) else { return };
                    let n = {
                        let mut log = log.lock().unwrap();
                        log.push(request.clone());
                        log.len() - 1
                    };
                    send(stream, &script(n, &request));
                });
            }
        });
        BadPartner { port, asked }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/api/collections/{COLLECTION}/", self.port)
    }

    pub(crate) fn client(&self, limits: Limits) -> Client {
        Client::new(Remote::parse(&self.url(), None).unwrap(), &Access::default(), limits).unwrap()
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

/// Short patience, for tests.
pub(crate) fn quick() -> Limits {
    Limits {
        attempts: 3,
        first_wait: Duration::from_millis(5),
        longest_wait: Duration::from_secs(2),
        status: Duration::from_millis(700),
        ..Limits::default()
    }
}

fn unescape(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let pair = [rest.next().unwrap(), rest.next().unwrap()];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&pair).unwrap(), 16).unwrap());
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).unwrap()
}

fn read(stream: &TcpStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let (mut line, mut length) = (String::new(), 0);
    reader.read_line(&mut line).ok()?;
    let mut words = line.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        if header.trim().is_empty() {
            break;
        }
        if let Some(n) = header.to_ascii_lowercase().strip_prefix("content-length:") {
            length = n.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let path = path.strip_prefix(&format!("/api/collections/{COLLECTION}/")).unwrap_or(path).to_owned();
    let pair = |text: &str| text.split_once('=').map(|(name, value)| (unescape(name), unescape(value)));
    Some(Asked { method, path, query: query.split('&').filter_map(pair).collect(), body })
}

fn send(mut stream: TcpStream, answer: &Answered) {
    if answer.how == How::Nothing {
        return;
    }
    let mut head = format!("HTTP/1.1 {} X\r\nContent-Length: {}\r\nConnection: close\r\n", answer.status, answer.body.len());
    for (name, value) in &answer.headers {
        write!(head, "{name}: {value}\r\n").unwrap();
    }
    let _ = stream.write_all(format!("{head}\r\n").as_bytes());
    let _ = match answer.how {
        How::CutAfter(n) => stream.write_all(&answer.body[..n.min(answer.body.len())]),
        How::Drip(pause) => answer.body.iter().try_for_each(|byte| {
            std::thread::sleep(pause);
            stream.write_all(&[*byte])
        }),
        How::Whole | How::Nothing => stream.write_all(&answer.body),
    };
}

/// What a shelf does with `next`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    Given,
    Missing,
    /// Always the first page again.
    Circling,
    /// Given, and not known when it comes back.
    Forgotten,
}

/// A collection that pages as it pleases.
#[derive(Debug, Clone)]
pub(crate) struct Shelf {
    /// Date of adding (microseconds) and object, by date.
    pub(crate) objects: Vec<(i64, Value)>,
    /// Largest page, whatever limit is asked for.
    pub(crate) cap: usize,
    pub(crate) next: Next,
    /// Whether `added_after` includes.
    pub(crate) is_inclusive: bool,
    /// Whether the head tells the last date.
    pub(crate) tells_dates: bool,
}

impl Shelf {
    /// Objects on days 1, 2 … of dates as given.
    pub(crate) fn new(dates: impl IntoIterator<Item = i64>) -> Shelf {
        let mut dates: Vec<i64> = dates.into_iter().collect();
        dates.sort_unstable();
        let objects = dates.into_iter().enumerate().map(|(n, at)| (at, object(n, 1))).collect();
        Shelf { objects, cap: usize::MAX, next: Next::Given, is_inclusive: false, tells_dates: true }
    }

    /// What it answers to a request for objects or for the manifest.
    pub(crate) fn answer(&self, asked: &Asked) -> Answered {
        let after = asked.query.get("added_after").map_or(i64::MIN, |text| Instant::parse(text).unwrap().0);
        let limit: usize = asked.query.get("limit").map_or(usize::MAX, |text| text.parse().unwrap());
        let from: usize = match asked.query.get("next") {
            Some(_) if self.next == Next::Forgotten => return Answered::raw(400, r#"{"title":"unknown next"}"#),
            Some(text) => text.parse().unwrap(),
            None => 0,
        };
        let named = asked.query.get("match[id]");
        let is_wanted = |(at, object): &&(i64, Value)| {
            (*at > after || (self.is_inclusive && *at == after)) && named.is_none_or(|ids| ids.split(',').any(|id| object["id"] == id))
        };
        let found: Vec<&(i64, Value)> = self.objects.iter().filter(is_wanted).collect();
        let page = &found[from.min(found.len())..found.len().min(from.saturating_add(limit.min(self.cap)))];
        let end = from + page.len();
        let list: Vec<Value> = if asked.path == "manifest/" {
            page.iter().map(|(at, o)| json!({"id": o["id"], "date_added": Instant(*at).to_string(), "version": o["modified"]})).collect()
        } else {
            page.iter().map(|(_, object)| object.clone()).collect()
        };
        let mut body = json!({ "more": end < found.len(), "objects": list });
        if end < found.len() && self.next != Next::Missing {
            body["next"] = json!(if self.next == Next::Circling { "0".to_owned() } else { end.to_string() });
        }
        let answer = Answered::json(&body);
        match page.last() {
            Some((at, _)) if self.tells_dates => answer.with("X-TAXII-Date-Added-Last", &Instant(*at)),
            _ => answer,
        }
    }

    /// A server with this collection alone.
    pub(crate) fn serve(self) -> BadPartner {
        BadPartner::new(move |_, asked| self.answer(asked))
    }
}

/// An object number `n` in its version of a day.
pub(crate) fn object(n: usize, day: u32) -> Value {
    json!({"type": "infrastructure", "spec_version": "2.1", "id": id(n), "created": "2026-01-01T00:00:00.000Z",
           "modified": format!("2026-01-{day:02}T00:00:00.000Z"), "name": format!("number {n}")})
}

/// The identifier of object number `n`.
pub(crate) fn id(n: usize) -> String {
    format!("infrastructure--00000000-0000-4000-8000-{n:012}")
}

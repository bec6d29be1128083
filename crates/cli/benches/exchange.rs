//! The exchange, timed as its users see it: the built binary, TLS, basic login, markings on; a client that writes requests and drains
//! bodies, without parsing them.
//!
//! ```text
//! cargo bench -p buttress-cli --bench exchange -- [--objects 10000] [--many 1000000] [--seconds 10] [--gets 1000] [--rounds 5]
//! ```
//!
//! Objects are STIX 2.1 `infrastructure` of about 0.7 kB, marked TLP:CLEAR, GREEN, AMBER, AMBER+STRICT and RED in the ratio
//! 2:3:3:1:1, in bodies prepared before. The client shares the machine with the node.
//!
//! - added: objects over the time from the first request to the last answer, two connections, each round into an empty collection;
//!   median of the rounds. An answer says that the objects are on disk.
//! - pages: of 1,000 objects, all pages in turn, two connections for `--seconds`.
//! - page beside hidden: a reader of what is CLEAR and GREEN walks the pages of two collections in turns; the second one holds as
//!   many objects again, between the others, that it may not see. Median of `--gets` requests each.
//! - first and last page at `--objects` and at `--many` objects, in turns, on two nodes; `--many 0` leaves it out.

#[path = "../tests/exchange/http.rs"]
mod http;
#[path = "../tests/exchange/node.rs"]
mod node;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use http::Client;
use node::{Node, ROOT, Site, ask, collection};

/// Objects of a page.
const PAGE: usize = 1000;
/// Connections at once.
const CONNECTIONS: usize = 2;
/// Objects of a small request.
const BATCH: usize = 500;
/// Marking definitions of TLP 2.0 (FIRST) by rising level.
const TLP: [&str; 5] = [
    "94868c89-83c2-464b-929b-a1a8aa3c8487",
    "bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
    "55d920b0-5e8b-4f79-9ee9-91f868d9b421",
    "939a9414-2ddd-4d32-a0cd-375ea402b003",
    "e828b379-4e03-4974-9ac4-e53a884c97c1",
];
/// Levels in their ratio.
const MIX: [usize; 10] = [0, 1, 2, 1, 3, 2, 0, 1, 2, 4];

/// What is asked on the command line.
struct Asked {
    objects: usize,
    many: usize,
    seconds: u64,
    gets: usize,
    rounds: usize,
}

impl Asked {
    fn read() -> Asked {
        let words: Vec<String> = std::env::args().collect();
        let number = |name: &str, default: usize| {
            let value = words.iter().position(|w| w == name).and_then(|at| words.get(at + 1));
            value.map_or(default, |v| v.parse().unwrap_or_else(|_| panic!("{name} is `{v}`: give a whole number")))
        };
        Asked {
            objects: number("--objects", 10_000).max(PAGE),
            many: number("--many", 1_000_000),
            seconds: number("--seconds", 10) as u64,
            gets: number("--gets", 1000).max(1),
            rounds: number("--rounds", 5).max(1),
        }
    }
}

/// Object `i` with a marking.
fn object(i: usize, marking: &str) -> String {
    let (day, hour, minute) = (1 + i % 28, i % 24, i % 60);
    format!(
        "{{\"type\":\"infrastructure\",\"spec_version\":\"2.1\",\"id\":\"infrastructure--{:08x}-5b0a-4a51-9a39-{i:012x}\",\
         \"created\":\"2026-01-01T00:00:00.000Z\",\"modified\":\"2026-01-{day:02}T{hour:02}:{minute:02}:00.{:03}Z\",\
         \"name\":\"asset {i}\",\"infrastructure_types\":[\"unknown\"],\
         \"description\":\"Substation {i}, 110/20 kV, feeds district {}. {}\",\
         \"object_marking_refs\":[\"marking-definition--{marking}\"],\"labels\":[\"energy\",\"zone-{}\"],\
         \"x_site\":{{\"lat\":{},\"lon\":{},\"mw\":{}}}}}",
        (i as u32).wrapping_mul(2_654_435_761),
        i % 1000,
        i % 97,
        "x".repeat(250),
        i % 50,
        40 + i % 20,
        i % 30,
        i % 400
    )
}

/// Requests that add objects from `from` on, `batch` in each.
fn additions(place: u32, range: std::ops::Range<usize>, batch: usize, text: &dyn Fn(usize) -> String) -> Vec<Vec<u8>> {
    let path = format!("/{ROOT}/collections/{}/objects/", collection(place));
    let all: Vec<usize> = range.collect();
    let body = |part: &[usize]| format!("{{\"objects\":[{}]}}", part.iter().map(|i| text(*i)).collect::<Vec<_>>().join(","));
    all.chunks(batch).map(|part| ask("all", "POST", &path, body(part).as_bytes()).bytes()).collect()
}

fn mixed(i: usize) -> String {
    object(i, TLP[MIX[i % MIX.len()]])
}

/// Sends requests over two connections, each taking every second one; seconds from the first to the last answer.
fn add(node: &Node, requests: &[Vec<u8>]) -> f64 {
    let mut clients: Vec<Client> = (0..CONNECTIONS).map(|_| node.connect()).collect();
    let begin = Instant::now();
    std::thread::scope(|scope| {
        for (n, client) in clients.iter_mut().enumerate() {
            scope.spawn(move || {
                for request in requests.iter().skip(n).step_by(CONNECTIONS) {
                    client.send(request).expect("a request is taken");
                    let answer = client.receive().expect("an answer");
                    assert_eq!(answer.status, 202, "{}", answer.text());
                    assert_eq!(answer.json()["failure_count"], 0);
                }
            });
        }
    });
    begin.elapsed().as_secs_f64()
}

/// Requests for each page of a collection in turn.
fn pages(node: &Node, user: &str, place: u32) -> Vec<Vec<u8>> {
    let mut client = node.connect();
    let (mut requests, mut next) = (Vec::new(), String::new());
    loop {
        let path = format!("/{ROOT}/collections/{}/objects/?limit={PAGE}{next}", collection(place));
        let request = ask(user, "GET", &path, b"");
        let answer = client.ask(&request).expect("a page");
        assert_eq!(answer.status, 200, "{}", answer.text());
        requests.push(request.bytes());
        let end = String::from_utf8_lossy(&answer.body[answer.body.len().saturating_sub(400)..]).into_owned();
        let Some((_, rest)) = end.rsplit_once("\"next\":\"") else { return requests };
        next = format!("&next={}", rest.split('"').next().unwrap_or(""));
    }
}

/// Milliseconds that one request takes.
fn timed(client: &mut Client, request: &[u8], room: &mut [u8]) -> f64 {
    let begin = Instant::now();
    client.send(request).expect("a request is taken");
    let (status, _) = client.drain(room).expect("an answer");
    assert_eq!(status, 200);
    begin.elapsed().as_secs_f64() * 1e3
}

fn quantile(values: &mut [f64], q: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[((values.len() as f64 * q) as usize).min(values.len() - 1)]
}

fn median(values: &mut [f64]) -> f64 {
    quantile(values, 0.5)
}

/// A line of the table: what, how much, and the bar it is held to.
fn line(what: &str, value: &str, bar: &str) {
    println!("{what:<54} {value:>16}   {bar}");
}

/// Objects per second, median of the rounds, each into an empty collection.
fn added(node: &Node, places: &[u32], n: usize, batch: usize) -> f64 {
    let round = |place: &u32| {
        let requests = additions(*place, 0..n, batch, &mixed);
        n as f64 / add(node, &requests)
    };
    median(&mut places.iter().map(round).collect::<Vec<_>>())
}

/// Pages per second over two connections, and what each page took in milliseconds.
fn pages_per_second(node: &Node, requests: &[Vec<u8>], seconds: u64) -> (f64, Vec<f64>) {
    let stop = AtomicBool::new(false);
    let mut clients: Vec<Client> = (0..CONNECTIONS).map(|_| node.connect()).collect();
    let begin = Instant::now();
    let mut took: Vec<f64> = std::thread::scope(|scope| {
        let start = |(n, client): (usize, &mut Client)| {
            let (stop, mut client) = (&stop, std::mem::replace(client, node.connect()));
            scope.spawn(move || {
                let (mut took, mut room) = (Vec::new(), vec![0; 256 * 1024]);
                for request in requests.iter().cycle().skip(n * requests.len() / CONNECTIONS) {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    took.push(timed(&mut client, request, &mut room));
                }
                took
            })
        };
        let threads: Vec<_> = clients.iter_mut().enumerate().map(start).collect();
        std::thread::sleep(Duration::from_secs(seconds));
        stop.store(true, Ordering::Relaxed);
        threads.into_iter().flat_map(|thread| thread.join().expect("a client ends")).collect()
    });
    let rate = took.len() as f64 / begin.elapsed().as_secs_f64();
    took.sort_by(f64::total_cmp);
    (rate, took)
}

/// Medians of two requests asked in turns, each from its own list and connection.
fn in_turns(a: (&Node, &[Vec<u8>]), b: (&Node, &[Vec<u8>]), gets: usize) -> (f64, f64) {
    let (mut first, mut second, mut room) = (a.0.connect(), b.0.connect(), vec![0; 256 * 1024]);
    let (mut of_a, mut of_b) = (Vec::new(), Vec::new());
    for i in 0..gets {
        of_a.push(timed(&mut first, &a.1[i % a.1.len()], &mut room));
        of_b.push(timed(&mut second, &b.1[i % b.1.len()], &mut room));
    }
    (median(&mut of_a), median(&mut of_b))
}

/// A collection of objects the reader sees, and one with as many again between them that it does not.
fn beside_hidden(node: &Node, (without, with): (u32, u32), asked: &Asked) {
    let visible = |i: usize| object(i, TLP[i / 2 % 2]);
    let hidden = |i: usize| object(i, TLP[2 + i / 2 % 3]);
    let both = |i: usize| if i.is_multiple_of(2) { visible(i) } else { hidden(i) };
    let even = |i: usize| visible(2 * i);
    add(node, &additions(without, 0..asked.objects, BATCH, &even));
    add(node, &additions(with, 0..2 * asked.objects, BATCH, &both));
    let (a, b) = (pages(node, "low", without), pages(node, "low", with));
    assert_eq!(a.len(), b.len(), "the reader sees as many pages");
    let (a, b) = in_turns((node, &a), (node, &b), asked.gets);
    line("page, nothing hidden, p50", &format!("{a:.3} ms"), "");
    let beside = format!("page, {} objects hidden beside, p50", asked.objects);
    line(&beside, &format!("{b:.3} ms {:+.1} %", (b / a - 1.0) * 100.0), "< +10 %");
}

/// First and last page of many objects beside those of few.
fn at_size(few: &Node, asked: &Asked) {
    let site = Site::new();
    site.collections(&[0]);
    site.user("all", "red", (&[0], &[0]));
    let many = site.start();
    let mut seconds = 0.0;
    let step = 50_000;
    for from in (0..asked.many).step_by(step) {
        let to = (from + step).min(asked.many);
        seconds += add(&many, &additions(0, from..to, BATCH, &mixed));
    }
    line(&format!("added, to {} objects in one collection", asked.many), &format!("{:.0} /s", asked.many as f64 / seconds), "");
    let (a, b) = (pages(few, "all", 0), pages(&many, "all", 0));
    assert_eq!(b.len(), asked.many.div_ceil(PAGE), "every page is there");
    for (name, at) in [("first", 0), ("last", usize::MAX)] {
        let of = |list: &[Vec<u8>]| vec![list[at.min(list.len() - 1)].clone()];
        let (few_ms, many_ms) = in_turns((few, &of(&a)), (&many, &of(&b)), asked.gets);
        line(&format!("{name} page at {} objects, p50", asked.objects), &format!("{few_ms:.3} ms"), "");
        let value = format!("{many_ms:.3} ms {:.2} x", many_ms / few_ms);
        line(&format!("{name} page at {} objects, p50", asked.many), &value, "< 2 x");
    }
    let memory = many.memory();
    let value = format!("{:.1} / {:.1} / {:.1}", memory.rss, memory.peak, memory.anonymous);
    line("memory with many: resident, most, without files, MB", &value, "");
}

fn main() {
    let asked = Asked::read();
    let site = Site::new();
    let rounds = asked.rounds as u32;
    let (small, large): (Vec<u32>, Vec<u32>) = ((1..=rounds).collect(), (101..=100 + rounds).collect());
    let (without, with) = (201, 202);
    let all: Vec<u32> = [0].into_iter().chain(small.clone()).chain(large.clone()).chain([without, with]).collect();
    site.collections(&all);
    site.user("all", "red", (&all, &all));
    site.user("low", "green", (&all, &[]));
    let node = site.start();
    let size = (0..asked.objects).map(|i| mixed(i).len()).sum::<usize>() / asked.objects;
    line("bytes of an object, mean", &size.to_string(), "");
    add(&node, &additions(0, 0..asked.objects, BATCH, &mixed));
    let requests = pages(&node, "all", 0);
    let (rate, mut took) = pages_per_second(&node, &requests, asked.seconds);
    line(&format!("pages of {PAGE} out of {}", asked.objects), &format!("{rate:.0} /s"), ">= 500 /s");
    line("page, p50", &format!("{:.3} ms", quantile(&mut took, 0.5)), "");
    line("page, p99", &format!("{:.3} ms", quantile(&mut took, 0.99)), "");
    let memory = node.memory();
    line(
        &format!("memory with {}: resident, most, without files, MB", asked.objects),
        &format!("{:.1} / {:.1} / {:.1}", memory.rss, memory.peak, memory.anonymous),
        "<= 100 MB",
    );
    line(&format!("added, batches of {BATCH}"), &format!("{:.0} /s", added(&node, &small, asked.objects, BATCH)), ">= 20000 /s");
    let batch = 10_000;
    line(&format!("added, batches of {batch}"), &format!("{:.0} /s", added(&node, &large, CONNECTIONS * batch, batch)), ">= 20000 /s");
    beside_hidden(&node, (without, with), &asked);
    if asked.many > 0 {
        at_size(&node, &asked);
    }
    let memory = node.memory();
    line(
        "memory at the end: resident, most, without files, MB",
        &format!("{:.1} / {:.1} / {:.1}", memory.rss, memory.peak, memory.anonymous),
        "<= 100 MB",
    );
}

//! Two nodes that exchange two collections over a bad link while both are written to: the link is cut and slowed, connections and
//! requests overtake each other and break off, and exchanges are killed. In the end each has exactly what it may have.
//!
//! 30 seconds; ten minutes with `BUTTRESS_SOAK=1`. Namespaces and the cable need root; without, only the proxies disturb.

mod history;
#[path = "../exchange/http.rs"]
mod http;
mod link;
#[path = "../exchange/node.rs"]
mod node;
mod proxy;
#[path = "../exchange/random.rs"]
mod random;
mod reader;

use std::collections::BTreeMap;
use std::fs::File;
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::history::{Author, COLLECTIONS, Things, id, may_see, token};
use crate::link::Link;
use crate::node::{Node, PASSWORD, ROOT, Site, collection, finish, place};
use crate::proxy::Proxy;
use crate::random::{Random, is_soak};
use crate::reader::{Looks, Watcher, files_with, versions};

/// Time that an exchange may take before it counts as hanging.
const SYNC_LIMIT: Duration = Duration::from_mins(4);
/// Exchanges at the end, at most, until nothing moves.
const LAST_ROUNDS: usize = 4;
/// Level that the partner is cleared for.
const AMBER: usize = 2;

/// The two nodes and what is between them; a proxy stands at each side and leads to the other. The nodes end before the link.
struct Pair {
    nodes: [Node; 2],
    proxies: [Proxy; 2],
    sites: [Site; 2],
    link: Link,
}

impl Pair {
    fn new(seed: u64) -> Pair {
        let link = Link::new();
        let sites = [Site::new(), Site::new()];
        let nodes = [0, 1].map(|side: usize| {
            let site = &sites[side];
            site.collections(&COLLECTIONS);
            site.user("author", "red", (&COLLECTIONS, &COLLECTIONS));
            site.user("partner", "amber", (&COLLECTIONS, &COLLECTIONS));
            site.user("low", "green", (&COLLECTIONS, &[]));
            link.at(side, || site.start_at(&link.ip(side), &[]))
        });
        let proxies = [0, 1].map(|side| Proxy::start(&link, side, nodes[1 - side].address, seed ^ side as u64));
        let pair = Pair { nodes, proxies, sites, link };
        [0, 1].into_iter().for_each(|side| pair.make_known(side));
        pair
    }

    /// One of a pair does both directions: the first node in the first collection, the second in the second.
    fn make_known(&self, side: usize) {
        let n = COLLECTIONS[side];
        let url = format!("https://{}/{ROOT}/collections/{}/", self.proxies[side].address, collection(n));
        let (local, trust) = (place(n), self.sites[1 - side].folder.join("certificate.pem"));
        let mut words = vec!["share", "add-partner", "other", "--url", &url, "--local", &local, "--direction", "both", "--unchecked"];
        words.extend(["--as", "partner", "--user", "partner", "--password-stdin", "--trust", trust.to_str().expect("a path")]);
        self.sites[side].run(&words, &format!("{PASSWORD}\n"));
    }

    /// Exchanges once, from a thread at this side; what was said, unless it was killed after the time given.
    fn sync(&self, side: usize, life: Option<Duration>) -> Option<(i32, Value, String)> {
        let folder = &self.sites[side].folder;
        let [output, errors] = ["sync.json", "sync.txt"].map(|name| folder.join(name));
        let mut command = self.sites[side].command(&["share", "sync", "other", "--accept-removals", "--json"]);
        command.stdin(Stdio::null());
        command.stdout(File::create(&output).expect("a file")).stderr(File::create(&errors).expect("a file"));
        let mut child = command.spawn().expect("the binary runs");
        let status = finish(&mut child, life.unwrap_or(SYNC_LIMIT));
        let read = |path| std::fs::read_to_string(path).expect("what was said");
        match (status, life) {
            (Some(status), _) => {
                let code = status.code().unwrap_or(-1);
                let errors = read(errors);
                assert!(matches!(code, 0 | 1), "sync ended with {code}: {errors}");
                Some((code, serde_json::from_str(&read(output)).unwrap_or_default(), errors))
            }
            (None, Some(_)) => None,
            (None, None) => panic!("sync hangs: {}", read(errors)),
        }
    }
}

/// How exchanges ended.
#[derive(Debug, Clone, Default)]
struct Syncs {
    complete: usize,
    failed: usize,
    killed: usize,
    /// What was moved by those that were complete.
    moved: u64,
    last_error: String,
}

/// Number of versions that an exchange moved.
fn moved(told: &Value) -> u64 {
    let of = |part: &str, name: &str| told["partners"][0][part][name].as_u64().unwrap_or(0);
    ["added", "replaced", "deleted"].map(|name| of("pulled", name)).iter().sum::<u64>()
        + ["sent", "withdrawn"].map(|name| of("pushed", name)).iter().sum::<u64>()
}

fn sync_again_and_again(pair: &Pair, side: usize, seed: u64, is_over: &AtomicBool) -> Syncs {
    let (mut random, mut syncs, mut is_doomed) = (Random::seeded(seed), Syncs::default(), false);
    while !is_over.load(Ordering::Relaxed) {
        // Every other one is killed, unless it is done before.
        is_doomed = !is_doomed;
        let life = is_doomed.then(|| Duration::from_millis(20 + random.below(3000)));
        match pair.sync(side, life) {
            None => syncs.killed += 1,
            Some((0, told, _)) => {
                syncs.complete += 1;
                syncs.moved += moved(&told);
            }
            Some((_, _, errors)) => {
                syncs.failed += 1;
                syncs.last_error = errors;
            }
        }
        std::thread::sleep(Duration::from_millis(random.below(200)));
    }
    syncs
}

/// What was done to the cable.
#[derive(Debug, Clone, Copy, Default)]
struct Spoilt {
    cuts: usize,
    slow: usize,
}

fn spoil(link: &Link, seed: u64, is_over: &AtomicBool) -> Spoilt {
    let (mut random, mut spoilt) = (Random::seeded(seed), Spoilt::default());
    while link.is_cable() && !is_over.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(300 + random.below(2000)));
        if random.below(5) < 3 {
            link.cut(random.below(2) as usize);
            // Sometimes for longer than an exchange goes on trying.
            let is_long = is_soak() && random.below(6) == 0;
            std::thread::sleep(Duration::from_millis(if is_long { 15_000 } else { 100 + random.below(1500) }));
            link.join();
            spoilt.cuts += 1;
        } else {
            spoilt.slow += usize::from(link.slow(200 + random.below(4000)));
            std::thread::sleep(Duration::from_millis(500 + random.below(3000)));
            link.quicken();
        }
    }
    link.join();
    spoilt
}

/// Looks again and again for what is red at the other node in the bytes of this one's files; the number of looks, and the
/// largest log of the database, megabytes.
fn search_files(pair: &Pair, side: usize, is_over: &AtomicBool) -> (usize, usize) {
    let (mut n, mut largest) = (0, 0);
    loop {
        let (found, sizes) = files_with(&pair.sites[side].folder, &token(3, 1 - side));
        assert!(found.is_empty(), "red of node {} is in {found:?} of node {side}", 1 - side);
        n += 1;
        largest = largest.max(sizes.get("node.db-wal").map_or(0, |size| size >> 20));
        if is_over.load(Ordering::Relaxed) {
            return (n, largest);
        }
        std::thread::sleep(Duration::from_millis(150));
    }
}

/// Tells all to stop, also where one of them failed.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Everything at once, for a time.
fn disturb(pair: &Pair, seed: u64, things: &[Mutex<Things>; 2]) {
    let time = if is_soak() { Duration::from_mins(10) } else { Duration::from_secs(30) };
    let over = AtomicBool::new(false);
    let over = &over;
    std::thread::scope(|scope| {
        let stop = Stop(over);
        let at = |side: usize| move || pair.link.enter(side);
        let authors = [0, 1].map(|side| {
            let enter = at(side);
            scope.spawn(move || {
                enter();
                let mut author = Author::new(&pair.nodes[side], side, seed + 10 + side as u64, &things[side]);
                author.write(over);
                author.steps
            })
        });
        let syncs = [0, 1].map(|side| {
            let enter = at(side);
            scope.spawn(move || {
                enter();
                sync_again_and_again(pair, side, seed + 20 + side as u64, over)
            })
        });
        let watchers = [0, 1].map(|side: usize| {
            let (enter, node) = (at(1 - side), &pair.nodes[side]);
            let watcher = Watcher { address: pair.proxies[1 - side].address, tls: &node.tls, side, things: &things[side] };
            scope.spawn(move || {
                enter();
                watcher.watch(over)
            })
        });
        let searches = [0, 1].map(|side| scope.spawn(move || search_files(pair, side, over)));
        let spoiler = scope.spawn(move || spoil(&pair.link, seed + 30, over));
        let begun = Instant::now();
        let has_failed = || {
            let by_pairs = [0, 1].map(|side: usize| {
                let (author, sync) = (authors[side].is_finished(), syncs[side].is_finished());
                author || sync || watchers[side].is_finished() || searches[side].is_finished()
            });
            by_pairs.contains(&true) || (pair.link.is_cable() && spoiler.is_finished())
        };
        while begun.elapsed() < time && !has_failed() {
            std::thread::sleep(Duration::from_millis(100));
        }
        drop(stop);
        let spoilt = spoiler.join().expect("the cable");
        pair.proxies.iter().for_each(Proxy::calm);
        println!("cable: {} cuts, {} times slowed", spoilt.cuts, spoilt.slow);
        for (side, thread) in authors.into_iter().enumerate() {
            println!("node {side}: steps {:?}", thread.join().expect("the author"));
        }
        for (side, thread) in syncs.into_iter().enumerate() {
            let s = thread.join().expect("exchanges");
            println!(
                "node {side}: exchanges: {} complete, {} failed, {} killed; {} versions moved",
                s.complete, s.failed, s.killed, s.moved
            );
            println!("node {side}: last failure: {}", s.last_error.trim());
            assert!(s.complete > 0 && s.killed > 0 && s.moved > 0, "nothing was tested");
        }
        let looks: [Looks; 2] = watchers.map(|thread| thread.join().expect("the watcher"));
        println!("watchers: {looks:?}");
        assert!(looks.iter().all(|l| l.whole > 0 && l.seen > 0), "nothing was looked at");
        println!("files searched (times, largest log in MiB): {:?}", searches.map(|thread| thread.join().expect("the search")));
        assert!(!pair.link.is_cable() || spoilt.cuts > 0, "the cable was never cut");
    });
    for (side, proxy) in pair.proxies.iter().enumerate() {
        println!("proxy {side}: {:?}", proxy.counts());
        assert!(proxy.counts().delayed.load(Ordering::Relaxed) > 0, "nothing was delayed");
    }
}

/// Exchanges until nothing moves, which the docs promise for the exchange after the first.
fn settle(pair: &Pair) {
    for round in 1..=LAST_ROUNDS {
        let told = [0, 1].map(|side| pair.link.at(side, || pair.sync(side, None)).expect("an end"));
        let moves = [0, 1].map(|side| moved(&told[side].1));
        println!("exchange {round} after the end: {moves:?} versions moved");
        for (code, value, errors) in &told {
            assert_eq!(*code, 0, "{value} {errors}");
        }
        if moves == [0, 0] {
            return;
        }
    }
    panic!("exchanges without a change go on moving versions");
}

/// Counts of what was compared.
#[derive(Debug, Default)]
struct Compared {
    versions: usize,
    objects: usize,
    hidden: usize,
    unsure: usize,
    revoked: usize,
    deleted: usize,
    marked: usize,
}

/// Compares what one node shows the partner with what the other has of it, and both with what the author knows.
fn compare(pair: &Pair, (at, side): (u32, usize), things: &Things) {
    let shown = pair.link.at(side, || versions(&mut pair.nodes[side].connect(), "partner", (at, side)));
    let there = pair.link.at(1 - side, || versions(&mut pair.nodes[1 - side].connect(), "author", (at, side)));
    let lost: Vec<_> = shown.iter().filter(|(key, text)| there.get(*key) != Some(*text)).take(5).collect();
    let excess: Vec<_> = there.iter().filter(|(key, _)| !shown.contains_key(*key)).take(5).collect();
    assert!(lost.is_empty() && excess.is_empty(), "collection {at} of node {side}: lost {lost:#?}, too much {excess:#?}");
    let latest: BTreeMap<&str, &String> = there.iter().map(|((id, _), text)| (id.as_str(), text)).collect();
    let mut count = Compared { versions: there.len(), ..Compared::default() };
    for (key, thing) in things.iter().filter(|((place, _), _)| *place == at) {
        let id = id(side, key.1);
        let last = thing.versions.values().next_back();
        match may_see(things, *key, AMBER) {
            Some(true) => {
                assert_eq!(
                    latest.get(&*id).copied(),
                    last.map(|version| &version.text),
                    "{id} of collection {at} did not arrive: {thing:?}"
                );
                count.objects += 1;
                count.revoked += usize::from(thing.is_revoked());
                count.marked += usize::from(thing.n_marked > 0);
            }
            Some(false) => {
                assert_eq!(latest.get(&*id), None, "{id} of collection {at} is there still: {thing:?}");
                count.hidden += usize::from(last.is_some());
                count.deleted += usize::from(last.is_none());
            }
            None => count.unsure += 1,
        }
    }
    println!("collection {at}, objects of node {side}: {count:?}");
    assert!(count.objects > 0 && count.hidden > 0 && count.versions > 0, "nothing was compared");
}

#[test]
fn two_nodes_over_a_bad_link_end_with_what_each_may_have() {
    let mut random = Random::new(2026);
    let seed = random.below(u64::from(u32::MAX));
    let pair = Pair::new(seed);
    let things = [Mutex::default(), Mutex::default()];
    disturb(&pair, seed, &things);
    settle(&pair);
    let things = things.map(|things| things.into_inner().expect("things"));
    for at in COLLECTIONS {
        for side in [0, 1] {
            compare(&pair, (at, side), &things[side]);
        }
    }
    for side in [0, 1] {
        let folder = &pair.sites[side].folder;
        let ((own, sizes), (foreign, _)) = (files_with(folder, &token(3, side)), files_with(folder, &token(3, 1 - side)));
        println!("node {side}: red of its own in {own:?}, of the other in {foreign:?} of {sizes:?} bytes");
        assert!(own.iter().any(|name| name.starts_with("node.db")), "the search finds nothing, so it proves nothing");
        assert!(foreign.is_empty());
    }
}

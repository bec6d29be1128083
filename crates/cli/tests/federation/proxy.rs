//! A proxy of TCP that holds back whole connections and requests for random times, so that they overtake each other, and breaks some
//! off in the middle. TLS passes through untouched.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::link::Link;
use crate::random::Random;

/// Time after which a silent stream looks whether all is over.
const TICK: Duration = Duration::from_millis(100);
/// Time to reach the other side.
const REACH: Duration = Duration::from_secs(20);

/// What was done to connections.
#[derive(Debug, Default)]
pub struct Counts {
    pub connections: AtomicU64,
    pub delayed: AtomicU64,
    pub overtaken: AtomicU64,
    /// Pieces of a stream, mostly one request or answer each.
    pub pieces: AtomicU64,
    pub pieces_delayed: AtomicU64,
    pub pieces_overtaken: AtomicU64,
    pub broken: AtomicU64,
}

struct Shared {
    target: SocketAddr,
    seed: u64,
    is_calm: AtomicBool,
    is_over: AtomicBool,
    /// Number of the latest connection let through.
    latest: AtomicU64,
    /// Number of the latest piece let through.
    latest_piece: AtomicU64,
    counts: Counts,
}

/// A proxy that runs; over at the end.
pub struct Proxy {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
    }
}

impl Proxy {
    /// Listens on the loopback of a side and leads to a server at the other.
    pub fn start(link: &Link, side: usize, target: SocketAddr, seed: u64) -> Proxy {
        let shared = Arc::new(Shared {
            target,
            seed,
            is_calm: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
            latest: AtomicU64::new(0),
            latest_piece: AtomicU64::new(0),
            counts: Counts::default(),
        });
        let ours = shared.clone();
        let address = link.at(side, move || {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
            listener.set_nonblocking(true).expect("a socket that does not wait");
            let address = listener.local_addr().expect("an address");
            // A thread is where the one is that starts it.
            std::thread::spawn(move || listen(&listener, &ours));
            address
        });
        Proxy { address, shared }
    }

    /// Disturbs nothing any more.
    pub fn calm(&self) {
        self.shared.is_calm.store(true, Ordering::Relaxed);
    }

    /// What was done so far.
    pub fn counts(&self) -> &Counts {
        &self.shared.counts
    }
}

fn count(what: &AtomicU64) {
    what.fetch_add(1, Ordering::Relaxed);
}

fn listen(listener: &TcpListener, shared: &Arc<Shared>) {
    while !shared.is_over.load(Ordering::Relaxed) {
        let Ok((stream, _)) = listener.accept() else {
            std::thread::sleep(Duration::from_millis(2));
            continue;
        };
        count(&shared.counts.connections);
        let (shared, number) = (shared.clone(), shared.counts.connections.load(Ordering::Relaxed));
        std::thread::spawn(move || pass(&stream, number, &shared));
    }
}

fn pass(near: &TcpStream, number: u64, shared: &Arc<Shared>) {
    let mut random = Random::seeded(shared.seed ^ number.wrapping_mul(0x9e37));
    let is_wild = !shared.is_calm.load(Ordering::Relaxed);
    if is_wild && random.below(2) == 0 {
        count(&shared.counts.delayed);
        std::thread::sleep(Duration::from_millis(random.below(600)));
    }
    if shared.latest.fetch_max(number, Ordering::Relaxed) > number {
        count(&shared.counts.overtaken);
    }
    // Bytes after which it breaks off, if it does.
    let life = (is_wild && random.below(3) == 0).then(|| 500 + random.below(100_000));
    let Ok(far) = TcpStream::connect_timeout(&shared.target, REACH) else { return };
    for stream in [near, &far] {
        let _ = (stream.set_nonblocking(false), stream.set_nodelay(true), stream.set_read_timeout(Some(TICK)));
        let _ = stream.set_write_timeout(Some(REACH));
    }
    let passed = AtomicU64::new(0);
    let (seed, other) = (random.below(u64::MAX), random.below(u64::MAX));
    std::thread::scope(|scope| {
        scope.spawn(|| pump((near, &far), (&passed, life), seed, shared));
        scope.spawn(|| pump((&far, near), (&passed, life), other, shared));
    });
}

/// Passes bytes on until the end of the stream, of its life, or of all.
fn pump((mut from, mut to): (&TcpStream, &TcpStream), (passed, life): (&AtomicU64, Option<u64>), seed: u64, shared: &Shared) {
    let mut random = Random::seeded(seed);
    let mut room = vec![0; 64 * 1024];
    while !shared.is_over.load(Ordering::Relaxed) {
        let n = match from.read(&mut room) {
            Ok(0) => {
                let _ = to.shutdown(Shutdown::Write);
                return;
            }
            Ok(n) => n,
            Err(e) if matches!(e.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => continue,
            Err(_) => break,
        };
        let number = shared.counts.pieces.fetch_add(1, Ordering::Relaxed);
        if !shared.is_calm.load(Ordering::Relaxed) && random.below(8) == 0 {
            count(&shared.counts.pieces_delayed);
            std::thread::sleep(Duration::from_millis(random.below(250)));
        }
        if shared.latest_piece.fetch_max(number, Ordering::Relaxed) > number {
            count(&shared.counts.pieces_overtaken);
        }
        let before = passed.fetch_add(n as u64, Ordering::Relaxed);
        if let Some(life) = life
            && before + n as u64 > life
        {
            count(&shared.counts.broken);
            let _ = to.write_all(&room[..life.saturating_sub(before) as usize]);
            break;
        }
        if to.write_all(&room[..n]).is_err() {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}

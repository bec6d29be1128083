//! Clients that mean harm or know no better: odd bodies, odd requests, slow ones, and very many. Each gets its 4xx or is dropped, a
//! well-behaved client is served meanwhile and afterwards, and the memory of the node stays bounded.

mod bodies;
mod crowds;
mod requests;

use std::time::{Duration, Instant};

use crate::http::{Answer, Client};
use crate::node::{Node, ROOT, Site, ask, collection};

/// Time within which a well-behaved client is answered, whatever others do, connection and handshake included.
const PROMPT: Duration = Duration::from_secs(10);

/// A node with one collection and one account, and its address.
struct Target {
    _site: Site,
    node: Node,
}

fn objects() -> String {
    format!("/{ROOT}/collections/{}/objects/", collection(0))
}

impl Target {
    fn new() -> Target {
        let site = Site::new();
        site.collections(&[0]);
        site.user("all", "red", (&[0], &[0]));
        let node = site.start();
        let target = Target { _site: site, node };
        // The first login takes long and is not what is measured.
        target.client().ask(&ask("all", "GET", "/taxii2/", b"")).expect("an answer");
        target
    }

    fn client(&self) -> Client {
        self.node.connect()
    }

    /// A well-behaved client is answered in time.
    fn serves(&self) {
        let begin = Instant::now();
        let mut client = self.client();
        for path in ["/taxii2/".to_owned(), objects()] {
            let answer = client.ask(&ask("all", "GET", &path, b"")).expect("a well-behaved client is answered");
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
        assert!(begin.elapsed() < PROMPT, "a well-behaved client waited {:?}", begin.elapsed());
    }

    /// The node never held more than this many megabytes.
    fn is_within(&self, megabytes: f64) {
        let memory = self.node.memory();
        println!("memory: {memory:.1?}");
        assert!(memory.peak < megabytes, "{memory:?}, and {megabytes} MB are allowed");
    }

    /// Sends bytes over a new connection; the first answer, or nothing where the node just closes.
    fn send(&self, bytes: &[u8]) -> Option<Answer> {
        let mut client = self.client();
        // The node may close while this is still being sent.
        let _ = client.send(bytes);
        client.receive().ok()
    }
}

//! A node of its own: a folder, set up with the verbs that everybody has, served by the built binary.

#![allow(dead_code, reason = "tests and benchmark each use a part of it")]

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::http::{self, Ask, Client, TAXII, basic};

/// Password of every account.
pub const PASSWORD: &str = "a long password";
/// Name of the API root.
pub const ROOT: &str = "joint";

/// Time that a verb may take.
const VERB_LIMIT: Duration = Duration::from_mins(2);

static COUNT: AtomicUsize = AtomicUsize::new(0);

/// Identifier of the nth collection.
pub fn collection(n: u32) -> String {
    format!("91a7b528-80eb-42ed-a74d-{n:012}")
}

/// Path of a collection.
pub fn place(n: u32) -> String {
    format!("{ROOT}/{}", collection(n))
}

/// Waits for a child and ends it when its time is over; then there is no status.
pub fn finish(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let begun = Instant::now();
    while begun.elapsed() < limit {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let _ = child.kill();
    let _ = child.wait();
    None
}

/// What a node keeps; gone at the end.
pub struct Site {
    pub folder: PathBuf,
    database: Option<String>,
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Site {
    /// An empty folder, with the embedded database.
    pub fn new() -> Site {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("exchange-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        Site { folder, database: None }
    }

    /// The same with another database.
    pub fn with_database(url: String) -> Site {
        let mut site = Site::new();
        site.database = Some(url);
        site
    }

    /// The binary with these words, about this folder.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_buttress"));
        command.args(words).arg("--data").arg(&self.folder);
        if let Some(url) = &self.database {
            command.args(["--database", url]);
        }
        command
    }

    /// Runs `buttress node …`.
    pub fn verb(&self, words: &[&str], input: &str) {
        self.run(&[&["node"], words].concat(), input);
    }

    /// Runs any verb that ends by itself.
    pub fn run(&self, words: &[&str], input: &str) {
        let mut command = self.command(words);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary runs");
        child.stdin.take().expect("standard input").write_all(input.as_bytes()).expect("input is taken");
        let status = finish(&mut child, VERB_LIMIT);
        let said = child.stderr.take().map(std::io::read_to_string);
        assert!(status.is_some_and(|status| status.success()), "{words:?}: {status:?} {said:?}");
    }

    /// Makes the root and collections of these numbers.
    pub fn collections(&self, numbers: &[u32]) {
        self.verb(&["root", "add", ROOT, "--title", "Joint"], "");
        for n in numbers {
            self.verb(&["collection", "add", ROOT, &collection(*n), "--title", &format!("Collection {n}")], "");
        }
    }

    /// Makes an account that may read and write these collections.
    pub fn user(&self, name: &str, clearance: &str, (reads, writes): (&[u32], &[u32])) {
        let list = |numbers: &[u32]| numbers.iter().map(|n| place(*n)).collect::<Vec<_>>().join(",");
        let (reads, writes) = (list(reads), list(writes));
        let mut words = vec!["user", "add", name, "--password-stdin", "--clearance", clearance];
        if !reads.is_empty() {
            words.extend(["--read", &reads]);
        }
        if !writes.is_empty() {
            words.extend(["--write", &writes]);
        }
        self.verb(&words, &format!("{PASSWORD}\n"));
    }

    /// Serves it at a free port.
    pub fn start(&self) -> Node {
        self.start_with(&[])
    }

    /// Serves it at a free port, with more said on the command line.
    pub fn start_with(&self, words: &[&str]) -> Node {
        self.start_at("127.0.0.1", words)
    }

    /// Serves it at a free port of an address.
    pub fn start_at(&self, ip: &str, words: &[&str]) -> Node {
        let log = std::fs::File::options().create(true).append(true).open(self.folder.join("stderr.txt")).expect("a log");
        let mut command = self.command(&["serve", "--listen", &format!("{ip}:0")]);
        command.args(words);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        let mut child = command.spawn().expect("the binary runs");
        let mut output = BufReader::new(child.stdout.take().expect("standard output"));
        let mut line = String::new();
        output.read_line(&mut line).expect("a first line");
        let address = line.split_once("https://").and_then(|(_, rest)| rest.split('/').next()).and_then(|a| a.parse().ok());
        let address: SocketAddr = address.unwrap_or_else(|| {
            let _ = child.kill();
            panic!("serve said `{line}` and {}", std::fs::read_to_string(self.folder.join("stderr.txt")).unwrap_or_default())
        });
        let tls = http::trusting(&self.folder.join("certificate.pem"), rustls::ALL_VERSIONS);
        Node { child, _output: output, address, tls }
    }
}

/// A node that runs; killed at the end.
pub struct Node {
    child: Child,
    /// Kept open, so that the node may go on printing.
    _output: BufReader<ChildStdout>,
    pub address: SocketAddr,
    pub tls: Arc<rustls::ClientConfig>,
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Memory of a process, megabytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Memory {
    /// Resident now.
    pub rss: f64,
    /// Resident at most so far.
    pub peak: f64,
    /// Resident now and not of a file.
    pub anonymous: f64,
}

impl Node {
    /// Ends the process at once, as a loss of power would.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Number of the process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether the process still runs.
    pub fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Memory of the process.
    pub fn memory(&self) -> Memory {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let of = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|l| l.split_whitespace().next()).and_then(|w| w.parse::<f64>().ok()).unwrap_or(f64::NAN) / 1024.0
        };
        Memory { rss: of("VmRSS:"), peak: of("VmHWM:"), anonymous: of("RssAnon:") }
    }

    /// A new connection.
    pub fn connect(&self) -> Client {
        Client::connect(self.address, &self.tls).expect("a connection")
    }
}

/// A request of an account in the media type of TAXII.
pub fn ask<'a>(user: &str, method: &'a str, path: &'a str, body: &'a [u8]) -> Ask<'a> {
    let mut headers = vec![("Authorization", basic(user, PASSWORD)), ("Accept", TAXII.to_owned())];
    if method == "POST" {
        headers.push(("Content-Type", TAXII.to_owned()));
    }
    Ask { method, path, headers, body }
}

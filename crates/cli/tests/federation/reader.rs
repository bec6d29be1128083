//! Readers: what an account is shown of a collection, and whether that is more than it may see.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use buttress_wire::taxii::Envelope;
use rustls::ClientConfig;

use crate::history::{COLLECTIONS, Things, field, hidden, id, token};
use crate::http::Client;
use crate::node::{ROOT, ask, collection};

/// All versions that an account is shown, each as the text it came as.
pub fn crawl(client: &mut Client, account: &str, place: u32) -> io::Result<Vec<String>> {
    let (mut texts, mut next) = (Vec::new(), String::new());
    loop {
        let path = format!("/{ROOT}/collections/{}/objects/?limit=200&match[version]=all{next}", collection(place));
        let answer = client.ask(&ask(account, "GET", &path, b""))?;
        if answer.status != 200 {
            return Err(io::Error::other(format!("{}: {}", answer.status, answer.text())));
        }
        let page: Envelope = serde_json::from_slice(&answer.body)?;
        texts.extend(page.objects.iter().map(|text| text.get().to_owned()));
        match page.next {
            Some(token) if page.more => next = format!("&next={token}"),
            _ => return Ok(texts),
        }
    }
}

/// The versions of one side's objects that an account is shown, by identifier and version.
pub fn versions(client: &mut Client, account: &str, (place, side): (u32, usize)) -> BTreeMap<(String, String), String> {
    let texts = crawl(client, account, place).expect("all versions");
    let prefix = id(side, 0)[..24].to_owned();
    let named = texts.into_iter().map(|text| ((field(&text, "id"), field(&text, "modified")), text));
    named.filter(|((id, _), _)| id.starts_with(&prefix)).collect()
}

/// Somebody who looks at a node from the other side of the link again and again.
pub struct Watcher<'a> {
    pub address: SocketAddr,
    pub tls: &'a Arc<ClientConfig>,
    /// Side of the node.
    pub side: usize,
    /// What is known of the node's objects.
    pub things: &'a Mutex<Things>,
}

/// What a watcher did.
#[derive(Debug, Clone, Copy, Default)]
pub struct Looks {
    /// Collections read to the end.
    pub whole: usize,
    /// Those that broke off.
    pub broken: usize,
    /// Versions seen.
    pub seen: usize,
}

impl Watcher<'_> {
    /// Looks until it is told to stop: by turns as one who is cleared for green and as the partner, cleared for amber.
    pub fn watch(&self, is_over: &AtomicBool) -> Looks {
        let (mut looks, mut client) = (Looks::default(), None);
        let turns = [("low", 1), ("partner", 2)].into_iter().flat_map(|who| COLLECTIONS.map(|place| (who, place)));
        for ((account, most), place) in turns.collect::<Vec<_>>().into_iter().cycle() {
            if is_over.load(Ordering::Relaxed) {
                break;
            }
            let before = hidden(&self.things.lock().expect("things"), most);
            let connection = client.take().map_or_else(|| Client::connect(self.address, self.tls), Ok);
            let read = connection.and_then(|mut connection| Ok((crawl(&mut connection, account, place)?, connection)));
            match read {
                Ok((texts, connection)) => {
                    let after = hidden(&self.things.lock().expect("things"), most);
                    looks.whole += 1;
                    looks.seen += texts.len();
                    for text in &texts {
                        let is_above = (most + 1..4).any(|level| (0..2).any(|side| text.contains(&token(level, side))));
                        assert!(!is_above, "`{account}` is shown what is above its clearance: {text}");
                    }
                    let ids: Vec<String> = texts.iter().map(|text| field(text, "id")).collect();
                    for ((at, n), _) in before.iter().filter(|(key, step)| after.get(key) == Some(step)) {
                        let is_shown = *at == place && ids.contains(&id(self.side, *n));
                        assert!(!is_shown, "`{account}` is shown a version of {} in {place}, which is marked higher", id(self.side, *n));
                    }
                    // A new connection now and then, so that connections overtake each other.
                    client = (looks.whole % 3 > 0).then_some(connection);
                }
                Err(_) => looks.broken += 1,
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        looks
    }
}

/// The files of a node, in all its folders, that hold a text anywhere in their bytes; and the sizes of all.
pub fn files_with(folder: &Path, text: &str) -> (Vec<String>, BTreeMap<String, usize>) {
    let (mut found, mut sizes, mut open) = (Vec::new(), BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            // A file may go while we look.
            let bytes = std::fs::read(&path).unwrap_or_default();
            let name = entry.file_name().to_string_lossy().into_owned();
            if holds(&bytes, text.as_bytes()) {
                found.push(name.clone());
            }
            sizes.insert(name, bytes.len());
        }
    }
    (found, sizes)
}

/// Whether a text is in bytes; looks for its first byte first, which is quick.
fn holds(mut bytes: &[u8], text: &[u8]) -> bool {
    while let Some(at) = bytes.iter().position(|byte| *byte == text[0]) {
        if bytes[at..].starts_with(text) {
            return true;
        }
        bytes = &bytes[at + 1..];
    }
    false
}

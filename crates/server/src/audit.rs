//! The audit log: who asked a node for what and what was given, one JSON object a line, each holding the hash of the one before it.
//!
//! A line is `{"hash":"…","entry":{…}}` with hash = SHA-256(hash of the line before ‖ bytes of `entry`), over all files of the folder in
//! the order of their names, a file a day of UTC. So nobody can change, drop or slip in a line without changing all that follow; the
//! last hash, noted elsewhere, guards the end. A line is handed to the system before its answer goes out, and to the disk within a
//! second.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use buttress_wire::stix::Instant;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::hex::hex;

/// Time within which lines reach the disk.
const SYNC_EACH: Duration = Duration::from_secs(1);
/// Hash before the first line.
const BEGIN: [u8; 32] = [0; 32];

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Number, from 1.
    pub n: u64,
    /// Moment, RFC 3339 in UTC.
    pub at: String,
    /// Account, empty where nobody is known.
    pub account: String,
    /// Method and path, with the query.
    pub asked: String,
    /// Status of the answer.
    pub status: u16,
    /// Objects given or taken.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub n_objects: usize,
    /// Moment of adding of the first and the last object given, microseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<(i64, i64)>,
    /// What went wrong inside the node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde calls")]
fn is_zero(n: &usize) -> bool {
    *n == 0
}

#[derive(Serialize, Deserialize)]
struct Line<'a> {
    hash: String,
    #[serde(borrow)]
    entry: &'a RawValue,
}

/// Why the log cannot be kept or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuditError {
    /// A file.
    #[error("{path}: {why}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// A line that does not follow from the one before it.
    #[error("{path}, line {line}: {why}; from here on the log cannot be trusted")]
    Broken {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// What is wrong with it.
        why: &'static str,
    },
}

fn file(path: &Path) -> impl Fn(std::io::Error) -> AuditError + '_ {
    move |e| AuditError::File { path: path.to_owned(), why: e.to_string() }
}

fn chained(before: &[u8; 32], entry: &str) -> [u8; 32] {
    Sha256::new().chain_update(before).chain_update(entry).finalize().into()
}

/// State of a log: how far it goes and what it ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Number of the last entry.
    pub n: u64,
    /// Hash of the last line.
    pub hash: [u8; 32],
}

impl Head {
    /// The hash as it stands in the log.
    pub fn hex(&self) -> String {
        hex(&self.hash)
    }
}

/// Files of a log in their order.
fn files(folder: &Path) -> Result<Vec<PathBuf>, AuditError> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let entries = std::fs::read_dir(folder).map_err(file(folder))?;
    let mut paths: Vec<PathBuf> =
        entries.filter_map(|e| Some(e.ok()?.path())).filter(|p| p.extension().is_some_and(|e| e == "jsonl")).collect();
    paths.sort();
    Ok(paths)
}

/// Reads a log from its beginning and hands over each entry; where it ends. A last line without its end was cut off by a crash and
/// is left out.
pub fn verify(folder: &Path, take: &mut dyn FnMut(&Entry)) -> Result<Head, AuditError> {
    let mut head = Head { n: 0, hash: BEGIN };
    let paths = files(folder)?;
    for (i, path) in paths.iter().enumerate() {
        let mut reader = BufReader::new(File::open(path).map_err(file(path))?);
        let mut text = String::new();
        for line in 1.. {
            text.clear();
            let broken = |why| AuditError::Broken { path: path.clone(), line, why };
            if reader.read_line(&mut text).map_err(file(path))? == 0 || (!text.ends_with('\n') && i + 1 == paths.len()) {
                break;
            }
            let found: Line = serde_json::from_str(&text).map_err(|_| broken("it is no line of this log"))?;
            let hash = chained(&head.hash, found.entry.get());
            if hex(&hash) != found.hash {
                return Err(broken("its hash does not follow from the line before"));
            }
            let entry: Entry = serde_json::from_str(found.entry.get()).map_err(|_| broken("its entry cannot be read"))?;
            if entry.n != head.n + 1 {
                return Err(broken("its number does not follow from the line before"));
            }
            head = Head { n: entry.n, hash };
            take(&entry);
        }
    }
    Ok(head)
}

struct Open {
    head: Head,
    day: String,
    file: Option<File>,
    is_dirty: bool,
}

/// A log that is being written.
#[derive(Clone)]
pub struct Audit {
    folder: Arc<PathBuf>,
    open: Arc<Mutex<Open>>,
}

impl Audit {
    /// Continues the log of a folder, which is made and first verified; a line cut off by a crash is removed.
    pub fn open(folder: &Path) -> Result<Audit, AuditError> {
        std::fs::create_dir_all(folder).map_err(file(folder))?;
        let head = verify(folder, &mut |_| {})?;
        if let Some(path) = files(folder)?.last() {
            cut_torn_line(path)?;
        }
        let open = Arc::new(Mutex::new(Open { head, day: String::new(), file: None, is_dirty: false }));
        let kept = Arc::downgrade(&open);
        // Ends with the log.
        std::thread::spawn(move || {
            while let Some(open) = kept.upgrade() {
                sync(&open);
                drop(open);
                std::thread::sleep(SYNC_EACH);
            }
        });
        Ok(Audit { folder: Arc::new(folder.to_owned()), open })
    }

    /// Adds an entry; its number and moment are set here.
    pub fn note(&self, now: i64, entry: Entry) -> Result<(), AuditError> {
        let at = Instant(now).to_string();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let day = &at[..at.len().min(10)];
        if open.file.is_none() || open.day.as_str() < day {
            let path = self.folder.join(format!("{day}.jsonl"));
            let opened = OpenOptions::new().create(true).append(true).open(&path).map_err(file(&path))?;
            if let Some(before) = open.file.replace(opened) {
                before.sync_data().map_err(file(&self.folder))?;
            }
            day.clone_into(&mut open.day);
        }
        let entry = Entry { n: open.head.n + 1, at, ..entry };
        // Entries hold nothing that JSON cannot say.
        let text = serde_json::to_string(&entry).unwrap_or_default();
        let hash = chained(&open.head.hash, &text);
        let line = format!("{{\"hash\":\"{}\",\"entry\":{text}}}\n", hex(&hash));
        let Some(target) = open.file.as_mut() else { return Ok(()) };
        target.write_all(line.as_bytes()).map_err(file(&self.folder))?;
        open.head = Head { n: entry.n, hash };
        open.is_dirty = true;
        Ok(())
    }
}

fn sync(open: &Mutex<Open>) {
    let target = {
        let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
        let is_dirty = std::mem::take(&mut open.is_dirty);
        open.file.as_ref().filter(|_| is_dirty).and_then(|f| f.try_clone().ok())
    };
    // A disk that fails shows at the next write.
    let _ = target.map(|f| f.sync_data());
}

fn cut_torn_line(path: &Path) -> Result<(), AuditError> {
    let bytes = std::fs::read(path).map_err(file(path))?;
    let whole = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
    if whole < bytes.len() {
        let mut cut = OpenOptions::new().write(true).open(path).map_err(file(path))?;
        cut.set_len(whole as u64).and_then(|()| cut.seek(SeekFrom::End(0))).map_err(file(path))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000_000;

    fn entry(asked: &str) -> Entry {
        Entry {
            n: 0,
            at: String::new(),
            account: "fi".into(),
            asked: asked.into(),
            status: 200,
            n_objects: 2,
            span: Some((3, 4)),
            fault: None,
        }
    }

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("buttress-audit-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        folder
    }

    #[test]
    fn a_log_goes_on_after_a_crash_and_over_days() {
        let folder = folder("crash");
        Audit::open(&folder).unwrap().note(DAY, entry("GET /a")).unwrap();
        let path = folder.join("1970-01-02.jsonl");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{text}{{\"hash\":\"to")).unwrap();
        let audit = Audit::open(&folder).unwrap();
        audit.note(DAY + 1, entry("GET /b")).unwrap();
        audit.note(2 * DAY, entry("GET /c")).unwrap();
        // A clock that goes back stays in the file of the day.
        audit.note(DAY, entry("GET /d")).unwrap();
        let mut seen = Vec::new();
        let head = verify(&folder, &mut |e| seen.push((e.n, e.asked.clone()))).unwrap();
        assert_eq!(seen, [(1, "GET /a".into()), (2, "GET /b".into()), (3, "GET /c".into()), (4, "GET /d".into())]);
        assert_eq!((head.n, files(&folder).unwrap().len()), (4, 2));
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_changed_a_dropped_and_an_exchanged_line_are_found() {
        let folder = folder("broken");
        let audit = Audit::open(&folder).unwrap();
        (0..4).for_each(|i| audit.note(i, entry(&format!("GET /{i}"))).unwrap());
        let path = folder.join("1970-01-01.jsonl");
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let write = |lines: &[&str]| {
            std::fs::write(&path, lines.join("\n") + "\n").unwrap();
            match verify(&folder, &mut |_| {}) {
                Err(AuditError::Broken { line, .. }) => line,
                _ => 0,
            }
        };
        assert_eq!(write(&lines), 0);
        assert_eq!(write(&[lines[0], &lines[1].replace("fi", "se"), lines[2], lines[3]]), 2);
        assert_eq!(write(&[lines[0], lines[2], lines[3]]), 2);
        assert_eq!(write(&[lines[0], lines[1], lines[3], lines[2]]), 3);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}

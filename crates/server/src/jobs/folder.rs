//! The folder of a job: `job.json`, what the program reads, and the result.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::job::{Kept, ResultFile};
use super::question::{CASE, Call, PROGRESS, RESULT};

const JOB: &str = "job.json";
const ERRORS: &str = "errors.txt";
/// What is told of a program's last words, bytes.
const LAST_WORDS: usize = 4096;

/// Writes `job.json`, wholly or not at all.
pub(super) fn write(folder: &Path, kept: &Kept) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let (path, new) = (folder.join(JOB), folder.join("job.json.new"));
    let mut file = File::create(&new)?;
    file.write_all(&serde_json::to_vec_pretty(kept)?)?;
    file.sync_all()?;
    fs::rename(new, path)
}

/// All jobs kept in a folder of folders. One without a `job.json` was being made or removed when the node ended: it goes.
pub(super) fn read_all(jobs: &Path) -> io::Result<Vec<Kept>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(jobs)? {
        let path = entry?.path();
        if !path.is_dir() {
            continue;
        }
        match fs::read(path.join(JOB)) {
            Ok(bytes) => {
                let wrong = |e: serde_json::Error| io::Error::other(format!("{}: {e}; remove this folder", path.join(JOB).display()));
                let kept: Kept = serde_json::from_slice(&bytes).map_err(wrong)?;
                if path.file_name().is_some_and(|name| name == kept.job.id.as_str()) {
                    all.push(kept);
                }
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                let is_ours = path.file_name().and_then(|name| name.to_str()).is_some_and(|name| uuid::Uuid::try_parse(name).is_ok());
                if is_ours {
                    fs::remove_dir_all(&path)?;
                }
            }
            Err(e) => return Err(e),
        }
    }
    Ok(all)
}

/// Removes a job: first what makes it one, so that half a removal is finished at the next start.
pub(super) fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_file(folder.join(JOB)) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => fs::remove_dir_all(folder),
    }
}

/// Standard output and standard error of a program about to start; what an earlier attempt left is gone.
pub(super) fn prepare(folder: &Path, call: &Call, case: Option<&Path>) -> io::Result<(File, File)> {
    let result = folder.join(RESULT);
    if result.exists() {
        fs::remove_dir_all(&result)?;
    }
    fs::create_dir_all(&result)?;
    for name in [PROGRESS, CASE] {
        match fs::remove_file(folder.join(name)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
    }
    // By a name of ours, so that no message shows where the operator keeps the case.
    if let Some(case) = case {
        symlink(fs::canonicalize(case)?, folder.join(CASE))?;
    }
    for (name, text) in &call.files {
        fs::write(folder.join(name), text)?;
    }
    Ok((File::create(result.join(call.output))?, File::create(folder.join(ERRORS))?))
}

/// Drops what a program left that has no result.
pub(super) fn discard(folder: &Path) {
    // What cannot be removed now goes before the next attempt, or with the job.
    let _ = fs::remove_dir_all(folder.join(RESULT));
}

/// Bytes in a folder, links not followed.
pub(super) fn size(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let one = |path: PathBuf| match fs::symlink_metadata(&path) {
        Ok(m) if m.is_dir() => size(&path),
        Ok(m) => m.len(),
        Err(_) => 0,
    };
    entries.filter_map(Result::ok).map(|entry| one(entry.path())).sum()
}

/// The end of what the program said on standard error.
pub(super) fn last_words(folder: &Path) -> String {
    let bytes = fs::read(folder.join(ERRORS)).unwrap_or_default();
    let from = bytes.len().saturating_sub(LAST_WORDS);
    String::from_utf8_lossy(&bytes[from..]).trim().to_owned()
}

fn is_plain(name: &str) -> bool {
    name.len() <= 100 && !name.starts_with('.') && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
}

/// Name, size and digest of each file of the result, by name.
pub(super) fn files(folder: &Path) -> io::Result<Vec<ResultFile>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder.join(RESULT))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type()?.is_file() && is_plain(&name) {
            let (bytes, sha256) = digest(&entry.path())?;
            files.push(ResultFile { name, bytes, sha256 });
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

fn digest(path: &Path) -> io::Result<(u64, String)> {
    let (mut file, mut sha, mut n) = (File::open(path)?, Sha256::new(), 0);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok((n, crate::hex::hex(&sha.finalize()))),
            read => {
                sha.update(&buffer[..read]);
                n += read as u64;
            }
        }
    }
}

//! The tidy test: who may know whom, what a room must not touch, and that every invariant names a test that exists.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What each crate may depend on inside the workspace.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("lp", &[]),
    ("model", &[]),
    ("engine", &["buttress-lp", "buttress-model"]),
    ("optim", &["buttress-engine", "buttress-lp", "buttress-model"]),
    ("io", &["buttress-engine", "buttress-model", "buttress-optim"]),
    ("buttress", &["buttress-engine", "buttress-io", "buttress-model", "buttress-optim"]),
    ("wire", &[]),
    ("server", &["buttress", "buttress-wire"]),
    ("cli", &["buttress", "buttress-server", "buttress-wire"]),
];

/// Words that a pure crate's code must not hold, with the reason.
const PURE: &[&str] = &["model", "engine", "optim"];
const BANNED: &[(&str, &str)] = &[
    ("std::fs", "files"),
    ("std::env", "environment"),
    ("std::net", "sockets"),
    ("Instant::now", "clocks"),
    ("SystemTime", "clocks"),
    ("thread_local!", "thread-locals"),
    ("println!", "output"),
    ("eprintln!", "output"),
    ("HashMap", "an order that changes from run to run"),
    ("HashSet", "an order that changes from run to run"),
];

/// Words that only one file may hold.
const ONLY_HOME: &[(&str, &str, &str)] = &[
    ("highs_sys", "crates/lp/src/simplex.rs", "only one file names HiGHS"),
    ("clarabel::", "crates/lp/src/conic.rs", "only one file names Clarabel"),
    ("rayon::", "crates/engine/src/batch.rs", "parallel work is one ordered map"),
    ("fn minimum_degree", "crates/engine/src/power/order.rs", "only one file orders sparse matrices"),
];

/// Inside engine the sectors never import each other; they meet in compile and cascade.
const SECTORS: &[&str] = &["power", "gas", "sea", "air", "data", "space"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn files(dir: &Path, ending: &str, out: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    let mut paths: Vec<PathBuf> = entries.filter_map(|e| e.ok().map(|e| e.path())).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            files(&path, ending, out);
        } else if path.extension().is_some_and(|x| x == ending) {
            out.push(path);
        }
    }
}

/// Code of a file without comments and without its tests.
fn code_of(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let body = text.split("#[cfg(test)]").next().unwrap_or("");
    body.lines().filter(|l| !l.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn sources(krate: &str) -> Vec<(String, String)> {
    let mut out = Vec::new();
    files(&root().join("crates").join(krate).join("src"), "rs", &mut out);
    let base = root();
    // Files that only tests are made of.
    out.retain(|p| !p.file_stem().and_then(|n| n.to_str()).is_some_and(|n| n.ends_with("tests") || n == "testing"));
    out.into_iter().map(|p| (p.strip_prefix(&base).unwrap_or(&p).display().to_string(), code_of(&p))).collect()
}

/// Dependencies of a crate's manifest that are of this workspace.
fn known(krate: &str) -> Vec<String> {
    let text = std::fs::read_to_string(root().join("crates").join(krate).join("Cargo.toml")).unwrap_or_default();
    let body = text.split("[dependencies]").nth(1).unwrap_or("");
    let body = body.split("\n[").next().unwrap_or("");
    body.lines().filter_map(|l| l.split(['.', '=', ' ']).next()).filter(|n| n.starts_with("buttress")).map(str::to_owned).collect()
}

/// Everything that is not tidy, one line each.
pub fn findings() -> Vec<String> {
    let mut out = Vec::new();
    for (krate, may) in MAY_KNOW {
        for name in known(krate) {
            if !may.contains(&name.as_str()) {
                out.push(format!("crates/{krate} knows {name}, which the table of rooms does not allow"));
            }
        }
        let lib = root().join("crates").join(krate).join("src");
        let first =
            std::fs::read_to_string(lib.join("lib.rs")).or_else(|_| std::fs::read_to_string(lib.join("main.rs"))).unwrap_or_default();
        if !first.starts_with("//! ") {
            out.push(format!("crates/{krate} does not begin with its room sentence"));
        }
    }
    for krate in PURE {
        for (file, code) in sources(krate) {
            for (word, what) in BANNED {
                if code.contains(word) {
                    out.push(format!("{file} holds `{word}`: a pure crate touches no {what}"));
                }
            }
        }
    }
    let all: Vec<(String, String)> = MAY_KNOW.iter().flat_map(|(k, _)| sources(k)).collect();
    for (word, home, why) in ONLY_HOME {
        for (file, code) in &all {
            if code.contains(word) && file.trim_start_matches("../") != *home {
                out.push(format!("{file} holds `{word}`: {why}"));
            }
        }
    }
    sectors(&all, &mut out);
    invariants(&mut out);
    long_files(&all, &mut out);
    out
}

fn sectors(all: &[(String, String)], out: &mut Vec<String>) {
    for (file, code) in all {
        let Some(inner) = file.split("engine/src/").nth(1) else { continue };
        let Some(own) = SECTORS.iter().find(|s| inner == format!("{s}.rs") || inner.starts_with(&format!("{s}/"))) else { continue };
        for other in SECTORS.iter().filter(|s| s != &own) {
            if code.contains(&format!("crate::{other}")) {
                out.push(format!("{file} imports the sector {other}; sectors meet only in compile and cascade"));
            }
        }
    }
}

/// Every invariant of ARCHITECTURE.md names a test in backticks after "held by", and that test exists.
fn invariants(out: &mut Vec<String>) {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap_or_default();
    let section = text.split("## Invariants").nth(1).unwrap_or("").split("\n## ").next().unwrap_or("");
    let mut tests = Vec::new();
    for dir in ["crates", "xtask"] {
        let mut found = Vec::new();
        files(&root().join(dir), "rs", &mut found);
        tests.extend(found.into_iter().map(|p| std::fs::read_to_string(p).unwrap_or_default()));
    }
    let mut count = 0;
    for item in section.split('\n').filter(|l| l.starts_with(|c: char| c.is_ascii_digit())) {
        count += 1;
        let named: Vec<&str> = item.split("held by").nth(1).unwrap_or("").split('`').skip(1).step_by(2).collect();
        if named.is_empty() {
            out.push(format!("ARCHITECTURE.md: invariant names no test: {item}"));
        }
        for name in named {
            if !tests.iter().any(|t| t.contains(&format!("fn {name}("))) {
                out.push(format!("ARCHITECTURE.md: invariant names the test `{name}`, which does not exist"));
            }
        }
    }
    if count == 0 {
        out.push("ARCHITECTURE.md has no numbered invariants".into());
    }
}

/// A room has one purpose: no source file of the product over 900 lines of code.
fn long_files(all: &[(String, String)], out: &mut Vec<String>) {
    let long: BTreeMap<&str, usize> = all.iter().map(|(f, code)| (f.as_str(), code.lines().count())).filter(|x| x.1 > 900).collect();
    out.extend(long.into_iter().map(|(f, n)| format!("{f} has {n} lines of code; split it by purpose")));
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_workspace_is_tidy() {
        let findings = super::findings();
        assert!(findings.is_empty(), "\n{}", findings.join("\n"));
    }

    #[test]
    fn the_case_format_page_is_made_from_the_code() {
        let page = std::fs::read_to_string(super::root().join("docs/src/case-format.md")).unwrap_or_default();
        assert!(page == buttress_io::case_folder::format_page(), "docs/src/case-format.md is stale; run: cargo xtask format-page");
    }
}

//! A case as a folder: `case.toml` and one CSV a table.

use std::path::{Path, PathBuf};

use buttress_model::draft::{Addition, Draft, RawTable};
use buttress_model::tables::TABLES;
use buttress_model::{Finding, Weight};
use sha2::{Digest, Sha256};

/// Largest file read; larger ones are refused before they fill memory.
const MAX_FILE_BYTES: u64 = 256 * 1024 * 1024;

/// The world failed, or what was given is no case folder at all.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder cannot be read.
    #[error("cannot read {path}: {why}; give a folder with case.toml and CSV tables")]
    Unreadable {
        /// What was to be read.
        path: PathBuf,
        /// The system's word.
        why: std::io::Error,
    },
}

/// `case.toml`.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Meta {
    key: String,
    title: String,
    #[serde(default)]
    version: String,
    #[serde(default = "default_euro_year")]
    euro_year: u16,
}

fn default_euro_year() -> u16 {
    2024
}

/// Reads a folder into a draft; what cannot be parsed becomes findings.
pub fn read(dir: &Path) -> Result<(Draft, Vec<Finding>), Error> {
    let entries = std::fs::read_dir(dir).map_err(|why| Error::Unreadable { path: dir.into(), why })?;
    let mut files: Vec<PathBuf> = entries.filter_map(|e| e.ok().map(|e| e.path())).filter(|p| p.is_file()).collect();
    files.sort();
    let mut content = Vec::new();
    let mut findings = Vec::new();
    for path in files {
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or("").to_owned();
        // borders.csv draws the map; it is no table of the case.
        let is_table = path.extension().is_some_and(|x| x == "csv") && name != "borders.csv";
        if !is_table && name != "case.toml" {
            continue;
        }
        let size = std::fs::metadata(&path).map_or(0, |m| m.len());
        if size > MAX_FILE_BYTES {
            findings.push(finding(
                &name,
                0,
                "too-large",
                format!("the file has {size} bytes; at most {MAX_FILE_BYTES} are read"),
                "split the case or remove rows",
            ));
            continue;
        }
        let bytes = std::fs::read(&path).map_err(|why| Error::Unreadable { path: path.clone(), why })?;
        content.push((name, bytes));
    }
    let (draft, more) = parse(dir.file_name().and_then(|n| n.to_str()).unwrap_or("case"), &content);
    findings.extend(more);
    Ok((draft, findings))
}

fn finding(file: &str, line: u64, rule: &'static str, what: String, advice: &str) -> Finding {
    Finding { weight: Weight::Error, file: file.into(), line, field: String::new(), rule, what, advice: advice.into() }
}

/// Turns named files into a draft.
pub fn parse(fallback_key: &str, files: &[(String, Vec<u8>)]) -> (Draft, Vec<Finding>) {
    let mut findings = Vec::new();
    let mut draft = Draft { key: fallback_key.into(), title: fallback_key.into(), euro_year: default_euro_year(), ..Draft::default() };
    let mut hash = Sha256::new();
    let mut has_meta = false;
    for (name, bytes) in files {
        hash.update(name.as_bytes());
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
        if name == "case.toml" {
            has_meta = true;
            match std::str::from_utf8(bytes)
                .map_err(|e| e.to_string())
                .and_then(|t| toml::from_str::<Meta>(t).map_err(|e| e.message().to_owned()))
            {
                Ok(m) => (draft.key, draft.title, draft.version, draft.euro_year) = (m.key, m.title, m.version, m.euro_year),
                Err(why) => findings.push(finding(name, 0, "bad-toml", why, "give key, title, version, euro_year")),
            }
        } else if let Some(table) = name.strip_suffix(".csv") {
            let (raw, more) = parse_csv(name, bytes);
            findings.extend(more);
            draft.tables.insert(table.to_owned(), raw);
        }
    }
    if !has_meta {
        findings.push(finding("case.toml", 0, "missing-file", "the case has no case.toml".into(), "add it with key and title"));
    }
    if !draft.tables.contains_key("zones") {
        findings.push(finding("zones.csv", 0, "missing-file", "the case has no zones.csv".into(), "add at least one zone"));
    }
    draft.digest = hexadecimal(&hash.finalize());
    (draft, findings)
}

fn parse_csv(name: &str, bytes: &[u8]) -> (RawTable, Vec<Finding>) {
    let mut findings = Vec::new();
    let mut reader = csv::ReaderBuilder::new().flexible(true).has_headers(false).from_reader(bytes);
    let mut raw = RawTable::default();
    let mut record = csv::ByteRecord::new();
    loop {
        match reader.read_byte_record(&mut record) {
            Ok(false) => break,
            Ok(true) => {}
            Err(e) => {
                findings.push(finding(name, e.position().map_or(0, csv::Position::line), "bad-csv", e.to_string(), "mend the quoting"));
                break;
            }
        }
        let line = record.position().map_or(0, csv::Position::line);
        let mut cells = Vec::with_capacity(record.len());
        for cell in &record {
            // What cannot be read is marked in the text, so that the cell does not count as empty as well.
            cells.push(String::from_utf8_lossy(cell).trim_start_matches('\u{feff}').to_owned());
        }
        if record.iter().any(|cell| std::str::from_utf8(cell).is_err()) {
            findings.push(finding(name, line, "not-utf8", "a cell is not UTF-8 text".into(), "save the file as UTF-8"));
        }
        if raw.header.is_empty() {
            raw.header = cells;
        } else {
            raw.rows.push((line, cells));
        }
    }
    if raw.header.is_empty() {
        findings.push(finding(name, 1, "empty-file", "the file has no header".into(), "write the column names in the first line"));
    }
    (raw, findings)
}

/// The case format as Markdown, from the same declarations that read and check it.
pub fn format_page() -> String {
    use std::fmt::Write;
    let mut out = String::from(
        "# The case format\n\nA case is a folder with `case.toml` (`key`, `title`, `version`, `euro_year`) and CSV tables, UTF-8, comma-separated, decimal point. Columns may stand in any order; a column with a default may be left out. All columns are input; results are never written into a case. This page is made from the declarations in `crates/model/src/tables.rs` and `schema.rs`; a test keeps it so.\n",
    );
    for table in TABLES {
        let _ = write!(
            out,
            "\n## {}.csv\n\n{}\n\n| column | type | unit | default | meaning |\n| --- | --- | --- | --- | --- |\n",
            table.name, table.doc
        );
        for f in table.fields() {
            let default = f.default.map_or("required".to_owned(), |d| if d.is_empty() { "empty".into() } else { format!("`{d}`") });
            let _ = writeln!(out, "| `{}` | {} | {} | {default} | {} |", f.name, kind_name(&f.kind), f.unit, f.doc.replace('|', "\\|"));
        }
    }
    out
}

fn kind_name(kind: &buttress_model::schema::FieldKind) -> String {
    use buttress_model::schema::FieldKind as K;
    match kind {
        K::Key => "key".into(),
        K::Text => "text".into(),
        K::Number(low, high) => {
            let show = |x: f64| if x.is_infinite() { "∞".to_owned() } else { format!("{x}") };
            format!("number {} to {}", show(*low), show(*high))
        }
        K::Flag => "0 or 1".into(),
        K::Ref(tables) => format!("key in {}", tables.join(", ")),
        K::Choice(words) => words.join(", "),
        K::Selector => "selector".into(),
        K::Logic => "all, any, k-of-n".into(),
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |s, b| s + &format!("{b:02x}"))
}

/// Digest of a case with rows added by a scenario.
pub fn digest_with(digest: &str, additions: &[Addition]) -> String {
    let mut hash = Sha256::new();
    hash.update(digest);
    for a in additions {
        hash.update(format!("\n{}", a.table));
        for (column, text) in &a.cells {
            hash.update(format!("\t{column}={text}"));
        }
    }
    hexadecimal(&hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_file_becomes_findings_and_never_a_panic() {
        let files = vec![
            ("zones.csv".to_owned(), b"key,name\nA,\xff\xfe\n\"open".to_vec()),
            ("case.toml".to_owned(), b"key = 3".to_vec()),
            ("lines.csv".to_owned(), Vec::new()),
        ];
        let (draft, findings) = parse("x", &files);
        let rules: Vec<_> = findings.iter().map(|f| f.rule).collect();
        assert!(rules.contains(&"not-utf8") && rules.contains(&"bad-toml") && rules.contains(&"empty-file"), "{rules:?}");
        assert!(buttress_model::check::check(&draft).0.is_none());
    }
}

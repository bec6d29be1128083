//! A CSV file as rows of text by column name.

use std::collections::BTreeMap;

use super::{Files, Findings, clip};

/// One table: columns by name and rows of cells with their lines.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    /// File name.
    pub file: String,
    columns: BTreeMap<String, usize>,
    rows: Vec<(u64, csv::StringRecord)>,
}

impl Sheet {
    /// Reads a file of the folder; an absent file is a table without rows.
    pub fn read(files: &Files, file: &str, quote: u8, findings: &mut Findings) -> Sheet {
        let mut sheet = Sheet { file: file.to_owned(), ..Sheet::default() };
        let Some(bytes) = files.get(file) else { return sheet };
        let mut reader = csv::ReaderBuilder::new().flexible(true).has_headers(false).quote(quote).from_reader(bytes.as_slice());
        let mut record = csv::ByteRecord::new();
        let mut n_columns = 0;
        loop {
            match reader.read_byte_record(&mut record) {
                Ok(false) => break,
                Ok(true) => {}
                Err(e) => {
                    let line = e.position().map_or(0, csv::Position::line);
                    findings.error((file, line, ""), "bad-csv", e.to_string(), "mend the quoting");
                    break;
                }
            }
            let line = record.position().map_or(0, csv::Position::line);
            let cells = csv::StringRecord::from_byte_record(record.clone()).unwrap_or_else(|e| {
                findings.warn((file, line, ""), "not-utf8", "a cell is not UTF-8 text", "save the file as UTF-8");
                csv::StringRecord::from_byte_record_lossy(e.into_byte_record())
            });
            if n_columns == 0 {
                n_columns = cells.len();
                sheet.head(&cells, findings);
            } else {
                if cells.len() != n_columns {
                    let what = format!("the row has {} cells, the header {n_columns}", cells.len());
                    findings.error((file, line, ""), "ragged-row", what, "give one cell a column; quote texts with commas");
                }
                sheet.rows.push((line, cells));
            }
        }
        if n_columns == 0 {
            findings.error((file, 1, ""), "empty-file", "the file has no header", "write the column names in the first line");
        }
        sheet
    }

    fn head(&mut self, cells: &csv::StringRecord, findings: &mut Findings) {
        for (i, cell) in cells.iter().enumerate() {
            let name = cell.trim_start_matches('\u{feff}').trim();
            if self.columns.insert(name.to_owned(), i).is_some() && !name.is_empty() {
                let what = format!("column `{}` stands twice", clip(name));
                findings.error((&self.file, 1, name), "duplicate-column", what, "name each column once");
            }
        }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Line of a row.
    pub fn line(&self, row: usize) -> u64 {
        self.rows.get(row).map_or(0, |r| r.0)
    }

    /// Whether a column stands in the header.
    pub fn has(&self, column: &str) -> bool {
        self.columns.contains_key(column)
    }

    /// Text of a cell, trimmed; empty where row or column are absent.
    pub fn text(&self, row: usize, column: &str) -> &str {
        self.columns.get(column).map_or("", |&i| self.cell(row, i))
    }

    /// Text of a cell by the number of its column.
    pub fn cell(&self, row: usize, column: usize) -> &str {
        self.rows.get(row).and_then(|r| r.1.get(column)).map_or("", str::trim)
    }

    /// Number in a cell; the default where it is empty, or, with a finding, where it is none.
    pub fn number(&self, row: usize, column: &str, default: f64, findings: &mut Findings) -> f64 {
        let text = self.text(row, column);
        if text.is_empty() {
            return default;
        }
        match text.parse::<f64>() {
            Ok(x) if !x.is_nan() => x,
            Ok(_) => default,
            Err(_) => {
                let what = format!("`{}` is no number", clip(text));
                findings.error((&self.file, self.line(row), column), "not-a-number", what, "use digits and a decimal point");
                default
            }
        }
    }

    /// Truth in a cell; none where it is empty or, with a finding, neither true nor false.
    pub fn flag(&self, row: usize, column: &str, findings: &mut Findings) -> Option<bool> {
        match self.text(row, column) {
            "" => None,
            "t" | "True" | "true" | "TRUE" | "1" | "1.0" => Some(true),
            "f" | "False" | "false" | "FALSE" | "0" | "0.0" => Some(false),
            other => {
                let what = format!("`{}` is neither true nor false", clip(other));
                findings.error((&self.file, self.line(row), column), "not-a-flag", what, "write True or False");
                None
            }
        }
    }

    /// Every required column that is missing is an error.
    pub fn require(&self, columns: &[&str], findings: &mut Findings) {
        for column in columns.iter().filter(|c| !self.has(c)) {
            let what = format!("required column `{column}` is missing");
            findings.error((&self.file, 1, column), "missing-column", what, "add the column, or mend its name");
        }
    }
}

/// Header and rows as CSV text.
pub(super) fn table(header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut w = csv::Writer::from_writer(Vec::new());
    // Writing to memory cannot fail.
    let _ = w.write_record(header);
    for row in rows {
        let _ = w.write_record(&row);
    }
    w.into_inner().ok().and_then(|b| String::from_utf8(b).ok()).unwrap_or_default()
}

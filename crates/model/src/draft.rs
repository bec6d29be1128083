//! The world as written: text cells, with the line each row came from.

use std::collections::BTreeMap;

use crate::check::{Finding, Weight};
use crate::tables::TABLES;

/// One table as read: header and rows of text.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RawTable {
    /// Column names in file order.
    pub header: Vec<String>,
    /// Rows of cells, with the line of the file each stands on.
    pub rows: Vec<(u64, Vec<String>)>,
}

/// A case as written: everything still text.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Draft {
    /// Key of the case (its folder's name, or `europe`).
    pub key: String,
    /// Title for reports.
    pub title: String,
    /// Version or vintage of the case.
    pub version: String,
    /// Year of the euro used in all values.
    pub euro_year: u16,
    /// Hexadecimal SHA-256 over all tables, made by the reader.
    pub digest: String,
    /// Tables by name.
    pub tables: BTreeMap<String, RawTable>,
}

/// A row that a scenario adds to a table: an asset that does not exist yet.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Addition {
    /// Table, such as `power_lines`.
    pub table: String,
    /// Column and text of each cell given.
    pub cells: Vec<(String, String)>,
}

impl Draft {
    /// Appends a row, columns the table lacks included; returns the line it counts as, one past the last. A table or column that
    /// no case has is left out and said, with an empty file name.
    pub(crate) fn add(&mut self, addition: &Addition) -> (Option<u64>, Vec<Finding>) {
        let error = |field: &str, rule, what, advice| {
            let (file, field) = (String::new(), field.to_owned());
            Finding { weight: Weight::Error, file, line: 0, field, rule, what, advice }
        };
        let Some(declared) = TABLES.iter().find(|t| t.name == addition.table) else {
            let names = TABLES.iter().filter(|t| t.is_asset).map(|t| t.name).collect::<Vec<_>>().join(", ");
            let what = format!("`{}` is no table of a case", addition.table);
            return (None, vec![error("table", "unknown-table", what, format!("give one of {names}"))]);
        };
        let mut findings = Vec::new();
        let table = self.tables.entry(addition.table.clone()).or_insert_with(|| {
            let header = declared.fields().filter(|f| f.default.is_none()).map(|f| f.name.to_owned()).collect();
            RawTable { header, rows: Vec::new() }
        });
        for (column, _) in &addition.cells {
            if !declared.fields().any(|f| f.name == *column) {
                let columns = declared.fields().map(|f| f.name).collect::<Vec<_>>().join(", ");
                let what = format!("`{column}` is no column of {}", addition.table);
                findings.push(error(column, "unknown-column", what, format!("remove it or mend its name; the columns: {columns}")));
            } else if !table.header.contains(column) {
                table.header.push(column.clone());
                table.rows.iter_mut().for_each(|r| r.1.push(String::new()));
            }
        }
        let cell = |column: &String| addition.cells.iter().find(|c| c.0 == *column).map_or(String::new(), |c| c.1.clone());
        let line = table.rows.last().map_or(2, |r| r.0 + 1);
        table.rows.push((line, table.header.iter().map(cell).collect()));
        (Some(line), findings)
    }
}

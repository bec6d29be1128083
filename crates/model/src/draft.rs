//! The world as written: text cells, with the line each row came from.

use std::collections::BTreeMap;

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
    /// Appends a row, columns the table lacks included; returns the line it counts as, one past the last.
    pub fn add(&mut self, addition: &Addition) -> u64 {
        let table = self.tables.entry(addition.table.clone()).or_default();
        for (column, _) in &addition.cells {
            if !table.header.contains(column) {
                table.header.push(column.clone());
                table.rows.iter_mut().for_each(|r| r.1.push(String::new()));
            }
        }
        let cell = |column: &String| addition.cells.iter().find(|c| c.0 == *column).map_or(String::new(), |c| c.1.clone());
        let line = table.rows.last().map_or(2, |r| r.0 + 1);
        table.rows.push((line, table.header.iter().map(cell).collect()));
        line
    }
}

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

//! What all verbs share: printing, tables, threads.

use std::error::Error;
use std::io::{ErrorKind, Write};

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};
use serde_json::Value;

/// Exit code of a verb.
pub type Code = Result<u8, Box<dyn Error>>;

/// Prints text. A closed pipe ends quietly: who reads has read enough. Any other failure ends the program with a message, since
/// an answer that did not arrive must not look like one that did.
pub fn print(text: &str) {
    let mut out = std::io::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(why) if why.kind() != ErrorKind::BrokenPipe => {
            eprintln!("error: cannot print: {why}; free space, or send the output elsewhere");
            std::process::exit(2);
        }
        _ => {}
    }
}

/// Prints one JSON object.
pub fn print_json(value: &Value) {
    print(&format!("{}\n", serde_json::to_string_pretty(value).unwrap_or_default()));
}

/// A table whose columns from `numeric_from` on are numbers.
pub fn table(header: &[&str], numeric_from: usize) -> Table {
    let mut t = Table::new();
    t.load_style(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    t.set_header(header.iter().map(Cell::new));
    for (i, column) in t.column_iter_mut().enumerate() {
        if i >= numeric_from {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    t
}

/// Number of threads: as given, or all cores.
pub fn threads(given: Option<usize>) -> usize {
    given.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, std::num::NonZero::get)).max(1)
}

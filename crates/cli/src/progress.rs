//! Progress on a terminal: one bar a stage with rate and time left; nothing in a pipe. For a program that watches, lines in a file.

use std::fs::File;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use buttress::optim::assess::Progress;
use indicatif::{ProgressBar, ProgressStyle};

/// Bars on standard error.
pub struct Bars {
    bar: Mutex<Option<ProgressBar>>,
    shown: bool,
}

impl Bars {
    /// Shown only where standard error is a terminal.
    pub fn new() -> Self {
        Bars { bar: Mutex::new(None), shown: std::io::stderr().is_terminal() }
    }
}

impl Progress for Bars {
    fn stage(&self, name: &str, n: usize) {
        if !self.shown {
            return;
        }
        let bar = ProgressBar::new(n as u64);
        if let Ok(style) = ProgressStyle::with_template("{msg:28} {bar:30} {pos}/{len} {per_sec} {eta} left") {
            bar.set_style(style);
        }
        bar.set_message(name.to_owned());
        if let Ok(mut slot) = self.bar.lock()
            && let Some(old) = slot.replace(bar)
        {
            old.finish();
        }
    }

    fn step(&self) {
        if self.shown
            && let Ok(slot) = self.bar.lock()
            && let Some(bar) = slot.as_ref()
        {
            bar.inc(1);
        }
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        if let Ok(slot) = self.bar.lock()
            && let Some(bar) = slot.as_ref()
        {
            bar.finish();
        }
    }
}

/// Shortest time between two lines of one stage.
const BETWEEN: Duration = Duration::from_millis(100);

/// Lines of JSON added to a file: stage, done, of.
pub struct Lines(Mutex<Written>);

struct Written {
    file: File,
    stage: String,
    done: usize,
    of: usize,
    last: Instant,
}

impl Written {
    /// Each line is written at once and whole. Who no longer reads does not keep the work from its end.
    fn line(&mut self) {
        let line = serde_json::json!({ "stage": self.stage, "done": self.done, "of": self.of });
        let _ = self.file.write_all(format!("{line}\n").as_bytes());
        self.last = Instant::now();
    }
}

impl Lines {
    /// Lines at the end of a file, made where it is missing.
    pub fn new(path: &Path) -> Result<Lines, String> {
        let file = File::options().append(true).create(true).open(path);
        let file = file.map_err(|e| format!("{}: {e}; give a file that can be written with --progress-json", path.display()))?;
        Ok(Lines(Mutex::new(Written { file, stage: String::new(), done: 0, of: 0, last: Instant::now() })))
    }
}

impl Progress for Lines {
    fn stage(&self, name: &str, n: usize) {
        let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (written.stage, written.done, written.of) = (name.to_owned(), 0, n);
        written.line();
    }

    fn step(&self) {
        let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        written.done += 1;
        if written.done >= written.of || written.last.elapsed() >= BETWEEN {
            written.line();
        }
    }
}

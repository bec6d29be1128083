//! Progress on a terminal: one bar a stage with rate and time left; nothing in a pipe.

use std::io::IsTerminal;
use std::sync::Mutex;

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

//! The terminal door: flags to meaning, one call, one print.

mod args;
mod exchange;
mod exchange_args;
mod power;
mod power_args;
mod print;
mod progress;
mod share_background;
mod share_content_args;
mod share_lesson;
mod share_publish;
mod share_replay;
mod verbs;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = args::Cli::parse();
    match verbs::run(&cli) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            print::warn(&format!("error: {error}"));
            ExitCode::from(2)
        }
    }
}

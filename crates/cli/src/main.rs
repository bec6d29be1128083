//! The terminal door: flags to meaning, one call, one print.

mod access;
mod access_args;
mod args;
mod exchange;
mod exchange_args;
mod incident;
mod incident_args;
mod moment;
mod node_look;
mod power;
mod power_args;
mod print;
mod progress;
mod share;
mod share_args;
mod share_background;
mod share_content_args;
mod share_lesson;
mod share_publish;
mod share_replay;
mod verbs;
mod warn;
mod warn_args;

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

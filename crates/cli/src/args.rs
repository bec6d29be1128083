//! What can be typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Models Europe's critical infrastructure with its interdependencies: what is there, what threatens it, where it is weak, what to do.
///
/// Works offline on the embedded case of Europe, or on a case folder of your own. Exit codes: 0 done; 1 done with findings or
/// without an answer; 2 could not run.
#[derive(Debug, Parser)]
#[command(name = "buttress", version, propagate_version = true, after_help = "Start with: buttress assess")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// The case and how to print.
#[derive(Debug, Args)]
pub struct Look {
    /// Case folder; the embedded Europe when left out.
    #[arg(long, value_name = "DIR")]
    pub case: Option<PathBuf>,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub json: bool,
}

/// The case, the study and how to print.
#[derive(Debug, Args)]
pub struct Common {
    #[command(flatten)]
    pub look: Look,
    /// Study file (TOML); the default study when left out.
    #[arg(long, value_name = "FILE")]
    pub study: Option<PathBuf>,
}

/// What a scenario is made of.
#[derive(Debug, Args)]
pub struct ScenarioArgs {
    /// Scenario file (TOML).
    #[arg(value_name = "SCENARIO.toml")]
    pub scenario: Option<PathBuf>,
    /// Assets to take out: KEY[@FROM..TO],... in hours; without hours from the start until repaired.
    #[arg(long, value_name = "KEY[@FROM..TO],...")]
    pub take_out: Option<String>,
    /// A threat of the case's catalogue.
    #[arg(long, value_name = "THREAT")]
    pub threat: Option<String>,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Check a case: every finding with file, row, field, rule and what to do.
    Check {
        /// Case folder; the embedded Europe when left out.
        dir: Option<PathBuf>,
        /// Print one JSON object instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Show what a case holds: counts, provenance, totals against published ones, sources and licences.
    Case {
        #[command(flatten)]
        look: Look,
        /// List every source with its licence.
        #[arg(long)]
        sources: bool,
    },
    /// Find assets by key, name, operator or place.
    Find {
        /// Text to look for.
        text: String,
        #[command(flatten)]
        look: Look,
        /// Rows to print.
        #[arg(long, default_value_t = 30)]
        limit: usize,
    },
    /// Run one scenario: what happens, the five numbers, per zone and service, by hour.
    Run {
        #[command(flatten)]
        scenario: ScenarioArgs,
        #[command(flatten)]
        common: Common,
    },
    /// Rank assets by what their single loss costs.
    Rank {
        #[command(flatten)]
        common: Common,
        /// Rows to print.
        #[arg(long, default_value_t = 20)]
        limit: usize,
        /// Threads; all cores when left out.
        #[arg(long)]
        threads: Option<usize>,
    },
    /// Say why an asset fails: its own loss and what it takes down, or the path that leads to it in a scenario.
    Why {
        /// Asset key.
        asset: String,
        /// In the scenario where these assets are taken out.
        #[arg(long, value_name = "KEY[@FROM..TO],...")]
        take_out: Option<String>,
        /// In this threat of the catalogue.
        #[arg(long, value_name = "THREAT")]
        threat: Option<String>,
        /// In this scenario file.
        #[arg(long, value_name = "FILE")]
        scenario: Option<PathBuf>,
        #[command(flatten)]
        common: Common,
    },
    /// Compare two assessments (assessment.json): what got worse, what better.
    Diff {
        /// First assessment.json.
        before: PathBuf,
        /// Second assessment.json.
        after: PathBuf,
        /// Print one JSON object instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Make the whole assessment and write the report.
    Assess {
        /// Case folder; the embedded Europe when left out.
        case: Option<PathBuf>,
        /// Study file (TOML); the default study when left out.
        #[arg(long, value_name = "FILE")]
        study: Option<PathBuf>,
        /// Folder for the report, JSON and tables.
        #[arg(long, value_name = "DIR", default_value = "report")]
        out: PathBuf,
        /// Budget of the portfolio of measures, million euro.
        #[arg(long, value_name = "MEUR", default_value_t = 1000.0)]
        budget: f64,
        /// Threads; all cores when left out. The answer does not depend on it.
        #[arg(long)]
        threads: Option<usize>,
        /// Marking on the report.
        #[arg(long, default_value = "TLP:CLEAR", value_parser = ["TLP:CLEAR", "TLP:GREEN", "TLP:AMBER", "TLP:AMBER+STRICT", "TLP:RED"])]
        marking: String,
        /// Print the assessment as one JSON object instead of the summary.
        #[arg(long)]
        json: bool,
    },
    /// Power networks of others: flow, dispatch, shedding, outages, cascades, adequacy.
    Power {
        #[command(subcommand)]
        verb: crate::power_args::PowerVerb,
    },
    /// Serve a node of the exchange: TAXII 2.1 over TLS.
    Serve(crate::exchange_args::Serve),
    /// Set a node up: roots, collections, accounts.
    Node {
        #[command(subcommand)]
        verb: crate::exchange_args::NodeVerb,
    },
    /// Share with partners: assessments, lessons, threat background.
    Share {
        #[command(subcommand)]
        verb: crate::share_content_args::ShareContent,
    },
    /// Print shell completions.
    Completions {
        /// Shell.
        shell: clap_complete::Shell,
    },
}

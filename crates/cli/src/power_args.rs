//! What can be typed after `buttress power`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// The network and how to print.
#[derive(Debug, Args)]
pub struct Network {
    /// MATPOWER case (.m), PyPSA CSV folder or GridKit CSV folder.
    pub file: PathBuf,
    /// Branches to switch out first, by row of the source's branch table, counted from 1.
    #[arg(long, value_name = "ROW,...", value_delimiter = ',', value_parser = row)]
    pub out: Vec<usize>,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub json: bool,
    /// Draw the network with what was found on it as a map (SVG); the source must have coordinates.
    #[arg(long, value_name = "FILE.svg")]
    pub map: Option<PathBuf>,
    /// Rows of a table to print.
    #[arg(long, default_value_t = 20)]
    pub limit: usize,
    /// Threads; all cores when left out. The answer does not depend on it.
    #[arg(long)]
    pub threads: Option<usize>,
}

/// A row as typed.
fn row(text: &str) -> Result<usize, String> {
    text.trim().parse().ok().filter(|r| *r > 0).ok_or_else(|| "a row is a whole number from 1".to_owned())
}

/// A share as typed.
fn share(text: &str) -> Result<f64, String> {
    text.trim().parse().ok().filter(|x: &f64| (0.0..=1.0).contains(x)).ok_or_else(|| "give a share from 0 to 1".to_owned())
}

/// A positive power as typed.
fn megawatts(text: &str) -> Result<f64, String> {
    text.trim().parse().ok().filter(|p: &f64| p.is_finite() && *p > 0.0).ok_or_else(|| "give a number of MW above 0".to_owned())
}

/// Where Newton's method starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StartArg {
    /// Angles of the direct-current model, set points of voltage.
    Dc,
    /// Equal angles, set points of voltage.
    Flat,
    /// Voltages of the source.
    Case,
}

/// How a network is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One MATPOWER case file.
    Matpower,
    /// A PyPSA CSV folder.
    Pypsa,
    /// A Buttress case folder, with provenance.
    Case,
}

/// The verbs of the power engine.
#[derive(Debug, Subcommand)]
pub enum PowerVerb {
    /// Power flow: voltages and flows, by Newton's method or in the direct-current model.
    Flow {
        #[command(flatten)]
        network: Network,
        /// Direct-current model: b = 1/(x tap), phase shifts, no losses.
        #[arg(long)]
        dc: bool,
        /// Where Newton's method starts.
        #[arg(long, value_enum, default_value = "dc", conflicts_with = "dc")]
        start: StartArg,
        /// Hold generators at their reactive limits.
        #[arg(long, conflicts_with = "dc")]
        reactive_limits: bool,
    },
    /// Least-cost dispatch in the direct-current model: b = x/(r² + x²), ratings and angle limits.
    Opf {
        #[command(flatten)]
        network: Network,
        /// Hold the dispatch to what no single outage overloads beyond the short-term ratings.
        #[arg(long)]
        secure: bool,
    },
    /// Least load shed under ratings, generators free between 0 and their maximum.
    Shed {
        #[command(flatten)]
        network: Network,
    },
    /// Every single branch outage, exact.
    N1 {
        #[command(flatten)]
        network: Network,
        /// Full alternating-current solution of each outage.
        #[arg(long)]
        ac: bool,
        /// What each outage asks of the operator, from the cheapest dispatch: generation moved within ramps, tripped, load shed.
        #[arg(long, conflicts_with = "ac")]
        redispatch: bool,
        /// With `--redispatch`: every second outage after this one has been corrected (N-1-1).
        #[arg(long, value_name = "ROW", requires = "redispatch", value_parser = row)]
        after: Option<usize>,
        /// With `--redispatch`: share of its largest output by which a generator may move.
        #[arg(long, value_name = "SHARE", default_value_t = 0.1, value_parser = share)]
        ramp: f64,
    },
    /// Every pair of branch outages in the direct-current model, exact.
    N2 {
        #[command(flatten)]
        network: Network,
    },
    /// Overload cascade from the branches switched out, or from sampled starts.
    Cascade {
        #[command(flatten)]
        network: Network,
        /// Options (TOML): thermal inertia, protection, governors, shedding steps; the plain rule when left out.
        #[arg(long, value_name = "FILE")]
        options: Option<PathBuf>,
        /// Number of sampled starts of two branches instead of `--out`.
        #[arg(long, value_name = "N", conflicts_with = "out", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
        samples: Option<u32>,
        /// Seed of the samples and of hidden failures.
        #[arg(long)]
        seed: Option<u64>,
    },
    /// Loss of load expectation and expected energy not served of the network's generators.
    Adequacy {
        #[command(flatten)]
        network: Network,
        /// Forced outage rates (CSV with `generator_row` and `forced_outage_rate`).
        #[arg(long, value_name = "FILE")]
        rates: Option<PathBuf>,
        /// Hourly load (CSV with `load_mw`), one row an hour; the shape of the Reliability Test System when left out.
        #[arg(long, value_name = "FILE")]
        load: Option<PathBuf>,
        /// Annual peak, MW; the network's demand when left out.
        #[arg(long, value_name = "MW", value_parser = megawatts)]
        peak: Option<f64>,
        /// Sampled years besides the convolution.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=10_000_000))]
        samples: Option<u32>,
        /// Seed of the samples.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Read a network and write it in another format.
    Convert {
        #[command(flatten)]
        network: Network,
        /// Format to write.
        #[arg(long, value_enum)]
        to: Format,
        /// File (MATPOWER) or folder to write.
        #[arg(long, value_name = "PATH")]
        write: PathBuf,
    },
}

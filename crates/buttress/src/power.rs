//! The power engine's verbs: read a network, ask one question, hand back the engine's answer.

use std::path::Path;

use buttress_engine::ending::Ending;
use buttress_engine::power::ac::{Analysed, Options, Solution};
use buttress_engine::power::ac_n1::{OutageStudy, ac_outages};
use buttress_engine::power::adequacy::{self, Adequacy, OutageTable, Sampled, Unit};
use buttress_engine::power::dc::{Convention, DcModel};
use buttress_engine::power::factors::Factors;
use buttress_engine::power::n1::{Screening, screen_singles};
use buttress_engine::power::n2::screen_pairs;
use buttress_engine::power::opf::{OptimalFlow, optimal_flow};
use buttress_engine::power::overload::influence::{Ensemble, START_SIZE, generations, random_starts};
use buttress_engine::power::overload::timed::{Outcome, Settings, Timed};
use buttress_engine::power::overload::{Cascade, LEAST_MARGIN, Plain};
use buttress_engine::power::redispatch::{Correction, Dispatch, Operation, Rating, Secured, corrective, preventive, second_losses};
use buttress_engine::power::shed::{Shed, least_shed};
use buttress_model::network::BusKind;
use buttress_model::{Finding, PowerNetwork, Weight};

use crate::Error;

/// Reads a network that must be free of errors; warnings come with it.
pub fn load(path: &Path) -> Result<(PowerNetwork, Vec<Finding>), Error> {
    let (network, findings) = buttress_io::power_formats::read_power(path)?;
    match network {
        Some(network) => Ok((network, findings)),
        None => Err(Error::Network(findings.into_iter().filter(|f| f.weight == Weight::Error).collect())),
    }
}

/// The network with branch rows, counted from 1, switched out.
pub fn without(network: &PowerNetwork, rows: &[usize]) -> Result<PowerNetwork, Error> {
    network.without_branches(rows).map_err(|row| Error::NoSuchBranch { row, n: network.branches.len() })
}

/// Power flow by Newton's method.
pub fn ac_flow(network: &PowerNetwork, options: &Options) -> Solution {
    let analysed = Analysed::new(network);
    analysed.solve(network, options, &mut analysed.workspace())
}

/// Power flow in the direct-current model.
pub fn dc_flow(network: &PowerNetwork) -> Result<Factors, Ending> {
    Factors::new(&DcModel::new(network, Convention::Matpower))
}

/// Least-cost dispatch.
pub fn opf(network: &PowerNetwork) -> OptimalFlow {
    optimal_flow(network, Convention::PowerModels)
}

/// Rounds of constraint generation of a secure dispatch.
const SECURE_ROUNDS: usize = 50;

fn operation(ramp_share: f64, threads: usize) -> Operation {
    Operation { convention: Convention::PowerModels, rating: Rating::ShortTerm, ramp_share, max_rounds: SECURE_ROUNDS, threads }
}

/// The cheapest dispatch under which no single loss overloads a branch beyond its short-term rating.
pub fn secure(network: &PowerNetwork, threads: usize) -> Secured {
    preventive(network, &operation(0.0, threads))
}

fn cheapest(network: &PowerNetwork) -> Result<Dispatch, Ending> {
    let flow = opf(network);
    if flow.ending != Ending::Solved {
        return Err(flow.ending);
    }
    Ok(Dispatch { p_mw: flow.p_mw, dc_line_mw: flow.dc_line_mw, bus_shed_mw: vec![0.0; network.buses.len()] })
}

/// What each single loss asks of the operator, from the cheapest dispatch; generators move by `ramp_share` of their largest output.
pub fn corrections(network: &PowerNetwork, ramp_share: f64, threads: usize) -> Result<Vec<Correction>, Ending> {
    corrective(network, &operation(ramp_share, threads), &cheapest(network)?)
}

/// What every second loss asks after a first loss (row counted from 1) has been corrected: the correction of the first, then those.
pub fn corrections_after(
    network: &PowerNetwork,
    row: usize,
    ramp_share: f64,
    threads: usize,
) -> Result<Result<(Correction, Vec<Correction>), Ending>, Error> {
    without(network, &[row])?;
    let answer = cheapest(network).and_then(|d| second_losses(network, &operation(ramp_share, threads), &d, &[row - 1]));
    Ok(answer.and_then(|mut all| all.pop().ok_or(Ending::Infeasible)))
}

/// Least load shed.
pub fn shed(network: &PowerNetwork, convention: Convention) -> Shed {
    least_shed(network, convention)
}

/// Every single outage in the direct-current model.
pub fn n1(network: &PowerNetwork, keep: usize, threads: usize) -> Result<Screening, Ending> {
    let factors = dc_flow(network)?;
    Ok(buttress_engine::batch::on_threads(threads, || screen_singles(&factors, keep)).screening)
}

/// Every pair of outages in the direct-current model.
pub fn n2(network: &PowerNetwork, keep: usize, threads: usize) -> Result<Screening, Ending> {
    let factors = dc_flow(network)?;
    Ok(buttress_engine::batch::on_threads(threads, || screen_pairs(&factors, keep)))
}

/// Every single outage, each solved in full.
pub fn ac_n1(network: &PowerNetwork, options: &Options, threads: usize) -> OutageStudy {
    buttress_engine::batch::on_threads(threads, || ac_outages(network, options))
}

/// Trips of a timed cascade closer than this are of one generation, s.
const GENERATION_S: f64 = 60.0;
/// Width of a step of the outage table, MW.
const ADEQUACY_STEP_MW: f64 = 1.0;

/// What one cascade by the plain rule comes to.
pub struct PlainCascade {
    /// Its end.
    pub cascade: Cascade,
    /// Branches by round.
    pub tripped: Vec<(u32, u32)>,
    /// Load served with nothing lost, MW.
    pub load_mw: f64,
}

/// An overload cascade by the plain rule, from branch rows counted from 1.
pub fn cascade(network: &PowerNetwork, rows: &[usize]) -> Result<Result<PlainCascade, Ending>, Error> {
    without(network, rows)?;
    let plain = match Plain::new(&DcModel::without_shifts(network), LEAST_MARGIN) {
        Ok(plain) => plain,
        Err(ending) => return Ok(Err(ending)),
    };
    let mut work = plain.work();
    let load_mw = plain.load_mw();
    let cascade = plain.run(&mut work, &indices(rows));
    Ok(Ok(PlainCascade { cascade, tripped: work.tripped, load_mw }))
}

/// Cascades by the plain rule from `n` sampled starts of two branches.
pub fn cascades(network: &PowerNetwork, n: usize, seed: u64, threads: usize) -> Result<Ensemble, Ending> {
    let plain = Plain::new(&DcModel::without_shifts(network), LEAST_MARGIN)?;
    Ok(plain.sampled(&in_service(network), n, seed, threads))
}

/// Branches by index, each once, of rows counted from 1.
fn indices(rows: &[usize]) -> Vec<u32> {
    rows.iter().map(|r| *r as u32 - 1).collect::<std::collections::BTreeSet<u32>>().into_iter().collect()
}

fn in_service(network: &PowerNetwork) -> Vec<u32> {
    (0..network.branches.len() as u32).filter(|&k| network.branches[k as usize].in_service).collect()
}

/// Reads the options of a cascade in time.
pub fn cascade_study(path: &Path) -> Result<buttress_io::power_study::CascadeStudy, Error> {
    Ok(buttress_io::power_study::cascade(&path.display().to_string(), &crate::read_text(path, "the options of a cascade (TOML)")?)?)
}

/// An overload cascade in time, from branch rows counted from 1.
pub fn timed_cascade(network: &PowerNetwork, settings: Settings, rows: &[usize], seed: u64) -> Result<Result<Outcome, Ending>, Error> {
    without(network, rows)?;
    Ok(Timed::new(network, &DcModel::without_shifts(network), settings).map(|t| t.run(&indices(rows), seed)))
}

/// Cascades in time from `n` sampled starts of two branches.
pub fn timed_cascades(network: &PowerNetwork, settings: Settings, n: usize, seed: u64, threads: usize) -> Result<Ensemble, Ending> {
    let timed = Timed::new(network, &DcModel::without_shifts(network), settings)?;
    let runs = timed.ensemble(&random_starts(&in_service(network), START_SIZE, n, seed), seed, threads);
    let tripped: Vec<Vec<(u32, u32)>> = runs.iter().map(|r| generations(r, GENERATION_S)).collect();
    Ok(Ensemble::new(network.branches.len(), runs.iter().map(|r| r.lost_mw).collect(), &tripped))
}

/// What adequacy is asked about.
pub struct AdequacyQuestion<'a> {
    /// File of forced outage rates; the rates of the Reliability Test System by size when left out.
    pub rates: Option<&'a Path>,
    /// File of hourly load; the shape of the Reliability Test System when left out.
    pub load: Option<&'a Path>,
    /// Annual peak, MW; the demand of the network when left out. Scales the shape, or the file's load to this peak.
    pub peak_mw: Option<f64>,
    /// Samples besides the convolution.
    pub n_samples: Option<usize>,
    /// Seed of the samples.
    pub seed: u64,
    /// Threads.
    pub threads: usize,
}

/// Demand of the buses in service, MW; injections are not counted.
pub fn demand_mw(network: &PowerNetwork) -> f64 {
    network.buses.iter().filter(|b| b.kind != BusKind::Isolated).map(|b| b.pd_mw.max(0.0)).sum()
}

/// What adequacy came to.
pub struct AdequacyAnswer {
    /// By convolution.
    pub exact: Adequacy,
    /// By sampling, where asked.
    pub sampled: Option<Sampled>,
    /// Hours of the load curve.
    pub n_hours: usize,
}

/// Adequacy of the generators of a network.
pub fn adequacy(network: &PowerNetwork, q: &AdequacyQuestion) -> Result<Result<AdequacyAnswer, Ending>, Error> {
    let mut rate: Vec<f64> = network.generators.iter().map(|g| adequacy::rts79_rate(g.p_max_mw)).collect();
    if let Some(path) = q.rates {
        let file = path.display().to_string();
        for (row, r) in
            buttress_io::power_study::forced_outage_rates(&file, &crate::read_text(path, "a table of forced outage rates (CSV)")?)?
        {
            *rate.get_mut(row - 1).ok_or(Error::NoSuchGenerator { row, n: network.generators.len() })? = r;
        }
    }
    let running = network.generators.iter().zip(&rate).filter(|(g, _)| g.in_service && g.p_max_mw > 0.0);
    let units: Vec<Unit> = running.map(|(g, &r)| Unit { p_max_mw: g.p_max_mw, forced_outage_rate: r }).collect();
    let load_mw: Vec<f64> = match q.load {
        Some(path) => {
            let load = buttress_io::power_study::hourly_load(
                &path.display().to_string(),
                &crate::read_text(path, "a table of hourly load (CSV)")?,
            )?;
            let peak = load.iter().fold(0.0_f64, |m, x| m.max(*x));
            let scale = q.peak_mw.filter(|_| peak > 0.0).map_or(1.0, |p| p / peak);
            load.iter().map(|x| x * scale).collect()
        }
        None => adequacy::rts79_load_shape().iter().map(|x| x * q.peak_mw.unwrap_or_else(|| demand_mw(network))).collect(),
    };
    let answer = OutageTable::new(&units, ADEQUACY_STEP_MW).and_then(|t| t.adequacy(&load_mw));
    let sampled = q.n_samples.map(|n| adequacy::sample(&units, &load_mw, n, q.seed, q.threads)).transpose();
    Ok(answer.and_then(|exact| sampled.map(|sampled| AdequacyAnswer { exact, sampled, n_hours: load_mw.len() })))
}

/// Writes a file.
pub fn write_file(path: &Path, text: &str) -> Result<(), Error> {
    std::fs::write(path, text).map_err(|why| Error::File { path: path.into(), why })
}

/// Writes the files of a folder; returns the findings that came with them.
pub fn write_folder(path: &Path, (files, findings): (Vec<(String, String)>, Vec<Finding>)) -> Result<Vec<Finding>, Error> {
    std::fs::create_dir_all(path).map_err(|why| Error::File { path: path.into(), why })?;
    for (name, text) in files {
        write_file(&path.join(name), &text)?;
    }
    Ok(findings)
}

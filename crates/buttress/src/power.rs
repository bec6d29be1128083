//! The power engine's verbs: read a network, ask one question, hand back the engine's answer.

use std::path::Path;

use buttress_engine::ending::Ending;
use buttress_engine::power::ac::{Analysed, Options, Solution};
use buttress_engine::power::ac_n1::{OutageStudy, ac_outages};
use buttress_engine::power::dc::{Convention, DcModel};
use buttress_engine::power::factors::Factors;
use buttress_engine::power::n1::{Screening, screen_singles};
use buttress_engine::power::n2::screen_pairs;
use buttress_engine::power::opf::{OptimalFlow, optimal_flow};
use buttress_engine::power::shed::{Shed, least_shed};
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

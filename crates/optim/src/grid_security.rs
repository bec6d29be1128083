//! How secure the grid is in its base dispatch: every single and every double line outage, cascades of overloads from sampled
//! double outages, and for the worst outages what two views of the same event cost: the operator acts in time, or protection
//! acts first.

use buttress_engine::batch::{map, on_threads};
use buttress_engine::compile::World;
use buttress_engine::ending::Ending;
use buttress_engine::power::BASE_MVA;
use buttress_engine::power::factors::Factors;
use buttress_engine::power::n1::{Screening, Worst, screen_singles};
use buttress_engine::power::n2::screen_pairs;
use buttress_engine::power::overload::influence::Ensemble;
use buttress_engine::power::overload::{LEAST_MARGIN, Plain};
use buttress_model::{Balance, StudyPoint};

/// Sampled cascades.
const N_CASCADES: usize = 10_000;
/// Worst outages that are shown and compared.
const N_WORST: usize = 10;
/// Critical lines shown.
const N_CRITICAL: usize = 20;

/// One outage seen in two ways.
#[derive(Debug, Clone, PartialEq)]
pub struct TwoViews {
    /// Lines lost, and the line that is then loaded most.
    pub worst: Worst,
    /// Load shed when the operator acts in time, MW.
    pub operator_mw: f64,
    /// Load lost when protection acts first, MW.
    pub protection_mw: f64,
}

/// Security of the grid. Lines are rows of the case's lines.
#[derive(Debug, Clone, PartialEq)]
pub struct GridSecurity {
    /// Study point of the base dispatch.
    pub point: StudyPoint,
    /// Every single outage.
    pub n1: Screening,
    /// Every pair of outages.
    pub n2: Screening,
    /// The worst single outages, then the worst pairs.
    pub worst: Vec<TwoViews>,
    /// Cascades from sampled pairs, protection first.
    pub cascades: Ensemble,
}

/// Screens the grid of a world; `Err` says why it cannot be, `None` that there is none to screen.
pub fn grid_security(world: &World, threads: usize) -> Option<Result<GridSecurity, Ending>> {
    let grid = &world.power.grid;
    if world.study.balance == Balance::Component || grid.lines.is_empty() {
        return None;
    }
    Some(screen(world, threads))
}

fn screen(world: &World, threads: usize) -> Result<GridSecurity, Ending> {
    let (grid, base, state) = (&world.power.grid, &world.power.base, &world.power.state);
    let model = grid.dc_model(base, state);
    let factors = Factors::new(&model)?;
    let (n1, n2) = on_threads(threads, || (screen_singles(&factors, N_WORST).screening, screen_pairs(&factors, N_WORST)));
    let plain = Plain::new(&model, LEAST_MARGIN)?;
    let intact = plain.load_mw();
    let outages: Vec<&Worst> = n1.worst.iter().chain(&n2.worst).collect();
    let worst = map(outages.len(), threads, |i| {
        let lost = &outages[i].outages;
        let mut after = state.clone();
        lost.iter().for_each(|&k| after.line[k as usize] = 0.0);
        let flow = grid.solve(base, &after, world.study.sharing);
        let shed =
            |(load, served): (&buttress_engine::power::GridLoad, &f64)| load.p[base.point] * state.demand[load.zone] * (1.0 - served);
        TwoViews {
            worst: outages[i].clone(),
            operator_mw: grid.loads.iter().zip(&flow.served).map(shed).sum::<f64>() * BASE_MVA,
            protection_mw: intact - plain.run(&mut plain.work(), lost).served_mw,
        }
    });
    let in_service: Vec<u32> = (0..grid.lines.len() as u32).filter(|&k| model.b[k as usize] != 0.0).collect();
    let mut cascades = plain.sampled(&in_service, N_CASCADES, world.study.seed, threads);
    cascades.critical.truncate(N_CRITICAL);
    Ok(GridSecurity { point: world.study.point, n1, n2, worst, cascades })
}

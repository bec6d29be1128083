//! The assessment, as a table of contents.

use buttress_engine::batch::{Job, run_all};
use buttress_engine::cascade::{Base, Keep, damages};
use buttress_engine::compile::{Part, World};
use buttress_engine::outcome::Outcome;
use buttress_engine::power::BASE_MVA;
use buttress_model::tables::{MeasureEffect, ThreatEffect};
use buttress_model::{Action, Case, Change, Level, Selector, Study, StudyPoint};

use crate::answer::{Assessment, AssetLoss, FactRow, PointCheck, Summary, ThreatResult};
use crate::grid_security::grid_security;
use crate::{concentration, explain, measures, reach, second_hit};

/// Assets that also get mild and severe runs and a reason.
pub const N_TOP: usize = 50;
/// EU members that make an asset or a loss significant.
pub const SIGNIFICANT_MEMBERS: usize = 6;

/// What the caller chooses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// Budget of the portfolio, MEUR.
    pub budget_meur: Option<f64>,
    /// Threads.
    pub threads: usize,
}

/// Told how far the work is; called from any thread.
pub trait Progress: Sync {
    /// A stage of `n` steps begins.
    fn stage(&self, name: &str, n: usize);
    /// One step is done.
    fn step(&self);
}

/// No progress shown.
pub struct Silent;

impl Progress for Silent {
    fn stage(&self, _: &str, _: usize) {}
    fn step(&self) {}
}

/// Reads the changes of a row of effects.
fn change(action: &str, select: &str, value: Option<f64>, from_h: f64, to: [Option<f64>; 3]) -> Option<Change> {
    let to_h = match to {
        [Some(l), Some(c), Some(h)] => Some([l, c, h]),
        [_, Some(c), _] => Some([to[0].unwrap_or(c), c, to[2].unwrap_or(c)]),
        _ => None,
    };
    Some(Change { action: Action::parse(action)?, select: Selector::parse(select).ok()?, value: value.unwrap_or(1.0), from_h, to_h })
}

/// Changes that a threat makes.
pub fn threat_changes(case: &Case, key: &str) -> Vec<Change> {
    let read = |e: &ThreatEffect| change(&e.action, &e.select, e.value, e.from_h, [e.to_low_h, e.to_central_h, e.to_high_h]);
    case.tables().threat_effects.iter().filter(|e| e.owner == key).filter_map(read).collect()
}

/// Changes that a measure makes.
pub fn measure_changes(case: &Case, key: &str) -> Vec<Change> {
    let read = |e: &MeasureEffect| change(&e.action, &e.select, e.value, e.from_h, [e.to_low_h, e.to_central_h, e.to_high_h]);
    case.tables().measure_effects.iter().filter(|e| e.owner == key).filter_map(read).collect()
}

/// Everything the questions share.
pub(crate) struct Desk<'a, 'c> {
    pub case: &'c Case,
    pub world: World<'c>,
    pub base: Base,
    pub zones: Vec<String>,
    pub threads: usize,
    pub progress: &'a dyn Progress,
}

impl Desk<'_, '_> {
    /// Zones where an asset's damage lies.
    pub(crate) fn home(&self, asset: u32) -> Vec<usize> {
        let a = self.world.asset(asset);
        let mut home: Vec<usize> = [&a.zone, &a.zone_to].into_iter().filter_map(|k| self.zones.iter().position(|z| z == k)).collect();
        home.sort_unstable();
        home.dedup();
        home
    }

    /// Zones where a list of changes does damage.
    pub(crate) fn home_of(&self, world: &World, changes: &[Change]) -> Vec<usize> {
        let mut home: Vec<usize> = damages(world, changes).iter().flat_map(|d| self.home(d.0)).collect();
        home.sort_unstable();
        home.dedup();
        home
    }

    pub(crate) fn summary(&self, out: &Outcome, home: &[usize]) -> Summary {
        Summary::new(out, &self.zones, home)
    }

    /// Runs jobs in the world at a level; reduces each outcome.
    pub(crate) fn runs<T: Send>(&self, world: &World, jobs: &[Job], keep: Keep, reduce: impl Fn(usize, Outcome) -> T + Sync) -> Vec<T> {
        run_all(world, &self.base, jobs, keep, self.threads, &|| self.progress.step(), reduce)
    }

    pub(crate) fn single(&self, asset: u32) -> Job {
        Job { changes: vec![Change::take_out(&self.world.asset(asset).key)], seed: self.world.study.seed }
    }
}

/// Makes a whole assessment.
pub fn assess(case: &Case, study: &Study, options: &Options, progress: &dyn Progress) -> Assessment {
    progress.stage("base case", 2);
    let world = World::compile(case, study, &[]);
    let base = Base::new(&world);
    progress.step();
    let zones = world.zones.iter().map(|z| z.key.clone()).collect();
    let desk = Desk { case, world, base, zones, threads: options.threads, progress };
    let other = other_point(&desk);
    let points = vec![point_check(&desk.world, &desk.base), point_check(&other.world, &other.base)];
    progress.step();

    let live: Vec<u32> = (0..case.assets().len() as u32).filter(|&i| desk.world.settings.in_service[i as usize]).collect();
    progress.stage("single losses, winter peak", live.len());
    let mut losses = sweep(&desk, &live);
    let n_harmless = live.len() - losses.len();
    // Only electricity differs between the study points, so the second sweep covers its assets.
    let electric: Vec<u32> = live
        .iter()
        .copied()
        .filter(|&i| matches!(desk.world.parts[i as usize], Part::Bus(_) | Part::Line(_) | Part::Hvdc(_) | Part::Plant(_)))
        .collect();
    progress.stage("single losses, summer night", electric.len());
    let mut summer: Vec<(u32, f64, f64)> =
        sweep(&other, &electric).into_iter().map(|l| (l.asset, l.central.people_hours, l.central.euro[1])).collect();
    summer.truncate(N_TOP);
    progress.stage("ranges of the worst", 2 * N_TOP.min(losses.len()));
    ranges(&desk, &mut losses);
    progress.stage("threats", 3 * case.tables().threats.len());
    let threats = run_threats(&desk);
    let quiet = second_hit::second_hits(&desk, &mut losses, &live);
    progress.stage("outages of lines", 1);
    let grid = grid_security(&desk.world, options.threads);
    progress.step();
    let (weaknesses, measured, portfolio, measure_runs) = measures::measures(&desk, &losses, &threats, options.budget_meur);
    let n_runs = live.len() + electric.len() + 2 * N_TOP.min(losses.len()) + 3 * threats.len() + measure_runs;
    let (matrix_zones, matrix) = matrix(&desk, &losses);
    let out_of_service = case.assets().len() - live.len();
    Assessment {
        case: [case.key().into(), case.title().into(), case.version().into(), case.digest().into()],
        study: study.clone(),
        base: points,
        base_gas_unserved_gwh: gas_unserved(&desk),
        facts: facts(case),
        n_assets: case.assets().len(),
        skipped: if out_of_service > 0 { vec![("out of service in the base case".into(), out_of_service)] } else { Vec::new() },
        n_harmless,
        summer,
        quiet,
        significant: reach::significant(&desk),
        blueprint: blueprint(&desk, &losses, &threats),
        matrix_zones,
        matrix,
        concentration: concentration::concentration(&desk),
        weaknesses,
        measures: measured,
        portfolio,
        grid,
        synthetic_share: synthetic_share(case, &losses),
        unattached: desk.world.unattached.iter().map(|(&rule, &n)| (case.tables().dependencies[rule as usize].key.clone(), n)).collect(),
        losses,
        threats,
        n_runs,
    }
}

/// Only the single losses, worst first.
pub fn rank(case: &Case, study: &Study, threads: usize, progress: &dyn Progress) -> Vec<AssetLoss> {
    let world = World::compile(case, study, &[]);
    let base = Base::new(&world);
    let zones = world.zones.iter().map(|z| z.key.clone()).collect();
    let desk = Desk { case, world, base, zones, threads, progress };
    let live: Vec<u32> = (0..case.assets().len() as u32).filter(|&i| desk.world.settings.in_service[i as usize]).collect();
    progress.stage("single losses", live.len());
    sweep(&desk, &live)
}

/// The same desk at the other study point.
fn other_point<'a, 'c>(desk: &Desk<'a, 'c>) -> Desk<'a, 'c> {
    let point = if desk.world.study.point == StudyPoint::WinterPeak { StudyPoint::SummerNight } else { StudyPoint::WinterPeak };
    let world = desk.world.at_point(point);
    let base = Base::new(&world);
    Desk { case: desk.case, base, zones: desk.zones.clone(), threads: desk.threads, progress: desk.progress, world }
}

fn point_check(world: &World, base: &Base) -> PointCheck {
    let grid = &world.power.grid;
    let point = world.study.point as usize;
    let mut unserved = vec![0.0; world.zones.len()];
    for (load, served) in grid.loads.iter().zip(&base.power.served) {
        unserved[load.zone] += load.p[point] * (1.0 - served) * BASE_MVA;
    }
    let mut net_import = vec![0.0; world.zones.len()];
    for (zone, p) in grid.bus_zone.iter().zip(&world.power.base.injection) {
        net_import[*zone] -= p * BASE_MVA;
    }
    let named =
        |xs: &[f64], limit: f64| world.zones.iter().zip(xs).filter(|(_, x)| x.abs() > limit).map(|(z, x)| (z.key.clone(), *x)).collect();
    let overloads = base
        .power
        .flow
        .iter()
        .zip(&grid.lines)
        .enumerate()
        .filter(|(_, (f, l))| f.abs() > l.p_max * (1.0 + 1e-6))
        .map(|(k, (f, l))| ((world.first.line + k) as u32, f.abs() / l.p_max))
        .collect();
    PointCheck {
        point: world.study.point,
        ending: world.power.base.ending.and(base.power.ending),
        demand_mw: grid.loads.iter().map(|l| l.p[point]).sum::<f64>() * BASE_MVA,
        available_mw: grid.plants.iter().zip(&world.power.state.plant).map(|(p, s)| p.p_max[point] * s).sum::<f64>() * BASE_MVA,
        unserved_mw: named(&unserved, 0.5),
        overloads,
        net_import_mw: named(&net_import, 0.5),
    }
}

fn gas_unserved(desk: &Desk) -> Vec<(String, f64)> {
    let mut lost = vec![0.0; desk.zones.len()];
    let stretches = &desk.base.gas;
    for (k, s) in stretches.iter().enumerate() {
        let end = stretches.get(k + 1).map_or(desk.world.study.horizon_h, |n| n.t_h);
        let at = desk.base.calendar.partition_point(|c| c.0 <= s.t_h + 1e-9).saturating_sub(1);
        for (d, served) in desk.world.gas.demands.iter().zip(&s.flow.served) {
            for (c, share) in served.iter().enumerate() {
                lost[d.1] += (1.0 - share) * d.2[c] * desk.base.calendar[at].1[c] * (end - s.t_h) / 24.0;
            }
        }
    }
    desk.zones.iter().zip(lost).filter(|(_, x)| *x > 0.05).map(|(z, x)| (z.clone(), x)).collect()
}

/// Single losses that cost something, worst first.
fn sweep(desk: &Desk, live: &[u32]) -> Vec<AssetLoss> {
    let jobs: Vec<Job> = live.iter().map(|&i| desk.single(i)).collect();
    let found =
        desk.runs(&desk.world, &jobs, Keep::default(), |k, out| (!out.is_harmless()).then(|| desk.summary(&out, &desk.home(live[k]))));
    let mut losses: Vec<AssetLoss> = found
        .into_iter()
        .zip(live)
        .filter_map(|(s, &asset)| s.map(|central| AssetLoss { asset, central, range: None, reason: String::new(), second_hit: None }))
        .collect();
    losses.sort_by(|a, b| worse(&a.central, &b.central).then(a.asset.cmp(&b.asset)));
    losses
}

/// Order of the ranking: people-hours, then euro.
pub(crate) fn worse(a: &Summary, b: &Summary) -> std::cmp::Ordering {
    b.people_hours.total_cmp(&a.people_hours).then(b.euro[1].total_cmp(&a.euro[1]))
}

/// Mild and severe runs and reasons for the worst assets.
fn ranges(desk: &Desk, losses: &mut [AssetLoss]) {
    let n = N_TOP.min(losses.len());
    let jobs: Vec<Job> = losses[..n].iter().map(|l| desk.single(l.asset)).collect();
    let homes: Vec<Vec<usize>> = losses[..n].iter().map(|l| desk.home(l.asset)).collect();
    let at = |level: Level| desk.runs(&desk.world.at_level(level), &jobs, Keep::default(), |k, out| desk.summary(&out, &homes[k]));
    let (low, high) = (at(Level::Low), at(Level::High));
    let reasons = desk.runs(&desk.world, &jobs, Keep { causes: true, curve: false }, |_, out| explain::first_steps(&desk.world, &out));
    for (((loss, low), high), reason) in losses.iter_mut().zip(low).zip(high).zip(reasons) {
        loss.range = Some((low, high));
        loss.reason = reason;
    }
}

fn run_threats(desk: &Desk) -> Vec<ThreatResult> {
    let threats = &desk.case.tables().threats;
    let jobs: Vec<Job> = threats.iter().map(|t| Job { changes: threat_changes(desk.case, &t.key), seed: desk.world.study.seed }).collect();
    let structural: Vec<bool> = jobs.iter().map(|j| j.changes.iter().any(|c| c.action.is_structural())).collect();
    let homes: Vec<Vec<usize>> = jobs.iter().map(|j| desk.home_of(&desk.world, &j.changes)).collect();
    let level = |level: Level, keep: Keep| {
        let world = desk.world.at_level(level);
        desk.runs(&world, &jobs, keep, |k, out| {
            // A threat that also changes parameters (such as repair times) runs in a world of its own.
            let out = if structural[k] {
                buttress_engine::cascade::run(&world.with(&jobs[k].changes), &desk.base, &jobs[k].changes, keep, jobs[k].seed)
            } else {
                out
            };
            let reason = explain::first_steps(&world, &out);
            (desk.summary(&out, &homes[k]), out.curve, reason)
        })
    };
    let low = level(Level::Low, Keep::default());
    let central = level(Level::Central, Keep { curve: true, causes: true });
    let high = level(Level::High, Keep::default());
    let mut out: Vec<ThreatResult> = low
        .into_iter()
        .zip(central)
        .zip(high)
        .enumerate()
        .map(|(k, ((l, c), h))| ThreatResult {
            threat: k,
            n_damaged: damages(&desk.world, &jobs[k].changes).len(),
            runs: [l.0, c.0, h.0],
            curve: c.1,
            reason: c.2,
        })
        .collect();
    out.sort_by(|a, b| worse(&a.runs[1], &b.runs[1]).then(a.threat.cmp(&b.threat)));
    out
}

fn blueprint(desk: &Desk, losses: &[AssetLoss], threats: &[ThreatResult]) -> Vec<(String, Vec<String>)> {
    let members =
        |s: &Summary| s.countries.iter().filter(|c| desk.world.zones.iter().any(|z| z.key == **c && z.is_eu)).cloned().collect::<Vec<_>>();
    let assets = losses.iter().map(|l| (desk.world.asset(l.asset).key.clone(), members(&l.central)));
    let events = threats.iter().map(|t| (desk.case.tables().threats[t.threat].key.clone(), members(&t.runs[1])));
    let mut out: Vec<(String, Vec<String>)> = assets.chain(events).filter(|x| x.1.len() >= SIGNIFICANT_MEMBERS).collect();
    out.sort_by(|a, b| b.1.len().cmp(&a.1.len()).then(a.0.cmp(&b.0)));
    out
}

/// Euro that losses in one zone cost in another: rows cause, columns cost.
fn matrix(desk: &Desk, losses: &[AssetLoss]) -> (Vec<String>, Vec<Vec<f64>>) {
    let zones: Vec<String> = desk.world.zones.iter().filter(|z| !z.is_gate).map(|z| z.key.clone()).collect();
    let mut m = vec![vec![0.0; zones.len()]; zones.len()];
    for loss in losses {
        let Some(from) = zones.iter().position(|z| *z == desk.world.asset(loss.asset).zone) else { continue };
        for (zone, _, euro) in &loss.central.by_zone {
            if let Some(to) = zones.iter().position(|z| z == zone) {
                m[from][to] += euro;
            }
        }
    }
    (zones, m)
}

fn synthetic_share(case: &Case, losses: &[AssetLoss]) -> f64 {
    let (mut all, mut synthetic) = (0.0, 0.0);
    for l in losses {
        all += l.central.euro[1];
        if case.assets()[l.asset as usize].provenance == "synthetic" {
            synthetic += l.central.euro[1];
        }
    }
    if all > 0.0 { synthetic / all } else { 0.0 }
}

/// The case's totals beside the published ones. Installed capacity counts what exists, in service or not.
pub fn facts(case: &Case) -> Vec<FactRow> {
    let t = case.tables();
    t.facts
        .iter()
        .map(|f| {
            let ours = match f.quantity.as_str() {
                "population" => t.loads.iter().filter(|l| l.zone == f.zone).map(|l| l.population).sum(),
                "peak_load_mw" => t.loads.iter().filter(|l| l.zone == f.zone).map(|l| l.winter_peak_mw).sum(),
                "installed_capacity_mw" => t.plants.iter().filter(|p| p.asset.zone == f.zone).map(|p| p.p_max_mw).sum(),
                "gas_storage_gwh" => {
                    t.gas_storages.iter().filter(|s| s.asset.zone == f.zone && s.asset.in_service).map(|s| s.working_gas_gwh).sum()
                }
                _ => t.lng_terminals.iter().filter(|l| l.asset.zone == f.zone && l.asset.in_service).map(|l| l.sendout_gwh_d).sum(),
            };
            FactRow { zone: f.zone.clone(), quantity: f.quantity.clone(), fact: f.value, ours, reason: f.reason.clone() }
        })
        .collect()
}

/// Capacity in use at an asset in the base state, as a share of its own scale; for choosing second hits.
pub(crate) fn loading(world: &World, base: &Base, asset: u32) -> f64 {
    match world.parts[asset as usize] {
        Part::Line(k) => {
            let l = &world.power.grid.lines[k as usize];
            base.power.flow.get(k as usize).map_or(0.0, |f| f.abs() / l.p_max)
        }
        Part::Hvdc(k) => {
            let h = &world.power.grid.hvdc[k as usize];
            world.power.base.hvdc.get(k as usize).map_or(0.0, |f| f.abs() / h.p_max.max(1e-9))
        }
        Part::Plant(k) => world.power.base.plant.get(k as usize).map_or(0.0, |p| p * BASE_MVA / 1000.0),
        Part::GasPipe(k) => {
            let cap = world.gas.pipes[k as usize].2.max(world.gas.pipes[k as usize].3).max(1e-9);
            base.gas.first().map_or(0.0, |s| s.flow.pipe[k as usize].abs() / cap)
        }
        Part::DataLink(k) => world.data.link_flow(k as usize) / world.asset(asset).capacity.max(1e-9),
        _ => 0.0,
    }
}

//! The values of an assessment: everything the report, the JSON and the terminal show, and nothing else.

use buttress_engine::ending::Ending;
use buttress_engine::outcome::{CurvePoint, N_SERVICES, Outcome};
use buttress_model::StudyPoint;

use crate::grid_security::GridSecurity;

/// The five numbers of one run, reduced from its outcome.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Worst ending of the run's solves.
    pub ending: Ending,
    /// People-hours without a household service (lower bound: the largest single service).
    pub people_hours: f64,
    /// Upper bound: services added up.
    pub people_hours_upper: f64,
    /// Most people without service at one instant.
    pub people_peak: f64,
    /// Euro, low, central, high.
    pub euro: [f64; 3],
    /// Keys of countries hit at 1 % (or 50,000 people), sorted.
    pub countries: Vec<String>,
    /// Number of countries hit at 0.1 %, 1 %, 5 %.
    pub n_countries_at: [usize; 3],
    /// Countries hit other than those where the damage lies.
    pub other_countries: Vec<String>,
    /// Hours until 50, 90, 100 % restored; `None`: beyond the horizon.
    pub restored_h: [Option<f64>; 3],
    /// Least served share by service.
    pub nadir: [f64; N_SERVICES],
    /// Loss by service, all zones.
    pub lost: [f64; N_SERVICES],
    /// By zone: (key, people-hours, euro central), zones with any loss, sorted by key.
    pub by_zone: Vec<(String, f64, f64)>,
    /// Assets that failed.
    pub n_failed: usize,
}

impl Summary {
    /// Reduces an outcome. `zones` are the keys, `home` the zones where the damage lies.
    pub fn new(out: &Outcome, zones: &[String], home: &[usize]) -> Summary {
        let hit = out.zones_hit(1);
        let keys = |ids: &[usize]| ids.iter().map(|&z| zones[z].clone()).collect::<Vec<_>>();
        let others: Vec<usize> = hit.iter().copied().filter(|z| !home.contains(z)).collect();
        Summary {
            ending: out.ending,
            people_hours: out.people_hours_total(),
            people_hours_upper: out.people_hours_upper.iter().sum(),
            people_peak: out.people_peak,
            euro: out.euro_total(),
            countries: keys(&hit),
            n_countries_at: std::array::from_fn(|k| out.zones_hit(k).len()),
            other_countries: keys(&others),
            restored_h: out.restored_h,
            nadir: out.nadir,
            lost: std::array::from_fn(|s| out.lost[s].iter().sum()),
            by_zone: (0..zones.len())
                .filter(|&z| out.people_hours[z] > 1e-6 || out.euro[z][1] > 0.5)
                .map(|z| (zones[z].clone(), out.people_hours[z], out.euro[z][1]))
                .collect(),
            n_failed: out.n_failed,
        }
    }

    /// True when nothing measurable was lost.
    pub fn is_harmless(&self) -> bool {
        self.people_hours < 1e-6 && self.euro[1] < 1.0
    }
}

/// One asset's single loss.
#[derive(Debug, Clone, PartialEq)]
pub struct AssetLoss {
    /// Index of the asset in the case.
    pub asset: u32,
    /// Central run.
    pub central: Summary,
    /// Mild and severe parameters, for the top assets.
    pub range: Option<(Summary, Summary)>,
    /// How it happens, in words: the first steps of the cascade.
    pub reason: String,
    /// Second-hit exposure, when computed.
    pub second_hit: Option<SecondHit>,
}

/// What fails next while the first asset is out.
#[derive(Debug, Clone, PartialEq)]
pub struct SecondHit {
    /// First asset.
    pub first: u32,
    /// The worst second asset.
    pub second: u32,
    /// Extra people-hours over the two alone.
    pub extra_people_hours: f64,
    /// Extra euro (central) over the two alone.
    pub extra_euro: f64,
    /// Hours during which the second hit would find the first still out.
    pub exposed_h: f64,
}

/// One threat's result.
#[derive(Debug, Clone, PartialEq)]
pub struct ThreatResult {
    /// Row in the case's threats.
    pub threat: usize,
    /// Mild, central, severe.
    pub runs: [Summary; 3],
    /// Service curves of the central run.
    pub curve: Vec<CurvePoint>,
    /// Assets damaged.
    pub n_damaged: usize,
    /// First steps of the cascade, in words.
    pub reason: String,
}

/// Base check at one study point.
#[derive(Debug, Clone, PartialEq)]
pub struct PointCheck {
    /// Study point.
    pub point: StudyPoint,
    /// Ending of the base dispatch.
    pub ending: Ending,
    /// Demand, MW.
    pub demand_mw: f64,
    /// Available generation, MW.
    pub available_mw: f64,
    /// Unserved by zone, MW; zones with any.
    pub unserved_mw: Vec<(String, f64)>,
    /// Lines above their limit: asset and loading.
    pub overloads: Vec<(u32, f64)>,
    /// Net imports by zone, MW.
    pub net_import_mw: Vec<(String, f64)>,
}

/// Comparison with a published total.
#[derive(Debug, Clone, PartialEq)]
pub struct FactRow {
    /// Zone.
    pub zone: String,
    /// Quantity.
    pub quantity: String,
    /// Published value.
    pub fact: f64,
    /// Value in the case.
    pub ours: f64,
    /// Reason for a difference above 10 %.
    pub reason: String,
}

impl FactRow {
    /// (ours − fact) / fact.
    pub fn difference(&self) -> f64 {
        if self.fact > 0.0 { (self.ours - self.fact) / self.fact } else { 0.0 }
    }
}

/// A service that rests on few suppliers.
#[derive(Debug, Clone, PartialEq)]
pub struct Concentration {
    /// Zone (or `all`).
    pub zone: String,
    /// What is supplied.
    pub what: String,
    /// Shares by supplier, largest first.
    pub shares: Vec<(String, f64)>,
    /// Herfindahl-Hirschman index, 0 to 1.
    pub hhi: f64,
}

/// An asset or operator that serves six or more EU members in normal operation (CER Directive, Art. 17).
#[derive(Debug, Clone, PartialEq)]
pub struct Significant {
    /// Asset key, or operator name.
    pub who: String,
    /// `asset` or `operator`.
    pub what: &'static str,
    /// What it serves.
    pub service: String,
    /// EU members served, sorted.
    pub members: Vec<String>,
}

/// A measure, simulated.
#[derive(Debug, Clone, PartialEq)]
pub struct MeasureResult {
    /// Row in the case's measures.
    pub measure: usize,
    /// Cost over its life at today's value, MEUR: low, central, high.
    pub cost_meur: [f64; 3],
    /// Loss avoided over the weaknesses tried, euro (central).
    pub avoided_euro: f64,
    /// People-hours avoided.
    pub avoided_people_hours: f64,
    /// Avoided euro per euro of cost.
    pub ratio: f64,
    /// Avoided share of each weakness's loss.
    pub share_of: Vec<f64>,
    /// Avoided euro by zone.
    pub by_zone: Vec<(String, f64)>,
    /// Names of the weaknesses it helps most.
    pub helps: Vec<String>,
}

/// What one weakness costs before and after.
#[derive(Debug, Clone, PartialEq)]
pub struct Weakness {
    /// Asset key or threat key.
    pub key: String,
    /// Name.
    pub name: String,
    /// Loss, euro central.
    pub euro: f64,
    /// People-hours.
    pub people_hours: f64,
}

/// A set of measures under one budget.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Rows in the case's measures, in order of choice.
    pub chosen: Vec<usize>,
    /// Cost, MEUR.
    pub cost_meur: f64,
    /// Loss avoided as promised by the sum of shares, euro.
    pub promised_euro: f64,
    /// Loss avoided when the whole set is simulated together, euro.
    pub replayed_euro: f64,
    /// Cost by zone that pays, MEUR.
    pub paid_by: Vec<(String, f64)>,
    /// Avoided euro by zone.
    pub benefit_of: Vec<(String, f64)>,
}

/// Joint against split budgets.
#[derive(Debug, Clone, PartialEq)]
pub struct Portfolio {
    /// Budget, MEUR.
    pub budget_meur: f64,
    /// One purse.
    pub joint: Plan,
    /// The same sum split by gross domestic product, each country for itself.
    pub national: Plan,
}

/// A whole assessment.
#[derive(Debug, Clone, PartialEq)]
pub struct Assessment {
    /// Case key, title, version, digest.
    pub case: [String; 4],
    /// The study.
    pub study: buttress_model::Study,
    /// Base check at both study points.
    pub base: Vec<PointCheck>,
    /// Gas demand unserved in the base year, by zone, `GWh`.
    pub base_gas_unserved_gwh: Vec<(String, f64)>,
    /// Comparison with published totals.
    pub facts: Vec<FactRow>,
    /// Number of assets in the case.
    pub n_assets: usize,
    /// Assets not run, by reason.
    pub skipped: Vec<(String, usize)>,
    /// Assets whose single loss costs nothing.
    pub n_harmless: usize,
    /// Single losses that cost something, worst first.
    pub losses: Vec<AssetLoss>,
    /// The same sweep at the summer night: (asset, people-hours, euro central), worst first, top 50.
    pub summer: Vec<(u32, f64, f64)>,
    /// Assets without loss of service, ranked by second hit and capacity lost.
    pub quiet: Vec<SecondHit>,
    /// Threats, worst first.
    pub threats: Vec<ThreatResult>,
    /// CER Art. 17 candidates.
    pub significant: Vec<Significant>,
    /// Losses that hit six or more EU members: (asset or threat key, members).
    pub blueprint: Vec<(String, Vec<String>)>,
    /// Zones of the cross-border matrix.
    pub matrix_zones: Vec<String>,
    /// Euro (central) that single losses in row's zone cost in column's zone.
    pub matrix: Vec<Vec<f64>>,
    /// Import and supplier concentration.
    pub concentration: Vec<Concentration>,
    /// The weaknesses that measures were tried on.
    pub weaknesses: Vec<Weakness>,
    /// Measures, best ratio first.
    pub measures: Vec<MeasureResult>,
    /// Portfolio, when a budget was given.
    pub portfolio: Option<Portfolio>,
    /// Share of the total single-loss cost that rests on synthetic records.
    pub synthetic_share: f64,
    /// Security of the grid against line outages; why there is none to tell, where a grid exists.
    pub grid: Option<Result<GridSecurity, Ending>>,
    /// Dependencies that found no supply point: (rule key, count).
    pub unattached: Vec<(String, usize)>,
    /// Runs made.
    pub n_runs: usize,
}

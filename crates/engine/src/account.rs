//! Adds up losses between events: people-hours, euro, countries hit, curves.

use buttress_model::Case;

use crate::ending::Ending;
use crate::outcome::{Cause, CurvePoint, HIT_PERSONS, HIT_SHARES, N_SERVICES, Outcome, Rates, Service};

/// Euro per unit of lost service, low, central, high; electricity by zone.
#[derive(Debug, Clone, PartialEq)]
pub struct Prices {
    by_service: [[f64; 3]; N_SERVICES],
    electricity: Vec<[f64; 3]>,
}

impl Prices {
    /// Reads the case's commodities and the zones' values of lost load.
    pub fn new(case: &Case) -> Prices {
        let row = |s: Service| {
            case.tables().commodities.iter().find(|c| c.key == s.name()).map_or([0.0; 3], |c| [c.value_low, c.value_central, c.value_high])
        };
        let mut by_service: [[f64; 3]; N_SERVICES] = std::array::from_fn(|s| row(Service::ALL[s]));
        // GWh → MWh, kt → t.
        for s in [Service::Gas, Service::Freight] {
            by_service[s as usize] = by_service[s as usize].map(|x| x * 1e3);
        }
        let default = by_service[Service::Electricity as usize];
        let electricity = case
            .tables()
            .zones
            .iter()
            .map(|z| match z.voll_eur_mwh {
                // The zone's value is central; the range keeps the default's proportions.
                Some(v) if default[1] > 0.0 => [v * default[0] / default[1], v, v * default[2] / default[1]],
                _ => default,
            })
            .collect();
        Prices { by_service, electricity }
    }

    fn of(&self, service: usize, zone: usize) -> [f64; 3] {
        if service == 0 { self.electricity[zone] } else { self.by_service[service] }
    }
}

/// Services whose loss leaves households without something, in the order of the headline.
const HOUSEHOLD: [usize; 4] = [Service::Electricity as usize, Service::Gas as usize, Service::Data as usize, Service::Site as usize];
/// Daily rates are hours' rates divided by this.
const PER_DAY: [f64; N_SERVICES] = [1.0, 24.0, 24.0, 24.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0];

/// A loss below this share of the zone's demand is rounding.
const NOISE: f64 = 1e-9;

/// Running totals of one run.
#[derive(Debug)]
pub(crate) struct Account<'w> {
    prices: &'w Prices,
    population: Vec<f64>,
    is_gate: Vec<bool>,
    demand: &'w [Vec<f64>],
    keep_curve: bool,
    out: Outcome,
    /// (time, severity) after every change, for restoration times.
    severity: Vec<(f64, f64)>,
}

impl<'w> Account<'w> {
    pub(crate) fn new(prices: &'w Prices, population: Vec<f64>, is_gate: Vec<bool>, demand: &'w [Vec<f64>], keep_curve: bool) -> Self {
        let n = population.len();
        let out = Outcome {
            ending: Ending::Solved,
            n_events: 0,
            n_programs: 0,
            lost: vec![vec![0.0; n]; N_SERVICES],
            added_latency_ms: vec![0.0; n],
            people_hours: vec![0.0; n],
            people_hours_upper: vec![0.0; n],
            people_hours_by_service: vec![vec![0.0; n]; N_SERVICES],
            euro: vec![[0.0; 3]; n],
            hit_h: vec![[0.0; 3]; n],
            people_peak: 0.0,
            nadir: [1.0; N_SERVICES],
            restored_h: [Some(0.0); 3],
            curve: Vec::new(),
            peak: vec![vec![0.0; n]; N_SERVICES],
            causes: Vec::new(),
            n_failed: 0,
        };
        Account { prices, population, is_gate, demand, keep_curve, out, severity: vec![(0.0, 0.0)] }
    }

    fn is_lost(&self, service: usize, zone: usize, lost: f64) -> bool {
        lost > NOISE * self.demand[service][zone].max(1.0)
    }

    /// Notes latency added to each zone's traffic, ms Gbit/s.
    pub(crate) fn note_latency(&mut self, added: &[f64]) {
        let traffic = &self.demand[Service::Data as usize];
        for ((most, added), traffic) in self.out.added_latency_ms.iter_mut().zip(added).zip(traffic) {
            if *traffic > 0.0 {
                *most = most.max(added / traffic);
            }
        }
    }

    /// Adds the losses of an interval during which rates were constant.
    pub(crate) fn add(&mut self, rates: &Rates, hours: f64) {
        if hours <= 0.0 {
            return;
        }
        for z in 0..self.population.len() {
            if self.is_gate[z] {
                continue;
            }
            self.add_zone(rates, z, hours);
        }
    }

    fn add_zone(&mut self, rates: &Rates, z: usize, hours: f64) {
        let (mut top, mut sum, mut worst_share) = (0.0_f64, 0.0_f64, 0.0_f64);
        let dark = rates.share[0][z];
        for s in 0..N_SERVICES {
            let lost = rates.lost[s][z];
            if !self.is_lost(s, z, lost) {
                continue;
            }
            let amount = lost * hours / PER_DAY[s];
            self.out.lost[s][z] += amount;
            worst_share = worst_share.max(rates.share[s][z]);
            // Final demand once: what is lost only because the lights are out is in the value of electricity.
            let own =
                if s == 0 || rates.share[s][z] <= 0.0 { 1.0 } else { ((rates.share[s][z] - dark) / rates.share[s][z]).clamp(0.0, 1.0) };
            for (e, p) in self.out.euro[z].iter_mut().zip(self.prices.of(s, z)) {
                *e += amount * p * own;
            }
            if HOUSEHOLD.contains(&s) {
                let people = rates.people[s][z];
                self.out.people_hours_by_service[s][z] += people * hours;
                top = top.max(people);
                sum += people;
            }
        }
        self.out.people_hours[z] += top * hours;
        self.out.people_hours_upper[z] += sum.min(self.population[z].max(top)) * hours;
        for (hit, limit) in self.out.hit_h[z].iter_mut().zip(HIT_SHARES) {
            if worst_share >= limit || top >= HIT_PERSONS {
                *hit += hours;
            }
        }
    }

    /// Notes the rates that hold from `t` on.
    pub(crate) fn note(&mut self, rates: &Rates, t: f64) {
        let mut served = [1.0; N_SERVICES];
        let mut late = false;
        for s in 0..N_SERVICES {
            let (mut without, mut total) = (0.0, 0.0);
            for z in (0..self.population.len()).filter(|&z| !self.is_gate[z]) {
                total += self.demand[s][z];
                if self.is_lost(s, z, rates.lost[s][z]) {
                    without += rates.share[s][z] * self.demand[s][z];
                    late = true;
                    self.out.peak[s][z] = self.out.peak[s][z].max(rates.lost[s][z]);
                }
            }
            if total > 0.0 {
                served[s] = (1.0 - without / total).clamp(0.0, 1.0);
            }
            self.out.nadir[s] = self.out.nadir[s].min(served[s]);
        }
        let people: f64 = (0..self.population.len()).map(|z| HOUSEHOLD.iter().map(|&s| rates.people[s][z]).fold(0.0, f64::max)).sum();
        let people = if people > 0.5 { people } else { 0.0 };
        self.out.people_peak = self.out.people_peak.max(people);
        // A queue that still clears, or a detour, keeps the last per cent from being back.
        let severity =
            if people > 0.0 { 10.0 + people } else { served.iter().map(|s| 1.0 - s).fold(if late { 1e-6 } else { 0.0 }, f64::max) };
        self.severity.push((t, severity));
        if self.keep_curve {
            self.out.curve.push(CurvePoint { t_h: t, served, people });
        }
    }

    /// Closes the account.
    pub(crate) fn finish(mut self, ending: Ending, n_events: u32, n_programs: u32, causes: Vec<Cause>, n_failed: usize) -> Outcome {
        let worst = self.severity.iter().map(|s| s.1).fold(0.0, f64::max);
        if worst > 1e-9 {
            let at = self.severity.iter().position(|s| s.1 >= worst).unwrap_or(0);
            for (k, back) in [0.5, 0.9, 1.0].into_iter().enumerate() {
                let limit = if back >= 1.0 { 1e-9 } else { worst * (1.0 - back) };
                // The first time after the nadir from which the loss stays below the limit.
                let last_bad = (at..self.severity.len()).rev().find(|&i| self.severity[i].1 > limit);
                self.out.restored_h[k] = match last_bad {
                    Some(i) if i + 1 < self.severity.len() => Some(self.severity[i + 1].0),
                    Some(_) => None,
                    None => Some(self.severity[at].0),
                };
            }
        }
        Outcome { ending, n_events, n_programs, causes, n_failed, ..self.out }
    }
}

//! What comes out of a run: the five numbers, by zone and commodity, always against the base.

use crate::ending::Ending;

/// Commodities that are accounted for, in fixed order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// MW.
    Electricity,
    /// GWh/d, all classes; households by protected customers.
    Gas,
    /// kt/d blocked or delayed.
    Freight,
    /// Passengers a day.
    Passengers,
    /// Gbit/s.
    Data,
    /// Share of people and time with positioning.
    Pnt,
    /// Share with timing.
    Timing,
    /// Mbit/s.
    Satcom,
    /// MW under remote control.
    Control,
    /// People served by named sites.
    Site,
}

/// Number of services.
pub const N_SERVICES: usize = 10;

impl Service {
    /// All, in order.
    pub const ALL: [Service; N_SERVICES] = [
        Service::Electricity,
        Service::Gas,
        Service::Freight,
        Service::Passengers,
        Service::Data,
        Service::Pnt,
        Service::Timing,
        Service::Satcom,
        Service::Control,
        Service::Site,
    ];

    /// Key as in the case's commodities.
    pub fn name(self) -> &'static str {
        ["electricity", "gas", "freight", "passengers", "data", "pnt", "timing", "satcom", "control", "service"][self as usize]
    }

    /// Unit of the loss when it is added up over hours.
    pub fn lost_unit(self) -> &'static str {
        ["MWh", "GWh", "kt d", "passengers", "Gbit/s h", "person h", "person h", "Mbit/s h", "MW h", "person h"][self as usize]
    }

    /// Unit of the rate of loss at one instant.
    pub fn rate_unit(self) -> &'static str {
        ["MW", "GWh/d", "kt", "passengers/d", "Gbit/s", "persons", "persons", "Mbit/s", "MW", "persons"][self as usize]
    }
}

/// Shares of the national baseline at which a country counts as hit.
pub const HIT_SHARES: [f64; 3] = [0.001, 0.01, 0.05];
/// People without a service that make a country hit, whatever the share.
pub const HIT_PERSONS: f64 = 50_000.0;

/// Loss at one instant, by zone; unit by [`Service::rate_unit`].
#[derive(Debug, Clone, PartialEq)]
pub struct Rates {
    /// Lost rate by service and zone: `lost[service][zone]`.
    pub lost: Vec<Vec<f64>>,
    /// Lost share of the zone's baseline.
    pub share: Vec<Vec<f64>>,
    /// People without the service.
    pub people: Vec<Vec<f64>>,
}

impl Rates {
    /// No loss.
    pub fn none(n_zones: usize) -> Self {
        let zero = || vec![vec![0.0; n_zones]; N_SERVICES];
        Rates { lost: zero(), share: zero(), people: zero() }
    }
}

/// One point of a service curve.
#[derive(Debug, Clone, PartialEq)]
pub struct CurvePoint {
    /// Hours from the start.
    pub t_h: f64,
    /// Served share of the baseline by service, over all zones.
    pub served: [f64; N_SERVICES],
    /// People without any one household service (headline).
    pub people: f64,
}

/// Why an asset failed.
#[derive(Debug, Clone, PartialEq)]
pub struct Cause {
    /// Asset that failed or lost capacity.
    pub asset: u32,
    /// When, h.
    pub t_h: f64,
    /// By what.
    pub by: CausedBy,
}

/// The step before a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CausedBy {
    /// Damage in the scenario.
    Damage,
    /// A dependency (index into the world's dependencies) ran dry.
    Dependency(u32),
}

/// The outcome of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Worst ending of all solves.
    pub ending: Ending,
    /// Number of instants solved.
    pub n_events: u32,
    /// Linear programs called.
    pub n_programs: u32,
    /// Loss added up, by service and zone; unit by [`Service::lost_unit`].
    pub lost: Vec<Vec<f64>>,
    /// People-hours without a household service, by zone: the largest single service at each instant (lower bound).
    pub people_hours: Vec<f64>,
    /// Largest mean latency added to the traffic of each zone, ms.
    pub added_latency_ms: Vec<f64>,
    /// The same with services added up, at most everybody (upper bound).
    pub people_hours_upper: Vec<f64>,
    /// People-hours by household service.
    pub people_hours_by_service: Vec<Vec<f64>>,
    /// Euro by zone as low, central, high.
    pub euro: Vec<[f64; 3]>,
    /// Hours for which each zone is hit at each of [`HIT_SHARES`].
    pub hit_h: Vec<[f64; 3]>,
    /// Largest number of people without service at one instant.
    pub people_peak: f64,
    /// Least served share by service over all zones.
    pub nadir: [f64; N_SERVICES],
    /// Time until 50, 90, 100 % of what was lost at the nadir is back, h; `None`: beyond the horizon.
    pub restored_h: [Option<f64>; 3],
    /// Service curves, when asked for.
    pub curve: Vec<CurvePoint>,
    /// Largest loss at one instant by service and zone.
    pub peak: Vec<Vec<f64>>,
    /// First failure of each asset, when asked for, in order of time.
    pub causes: Vec<Cause>,
    /// Assets that failed.
    pub n_failed: usize,
}

impl Outcome {
    /// People-hours over all zones.
    pub fn people_hours_total(&self) -> f64 {
        self.people_hours.iter().sum()
    }

    /// Euro over all zones.
    pub fn euro_total(&self) -> [f64; 3] {
        self.euro.iter().fold([0.0; 3], |a, e| [a[0] + e[0], a[1] + e[1], a[2] + e[2]])
    }

    /// Loss of a service over all zones.
    pub fn lost_total(&self, service: Service) -> f64 {
        self.lost[service as usize].iter().sum()
    }

    /// Zones hit for at least one hour at a threshold (index into [`HIT_SHARES`]), gates left out by construction.
    pub fn zones_hit(&self, threshold: usize) -> Vec<usize> {
        (0..self.hit_h.len()).filter(|&z| self.hit_h[z][threshold] >= 1.0 - 1e-9).collect()
    }

    /// True when nothing measurable was lost.
    pub fn is_harmless(&self) -> bool {
        self.people_hours_total() < 1e-6 && self.euro_total()[1] < 1.0 && self.lost.iter().flatten().all(|&x| x < 1e-6)
    }
}

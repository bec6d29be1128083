//! Frequency of a synchronous area after a sudden imbalance: where it settles, and how it gets there.
//!
//! One equivalent machine. With x the deviation from nominal (Hz), W the kinetic energy of the running machines (MW s), k the
//! self-regulation of the load (1/Hz) and `g_j` the power of each group of governors (MW):
//!
//! - swing: (2 W / `f_0`) dx/dt = imbalance + Σ `g_j` + shed − tripped − k · load · x
//! - governors: `T_j` `dg_j/dt` = `G_j`(x) − `g_j`, no faster than their ramp; `G_j`(x) = −slope · (x beyond the dead band),
//!   held within headroom
//! - relays: a step below (above) its frequency for its whole delay acts once: load is shed or generation trips
//! - steady state without relays: imbalance + Σ `G_j`(x) − k · load · x = 0, one root since the left side never rises with x
//!
//! Fourth-order Runge-Kutta with steps of at most [`STEP_S`]; a step ends where a relay acts or, by bisection, where the frequency
//! crosses a relay's setting, so the right side is smooth within a step but for the corners of `G_j`. Source: Anderson, Mirheydar, "A
//! low-order system frequency response model", IEEE Trans. Power Syst. 5(3), 1990, DOI 10.1109/59.65898; Kundur, "Power System
//! Stability and Control", 1994, chapter 11.

use crate::ending::Ending;

/// Longest integration step, s.
pub const STEP_S: f64 = 0.01;
/// Halvings that place a crossing within a step.
const HALVINGS: usize = 30;
/// Steps beyond those of the horizon that crossings and relays may add.
const EXTRA_STEPS: usize = 20_000;
/// Rate of change below which the frequency counts as steady, Hz/s.
const STEADY_HZ_PER_S: f64 = 1e-4;
/// Widest deviation looked at for a steady state, Hz.
const WIDEST_HZ: f64 = 25.0;

/// Governors that act alike.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reserve {
    /// Power per deviation, MW/Hz.
    pub slope_mw_per_hz: f64,
    /// Deviation that starts it, Hz.
    pub dead_band_hz: f64,
    /// Room upwards, MW.
    pub up_mw: f64,
    /// Room downwards, MW.
    pub down_mw: f64,
    /// Time constant, s.
    pub time_constant_s: f64,
    /// Fastest change, MW/s; infinite for none.
    pub ramp_mw_per_s: f64,
}

/// What a relay does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Sheds load when the frequency is low.
    ShedLoad,
    /// Trips generation when the frequency is low.
    TripGenerationLow,
    /// Trips generation when the frequency is high.
    TripGenerationHigh,
}

/// A frequency relay, or many with one setting.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Relay {
    /// What it does.
    pub action: Action,
    /// Setting, Hz.
    pub frequency_hz: f64,
    /// Time beyond the setting before it acts, breaker included, s.
    pub delay_s: f64,
    /// Load or generation it switches, MW.
    pub p_mw: f64,
}

/// A synchronous area or an island of one.
#[derive(Debug, Clone, PartialEq)]
pub struct Area {
    /// Nominal frequency, Hz.
    pub nominal_hz: f64,
    /// Kinetic energy of the running machines at nominal frequency, MW s.
    pub kinetic_mws: f64,
    /// Load, MW.
    pub load_mw: f64,
    /// Share of the load that a deviation of one hertz takes away, 1/Hz.
    pub self_regulation_per_hz: f64,
    /// Groups of governors.
    pub reserves: Vec<Reserve>,
    /// Relays.
    pub relays: Vec<Relay>,
    /// At or below this frequency the machines disconnect and the area is dark, Hz.
    pub collapse_low_hz: f64,
    /// At or above this frequency likewise, Hz.
    pub collapse_high_hz: f64,
}

/// What the area comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It runs on.
    Held,
    /// Frequency too low: dark.
    CollapsedLow,
    /// Frequency too high: dark.
    CollapsedHigh,
}

impl Fate {
    /// One word for files and screens.
    pub fn name(self) -> &'static str {
        match self {
            Fate::Held => "held",
            Fate::CollapsedLow => "collapsed_low",
            Fate::CollapsedHigh => "collapsed_high",
        }
    }
}

/// A relay that acted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Acted {
    /// When, s after the imbalance.
    pub time_s: f64,
    /// Which relay of the area.
    pub relay: usize,
    /// Frequency at that moment, Hz.
    pub frequency_hz: f64,
}

/// Response to a sudden imbalance.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    /// `Solved` when steady or collapsed, `NotSettled` at the horizon, `NotANumber` for bad data.
    pub ending: Ending,
    /// What the area comes to.
    pub fate: Fate,
    /// Lowest frequency and when, Hz and s.
    pub nadir: (f64, f64),
    /// Highest frequency and when, Hz and s.
    pub zenith: (f64, f64),
    /// Rate of change of frequency at the start, Hz/s.
    pub rocof_hz_per_s: f64,
    /// Frequency at the end, Hz.
    pub final_hz: f64,
    /// When it ended, s.
    pub final_s: f64,
    /// Load shed by relays, MW.
    pub shed_mw: f64,
    /// Generation tripped by relays, MW.
    pub tripped_mw: f64,
    /// Power of each group of governors at the end, MW.
    pub reserve_mw: Vec<f64>,
    /// Relays that acted, in order.
    pub acted: Vec<Acted>,
    /// Frequency over time, s and Hz, at most every [`Horizon::trace_every_s`].
    pub trace: Vec<(f64, f64)>,
}

/// How long to look and how much to keep.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Horizon {
    /// Longest time, s.
    pub end_s: f64,
    /// Distance of the points of the trace, s; infinite for none but the first.
    pub trace_every_s: f64,
}

impl Reserve {
    /// Power in the long run at a deviation, MW.
    pub fn target_mw(&self, deviation_hz: f64) -> f64 {
        let beyond = (deviation_hz.abs() - self.dead_band_hz).max(0.0).copysign(deviation_hz);
        (-self.slope_mw_per_hz * beyond).clamp(-self.down_mw, self.up_mw)
    }

    fn rate(&self, deviation_hz: f64, g: f64) -> f64 {
        ((self.target_mw(deviation_hz) - g) / self.time_constant_s).clamp(-self.ramp_mw_per_s, self.ramp_mw_per_s)
    }

    fn is_good(&self) -> bool {
        let sizes = [self.slope_mw_per_hz, self.dead_band_hz, self.up_mw, self.down_mw];
        sizes.iter().all(|x| x.is_finite() && *x >= 0.0) && self.time_constant_s > 0.0 && self.ramp_mw_per_s >= 0.0
    }
}

impl Relay {
    fn is_beyond(&self, f: f64) -> bool {
        if self.action == Action::TripGenerationHigh { f >= self.frequency_hz } else { f <= self.frequency_hz }
    }
}

impl Area {
    fn is_good(&self) -> bool {
        let sizes = [self.nominal_hz, self.kinetic_mws, self.load_mw, self.self_regulation_per_hz];
        sizes.iter().all(|x| x.is_finite() && *x >= 0.0)
            && self.kinetic_mws > 0.0
            && self.nominal_hz > 0.0
            && self.reserves.iter().all(Reserve::is_good)
            && self.relays.iter().all(|r| r.p_mw >= 0.0 && r.delay_s >= 0.0 && r.p_mw.is_finite() && r.frequency_hz.is_finite())
    }

    /// Frequency at which governors and load alone balance a lasting imbalance (generation − load), Hz; none when the widest
    /// deviation is not enough. Relays stay out of it.
    pub fn quasi_steady_hz(&self, imbalance_mw: f64) -> Option<f64> {
        let surplus = |x: f64| {
            imbalance_mw + self.reserves.iter().map(|r| r.target_mw(x)).sum::<f64>() - self.self_regulation_per_hz * self.load_mw * x
        };
        let (mut low, mut high) = (-WIDEST_HZ, WIDEST_HZ);
        if !(self.is_good() && surplus(low) >= 0.0 && surplus(high) <= 0.0) {
            return None;
        }
        for _ in 0..80 {
            // Written from the imbalance's side, so that a stretch without any response is left at its near end.
            let middle = 0.5 * (low + high);
            if surplus(middle) > 0.0 || (surplus(middle) == 0.0 && middle < 0.0) {
                low = middle;
            } else {
                high = middle;
            }
        }
        Some(self.nominal_hz + 0.5 * (low + high))
    }

    /// Follows the frequency after a sudden imbalance (generation − load), MW, from nominal frequency.
    pub fn respond(&self, imbalance_mw: f64, horizon: Horizon) -> Response {
        Run::new(self, imbalance_mw).follow(horizon)
    }
}

/// Deviation and governor powers.
type State = Vec<f64>;

struct Run<'a> {
    area: &'a Area,
    /// Imbalance with all that relays did, MW.
    imbalance_mw: f64,
    y: State,
    time_s: f64,
    /// When each relay acts if the frequency stays beyond its setting.
    due_s: Vec<Option<f64>>,
    done: Vec<bool>,
    out: Response,
}

impl<'a> Run<'a> {
    fn new(area: &'a Area, imbalance_mw: f64) -> Run<'a> {
        let f0 = area.nominal_hz;
        let out = Response {
            ending: Ending::NotSettled,
            fate: Fate::Held,
            nadir: (f0, 0.0),
            zenith: (f0, 0.0),
            rocof_hz_per_s: 0.0,
            final_hz: f0,
            final_s: 0.0,
            shed_mw: 0.0,
            tripped_mw: 0.0,
            reserve_mw: vec![0.0; area.reserves.len()],
            acted: Vec::new(),
            trace: vec![(0.0, f0)],
        };
        let n = area.relays.len();
        Run { area, imbalance_mw, y: vec![0.0; area.reserves.len() + 1], time_s: 0.0, due_s: vec![None; n], done: vec![false; n], out }
    }

    fn frequency(&self, y: &State) -> f64 {
        self.area.nominal_hz + y[0]
    }

    fn slope(&self, y: &State) -> State {
        let area = self.area;
        let net = self.imbalance_mw + y[1..].iter().sum::<f64>() - area.self_regulation_per_hz * area.load_mw * y[0];
        let mut d = vec![net * area.nominal_hz / (2.0 * area.kinetic_mws)];
        d.extend(area.reserves.iter().zip(&y[1..]).map(|(r, &g)| r.rate(y[0], g)));
        d
    }

    /// The state a time h later.
    fn ahead(&self, h: f64) -> State {
        let plus = |d: &State, h: f64| -> State { self.y.iter().zip(d).map(|(y, d)| y + h * d).collect() };
        let a = self.slope(&self.y);
        let b = self.slope(&plus(&a, h / 2.0));
        let c = self.slope(&plus(&b, h / 2.0));
        let d = self.slope(&plus(&c, h));
        (0..self.y.len()).map(|i| self.y[i] + h / 6.0 * (a[i] + 2.0 * (b[i] + c[i]) + d[i])).collect()
    }

    /// True when a relay would start or stop counting, or the area collapse, at this state.
    fn crosses(&self, y: &State) -> bool {
        let f = self.frequency(y);
        let changes = |(i, r): (usize, &Relay)| !self.done[i] && r.is_beyond(f) != self.due_s[i].is_some();
        self.fate(f) != Fate::Held || self.area.relays.iter().enumerate().any(changes)
    }

    fn fate(&self, f: f64) -> Fate {
        if f <= self.area.collapse_low_hz {
            Fate::CollapsedLow
        } else if f >= self.area.collapse_high_hz {
            Fate::CollapsedHigh
        } else {
            Fate::Held
        }
    }

    /// Starts, stops and fires relays at the present state.
    fn act(&mut self) {
        let f = self.frequency(&self.y);
        for (i, r) in self.area.relays.iter().enumerate() {
            if self.done[i] {
                continue;
            }
            if !r.is_beyond(f) {
                self.due_s[i] = None;
                continue;
            }
            let due = *self.due_s[i].get_or_insert(self.time_s + r.delay_s);
            if due > self.time_s {
                continue;
            }
            self.done[i] = true;
            if r.action == Action::ShedLoad {
                self.imbalance_mw += r.p_mw;
                self.out.shed_mw += r.p_mw;
            } else {
                self.imbalance_mw -= r.p_mw;
                self.out.tripped_mw += r.p_mw;
            }
            self.out.acted.push(Acted { time_s: self.time_s, relay: i, frequency_hz: f });
        }
    }

    /// One step; it ends at a relay's time or a crossing.
    fn step(&mut self, end_s: f64) {
        let pending = self.due_s.iter().zip(&self.done).filter(|(_, done)| !**done).filter_map(|(due, _)| *due);
        let stop = pending.fold(end_s.min(self.time_s + STEP_S), f64::min);
        let (mut h, mut y) = (stop - self.time_s, self.ahead(stop - self.time_s));
        if self.crosses(&y) {
            let mut before = 0.0;
            for _ in 0..HALVINGS {
                let middle = 0.5 * (before + h);
                let there = self.ahead(middle);
                if self.crosses(&there) {
                    (h, y) = (middle, there);
                } else {
                    before = middle;
                }
            }
            self.time_s += h;
        } else {
            self.time_s = stop;
        }
        self.y = y;
    }

    fn is_steady(&self) -> bool {
        let waiting = self.due_s.iter().zip(&self.done).any(|(due, done)| due.is_some() && !done);
        let d = self.slope(&self.y);
        // A governor that still moves by this much would move the frequency no faster than the bound within a minute.
        let small = STEADY_HZ_PER_S * 2.0 * self.area.kinetic_mws / self.area.nominal_hz;
        !waiting && d[0].abs() < STEADY_HZ_PER_S && d[1..].iter().all(|g| g.abs() < small / 60.0)
    }

    fn follow(mut self, horizon: Horizon) -> Response {
        if !self.area.is_good() || !self.imbalance_mw.is_finite() || !horizon.end_s.is_finite() {
            self.out.ending = Ending::NotANumber;
            return self.out;
        }
        self.out.rocof_hz_per_s = self.slope(&self.y)[0];
        let bound = (horizon.end_s.max(0.0) / STEP_S) as usize + EXTRA_STEPS;
        for _ in 0..bound {
            self.act();
            let f = self.frequency(&self.y);
            self.out.fate = self.fate(f);
            if self.out.fate != Fate::Held || self.is_steady() {
                self.out.ending = Ending::Solved;
                break;
            }
            if self.time_s >= horizon.end_s {
                break;
            }
            self.step(horizon.end_s);
            let f = self.frequency(&self.y);
            if f < self.out.nadir.0 {
                self.out.nadir = (f, self.time_s);
            }
            if f > self.out.zenith.0 {
                self.out.zenith = (f, self.time_s);
            }
            let last = self.out.trace.last().map_or(0.0, |t| t.0);
            if self.time_s - last >= horizon.trace_every_s - 1e-9 {
                self.out.trace.push((self.time_s, f));
            }
        }
        self.out.final_hz = self.frequency(&self.y);
        self.out.final_s = self.time_s;
        self.out.reserve_mw = self.y[1..].to_vec();
        self.out
    }
}

/// Synchronous areas of the European Union and Great Britain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SynchronousArea {
    /// Continental Europe, since 9 February 2025 with the Baltic states.
    ContinentalEurope,
    /// Nordic.
    Nordic,
    /// Great Britain.
    GreatBritain,
    /// Ireland and Northern Ireland.
    Ireland,
}

/// Rules of a synchronous area. Recalled from the annexes, not read again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    /// First mandatory shedding: frequency, Hz, and share of load (Regulation (EU) 2017/2196, annex).
    pub shed_first: (f64, f64),
    /// Last mandatory shedding: frequency, Hz, and share of load shed by then (same annex).
    pub shed_last: (f64, f64),
    /// Largest share of load in one step (same annex).
    pub shed_step_max: f64,
    /// Fewest steps (same annex).
    pub shed_steps_min: usize,
    /// Largest delay of a shedding relay with its breaker, s (Article 15(7) allows 150 ms for the relay).
    pub shed_delay_s: f64,
    /// Reference incident, the size of the containment reserve, MW (Regulation (EU) 2017/1485, Article 153).
    pub reference_incident_mw: f64,
    /// Deviation at which containment reserve is fully active, Hz (Regulation (EU) 2017/1485, annex V).
    pub full_activation_hz: f64,
    /// Time to full activation, s (same annex).
    pub full_activation_s: f64,
}

impl SynchronousArea {
    /// Rules of the area.
    pub fn rules(self) -> Rules {
        let (shed_first, shed_last, shed_step_max, shed_steps_min) = match self {
            SynchronousArea::ContinentalEurope => ((49.0, 0.05), (48.0, 0.50), 0.10, 6),
            SynchronousArea::Nordic => ((48.8, 0.05), (48.0, 0.30), 0.15, 2),
            SynchronousArea::GreatBritain => ((48.8, 0.05), (48.0, 0.50), 0.10, 4),
            SynchronousArea::Ireland => ((48.85, 0.06), (48.5, 0.60), 0.12, 6),
        };
        let (reference_incident_mw, full_activation_hz, full_activation_s) = match self {
            SynchronousArea::ContinentalEurope => (3000.0, 0.2, 30.0),
            SynchronousArea::Nordic => (1450.0, 0.5, 30.0),
            SynchronousArea::GreatBritain => (1320.0, 0.5, 10.0),
            SynchronousArea::Ireland => (500.0, 0.5, 15.0),
        };
        let shed_delay_s = 0.2;
        Rules {
            shed_first,
            shed_last,
            shed_step_max,
            shed_steps_min,
            shed_delay_s,
            reference_incident_mw,
            full_activation_hz,
            full_activation_s,
        }
    }
}

impl Rules {
    /// Shedding relays that meet the rules with the fewest equal steps, for a load in MW.
    pub fn shedding(&self, load_mw: f64) -> Vec<Relay> {
        let ((first_hz, first), (last_hz, last)) = (self.shed_first, self.shed_last);
        let further = ((last - first) / self.shed_step_max - 1e-9).ceil().max(1.0);
        let further = (further as usize).max(self.shed_steps_min.saturating_sub(1));
        (0..=further)
            .map(|i| Relay {
                action: Action::ShedLoad,
                frequency_hz: first_hz + (last_hz - first_hz) * i as f64 / further as f64,
                delay_s: self.shed_delay_s,
                p_mw: load_mw * if i == 0 { first } else { (last - first) / further as f64 },
            })
            .collect()
    }

    /// Containment reserve of a size, MW, that meets the rules: proportional, full at the full-activation deviation and time.
    pub fn containment(&self, size_mw: f64) -> Reserve {
        Reserve {
            slope_mw_per_hz: size_mw / self.full_activation_hz,
            dead_band_hz: 0.0,
            up_mw: size_mw,
            down_mw: size_mw,
            // A fifth of the time allowed: first-order governors are within 1 % by then.
            time_constant_s: self.full_activation_s / 5.0,
            ramp_mw_per_s: f64::INFINITY,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LONG: Horizon = Horizon { end_s: 300.0, trace_every_s: 0.5 };

    fn governor(slope: f64, room: f64, t: f64) -> Reserve {
        Reserve { slope_mw_per_hz: slope, dead_band_hz: 0.0, up_mw: room, down_mw: room, time_constant_s: t, ramp_mw_per_s: f64::INFINITY }
    }

    fn area(reserves: Vec<Reserve>, relays: Vec<Relay>) -> Area {
        Area {
            nominal_hz: 50.0,
            kinetic_mws: 100_000.0,
            load_mw: 20_000.0,
            self_regulation_per_hz: 0.02,
            reserves,
            relays,
            collapse_low_hz: 47.5,
            collapse_high_hz: 51.5,
        }
    }

    #[test]
    fn load_alone_falls_exponentially() {
        // M = 2·100000/50 = 4000 MW s/Hz, D = 400 MW/Hz: x = −(200/400)(1 − e^(−t/10)).
        let r = area(vec![], vec![]).respond(-200.0, LONG);
        assert!((r.rocof_hz_per_s + 0.05).abs() < 1e-12);
        for (t, f) in &r.trace {
            assert!((f - (50.0 - 0.5 * (1.0 - (-t / 10.0).exp()))).abs() < 1e-9, "{t} {f}");
        }
        assert!((area(vec![], vec![]).quasi_steady_hz(-200.0).unwrap() - 49.5).abs() < 1e-12);
    }

    #[test]
    fn a_governor_swings_as_the_closed_form_says() {
        // M x' = P − D x + g, T g' = −K x − g. With T = 8 s, K = 2000 MW/Hz: x'' + 2ζω x' + ω² x = P/(M T),
        // ω² = (D + K)/(M T), 2ζω = 1/T + D/M; x(0) = 0, x'(0) = P/M.
        let (m, d, k, t, p) = (4000.0, 400.0, 2000.0, 8.0, -600.0);
        let a = area(vec![governor(k, 1e9, t)], vec![]);
        let r = a.respond(p, LONG);
        let (w2, damping): (f64, f64) = ((d + k) / (m * t), 0.5 * (1.0 / t + d / m));
        let wd = (w2 - damping * damping).sqrt();
        let settled = p / (d + k);
        let x = |s: f64| settled + (-damping * s).exp() * (-settled * (wd * s).cos() + (p / m - damping * settled) / wd * (wd * s).sin());
        for (s, f) in &r.trace {
            assert!((f - 50.0 - x(*s)).abs() < 1e-8, "{s} {f}");
        }
        // x' = 0 first where tan(ω_d t) follows from x'(t) = 0; found here by a fine search.
        let (s, low) =
            (0..3_000_000).map(|i| f64::from(i) * 1e-5).map(|s| (s, x(s))).fold((0.0, 0.0), |a, b| if b.1 < a.1 { b } else { a });
        assert!((r.nadir.0 - 50.0 - low).abs() < 1e-5 && (r.nadir.1 - s).abs() < 0.02, "{:?} {s} {low}", r.nadir);
        assert_eq!((r.ending, r.fate), (Ending::Solved, Fate::Held));
        assert!((r.final_hz - 50.0 - settled).abs() < 1e-3);
        assert!((a.quasi_steady_hz(p).unwrap() - 50.0 - settled).abs() < 1e-12);
    }

    #[test]
    fn a_step_is_shed_at_its_setting_and_delay() {
        // Without reaction of load: x = −t/2 for 2000 MW; 49.0 Hz at 2 s, shed at 2.2 s and 48.9 Hz, then level.
        let relay = Relay { action: Action::ShedLoad, frequency_hz: 49.0, delay_s: 0.2, p_mw: 2000.0 };
        let mut a = area(vec![], vec![relay]);
        a.self_regulation_per_hz = 0.0;
        let r = a.respond(-2000.0, LONG);
        assert_eq!((r.ending, r.fate, r.shed_mw, r.acted.len()), (Ending::Solved, Fate::Held, 2000.0, 1));
        assert!((r.acted[0].time_s - 2.2).abs() < 1e-7 && (r.nadir.0 - 48.9).abs() < 1e-7, "{r:?}");
        // Half of it does not stop the fall: 47.5 Hz is reached 1.4/0.25 s later.
        let mut half = a.clone();
        half.relays[0].p_mw = 1000.0;
        let r = half.respond(-2000.0, LONG);
        assert_eq!(r.fate, Fate::CollapsedLow);
        assert!((r.final_s - (2.2 + 1.4 / 0.25)).abs() < 1e-6);
    }

    #[test]
    fn a_relay_whose_frequency_recovers_in_time_stays_quiet() {
        let pump = Relay { action: Action::ShedLoad, frequency_hz: 49.5, delay_s: 0.0, p_mw: 3000.0 };
        let slow = Relay { action: Action::ShedLoad, frequency_hz: 49.5, delay_s: 3.0, p_mw: 500.0 };
        let high = Relay { action: Action::TripGenerationHigh, frequency_hz: 50.2, delay_s: 0.0, p_mw: 1000.0 };
        let mut a = area(vec![], vec![pump, slow, high]);
        a.self_regulation_per_hz = 0.0;
        let r = a.respond(-2000.0, LONG);
        assert_eq!(r.acted.iter().map(|a| a.relay).collect::<Vec<_>>(), [0, 2]);
        assert!((r.final_hz - 50.2).abs() < 1e-6 && r.tripped_mw == 1000.0);
    }

    #[test]
    fn rules_are_met_by_their_steps() {
        use SynchronousArea::{ContinentalEurope, GreatBritain, Ireland, Nordic};
        for rules in [ContinentalEurope, Nordic, GreatBritain, Ireland].map(SynchronousArea::rules) {
            let steps = rules.shedding(1.0);
            assert!(steps.len() >= rules.shed_steps_min);
            assert!(steps.iter().all(|s| s.p_mw <= rules.shed_step_max + 1e-12));
            assert!((steps.iter().map(|s| s.p_mw).sum::<f64>() - rules.shed_last.1).abs() < 1e-12);
            assert!((steps[0].frequency_hz - rules.shed_first.0).abs() < 1e-12);
            assert!((steps[steps.len() - 1].frequency_hz - rules.shed_last.0).abs() < 1e-12);
        }
        assert_eq!(ContinentalEurope.rules().shedding(1.0).len(), 6);
    }

    #[test]
    fn the_loss_of_the_reference_incident_is_held() {
        // 3 GW in Continental Europe (300 GW, 5 s of kinetic energy on 300 GVA, 1 %/Hz... of load): within 0.8 Hz, settled by 0.2 Hz.
        let rules = SynchronousArea::ContinentalEurope.rules();
        let mut a = area(vec![rules.containment(3000.0)], rules.shedding(300_000.0));
        (a.load_mw, a.kinetic_mws, a.self_regulation_per_hz) = (300_000.0, 1_500_000.0, 0.02);
        let r = a.respond(-3000.0, LONG);
        assert!(r.fate == Fate::Held && r.shed_mw == 0.0 && r.nadir.0 > 49.2 && r.final_hz > 49.8, "{r:?}");
    }

    #[test]
    fn bad_data_has_an_ending() {
        let mut a = area(vec![], vec![]);
        assert_eq!(a.respond(f64::NAN, LONG).ending, Ending::NotANumber);
        assert_eq!(a.quasi_steady_hz(-1e9), None);
        a.kinetic_mws = 0.0;
        assert_eq!(a.respond(-1.0, LONG).ending, Ending::NotANumber);
    }

    proptest! {
        #[test]
        fn energy_is_kept_and_the_steady_state_balances(
            p in -6000.0f64..3000.0, slope in 0.0f64..8000.0, room in 0.0f64..3000.0, t in 0.5f64..10.0, band in 0.0f64..0.2,
        ) {
            let rules = SynchronousArea::ContinentalEurope.rules();
            let mut a = area(vec![Reserve { dead_band_hz: band, ..governor(slope, room, t) }], rules.shedding(20_000.0));
            a.relays.push(Relay { action: Action::TripGenerationHigh, frequency_hz: 50.8, delay_s: 0.1, p_mw: 800.0 });
            let r = a.respond(p, Horizon { end_s: 400.0, trace_every_s: STEP_S });
            // Kinetic energy gained = ∫ net power, by the trapezoid rule with the governor's own exact decay of each stretch.
            prop_assert!(r.ending == Ending::Solved || r.ending == Ending::NotSettled);
            if r.fate == Fate::Held && r.ending == Ending::Solved {
                let x = r.final_hz - 50.0;
                let net = p + r.shed_mw - r.tripped_mw + r.reserve_mw[0] - 400.0 * x;
                prop_assert!(net.abs() < 1.0, "{net}");
                // The quasi-steady frequency of what is left is the same, unless the dead band leaves it open.
                let steady = a.quasi_steady_hz(p + r.shed_mw - r.tripped_mw).unwrap();
                prop_assert!((steady - r.final_hz).abs() < 0.02, "{steady} {}", r.final_hz);
            }
            let mut y = (0.0, 0.0, 0.0);
            let mut energy = 0.0;
            let mut acted = r.acted.iter().peekable();
            let mut imbalance = p;
            for w in r.trace.windows(2) {
                let (h, x) = (w[1].0 - w[0].0, 0.5 * (w[0].1 + w[1].1) - 50.0);
                let target = a.reserves[0].target_mw(x);
                y.0 = target + (y.1 - target) * (-h / t).exp();
                energy += h * (imbalance + 0.5 * (y.0 + y.1) - 400.0 * x);
                y.1 = y.0;
                while acted.peek().is_some_and(|e| e.time_s <= w[1].0) {
                    let e = acted.next().unwrap();
                    let relay = a.relays[e.relay];
                    let jump = if relay.action == Action::ShedLoad { relay.p_mw } else { -relay.p_mw };
                    imbalance += jump;
                    energy += jump * (w[1].0 - e.time_s);
                }
                y.2 = w[1].1 - 50.0;
            }
            prop_assert!((energy - 4000.0 * y.2).abs() < 4.0 + 0.002 * p.abs(), "{energy} {}", 4000.0 * y.2);
        }
    }
}

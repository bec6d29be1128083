//! Generation adequacy of one node: how many hours a year the plants are too few, and how much energy is then missing.
//!
//! Units fail independently: X = Σ `c_i` with probability `q_i` each is the capacity on outage, its distribution the convolution of
//! two-point distributions. With total capacity C and load `L_h`: LOLE = `Σ_h` P(X > C − `L_h`), EENS = `Σ_h` E[(X − C + `L_h`)⁺]; the
//! daily-peak LOLE takes the largest load of each 24 h. Source: Billinton, Allan, "Reliability Evaluation of Power Systems", 2nd
//! ed., 1996, chapter 2, DOI 10.1007/978-1-4899-1860-4. By sampling: draw the units' states, hold them against the whole load curve
//! at once (its conditional mean given the states), and average; the half-width of the interval is 1.96 standard errors.

use crate::batch;
use crate::ending::Ending;
use crate::rng::Rng;

/// Standard errors of a 95 % interval.
const Z_95: f64 = 1.959_963_984_540_054;
/// Samples drawn from one seed; blocks run in parallel and are added in order.
const BLOCK: usize = 4096;
/// Most steps of an outage table.
const MAX_STEPS: usize = 1 << 24;

/// A generating unit with two states.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Unit {
    /// Capacity when up, MW.
    pub p_max_mw: f64,
    /// Probability of being on forced outage.
    pub forced_outage_rate: f64,
}

/// Forced outage rates of the IEEE Reliability Test System by unit size, MW (IEEE Trans. Power Appar. Syst. PAS-98(6), 1979,
/// table 1, DOI 10.1109/TPAS.1979.319398).
const RTS79_RATES: [(f64, f64); 9] =
    [(12.0, 0.02), (20.0, 0.10), (50.0, 0.01), (76.0, 0.02), (100.0, 0.04), (155.0, 0.04), (197.0, 0.05), (350.0, 0.08), (400.0, 0.12)];

/// Forced outage rate of the unit of the Reliability Test System that is nearest in size, by ratio: what stands where a network
/// gives none. For units of that system itself it is exact.
pub fn rts79_rate(p_max_mw: f64) -> f64 {
    let far = |size: f64| (p_max_mw.max(1e-9) / size).ln().abs();
    RTS79_RATES.iter().min_by(|a, b| far(a.0).total_cmp(&far(b.0))).map_or(0.0, |r| r.1)
}

/// Adequacy of a load curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adequacy {
    /// Loss-of-load expectation, h over the load curve (h/yr for a year).
    pub lole_h: f64,
    /// Expected energy not served, `MWh` over the load curve (`MWh`/yr for a year).
    pub eens_mwh: f64,
    /// Loss-of-load expectation of the daily peaks, days over the load curve (d/yr for a year).
    pub lole_daily_peaks_d: f64,
}

/// Adequacy by sampling, each figure with the half-width of its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampled {
    /// Means over the samples.
    pub mean: Adequacy,
    /// Half-widths of the 95 % intervals.
    pub half_width: Adequacy,
    /// Number of samples.
    pub n_samples: usize,
}

/// Distribution of the capacity on outage in equal steps.
#[derive(Debug, Clone, PartialEq)]
pub struct OutageTable {
    /// Width of a step, MW.
    pub step_mw: f64,
    /// Capacity of all units, MW.
    pub capacity_mw: f64,
    /// P(X = k steps).
    pub probability: Vec<f64>,
    /// P(X ≥ k steps), one entry more than `probability`.
    at_least: Vec<f64>,
    /// E[X; X ≥ k steps] in steps, one entry more than `probability`.
    steps_at_least: Vec<f64>,
}

fn check(units: &[Unit], load_mw: &[f64]) -> Result<(), Ending> {
    let good = |u: &Unit| u.p_max_mw.is_finite() && u.p_max_mw >= 0.0 && (0.0..=1.0).contains(&u.forced_outage_rate);
    if units.iter().all(good) && load_mw.iter().all(|l| l.is_finite()) { Ok(()) } else { Err(Ending::NotANumber) }
}

impl OutageTable {
    /// Convolves the units. A capacity that is no multiple of the step is split between its two neighbours so that its mean
    /// is kept; multiples are exact.
    pub fn new(units: &[Unit], step_mw: f64) -> Result<OutageTable, Ending> {
        check(units, &[step_mw])?;
        let capacity_mw: f64 = units.iter().map(|u| u.p_max_mw).sum();
        let most: f64 = units.iter().map(|u| (u.p_max_mw / step_mw).ceil()).sum();
        if step_mw <= 0.0 || most >= MAX_STEPS as f64 {
            return Err(Ending::IterationLimit);
        }
        let mut probability = vec![0.0; most as usize + 1];
        probability[0] = 1.0;
        let mut top = 0;
        for u in units {
            let steps = u.p_max_mw / step_mw;
            let (low, q) = (steps.floor() as usize, u.forced_outage_rate);
            let high_share = steps - low as f64;
            let high = low + usize::from(high_share > 0.0);
            // From above, so that each state is read before it is written.
            for k in (0..=top + high).rev() {
                let from = |shift: usize| if k >= shift && k - shift <= top { probability[k - shift] } else { 0.0 };
                probability[k] = (1.0 - q) * from(0) + q * ((1.0 - high_share) * from(low) + high_share * from(high));
            }
            top += high;
        }
        let (mut at_least, mut steps_at_least) = (vec![0.0; top + 2], vec![0.0; top + 2]);
        for k in (0..=top).rev() {
            at_least[k] = at_least[k + 1] + probability[k];
            steps_at_least[k] = steps_at_least[k + 1] + k as f64 * probability[k];
        }
        Ok(OutageTable { step_mw, capacity_mw, probability, at_least, steps_at_least })
    }

    /// Probability that the load is not met, and the expected shortfall, MW.
    pub fn shortfall(&self, load_mw: f64) -> (f64, f64) {
        let margin = (self.capacity_mw - load_mw) / self.step_mw;
        // A load that equals the capacity is met, whatever the last digit of the division says.
        let first = if margin < 0.0 { 0 } else { ((margin + 1e-9).floor() as usize + 1).min(self.at_least.len() - 1) };
        let p = self.at_least[first];
        (p, (self.steps_at_least[first] - margin * p).max(0.0) * self.step_mw)
    }

    /// Adequacy against an hourly load curve, MW.
    pub fn adequacy(&self, load_mw: &[f64]) -> Result<Adequacy, Ending> {
        check(&[], load_mw)?;
        let mut sum = Adequacy { lole_h: 0.0, eens_mwh: 0.0, lole_daily_peaks_d: 0.0 };
        for &l in load_mw {
            let (p, mw) = self.shortfall(l);
            sum.lole_h += p;
            sum.eens_mwh += mw;
        }
        sum.lole_daily_peaks_d = daily_peaks(load_mw).iter().map(|&l| self.shortfall(l).0).sum();
        Ok(sum)
    }
}

/// Largest load of each 24 h.
fn daily_peaks(load_mw: &[f64]) -> Vec<f64> {
    load_mw.chunks(24).map(|day| day.iter().copied().fold(f64::NEG_INFINITY, f64::max)).collect()
}

/// A load curve sorted downwards, with running sums: hours above a level and energy above it in O(log hours).
struct Duration {
    load: Vec<f64>,
    energy: Vec<f64>,
}

impl Duration {
    fn new(load_mw: &[f64]) -> Duration {
        let mut load = load_mw.to_vec();
        load.sort_by(|a, b| b.total_cmp(a));
        let mut energy = vec![0.0];
        for l in &load {
            energy.push(energy[energy.len() - 1] + l);
        }
        Duration { load, energy }
    }

    /// Hours with a load above the level, and the energy above it.
    fn above(&self, level: f64) -> (f64, f64) {
        let n = self.load.partition_point(|&l| l > level + 1e-9);
        (n as f64, self.energy[n] - level * n as f64)
    }
}

/// Adequacy by drawing unit states; the same for any number of threads.
pub fn sample(units: &[Unit], load_mw: &[f64], n_samples: usize, seed: u64, threads: usize) -> Result<Sampled, Ending> {
    check(units, load_mw)?;
    let (hours, days) = (Duration::new(load_mw), Duration::new(&daily_peaks(load_mw)));
    let capacity: f64 = units.iter().map(|u| u.p_max_mw).sum();
    let mut seeds = Rng::new(seed);
    let blocks: Vec<(u64, usize)> = (0..n_samples.div_ceil(BLOCK)).map(|i| (seeds.bits(), BLOCK.min(n_samples - i * BLOCK))).collect();
    let parts = batch::map(blocks.len(), threads, |i| {
        let mut rng = Rng::new(blocks[i].0);
        let mut sums = [(0.0, 0.0); 3];
        for _ in 0..blocks[i].1 {
            let out: f64 = units.iter().map(|u| if rng.unit() < u.forced_outage_rate { u.p_max_mw } else { 0.0 }).sum();
            let (h, mwh) = hours.above(capacity - out);
            let (d, _) = days.above(capacity - out);
            for (s, x) in sums.iter_mut().zip([h, mwh, d]) {
                s.0 += x;
                s.1 += x * x;
            }
        }
        sums
    });
    let mut total = [(0.0, 0.0); 3];
    for (t, s) in parts.iter().flat_map(|p| p.iter().enumerate()).map(|(k, s)| (k, *s)) {
        total[t].0 += s.0;
        total[t].1 += s.1;
    }
    let n = n_samples.max(1) as f64;
    let [lole, eens, daily] = total.map(|(s, square)| {
        let variance = (square / n - (s / n).powi(2)).max(0.0) * n / (n - 1.0).max(1.0);
        (s / n, Z_95 * (variance / n).sqrt())
    });
    let pick = |f: fn((f64, f64)) -> f64| Adequacy { lole_h: f(lole), eens_mwh: f(eens), lole_daily_peaks_d: f(daily) };
    Ok(Sampled { mean: pick(|x| x.0), half_width: pick(|x| x.1), n_samples })
}

/// Weekly peak in percent of the annual peak, weeks 1 to 52 (RTS-79, table 1).
const WEEK: [f64; 52] = [
    86.2, 90.0, 87.8, 83.4, 88.0, 84.1, 83.2, 80.6, 74.0, 73.7, 71.5, 72.7, 70.4, 75.0, 72.1, 80.0, 75.4, 83.7, 87.0, 88.0, 85.6, 81.1,
    90.0, 88.7, 89.6, 86.1, 75.5, 81.6, 80.1, 88.0, 72.2, 77.6, 80.0, 72.9, 72.6, 70.5, 78.0, 69.5, 72.4, 72.4, 74.3, 74.4, 80.0, 88.1,
    88.5, 90.9, 94.0, 89.0, 94.2, 97.0, 100.0, 95.2,
];
/// Daily peak in percent of the weekly peak, Monday to Sunday (RTS-79, table 2).
const DAY: [f64; 7] = [93.0, 100.0, 98.0, 96.0, 94.0, 77.0, 75.0];
/// Hourly peak in percent of the daily peak: winter, summer, spring and autumn, each weekday and weekend (RTS-79, table 3).
const HOUR: [[[u8; 24]; 2]; 3] = [
    [
        [67, 63, 60, 59, 59, 60, 74, 86, 95, 96, 96, 95, 95, 95, 93, 94, 99, 100, 100, 96, 91, 83, 73, 63],
        [78, 72, 68, 66, 64, 65, 66, 70, 80, 88, 90, 91, 90, 88, 87, 87, 91, 100, 99, 97, 94, 92, 87, 81],
    ],
    [
        [64, 60, 58, 56, 56, 58, 64, 76, 87, 95, 99, 100, 99, 100, 100, 97, 96, 96, 93, 92, 92, 93, 87, 72],
        [74, 70, 66, 65, 64, 62, 62, 66, 81, 86, 91, 93, 93, 92, 91, 91, 92, 94, 95, 95, 100, 93, 88, 80],
    ],
    [
        [63, 62, 60, 58, 59, 65, 72, 85, 95, 99, 100, 99, 93, 92, 90, 88, 90, 92, 96, 98, 96, 90, 80, 70],
        [75, 73, 69, 66, 65, 65, 68, 74, 83, 89, 92, 94, 91, 90, 90, 86, 85, 88, 92, 100, 97, 95, 90, 85],
    ],
];

/// Load of the IEEE Reliability Test System as a share of its annual peak: 8,736 h, from Monday 0 h of week 1.
///
/// Source: IEEE RTS Task Force, IEEE Trans. Power App. Syst. PAS-98(6), 1979, DOI 10.1109/TPAS.1979.319398, tables 1 to 3.
pub fn rts79_load_shape() -> Vec<f64> {
    let mut shape = Vec::with_capacity(8736);
    for (w, week) in WEEK.iter().enumerate() {
        let season = match w + 1 {
            1..=8 | 44..=52 => 0,
            18..=30 => 1,
            _ => 2,
        };
        for (d, day) in DAY.iter().enumerate() {
            shape.extend(HOUR[season][usize::from(d >= 5)].iter().map(|&h| week * day * f64::from(h) / 1e6));
        }
    }
    shape
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn units(rows: &[(usize, f64, f64)]) -> Vec<Unit> {
        rows.iter().flat_map(|&(n, p_max_mw, forced_outage_rate)| vec![Unit { p_max_mw, forced_outage_rate }; n]).collect()
    }

    fn rts79() -> Vec<Unit> {
        units(&[
            (5, 12.0, 0.02),
            (4, 20.0, 0.10),
            (6, 50.0, 0.01),
            (4, 76.0, 0.02),
            (3, 100.0, 0.04),
            (4, 155.0, 0.04),
            (3, 197.0, 0.05),
            (1, 350.0, 0.08),
            (2, 400.0, 0.12),
        ])
    }

    fn load(peak_mw: f64) -> Vec<f64> {
        rts79_load_shape().iter().map(|s| s * peak_mw).collect()
    }

    #[test]
    fn the_reliability_test_system_has_its_published_adequacy() {
        let a = OutageTable::new(&rts79(), 1.0).unwrap().adequacy(&load(2850.0)).unwrap();
        assert!((a.lole_h - 9.39418).abs() < 5e-6, "{a:?}");
        assert!((a.eens_mwh - 1176.30).abs() < 5e-3, "{a:?}");
        assert!((a.lole_daily_peaks_d - 1.36886).abs() < 5e-6, "{a:?}");
    }

    #[test]
    fn the_roy_billinton_test_system_has_its_published_adequacy() {
        let rbts = units(&[(2, 40.0, 0.03), (1, 20.0, 0.025), (1, 10.0, 0.02), (1, 40.0, 0.02), (4, 20.0, 0.015), (2, 5.0, 0.01)]);
        let a = OutageTable::new(&rbts, 1.0).unwrap().adequacy(&load(185.0)).unwrap();
        assert!((a.lole_h - 1.09156).abs() < 5e-6, "{a:?}");
        assert!((a.eens_mwh - 9.8614).abs() < 5e-5, "{a:?}");
        assert!((a.lole_daily_peaks_d - 0.14695).abs() < 5e-6, "{a:?}");
    }

    #[test]
    fn sampling_agrees_within_its_interval_at_any_number_of_threads() {
        let exact = OutageTable::new(&rts79(), 1.0).unwrap().adequacy(&load(2850.0)).unwrap();
        let one = sample(&rts79(), &load(2850.0), 200_000, 7, 1).unwrap();
        assert_eq!(one, sample(&rts79(), &load(2850.0), 200_000, 7, 2).unwrap());
        // Three half-widths: a chance of 4e-9 of a false alarm, and the seed is fixed.
        assert!((one.mean.lole_h - exact.lole_h).abs() < 3.0 * one.half_width.lole_h, "{one:?}");
        assert!((one.mean.eens_mwh - exact.eens_mwh).abs() < 3.0 * one.half_width.eens_mwh, "{one:?}");
        assert!((one.mean.lole_daily_peaks_d - exact.lole_daily_peaks_d).abs() < 3.0 * one.half_width.lole_daily_peaks_d);
        assert!(one.half_width.lole_h < 0.05 * exact.lole_h);
    }

    #[test]
    fn two_units_by_hand() {
        // 100 MW q 0.1 and 50 MW q 0.2 against 60 MW: short with the first out (0.1): 10 MW if the second is up, else 60 MW.
        let t = OutageTable::new(&units(&[(1, 100.0, 0.1), (1, 50.0, 0.2)]), 1.0).unwrap();
        let (p, mw) = t.shortfall(60.0);
        assert!((p - 0.1).abs() < 1e-15 && (mw - 0.1 * (0.8 * 10.0 + 0.2 * 60.0)).abs() < 1e-13);
        // A load equal to the capacity is met; above it never.
        assert!((t.shortfall(150.0).0 - (1.0 - 0.9 * 0.8)).abs() < 1e-15);
        assert!((t.shortfall(151.0).0 - 1.0).abs() < 1e-15);
        assert!((t.shortfall(151.0).1 - (1.0 + 0.1 * 100.0 + 0.2 * 50.0)).abs() < 1e-12);
        assert_eq!(t.shortfall(0.0), (0.0, 0.0));
    }

    #[test]
    fn bad_data_has_an_ending() {
        let bad = [Unit { p_max_mw: f64::NAN, forced_outage_rate: 0.1 }];
        assert_eq!(OutageTable::new(&bad, 1.0).unwrap_err(), Ending::NotANumber);
        assert_eq!(OutageTable::new(&[], 0.0).unwrap_err(), Ending::IterationLimit);
        assert_eq!(sample(&[], &[f64::NAN], 1, 1, 1).unwrap_err(), Ending::NotANumber);
    }

    proptest! {
        #[test]
        fn convolution_equals_enumeration(
            rows in proptest::collection::vec((0.0f64..30.0, 0.0f64..1.0), 1..9),
            share in 0.0f64..1.2,
            whole in proptest::bool::ANY,
        ) {
            let unit = |&(c, q): &(f64, f64)| Unit { p_max_mw: if whole { c.round() } else { c }, forced_outage_rate: q };
            let units: Vec<Unit> = rows.iter().map(unit).collect();
            let t = OutageTable::new(&units, 1.0).unwrap();
            let load = share * t.capacity_mw;
            let (mut p, mut mw, mut mean) = (0.0, 0.0, 0.0);
            for state in 0..1usize << units.len() {
                let (mut chance, mut up) = (1.0, 0.0);
                for (i, u) in units.iter().enumerate() {
                    let is_out = state >> i & 1 == 1;
                    chance *= if is_out { u.forced_outage_rate } else { 1.0 - u.forced_outage_rate };
                    up += if is_out { 0.0 } else { u.p_max_mw };
                }
                p += if load > up + 1e-9 { chance } else { 0.0 };
                mw += chance * (load - up).max(0.0);
                mean += chance * (t.capacity_mw - up);
            }
            let kept: f64 = t.probability.iter().enumerate().map(|(k, p)| k as f64 * p).sum();
            prop_assert!((kept - mean).abs() < 1e-9, "the mean is kept");
            let (tp, tmw) = t.shortfall(load);
            if whole {
                prop_assert!((tp - p).abs() < 1e-12 && (tmw - mw).abs() < 1e-9, "{tp} {p} {tmw} {mw}");
            } else {
                // Splitting widens the distribution: the expected shortfall can only grow, and by less than half a step a unit.
                prop_assert!(tmw >= mw - 1e-9 && tmw - mw <= 0.5 * units.len() as f64, "{tmw} {mw}");
            }
        }
    }
}

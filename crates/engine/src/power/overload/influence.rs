//! What many cascades say together: the distribution of lost load, and which branches matter.
//!
//! Influence graph (Hines, Dobson, Rezaei, IEEE Trans. Power Syst. 32(2), 2017, DOI 10.1109/TPWRS.2016.2578259). Each branch that trips
//! in generation g + 1 is shared equally among those that tripped in g. Branch i has on average `λ_i` children, child j of i with
//! probability g[j|i]; with Poisson numbers of children, `H_ij` = 1 − exp(−`λ_i` g[j|i]) is the chance that i brings j down. With
//! p₀ the chance of each branch to be in generation 0, u = Σ (Hᵀ)ᵗ p₀ counts how often a branch trips and v = Σ Hᵗ H 1 how many follow
//! from one trip, over as many generations as were seen. `u_i` `v_i` is the derivative of the mean size of a cascade by the
//! propagation of branch i: its criticality.

use super::timed::{Outcome, What};
use crate::rng::Rng;

/// Most generations the sums run over.
const MAX_GENERATIONS: u32 = 1000;

/// A branch and how much it matters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Critical {
    /// Branch, by index.
    pub branch: u32,
    /// Expected trips of it in a cascade, u.
    pub trips: f64,
    /// Expected trips that follow from one of its own, v.
    pub children: f64,
    /// Expected trips a cascade owes to its propagation, u · v.
    pub criticality: f64,
}

/// Ranks branches by criticality from cascades of (branch, generation), generations ascending; most critical first, ties by index.
/// Only branches with a positive criticality are listed.
pub fn critical_branches(n_branches: usize, cascades: &[Vec<(u32, u32)>]) -> Vec<Critical> {
    let mut start = vec![0.0; n_branches];
    let mut seen = vec![0.0; n_branches];
    let mut pairs: Vec<(u32, u32, f64)> = Vec::new();
    let mut generations = 0;
    for cascade in cascades {
        let of = |g: u32| {
            let from = cascade.partition_point(|t| t.1 < g);
            &cascade[from..cascade.partition_point(|t| t.1 <= g)]
        };
        let last = cascade.last().map_or(0, |t| t.1).min(MAX_GENERATIONS);
        generations = generations.max(last);
        of(0).iter().for_each(|t| start[t.0 as usize] += 1.0 / cascades.len() as f64);
        for g in 0..=last {
            let (parents, children) = (of(g), of(g + 1));
            for p in parents {
                seen[p.0 as usize] += 1.0;
                pairs.extend(children.iter().map(|c| (p.0, c.0, 1.0 / parents.len() as f64)));
            }
        }
    }
    pairs.sort_by_key(|p| (p.0, p.1));
    let mut links: Vec<(usize, usize, f64)> = Vec::new();
    for (i, j, share) in pairs {
        match links.last_mut() {
            Some(l) if (l.0, l.1) == (i as usize, j as usize) => l.2 += share,
            _ => links.push((i as usize, j as usize, share)),
        }
    }
    for l in &mut links {
        l.2 = 1.0 - (-l.2 / seen[l.0]).exp();
    }
    let (mut trips, mut wave) = (start.clone(), start);
    let (mut children, mut after) = (vec![0.0; n_branches], vec![1.0; n_branches]);
    for _ in 0..generations {
        let (mut next, mut before) = (vec![0.0; n_branches], vec![0.0; n_branches]);
        for &(i, j, h) in &links {
            next[j] += h * wave[i];
            before[i] += h * after[j];
        }
        for k in 0..n_branches {
            trips[k] += next[k];
            children[k] += before[k];
        }
        (wave, after) = (next, before);
    }
    let mut list: Vec<Critical> = (0..n_branches)
        .map(|k| Critical { branch: k as u32, trips: trips[k], children: children[k], criticality: trips[k] * children[k] })
        .filter(|c| c.criticality > 0.0)
        .collect();
    list.sort_by(|a, b| b.criticality.total_cmp(&a.criticality).then(a.branch.cmp(&b.branch)));
    list
}

/// Generations of a cascade in time: trips closer than `gap_s` to the one before are of its generation.
pub fn generations(outcome: &Outcome, gap_s: f64) -> Vec<(u32, u32)> {
    let (mut generation, mut last_s) = (0, 0.0);
    let mut list = Vec::new();
    for s in &outcome.steps {
        if let What::Branch(k, _) = s.what {
            generation += u32::from(s.time_s - last_s > gap_s);
            last_s = s.time_s;
            list.push((k, generation));
        }
    }
    list
}

/// Distribution of a figure over an ensemble.
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution {
    sorted: Vec<f64>,
}

impl Distribution {
    /// From one value a cascade.
    pub fn new(mut values: Vec<f64>) -> Distribution {
        values.sort_by(f64::total_cmp);
        Distribution { sorted: values }
    }

    /// Mean; 0 of none.
    pub fn mean(&self) -> f64 {
        self.sorted.iter().sum::<f64>() / self.sorted.len().max(1) as f64
    }

    /// Smallest value that at least this share of the cascades does not exceed; 0 of none.
    pub fn quantile(&self, share: f64) -> f64 {
        let n = self.sorted.len();
        let place = (share * n as f64).ceil() as usize;
        self.sorted.get(place.clamp(1, n.max(1)) - 1).copied().unwrap_or(0.0)
    }

    /// Share of the cascades with at least this value.
    pub fn share_at_least(&self, value: f64) -> f64 {
        let below = self.sorted.partition_point(|x| *x < value);
        (self.sorted.len() - below) as f64 / self.sorted.len().max(1) as f64
    }
}

/// Branches lost at once at a sampled start.
pub const START_SIZE: usize = 2;

/// What many cascades from sampled starts come to.
#[derive(Debug, Clone, PartialEq)]
pub struct Ensemble {
    /// Number of cascades.
    pub n_samples: usize,
    /// Load lost, MW.
    pub lost_mw: Distribution,
    /// Trips after the starts.
    pub n_trips: usize,
    /// Branches by criticality, first the most critical.
    pub critical: Vec<Critical>,
}

impl Ensemble {
    /// From the load that each cascade lost, MW, and its branches by generation, the start included.
    pub fn new(n_branches: usize, lost_mw: Vec<f64>, tripped: &[Vec<(u32, u32)>]) -> Ensemble {
        Ensemble {
            n_samples: lost_mw.len(),
            lost_mw: Distribution::new(lost_mw),
            n_trips: tripped.iter().map(|t| t.len().saturating_sub(START_SIZE)).sum(),
            critical: critical_branches(n_branches, tripped),
        }
    }
}

/// Starts of `size` different branches each, drawn evenly from `branches`.
pub fn random_starts(branches: &[u32], size: usize, n: usize, seed: u64) -> Vec<Vec<u32>> {
    let mut rng = Rng::new(seed);
    let mut pool = branches.to_vec();
    let size = size.min(pool.len());
    let draw = |_| {
        for i in 0..size {
            let j = i + rng.below(pool.len() - i);
            pool.swap(i, j);
        }
        pool[..size].to_vec()
    };
    (0..n).map(draw).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_by_hand() {
        // 0 always brings 1 down, 1 brings 2 down in half of the cascades; all start with 0.
        let cascades = [vec![(0, 0), (1, 1), (2, 2)], vec![(0, 0), (1, 1)]];
        let c = critical_branches(4, &cascades);
        let (a, b) = (1.0 - (-1.0f64).exp(), 1.0 - (-0.5f64).exp());
        assert_eq!(c.iter().map(|c| c.branch).collect::<Vec<_>>(), [0, 1]);
        assert!((c[0].trips - 1.0).abs() < 1e-12 && (c[0].children - (a + a * b)).abs() < 1e-12);
        assert!((c[1].criticality - a * b).abs() < 1e-12);
    }

    #[test]
    fn parents_share_a_child() {
        let c = critical_branches(3, &[vec![(0, 0), (1, 0), (2, 1)]]);
        assert_eq!((c.len(), c[0].criticality), (2, c[1].criticality));
        assert!((c[0].children - (1.0 - (-0.5f64).exp())).abs() < 1e-12);
    }

    #[test]
    fn quantiles_and_shares() {
        let d = Distribution::new(vec![3.0, 0.0, 1.0, 0.0]);
        assert_eq!((d.mean(), d.quantile(0.5), d.quantile(0.75), d.quantile(1.0)), (1.0, 0.0, 1.0, 3.0));
        assert_eq!((d.share_at_least(1.0), d.share_at_least(4.0)), (0.5, 0.0));
        assert_eq!(Distribution::new(vec![]).quantile(0.5), 0.0);
    }

    #[test]
    fn starts_are_different_branches() {
        let starts = random_starts(&[4, 7, 9], 2, 50, 3);
        assert!(starts.iter().all(|s| s.len() == 2 && s[0] != s[1] && s.iter().all(|b| [4, 7, 9].contains(b))));
        assert_eq!(starts, random_starts(&[4, 7, 9], 2, 50, 3));
    }
}

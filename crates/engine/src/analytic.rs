//! Small published models: interdependent percolation, reliability importance, input-output inoperability.
//!
//! They stand beside the simulator as yardsticks that can be computed by hand or from a formula.

use crate::components::components;
use crate::rng::Rng;

/// Giant mutually connected fraction of two Erdős-Rényi layers of mean degree `k` with one-to-one dependence, after a
/// random share 1 − p of one layer fails. Source: Buldyrev et al., Nature 464, 2010, DOI 10.1038/nature08932.
pub fn mutual_giant_fraction(n: usize, k: f64, p: f64, seed: u64) -> f64 {
    let mut rng = Rng::new(seed);
    let layers: [Vec<(usize, usize)>; 2] = std::array::from_fn(|_| {
        let m = (n as f64 * k / 2.0).round() as usize;
        (0..m).map(|_| (rng.below(n), rng.below(n))).filter(|(a, b)| a != b).collect()
    });
    let mut order: Vec<usize> = (0..n).collect();
    rng.shuffle(&mut order);
    let mut live = vec![false; n];
    for &i in &order[..(p * n as f64).round() as usize] {
        live[i] = true;
    }
    // A node lives while it is in the giant component of both layers; each pass removes at least one node.
    for _ in 0..n {
        let before = live.iter().filter(|&&x| x).count();
        for edges in &layers {
            keep_giant(&mut live, edges);
        }
        if live.iter().filter(|&&x| x).count() == before {
            break;
        }
    }
    live.iter().filter(|&&x| x).count() as f64 / n as f64
}

/// Giant fraction of one Erdős-Rényi layer after a random share 1 − p fails.
pub fn giant_fraction(n: usize, k: f64, p: f64, seed: u64) -> f64 {
    let mut rng = Rng::new(seed);
    let m = (n as f64 * k / 2.0).round() as usize;
    let edges: Vec<(usize, usize)> = (0..m).map(|_| (rng.below(n), rng.below(n))).filter(|(a, b)| a != b).collect();
    let mut live: Vec<bool> = (0..n).map(|_| rng.unit() < p).collect();
    keep_giant(&mut live, &edges);
    live.iter().filter(|&&x| x).count() as f64 / n as f64
}

fn keep_giant(live: &mut [bool], edges: &[(usize, usize)]) {
    let (component, count) = components(live.len(), edges.iter().copied().filter(|&(a, b)| live[a] && live[b]));
    let mut size = vec![0usize; count];
    for (&c, _) in component.iter().zip(live.iter()).filter(|(_, live)| **live) {
        size[c] += 1;
    }
    let giant = (0..count).max_by_key(|&c| (size[c], std::cmp::Reverse(c))).unwrap_or(0);
    for (live, &c) in live.iter_mut().zip(&component) {
        *live &= c == giant;
    }
}

/// Critical share of the two-layer model times k, and the giant fraction times k there, from the tangency of
/// x = p (1 − e^(−k x))²: with y = k x, the maximum of y / (1 − e^(−y))² is 1/… solved by bisection on its derivative.
pub fn mutual_critical_point() -> (f64, f64) {
    // p k = y / (1 − e^(−y))²; its minimum over y > 0 is the threshold. Derivative zero: 1 − e^(−y) = 2 y e^(−y).
    let f = |y: f64| 1.0 - (-y).exp() - 2.0 * y * (-y).exp();
    let (mut low, mut high) = (0.5, 3.0);
    for _ in 0..200 {
        let mid = f64::midpoint(low, high);
        if f(mid) < 0.0 {
            low = mid;
        } else {
            high = mid;
        }
    }
    let y = f64::midpoint(low, high);
    (y / (1.0 - (-y).exp()).powi(2), y)
}

/// Giant fraction of the two-layer model from its equation x = p (1 − e^(−k x))², the largest root (0 below the threshold).
pub fn mutual_giant_formula(k: f64, p: f64) -> f64 {
    let mut x = 1.0_f64;
    for _ in 0..100_000 {
        let next = p * (1.0 - (-k * x).exp()).powi(2);
        if (next - x).abs() < 1e-15 {
            return next;
        }
        x = next;
    }
    if x < 1e-6 { 0.0 } else { x }
}

/// Importance of one component.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Importance {
    /// Birnbaum: ∂R/∂p.
    pub birnbaum: f64,
    /// Fussell-Vesely: share of system failure in which the component has failed on a cut, (F − F(works)) / F.
    pub fussell_vesely: f64,
    /// Risk achievement worth: F(failed) / F.
    pub achievement_worth: f64,
}

/// Reliability of a system of independent components and the importance of each, by enumeration of all states (n ≤ 20).
/// Source: Birnbaum 1969; Rausand, Høyland, "System Reliability Theory", Wiley 2004, chapter 5.
pub fn reliability(p: &[f64], works: impl Fn(&[bool]) -> bool) -> (f64, Vec<Importance>) {
    let n = p.len();
    let given = |fixed: Option<(usize, bool)>| {
        let mut r = 0.0;
        let mut state = vec![false; n];
        for bits in 0..1u32 << n {
            let mut weight = 1.0;
            for i in 0..n {
                state[i] = bits >> i & 1 == 1;
                weight *= match fixed {
                    Some((j, value)) if j == i => f64::from(state[i] == value),
                    _ => {
                        if state[i] {
                            p[i]
                        } else {
                            1.0 - p[i]
                        }
                    }
                };
            }
            if weight > 0.0 && works(&state) {
                r += weight;
            }
        }
        r
    };
    let r = given(None);
    let importance = (0..n)
        .map(|i| {
            let (up, down) = (given(Some((i, true))), given(Some((i, false))));
            Importance { birnbaum: up - down, fussell_vesely: (up - r) / (1.0 - r), achievement_worth: (1.0 - down) / (1.0 - r) }
        })
        .collect();
    (r, importance)
}

/// Inoperability q = (I − A)⁻¹ c. `None` when the matrix is singular. Source: Haimes, Jiang, J. Infrastruct. Syst. 7(1), 2001,
/// DOI 10.1061/(ASCE)1076-0342(2001)7:1(1).
pub fn inoperability(a: &[Vec<f64>], c: &[f64]) -> Option<Vec<f64>> {
    let n = c.len();
    let mut m: Vec<Vec<f64>> = (0..n).map(|i| (0..n).map(|j| f64::from(i == j) - a[i][j]).chain([c[i]]).collect()).collect();
    for i in 0..n {
        let pivot = (i..n).max_by(|&x, &y| m[x][i].abs().total_cmp(&m[y][i].abs()))?;
        m.swap(i, pivot);
        if m[i][i].abs() < 1e-14 {
            return None;
        }
        for r in 0..n {
            if r != i {
                let f = m[r][i] / m[i][i];
                let row = m[i].clone();
                for (x, y) in m[r].iter_mut().zip(row).skip(i) {
                    *x -= f * y;
                }
            }
        }
    }
    Some((0..n).map(|i| m[i][n] / m[i][i]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_interdependent_percolation_threshold_and_fractions() {
        let (pk, xk) = mutual_critical_point();
        assert!((pk - 2.455_407).abs() < 1e-6 && (xk - 1.256_431).abs() < 1e-6, "{pk} {xk}");
        for (p, x) in [(0.70, 0.557_613), (0.65, 0.459_778), (0.62, 0.368_869)] {
            // The published fractions are statistical; the formula's first is 0.557616.
            assert!((mutual_giant_formula(4.0, p) - x).abs() < 5e-6, "{p}");
        }
        assert!(mutual_giant_formula(4.0, 0.61) < 1e-6);
    }

    #[test]
    fn simulated_layers_follow_the_formula() {
        let mean = |p: f64| (1..=6).map(|s| mutual_giant_fraction(60_000, 4.0, p, s)).sum::<f64>() / 6.0;
        assert!((mean(0.70) - 0.557_613).abs() < 0.01, "{}", mean(0.70));
        assert!((mean(0.65) - 0.459_778).abs() < 0.02, "{}", mean(0.65));
        assert!(mean(0.58) < 0.02, "{}", mean(0.58));
        // One layer: threshold 1/k.
        assert!(giant_fraction(60_000, 4.0, 0.22, 1) < 0.02);
        assert!(giant_fraction(60_000, 4.0, 0.35, 1) > 0.1);
    }

    #[test]
    fn published_bridge_network_reliability() {
        // 0: a-c, 1: a-d, 2: c-d (middle), 3: c-b, 4: d-b.
        let works = |s: &[bool]| s[0] && s[3] || s[1] && s[4] || s[0] && s[2] && s[4] || s[1] && s[2] && s[3];
        let (r, i) = reliability(&[0.9; 5], works);
        assert!((r - 0.978_48).abs() < 1e-9);
        for k in [0, 1, 3, 4] {
            assert!(
                (i[k].birnbaum - 0.1062).abs() < 1e-9
                    && (i[k].fussell_vesely - 0.493_494).abs() < 1e-6
                    && (i[k].achievement_worth - 5.4414).abs() < 1e-4,
                "{:?}",
                i[k]
            );
        }
        assert!(
            (i[2].birnbaum - 0.0162).abs() < 1e-9
                && (i[2].fussell_vesely - 0.075_279).abs() < 1e-6
                && (i[2].achievement_worth - 1.6775).abs() < 1e-4,
            "{:?}",
            i[2]
        );
    }

    #[test]
    fn published_inoperability() {
        let q = inoperability(&[vec![0.0, 0.4], vec![0.6, 0.0]], &[0.1, 0.0]).expect("regular");
        assert!((q[0] - 0.131_579).abs() < 1e-6 && (q[1] - 0.078_947).abs() < 1e-6);
        assert!(inoperability(&[vec![1.0]], &[0.1]).is_none());
    }
}

//! Air passengers: flows between airports; diversion to airports near by with spare handling.
//!
//! Passengers of a closed airport are taken by other airports within [`DIVERSION_KM`] up to their spare share, nearest
//! first; the rest do not travel.

/// How far passengers are diverted, km.
pub const DIVERSION_KM: f64 = 250.0;

/// Airports and flows.
#[derive(Debug, Clone)]
pub struct Air {
    /// Zone of each airport.
    pub zone: Vec<usize>,
    /// Spare handling of each airport, passengers a day.
    spare: Vec<f64>,
    /// Passengers a day at each airport, from the flows.
    through: Vec<f64>,
    /// Airports within reach, nearest first.
    near: Vec<Vec<usize>>,
    n_zones: usize,
}

impl Air {
    /// Builds from airports (zone, lat, lon, mean passengers a day, spare share) and flows.
    pub fn new(airports: &[(usize, f64, f64, f64, f64)], flows: &[(usize, usize, f64)], n_zones: usize) -> Air {
        let mut through = vec![0.0; airports.len()];
        for &(a, b, p) in flows {
            through[a] += p;
            through[b] += p;
        }
        for (t, a) in through.iter_mut().zip(airports) {
            if *t == 0.0 {
                *t = a.3;
            }
        }
        let near = airports
            .iter()
            .enumerate()
            .map(|(i, a)| {
                let mut others: Vec<(f64, usize)> = airports
                    .iter()
                    .enumerate()
                    .filter(|&(j, _)| j != i)
                    .map(|(j, b)| (buttress_model::geo::distance_km(a.1, a.2, b.1, b.2), j))
                    .filter(|x| x.0 <= DIVERSION_KM)
                    .collect();
                others.sort_by(|x, y| x.0.total_cmp(&y.0).then(x.1.cmp(&y.1)));
                others.into_iter().map(|x| x.1).collect()
            })
            .collect();
        Air { zone: airports.iter().map(|a| a.0).collect(), spare: airports.iter().map(|a| a.3 * a.4).collect(), through, near, n_zones }
    }

    /// Passengers a day at an airport.
    pub fn through(&self, airport: usize) -> f64 {
        self.through[airport]
    }

    /// Passengers a day who cannot travel, by zone, when airports work in these shares.
    pub fn solve(&self, share: &[f64]) -> Vec<f64> {
        let mut lost = vec![0.0; self.n_zones];
        let mut spare: Vec<f64> = self.spare.iter().zip(share).map(|(s, a)| s * a).collect();
        for (i, &a) in share.iter().enumerate() {
            if a >= 1.0 {
                continue;
            }
            let mut left = self.through[i] * (1.0 - a);
            for &j in &self.near[i] {
                let taken = left.min(spare[j]);
                spare[j] -= taken;
                left -= taken;
            }
            lost[self.zone[i]] += left;
        }
        lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_take_what_they_can() {
        let air = Air::new(&[(0, 50.0, 8.0, 1000.0, 0.1), (0, 50.5, 8.5, 2000.0, 0.1), (1, 60.0, 20.0, 500.0, 0.1)], &[], 2);
        assert_eq!(air.solve(&[1.0, 1.0, 1.0]), vec![0.0, 0.0]);
        assert_eq!(air.solve(&[0.0, 1.0, 1.0]), vec![800.0, 0.0]);
        assert_eq!(air.solve(&[1.0, 1.0, 0.0]), vec![0.0, 500.0]);
        assert_eq!(air.solve(&[0.0, 0.0, 1.0]), vec![3000.0, 0.0]);
    }
}

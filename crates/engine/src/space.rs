//! Space: satellite positions, visibility, dilution of precision, satcom capacity.
//!
//! Circular orbits on a spherical Earth: n = √(μ/a³), node drift by J2, positions in an Earth-fixed frame.
//! Position dilution of precision: PDOP = √(tr₃ (HᵀH)⁻¹) with rows (−e, 1), e the unit vector to a satellite.
//! Source: Langley, "Dilution of precision", GPS World 10(5), 1999; Montenbruck, Gill, "Satellite Orbits", Springer 2000.

/// Earth's gravitational parameter, km³/s².
const MU: f64 = 398_600.441_8;
/// Equatorial radius, km.
const RE: f64 = 6378.137;
/// Second zonal harmonic.
const J2: f64 = 1.082_626_68e-3;
/// Earth rotation, rad/s.
const OMEGA: f64 = 7.292_115e-5;
/// PDOP above this is no positioning service (the availability limit of the GPS and Galileo performance standards).
pub const PDOP_LIMIT: f64 = 6.0;
/// Instants over one day at which geometry is taken.
const EPOCHS: usize = 48;

/// Free-space path loss, dB, over `km` at `mhz`, with the engineering constant 32.45 for km and MHz
/// (the exact 20 log₁₀(4π·10⁹/c) is 32.4478). Source: Recommendation ITU-R P.525.
pub fn free_space_loss_db(km: f64, mhz: f64) -> f64 {
    32.45 + 20.0 * km.log10() + 20.0 * mhz.log10()
}

/// A satellite on a circular orbit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Orbit {
    /// Altitude, km.
    pub altitude_km: f64,
    /// Inclination, rad.
    pub inclination: f64,
    /// Right ascension of the node at the epoch, rad.
    pub raan: f64,
    /// Argument of latitude at the epoch, rad.
    pub arg_lat: f64,
}

impl Orbit {
    /// Earth-fixed position (km) `t` seconds after the epoch.
    pub fn position(&self, t: f64) -> [f64; 3] {
        let a = RE + self.altitude_km;
        let n = (MU / a.powi(3)).sqrt();
        let drift = -1.5 * n * J2 * (RE / a).powi(2) * self.inclination.cos();
        let u = self.arg_lat + n * t;
        let node = self.raan + (drift - OMEGA) * t;
        let (su, cu) = u.sin_cos();
        let (sn, cn) = node.sin_cos();
        let (si, ci) = self.inclination.sin_cos();
        [a * (cn * cu - sn * su * ci), a * (sn * cu + cn * su * ci), a * su * si]
    }
}

/// Earth-fixed position (km) on the sphere of the equatorial radius.
pub fn ground(lat_deg: f64, lon_deg: f64) -> [f64; 3] {
    let (sp, cp) = lat_deg.to_radians().sin_cos();
    let (sl, cl) = lon_deg.to_radians().sin_cos();
    [RE * cp * cl, RE * cp * sl, RE * sp]
}

/// Elevation (rad) and unit vector from a ground point to a satellite.
pub fn look(from: [f64; 3], to: [f64; 3]) -> (f64, [f64; 3]) {
    let d = [to[0] - from[0], to[1] - from[1], to[2] - from[2]];
    let range = (d[0] * d[0] + d[1] * d[1] + d[2] * d[2]).sqrt().max(1e-9);
    let e = [d[0] / range, d[1] / range, d[2] / range];
    let up = (e[0] * from[0] + e[1] * from[1] + e[2] * from[2]) / RE;
    (up.clamp(-1.0, 1.0).asin(), e)
}

/// PDOP of unit vectors; infinite with fewer than four or a flat geometry.
pub fn pdop(vectors: &[[f64; 3]]) -> f64 {
    if vectors.len() < 4 {
        return f64::INFINITY;
    }
    let mut m = [[0.0; 8]; 4];
    for e in vectors {
        let row = [-e[0], -e[1], -e[2], 1.0];
        for i in 0..4 {
            for j in 0..4 {
                m[i][j] += row[i] * row[j];
            }
        }
    }
    for (i, row) in m.iter_mut().enumerate() {
        row[4 + i] = 1.0;
    }
    for i in 0..4 {
        let pivot = (i..4).max_by(|&a, &b| m[a][i].abs().total_cmp(&m[b][i].abs())).unwrap_or(i);
        m.swap(i, pivot);
        if m[i][i].abs() < 1e-9 {
            return f64::INFINITY;
        }
        let p = m[i][i];
        for x in &mut m[i] {
            *x /= p;
        }
        for k in 0..4 {
            if k != i {
                let f = m[k][i];
                let row = m[i];
                for (x, y) in m[k].iter_mut().zip(row) {
                    *x -= f * y;
                }
            }
        }
    }
    (m[0][4] + m[1][5] + m[2][6]).max(0.0).sqrt()
}

/// Satellites, systems and gateways as the engine sees them.
#[derive(Debug, Clone)]
pub struct Space {
    /// System of each satellite.
    pub satellite_system: Vec<usize>,
    /// True for systems that give positions.
    pub is_pnt: Vec<bool>,
    /// Satcom capacity of each system, Mbit/s.
    pub satcom_mbit_s: Vec<f64>,
    /// Gateways of each system: (ground site, share, group); sites of one group count once.
    pub gateways: Vec<Vec<(usize, f64, String)>>,
    /// Positioning satellites in view: by zone and epoch, (satellite, unit vector).
    view: Vec<Vec<Vec<(usize, [f64; 3])>>>,
}

/// Shares in service.
#[derive(Debug, Clone, PartialEq)]
pub struct SpaceState {
    /// Satellites.
    pub satellite: Vec<f64>,
    /// Systems as wholes.
    pub system: Vec<f64>,
    /// Ground sites.
    pub site: Vec<f64>,
}

/// One instant's answer.
#[derive(Debug, Clone, PartialEq)]
pub struct SpaceFlow {
    /// Share of the day with PDOP within the limit, by zone.
    pub pnt: Vec<f64>,
    /// Share of the day with at least one timing signal, by zone.
    pub timing: Vec<f64>,
    /// Share of each system's satcom capacity.
    pub satcom: Vec<f64>,
}

impl Space {
    /// Systems without geometry yet.
    pub fn new(
        satellite_system: Vec<usize>,
        is_pnt: Vec<bool>,
        satcom_mbit_s: Vec<f64>,
        gateways: Vec<Vec<(usize, f64, String)>>,
    ) -> Space {
        Space { satellite_system, is_pnt, satcom_mbit_s, gateways, view: Vec::new() }
    }

    /// Computes the geometry over one day for all zones; only orbits of positioning systems are followed.
    #[must_use]
    pub fn with_view(mut self, orbits: &[Option<Orbit>], min_elevation_deg: &[f64], zones: &[(f64, f64)]) -> Space {
        let fixes: Vec<Vec<Option<[f64; 3]>>> = (0..EPOCHS)
            .map(|e| {
                let t = e as f64 * 86_400.0 / EPOCHS as f64;
                orbits
                    .iter()
                    .zip(&self.satellite_system)
                    .map(|(o, &s)| if self.is_pnt[s] { o.map(|o| o.position(t)) } else { None })
                    .collect()
            })
            .collect();
        self.view = zones
            .iter()
            .map(|&(lat, lon)| {
                let here = ground(lat, lon);
                fixes
                    .iter()
                    .map(|sats| {
                        sats.iter()
                            .enumerate()
                            .filter_map(|(k, p)| p.map(|p| (k, look(here, p))))
                            .filter(|(k, (elevation, _))| *elevation >= min_elevation_deg[self.satellite_system[*k]].to_radians())
                            .map(|(k, (_, e))| (k, e))
                            .collect()
                    })
                    .collect()
            })
            .collect();
        self
    }

    /// Solves one instant.
    pub fn solve(&self, state: &SpaceState) -> SpaceFlow {
        let live: Vec<bool> = state.satellite.iter().zip(&self.satellite_system).map(|(&s, &c)| s > 0.5 && state.system[c] > 0.5).collect();
        let (mut pnt, mut timing) = (Vec::with_capacity(self.view.len()), Vec::with_capacity(self.view.len()));
        let mut vectors = Vec::new();
        for epochs in &self.view {
            let (mut fixed, mut timed) = (0usize, 0usize);
            for view in epochs {
                vectors.clear();
                vectors.extend(view.iter().filter(|(k, _)| live[*k]).map(|(_, e)| *e));
                timed += usize::from(!vectors.is_empty());
                fixed += usize::from(pdop(&vectors) <= PDOP_LIMIT);
            }
            pnt.push(fixed as f64 / EPOCHS as f64);
            timing.push(timed as f64 / EPOCHS as f64);
        }
        let satcom =
            (0..self.is_pnt.len()).map(|c| state.system[c] * self.satellites_share(c, state) * self.gateway_share(c, state)).collect();
        SpaceFlow { pnt, timing, satcom }
    }

    fn satellites_share(&self, system: usize, state: &SpaceState) -> f64 {
        let (mut n, mut sum) = (0.0, 0.0);
        for (s, &c) in state.satellite.iter().zip(&self.satellite_system) {
            if c == system {
                n += 1.0;
                sum += s;
            }
        }
        if n > 0.0 { sum / n } else { 1.0 }
    }

    fn gateway_share(&self, system: usize, state: &SpaceState) -> f64 {
        // Sites of one group are alternatives: the group works as well as its best site, and counts its share once.
        let mut groups: std::collections::BTreeMap<&str, (f64, f64)> = std::collections::BTreeMap::new();
        for (site, share, group) in &self.gateways[system] {
            let g = groups.entry(group).or_insert((0.0, 0.0));
            *g = (g.0.max(*share), g.1.max(state.site[*site]));
        }
        let total: f64 = groups.values().map(|g| g.0).sum();
        if total <= 0.0 { 1.0 } else { groups.values().map(|g| g.0 * g.1).sum::<f64>() / total }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_free_space_loss_of_gps_l1() {
        assert!((free_space_loss_db(20_200.0, 1575.42) - 182.505).abs() < 1e-3, "{}", free_space_loss_db(20_200.0, 1575.42));
    }

    #[test]
    fn a_gps_orbit_repeats_its_ground_track_in_a_sidereal_day() {
        let o = Orbit { altitude_km: 26_559.7 - RE, inclination: 55f64.to_radians(), raan: 0.3, arg_lat: 1.1 };
        let (a, b) = (o.position(0.0), o.position(86_164.1));
        let d = ((a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2) + (a[2] - b[2]).powi(2)).sqrt();
        assert!(d < 250.0, "{d} km");
        assert!((a.iter().map(|x| x * x).sum::<f64>().sqrt() - 26_559.7).abs() < 1e-6);
    }

    #[test]
    fn a_regular_tetrahedron_has_the_known_dilution() {
        // One overhead, three at the horizon, 120 degrees apart: HDOP² = 4/3, VDOP² = 4/3.
        let s = 3f64.sqrt() / 2.0;
        let p = pdop(&[[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [-0.5, s, 0.0], [-0.5, -s, 0.0]]);
        assert!((p - (4.0 / 3.0 + 4.0 / 3.0_f64).sqrt()).abs() < 1e-9, "{p}");
        assert!(pdop(&[[0.0, 0.0, 1.0]; 4]).is_infinite());
    }
}

//! Shapes round assets: circles round points, corridors round links.

use super::{Circle, Point, Polygon};

/// Length of a degree of latitude on a sphere of 6,371 km, km.
const KM_PER_DEG: f64 = 111.195;
/// Latitude beyond which a degree of longitude is too short to reckon with.
const MAX_LAT_DEG: f64 = 89.0;
/// Decimals kept of a degree: 1e-5 degree is about a metre.
const DECIMALS: f64 = 1e5;

fn point(lat_deg: f64, lon_deg: f64) -> Point {
    let rounded = |x: f64| (x * DECIMALS).round() / DECIMALS + 0.0;
    let east = if lon_deg > 180.0 {
        lon_deg - 360.0
    } else if lon_deg < -180.0 {
        lon_deg + 360.0
    } else {
        lon_deg
    };
    Point { lat_deg: rounded(lat_deg.clamp(-90.0, 90.0)), lon_deg: rounded(east) }
}

/// A circle; `None` where the point is not on the Earth or the radius is none.
pub fn circle(lat_deg: f64, lon_deg: f64, radius_km: f64) -> Option<Circle> {
    let on_earth = (-90.0..=90.0).contains(&lat_deg) && (-180.0..=180.0).contains(&lon_deg);
    let is_radius = radius_km.is_finite() && radius_km >= 0.0;
    (on_earth && is_radius).then(|| Circle { centre: point(lat_deg, lon_deg), radius_km })
}

/// A rectangle round the straight line between two points (lat, lon, lat, lon), as far beyond its ends as to its sides.
///
/// Reckoned on a plane, so for links of some hundred kilometres; `None` where the ends are not on the Earth, lie beyond 89° or on
/// both sides of the date line, or fall together.
pub fn corridor(ends: [f64; 4], half_width_km: f64) -> Option<Polygon> {
    let [lat_1, lon_1, lat_2, lon_2] = ends;
    let sound = ends.iter().all(|x| x.is_finite()) && half_width_km.is_finite() && half_width_km > 0.0;
    let on_plane = lat_1.abs() <= MAX_LAT_DEG && lat_2.abs() <= MAX_LAT_DEG && (lon_1 - lon_2).abs() <= 180.0;
    if !sound || !on_plane || lon_1.abs() > 180.0 || lon_2.abs() > 180.0 {
        return None;
    }
    let km_per_deg_lon = KM_PER_DEG * f64::midpoint(lat_1, lat_2).to_radians().cos();
    let (north, east) = ((lat_2 - lat_1) * KM_PER_DEG, (lon_2 - lon_1) * km_per_deg_lon);
    let length = north.hypot(east);
    if length < f64::EPSILON {
        return None;
    }
    let (along_n, along_e) = (north / length * half_width_km, east / length * half_width_km);
    let corner = |lat: f64, lon: f64, sign: f64, side: f64| {
        let to_north = sign * along_n - side * along_e;
        let to_east = sign * along_e + side * along_n;
        point(lat + to_north / KM_PER_DEG, lon + to_east / km_per_deg_lon)
    };
    let first = corner(lat_1, lon_1, -1.0, -1.0);
    let points = vec![first, corner(lat_1, lon_1, -1.0, 1.0), corner(lat_2, lon_2, 1.0, 1.0), corner(lat_2, lon_2, 1.0, -1.0), first];
    Some(Polygon { points })
}

/// The smallest circle round the middle of a ring's corners that holds them all.
pub fn round(polygon: &Polygon) -> Option<Circle> {
    let corners = match polygon.points.split_last() {
        Some((last, rest)) if rest.first() == Some(last) => rest,
        _ => &polygon.points[..],
    };
    let n = corners.len();
    if n == 0 {
        return None;
    }
    let mean = |of: fn(&Point) -> f64| corners.iter().map(of).sum::<f64>() / n as f64;
    let (lat_deg, lon_deg) = (mean(|p| p.lat_deg), mean(|p| p.lon_deg));
    let km = |p: &Point| {
        let north = (p.lat_deg - lat_deg) * KM_PER_DEG;
        north.hypot((p.lon_deg - lon_deg) * KM_PER_DEG * lat_deg.to_radians().cos())
    };
    circle(lat_deg, lon_deg, corners.iter().map(km).fold(0.0, f64::max))
}

#[cfg(test)]
mod tests {
    use super::super::check::check;
    use super::super::{Alert, Area, Category, Info, MsgType, Scope, Status};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_corridor_along_a_meridian_is_a_rectangle() {
        let ring = corridor([60.0, 25.0, 59.0, 25.0], 11.1195).unwrap();
        assert_eq!(ring.points.len(), 5);
        assert_eq!(ring.points[0], ring.points[4]);
        let lats: Vec<f64> = ring.points.iter().map(|p| p.lat_deg).collect();
        assert_eq!((lats.iter().copied().fold(90.0, f64::min), lats.iter().copied().fold(-90.0, f64::max)), (58.9, 60.1));
        // At 59.5° a degree of longitude is 56.4 km.
        assert!(ring.points.iter().all(|p| ((p.lon_deg - 25.0).abs() - 0.19703).abs() < 1e-4), "{ring}");
    }

    #[test]
    fn what_has_no_shape_gives_none() {
        assert_eq!(corridor([60.0, 25.0, 60.0, 25.0], 1.0), None);
        assert_eq!(corridor([60.0, -179.0, 60.0, 179.0], 1.0), None);
        assert_eq!(corridor([f64::NAN, 25.0, 60.0, 25.0], 1.0), None);
        assert_eq!((circle(91.0, 0.0, 1.0), circle(0.0, 0.0, -1.0)), (None, None));
    }

    #[test]
    fn a_circle_round_a_ring_holds_its_corners() {
        let ring = corridor([60.0, 25.0, 59.0, 25.0], 11.1195).unwrap();
        let circle = round(&ring).unwrap();
        assert_eq!(circle.centre, Point { lat_deg: 59.5, lon_deg: 25.0 });
        assert!((circle.radius_km - 66.7_f64.hypot(11.1)).abs() < 0.5, "{}", circle.radius_km);
        assert_eq!(round(&Polygon { points: Vec::new() }), None);
    }

    proptest! {
        #[test]
        fn every_corridor_can_be_sent(lat in -80.0..80.0_f64, lon in -170.0..170.0_f64, north in -5.0..5.0_f64, east in -5.0..5.0_f64, w in 0.1..50.0_f64) {
            prop_assume!(north.abs() + east.abs() > 0.01);
            let polygon = corridor([lat, lon, lat + north, lon + east], w).unwrap();
            let area = Area { polygon: vec![polygon], ..Area::new("x") };
            let mut info = Info::new(Category::Infra, "x", super::super::Urgency::Unknown, super::super::Severity::Unknown, super::super::Certainty::Unknown);
            info.area.push(area);
            let sent = "2026-01-15T05:00:00-00:00".parse().unwrap();
            let alert = Alert { info: vec![info], ..Alert::new("a", "b", sent, Status::Actual, MsgType::Alert, Scope::Public) };
            prop_assert_eq!(check(&alert), vec![]);
        }
    }
}

//! Distances on the sphere.

/// Mean Earth radius, km (IUGG).
pub const EARTH_RADIUS_KM: f64 = 6371.0088;

/// Great-circle distance in km between two points in degrees (haversine).
///
/// # Example
/// ```
/// let d = buttress_model::geo::distance_km(48.8566, 2.3522, 52.52, 13.405);
/// assert!((d - 877.5).abs() < 1.0);
/// ```
pub fn distance_km(lat1: f64, lon1: f64, lat2: f64, lon2: f64) -> f64 {
    let (p1, p2) = (lat1.to_radians(), lat2.to_radians());
    let (dp, dl) = (p2 - p1, (lon2 - lon1).to_radians());
    let h = (dp / 2.0).sin().powi(2) + p1.cos() * p2.cos() * (dl / 2.0).sin().powi(2);
    2.0 * EARTH_RADIUS_KM * h.sqrt().clamp(0.0, 1.0).asin()
}

/// Distance in km from a point to the straight path between two points, on a plane that touches the sphere at the point;
/// good to about one per cent up to 1,000 km.
///
/// # Example
/// ```
/// let d = buttress_model::geo::distance_to_path_km(0.0, 0.0, [1.0, -1.0, 1.0, 1.0]);
/// assert!((d - 111.2).abs() < 0.5);
/// ```
pub fn distance_to_path_km(lat: f64, lon: f64, ends: [f64; 4]) -> f64 {
    let scale = lat.to_radians().cos();
    let km = EARTH_RADIUS_KM.to_radians();
    let at = |y: f64, x: f64| ((x - lon) * scale * km, (y - lat) * km);
    let (a, b) = (at(ends[0], ends[1]), at(ends[2], ends[3]));
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let length2 = dx * dx + dy * dy;
    let s = if length2 > 0.0 { (-(a.0 * dx + a.1 * dy) / length2).clamp(0.0, 1.0) } else { 0.0 };
    (a.0 + s * dx).hypot(a.1 + s * dy)
}

//! The map: countries pale, the worst assets as shapes by sector, thin lines to the countries they hit.
//!
//! Projection ETRS89-LAEA (EPSG:3035): Lambert azimuthal equal area on the GRS80 ellipsoid, centre 52° N 10° E.
//! `q = (1 − e²) [sin φ / (1 − e² sin² φ) − 1/(2e) ln((1 − e sin φ)/(1 + e sin φ))]`; `sin β = q / q_pole`;
//! `x = B D cos β sin Δλ`; `y = (B / D) (cos β₁ sin β − sin β₁ cos β cos Δλ)`; `B = R √(2 / (1 + sin β₁ sin β + cos β₁ cos β cos Δλ))`.
//! Source: Snyder, "Map projections: a working manual", USGS Professional Paper 1395, 1987, eqs. 3-11, 3-12, 24-17 to 24-20.

use std::collections::BTreeMap;

use buttress_model::Sector;
use buttress_optim::answer::AssetLoss;

use super::html::{Cell, Table, details, escape, euro, list, paragraph, people, whole};
use super::{Context, Ring, short_list};

/// Assets shown.
pub const N_SHOWN: usize = 30;

const SEMI_MAJOR_M: f64 = 6_378_137.0;
const FLATTENING: f64 = 1.0 / 298.257_222_101;
const EAST_M: f64 = 4_321_000.0;
const NORTH_M: f64 = 3_210_000.0;
/// West and north edge of the frame, metres in EPSG:3035.
const FRAME_WEST_M: f64 = 2_500_000.0;
const FRAME_NORTH_M: f64 = 5_500_000.0;
/// Metres in one unit of the drawing.
const METRES_PER_UNIT: f64 = 4_250.0;
const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 988.0;
/// The borders end just east of this longitude, degrees.
const MAPPED_TO_DEG: f64 = 44.9;
/// Zone of land that is drawn but is no part of the case.
const OUTSIDE: &str = "-";
/// Points of a border closer than this to the last one are left out.
const STEP: f64 = 0.6;
const RADIUS: f64 = 9.0;

/// Moves and zooms the map by buttons; the page is whole without it.
pub const SCRIPT: &str = "(function(){var s=document.getElementById('europe'),b=document.getElementById('mapbar');if(!s||!b)return;\
var f=[0,0,1000,988],v=f.slice();b.hidden=false;b.addEventListener('click',function(e){var k=e.target.getAttribute('data-k');if(!k)return;\
var z=k==='in'?0.7:k==='out'?1/0.7:1,w=Math.min(f[2],Math.max(60,v[2]*z)),h=w*f[3]/f[2],x=v[0]+(v[2]-w)/2,y=v[1]+(v[3]-h)/2;\
if(k==='w')x-=w/5;if(k==='e')x+=w/5;if(k==='n')y-=h/5;if(k==='s')y+=h/5;if(k==='all'){x=0;y=0;w=f[2];h=f[3]}\
v=[Math.max(0,Math.min(f[2]-w,x)),Math.max(0,Math.min(f[3]-h,y)),w,h];s.setAttribute('viewBox',v.join(' '))})})();";

/// Easting and northing in EPSG:3035, metres, of a longitude and latitude in degrees.
pub fn laea(lon: f64, lat: f64) -> (f64, f64) {
    let e2 = FLATTENING * (2.0 - FLATTENING);
    let e = e2.sqrt();
    let q = |phi: f64| {
        let s = phi.sin();
        (1.0 - e2) * (s / (1.0 - e2 * s * s) - ((1.0 - e * s) / (1.0 + e * s)).ln() / (2.0 * e))
    };
    let q_pole = q(std::f64::consts::FRAC_PI_2);
    let phi_1 = 52f64.to_radians();
    let beta_1 = (q(phi_1) / q_pole).clamp(-1.0, 1.0).asin();
    let beta = (q(lat.to_radians()) / q_pole).clamp(-1.0, 1.0).asin();
    let delta = (lon - 10.0).to_radians();
    let r_q = SEMI_MAJOR_M * (q_pole / 2.0).sqrt();
    let m_1 = phi_1.cos() / (1.0 - e2 * phi_1.sin() * phi_1.sin()).sqrt();
    let d = SEMI_MAJOR_M * m_1 / (r_q * beta_1.cos());
    let b = r_q * (2.0 / (1.0 + beta_1.sin() * beta.sin() + beta_1.cos() * beta.cos() * delta.cos())).sqrt();
    let x = b * d * beta.cos() * delta.sin();
    let y = b / d * (beta_1.cos() * beta.sin() - beta_1.sin() * beta.cos() * delta.cos());
    (EAST_M + x, NORTH_M + y)
}

/// Units of the drawing.
fn unit(lon: f64, lat: f64) -> (f64, f64) {
    let (x, y) = laea(lon, lat);
    ((x - FRAME_WEST_M) / METRES_PER_UNIT, (FRAME_NORTH_M - y) / METRES_PER_UNIT)
}

/// Units of the drawing, when inside the frame.
fn place(lon: f64, lat: f64) -> Option<(f64, f64)> {
    // South of the frame the projection nears its singular antipode.
    if lat < 20.0 {
        return None;
    }
    let (x, y) = unit(lon, lat);
    ((0.0..=WIDTH).contains(&x) && (0.0..=HEIGHT).contains(&y)).then_some((x, y))
}

/// The map with its legend, its table and what lies outside the frame.
pub(super) fn draw(ctx: &Context, borders: &[Ring]) -> String {
    let shown: Vec<&AssetLoss> = ctx.findings(false).into_iter().take(N_SHOWN).collect();
    let mut out = String::new();
    out.push_str(
        "<div class=\"mapbar\" id=\"mapbar\" role=\"group\" aria-label=\"Move the map\" hidden>\
<button type=\"button\" data-k=\"in\" aria-label=\"Zoom in\">+</button> <button type=\"button\" data-k=\"out\" aria-label=\"Zoom out\">\u{2212}</button> \
<button type=\"button\" data-k=\"w\" aria-label=\"Move west\">\u{2190}</button> <button type=\"button\" data-k=\"n\" aria-label=\"Move north\">\u{2191}</button> \
<button type=\"button\" data-k=\"s\" aria-label=\"Move south\">\u{2193}</button> <button type=\"button\" data-k=\"e\" aria-label=\"Move east\">\u{2192}</button> \
<button type=\"button\" data-k=\"all\">Whole map</button></div>\n",
    );
    out.push_str(&format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Map of Europe\">\n<svg id=\"europe\" class=\"map\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-labelledby=\"map-title map-desc\">\n\
<title id=\"map-title\">Map of the {} worst single losses</title>\n\
<desc id=\"map-desc\">Europe in an equal-area projection. Each shape is an asset: circle energy, square transport, triangle digital, diamond space. \
The number is its rank. Thin lines lead to the countries that its loss hits. The table below holds the same data.</desc>\n\
<clipPath id=\"frame\"><rect width=\"{WIDTH}\" height=\"{HEIGHT}\"/></clipPath>\n<g clip-path=\"url(#frame)\">\n<rect class=\"sea\" width=\"{WIDTH}\" height=\"{HEIGHT}\"/>\n",
        whole(shown.len())
    ));
    out.push_str(&countries(ctx, borders));
    let outside = marks(ctx, &shown, &mut out);
    out.push_str("</g>\n</svg>\n</div>\n");
    out.push_str(&legend());
    if !outside.is_empty() {
        out.push_str(&paragraph("These have no place inside the frame of the map:"));
        out.push_str(&list(&outside));
    }
    out.push_str(&paragraph(
        "Projection ETRS89-LAEA (EPSG:3035), equal area. Borders and names as in the data's source; they take no position on any dispute. \
Findings that rest on synthetic records are not drawn.",
    ));
    out.push_str(&details("The map as a table", &table(ctx, &shown)));
    out
}

fn countries(ctx: &Context, borders: &[Ring]) -> String {
    let mut paths: BTreeMap<&str, String> = BTreeMap::new();
    for ring in borders {
        let path = ring_path(&without_wrap(&ring.points));
        if !path.is_empty() {
            paths.entry(ring.zone.as_str()).or_default().push_str(&path);
        }
    }
    let mut out = String::new();
    for (zone, path) in &paths {
        if *zone == OUTSIDE {
            out.push_str(&format!("<path class=\"land other\" d=\"{path}\"/>\n"));
        } else {
            out.push_str(&format!("<path class=\"land\" d=\"{path}\"><title>{}</title></path>\n", escape(&ctx.zone_name(zone))));
        }
    }
    out.push_str(&format!("<path class=\"unmapped\" d=\"{}\"/>\n", unmapped()));
    for zone in ctx.case.tables().zones.iter().filter(|z| z.kind == "zone") {
        if let Some((x, y)) = place(zone.lon, zone.lat) {
            out.push_str(&format!("<text class=\"code\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>\n", escape(&zone.key)));
        }
    }
    out
}

/// What lies east of the last meridian that the borders reach.
fn unmapped() -> String {
    let far = WIDTH + 200.0;
    let mut out = String::new();
    for step in 0..=10 {
        let (x, y) = unit(MAPPED_TO_DEG, 35.0 + 5.0 * f64::from(step));
        out.push_str(&format!("{}{x:.1} {y:.1}", if step == 0 { "M" } else { "L" }));
    }
    out.push_str(&format!("L{far} -200L{far} {}Z", HEIGHT + 200.0));
    out
}

/// The ring without the points beyond the 180th meridian, which a cut to a window of longitudes puts on its far edge.
fn without_wrap(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let jump = (0..points.len()).map(|i| (points[i], points[(i + 1) % points.len()])).find(|(a, b)| (a.0 - b.0).abs() > 60.0);
    let Some((a, b)) = jump else { return points.to_vec() };
    let (west, east): (Vec<_>, Vec<_>) = points.iter().partition(|p| p.0 < f64::midpoint(a.0, b.0));
    let main = if west.len() > east.len() { west } else { east };
    if main.len() < 3 { Vec::new() } else { main }
}

/// The ring with points put into long edges, which follow a meridian or parallel and are bent on the map.
fn bent(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut out = Vec::with_capacity(points.len());
    for (i, &a) in points.iter().enumerate() {
        let b = points[(i + 1) % points.len()];
        let n = ((b.0 - a.0).abs().max((b.1 - a.1).abs()) / 2.0).ceil().clamp(1.0, 180.0);
        out.extend((0..n as u32).map(|k| (a.0 + (b.0 - a.0) * f64::from(k) / n, a.1 + (b.1 - a.1) * f64::from(k) / n)));
    }
    out
}

/// Path of one ring; empty when outside the frame or too small to see.
fn ring_path(points: &[(f64, f64)]) -> String {
    let drawn: Vec<(f64, f64)> =
        bent(points).into_iter().map(|(lon, lat)| unit(lon, lat)).filter(|p| p.0.is_finite() && p.1.is_finite()).collect();
    let Some(&first) = drawn.first() else { return String::new() };
    let bounds =
        drawn.iter().fold([first.0, first.1, first.0, first.1], |b, p| [b[0].min(p.0), b[1].min(p.1), b[2].max(p.0), b[3].max(p.1)]);
    let is_outside = bounds[2] < 0.0 || bounds[3] < 0.0 || bounds[0] > WIDTH || bounds[1] > HEIGHT;
    if is_outside || (bounds[2] - bounds[0]).max(bounds[3] - bounds[1]) < 2.0 * STEP {
        return String::new();
    }
    let mut out = format!("M{:.1} {:.1}", first.0, first.1);
    let mut last = first;
    for &p in &drawn[1..] {
        if (p.0 - last.0).hypot(p.1 - last.1) >= STEP {
            out.push_str(&format!("L{:.1} {:.1}", p.0, p.1));
            last = p;
        }
    }
    out.push('Z');
    out
}

/// Draws the shapes, least bad first so that the worst lies on top; returns what has no place.
fn marks(ctx: &Context, shown: &[&AssetLoss], out: &mut String) -> Vec<String> {
    let mut outside = Vec::new();
    let mut taken: Vec<(f64, f64)> = Vec::new();
    let mut placed = Vec::new();
    for (i, loss) in shown.iter().enumerate() {
        let asset = ctx.asset(loss.asset);
        let is_body = matches!(asset.kind.as_str(), "satellite" | "constellation");
        let Some(at) = place(asset.lon, asset.lat).filter(|_| !is_body) else {
            outside.push(sentence(ctx, i + 1, loss));
            continue;
        };
        let spot = free_spot(at, &taken);
        taken.push(spot);
        placed.push((i + 1, *loss, at));
    }
    for (&(rank, loss, at), &spot) in placed.iter().zip(&taken).rev() {
        out.push_str(&mark(ctx, rank, loss, at, spot));
    }
    // Ranks come last, so that no shape covers one.
    for (&(rank, ..), &spot) in placed.iter().zip(&taken) {
        out.push_str(&rank_label(rank, spot, &taken));
    }
    outside
}

/// The nearest spot on a spiral that no earlier shape covers.
fn free_spot(at: (f64, f64), taken: &[(f64, f64)]) -> (f64, f64) {
    let spiral = |k: u32| {
        let (angle, r) = (2.4 * f64::from(k), 5.0 * f64::from(k).sqrt());
        ((at.0 + r * angle.cos()).clamp(RADIUS, WIDTH - RADIUS), (at.1 + r * angle.sin()).clamp(RADIUS, HEIGHT - RADIUS))
    };
    let is_free = |p: &(f64, f64)| taken.iter().all(|t| (t.0 - p.0).hypot(t.1 - p.1) >= 2.2 * RADIUS);
    (0..200).map(spiral).find(is_free).unwrap_or(at)
}

/// The rank beside its shape, on the first side that no other shape covers.
fn rank_label(rank: usize, (x, y): (f64, f64), taken: &[(f64, f64)]) -> String {
    let width = if rank < 10 { 9.0 } else { 18.0 };
    let gap = RADIUS + 2.0;
    let sides = [(gap, 4.5), (-gap - width, 4.5), (-width / 2.0, -gap - 1.0), (-width / 2.0, gap + 11.0)];
    let is_free = |&(dx, dy): &(f64, f64)| {
        let (left, base) = (x + dx, y + dy);
        let is_inside = left >= 0.0 && left + width <= WIDTH && (12.0..=HEIGHT).contains(&base);
        let (middle_x, middle_y) = (left + width / 2.0, base - 5.0);
        is_inside && taken.iter().all(|t| (t.0 - middle_x).abs() >= RADIUS + width / 2.0 || (t.1 - middle_y).abs() >= RADIUS + 5.0)
    };
    let inward = usize::from(x + gap + width > WIDTH);
    let (dx, dy) = sides.iter().copied().find(is_free).unwrap_or(sides[inward]);
    format!("<text class=\"rank\" x=\"{:.1}\" y=\"{:.1}\">{rank}</text>\n", x + dx, y + dy)
}

fn sentence(ctx: &Context, rank: usize, loss: &AssetLoss) -> String {
    let asset = ctx.asset(loss.asset);
    let hit = &loss.central.countries;
    format!(
        "{rank}. {} ({}, {}): {} people-hours, {}; countries hit: {}",
        ctx.label(loss.asset),
        super::kind_words(&asset.kind),
        ctx.zone_name(&asset.zone),
        people(loss.central.people_hours),
        euro(loss.central.euro[1]),
        short_list(hit, hit.len())
    )
}

fn mark(ctx: &Context, rank: usize, loss: &AssetLoss, at: (f64, f64), spot: (f64, f64)) -> String {
    let asset = ctx.asset(loss.asset);
    let (x, y) = spot;
    let mut out = format!("<g class=\"mark\"><title>{}</title>", escape(&sentence(ctx, rank, loss)));
    for zone in loss.central.countries.iter().filter(|z| **z != asset.zone) {
        if let Some((zx, zy)) = ctx.zone_place(zone).and_then(|(lon, lat)| place(lon, lat)) {
            out.push_str(&format!("<line class=\"hit\" x1=\"{x:.1}\" y1=\"{y:.1}\" x2=\"{zx:.1}\" y2=\"{zy:.1}\"/>"));
        }
    }
    if spot != at {
        out.push_str(&format!("<line class=\"lead\" x1=\"{x:.1}\" y1=\"{y:.1}\" x2=\"{:.1}\" y2=\"{:.1}\"/>", at.0, at.1));
    }
    out.push_str(&shape(asset.sector, x, y));
    out.push_str("</g>\n");
    out
}

fn shape(sector: Sector, x: f64, y: f64) -> String {
    let r = RADIUS;
    let class = format!("class=\"shape {}\"", sector.name());
    match sector {
        Sector::Energy => format!("<circle {class} cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{:.1}\"/>", r * 0.9),
        Sector::Transport => {
            format!("<rect {class} x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>", x - r * 0.8, y - r * 0.8, r * 1.6, r * 1.6)
        }
        Sector::Digital => {
            format!("<path {class} d=\"M{x:.1} {:.1}L{:.1} {:.1}L{:.1} {:.1}Z\"/>", y - r, x + r, y + r * 0.8, x - r, y + r * 0.8)
        }
        Sector::Space => format!(
            "<path {class} d=\"M{x:.1} {:.1}L{:.1} {y:.1}L{x:.1} {:.1}L{:.1} {y:.1}Z\"/>",
            y - r * 1.1,
            x + r * 1.1,
            y + r * 1.1,
            x - r * 1.1
        ),
    }
}

fn legend() -> String {
    let mut out = "<ul class=\"legend\">\n".to_owned();
    for (sector, form) in Sector::ALL.into_iter().zip(["circle", "square", "triangle", "diamond"]) {
        out.push_str(&format!(
            "<li><svg viewBox=\"0 0 24 24\" width=\"24\" height=\"24\" aria-hidden=\"true\" focusable=\"false\">{}</svg> {}: {form}</li>\n",
            shape(sector, 12.0, 12.0),
            sector.name()
        ));
    }
    out.push_str(
        "<li>thin line: to a country that is hit</li>\n<li>grey: not in the case; east of 45\u{b0} E nothing is drawn</li>\n</ul>\n",
    );
    out
}

fn table(ctx: &Context, shown: &[&AssetLoss]) -> String {
    let rows = shown.iter().enumerate().map(|(i, loss)| {
        let asset = ctx.asset(loss.asset);
        vec![
            Cell::Number((i + 1).to_string()),
            Cell::Head(ctx.label(loss.asset)),
            Cell::Text(format!("{}, {}", asset.sector.name(), super::kind_words(&asset.kind))),
            Cell::Text(ctx.zone_name(&asset.zone)),
            Cell::Number(people(loss.central.people_hours)),
            Cell::Number(euro(loss.central.euro[1])),
            Cell::Text(short_list(&loss.central.countries, usize::MAX)),
        ]
    });
    Table {
        caption: "Assets on the map, central parameters",
        heads: &["Rank", "Asset", "Sector and kind", "Country", "People-hours", "Cost", "Countries hit"],
        rows: rows.collect(),
    }
    .render()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_centre_of_the_projection_has_its_false_origin() {
        assert_eq!(laea(10.0, 52.0), (4_321_000.0, 3_210_000.0));
    }

    #[test]
    fn a_second_point_agrees_with_the_published_example() {
        // EPSG Guidance Note 7-2, method 9820: 50° N 5° E.
        let (x, y) = laea(5.0, 50.0);
        assert!((x - 3_962_799.45).abs() < 1.0 && (y - 2_999_718.85).abs() < 1.0, "{x} {y}");
    }

    #[test]
    fn the_frame_holds_the_corners_of_europe_and_not_the_tropics() {
        for (lon, lat) in [(-24.5, 65.5), (31.1, 70.4), (34.6, 34.6), (-9.5, 38.7), (40.2, 49.3), (14.4, 35.8)] {
            assert!(place(lon, lat).is_some(), "{lon} {lat}");
        }
        assert!(place(-53.0, 4.0).is_none() && place(-170.0, -52.0).is_none());
    }

    #[test]
    fn far_and_tiny_rings_are_left_out() {
        assert!(ring_path(&[(-53.0, 4.0), (-52.0, 4.0), (-52.0, 5.0)]).is_empty());
        assert!(ring_path(&[(10.0, 50.0), (10.001, 50.0), (10.0, 50.001)]).is_empty());
        assert!(ring_path(&[(10.0, 50.0), (11.0, 50.0), (10.0, 51.0)]).ends_with('Z'));
        assert!(ring_path(&[]).is_empty());
    }

    #[test]
    fn a_ring_cut_at_the_far_edge_of_the_window_loses_its_wrap() {
        let russia = [(45.0, 65.0), (45.0, 42.7), (30.0, 60.0), (45.0, 69.0), (-25.0, 69.0), (-25.0, 65.0)];
        assert_eq!(without_wrap(&russia), [(45.0, 65.0), (45.0, 42.7), (30.0, 60.0), (45.0, 69.0)]);
        assert!(without_wrap(&[(45.0, 71.0), (45.0, 71.5), (-25.0, 71.5), (-25.0, 71.0)]).is_empty());
        assert_eq!(without_wrap(&[(10.0, 50.0), (11.0, 50.0), (10.0, 51.0)]).len(), 3);
        assert!(without_wrap(&[]).is_empty());
    }

    #[test]
    fn ranks_stay_inside_the_frame_and_off_other_shapes() {
        assert!(rank_label(3, (500.0, 500.0), &[(500.0, 500.0)]).contains("x=\"511.0\""));
        assert!(rank_label(30, (990.0, 500.0), &[(990.0, 500.0)]).contains("x=\"961.0\""));
        assert!(rank_label(3, (500.0, 500.0), &[(500.0, 500.0), (520.0, 500.0)]).contains("x=\"480.0\""));
    }

    #[test]
    fn shapes_do_not_cover_each_other() {
        let at = (500.0, 500.0);
        let first = free_spot(at, &[]);
        let second = free_spot(at, &[first]);
        assert_eq!(first, at);
        assert!((first.0 - second.0).hypot(first.1 - second.1) >= 2.0 * RADIUS);
    }

    #[test]
    fn the_script_is_small() {
        assert!(SCRIPT.len() <= 1500);
    }
}

//! A network on a map: branches coloured by what an answer says of them, one SVG file.
//!
//! Places are projected as in the report (EPSG:3035); the frame fits the network, so any part of the world is drawn, if bent far
//! from Europe. Colour never stands alone: what is marked is also wider, and each branch has a title.

use std::fmt::Write;

use buttress_model::PowerNetwork;

use crate::report::html::escape;
use crate::report::map::laea;

/// What an answer says of a branch.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// Branch, by index.
    pub branch: usize,
    /// 0 for quiet to 1 for the worst.
    pub weight: f64,
    /// Words for the branch's title.
    pub text: String,
}

const WIDTH: f64 = 1000.0;
const MARGIN: f64 = 30.0;
/// Colours from quiet to worst (viridis read backwards, so that the worst is dark).
const COLOURS: [&str; 5] = ["#fde725", "#5ec962", "#21918c", "#3b528b", "#440154"];

/// The map; `None` when no branch has coordinates at both ends.
pub fn draw(network: &PowerNetwork, title: &str, marks: &[Mark]) -> Option<String> {
    let place: Vec<Option<(f64, f64)>> = network.buses.iter().map(|b| b.lat_lon.map(|(lat, lon)| laea(lon, lat))).collect();
    let ends = |k: usize| Some((place[network.branches[k].from]?, place[network.branches[k].to]?));
    let drawn: Vec<(usize, ((f64, f64), (f64, f64)))> = (0..network.branches.len()).filter_map(|k| Some((k, ends(k)?))).collect();
    let points = || drawn.iter().flat_map(|(_, (a, b))| [*a, *b]);
    let span = |of: fn((f64, f64)) -> f64| points().map(of).fold((f64::INFINITY, f64::NEG_INFINITY), |m, x| (m.0.min(x), m.1.max(x)));
    let ((west, east), (south, north)) = (span(|p| p.0), span(|p| p.1));
    if !(east - west).is_finite() {
        return None;
    }
    let scale = (WIDTH - 2.0 * MARGIN) / (east - west).max(north - south).max(1.0);
    let at = |(x, y): (f64, f64)| (MARGIN + (x - west) * scale, 2.0 * MARGIN + (north - y) * scale);
    let height = 3.0 * MARGIN + (north - south) * scale;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" role=\"img\" font-family=\"sans-serif\">\n<title>{0}</title>\n\
<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n<text x=\"{MARGIN}\" y=\"35\" font-size=\"18\">{0}</text>\n",
        escape(title)
    );
    let mark_of = |k: usize| marks.iter().find(|m| m.branch == k);
    // Marked branches stand above the others.
    let (marked, plain): (Vec<_>, Vec<_>) = drawn.iter().copied().partition(|d| mark_of(d.0).is_some());
    for (k, (a, b)) in plain.into_iter().chain(marked) {
        let branch = &network.branches[k];
        let ((x1, y1), (x2, y2)) = (at(a), at(b));
        let mark = mark_of(k);
        let weight = mark.map_or(0.0, |m| m.weight.clamp(0.0, 1.0));
        let colour = match mark {
            Some(_) => COLOURS[((weight * 4.0).round() as usize).min(4)],
            None if branch.in_service => "#b0b0b0",
            None => "#e4e4e4",
        };
        let width = if mark.is_some() { 2.0 + 3.0 * weight } else { 0.8 };
        let name = |bus: usize| {
            let b = &network.buses[bus];
            if b.name.is_empty() { b.id.as_str() } else { b.name.as_str() }
        };
        let words = mark.map_or(String::new(), |m| format!(": {}", m.text));
        let label = escape(&format!("{} {} - {}{words}", k + 1, name(branch.from), name(branch.to)));
        let _ = writeln!(
            svg,
            "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"{colour}\" stroke-width=\"{width:.1}\" stroke-linecap=\"round\"><title>{label}</title></line>"
        );
    }
    svg.push_str("</svg>\n");
    Some(svg)
}

#[cfg(test)]
mod tests {
    use super::*;
    use buttress_model::network::{Branch, Bus};

    #[test]
    fn marked_branches_are_wider_and_told() {
        let bus = |id: &str, lat_lon| Bus { id: id.into(), lat_lon, ..Bus::default() };
        let line = |from, to| Branch { from, to, in_service: true, ..Branch::default() };
        let mut n = PowerNetwork {
            buses: vec![bus("a<b", Some((50.0, 10.0))), bus("c", Some((51.0, 11.0))), bus("d", None)],
            ..PowerNetwork::default()
        };
        n.branches = vec![line(0, 1), line(1, 2)];
        let svg = draw(&n, "t", &[Mark { branch: 0, weight: 1.0, text: "120 %".into() }]).expect("coordinates");
        assert_eq!(svg.matches("<line").count(), 1, "the branch without a place is not drawn");
        assert!(svg.contains("1 a&lt;b - c: 120 %") && svg.contains("stroke-width=\"5.0\""));
        n.buses[1].lat_lon = None;
        assert!(draw(&n, "t", &[]).is_none());
    }
}

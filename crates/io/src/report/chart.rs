//! Service curves as step lines, with labels at the lines and a table of the same values.

use buttress_engine::outcome::{CurvePoint, Service};
use buttress_model::Sector;

use super::html::{Cell, Table, details, escape, hours, people, served};

const WIDTH: f64 = 820.0;
const HEIGHT: f64 = 390.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 590.0;
const TOP: f64 = 24.0;
const BOTTOM: f64 = 330.0;
/// Rows of the table under the chart.
const N_ROWS: usize = 60;

/// Sector and the services whose least share its line shows.
const GROUPS: [(Sector, &[Service]); 4] = [
    (Sector::Energy, &[Service::Electricity, Service::Gas]),
    (Sector::Transport, &[Service::Freight, Service::Passengers]),
    (Sector::Digital, &[Service::Data, Service::Site]),
    (Sector::Space, &[Service::Pnt, Service::Timing, Service::Satcom, Service::Control]),
];

const TICKS: [(f64, &str); 9] = [
    (0.0, "start"),
    (1.0, "1 h"),
    (6.0, "6 h"),
    (24.0, "1 day"),
    (72.0, "3 days"),
    (168.0, "1 week"),
    (720.0, "1 month"),
    (2160.0, "3 months"),
    (8760.0, "1 year"),
];

/// Name of a service for readers.
pub fn service_words(service: Service) -> &'static str {
    match service {
        Service::Electricity => "electricity",
        Service::Gas => "gas",
        Service::Freight => "sea freight",
        Service::Passengers => "air passengers",
        Service::Data => "data",
        Service::Pnt => "positioning",
        Service::Timing => "timing",
        Service::Satcom => "satellite communication",
        Service::Control => "remote control",
        Service::Site => "named sites",
    }
}

/// Places of the axes.
struct Axes {
    end_h: f64,
    floor: f64,
}

impl Axes {
    fn new(curve: &[CurvePoint]) -> Axes {
        let end_h = curve.iter().map(|p| p.t_h).fold(24.0, f64::max);
        let least = curve.iter().flat_map(|p| GROUPS.map(|g| least_of(p, g.1))).fold(1.0, f64::min);
        let floor = [0.999, 0.99, 0.95, 0.9, 0.8, 0.5].into_iter().find(|f| *f <= least - 1e-6).unwrap_or(0.0);
        Axes { end_h, floor }
    }

    fn x(&self, t_h: f64) -> f64 {
        LEFT + (RIGHT - LEFT) * t_h.max(0.0).ln_1p() / self.end_h.ln_1p()
    }

    fn y(&self, share: f64) -> f64 {
        BOTTOM - (BOTTOM - TOP) * (share - self.floor) / (1.0 - self.floor)
    }
}

fn least_of(point: &CurvePoint, services: &[Service]) -> f64 {
    services.iter().map(|&s| point.served[s as usize]).fold(1.0, f64::min).max(0.0)
}

/// The chart and its table. `name` is the threat's.
pub fn steps(curve: &[CurvePoint], name: &str) -> String {
    if curve.is_empty() {
        return "<p class=\"none\">No curve was kept.</p>\n".to_owned();
    }
    let axes = Axes::new(curve);
    let mut out = format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Chart of service over time\">\n<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-labelledby=\"chart-title chart-desc\">\n\
<title id=\"chart-title\">Service over time after: {}</title>\n<desc id=\"chart-desc\">Step lines of the served share by sector, each the least of the sector's services. {}. \
The table below holds the values.</desc>\n<rect class=\"paper\" width=\"{WIDTH}\" height=\"{HEIGHT}\"/>\n",
        escape(name),
        escape(&description(curve))
    );
    out.push_str(&grid(&axes));
    out.push_str(&lines(curve, &axes));
    out.push_str("</svg>\n</div>\n");
    out.push_str(&details("The curves as a table", &table(curve)));
    out
}

fn description(curve: &[CurvePoint]) -> String {
    let parts: Vec<String> = GROUPS.iter().map(|g| format!("{} falls to {} at the least", g.0.name(), served(least(curve, g.1)))).collect();
    parts.join("; ")
}

fn least(curve: &[CurvePoint], services: &[Service]) -> f64 {
    curve.iter().map(|p| least_of(p, services)).fold(1.0, f64::min)
}

fn grid(axes: &Axes) -> String {
    let mut out = String::new();
    for i in 0..=5 {
        let share = axes.floor + (1.0 - axes.floor) * f64::from(i) / 5.0;
        let y = axes.y(share);
        out.push_str(&format!(
            "<line class=\"grid\" x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{RIGHT}\" y2=\"{y:.1}\"/><text class=\"tick\" text-anchor=\"end\" x=\"{:.1}\" y=\"{:.1}\">{} %</text>\n",
            LEFT - 8.0,
            y + 4.5,
            axis_percent(share)
        ));
    }
    for (t_h, label) in TICKS.into_iter().filter(|t| t.0 <= axes.end_h) {
        let x = axes.x(t_h);
        out.push_str(&format!(
            "<line class=\"grid\" x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{BOTTOM}\"/><text class=\"tick\" text-anchor=\"middle\" x=\"{x:.1}\" y=\"{:.1}\">{label}</text>\n",
            BOTTOM + 20.0
        ));
    }
    let base = if axes.floor > 0.0 { "; the axis does not start at zero" } else { "" };
    out.push_str(&format!(
        "<text class=\"tick\" x=\"{LEFT}\" y=\"{:.1}\">time on a logarithmic scale; served share of normal{base}</text>\n",
        BOTTOM + 44.0
    ));
    out
}

fn axis_percent(share: f64) -> String {
    let text = format!("{:.2}", share * 100.0);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn lines(curve: &[CurvePoint], axes: &Axes) -> String {
    let mut out = String::new();
    let mut ends: Vec<(f64, usize)> = Vec::new();
    for (i, (sector, services)) in GROUPS.iter().enumerate() {
        let mut y = axes.y(least_of(&curve[0], services));
        let mut path = format!("M{:.1} {y:.1}", axes.x(curve[0].t_h));
        for p in &curve[1..] {
            let next = axes.y(least_of(p, services));
            if (next - y).abs() >= 0.05 {
                path.push_str(&format!("H{:.1}V{next:.1}", axes.x(p.t_h)));
                y = next;
            }
        }
        path.push_str(&format!("H{RIGHT}"));
        out.push_str(&format!("<path class=\"step {}\" d=\"{path}\"/>\n", sector.name()));
        ends.push((y, i));
    }
    ends.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let mut label_y = TOP - 20.0;
    for (y, i) in ends {
        let (sector, services) = GROUPS[i];
        label_y = (label_y + 20.0).max(y);
        out.push_str(&format!(
            "<path class=\"step {}\" d=\"M{RIGHT} {y:.1}L{:.1} {label_y:.1}h14\"/><text class=\"label\" x=\"{:.1}\" y=\"{:.1}\">{}, least {}</text>\n",
            sector.name(),
            RIGHT + 12.0,
            RIGHT + 32.0,
            label_y + 4.5,
            sector.name(),
            escape(&served(least(curve, services)))
        ));
    }
    out
}

fn table(curve: &[CurvePoint]) -> String {
    let every = curve.len().div_ceil(N_ROWS).max(1);
    let worst = (0..curve.len()).max_by(|&a, &b| curve[a].people.total_cmp(&curve[b].people).then(b.cmp(&a))).unwrap_or(0);
    let is_kept = |i: usize| i.is_multiple_of(every) || i == worst || i + 1 == curve.len();
    let mut heads = vec!["Time"];
    heads.extend(Service::ALL.map(service_words));
    heads.push("People without a service");
    let rows = curve.iter().enumerate().filter(|(i, _)| is_kept(*i)).map(|(_, p)| {
        let mut row = vec![Cell::Head(hours(p.t_h))];
        row.extend(p.served.iter().map(|&s| Cell::Number(served(s))));
        row.push(Cell::Number(people(p.people)));
        row
    });
    Table { caption: "Served share by service over time", heads: &heads, rows: rows.collect() }.render()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(t_h: f64, electricity: f64) -> CurvePoint {
        let mut served = [1.0; 10];
        served[0] = electricity;
        CurvePoint { t_h, served, people: 1.0 - electricity }
    }

    #[test]
    fn a_curve_becomes_four_lines_with_labels_and_a_table() {
        let svg = steps(&[point(0.0, 1.0), point(1.0, 0.6), point(48.0, 1.0)], "Storm <x>");
        assert_eq!(svg.matches("<path class=\"step").count(), 8);
        assert!(svg.contains("Storm &lt;x&gt;") && svg.contains("energy, least 60\u{202f}%") && svg.contains("<details>"));
    }

    #[test]
    fn the_axis_follows_the_least_share() {
        assert_eq!(Axes::new(&[point(0.0, 0.6)]).floor, 0.5);
        assert_eq!(Axes::new(&[point(0.0, 0.4)]).floor, 0.0);
        let axes = Axes::new(&[point(0.0, 0.97)]);
        assert!((axes.y(1.0) - TOP).abs() < 1e-9 && (axes.y(0.95) - BOTTOM).abs() < 1e-9);
        assert_eq!(axis_percent(0.995), "99.5");
    }
}

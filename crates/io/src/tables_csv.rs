//! The assessment's lists as CSV tables.

use buttress_model::Case;
use buttress_optim::Assessment;
use buttress_optim::answer::Summary;

fn csv(header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut w = csv::Writer::from_writer(Vec::new());
    // Writing to memory cannot fail.
    let _ = w.write_record(header);
    for row in rows {
        let _ = w.write_record(&row);
    }
    w.into_inner().ok().and_then(|b| String::from_utf8(b).ok()).unwrap_or_default()
}

fn n(x: f64) -> String {
    format!("{x:.3}")
}

const SUMMARY: [&str; 9] = [
    "people_hours",
    "people_hours_upper",
    "euro_low",
    "euro_central",
    "euro_high",
    "countries_hit",
    "hours_to_50_percent",
    "hours_to_90_percent",
    "hours_to_100_percent",
];

fn summary(s: &Summary) -> Vec<String> {
    let h = |x: Option<f64>| x.map_or("> horizon".into(), n);
    vec![
        n(s.people_hours),
        n(s.people_hours_upper),
        n(s.euro[0]),
        n(s.euro[1]),
        n(s.euro[2]),
        s.countries.join(" "),
        h(s.restored_h[0]),
        h(s.restored_h[1]),
        h(s.restored_h[2]),
    ]
}

/// All tables as (name, CSV text).
pub fn tables(case: &Case, a: &Assessment) -> Vec<(&'static str, String)> {
    let asset = |i: u32| &case.assets()[i as usize];
    let head = |own: &[&'static str]| own.iter().copied().chain(SUMMARY).collect::<Vec<_>>();
    let losses = a.losses.iter().enumerate().map(|(k, l)| {
        let x = asset(l.asset);
        let mut row = vec![(k + 1).to_string(), x.key.clone(), x.name.clone(), x.kind.clone(), x.zone.clone(), x.provenance.clone()];
        row.extend(summary(&l.central));
        row
    });
    let threats = a.threats.iter().map(|t| {
        let x = &case.tables().threats[t.threat];
        let mut row = vec![x.key.clone(), x.name.clone(), x.class.clone(), t.n_damaged.to_string()];
        row.extend(summary(&t.runs[1]));
        row
    });
    let measures = a.measures.iter().map(|m| {
        let x = &case.tables().measures[m.measure];
        vec![
            x.key.clone(),
            x.name.clone(),
            x.class.clone(),
            n(m.cost_meur[0]),
            n(m.cost_meur[1]),
            n(m.cost_meur[2]),
            n(m.avoided_euro),
            n(m.avoided_people_hours),
            n(m.ratio),
        ]
    });
    let matrix = a.matrix_zones.iter().zip(&a.matrix).flat_map(|(from, row)| {
        a.matrix_zones.iter().zip(row).filter(|(_, x)| **x > 0.0).map(move |(to, x)| vec![from.clone(), to.clone(), n(*x)])
    });
    let facts =
        a.facts.iter().map(|f| vec![f.zone.clone(), f.quantity.clone(), n(f.fact), n(f.ours), n(f.difference() * 100.0), f.reason.clone()]);
    let significant = a.significant.iter().map(|s| vec![s.who.clone(), s.what.into(), s.service.clone(), s.members.join(" ")]);
    let second =
        a.losses.iter().filter_map(|l| l.second_hit.as_ref()).chain(&a.quiet).map(|h| {
            vec![asset(h.first).key.clone(), asset(h.second).key.clone(), n(h.extra_people_hours), n(h.extra_euro), n(h.exposed_h)]
        });
    vec![
        ("losses", csv(&head(&["rank", "asset", "name", "kind", "zone", "provenance"]), losses)),
        ("threats", csv(&head(&["threat", "name", "class", "n_assets_damaged"]), threats)),
        (
            "measures",
            csv(
                &[
                    "measure",
                    "name",
                    "class",
                    "cost_low_meur",
                    "cost_central_meur",
                    "cost_high_meur",
                    "avoided_euro",
                    "avoided_people_hours",
                    "avoided_euro_per_euro",
                ],
                measures,
            ),
        ),
        ("cross_border", csv(&["zone_of_loss", "zone_that_pays", "euro"], matrix)),
        ("facts", csv(&["zone", "quantity", "fact", "case", "difference_percent", "reason"], facts)),
        ("article_17", csv(&["who", "what", "service", "members"], significant)),
        ("second_hits", csv(&["first", "second", "extra_people_hours", "extra_euro", "exposed_h"], second)),
    ]
}

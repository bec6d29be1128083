//! The report: one self-contained HTML page that answers first and shows its evidence after.
//!
//! Nothing is loaded from anywhere; the page works without its script, prints, and carries the whole result as JSON.
//! The same assessment gives the same bytes.
#![allow(clippy::format_push_string, reason = "a page is built once; this reads better than write! with an ignored result")]

mod about;
mod chart;
mod grid;
pub(crate) mod html;
pub(crate) mod map;

pub use map::SCRIPT;

use std::collections::{BTreeMap, BTreeSet};

use buttress_engine::outcome::Service;
use buttress_model::{Asset, Balance, Case, Level, Sector, Sharing, StudyPoint};
use buttress_optim::Assessment;
use buttress_optim::answer::{AssetLoss, Plan, SecondHit, Summary, ThreatResult, Weakness};

use html::{
    Cell, Table, details, embed_json, escape, euro, folded, hours, list, meur, number, paragraph, people, percent, range, restored, served,
    span, whole, with_range,
};

/// Rows of the long tables.
const N_TOP: usize = 20;
/// Share by which a total may differ from a published one without a reason.
const FACT_TOLERANCE: f64 = 0.1;

/// What the page shows besides the assessment.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// The assessment.
    pub assessment: &'a Assessment,
    /// The case it was made from.
    pub case: &'a Case,
    /// Borders for the map; none: names only.
    pub borders: &'a [Ring],
    /// Version of the engine.
    pub engine_version: &'a str,
    /// Digest of the study.
    pub study_digest: &'a str,
    /// Command that makes this page again.
    pub command: &'a str,
    /// Handling marking, such as `TLP:CLEAR`.
    pub marking: &'a str,
    /// Text of `assessment.json`, to embed.
    pub json: &'a str,
}

/// One ring of a zone's border, degrees.
#[derive(Debug, Clone, PartialEq)]
pub struct Ring {
    /// Key of the zone.
    pub zone: String,
    /// Points as (longitude, latitude).
    pub points: Vec<(f64, f64)>,
}

/// One section of the page: id, heading, HTML.
struct Section(&'static str, &'static str, String);

/// Renders the self-contained page.
pub fn render(page: &Page) -> String {
    let ctx = Context::new(page.assessment, page.case);
    let sections = sections(&ctx, page);
    let mut out = head(page);
    out.push_str("<body>\n<a class=\"skip\" href=\"#answer\">Skip to the answer</a>\n<header>\n");
    out.push_str(&marking(page.marking));
    out.push_str(&format!(
        "<h1>{}</h1>\n<p class=\"by\">Assessment of critical infrastructure. Case {}, version {}. Made with Buttress {}.</p>\n</header>\n",
        escape(&page.assessment.case[1]),
        escape(&page.assessment.case[0]),
        escape(&page.assessment.case[2]),
        escape(page.engine_version)
    ));
    out.push_str("<nav aria-label=\"Sections\">\n<details><summary>Sections of this page</summary>\n<ul>\n");
    for Section(id, title, _) in &sections {
        out.push_str(&format!("<li><a href=\"#{id}\">{}</a></li>\n", escape(title)));
    }
    out.push_str("</ul>\n</details>\n</nav>\n<main>\n");
    for Section(id, title, body) in &sections {
        out.push_str(&format!("<section id=\"{id}\">\n<h2>{}</h2>\n{body}</section>\n", escape(title)));
    }
    out.push_str("</main>\n<footer>\n<p>The whole result is inside this file, as JSON, in the element <code>buttress-result</code>.</p>\n");
    out.push_str(&marking(page.marking));
    out.push_str("</footer>\n");
    out.push_str(&format!("<script type=\"application/json\" id=\"buttress-result\">{}</script>\n", embed_json(page.json)));
    out.push_str(&format!("<script>{}</script>\n</body>\n</html>\n", map::SCRIPT));
    out
}

/// The paragraph and numbers of the head, also used by the terminal. Plain text.
pub fn answer_paragraph(a: &Assessment, case: &Case) -> String {
    answer_parts(&Context::new(a, case)).join(" ")
}

fn answer_parts(ctx: &Context) -> Vec<String> {
    let a = ctx.a;
    let mut out = vec![format!("{} runs over {} assets of {}.", whole(a.n_runs), whole(a.n_assets), a.case[1])];
    match a.threats.first() {
        Some(t) => out.push(threat_sentence(ctx, t)),
        None => out.push("The case names no threats.".to_owned()),
    }
    if let Some(l) = ctx.findings(false).first() {
        out.push(format!(
            "The worst single loss is {} ({}, {}): {} people-hours, {}, countries hit: {}.",
            ctx.label(l.asset),
            kind_words(&ctx.asset(l.asset).kind),
            ctx.zone_name(&ctx.asset(l.asset).zone),
            people(l.central.people_hours),
            euro(l.central.euro[1]),
            l.central.countries.len()
        ));
    }
    out.push(format!(
        "{} single losses cost something and {} cost nothing; {} of the cost rests on synthetic records.",
        whole(a.losses.len()),
        whole(a.n_harmless),
        percent(a.synthetic_share)
    ));
    let unsolved: usize = endings(a).iter().filter(|(name, _)| **name != "solved").map(|(_, n)| *n).sum();
    if unsolved > 0 {
        out.push(format!("{} results rest on a solve that stopped without an answer; see data quality.", whole(unsolved)));
    }
    out
}

fn threat_sentence(ctx: &Context, t: &ThreatResult) -> String {
    let central = &t.runs[1];
    let (service, nadir) = nadir_of(central);
    let times = central.restored_h;
    format!(
        "The worst threat is {}: {} people-hours without a household service, {}, countries hit: {}. \
At the worst moment {service} is down to {} of normal. Time until 50, 90 and 100 % of what was lost is back: {}, {}, {}.",
        ctx.threat_name(t),
        with_range(central.people_hours, people_span(&t.runs), people),
        with_range(central.euro[1], euro_span(&t.runs), euro),
        central.countries.len(),
        served(nadir),
        restored(times[0]),
        restored(times[1]),
        restored(times[2])
    )
}

/// What all sections look names up in.
struct Context<'a> {
    a: &'a Assessment,
    case: &'a Case,
    zones: BTreeMap<&'a str, (&'a str, f64, f64)>,
    keys: BTreeMap<&'a str, u32>,
    threats: BTreeMap<&'a str, &'a str>,
    line_kv: BTreeMap<&'a str, f64>,
}

impl<'a> Context<'a> {
    fn new(a: &'a Assessment, case: &'a Case) -> Self {
        let t = case.tables();
        let bus_kv: BTreeMap<&str, f64> = t.buses.iter().map(|b| (b.asset.key.as_str(), b.v_nom_kv)).collect();
        Context {
            a,
            case,
            zones: t.zones.iter().map(|z| (z.key.as_str(), (z.name.as_str(), z.lat, z.lon))).collect(),
            keys: case.assets().iter().enumerate().map(|(i, x)| (x.key.as_str(), i as u32)).collect(),
            threats: t.threats.iter().map(|x| (x.key.as_str(), x.name.as_str())).collect(),
            line_kv: t.lines.iter().filter_map(|l| bus_kv.get(l.bus_from.as_str()).map(|kv| (l.asset.key.as_str(), *kv))).collect(),
        }
    }

    fn asset(&self, id: u32) -> &'a Asset {
        &self.case.assets()[id as usize]
    }

    fn is_synthetic(&self, id: u32) -> bool {
        self.asset(id).provenance == "synthetic"
    }

    /// Single losses that rest on synthetic records, or those that do not; worst first.
    fn findings(&self, synthetic: bool) -> Vec<&'a AssetLoss> {
        self.a.losses.iter().filter(|l| self.is_synthetic(l.asset) == synthetic).collect()
    }

    fn zone_name(&self, key: &str) -> String {
        self.zones.get(key).map_or(key, |z| z.0).to_owned()
    }

    /// Longitude and latitude of a zone.
    fn zone_place(&self, key: &str) -> Option<(f64, f64)> {
        self.zones.get(key).map(|z| (z.2, z.1))
    }

    fn threat_name(&self, t: &ThreatResult) -> String {
        self.case.tables().threats[t.threat].name.clone()
    }

    /// Name of an asset; a synthetic one is told by its kind and region only.
    fn label(&self, id: u32) -> String {
        let asset = self.asset(id);
        if self.is_synthetic(id) { format!("{} (synthetic)", self.corridor(asset)) } else { asset.name.clone() }
    }

    /// Label of an asset key, name of a threat key, or the key itself.
    fn label_of_key(&self, key: &str) -> String {
        match self.keys.get(key) {
            Some(&id) => self.label(id),
            None => self.threats.get(key).copied().unwrap_or(key).to_owned(),
        }
    }

    /// Kind, countries and whole degrees, such as `380 kV corridor in France (near 47° N, 2° E)`.
    fn corridor(&self, asset: &Asset) -> String {
        let what = match asset.kind.as_str() {
            "power_line" => {
                self.line_kv.get(asset.key.as_str()).map_or_else(|| "power corridor".to_owned(), |kv| format!("{} kV corridor", kv.round()))
            }
            "substation" => format!("{} kV substation", asset.capacity.round()),
            "power_plant" if !asset.technology.is_empty() => format!("{} plant", kind_words(&asset.technology)),
            kind => kind_words(kind),
        };
        let place = if asset.zone == asset.zone_to {
            format!("in {}", self.zone_name(&asset.zone))
        } else {
            format!("between {} and {}", self.zone_name(&asset.zone), self.zone_name(&asset.zone_to))
        };
        format!("{what} {place} (near {}, {})", degrees(asset.lat, ["N", "S"]), degrees(asset.lon, ["E", "W"]))
    }
}

fn degrees(x: f64, sides: [&str; 2]) -> String {
    let side = if x < 0.0 { sides[1] } else { sides[0] };
    format!("{:.0}° {side}", x.abs().round())
}

/// A kind, technology or quantity in words.
fn kind_words(kind: &str) -> String {
    let kind = kind.replace("gwh_d", "(GWh/d)");
    let words: Vec<&str> = kind
        .split('_')
        .map(|w| match w {
            "hvdc" => "HVDC",
            "lng" => "LNG",
            "mw" => "(MW)",
            "gwh" => "(GWh)",
            w => w,
        })
        .collect();
    words.join(" ")
}

/// Number of keys, then the first of them.
fn short_list(keys: &[String], n_max: usize) -> String {
    if keys.is_empty() {
        return "0".to_owned();
    }
    let shown = keys[..keys.len().min(n_max)].join(", ");
    let more = if keys.len() > n_max { format!(" and {} more", keys.len() - n_max) } else { String::new() };
    format!("{} ({shown}{more})", keys.len())
}

fn people_span(runs: &[Summary; 3]) -> (f64, f64) {
    span(&runs.each_ref().map(|r| r.people_hours))
}

/// Least and largest over the runs and the values of lost service.
fn euro_span(runs: &[Summary; 3]) -> (f64, f64) {
    let all: Vec<f64> = runs.iter().flat_map(|r| r.euro).collect();
    span(&all)
}

/// The service with the least served share at its worst moment.
fn nadir_of(s: &Summary) -> (&'static str, f64) {
    let worst = Service::ALL.into_iter().min_by(|&a, &b| s.nadir[a as usize].total_cmp(&s.nadir[b as usize]));
    worst.map_or(("no service", 1.0), |w| (chart::service_words(w), s.nadir[w as usize]))
}

fn point_words(point: StudyPoint) -> &'static str {
    match point {
        StudyPoint::WinterPeak => "winter peak",
        StudyPoint::SummerNight => "summer night",
    }
}

/// How many results ended in which way.
fn endings(a: &Assessment) -> BTreeMap<&'static str, usize> {
    let mut out = BTreeMap::new();
    let singles = a.losses.iter().flat_map(|l| std::iter::once(&l.central).chain(l.range.iter().flat_map(|r| [&r.0, &r.1])));
    for s in singles.chain(a.threats.iter().flat_map(|t| &t.runs)) {
        *out.entry(s.ending.name()).or_insert(0) += 1;
    }
    for point in &a.base {
        *out.entry(point.ending.name()).or_insert(0) += 1;
    }
    out
}

fn head(page: &Page) -> String {
    let plain: String = page.marking.chars().filter(|c| c.is_ascii_alphanumeric() || ":+ -".contains(*c)).collect();
    let style = "font:700 9pt sans-serif;color:#000";
    let boxes = format!(
        "@media print{{@page{{@top-center{{content:\"{plain}\";{style}}}@bottom-center{{content:\"{plain}\";{style}}}@bottom-right{{content:counter(page);font:9pt sans-serif;color:#000}}}}}}"
    );
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
<meta name=\"color-scheme\" content=\"light dark\">\n\
<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n\
<meta name=\"generator\" content=\"Buttress {}\">\n<title>{}: Buttress assessment</title>\n<style>\n{}{boxes}\n</style>\n</head>\n",
        escape(page.engine_version),
        escape(&page.assessment.case[1]),
        include_str!("style.css")
    )
}

fn marking(text: &str) -> String {
    let upper = text.to_ascii_uppercase();
    let class =
        ["red", "amber", "green"].into_iter().find(|c| upper.starts_with(&format!("TLP:{}", c.to_ascii_uppercase()))).unwrap_or("clear");
    format!("<p class=\"marking\"><span class=\"tlp {class}\">{}</span></p>\n", escape(text))
}

fn sections(ctx: &Context, page: &Page) -> Vec<Section> {
    let paragraphs: Vec<String> = answer_parts(ctx).iter().map(|part| format!("<p class=\"answer\">{}</p>\n", escape(part))).collect();
    vec![
        Section("answer", "The answer", paragraphs.concat()),
        Section("numbers", "Five numbers of the worst threat", numbers(ctx)),
        Section("map", "Map", map::draw(ctx, page.borders)),
        Section("assets", "Worst single losses", assets(ctx)),
        Section("synthetic", "Findings that rest on synthetic lines, by corridor and region", synthetic(ctx)),
        Section("threats", "Threats", threats(ctx)),
        Section("curves", "Service over time after the worst threat", curves(ctx)),
        Section("significant", "Entities of particular European significance", significant(ctx)),
        Section("blueprint", "Losses that hit six or more EU members", blueprint(ctx)),
        Section("borders", "Who causes, who pays", matrix(ctx)),
        Section("second", "Second hit", second_hit(ctx)),
        Section("grid", "Outages of lines", grid::section(ctx)),
        Section("concentration", "Concentration", concentration(ctx)),
        Section("measures", "Measures", measures(ctx)),
        Section("portfolio", "Budget: joint against national", portfolio(ctx)),
        Section("quality", "Data quality", about::quality(ctx)),
        Section("method", "Method", about::method()),
        Section("assumptions", "Assumptions", about::assumptions(ctx)),
        Section("reproduce", "How to reproduce", about::reproduce(ctx, page)),
        Section("licences", "Sources and licences", about::licences(ctx)),
    ]
}

fn tile(label: &str, value: &str, note: &str) -> String {
    format!("<li>{}<strong>{}</strong><span>{}</span></li>\n", escape(label), escape(value), escape(note))
}

fn numbers(ctx: &Context) -> String {
    let Some(t) = ctx.a.threats.first() else { return paragraph("The case names no threats.") };
    let [mild, central, severe] = &t.runs;
    let (low, high) = people_span(&t.runs);
    let (euro_low, euro_high) = euro_span(&t.runs);
    let (service, nadir) = nadir_of(central);
    let (nadir_low, nadir_high) = span(&[nadir_of(mild).1, nadir, nadir_of(severe).1]);
    let triple = |s: &Summary| s.restored_h.map(|h| h.map_or_else(|| "> horizon".to_owned(), number)).join(", ");
    let hit = t.runs.each_ref().map(|r| r.countries.len() as f64);
    let (hit_low, hit_high) = span(&hit);
    let at = central.n_countries_at;
    let mut out =
        paragraph(&format!("Worst threat: {}. Central parameters; the ranges come from mild and severe parameters.", ctx.threat_name(t)));
    out.push_str("<ul class=\"tiles\">\n");
    let upper = format!("{}. With services added up: {}", range(low, high, people), people(central.people_hours_upper));
    out.push_str(&tile("People-hours without a household service", &people(central.people_hours), &upper));
    out.push_str(&tile(
        "Service left at the worst moment",
        &served(nadir),
        &format!("{service}; least share in the runs {}", range(nadir_low, nadir_high, served)),
    ));
    let times = format!("90 % after {}. Hours, mild: {}; severe: {}", restored(central.restored_h[1]), triple(mild), triple(severe));
    out.push_str(&tile("Hours until 50, 90 and 100 % is back", &triple(central), &times));
    let countries = format!(
        "Mild to severe: {}. Hit at 0.1 %: {}, at 5 %: {}. {}",
        range(hit_low, hit_high, number),
        at[0],
        at[2],
        central.countries.join(", ")
    );
    out.push_str(&tile("Countries hit (1 %)", &whole(central.countries.len()), &countries));
    let values = format!("{}, over parameters and values of lost service", range(euro_low, euro_high, euro));
    out.push_str(&tile("Cost", &euro(central.euro[1]), &values));
    out.push_str("</ul>\n");
    out
}

fn people_cell(l: &AssetLoss) -> String {
    let central = l.central.people_hours;
    match &l.range {
        Some((mild, severe)) => with_range(central, span(&[mild.people_hours, central, severe.people_hours]), people),
        None => format!("{} (range not run)", people(central)),
    }
}

fn euro_cell(l: &AssetLoss) -> String {
    let mut all = l.central.euro.to_vec();
    if let Some((mild, severe)) = &l.range {
        all.extend(mild.euro);
        all.extend(severe.euro);
    }
    with_range(l.central.euro[1], span(&all), euro)
}

fn badge(asset: &Asset) -> Cell {
    Cell::Raw(format!("<span class=\"badge\">{}</span> {} confidence", escape(&asset.provenance), escape(&asset.confidence)))
}

fn assets(ctx: &Context) -> String {
    let found = ctx.findings(false);
    let rows = found.iter().take(N_TOP).enumerate().map(|(i, l)| {
        let asset = ctx.asset(l.asset);
        vec![
            Cell::Number((i + 1).to_string()),
            Cell::Head(ctx.label(l.asset)),
            Cell::Text(kind_words(&asset.kind)),
            Cell::Text(ctx.zone_name(&asset.zone)),
            Cell::Number(people_cell(l)),
            Cell::Number(euro_cell(l)),
            Cell::Text(short_list(&l.central.countries, 12)),
            Cell::Number(restored(l.central.restored_h[1])),
            Cell::Long(reason_words(&l.reason)),
            badge(asset),
        ]
    });
    let mut out = paragraph(&format!(
        "{} single losses that do not rest on synthetic records cost something; the worst {} follow. \"> horizon\" means not restored within {}.",
        whole(found.len()),
        whole(found.len().min(N_TOP)),
        hours(ctx.a.study.horizon_h)
    ));
    out.push_str(
        &Table {
            caption: "Worst single losses, synthetic records left out",
            heads: &[
                "Rank",
                "Asset",
                "Kind",
                "Country",
                "People-hours (low to high)",
                "Cost (low to high)",
                "Countries hit",
                "90 % back after",
                "How it happens",
                "Record",
            ],
            rows: rows.collect(),
        }
        .render(),
    );
    let summer = ctx.a.summer.iter().filter(|s| !ctx.is_synthetic(s.0)).take(10).enumerate().map(|(i, s)| {
        vec![
            Cell::Number((i + 1).to_string()),
            Cell::Head(ctx.label(s.0)),
            Cell::Text(kind_words(&ctx.asset(s.0).kind)),
            Cell::Number(people(s.1)),
            Cell::Number(euro(s.2)),
        ]
    });
    let table = Table {
        caption: "Worst single losses on a summer night",
        heads: &["Rank", "Asset", "Kind", "People-hours", "Cost"],
        rows: summer.collect(),
    };
    out.push_str(&details("The same sweep on a summer night", &table.render()));
    out
}

/// Synthetic findings of one corridor: number, most people-hours, and the dearest.
struct Corridor<'a> {
    n: usize,
    people_hours: f64,
    worst: &'a AssetLoss,
}

fn synthetic(ctx: &Context) -> String {
    let mut corridors: BTreeMap<String, Corridor> = BTreeMap::new();
    let found = ctx.findings(true);
    for l in &found {
        let c = corridors.entry(ctx.corridor(ctx.asset(l.asset))).or_insert(Corridor { n: 0, people_hours: 0.0, worst: l });
        c.n += 1;
        c.people_hours = c.people_hours.max(l.central.people_hours);
        if l.central.euro[1] > c.worst.central.euro[1] {
            c.worst = l;
        }
    }
    let mut order: Vec<(&String, &Corridor)> = corridors.iter().collect();
    order.sort_by(|x, y| y.1.worst.central.euro[1].total_cmp(&x.1.worst.central.euro[1]).then(x.0.cmp(y.0)));
    let rows = order.iter().take(N_TOP).map(|(name, c)| {
        vec![
            Cell::Head((*name).clone()),
            Cell::Number(whole(c.n)),
            Cell::Number(people(c.people_hours)),
            Cell::Number(euro_cell(c.worst)),
            Cell::Text(short_list(&c.worst.central.countries, 12)),
            Cell::Number(restored(c.worst.central.restored_h[1])),
        ]
    });
    let mut out = paragraph(&format!(
        "{} single losses rest on synthetic records, in {} corridors. They carry {} of the single-loss cost. \
These records follow public statistics, not the real route: read them as \"a line of this kind in this region\", never as one line that stands there.",
        whole(found.len()),
        whole(corridors.len()),
        percent(ctx.a.synthetic_share)
    ));
    out.push_str(
        &Table {
            caption: "Synthetic findings by corridor and region, worst first",
            heads: &[
                "Corridor and region",
                "Findings",
                "Most people-hours",
                "Cost of the dearest (low to high)",
                "Countries hit",
                "90 % back after",
            ],
            rows: rows.collect(),
        }
        .render(),
    );
    out
}

fn rate_words(low: Option<f64>, central: Option<f64>, high: Option<f64>) -> String {
    match (low, central, high) {
        (_, None, _) => "weight only".to_owned(),
        (Some(low), Some(central), Some(high)) => with_range(central, (low, high), number),
        (_, Some(central), _) => number(central),
    }
}

fn threats(ctx: &Context) -> String {
    let rows = ctx.a.threats.iter().map(|t| {
        let threat = &ctx.case.tables().threats[t.threat];
        let [mild, central, severe] = &t.runs;
        let story = if t.reason.is_empty() {
            threat.description.clone()
        } else {
            format!("{} {}", sentence(&threat.description), reason_words(&t.reason))
        };
        vec![
            Cell::Head(threat.name.clone()),
            Cell::Text(kind_words(&threat.class)),
            Cell::Text(rate_words(threat.rate_low, threat.rate_central, threat.rate_high)),
            Cell::Number(people(mild.people_hours)),
            Cell::Number(people(central.people_hours)),
            Cell::Number(people(severe.people_hours)),
            Cell::Number(with_range(central.euro[1], euro_span(&t.runs), euro)),
            Cell::Text(short_list(&central.countries, 12)),
            Cell::Number(restored(central.restored_h[1])),
            Cell::Long(story),
        ]
    });
    let mut out = paragraph(
        "Worst first, by central parameters. A rate is given only where events were counted; attacks carry a weight, not a probability.",
    );
    out.push_str(
        &Table {
            caption: "Threats, worst first",
            heads: &[
                "Threat",
                "Class",
                "Rate a year",
                "People-hours, low",
                "People-hours, central",
                "People-hours, high",
                "Cost (low to high)",
                "Countries hit",
                "90 % back after",
                "What happens",
            ],
            rows: rows.collect(),
        }
        .render(),
    );
    out
}

/// A reason for readers: no step twice, losses with three digits, services in words.
fn reason_words(reason: &str) -> String {
    let mut steps: Vec<&str> = reason.split("; ").collect();
    steps.dedup();
    let text = steps.join("; ").replace(" is without pnt and ", " is without positioning and ");
    let Some((before, lost)) = text.rsplit_once("lost: ") else { return text };
    let short = |word: &str| if word.len() > 3 { word.parse().map_or_else(|_| word.to_owned(), number) } else { word.to_owned() };
    let lost: Vec<String> = lost.split(' ').map(short).collect();
    format!("{before}lost: {}", lost.join(" ").replace("passengers of passengers", "passengers").replace(" of pnt", " of positioning"))
}

/// The text with a full stop.
fn sentence(text: &str) -> String {
    let text = text.trim();
    if text.is_empty() || text.ends_with(['.', '!', '?']) { text.to_owned() } else { format!("{text}.") }
}

fn curves(ctx: &Context) -> String {
    let Some(t) = ctx.a.threats.first() else { return paragraph("The case names no threats.") };
    let name = ctx.threat_name(t);
    let mut out = paragraph(&format!(
        "{} Central parameters; assets damaged: {}; assets that failed: {}.",
        sentence(&name),
        whole(t.n_damaged),
        whole(t.runs[1].n_failed)
    ));
    out.push_str(&chart::steps(&t.curve, &name));
    out
}

fn significant(ctx: &Context) -> String {
    let rows = ctx.a.significant.iter().map(|s| {
        let who = if s.what == "asset" { ctx.label_of_key(&s.who) } else { s.who.clone() };
        vec![
            Cell::Head(who),
            Cell::Text(s.what.to_owned()),
            Cell::Text(kind_words(&s.service)),
            Cell::Number(whole(s.members.len())),
            Cell::Text(s.members.join(", ")),
        ]
    });
    let mut out = paragraph(
        "Candidates under Article 17 of the CER Directive (EU) 2022/2557: they serve six or more EU members in normal operation, by flow or demand served. \
The list is computed from the case. It names no one in law.",
    );
    let table = Table {
        caption: "Candidates under CER Article 17",
        heads: &["Who", "What", "Serves", "EU members", "Which"],
        rows: rows.collect(),
    };
    out.push_str(&folded(table, N_TOP, "The other candidates", "Candidates under CER Article 17, continued"));
    out
}

fn blueprint(ctx: &Context) -> String {
    // Records with the same name and reach, such as the lanes of one strait, share a row.
    let mut reaches: Vec<(String, &[String], usize)> = Vec::new();
    for (key, members) in &ctx.a.blueprint {
        let label = ctx.label_of_key(key);
        match reaches.iter_mut().find(|r| r.0 == label && r.1 == members.as_slice()) {
            Some(same) => same.2 += 1,
            None => reaches.push((label, members.as_slice(), 1)),
        }
    }
    let rows = reaches.iter().map(|(label, members, n)| {
        let name = if *n > 1 { format!("{label} ({} records)", whole(*n)) } else { label.clone() };
        vec![Cell::Head(name), Cell::Number(whole(members.len())), Cell::Text(members.join(", "))]
    });
    let mut out = paragraph(
        "A disruption with effect in six or more EU members can trigger the Critical Infrastructure Blueprint (Council Recommendation C/2024/4371). \
These losses and threats hit that many: one service down by 1 % of normal, or 50,000 people without it, for at least one hour.",
    );
    let table = Table {
        caption: "Losses and threats that reach the Blueprint's trigger",
        heads: &["Loss or threat", "EU members hit", "Which"],
        rows: rows.collect(),
    };
    out.push_str(&folded(table, N_TOP, "The other losses and threats", "Losses and threats that reach the Blueprint's trigger, continued"));
    out
}

fn matrix(ctx: &Context) -> String {
    let m = &ctx.a.matrix;
    let zones = &ctx.a.matrix_zones;
    let total = |i: usize| m[i].iter().sum::<f64>() + m.iter().map(|row| row[i]).sum::<f64>();
    let mut order: Vec<usize> = (0..zones.len().min(m.len())).filter(|&i| total(i) > 0.0).collect();
    order.sort_by(|&x, &y| total(y).total_cmp(&total(x)).then(zones[x].cmp(&zones[y])));
    order.truncate(N_TOP);
    let largest = order.iter().flat_map(|&i| order.iter().map(move |&j| (i, j))).map(|(i, j)| m[i][j]).fold(0.0, f64::max);
    let rows = order.iter().map(|&i| {
        let mut row = vec![Cell::Head(format!("{} {}", zones[i], ctx.zone_name(&zones[i])))];
        row.extend(order.iter().map(|&j| Cell::Shaded(coarse(m[i][j] / 1e6), shade(m[i][j], largest), i == j)));
        row
    });
    let mut heads = vec!["Damage in \\ cost in"];
    heads.extend(order.iter().map(|&i| zones[i].as_str()));
    let rows: Vec<Vec<Cell>> = rows.collect();
    let mut out = paragraph(
        "Each row is where the damage lies, each column where the cost falls: million euro, central, added over single losses. \
Darker is more, on a logarithmic scale; the framed diagonal is a country's cost to itself. The 20 zones with the largest totals.",
    );
    out.push_str(&Table { caption: "Cross-border cost, million euro", heads: &heads, rows }.render());
    out
}

/// A number of a crowded table.
fn coarse(x: f64) -> String {
    if x > 0.0 && x < 0.1 { "< 0.1".to_owned() } else { number(x) }
}

/// Shade 0 to 5 over four decades.
fn shade(x: f64, largest: f64) -> u8 {
    if x <= 0.0 || largest <= 0.0 {
        return 0;
    }
    (5.0 + (x / largest).log10()).round().clamp(1.0, 5.0) as u8
}

fn hit_row(ctx: &Context, s: &SecondHit) -> Vec<Cell> {
    vec![
        Cell::Head(ctx.label(s.first)),
        Cell::Text(ctx.label(s.second)),
        Cell::Number(people(s.extra_people_hours)),
        Cell::Number(euro(s.extra_euro)),
        Cell::Text(hours(s.exposed_h)),
    ]
}

fn second_hit(ctx: &Context) -> String {
    let heads: &[&str] = &["First loss", "Worst second loss", "Extra people-hours", "Extra cost", "Exposed for"];
    let mut hits: Vec<&SecondHit> = ctx.a.losses.iter().filter_map(|l| l.second_hit.as_ref()).collect();
    hits.sort_by(|x, y| y.extra_euro.total_cmp(&x.extra_euro).then(x.first.cmp(&y.first)));
    let mut out = paragraph(
        "What a second loss adds while the first is out: C(a and b) \u{2212} C(a) \u{2212} C(b), where b is among the most loaded, sole-alternative or co-located assets after the loss of a.",
    );
    out.push_str(
        &Table {
            caption: "Second hit after losses that cost something",
            heads,
            rows: hits.iter().take(N_TOP).map(|s| hit_row(ctx, s)).collect(),
        }
        .render(),
    );
    out.push_str(&paragraph("These assets cost nothing when lost alone, and matter when a second one follows. Where the grid is synthetic, its N-1 security is an assumption."));
    let quiet = ctx.a.quiet.iter().take(N_TOP).map(|s| hit_row(ctx, s)).collect();
    out.push_str(&Table { caption: "Second hit after losses that cost nothing alone", heads, rows: quiet }.render());
    out
}

fn concentration(ctx: &Context) -> String {
    let rows = ctx.a.concentration.iter().map(|c| {
        let shares: Vec<String> =
            c.shares.iter().take(3).map(|(name, share)| format!("{} {}", kind_words(name), percent(*share))).collect();
        vec![
            Cell::Head(ctx.zone_name(&c.zone)),
            Cell::Text(kind_words(&c.what)),
            Cell::Number(number(c.hhi)),
            Cell::Text(shares.join(", ")),
        ]
    });
    let mut out = paragraph(
        "How far a service rests on few suppliers. The Herfindahl-Hirschman index is the sum of squared shares: 1 is one supplier, above 0.25 is high.",
    );
    let table =
        Table { caption: "Import and supplier concentration", heads: &["Where", "What", "Index", "Largest shares"], rows: rows.collect() };
    out.push_str(&folded(table, N_TOP, "The other services and countries", "Import and supplier concentration, continued"));
    out
}

fn money_by_zone(ctx: &Context, by_zone: &[(String, f64)], n_max: usize, format: impl Fn(f64) -> String) -> String {
    let mut order: Vec<&(String, f64)> = by_zone.iter().filter(|z| z.1 != 0.0).collect();
    order.sort_by(|x, y| y.1.total_cmp(&x.1).then(x.0.cmp(&y.0)));
    let parts: Vec<String> = order.iter().take(n_max).map(|z| format!("{} {}", ctx.zone_name(&z.0), format(z.1))).collect();
    if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
}

/// Name of a weakness; a synthetic asset by its kind and region.
fn weakness_label(ctx: &Context, w: &Weakness) -> String {
    ctx.keys.get(w.key.as_str()).map_or_else(|| w.name.clone(), |&id| ctx.label(id))
}

fn measures(ctx: &Context) -> String {
    let labels: BTreeMap<&str, String> = ctx.a.weaknesses.iter().map(|w| (w.name.as_str(), weakness_label(ctx, w))).collect();
    let rows = ctx.a.measures.iter().map(|m| {
        let measure = &ctx.case.tables().measures[m.measure];
        let helps: Vec<String> = m.helps.iter().map(|h| labels.get(h.as_str()).unwrap_or(h).clone()).collect();
        let [low, central, high] = m.cost_meur;
        vec![
            Cell::Head(measure.name.clone()),
            Cell::Text(measure.class.clone()),
            Cell::Number(with_range(central, (low, high), meur)),
            Cell::Number(euro(m.avoided_euro)),
            Cell::Number(people(m.avoided_people_hours)),
            Cell::Number(number(m.ratio)),
            Cell::Number(format!("{} months", number(measure.lead_time_months))),
            Cell::Text(helps.join("; ")),
            Cell::Text(money_by_zone(ctx, &m.by_zone, 4, euro)),
            Cell::Text(format!("{}; pays: {}", measure.decides, measure.pays)),
        ]
    });
    let mut out = paragraph(&format!(
        "Each measure was simulated on {} weaknesses. Avoided loss is what these cost less if each happens once; it is not weighted by probability. Cost is over the life of the measure at today's value.",
        whole(ctx.a.weaknesses.len())
    ));
    let table = Table {
        caption: "Measures, best ratio first",
        heads: &[
            "Measure",
            "Class",
            "Cost (low to high)",
            "Loss avoided",
            "People-hours avoided",
            "Avoided per euro",
            "Lead time",
            "Helps most",
            "Who gains",
            "Who decides",
        ],
        rows: rows.collect(),
    };
    out.push_str(&folded(table, N_TOP, "The other measures", "Measures, best ratio first, continued"));
    let weak = ctx
        .a
        .weaknesses
        .iter()
        .map(|w| vec![Cell::Head(weakness_label(ctx, w)), Cell::Number(people(w.people_hours)), Cell::Number(euro(w.euro))]);
    let table =
        Table { caption: "Weaknesses that measures were tried on", heads: &["Weakness", "People-hours", "Cost"], rows: weak.collect() };
    out.push_str(&details("The weaknesses", &table.render()));
    out
}

fn plan_row(ctx: &Context, name: &str, plan: &Plan) -> Vec<Cell> {
    let chosen: Vec<&str> = plan.chosen.iter().map(|&m| ctx.case.tables().measures[m].name.as_str()).collect();
    vec![
        Cell::Head(name.to_owned()),
        Cell::Number(meur(plan.cost_meur)),
        Cell::Number(euro(plan.promised_euro)),
        Cell::Number(euro(plan.replayed_euro)),
        Cell::Long(chosen.join("; ")),
        Cell::Text(money_by_zone(ctx, &plan.paid_by, 10, meur)),
        Cell::Text(money_by_zone(ctx, &plan.benefit_of, 10, euro)),
    ]
}

fn portfolio(ctx: &Context) -> String {
    let Some(p) = &ctx.a.portfolio else { return paragraph("No budget was given, so no set of measures was chosen.") };
    let gap = p.joint.replayed_euro - p.national.replayed_euro;
    let share = if p.joint.replayed_euro > 0.0 {
        format!(" ({} of what the joint plan avoids)", percent(gap.abs() / p.joint.replayed_euro))
    } else {
        String::new()
    };
    let mut out = paragraph(&format!(
        "Budget {}. One joint purse avoids {} {} than the same sum split by gross domestic product and spent by each country for itself{share}. \
The comparison uses the loss avoided when each whole set is simulated together.",
        meur(p.budget_meur),
        euro(gap.abs()),
        if gap < 0.0 { "less" } else { "more" }
    ));
    out.push_str(
        &Table {
            caption: "Joint plan against national plans",
            heads: &[
                "Plan",
                "Cost",
                "Loss avoided, promised",
                "Loss avoided, replayed",
                "Measures in order of choice",
                "Who pays most",
                "Who gains most",
            ],
            rows: vec![plan_row(ctx, "Joint", &p.joint), plan_row(ctx, "National", &p.national)],
        }
        .render(),
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_marking_wears_its_own_colour() {
        assert!(marking("TLP:AMBER+STRICT").contains("tlp amber"));
        assert!(marking("TLP:CLEAR").contains("tlp clear"));
        assert!(marking("<x>").contains("&lt;x&gt;"));
    }

    #[test]
    fn lists_of_countries_are_cut_with_a_count() {
        let keys = ["AT", "BE", "CZ"].map(str::to_owned);
        assert_eq!(short_list(&keys, 2), "3 (AT, BE and 1 more)");
        assert_eq!(short_list(&keys, usize::MAX), "3 (AT, BE, CZ)");
        assert_eq!(short_list(&[], 2), "0");
    }

    #[test]
    fn shades_span_four_decades() {
        assert_eq!([0.0, 1e-9, 1.0, 10.0, 100.0, 1e4].map(|x| shade(x, 1e4)), [0, 1, 1, 2, 3, 5]);
    }

    #[test]
    fn words_replace_keys() {
        assert_eq!(kind_words("lng_terminal"), "LNG terminal");
        assert_eq!(degrees(-9.6, ["E", "W"]), "10° W");
        assert_eq!(rate_words(None, None, None), "weight only");
        assert_eq!(rate_words(Some(1.0), Some(1.7), Some(2.5)), "1.7 (1 to 2.5)");
        assert_eq!(sentence("It breaks"), "It breaks.");
        assert_eq!([0.0, 0.02, 0.5, 1234.0].map(coarse), ["0", "< 0.1", "0.5", "1\u{202f}230"]);
    }

    #[test]
    fn reasons_are_written_for_people() {
        assert_eq!(
            reason_words(
                "A 12345 is lost at 0 h; A 12345 is lost at 0 h; B is without pnt and loses 50 % of its capacity at 0 h; lost: 12841500 passengers of passengers, 12.5 GWh of gas."
            ),
            "A 12345 is lost at 0 h; B is without positioning and loses 50 % of its capacity at 0 h; lost: 12.8\u{202f}million passengers, 12.5 GWh of gas."
        );
        assert_eq!(reason_words(""), "");
    }
}

//! What an alert says of a simulated disruption: words, areas and figures from a result of `buttress run`.

use super::grade::{self, Effect};
use super::{Area, Category, Certainty, Info, Named, ResponseType, Severity, Time, Urgency, shape};
use crate::incident::figures::Run;
use jiff::SignedDuration;
use std::collections::BTreeMap;

/// Assets that get an area of their own; the rest are counted in words.
pub const MAX_AREAS: usize = 200;
/// How the description of a simulated event begins.
pub const SIMULATED: &str = "Simulated, not observed.";
/// Name of the code of a country in an area.
const COUNTRY: &str = "ISO 3166-1";

/// Where an affected asset is.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// Its name, as people know it.
    pub name: String,
    /// Its kind, such as `submarine_cable`.
    pub kind: String,
    /// Latitude of the position or middle, degrees.
    pub lat_deg: f64,
    /// Longitude, degrees.
    pub lon_deg: f64,
    /// Ends of a link as (lat, lon, lat, lon).
    pub ends: Option<[f64; 4]>,
}

/// How wide areas are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Widths {
    /// Radius of the circle round an asset at a point, km.
    pub radius_km: f64,
    /// Half of the width of the corridor round a link, km.
    pub corridor_km: f64,
}

/// When a run takes place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct When {
    /// When the alert is sent.
    pub sent: Time,
    /// The moment of hour 0 of the run, if it is set.
    pub hour_0: Option<Time>,
}

impl When {
    fn at(&self, hours: Option<f64>) -> Option<Time> {
        let (hour_0, hours) = (self.hour_0?, hours.filter(|h| h.is_finite() && h.abs() < 1e6)?);
        let at = hour_0.timestamp().checked_add(SignedDuration::from_secs((hours * 3600.0).round() as i64)).ok()?;
        Time::at(at, hour_0.offset_min()).ok()
    }
}

/// The information of an alert on a run: certainty is *Possible*, since nothing has been observed.
pub fn info(run: &Run, places: &[Place], widths: Widths, when: When) -> Info {
    let impact = run.impact();
    let effect = Effect { people: run.people_peak, n_states: impact.member_states().unwrap_or(0), n_services: run.services.len() };
    let (onset, until) = (when.at(run.lost_from_h), when.at(run.back_h));
    let title = if run.title.is_empty() { "Disruption of infrastructure" } else { &run.title };
    let mut info =
        Info::new(Category::Infra, title, grade::urgency(onset, until, when.sent), grade::severity(&effect), Certainty::Possible);
    let transport = run.services.iter().any(|(name, _)| matches!(name.as_str(), "freight" | "passengers"));
    if transport && run.services.len() == 1 {
        info.category = vec![Category::Transport];
    } else if transport {
        info.category.push(Category::Transport);
    }
    info.response_type = vec![if info.severity == Severity::Minor { ResponseType::Monitor } else { ResponseType::Prepare }];
    if info.urgency == Urgency::Past {
        info.response_type = vec![ResponseType::Assess];
    }
    info.onset = onset;
    info.expires = until.filter(|until| until.timestamp() > when.sent.timestamp());
    info.headline = Some(title.to_owned());
    let parts = [Some(SIMULATED.to_owned()), Some(run.reason.clone()), impact.severity.map(|s| format!("{s}."))];
    info.description = Some(parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" "));
    info.parameter = figures(run).into_iter().map(|(name, value)| Named::new(name, &value)).collect();
    info.parameter.extend(impact.figures_from.map(|from| Named::new("figures_from", &from)));
    info.area = areas(run, places, widths);
    info
}

/// The figures of a run by name, for parameters and for texts in any language.
pub fn figures(run: &Run) -> BTreeMap<&'static str, String> {
    let joined = |mut words: Vec<&str>| {
        words.sort_unstable();
        if words.is_empty() { "-".to_owned() } else { words.join(", ") }
    };
    BTreeMap::from([
        ("people", format!("{:.0}", run.people_peak)),
        ("hours", run.duration_h().map_or("-".to_owned(), |h| format!("{h:.0}"))),
        ("countries", joined(run.countries.iter().map(String::as_str).collect())),
        ("services", joined(run.services.iter().map(|(name, _)| name.as_str()).collect())),
        ("assets", run.failed.len().max(run.damaged.len()).to_string()),
    ])
}

fn areas(run: &Run, places: &[Place], widths: Widths) -> Vec<Area> {
    let mut areas: Vec<Area> = places.iter().take(MAX_AREAS).filter_map(|place| area(place, widths)).collect();
    if !run.countries.is_empty() {
        let countries: Vec<&str> = run.countries.iter().map(String::as_str).collect();
        let mut area = Area::new(&format!("Countries hit: {}", countries.join(", ")));
        area.geocode = countries.iter().map(|code| Named::new(COUNTRY, code)).collect();
        areas.push(area);
    }
    areas
}

/// A corridor where both ends of a link are known, else a circle.
fn area(place: &Place, widths: Widths) -> Option<Area> {
    let mut area = Area::new(&format!("{} ({})", place.name, place.kind.replace('_', " ")));
    match place.ends.and_then(|ends| shape::corridor(ends, widths.corridor_km)) {
        Some(ring) => area.polygon.push(ring),
        None => area.circle.push(shape::circle(place.lat_deg, place.lon_deg, widths.radius_km)?),
    }
    Some(area)
}

/// A name in braces that has no figure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{{{name}}} stands for nothing here; write {known}, or no braces")]
pub struct NoFigure {
    /// What stands in the braces.
    pub name: String,
    /// What may.
    pub known: String,
}

/// A text with the figures put in for names in braces, such as `{people}`.
pub fn fill(text: &str, figures: &BTreeMap<&'static str, String>) -> Result<String, NoFigure> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, behind) = after.split_once('}').unwrap_or((after, ""));
        let known = || match figures.len() {
            0 => "none without --run".to_owned(),
            _ => figures.keys().map(|key| format!("{{{key}}}")).collect::<Vec<_>>().join(", "),
        };
        let value = figures.get(name).ok_or_else(|| NoFigure { name: name.chars().take(40).collect(), known: known() })?;
        out += before;
        out += value;
        rest = behind;
    }
    Ok(out + rest)
}

#[cfg(test)]
mod tests {
    use super::super::{Alert, MsgType, Scope, Status, check};
    use super::*;
    use crate::incident::figures::Damaged;

    fn run() -> Run {
        Run {
            title: "Without two cables".into(),
            reason: "Two cables are lost.".into(),
            people_peak: 120_000.0,
            countries: ["EE", "FI", "NO"].map(str::to_owned).into(),
            services: vec![("data".into(), 0.9), ("freight".into(), 0.8)],
            damaged: vec![Damaged { asset: "cable.x".into(), from_h: 2.0, to_h: 50.0 }],
            failed: vec!["cable.x".into(), "metro.y".into()],
            lost_from_h: Some(2.5),
            back_h: Some(50.0),
            ..Run::default()
        }
    }

    fn place(ends: Option<[f64; 4]>) -> Place {
        Place { name: "Cable X".into(), kind: "submarine_cable".into(), lat_deg: 59.5, lon_deg: 25.0, ends }
    }

    const WIDTHS: Widths = Widths { radius_km: 2.0, corridor_km: 3.0 };

    fn t(text: &str) -> Time {
        text.parse().unwrap()
    }

    #[test]
    fn a_run_says_where_when_and_how_grave_and_that_it_is_simulated() {
        let when = When { sent: t("2026-01-15T05:00:00-00:00"), hour_0: Some(t("2026-01-15T05:00:00+02:00")) };
        let places = [place(Some([60.0, 25.0, 59.0, 25.0])), place(None)];
        let info = info(&run(), &places, WIDTHS, when);
        assert_eq!((info.severity, info.certainty, info.urgency), (Severity::Severe, Certainty::Possible, Urgency::Expected));
        // 05:00 +02:00 is 03:00 UTC, so 2.5 h later is 05:30 UTC.
        assert_eq!(info.onset.unwrap().to_string(), "2026-01-15T07:30:00+02:00");
        assert_eq!(info.expires.unwrap().to_string(), "2026-01-17T07:00:00+02:00");
        assert_eq!(info.category, [Category::Infra, Category::Transport]);
        assert_eq!((info.area[0].polygon.len(), info.area[1].circle.len(), info.area[2].geocode.len()), (1, 1, 3));
        assert!(info.description.as_ref().unwrap().starts_with("Simulated, not observed. Two cables are lost. 120000 people"));
        let sent = when.sent;
        let alert = Alert { info: vec![info], ..Alert::new("a", "b", sent, Status::Actual, MsgType::Alert, Scope::Public) };
        assert_eq!(check(&alert), []);
    }

    #[test]
    fn without_an_hour_0_nothing_is_said_of_time() {
        let info = info(&run(), &[], WIDTHS, When { sent: t("2026-01-15T05:00:00-00:00"), hour_0: None });
        assert_eq!((info.urgency, info.onset, info.expires), (Urgency::Unknown, None, None));
    }

    #[test]
    fn figures_go_into_a_text_of_any_language_and_unknown_names_do_not() {
        let figures = figures(&run());
        assert_eq!(fill("{people} ihmistä, {countries}", &figures).unwrap(), "120000 ihmistä, EE, FI, NO");
        let wrong = fill("{poeple}", &figures).unwrap_err().to_string();
        assert!(wrong.starts_with("{poeple} stands for nothing here; write {assets}, {countries}"), "{wrong}");
        assert!(fill("{", &BTreeMap::new()).unwrap_err().to_string().contains("--run"));
        assert_eq!(fill("no figure", &BTreeMap::new()).unwrap(), "no figure");
    }
}

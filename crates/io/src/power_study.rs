//! Files beside a power network: how a timed cascade behaves (TOML), forced outage rates and hourly load (CSV).

use buttress_engine::power::frequency::Action;
use buttress_engine::power::overload::timed::{Settings, ShareRelay};
use serde::Deserialize;

/// What is wrong with such a file.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {why}")]
pub struct Error {
    /// File.
    pub file: String,
    /// What, where, and what to do.
    pub why: String,
}

/// A timed cascade to run.
#[derive(Debug, Clone, PartialEq)]
pub struct CascadeStudy {
    /// Title for people; may be empty.
    pub title: String,
    /// Network beside the file; empty when the caller names one.
    pub network: String,
    /// Branch rows that start it, counted from 1.
    pub outages: Vec<usize>,
    /// Seed of hidden failures.
    pub seed: u64,
    /// Branches, protection, machines and relays.
    pub settings: Settings,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    title: String,
    #[serde(default)]
    network: String,
    #[serde(default)]
    outages: Vec<usize>,
    #[serde(default = "one")]
    seed: u64,
    settings: SettingsRow,
    #[serde(default)]
    relay: Vec<RelayRow>,
}

fn one() -> u64 {
    1
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table [settings]")]
struct SettingsRow {
    thermal_time_s: f64,
    least_margin: f64,
    emergency_multiple: f64,
    instant_multiple: f64,
    instant_delay_s: f64,
    hidden_failure_probability: f64,
    nominal_hz: f64,
    inertia_s: f64,
    droop: f64,
    governor_time_s: f64,
    self_regulation_per_hz: f64,
    collapse_low_hz: f64,
    collapse_high_hz: f64,
    horizon_s: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table [[relay]]")]
struct RelayRow {
    action: String,
    frequency_hz: f64,
    delay_s: f64,
    share: f64,
}

impl SettingsRow {
    /// Fields with the smallest and largest value accepted.
    fn ranges(&self) -> [(&'static str, f64, f64, f64); 14] {
        [
            ("thermal_time_s", self.thermal_time_s, 1e-3, 1e6),
            ("least_margin", self.least_margin, 0.0, 1e3),
            ("emergency_multiple", self.emergency_multiple, 1.0, 1e3),
            ("instant_multiple", self.instant_multiple, 1.0, 1e3),
            ("instant_delay_s", self.instant_delay_s, 0.0, 1e6),
            ("hidden_failure_probability", self.hidden_failure_probability, 0.0, 1.0),
            ("nominal_hz", self.nominal_hz, 1.0, 1e3),
            ("inertia_s", self.inertia_s, 1e-3, 1e3),
            ("droop", self.droop, 1e-4, 1.0),
            ("governor_time_s", self.governor_time_s, 1e-3, 1e4),
            ("self_regulation_per_hz", self.self_regulation_per_hz, 0.0, 1.0),
            ("collapse_low_hz", self.collapse_low_hz, 0.0, self.nominal_hz),
            ("collapse_high_hz", self.collapse_high_hz, self.nominal_hz, 2.0 * self.nominal_hz),
            ("horizon_s", self.horizon_s, 1.0, 1e7),
        ]
    }
}

fn in_range(name: &str, x: f64, low: f64, high: f64) -> Result<(), String> {
    if x.is_finite() && (low..=high).contains(&x) { Ok(()) } else { Err(format!("{name} is {x}; give a number from {low} to {high}")) }
}

/// Reads the options of a timed cascade; unknown keys and numbers out of range are errors that name them.
pub fn cascade(file: &str, text: &str) -> Result<CascadeStudy, Error> {
    let error = |why: String| Error { file: file.into(), why };
    let parsed: File = toml::from_str(text).map_err(|e| error(e.to_string().trim_end().to_owned()))?;
    let s = &parsed.settings;
    for (name, x, low, high) in s.ranges() {
        in_range(&format!("settings.{name}"), x, low, high).map_err(error)?;
    }
    let mut relays = Vec::with_capacity(parsed.relay.len());
    for (k, row) in parsed.relay.iter().enumerate() {
        relays.push(relay(row, s.nominal_hz).map_err(|why| error(format!("relay {}: {why}", k + 1)))?);
    }
    let settings = Settings {
        thermal_time_s: s.thermal_time_s,
        least_margin: s.least_margin,
        emergency_multiple: s.emergency_multiple,
        instant_multiple: s.instant_multiple,
        instant_delay_s: s.instant_delay_s,
        hidden_failure_probability: s.hidden_failure_probability,
        nominal_hz: s.nominal_hz,
        inertia_s: s.inertia_s,
        droop: s.droop,
        governor_time_s: s.governor_time_s,
        self_regulation_per_hz: s.self_regulation_per_hz,
        relays,
        collapse_hz: (s.collapse_low_hz, s.collapse_high_hz),
        horizon_s: s.horizon_s,
    };
    Ok(CascadeStudy { title: parsed.title, network: parsed.network, outages: parsed.outages, seed: parsed.seed, settings })
}

fn relay(row: &RelayRow, nominal_hz: f64) -> Result<ShareRelay, String> {
    let action = match row.action.as_str() {
        "shed_load" => Action::ShedLoad,
        "trip_generation_low" => Action::TripGenerationLow,
        "trip_generation_high" => Action::TripGenerationHigh,
        other => return Err(format!("action `{other}` is not one of shed_load, trip_generation_low, trip_generation_high")),
    };
    in_range("frequency_hz", row.frequency_hz, 0.0, 2.0 * nominal_hz)?;
    in_range("delay_s", row.delay_s, 0.0, 1e6)?;
    in_range("share", row.share, 0.0, 1.0)?;
    Ok(ShareRelay { action, frequency_hz: row.frequency_hz, delay_s: row.delay_s, share: row.share })
}

/// Rows of numbers under a header of these columns, with the line of each.
fn numbers<const N: usize>(file: &str, text: &str, columns: [&str; N]) -> Result<Vec<(u64, [f64; N])>, Error> {
    let error = |line: u64, why: String| Error { file: file.into(), why: format!("line {line}: {why}") };
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|e| error(1, e.to_string()))?.clone();
    let mut at = [0; N];
    for (place, column) in at.iter_mut().zip(columns) {
        *place = header
            .iter()
            .position(|h| h == column)
            .ok_or_else(|| error(1, format!("has no column `{column}`; the header is `{}`", columns.join(","))))?;
    }
    let mut out = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|e| {
            error(e.position().map_or(0, csv::Position::line), "has more or fewer cells than the header, or is not UTF-8".into())
        })?;
        let line = record.position().map_or(0, csv::Position::line);
        let mut row = [0.0; N];
        for ((x, &place), column) in row.iter_mut().zip(&at).zip(columns) {
            let cell = record.get(place).unwrap_or("");
            *x = cell
                .parse()
                .ok()
                .filter(|x: &f64| x.is_finite())
                .ok_or_else(|| error(line, format!("{column} is `{cell}`; give a number")))?;
        }
        out.push((line, row));
    }
    Ok(out)
}

/// Reads forced outage rates as (generator row counted from 1, rate).
pub fn forced_outage_rates(file: &str, text: &str) -> Result<Vec<(usize, f64)>, Error> {
    let rows = numbers(file, text, ["generator_row", "forced_outage_rate"])?;
    let mut seen = std::collections::BTreeSet::new();
    rows.into_iter()
        .map(|(line, [row, rate])| {
            let whole = (1.0..=1e9).contains(&row) && row.fract() == 0.0;
            if whole && !seen.insert(row as usize) {
                Err(Error { file: file.into(), why: format!("line {line}: generator_row {row} stands twice; keep one") })
            } else if whole && (0.0..=1.0).contains(&rate) {
                Ok((row as usize, rate))
            } else {
                Err(Error {
                    file: file.into(),
                    why: format!(
                        "line {line}: generator_row is {row} and forced_outage_rate {rate}; give a whole row from 1 and a rate from 0 to 1"
                    ),
                })
            }
        })
        .collect()
}

/// Reads hourly load, MW.
pub fn hourly_load(file: &str, text: &str) -> Result<Vec<f64>, Error> {
    let rows = numbers(file, text, ["load_mw"])?;
    if let Some((line, [mw])) = rows.iter().find(|r| r.1[0] < 0.0) {
        return Err(Error { file: file.into(), why: format!("line {line}: load_mw is {mw}; give a number from 0") });
    }
    if rows.is_empty() {
        return Err(Error { file: file.into(), why: "has no rows; give one row an hour".into() });
    }
    Ok(rows.into_iter().map(|r| r.1[0]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_numbers_name_line_and_column() {
        let e = hourly_load("l.csv", "load_mw\n1\nx\n").unwrap_err().to_string();
        assert!(e.contains("l.csv") && e.contains("line 3") && e.contains("load_mw is `x`"), "{e}");
        let e = forced_outage_rates("r.csv", "generator_row,forced_outage_rate\n1,1.5\n").unwrap_err().to_string();
        assert!(e.contains("line 2") && e.contains("from 0 to 1"), "{e}");
        assert_eq!(forced_outage_rates("r.csv", "forced_outage_rate,generator_row\n0.1,2\n").unwrap(), vec![(2, 0.1)]);
        let good = include_str!("../../../cases/hindcast_italy_2003/power.toml");
        assert_eq!(cascade("c.toml", good).unwrap().outages, vec![2, 4]);
        for (bad, named) in [
            (format!("speed = 3\n{good}"), "speed"),
            (good.replace("droop = 0.05", "droop = 5"), "settings.droop is 5; give a number from 0.0001 to 1"),
            (good.replacen("share = 0.0635", "share = 2", 1), "relay 1: share is 2"),
            (good.replacen("shed_load", "pray", 1), "relay 1: action `pray`"),
        ] {
            let e = cascade("c.toml", &bad).unwrap_err().to_string();
            assert!(e.contains(named), "{e}");
        }
    }
}

//! Studies and scenarios as TOML, and the short form of the command line.

use buttress_model::{Action, Addition, Change, Scenario, Selector, Study};
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// What is wrong with a study or scenario.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text is not of the form.
    #[error("{file}: {why}")]
    Form {
        /// File or argument.
        file: String,
        /// What and where.
        why: String,
    },
}

fn form(file: &str, why: impl Into<String>) -> Error {
    Error::Form { file: file.into(), why: why.into() }
}

/// Reads a study; unknown keys and numbers out of range are errors that name them.
pub fn study(file: &str, text: &str) -> Result<Study, Error> {
    let study: Study = toml::from_str(text).map_err(|e| form(file, e.to_string().trim_end().to_owned()))?;
    let defects = study.defects();
    if defects.is_empty() { Ok(study) } else { Err(form(file, defects.join("; "))) }
}

/// The study as TOML, all fields written out.
pub fn study_text(study: &Study) -> String {
    toml::to_string(study).unwrap_or_default()
}

/// Hexadecimal SHA-256 of the study with all fields written out.
pub fn study_digest(study: &Study) -> String {
    Sha256::digest(study_text(study).as_bytes()).iter().fold(String::new(), |s, b| s + &format!("{b:02x}"))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScenarioFile {
    #[serde(default)]
    key: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    change: Vec<ChangeRow>,
    #[serde(default)]
    add_asset: Vec<toml::Table>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangeRow {
    action: String,
    select: String,
    value: Option<f64>,
    #[serde(default)]
    from_h: f64,
    to_h: Option<f64>,
    to_low_h: Option<f64>,
    to_high_h: Option<f64>,
}

/// Reads a scenario: `title`, `[[change]]` rows with `action`, `select`, `value`, `from_h`, `to_h` (`to_low_h`, `to_high_h`), and
/// `[[add_asset]]` rows with `table` and the columns of that table.
pub fn scenario(file: &str, text: &str) -> Result<Scenario, Error> {
    let parsed: ScenarioFile = toml::from_str(text).map_err(|e| form(file, e.to_string().trim_end().to_owned()))?;
    if parsed.change.is_empty() && parsed.add_asset.is_empty() {
        return Err(form(file, "the scenario changes nothing; give at least one [[change]] or [[add_asset]]"));
    }
    let mut changes = Vec::with_capacity(parsed.change.len());
    for (k, row) in parsed.change.iter().enumerate() {
        changes.push(change(row).map_err(|why| form(file, format!("change {}: {why}", k + 1)))?);
    }
    let mut additions = Vec::with_capacity(parsed.add_asset.len());
    for (k, row) in parsed.add_asset.iter().enumerate() {
        additions.push(addition(row).map_err(|why| form(file, format!("add_asset {}: {why}", k + 1)))?);
    }
    Ok(Scenario {
        key: if parsed.key.is_empty() { file.trim_end_matches(".toml").to_owned() } else { parsed.key },
        title: parsed.title,
        changes,
        additions,
    })
}

fn addition(row: &toml::Table) -> Result<Addition, String> {
    let mut out = Addition::default();
    for (column, value) in row {
        let text = match value {
            toml::Value::String(s) => s.clone(),
            toml::Value::Integer(x) => x.to_string(),
            toml::Value::Float(x) => x.to_string(),
            toml::Value::Boolean(x) => u8::from(*x).to_string(),
            _ => return Err(format!("`{column}` is no text, number or truth value")),
        };
        if column == "table" {
            out.table = text;
        } else {
            out.cells.push((column.clone(), text));
        }
    }
    if out.table.is_empty() { Err("has no `table`, such as `table = \"power_lines\"`".into()) } else { Ok(out) }
}

fn change(row: &ChangeRow) -> Result<Change, String> {
    let action = Action::parse(&row.action)
        .ok_or_else(|| format!("action `{}` is not one of {}", row.action, buttress_model::change::ACTIONS.join(", ")))?;
    let select = Selector::parse(&row.select).map_err(|why| format!("select: {why}"))?;
    if action.needs_value() && row.value.is_none() {
        return Err(format!("action `{}` needs a value", row.action));
    }
    if !action.needs_value() && row.value.is_some() {
        return Err(format!("action `{}` takes no value; leave it out", row.action));
    }
    if row.to_h.is_none() && (row.to_low_h.is_some() || row.to_high_h.is_some()) {
        return Err("to_low_h and to_high_h are read beside to_h only; give to_h, the end at the central level".into());
    }
    let to_h = row.to_h.map(|c| [row.to_low_h.unwrap_or(c), c, row.to_high_h.unwrap_or(c)]);
    let change = Change { action, select, value: row.value.unwrap_or(1.0), from_h: row.from_h, to_h };
    let defects = change.defects();
    if defects.is_empty() { Ok(change) } else { Err(defects.join("; ")) }
}

/// Reads `KEY[@FROM..TO],...`: assets to take out, with hours; without hours from the start until repaired.
pub fn take_out(text: &str) -> Result<Vec<Change>, Error> {
    let mut out = Vec::new();
    for part in text.split(',').map(str::trim).filter(|p| !p.is_empty()) {
        let (key, hours) = part.split_once('@').map_or((part, None), |(k, h)| (k, Some(h)));
        let mut c = Change::take_out(key);
        if let Some(hours) = hours {
            let bad = || form("--take-out", format!("`{part}`: write KEY@FROM..TO with hours, such as cable.c-lion1@0..264"));
            let (from, to) = hours.split_once("..").ok_or_else(bad)?;
            c.from_h = from.parse().ok().filter(|x: &f64| x.is_finite() && *x >= 0.0).ok_or_else(bad)?;
            if !to.is_empty() {
                let to: f64 = to.parse().ok().filter(|x: &f64| x.is_finite() && *x > c.from_h).ok_or_else(bad)?;
                c.to_h = Some([to; 3]);
            }
        }
        out.push(c);
    }
    if out.is_empty() { Err(form("--take-out", "names no asset; write KEY[@FROM..TO],...")) } else { Ok(out) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_form_reads_keys_and_hours() {
        let c = take_out("a.b, c.d@5..9,e@2..").unwrap();
        assert_eq!((c[0].from_h, c[0].to_h), (0.0, None));
        assert_eq!((c[1].from_h, c[1].to_h), (5.0, Some([9.0; 3])));
        assert_eq!((c[2].from_h, c[2].to_h), (2.0, None));
        for bad in ["", "a@", "a@3", "a@x..y", "a@5..4"] {
            assert!(take_out(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn unknown_keys_and_wrong_numbers_are_named() {
        let e = study("s.toml", "start_month = 13\nhorizon_h = 1\nstorage_fill = 0.5\nseed = 1").unwrap_err().to_string();
        assert!(e.contains("start_month is 13"), "{e}");
        let e = study("s.toml", "horizon = 1").unwrap_err().to_string();
        assert!(e.contains("unknown field"), "{e}");
        let e = scenario("x.toml", "[[change]]\naction = \"derate\"\nselect = \"key:a\"").unwrap_err().to_string();
        assert!(e.contains("change 1") && e.contains("needs a value"), "{e}");
        let e = scenario("x.toml", "title = \"nothing\"").unwrap_err().to_string();
        assert!(e.contains("x.toml") && e.contains("changes nothing"), "{e}");
        assert_eq!(study("s", &study_text(&Study::default())).unwrap(), Study::default());
    }

    #[test]
    fn what_an_action_cannot_read_is_an_error_and_not_left_out() {
        for (rows, word) in [
            ("action = \"derate\"\nvalue = 5", "value is 5"),
            ("action = \"set_storage\"\nvalue = 7", "value is 7"),
            ("action = \"take_out\"\nvalue = 0.5", "takes no value"),
            ("action = \"restore\"\nfrom_h = 3", "hours are not read"),
            ("action = \"uprate\"\nvalue = 0.5\nto_h = 3", "hours are not read"),
            ("action = \"take_out\"\nto_low_h = 3", "give to_h"),
            ("action = \"take_out\"\nto_low_h = 9\nto_h = 6\nto_high_h = 12", "do not ascend"),
            ("action = \"take_out\"\nfrom_h = 6\nto_h = 6", "end it later"),
            ("action = \"take_out\"\nfrom_h = -1", "out of range"),
            ("action = \"take_out\"\nto_h = inf", "out of range"),
            ("action = \"set_demand\"\nvalue = 0.5", "whole zones"),
            ("action = \"jam\"\nvalue = 0.5", "circle"),
        ] {
            let text = format!("[[change]]\naction = \"take_out\"\nselect = \"key:b\"\n[[change]]\nselect = \"key:a\"\n{rows}");
            let e = scenario("x.toml", &text).expect_err(rows).to_string();
            assert!(e.starts_with("x.toml: change 2: ") && e.contains(word), "{rows}: {e}");
        }
    }
}

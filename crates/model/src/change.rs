//! Changes: the one language of threats, repairs, purchases and answers.

use crate::geo::{distance_km, distance_to_path_km};
use crate::view::{Asset, Case};

/// Words for [`Action`] in files.
pub const ACTIONS: &[&str] = &[
    "take_out",
    "derate",
    "restore",
    "set_demand",
    "set_supply",
    "uprate",
    "set_buffer",
    "add_stock",
    "speed_repair",
    "harden",
    "jam",
    "close_passage",
    "set_storage",
    "forbid",
];

/// What a change does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The asset delivers nothing over the interval.
    TakeOut,
    /// The asset loses the share `value` of its capacity over the interval.
    Derate,
    /// An asset that is not in service is put in service.
    Restore,
    /// Demand of a commodity in zones is multiplied by `value` over the interval.
    SetDemand,
    /// Supply (plants, fields, cargo arrivals) is multiplied by `value` over the interval.
    SetSupply,
    /// Capacity grows by the share `value`.
    Uprate,
    /// Autonomy without electricity becomes at least `value` hours.
    SetBuffer,
    /// Stock (storage, tank) grows by the share `value`.
    AddStock,
    /// Repair time is multiplied by `value`.
    SpeedRepair,
    /// Damage by threats is multiplied by `value`.
    Harden,
    /// The share `value` of positioning service is lost within the selector's circle.
    Jam,
    /// Gas storage fill at the start becomes the share `value`.
    SetStorage,
    /// Over the interval the operator may neither raise the plants' output nor move the direct-current links from their base.
    Forbid,
}

impl Action {
    /// Reads the word of a file.
    pub fn parse(word: &str) -> Option<Action> {
        Some(match word {
            "take_out" | "close_passage" => Action::TakeOut,
            "derate" => Action::Derate,
            "restore" => Action::Restore,
            "set_demand" => Action::SetDemand,
            "set_supply" => Action::SetSupply,
            "uprate" => Action::Uprate,
            "set_buffer" => Action::SetBuffer,
            "add_stock" => Action::AddStock,
            "speed_repair" => Action::SpeedRepair,
            "harden" => Action::Harden,
            "jam" => Action::Jam,
            "set_storage" => Action::SetStorage,
            "forbid" => Action::Forbid,
            _ => return None,
        })
    }

    /// True where the change cannot do without a value.
    pub fn needs_value(self) -> bool {
        !matches!(self, Action::TakeOut | Action::Restore | Action::Forbid)
    }
}

/// One edit of a case over an interval.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// What it does.
    pub action: Action,
    /// What it acts on.
    pub select: Selector,
    /// Size; meaning by action.
    pub value: f64,
    /// Start, hours from the start of the study.
    pub from_h: f64,
    /// End as low, central, high; `None`: the kind's repair time after the start.
    pub to_h: Option<[f64; 3]>,
}

impl Change {
    /// Takes out the asset with this key from the start until repaired.
    pub fn take_out(key: &str) -> Self {
        Change { action: Action::TakeOut, select: Selector::key(key), value: 1.0, from_h: 0.0, to_h: None }
    }
}

/// Which assets a rule or change acts on: space-separated terms that must all hold.
///
/// Terms: `key:A|B` (key or group), `kind:`, `zone:`, `operator:`, `supplier:`, `technology:`, `group:`, `constellation:`, `passage:`,
/// `provenance:`, `commodity:` (alternatives separated by `|`), `near:LAT,LON,KM` (links: any point of the straight path), `top:N` (the N largest by capacity, last).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Selector {
    terms: Vec<(Term, Vec<String>)>,
    near: Option<(f64, f64, f64)>,
    top: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Term {
    Key,
    Kind,
    Zone,
    Operator,
    Supplier,
    Technology,
    Group,
    Constellation,
    Passage,
    Provenance,
    Commodity,
}

impl Selector {
    /// Selects one key (or group).
    pub fn key(key: &str) -> Self {
        Selector { terms: vec![(Term::Key, vec![key.to_owned()])], near: None, top: None }
    }

    /// Reads the text form; the error says which term is wrong.
    ///
    /// # Example
    /// ```
    /// use buttress_model::Selector;
    /// assert!(Selector::parse("kind:substation near:48.1,11.6,80 top:3").is_ok());
    /// assert!(Selector::parse("colour:red").is_err());
    /// ```
    pub fn parse(text: &str) -> Result<Selector, String> {
        let mut s = Selector::default();
        for token in split_terms(text) {
            let (name, value) = token.split_once(':').ok_or_else(|| format!("`{token}` has no `name:`"))?;
            if value.is_empty() {
                return Err(format!("`{name}:` has no value"));
            }
            let term = match name {
                "key" => Term::Key,
                "kind" => Term::Kind,
                "zone" => Term::Zone,
                "operator" => Term::Operator,
                "supplier" => Term::Supplier,
                "technology" => Term::Technology,
                "group" => Term::Group,
                "constellation" => Term::Constellation,
                "passage" => Term::Passage,
                "provenance" => Term::Provenance,
                "commodity" => Term::Commodity,
                "near" => {
                    let numbers: Vec<f64> = value.split(',').filter_map(|x| x.parse().ok()).filter(|x: &f64| x.is_finite()).collect();
                    let [lat, lon, km] = numbers[..] else { return Err(format!("`near:{value}` is not LAT,LON,KM")) };
                    s.near = Some((lat, lon, km));
                    continue;
                }
                "top" => {
                    s.top = Some(value.parse().map_err(|_| format!("`top:{value}` is not a count"))?);
                    continue;
                }
                _ => {
                    return Err(format!(
                        "`{name}:` is not a term; use key, kind, zone, operator, supplier, technology, group, constellation, passage, provenance, commodity, near, top"
                    ));
                }
            };
            s.terms.push((term, value.split('|').map(str::to_owned).collect()));
        }
        if s.terms.is_empty() && s.near.is_none() {
            return Err("empty selector".into());
        }
        Ok(s)
    }

    /// Commodity named by the selector, for demand changes.
    pub fn commodity(&self) -> Option<&str> {
        self.terms.iter().find(|(t, _)| *t == Term::Commodity).and_then(|(_, v)| v.first()).map(String::as_str)
    }

    /// Zones named by the selector; empty when it names none.
    pub fn zones(&self) -> &[String] {
        self.terms.iter().find(|(t, _)| *t == Term::Zone).map_or(&[], |(_, v)| v.as_slice())
    }

    /// Circle of the selector as (lat, lon, km).
    pub fn circle(&self) -> Option<(f64, f64, f64)> {
        self.near
    }

    /// True when one asset satisfies every term but `top`.
    pub fn matches(&self, asset: &Asset) -> bool {
        let near = self.near.is_none_or(|(lat, lon, km)| {
            asset.ends.map_or_else(|| distance_km(lat, lon, asset.lat, asset.lon), |ends| distance_to_path_km(lat, lon, ends)) <= km
        });
        near && self.terms.iter().all(|(term, values)| {
            let any = |text: &str| values.iter().any(|v| v == text);
            let part = |text: &str| values.iter().any(|v| text.to_lowercase().contains(&v.to_lowercase()));
            match term {
                Term::Key => any(&asset.key) || any(&asset.group),
                Term::Kind => any(&asset.kind),
                Term::Zone => any(&asset.zone) || any(&asset.zone_to),
                Term::Operator => part(&asset.operator),
                Term::Supplier => part(&asset.supplier),
                Term::Technology => any(&asset.technology),
                Term::Group => any(&asset.group),
                Term::Constellation => any(&asset.technology) || any(asset.technology.trim_start_matches("constellation.")),
                Term::Passage => any(&asset.group) || any(asset.group.trim_start_matches("passage.")),
                Term::Provenance => any(&asset.provenance),
                Term::Commodity => true,
            }
        })
    }

    /// Indices of the assets selected, ascending.
    pub fn select(&self, case: &Case) -> Vec<usize> {
        let mut hits: Vec<usize> = match self.terms.iter().find(|(t, _)| *t == Term::Key) {
            Some((_, keys)) => {
                let mut named: Vec<usize> =
                    keys.iter().flat_map(|k| case.named(k)).copied().filter(|&i| self.matches(&case.assets()[i])).collect();
                named.sort_unstable();
                named.dedup();
                named
            }
            None => case.assets().iter().enumerate().filter(|(_, a)| self.matches(a)).map(|(i, _)| i).collect(),
        };
        if let Some(n) = self.top {
            hits.sort_by(|&a, &b| case.assets()[b].capacity.total_cmp(&case.assets()[a].capacity).then(a.cmp(&b)));
            hits.truncate(n);
            hits.sort_unstable();
        }
        hits
    }
}

impl std::fmt::Display for Selector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut terms: Vec<String> =
            self.terms.iter().map(|(t, v)| format!("{}:{}", format!("{t:?}").to_lowercase(), v.join("|"))).collect();
        terms.extend(self.near.map(|(lat, lon, km)| format!("near:{lat},{lon},{km}")));
        terms.extend(self.top.map(|n| format!("top:{n}")));
        f.write_str(&terms.join(" "))
    }
}

/// Splits at spaces that start a new `name:` term, so that operator names may hold spaces.
fn split_terms(text: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match out.last_mut() {
            Some(last) if !word.contains(':') => {
                last.push(' ');
                last.push_str(word);
            }
            _ => out.push(word.to_owned()),
        }
    }
    out
}

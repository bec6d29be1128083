//! Changes: the one language of threats, repairs, purchases and answers.

use crate::geo::{distance_km, distance_to_path_km};
use crate::tables::KINDS;
use crate::view::{Asset, Case};

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

/// What a file may say of one action.
#[derive(Debug, Clone, Copy)]
pub struct ActionRule {
    /// Word in files.
    pub word: &'static str,
    /// What it means.
    pub action: Action,
    /// Least and largest value; `None` where the action takes none.
    pub value: Option<(f64, f64)>,
    /// Unit of the value.
    pub unit: &'static str,
    /// True where it holds for the whole run, so that it has no hours.
    pub structural: bool,
    /// Kinds of assets it acts on; empty: all.
    pub kinds: &'static [&'static str],
}

const SHARE: Option<(f64, f64)> = Some((0.0, 1.0));
const FACTOR: Option<(f64, f64)> = Some((0.0, 10.0));
const HOURS: Option<(f64, f64)> = Some((0.0, MAX_H));
/// Largest hour that a file may name.
pub const MAX_H: f64 = 1e6;

const fn timed(word: &'static str, action: Action, value: Option<(f64, f64)>, unit: &'static str) -> ActionRule {
    ActionRule { word, action, value, unit, structural: false, kinds: &[] }
}

const fn lasting(
    word: &'static str,
    action: Action,
    value: Option<(f64, f64)>,
    unit: &'static str,
    kinds: &'static [&'static str],
) -> ActionRule {
    ActionRule { word, action, value, unit, structural: true, kinds }
}

/// Every action with its word, the range of its value, and what it acts on. Capacities and stocks grow at most elevenfold, and
/// factors are at most 10: beyond that lies no question about infrastructure, and demand that cannot end.
pub const RULES: &[ActionRule] = &[
    timed("take_out", Action::TakeOut, None, "-"),
    timed("derate", Action::Derate, SHARE, "share"),
    lasting("restore", Action::Restore, None, "-", &[]),
    timed("set_demand", Action::SetDemand, FACTOR, "factor"),
    timed("set_supply", Action::SetSupply, FACTOR, "factor"),
    lasting(
        "uprate",
        Action::Uprate,
        FACTOR,
        "share",
        &[
            "power_line",
            "hvdc_link",
            "power_plant",
            "gas_pipe",
            "gas_field",
            "lng_terminal",
            "gas_storage",
            "fibre_link",
            "submarine_cable",
        ],
    ),
    lasting("set_buffer", Action::SetBuffer, HOURS, "hours", &[]),
    lasting("add_stock", Action::AddStock, FACTOR, "share", &["gas_storage", "lng_terminal"]),
    lasting("speed_repair", Action::SpeedRepair, FACTOR, "factor", &[]),
    lasting("harden", Action::Harden, FACTOR, "factor", &[]),
    timed("jam", Action::Jam, SHARE, "share"),
    timed("close_passage", Action::TakeOut, None, "-"),
    lasting("set_storage", Action::SetStorage, SHARE, "share", &["gas_storage"]),
    ActionRule { kinds: &["power_plant", "hvdc_link"], ..timed("forbid", Action::Forbid, None, "-") },
];

const WORDS: [&str; RULES.len()] = {
    let mut words = [""; RULES.len()];
    let mut i = 0;
    while i < RULES.len() {
        words[i] = RULES[i].word;
        i += 1;
    }
    words
};

/// Words for [`Action`] in files.
pub const ACTIONS: &[&str] = &WORDS;

impl Action {
    /// Reads the word of a file.
    pub fn parse(word: &str) -> Option<Action> {
        RULES.iter().find(|r| r.word == word).map(|r| r.action)
    }

    /// What a file may say of it.
    pub fn rule(self) -> &'static ActionRule {
        RULES.iter().find(|r| r.action == self).unwrap_or(&RULES[0])
    }

    /// True where the change cannot do without a value.
    pub fn needs_value(self) -> bool {
        self.rule().value.is_some()
    }

    /// True where the change holds for the whole run.
    pub fn is_structural(self) -> bool {
        self.rule().structural
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

    /// Everything wrong with it whatever the case is, in words that say what to do.
    pub fn defects(&self) -> Vec<String> {
        let rule = self.action.rule();
        let word = rule.word;
        let mut out = Vec::new();
        if let Some((low, high)) = rule.value
            && !(low..=high).contains(&self.value)
        {
            out.push(format!("value is {}; give `{word}` a {} from {low} to {high}", self.value, rule.unit));
        }
        if rule.structural && (self.from_h != 0.0 || self.to_h.is_some()) {
            out.push(format!("`{word}` holds for the whole run and its hours are not read; leave out from_h and to_h"));
        }
        let ends = self.to_h.unwrap_or([MAX_H; 3]);
        if !std::iter::once(self.from_h).chain(ends).all(|t| (0.0..=MAX_H).contains(&t)) {
            out.push(format!("an hour is out of range; give hours from 0 to {MAX_H}"));
        } else if ends[0] > ends[1] || ends[1] > ends[2] {
            out.push(format!("the ends {}, {}, {} h do not ascend; order them low, central, high", ends[0], ends[1], ends[2]));
        } else if ends[0] <= self.from_h {
            out.push(format!(
                "it ends at {} h and begins at {} h; hours count from the start of the study, so end it later",
                ends[0], self.from_h
            ));
        }
        out.extend(self.select.unread_by(self.action));
        out
    }

    /// Why it can do nothing in this case, in words that say what to do; `None` when it acts on something.
    pub fn misses(&self, case: &Case) -> Option<String> {
        let is_zone = |key: &str| case.tables().zones.iter().any(|z| z.key == key);
        if let Some(zone) = self.select.values(Term::Zone).find(|z| !is_zone(z)) {
            let known = case.tables().zones.iter().map(|z| z.key.as_str()).collect::<Vec<_>>().join(", ");
            return Some(format!("selector `{}` names zone `{zone}`, which the case has not; its zones: {known}", self.select));
        }
        if matches!(self.action, Action::SetDemand | Action::Jam) {
            return None;
        }
        if let Some(key) = self.select.values(Term::Key).find(|k| case.named(k).is_empty()) {
            return Some(format!("no asset or group `{key}` in the case; look it up with `buttress find TEXT`"));
        }
        let hits = self.select.select(case);
        if hits.is_empty() {
            let what = format!("selector `{}` selects nothing in the case", self.select);
            return Some(match self.select.values(Term::Kind).find(|k| !KINDS.contains(k)) {
                Some(kind) => format!("{what}; `{kind}` is no kind, give one of {}", KINDS.join(", ")),
                None => format!("{what}; loosen or mend a term, `buttress find TEXT` shows what there is"),
            });
        }
        let kinds = self.action.rule().kinds;
        let none = !kinds.is_empty() && !hits.iter().any(|&i| kinds.contains(&case.assets()[i].kind.as_str()));
        none.then(|| {
            let (word, kinds) = (self.action.rule().word, kinds.join(", "));
            format!("`{word}` does nothing to what `{}` selects; it acts on {kinds}", self.select)
        })
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
                    if s.near.replace(circle(value)?).is_some() {
                        return Err("`near:` stands twice; give one circle a change".into());
                    }
                    continue;
                }
                "top" => {
                    let n = value.parse().ok().filter(|n| *n > 0).ok_or_else(|| format!("`top:{value}` is not a count of 1 or more"))?;
                    if s.top.replace(n).is_some() {
                        return Err("`top:` stands twice; give it once".into());
                    }
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

    /// Values of all terms of one name.
    fn values(&self, of: Term) -> impl Iterator<Item = &str> {
        self.terms.iter().filter(move |(t, _)| *t == of).flat_map(|(_, v)| v).map(String::as_str)
    }

    /// What the selector says that an action does not read, in words that say what to do.
    fn unread_by(&self, action: Action) -> Option<String> {
        let names = |of: Term| self.terms.iter().filter(|(t, _)| *t == of).count();
        let others = self.terms.iter().any(|(t, _)| !matches!(t, Term::Zone | Term::Commodity));
        match action {
            Action::SetDemand if others || self.near.is_some() || self.top.is_some() || names(Term::Zone) > 1 => {
                Some(format!("`set_demand` acts on whole zones; write `zone:A|B` and `commodity:`, not `{self}`"))
            }
            Action::SetDemand
                if self.values(Term::Commodity).count() > 1 || !matches!(self.commodity(), None | Some("electricity" | "gas")) =>
            {
                Some(format!("`set_demand` scales electricity or gas; write `commodity:electricity` or `commodity:gas`, not `{self}`"))
            }
            Action::Jam if self.near.is_none() || !self.terms.is_empty() || self.top.is_some() => {
                Some(format!("`jam` acts inside a circle; write `near:LAT,LON,KM` alone, not `{self}`"))
            }
            Action::SetDemand | Action::Jam => None,
            _ if names(Term::Commodity) > 0 => Some("`commodity:` is read by `set_demand` only; leave it out".into()),
            _ => None,
        }
    }

    /// Commodity named by the selector, for demand changes.
    pub fn commodity(&self) -> Option<&str> {
        self.values(Term::Commodity).next()
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

/// Reads `LAT,LON,KM`.
fn circle(text: &str) -> Result<(f64, f64, f64), String> {
    let bad =
        || format!("`near:{text}` is not LAT,LON,KM; give latitude, longitude and a reach of 0 km or more, such as near:48.1,11.6,80");
    let numbers: Vec<f64> = text.split(',').map(|x| x.trim().parse()).collect::<Result<_, _>>().map_err(|_| bad())?;
    let [lat, lon, km] = numbers[..] else { return Err(bad()) };
    let holds = (-90.0..=90.0).contains(&lat) && (-180.0..=180.0).contains(&lon) && (0.0..f64::INFINITY).contains(&km);
    if holds { Ok((lat, lon, km)) } else { Err(bad()) }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn change(action: &str, select: &str, value: f64) -> Change {
        let (action, select) = (Action::parse(action).expect("an action"), Selector::parse(select).expect("a selector"));
        Change { action, select, value, from_h: 0.0, to_h: None }
    }

    #[test]
    fn every_word_means_its_own_action() {
        for rule in RULES {
            assert_eq!(Action::parse(rule.word), Some(rule.action));
            assert_eq!(rule.action.rule().structural, rule.structural);
        }
        assert_eq!((ACTIONS.len(), Action::parse("close")), (RULES.len(), None));
    }

    #[test]
    fn a_circle_or_count_that_cannot_be_is_an_error_that_names_it() {
        for bad in [
            "near:48,x,2,500",
            "near:48,2",
            "near:48,2,-5",
            "near:91,2,5",
            "near:48,181,5",
            "near:48,2,inf",
            "near:nan,2,5",
            "near:48,2,5 near:49,2,5",
            "kind:metro top:0",
            "kind:metro top:-1",
            "kind:metro top:2 top:3",
            "top:2",
        ] {
            let why = Selector::parse(bad).expect_err(bad);
            assert!(why.contains("near") || why.contains("top") || why.contains("empty"), "{bad}: {why}");
        }
        assert_eq!(Selector::parse("near:48.5,-2,0").expect("a point").circle(), Some((48.5, -2.0, 0.0)));
    }

    #[test]
    fn a_value_out_of_an_actions_range_is_named() {
        for (action, select, ok, bad) in [
            ("derate", "kind:port", 1.0, 5.0),
            ("set_storage", "kind:gas_storage", 0.0, 7.0),
            ("set_demand", "zone:FR", 10.0, 1e9),
            ("jam", "near:48,2,50", 0.5, 1.1),
            ("uprate", "kind:power_line", 1.4, -0.1),
            ("harden", "kind:port", 0.5, f64::NAN),
        ] {
            assert_eq!(change(action, select, ok).defects(), [""; 0], "{action}");
            let why = change(action, select, bad).defects();
            assert!(why.len() == 1 && why[0].contains("value is") && why[0].contains(action), "{action}: {why:?}");
        }
    }

    #[test]
    fn a_selector_that_the_action_does_not_read_is_named() {
        for (action, bad) in [
            ("jam", "zone:FR"),
            ("jam", "near:48,2,50 zone:FR"),
            ("set_demand", "zone:FR commodity:data"),
            ("set_demand", "commodity:gas|electricity"),
            ("set_demand", "kind:substation"),
            ("set_demand", "zone:FR near:48,2,50"),
            ("derate", "kind:port commodity:gas"),
        ] {
            let why = change(action, bad, 0.5).defects();
            assert!(why.len() == 1 && (why[0].contains(action) || why[0].contains("commodity")), "{action} {bad}: {why:?}");
        }
        assert!(change("set_demand", "zone:FR|DE commodity:gas", 0.5).defects().is_empty());
    }

    #[test]
    fn hours_ascend_and_only_timed_actions_have_them() {
        let with = |from_h, to_h| Change { from_h, to_h, ..change("derate", "kind:port", 0.5) };
        assert!(with(5.0, Some([6.0, 6.0, 9.0])).defects().is_empty() && with(5.0, None).defects().is_empty());
        for bad in [with(5.0, Some([7.0, 6.0, 9.0])), with(5.0, Some([6.0, 9.0, 8.0])), with(5.0, Some([5.0, 6.0, 9.0])), with(-1.0, None)]
        {
            assert_eq!(bad.defects().len(), 1, "{bad:?}");
        }
        for rule in RULES.iter().filter(|r| r.structural) {
            let late = Change { from_h: 3.0, ..change(rule.word, "kind:gas_storage", 0.5) };
            let ended = Change { to_h: Some([3.0; 3]), ..change(rule.word, "kind:gas_storage", 0.5) };
            assert!(late.defects()[0].contains("hours are not read") && ended.defects().len() == 1, "{}", rule.word);
        }
    }
}

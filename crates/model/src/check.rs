//! Turns a draft into a case, or says everything that is wrong with it.

use std::collections::{BTreeMap, BTreeSet};

use crate::change::{Action, Change, Selector};
use crate::draft::{Addition, Draft, RawTable};
use crate::schema::{Cells, Field, FieldKind, Logic, Record, Table};
use crate::tables::{KINDS, TABLES};
use crate::view::{Case, Tables, assets_of, index_of};

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// The case cannot be used.
    Error,
    /// The case can be used, but something is odd.
    Warning,
}

/// One thing that is wrong or odd.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Weight.
    pub weight: Weight,
    /// File, such as `power_lines.csv`.
    pub file: String,
    /// Line of the file; 0 for the file as a whole.
    pub line: u64,
    /// Column; empty for the row as a whole.
    pub field: String,
    /// Short name of the rule.
    pub rule: &'static str,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub advice: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let weight = if self.weight == Weight::Error { "error" } else { "warning" };
        write!(f, "{weight}[{}] {}", self.rule, self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        if !self.field.is_empty() {
            write!(f, " {}", self.field)?;
        }
        write!(f, ": {}; {}", self.what, self.advice)
    }
}

/// Gives typed rows of a table.
pub(crate) trait RowSource {
    /// All rows of the record's table.
    fn rows<R: Record>(&self) -> Vec<R>;
}

/// A draft whose cells all passed.
struct Checked<'a> {
    draft: &'a Draft,
}

struct RowCells<'a> {
    table: &'a Table,
    columns: &'a BTreeMap<&'a str, usize>,
    cells: &'a [String],
}

impl Cells for RowCells<'_> {
    fn cell(&self, name: &str) -> &str {
        let text = self.columns.get(name).and_then(|&i| self.cells.get(i)).map_or("", |s| s.trim());
        if text.is_empty() { self.table.fields().find(|f| f.name == name).and_then(|f| f.default).unwrap_or("") } else { text }
    }
}

fn columns_of(raw: &RawTable) -> BTreeMap<&str, usize> {
    raw.header.iter().enumerate().map(|(i, h)| (h.trim(), i)).collect()
}

impl RowSource for Checked<'_> {
    fn rows<R: Record>(&self) -> Vec<R> {
        let Some(raw) = self.draft.tables.get(R::TABLE.name) else { return Vec::new() };
        let columns = columns_of(raw);
        raw.rows.iter().map(|(_, cells)| R::from_cells(&RowCells { table: &R::TABLE, columns: &columns, cells })).collect()
    }
}

/// Collects findings; keeps at most a fixed number a rule and file, and counts the rest.
#[derive(Default)]
struct Findings {
    list: Vec<Finding>,
    seen: BTreeMap<(String, &'static str), usize>,
}

/// Findings of one rule in one file that are listed one by one; more are counted.
const LISTED_PER_RULE: usize = 50;

impl Findings {
    fn add(&mut self, f: Finding) {
        let n = self.seen.entry((f.file.clone(), f.rule)).or_insert(0);
        *n += 1;
        if *n <= LISTED_PER_RULE {
            self.list.push(f);
        }
    }

    fn error(&mut self, at: (&str, u64, &str), rule: &'static str, what: String, advice: &str) {
        let (file, line, field) = at;
        self.add(Finding {
            weight: Weight::Error,
            file: format!("{file}.csv"),
            line,
            field: field.into(),
            rule,
            what,
            advice: advice.into(),
        });
    }

    fn finish(mut self) -> Vec<Finding> {
        for ((file, rule), n) in &self.seen {
            if *n > LISTED_PER_RULE {
                let weight = self.list.iter().find(|f| f.file == *file && f.rule == *rule).map_or(Weight::Error, |f| f.weight);
                self.list.push(Finding {
                    weight,
                    file: file.clone(),
                    line: u64::MAX,
                    field: String::new(),
                    rule,
                    what: format!("{} more like these", n - LISTED_PER_RULE),
                    advice: "mend those listed and check again".into(),
                });
            }
        }
        self.list.sort();
        for f in &mut self.list {
            if f.line == u64::MAX {
                f.line = 0;
            }
        }
        self.list
    }
}

/// Checks a draft with the rows that a scenario adds to it. A finding about an addition names it instead of a file.
pub fn check_with(mut draft: Draft, additions: &[Addition]) -> (Option<Case>, Vec<Finding>) {
    let (mut lines, mut findings) = (Vec::new(), Vec::new());
    for (k, addition) in additions.iter().enumerate() {
        let name = format!("add_asset {} ({})", k + 1, addition.table);
        let (line, unknown) = draft.add(addition);
        findings.extend(unknown.into_iter().map(|f| Finding { file: name.clone(), ..f }));
        lines.extend(line.map(|line| (format!("{}.csv", addition.table), line, name)));
    }
    let (case, mut more) = check(&draft);
    for f in &mut more {
        if let Some((_, _, name)) = lines.iter().find(|(file, line, _)| *file == f.file && *line == f.line) {
            (f.file, f.line) = (name.clone(), 0);
        }
    }
    let case = case.filter(|_| findings.is_empty());
    findings.extend(more);
    (case, findings)
}

/// Checks a draft: the case, when no finding is an error, and all findings.
pub fn check(draft: &Draft) -> (Option<Case>, Vec<Finding>) {
    let mut findings = Findings::default();
    for name in draft.tables.keys() {
        if !TABLES.iter().any(|t| t.name == name) {
            findings.error(
                (name, 0, ""),
                "unknown-table",
                format!("`{name}.csv` is no table of a case"),
                "remove it or mend its name (docs: case format)",
            );
        }
    }
    let keys = collect_keys(draft, &mut findings);
    for table in TABLES {
        if let Some(raw) = draft.tables.get(table.name) {
            check_table(table, raw, &keys, &mut findings);
        }
    }
    if findings.list.iter().any(|f| f.weight == Weight::Error) {
        return (None, findings.finish());
    }
    let t = Tables::read(&Checked { draft });
    check_rules(&t, draft, &mut findings);
    let assets = assets_of(&t);
    let case = Case {
        key: draft.key.clone(),
        title: draft.title.clone(),
        version: draft.version.clone(),
        euro_year: draft.euro_year,
        digest: draft.digest.clone(),
        by_key: index_of(&assets),
        assets,
        t,
    };
    check_selectors(&case, draft, &mut findings);
    let findings = findings.finish();
    let usable = !findings.iter().any(|f| f.weight == Weight::Error);
    (usable.then_some(case), findings)
}

type Keys<'a> = BTreeMap<&'static str, BTreeSet<&'a str>>;

fn collect_keys<'a>(draft: &'a Draft, findings: &mut Findings) -> Keys<'a> {
    let mut keys = Keys::new();
    let mut asset_keys: BTreeMap<&str, &'static str> = BTreeMap::new();
    for table in TABLES {
        let set = keys.entry(table.name).or_default();
        let Some(raw) = draft.tables.get(table.name) else { continue };
        let Some(&column) = columns_of(raw).get("key") else { continue };
        for (line, cells) in &raw.rows {
            let Some(key) = cells.get(column).map(|s| s.trim()).filter(|k| !k.is_empty()) else { continue };
            if !set.insert(key) {
                findings.error((table.name, *line, "key"), "duplicate-key", format!("`{key}` stands twice"), "give every row its own key");
            } else if table.is_asset
                && let Some(other) = asset_keys.insert(key, table.name)
            {
                findings.error(
                    (table.name, *line, "key"),
                    "duplicate-key",
                    format!("`{key}` is also an asset in {other}.csv"),
                    "give every asset its own key",
                );
            }
        }
    }
    keys
}

fn check_table(table: &Table, raw: &RawTable, keys: &Keys, findings: &mut Findings) {
    let columns = columns_of(raw);
    if columns.len() != raw.header.len() {
        findings.error((table.name, 1, ""), "duplicate-column", "a column stands twice in the header".into(), "name each column once");
    }
    for name in columns.keys() {
        if !table.fields().any(|f| f.name == *name) {
            findings.error(
                (table.name, 1, name),
                "unknown-column",
                format!("`{name}` is no column of this table"),
                "remove it or mend its name (docs: case format)",
            );
        }
    }
    for field in table.fields() {
        if field.default.is_none() && !columns.contains_key(field.name) {
            findings.error(
                (table.name, 1, field.name),
                "missing-column",
                format!("required column `{}` is missing", field.name),
                &format!("add it; in each row {}", field.advice()),
            );
        }
    }
    for (line, cells) in &raw.rows {
        if cells.len() != raw.header.len() {
            findings.error(
                (table.name, *line, ""),
                "ragged-row",
                format!("the row has {} cells, the header {}", cells.len(), raw.header.len()),
                "give one cell a column",
            );
            // Which cell belongs to which column is not known, so nothing can be said of them.
            continue;
        }
        for field in table.fields() {
            if let Some(&i) = columns.get(field.name) {
                check_cell(table, field, *line, cells.get(i).map_or("", |s| s.trim()), keys, findings);
            }
        }
    }
}

fn check_cell(table: &Table, field: &Field, line: u64, text: &str, keys: &Keys, findings: &mut Findings) {
    let at = (table.name, line, field.name);
    if text.is_empty() {
        if field.default.is_none() {
            findings.error(at, "missing-value", "the cell is empty".into(), &field.advice());
        }
        return;
    }
    match field.kind {
        FieldKind::Key => {
            if !text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)) {
                findings.error(
                    at,
                    "bad-key",
                    format!("`{}` has a character that keys may not have", clip(text)),
                    "use letters, digits, `.`, `_`, `-`",
                );
            }
        }
        FieldKind::Text => {
            if text.chars().any(char::is_control) {
                findings.error(at, "control-character", "the text has a control character".into(), "remove it");
            }
        }
        FieldKind::Number(low, high) => match text.parse::<f64>() {
            Ok(x) if x.is_finite() => {
                if x < low || x > high {
                    findings.error(at, "out-of-range", format!("{x} is outside {low} to {high} {}", field.unit), &field.advice());
                }
            }
            _ => findings.error(at, "not-a-number", format!("`{}` is no finite number", clip(text)), &field.advice()),
        },
        FieldKind::Flag => {
            if text != "0" && text != "1" {
                findings.error(at, "not-a-flag", format!("`{}` is neither 0 nor 1", clip(text)), "write 0 or 1");
            }
        }
        FieldKind::Ref(tables) => {
            if !tables.iter().any(|t| keys.get(t).is_some_and(|set| set.contains(text))) {
                findings.error(
                    at,
                    "dangling-reference",
                    format!("`{}` is no key in {}", clip(text), tables.join(" or ")),
                    "mend the key or add the row",
                );
            }
        }
        FieldKind::Choice(words) => {
            if !words.contains(&text) {
                findings.error(at, "not-a-choice", format!("`{}` is no word of this column", clip(text)), &field.advice());
            }
        }
        FieldKind::Selector => {
            if let Err(why) = Selector::parse(text) {
                findings.error(at, "bad-selector", why, "see the selector grammar (docs: scenarios)");
            }
        }
        FieldKind::Logic => {
            if Logic::parse(text).is_none() {
                findings.error(at, "bad-logic", format!("`{}` says not how many must work", clip(text)), &field.advice());
            }
        }
    }
}

fn clip(text: &str) -> String {
    if text.chars().count() <= 40 { text.to_owned() } else { text.chars().take(40).chain("…".chars()).collect() }
}

/// Rules across rows and tables.
fn check_rules(t: &Tables, draft: &Draft, findings: &mut Findings) {
    let line = |file: &str, row: usize| draft.tables.get(file).and_then(|raw| raw.rows.get(row)).map_or(0, |r| r.0);
    let link = |findings: &mut Findings, file: &str, row: usize, from: &str, to: &str| {
        if from == to {
            findings.error((file, line(file, row), ""), "self-loop", format!("both ends are `{from}`"), "give two different ends");
        }
    };
    t.lines.iter().enumerate().for_each(|(i, x)| link(findings, "power_lines", i, &x.bus_from, &x.bus_to));
    t.hvdc.iter().enumerate().for_each(|(i, x)| link(findings, "hvdc_links", i, &x.bus_from, &x.bus_to));
    t.gas_pipes.iter().enumerate().for_each(|(i, x)| link(findings, "gas_pipes", i, &x.node_from, &x.node_to));
    t.data_links.iter().enumerate().for_each(|(i, x)| link(findings, "data_links", i, &x.node_from, &x.node_to));
    t.sea_lanes.iter().enumerate().for_each(|(i, x)| link(findings, "sea_lanes", i, &x.node_from, &x.node_to));
    for (i, x) in t.lines.iter().enumerate() {
        if x.x_pu.abs() < 1e-7 {
            findings.error(
                ("power_lines", line("power_lines", i), "x_pu"),
                "zero-reactance",
                format!("{} would short-circuit the flow", x.x_pu),
                "give the series reactance, or merge the two buses",
            );
        }
    }
    for (i, r) in t.repair_times.iter().enumerate() {
        if r.low_h > r.central_h || r.central_h > r.high_h {
            findings.error(
                ("repair_times", line("repair_times", i), ""),
                "unordered-range",
                "low, central, high are not ascending".into(),
                "order them",
            );
        }
    }
    let mut months: Vec<i64> = t.gas_profile.iter().map(|p| p.month as i64).collect();
    months.sort_unstable();
    if !t.gas_profile.is_empty() && months != (1..=12).collect::<Vec<_>>() {
        findings.error(("gas_profile", 0, "month"), "months", "the months are not 1 to 12, each once".into(), "give one row a month");
    }
    if !t.gas_demands.is_empty() && t.gas_profile.is_empty() {
        findings.error(("gas_profile", 0, ""), "months", "gas demand without a monthly profile".into(), "add gas_profile.csv");
    }
    let have: BTreeSet<&str> = t.repair_times.iter().map(|r| r.kind.as_str()).collect();
    let used: BTreeSet<String> = assets_of(t).into_iter().map(|a| a.repair_kind).collect();
    for kind in KINDS {
        if used.contains(*kind) && !have.contains(kind) {
            findings.error(
                ("repair_times", 0, "kind"),
                "no-repair-time",
                format!("assets of kind `{kind}` have no repair time"),
                "add a row with low, central and high hours",
            );
        }
    }
}

/// Selectors must hit something, changes must be sound, and no dependency may need more assets than there are.
fn check_selectors(case: &Case, draft: &Draft, findings: &mut Findings) {
    for table in ["threat_effects", "measure_effects", "dependencies"] {
        let Some(raw) = draft.tables.get(table) else { continue };
        let columns = columns_of(raw);
        for (line, cells) in &raw.rows {
            let cell = |name: &str| columns.get(name).and_then(|&i| cells.get(i)).map_or("", |s| s.trim());
            if table == "dependencies" {
                check_dependency(case, *line, &cell, findings);
            } else {
                check_effect(case, (table, *line), &cell, findings);
            }
        }
    }
}

fn selects_nothing(at: (&str, u64, &str), text: &str, findings: &mut Findings) {
    findings.add(Finding {
        weight: Weight::Warning,
        file: format!("{}.csv", at.0),
        line: at.1,
        field: at.2.into(),
        rule: "selects-nothing",
        what: format!("`{}` selects no asset", clip(text)),
        advice: "mend the selector, or remove the row".into(),
    });
}

fn check_effect<'a>(case: &Case, (table, line): (&str, u64), cell: &impl Fn(&str) -> &'a str, findings: &mut Findings) {
    let (Some(action), Ok(select)) = (Action::parse(cell("action")), Selector::parse(cell("select"))) else { return };
    let number = |name: &str| cell(name).parse::<f64>().ok();
    let value = number("value");
    if action.needs_value() && value.is_none() {
        let what = format!("action `{}` needs a value", cell("action"));
        findings.error((table, line, "value"), "missing-value", what, "give the value");
        return;
    }
    let to_h = number("to_central_h").map(|c| [number("to_low_h").unwrap_or(c), c, number("to_high_h").unwrap_or(c)]);
    if to_h.is_none() && (number("to_low_h").is_some() || number("to_high_h").is_some()) {
        findings.error((table, line, "to_central_h"), "missing-value", "an end without the central one".into(), "give the central end");
    }
    let change = Change { action, select, value: value.unwrap_or(1.0), from_h: number("from_h").unwrap_or(0.0), to_h };
    for what in change.defects() {
        let (what, advice) = what.split_once("; ").unwrap_or((&what, "mend the row"));
        findings.error((table, line, ""), "bad-change", what.into(), advice);
    }
    if !matches!(action, Action::SetDemand | Action::Jam) && change.select.select(case).is_empty() {
        selects_nothing((table, line, "select"), cell("select"), findings);
    }
}

fn check_dependency<'a>(case: &Case, line: u64, cell: &impl Fn(&str) -> &'a str, findings: &mut Findings) {
    let Ok(dependent) = Selector::parse(cell("dependent")) else { return };
    let dependents = dependent.select(case);
    if dependents.is_empty() {
        selects_nothing(("dependencies", line, "dependent"), cell("dependent"), findings);
    }
    if cell("needs") != "asset" {
        return;
    }
    let suppliers = match Selector::parse(cell("at")) {
        Ok(at) => at.select(case),
        Err(why) => {
            let advice = "give a selector of the assets needed, such as `key:port.rotterdam`";
            findings.error(("dependencies", line, "at"), "bad-selector", why, advice);
            return;
        }
    };
    if suppliers.is_empty() {
        selects_nothing(("dependencies", line, "at"), cell("at"), findings);
        return;
    }
    // An asset is no supplier of itself.
    let n = suppliers.len() - usize::from(dependents.iter().any(|i| suppliers.binary_search(i).is_ok()));
    if let Some(Logic::AtLeast(k)) = Logic::parse(cell("logic")).filter(|l| l.least_of(n) > n.max(1)) {
        let what = format!("`{k}-of-n` needs more assets than the {n} that `at` selects");
        findings.error(("dependencies", line, "logic"), "bad-logic", what, &format!("give a k of at most {n}, or widen `at`"));
    }
}

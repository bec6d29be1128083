//! Reading: pages of what a reader may see, in the order of adding (TAXII 2.1 section 3.4).

use buttress_wire::stix::Id;
use buttress_wire::taxii::{Filter, VersionMatch};

use super::database::{Database, Row, Value};
use super::{ClassId, CollectionId, StoreError};

/// An object of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item<'a> {
    /// Moment of adding, microseconds since 1970.
    pub added: i64,
    /// 0 for the whole object, else which of its parts are left out.
    pub form: i64,
    /// Identifier.
    pub id: &'a str,
    /// Version as written.
    pub version: &'a str,
    /// Edition of STIX.
    pub spec_version: &'a str,
    /// The object as received.
    pub text: &'a str,
}

/// How a page ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Page {
    /// Moment of adding of the first object.
    pub first: Option<i64>,
    /// Moment of adding of the last object: where the next page begins.
    pub last: Option<i64>,
    /// Whether there is more.
    pub more: bool,
}

/// A page ends with the object that takes it beyond this, so that large objects make small pages.
const PAGE_BYTES: usize = 8 * 1024 * 1024;

fn numbers(classes: &[ClassId]) -> String {
    classes.iter().map(|c| c.0.to_string()).collect::<Vec<_>>().join(", ")
}

/// Text of a condition with placeholders for its values, which are appended.
fn among<'a>(column: &str, values: impl Iterator<Item = &'a str>, all: &mut Vec<Value<'a>>) -> String {
    let from = all.len();
    all.extend(values.map(Value::Text));
    let places: Vec<String> = (from + 1..=all.len()).map(|i| format!("${i}")).collect();
    if places.is_empty() { String::new() } else { format!(" AND {column} IN ({})", places.join(", ")) }
}

/// Condition on versions where not just the current ones are asked for. Only what the reader may see is compared, so the first
/// version is the first that it may see.
fn version_condition(filter: &Filter, classes: &str) -> String {
    let other = |condition: &str| {
        format!(
            "NOT EXISTS (SELECT 1 FROM object x WHERE x.id = o.id AND +x.collection = o.collection AND x.class IN ({classes}) AND {condition})"
        )
    };
    let mut parts: Vec<String> = Vec::new();
    let versions: &[VersionMatch] = if filter.versions.is_empty() { &[VersionMatch::Last] } else { &filter.versions };
    for version in versions {
        parts.push(match version {
            VersionMatch::All => "1 = 1".to_owned(),
            VersionMatch::Last => other("x.spec = o.spec AND x.version_at > o.version_at"),
            VersionMatch::First => other("x.spec = o.spec AND x.version_at < o.version_at"),
            VersionMatch::At(moment) => format!("o.version_at = {}", moment.0),
        });
    }
    let edition = if filter.spec_versions.is_empty() { format!(" AND {}", other("x.spec > o.spec")) } else { String::new() };
    format!(" AND ({}){edition}", parts.join(" OR "))
}

/// Hands over up to `limit` objects of a collection that were added after `after` and are of `classes`, in the order of adding.
pub(super) fn page(
    database: &mut dyn Database,
    (collection, classes): (CollectionId, &[ClassId]),
    filter: &Filter,
    (after, limit): (i64, usize),
    take: &mut dyn FnMut(Item),
) -> Result<Page, StoreError> {
    let mut page = Page::default();
    let mut values = Vec::new();
    let mut condition = format!(" AND o.added > {after}");
    condition += &among("o.id", filter.ids.iter().map(Id::as_str), &mut values);
    condition += &among("o.type", filter.types.iter().map(String::as_str), &mut values);
    condition += &among("o.spec", filter.spec_versions.iter().map(String::as_str), &mut values);
    let is_current = filter.spec_versions.is_empty() && filter.versions.iter().all(|v| *v == VersionMatch::Last);
    if !is_current {
        condition += &version_condition(filter, &numbers(classes));
    }
    let tiers: &[i64] = if is_current { &[0] } else { &[0, 1] };
    // Each part is read in the order of its key, so the database merges them and stops at the limit.
    let hint = match (filter.ids.is_empty(), filter.types.is_empty()) {
        (false, _) => database.hint("object_by_id"),
        (true, false) => database.hint("object_by_type"),
        (true, true) => String::new(),
    };
    let part = |tier: &i64, class: &ClassId| {
        format!(
            "SELECT o.added, o.form, o.id, o.version, o.spec, o.text FROM object o{hint} \
                 WHERE o.collection = {} AND o.tier = {tier} AND o.class = {}{condition}",
            collection.0, class.0
        )
    };
    let parts: Vec<String> = tiers.iter().flat_map(|tier| classes.iter().map(move |class| part(tier, class))).collect();
    if parts.is_empty() || limit == 0 {
        return Ok(page);
    }
    let join = |parts: &[String]| format!("{} ORDER BY added LIMIT {}", parts.join(" UNION ALL "), limit + 1);
    let max_unions = database.max_unions();
    let (mut n_taken, mut n_bytes) = (0, 0);
    let mut give = |item: Item| {
        if n_taken == limit || n_bytes > PAGE_BYTES {
            page.more = true;
            return;
        }
        n_bytes += item.text.len();
        page.first.get_or_insert(item.added);
        page.last = Some(item.added);
        n_taken += 1;
        take(item);
    };
    if parts.len() <= max_unions {
        database.each(&join(&parts), &values, &mut |row| {
            give(item_of(row)?);
            Ok(())
        })?;
        return Ok(page);
    }
    let mut rows: Vec<(i64, i64, [String; 4])> = Vec::new();
    for group in parts.chunks(max_unions) {
        database.each(&join(group), &values, &mut |row| {
            let item = item_of(row)?;
            rows.push((item.added, item.form, [item.id, item.version, item.spec_version, item.text].map(str::to_owned)));
            Ok(())
        })?;
    }
    rows.sort();
    for (added, form, [id, version, spec_version, text]) in &rows {
        give(Item { added: *added, form: *form, id, version, spec_version, text });
    }
    Ok(page)
}

fn item_of(row: &dyn Row) -> Result<Item<'_>, StoreError> {
    let (id, version, spec_version, text) = (row.text(2)?, row.text(3)?, row.text(4)?, row.text(5)?);
    Ok(Item { added: row.int(0)?, form: row.int(1)?, id, version, spec_version, text })
}

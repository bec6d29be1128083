//! What is kept of one version of an object, and the rows that readers see of it.
//!
//! A version has one row for each way in which it is seen: as the current one or as a superseded one (*tier*), whole or without some
//! of its parts (*form*). The classes of its rows exclude each other, so that no reader sees two.
//!
//! Versions of one identifier form *lines*. A line is a history whose authors knew of each other; an author who may not see a line
//! that is there begins another one, as if there were none. Who may see several lines sees the latest version among them.

use std::collections::{BTreeMap, BTreeSet};

use super::class::{Class, Markings};
use super::{ClassId, CollectionId, Store, StoreError, Value};

/// A row of the object table: tier, class and form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) tier: i64,
    pub(super) class: ClassId,
    /// Parts taken out, as bits over the optional markings in their order; 0 is the whole object.
    pub(super) form: i64,
}

/// A version of an object with its rows.
#[derive(Debug, Clone)]
#[expect(clippy::struct_field_names, reason = "the words of TAXII")]
pub(super) struct Version {
    pub(super) added: i64,
    /// What it asks for by itself and by its place.
    pub(super) own: ClassId,
    /// What parts ask for that may be taken out.
    pub(super) parts: ClassId,
    pub(super) line: i64,
    /// Account that added it; empty for the node itself.
    pub(super) writer: String,
    pub(super) spec: String,
    pub(super) version: String,
    pub(super) version_at: i64,
    pub(super) places: BTreeSet<Place>,
}

impl Version {
    /// What makes one version supersede another: the edition first, then the moment.
    pub(super) fn rank(&self) -> (&str, i64) {
        (&self.spec, self.version_at)
    }
}

/// The current version of each line: the highest, and of equals the first.
pub(super) fn currents(versions: &[Version]) -> BTreeMap<i64, &Version> {
    let mut lines: BTreeMap<i64, &Version> = BTreeMap::new();
    for version in versions {
        let known = lines.entry(version.line).or_insert(version);
        if version.rank() > known.rank() {
            *known = version;
        }
    }
    lines
}

/// What a line asks for beyond its versions' own markings.
#[derive(Debug, Clone, Default)]
pub(super) struct Asked {
    /// By its current version and what that leads to.
    pub(super) base: Markings,
    /// By what is referred to in parts that may be taken out.
    pub(super) parts: Markings,
}

/// Classes of the rows of `versions[i]`, as tier, form and class. `whole` gives the own and the optional markings of a version.
pub(super) fn rows(
    i: usize,
    versions: &[Version],
    asked: &BTreeMap<i64, Asked>,
    whole: &dyn Fn(&Version) -> (Markings, Markings),
) -> Vec<(i64, i64, Class)> {
    let version = &versions[i];
    let base = |v: &Version| &whole(v).0 | &asked[&v.line].base;
    let lines = currents(versions);
    let is_current = lines[&version.line].added == version.added;
    let above: Vec<Markings> = lines.values().filter(|c| c.line != version.line && c.rank() > version.rank()).map(|c| base(c)).collect();
    let before = versions.iter().filter(|v| v.rank() == version.rank() && v.added < version.added).map(base);
    let before: Vec<Markings> = before.collect();
    let (own, parts) = whole(version);
    let base = &own | &asked[&version.line].base;
    let parts: Vec<_> = parts.into_iter().collect();
    // What the whole object without the parts of these bits asks for.
    let asks = |form: usize| -> Markings {
        let left = parts.iter().enumerate().filter(|(bit, _)| form & (1 << bit) == 0).map(|(_, m)| m.clone());
        let mut all = &base | &left.collect();
        if form + 1 < 1 << parts.len() || parts.is_empty() {
            all.extend(asked[&version.line].parts.iter().cloned());
        }
        all
    };
    let mut rows = Vec::new();
    for form in 0..1_usize << parts.len() {
        let fuller = (0..form).filter(|other| other & form == *other).map(asks);
        let unless: Vec<Markings> = before.iter().cloned().chain(fuller).collect();
        let current = Class::new(asks(form), [], unless.iter().cloned().chain(above.iter().cloned()));
        let superseded = Class::new(asks(form), above.iter().cloned(), unless.iter().cloned());
        let form = form as i64;
        match (is_current, above.is_empty(), current.is_closed()) {
            (false, _, _) => rows.push((1, form, Class::new(asks(form as usize), [], unless))),
            (true, true, _) => rows.push((0, form, current)),
            (true, false, true) => rows.push((1, form, superseded)),
            (true, false, false) => rows.extend([(0, form, current), (1, form, superseded)]),
        }
    }
    rows
}

impl Store {
    /// All versions of an object in the order of adding.
    pub(super) fn versions(&mut self, collection: CollectionId, id: &str) -> Result<Vec<Version>, StoreError> {
        let mut versions: BTreeMap<i64, Version> = BTreeMap::new();
        let sql = "SELECT tier, class, form, added, own, parts, line, writer, spec, version, version_at
                   FROM object WHERE id = $1 AND +collection = $2";
        self.database.each(sql, &[Value::Text(id), Value::Int(collection.0)], &mut |row| {
            let place = Place { tier: row.int(0)?, class: ClassId(row.int(1)?), form: row.int(2)? };
            let added = row.int(3)?;
            if let Some(version) = versions.get_mut(&added) {
                version.places.insert(place);
                return Ok(());
            }
            let version = Version {
                added,
                own: ClassId(row.int(4)?),
                parts: ClassId(row.int(5)?),
                line: row.int(6)?,
                writer: row.text(7)?.to_owned(),
                spec: row.text(8)?.to_owned(),
                version: row.text(9)?.to_owned(),
                version_at: row.int(10)?,
                places: [place].into(),
            };
            versions.insert(added, version);
            Ok(())
        })?;
        Ok(versions.into_values().collect())
    }
}

//! Markings along references: each object asks for its own markings and for those of all it leads to.

use std::collections::BTreeMap;

use super::class::Markings;
use super::keep::{Clears, NO_PARTS};
use super::version::{Asked, Place, Version, currents, rows};
use super::{CollectionId, Store, StoreError, Value};

/// A line of an object.
type Node = (String, i64);

/// What a line refers to.
struct Leads {
    to: Node,
    in_part: bool,
}

impl Store {
    /// What the markings of an object's best seen row ask for.
    fn least(&self, version: &Version) -> Markings {
        let place = version.places.iter().max_by_key(|p| p.form);
        place.map(|p| self.classes[&p.class].all().clone()).unwrap_or_default()
    }

    /// Whether an account may see some row of a version.
    pub(super) fn is_seen(&mut self, name: &str, clears: &Clears, version: &Version) -> Result<bool, StoreError> {
        if name.is_empty() {
            return Ok(true);
        }
        for marking in self.least(version) {
            if !clears(name, &marking, &self.statement(&marking)?) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether an account knows of a line: it wrote in it, or may see its current version.
    pub(super) fn knows(&mut self, name: &str, clears: &Clears, versions: &[Version], line: i64) -> Result<bool, StoreError> {
        if name.is_empty() || versions.iter().any(|v| v.line == line && v.writer == name) {
            return Ok(true);
        }
        match currents(versions).get(&line) {
            Some(current) => self.is_seen(name, clears, current),
            None => Ok(false),
        }
    }

    /// Objects that refer to this one.
    pub(super) fn sources(&mut self, collection: CollectionId, id: &str) -> Result<Vec<String>, StoreError> {
        let mut names = Vec::new();
        let sql = "SELECT DISTINCT source FROM reference WHERE collection = $1 AND target = $2";
        self.database.each(sql, &[Value::Int(collection.0), Value::Text(id)], &mut |row| {
            names.push(row.text(0)?.to_owned());
            Ok(())
        })?;
        Ok(names)
    }

    /// What an object refers to: target, line and whether only in a part.
    fn targets(&mut self, collection: CollectionId, id: &str) -> Result<Vec<(String, i64, bool)>, StoreError> {
        let mut targets = Vec::new();
        let sql = "SELECT target, line, in_part FROM reference WHERE +collection = $1 AND source = $2";
        self.database.each(sql, &[Value::Int(collection.0), Value::Text(id)], &mut |row| {
            targets.push((row.text(0)?.to_owned(), row.int(1)?, row.int(2)? != 0));
            Ok(())
        })?;
        Ok(targets)
    }

    /// Brings the rows of an object, and of all that refer to it directly or through others, up to date. A reference counts when its
    /// author knows of what it leads to: what others hide must not make an author's own objects disappear.
    pub(super) fn follow(&mut self, collection: CollectionId, id: &str, clears: &Clears) -> Result<(), StoreError> {
        let mut kept: BTreeMap<String, Vec<Version>> = BTreeMap::new();
        let mut open = vec![id.to_owned()];
        while let Some(name) = open.pop() {
            if !kept.contains_key(&name) {
                open.extend(self.sources(collection, &name)?);
                kept.insert(name.clone(), self.versions(collection, &name)?);
            }
        }
        let mut asked: BTreeMap<Node, Asked> = BTreeMap::new();
        for (name, versions) in &kept {
            for (line, current) in currents(versions) {
                let base = self.classes[&current.own].all().clone();
                asked.insert((name.clone(), line), Asked { base, parts: Markings::new() });
            }
        }
        let leads = self.leads(collection, &kept, &mut asked, clears)?;
        spread(&leads, &mut asked);
        for (name, versions) in &kept {
            let lines = currents(versions).into_keys().map(|line| (line, asked[&(name.clone(), line)].clone())).collect();
            self.settle(collection, versions, &lines)?;
        }
        Ok(())
    }

    /// Where each line leads. What lies outside `kept` does not lead back here, so what it asks for stands.
    fn leads(
        &mut self,
        collection: CollectionId,
        kept: &BTreeMap<String, Vec<Version>>,
        asked: &mut BTreeMap<Node, Asked>,
        clears: &Clears,
    ) -> Result<BTreeMap<Node, Vec<Leads>>, StoreError> {
        let mut leads: BTreeMap<Node, Vec<Leads>> = BTreeMap::new();
        let mut outside: BTreeMap<String, Vec<Version>> = BTreeMap::new();
        for (name, versions) in kept {
            let lines = currents(versions);
            for (target, line, in_part) in self.targets(collection, name)? {
                let Some(writer) = lines.get(&line).map(|current| &current.writer) else { continue };
                if !kept.contains_key(&target) && !outside.contains_key(&target) {
                    let versions = self.versions(collection, &target)?;
                    for (line, current) in currents(&versions) {
                        let base = self.least(current);
                        asked.insert((target.clone(), line), Asked { base, parts: Markings::new() });
                    }
                    outside.insert(target.clone(), versions);
                }
                let Some(others) = kept.get(&target).or_else(|| outside.get(&target)) else { continue };
                for other in currents(others).into_keys() {
                    if self.knows(writer, clears, others, other)? {
                        leads.entry((name.clone(), line)).or_default().push(Leads { to: (target.clone(), other), in_part });
                    }
                }
            }
        }
        Ok(leads)
    }

    /// Brings the rows of an object's versions up to date with what its lines ask for.
    fn settle(&mut self, collection: CollectionId, versions: &[Version], asked: &BTreeMap<i64, Asked>) -> Result<(), StoreError> {
        for (i, version) in versions.iter().enumerate() {
            let classes = &self.classes;
            let whole = |v: &Version| {
                let parts = if v.parts == NO_PARTS { Markings::new() } else { classes[&v.parts].all().clone() };
                (classes[&v.own].all().clone(), parts)
            };
            let mut places = Vec::new();
            for (tier, form, class) in rows(i, versions, asked, &whole) {
                places.push(Place { tier, class: self.class_of(&class)?, form });
            }
            self.put(collection, version, &places)?;
        }
        Ok(())
    }

    /// Gives a version these rows.
    fn put(&mut self, collection: CollectionId, version: &Version, places: &[Place]) -> Result<(), StoreError> {
        let mut old: Vec<Place> = version.places.iter().filter(|p| !places.contains(p)).copied().collect();
        let new: Vec<Place> = places.iter().filter(|p| !version.places.contains(p)).copied().collect();
        let mut missing = Vec::new();
        for place in new {
            let Some(at) = old.iter().position(|p| p.form == place.form) else {
                missing.push(place);
                continue;
            };
            let from = old.remove(at);
            let key = [place.tier, place.class.0, collection.0, from.tier, from.class.0, version.added, place.form];
            let sql = "UPDATE object SET tier = $1, class = $2
                       WHERE collection = $3 AND tier = $4 AND class = $5 AND added = $6 AND form = $7";
            self.database.run(sql, &key.map(Value::Int))?;
        }
        if !missing.is_empty() {
            let place = places.iter().find(|p| p.form == 0 && !missing.contains(p));
            let now = Version { places: place.into_iter().copied().collect(), ..version.clone() };
            let object = self.whole(collection, &now)?;
            for place in missing {
                self.insert(collection, (version, &object), place)?;
            }
        }
        old.into_iter().try_for_each(|place| self.remove(collection, version.added, place))
    }
}

/// Adds to each line what the lines ask for that it leads to. Sets only grow, so this ends at the latest once every set holds every
/// marking.
fn spread(leads: &BTreeMap<Node, Vec<Leads>>, asked: &mut BTreeMap<Node, Asked>) {
    loop {
        let mut has_grown = false;
        for (node, list) in leads {
            for in_part in [false, true] {
                let more: Markings = list.iter().filter(|l| l.in_part == in_part).flat_map(|l| asked[&l.to].base.iter().cloned()).collect();
                let mine = asked.entry(node.clone()).or_default();
                let set = if in_part { &mut mine.parts } else { &mut mine.base };
                let before = set.len();
                set.extend(more);
                has_grown |= set.len() > before;
            }
        }
        if !has_grown {
            return;
        }
    }
}

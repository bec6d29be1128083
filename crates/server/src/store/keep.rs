//! Writing: adding objects, superseding versions, following markings along references, deleting.

use std::collections::{BTreeMap, BTreeSet};

use buttress_wire::stix::{Id, Object};

use super::{ClassId, Collection, CollectionId, Store, StoreError, Value};

/// The reference that says who wrote an object; it asks for nothing.
const AUTHOR: &str = "created_by_ref";

/// What became of an object that was to be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is kept.
    Added,
    /// It was there already.
    Duplicate,
}

/// A kept version of an object.
#[derive(Debug, Clone)]
struct Kept {
    tier: i64,
    class: ClassId,
    added: i64,
    own: ClassId,
    spec: String,
    version: String,
    version_at: i64,
}

impl Kept {
    /// What makes one version supersede another: the edition first, then the moment.
    fn rank(&self) -> (&str, i64) {
        (&self.spec, self.version_at)
    }
}

impl Store {
    /// Adds objects to a collection, all or none, in their order; `now` is microseconds since 1970.
    pub fn add(&mut self, collection: &Collection, objects: &[Object], now: i64) -> Result<Vec<Outcome>, StoreError> {
        self.transaction(|store| objects.iter().map(|object| store.add_one(collection, object, now)).collect())
    }

    fn add_one(&mut self, collection: &Collection, object: &Object, now: i64) -> Result<Outcome, StoreError> {
        let id = object.id.as_str();
        let kept = self.kept(collection.number, id)?;
        let rank = (&*object.spec_version.0, object.version_at.0);
        if kept.iter().any(|k| k.rank() == rank) {
            return Ok(Outcome::Duplicate);
        }
        let own = self.class_of(&self.asked_by(collection, object))?;
        let is_current = kept.iter().all(|k| k.rank() < rank);
        let added = self.next_moment(now);
        let values = [
            Value::Int(collection.number.0),
            Value::Int(i64::from(!is_current)),
            Value::Int(own.0),
            Value::Int(added),
            Value::Int(own.0),
            Value::Text(id),
            Value::Text(object.id.kind()),
            Value::Text(&object.spec_version.0),
            Value::Text(&object.version),
            Value::Int(object.version_at.0),
            Value::Text(&object.text),
        ];
        let sql = "INSERT INTO object (collection, tier, class, added, own, id, type, spec, version, version_at, text)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
        self.database.run(sql, &values)?;
        if is_current {
            if !kept.is_empty() {
                let place = [Value::Int(collection.number.0), Value::Text(id), Value::Int(added)];
                self.database.run("UPDATE object SET tier = 1 WHERE +collection = $1 AND id = $2 AND +tier = 0 AND added <> $3", &place)?;
            }
            self.refer(collection.number, object, !kept.is_empty())?;
        }
        self.follow(collection.number, id)?;
        Ok(Outcome::Added)
    }

    /// The markings that an object asks for by itself and by its place.
    fn asked_by(&self, collection: &Collection, object: &Object) -> BTreeSet<Id> {
        let mut markings: BTreeSet<Id> = object.markings.iter().cloned().collect();
        markings.extend(object.granular.iter().filter_map(|g| g.marking.clone()));
        // A definition of a marking, which may name who belongs to a group, is for those cleared for it.
        if object.id.kind() == "marking-definition" {
            markings.insert(object.id.clone());
        }
        if markings.is_empty() {
            markings.insert(self.default_marking.clone());
        }
        markings.extend(collection.ceiling.iter().cloned());
        markings
    }

    fn kept(&mut self, collection: CollectionId, id: &str) -> Result<Vec<Kept>, StoreError> {
        let mut kept = Vec::new();
        // The plus sign keeps SQLite from walking the whole collection by its primary key instead of looking the identifier up.
        let sql = "SELECT tier, class, added, own, spec, version, version_at FROM object WHERE id = $1 AND +collection = $2";
        self.database.each(sql, &[Value::Text(id), Value::Int(collection.0)], &mut |row| {
            kept.push(Kept {
                tier: row.int(0)?,
                class: ClassId(row.int(1)?),
                added: row.int(2)?,
                own: ClassId(row.int(3)?),
                spec: row.text(4)?.to_owned(),
                version: row.text(5)?.to_owned(),
                version_at: row.int(6)?,
            });
            Ok(())
        })?;
        Ok(kept)
    }

    /// Notes what the current version of an object refers to.
    fn refer(&mut self, collection: CollectionId, object: &Object, had_others: bool) -> Result<(), StoreError> {
        let source = object.id.as_str();
        if had_others {
            let values = [Value::Int(collection.0), Value::Text(source)];
            self.database.run("DELETE FROM reference WHERE collection = $1 AND source = $2", &values)?;
        }
        let targets: BTreeSet<&str> =
            object.references.iter().filter(|r| &*r.property != AUTHOR).map(|r| r.target.as_str()).filter(|t| *t != source).collect();
        for target in targets {
            let values = [Value::Int(collection.0), Value::Text(target), Value::Text(source)];
            self.database.run("INSERT INTO reference (collection, target, source) VALUES ($1, $2, $3)", &values)?;
        }
        Ok(())
    }

    fn names(&mut self, sql: &str, collection: CollectionId, id: &str) -> Result<Vec<String>, StoreError> {
        let mut names = Vec::new();
        self.database.each(sql, &[Value::Int(collection.0), Value::Text(id)], &mut |row| {
            names.push(row.text(0)?.to_owned());
            Ok(())
        })?;
        Ok(names)
    }

    /// Brings the classes of an object, and of all that refer to it directly or through others, up to date: each asks for its own
    /// markings and for those of all it leads to.
    fn follow(&mut self, collection: CollectionId, id: &str) -> Result<(), StoreError> {
        let mut asked: BTreeMap<String, BTreeSet<Id>> = BTreeMap::new();
        let mut leads_to: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut kept: BTreeMap<String, Vec<Kept>> = BTreeMap::new();
        let mut open = vec![id.to_owned()];
        while let Some(name) = open.pop() {
            if kept.contains_key(&name) {
                continue;
            }
            open.extend(self.names("SELECT source FROM reference WHERE collection = $1 AND target = $2", collection, &name)?);
            let targets = self.names("SELECT target FROM reference WHERE collection = $1 AND source = $2", collection, &name)?;
            let versions = self.kept(collection, &name)?;
            let own = versions.iter().find(|k| k.tier == 0).map(|k| self.class_markings[&k.own].clone());
            asked.insert(name.clone(), own.unwrap_or_default());
            leads_to.insert(name.clone(), targets);
            kept.insert(name, versions);
        }
        // What lies outside does not lead back here, so its class stands.
        for target in leads_to.values().flatten() {
            if !asked.contains_key(target) {
                let class = self.kept(collection, target)?.iter().find(|k| k.tier == 0).map(|k| k.class);
                let markings = class.map(|class| self.class_markings[&class].clone()).unwrap_or_default();
                asked.insert(target.clone(), markings);
            }
        }
        // Sets only grow, so this ends at the latest once every set holds every marking.
        loop {
            let mut has_grown = false;
            for (name, targets) in &leads_to {
                let more: BTreeSet<Id> = targets.iter().flat_map(|t| asked[t].iter().cloned()).collect();
                let mine = asked.entry(name.clone()).or_default();
                let before = mine.len();
                mine.extend(more);
                has_grown |= mine.len() > before;
            }
            if !has_grown {
                break;
            }
        }
        for (name, versions) in kept {
            for version in versions {
                let mut markings = asked[&name].clone();
                if version.tier == 1 {
                    markings.extend(self.class_markings[&version.own].iter().cloned());
                }
                let class = self.class_of(&markings)?;
                if class != version.class {
                    let values = [Value::Int(class.0), Value::Int(collection.0), Value::Int(version.tier), Value::Int(version.class.0)];
                    let sql = "UPDATE object SET class = $1 WHERE collection = $2 AND tier = $3 AND class = $4 AND added = $5";
                    self.database.run(sql, &[&values[..], &[Value::Int(version.added)]].concat())?;
                }
            }
        }
        Ok(())
    }

    /// Deletes those versions of an object that are of `classes` and pass `is_meant`; the number deleted. What is left keeps its
    /// order, and the newest of it becomes current.
    pub fn delete(
        &mut self,
        (collection, classes): (&Collection, &[ClassId]),
        id: &Id,
        is_meant: &dyn Fn(&str, i64) -> bool,
        now: i64,
    ) -> Result<usize, StoreError> {
        self.transaction(|store| {
            let number = collection.number;
            let kept = store.kept(number, id.as_str())?;
            let (gone, left): (Vec<&Kept>, Vec<&Kept>) =
                kept.iter().partition(|k| classes.contains(&k.class) && is_meant(&k.spec, k.version_at));
            for version in &gone {
                let place = [Value::Int(number.0), Value::Int(version.tier), Value::Int(version.class.0), Value::Int(version.added)];
                store.database.run("DELETE FROM object WHERE collection = $1 AND tier = $2 AND class = $3 AND added = $4", &place)?;
                let moment = store.next_moment(now);
                let values = [
                    Value::Int(moment),
                    Value::Int(number.0),
                    Value::Int(version.class.0),
                    Value::Text(id.as_str()),
                    Value::Text(&version.version),
                ];
                let sql = "INSERT INTO withdrawal (added, collection, class, id, version) VALUES ($1, $2, $3, $4, $5)";
                store.database.run(sql, &values)?;
            }
            if let Some(last) = gone.iter().find(|k| k.tier == 0) {
                store.make_current(collection, id, last, left.into_iter().max_by(|a, b| a.rank().cmp(&b.rank())))?;
            }
            Ok(gone.len())
        })
    }

    /// Makes a superseded version current again, or takes note that an object is gone. The version keeps what the deleted one asked
    /// for, so that deleting a correction opens nothing.
    fn make_current(&mut self, collection: &Collection, id: &Id, deleted: &Kept, version: Option<&Kept>) -> Result<(), StoreError> {
        let place = [Value::Int(collection.number.0), Value::Text(id.as_str())];
        self.database.run("DELETE FROM reference WHERE collection = $1 AND source = $2", &place)?;
        if let Some(version) = version {
            let markings = [deleted.own, version.own].iter().flat_map(|own| self.class_markings[own].iter().cloned()).collect();
            let own = self.class_of(&markings)?;
            let values = [Value::Int(collection.number.0), Value::Int(version.class.0), Value::Int(version.added)];
            let sql = "UPDATE object SET tier = 0, own = $1 WHERE collection = $2 AND tier = 1 AND class = $3 AND added = $4";
            self.database.run(sql, &[&[Value::Int(own.0)], &values[..]].concat())?;
            let mut text = String::new();
            let sql = "SELECT text FROM object WHERE collection = $1 AND tier = 0 AND class = $2 AND added = $3";
            self.database.each(sql, &values, &mut |row| {
                row.text(0)?.clone_into(&mut text);
                Ok(())
            })?;
            let object = Object::read(&text).map_err(|e| StoreError::Spoilt(format!("`{id}` as no object: {e}")))?;
            self.refer(collection.number, &object, false)?;
        }
        self.follow(collection.number, id.as_str())
    }
}

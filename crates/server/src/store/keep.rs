//! Writing: adding objects and deleting them.

use std::collections::BTreeSet;

use buttress_wire::stix::marking::Statement;
use buttress_wire::stix::parts::{Parts, without};
use buttress_wire::stix::{Id, Object};

use super::class::{Class, Markings};
use super::version::{Place, Version, currents};
use super::{ClassId, Collection, CollectionId, Store, StoreError, Value};

/// The reference that says who wrote an object; it asks for nothing.
const AUTHOR: &str = "created_by_ref";
/// Class of no markings, where parts ask for nothing.
pub(super) const NO_PARTS: ClassId = ClassId(0);

/// What became of an object that was to be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is kept.
    Added,
    /// It was there already.
    Duplicate,
}

/// Whether an account of this name is cleared for a marking that says this.
pub type Clears<'a> = dyn Fn(&str, &Id, &Statement) -> bool + 'a;

/// Who writes. What a writer may not see is to it as if it were not there.
#[derive(Clone, Copy)]
pub struct Writer<'a> {
    /// Account; empty for the node itself, which knows everything.
    pub name: &'a str,
    /// Who is cleared for what.
    pub clears: &'a Clears<'a>,
}

impl Writer<'static> {
    /// The node itself, in a store without other accounts.
    pub const NODE: Writer<'static> = Writer { name: "", clears: &|_, _, _| true };
}

/// An object on its way in.
struct Incoming<'a> {
    collection: CollectionId,
    object: &'a Object,
    /// Optional markings of its parts, in order.
    optional: Markings,
}

impl Store {
    /// Adds objects to a collection, all or none, in their order; `now` is microseconds since 1970.
    pub fn add(&mut self, collection: &Collection, writer: &Writer, objects: &[Object], now: i64) -> Result<Vec<Outcome>, StoreError> {
        self.transaction(|store| objects.iter().map(|object| store.add_one(collection, writer, object, now)).collect())
    }

    /// Adds objects that an account has sent to an API root, and keeps what became of the request, identifier and JSON, with them.
    pub fn accept(
        &mut self,
        collection: &Collection,
        writer: &Writer,
        objects: &[Object],
        (status, text): (&str, &str),
        now: i64,
    ) -> Result<(), StoreError> {
        self.transaction(|store| {
            objects.iter().try_for_each(|object| store.add_one(collection, writer, object, now).map(|_| ()))?;
            let sql = "INSERT INTO status (id, root, account, text) VALUES ($1, $2, $3, $4)";
            store.database.run(sql, &[status, &collection.root, writer.name, text].map(Value::Text)).map(|_| ())
        })
    }

    fn add_one(&mut self, collection: &Collection, writer: &Writer, object: &Object, now: i64) -> Result<Outcome, StoreError> {
        let id = object.id.as_str();
        let kept = self.versions(collection.number, id)?;
        let mut lines = BTreeSet::new();
        for line in currents(&kept).into_keys() {
            if self.knows(writer.name, writer.clears, &kept, line)? {
                lines.insert(line);
            }
        }
        let rank = (&*object.spec_version.0, object.version_at.0);
        for version in kept.iter().filter(|v| lines.contains(&v.line) && v.rank() == rank) {
            if version.writer == writer.name || self.is_seen(writer.name, writer.clears, version)? {
                return Ok(Outcome::Duplicate);
            }
        }
        let line = lines.first().copied().unwrap_or_else(|| kept.iter().map(|v| v.line + 1).max().unwrap_or(0));
        let (own, optional) = self.asked_by(collection, object);
        let own = self.class_of(&Class::of(own))?;
        let parts = if optional.is_empty() { NO_PARTS } else { self.class_of(&Class::of(optional.clone()))? };
        let added = self.next_moment(now);
        let version = Version {
            added,
            own,
            parts,
            line,
            writer: writer.name.to_owned(),
            spec: object.spec_version.0.to_string(),
            version: object.version.to_string(),
            version_at: object.version_at.0,
            places: BTreeSet::new(),
        };
        // Where nothing else plays a part, this row is what `follow` would make of it.
        self.insert(collection.number, (&version, object), Place { tier: 0, class: own, form: 0 })?;
        self.is_changed |= object.id.kind() == "marking-definition";
        for other in lines.iter().skip(1) {
            let values = [Value::Int(line), Value::Int(collection.number.0), Value::Text(id), Value::Int(*other)];
            self.database.run("UPDATE object SET line = $1 WHERE +collection = $2 AND id = $3 AND line = $4", &values)?;
        }
        let is_current = kept.iter().filter(|v| lines.contains(&v.line)).all(|v| v.rank() < rank);
        let incoming = Incoming { collection: collection.number, object, optional };
        let n_targets = if is_current { self.refer(&incoming, line, &lines)? } else { 0 };
        let is_alone = kept.is_empty() && n_targets == 0 && parts == NO_PARTS;
        if !is_alone || !self.sources(collection.number, id)?.is_empty() {
            self.follow(collection.number, id, writer.clears)?;
        }
        Ok(Outcome::Added)
    }

    /// Puts a row in the table.
    pub(super) fn insert(
        &mut self,
        collection: CollectionId,
        (version, object): (&Version, &Object),
        place: Place,
    ) -> Result<(), StoreError> {
        let optional = if version.parts == NO_PARTS { Markings::new() } else { self.classes[&version.parts].all().clone() };
        let taken: Markings = optional.into_iter().enumerate().filter(|(bit, _)| place.form & (1 << bit) != 0).map(|(_, m)| m).collect();
        let copy = (!taken.is_empty()).then(|| without(object, &taken));
        let values = [
            Value::Int(collection.0),
            Value::Int(place.tier),
            Value::Int(place.class.0),
            Value::Int(version.added),
            Value::Int(place.form),
            Value::Int(version.own.0),
            Value::Int(version.parts.0),
            Value::Int(version.line),
            Value::Text(&version.writer),
            Value::Text(object.id.as_str()),
            Value::Text(object.id.kind()),
            Value::Text(&version.spec),
            Value::Text(&version.version),
            Value::Int(version.version_at),
            Value::Text(copy.as_deref().unwrap_or(&object.text)),
        ];
        let sql = "INSERT INTO object (collection, tier, class, added, form, own, parts, line, writer, id, type, spec, version, version_at,
                   text) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
        self.database.run(sql, &values).map(|_| ())
    }

    /// The markings that an object asks for by itself and by its place, and those of parts that may be taken out.
    fn asked_by(&self, collection: &Collection, object: &Object) -> (Markings, Markings) {
        let mut markings: Markings = object.markings.iter().cloned().collect();
        // A definition of a marking, which may name who belongs to a group, is for those cleared for it.
        if object.id.kind() == "marking-definition" {
            markings.insert(object.id.clone());
        }
        if markings.is_empty() {
            markings.insert(self.default_marking.clone());
        }
        markings.extend(collection.ceiling.iter().cloned());
        let Parts { whole, mut optional } = Parts::of(object);
        markings.extend(whole);
        optional.retain(|m| !markings.contains(m));
        (markings, optional)
    }

    /// Notes what the current version of a line refers to, in place of what lines that it joins referred to; how many objects.
    fn refer(&mut self, incoming: &Incoming, line: i64, joined: &BTreeSet<i64>) -> Result<usize, StoreError> {
        let (collection, object) = (incoming.collection, incoming.object);
        let source = object.id.as_str();
        for other in joined {
            let values = [Value::Int(collection.0), Value::Text(source), Value::Int(*other)];
            self.database.run("DELETE FROM reference WHERE +collection = $1 AND source = $2 AND line = $3", &values)?;
        }
        let targets = |object: &Object| -> BTreeSet<Id> {
            let asking = object.references.iter().filter(|r| &*r.property != AUTHOR).map(|r| r.target.clone());
            asking.filter(|target| *target != object.id).collect()
        };
        let all = targets(object);
        let always = if incoming.optional.is_empty() {
            all.clone()
        } else {
            Object::read(&without(object, &incoming.optional)).map_or(all.clone(), |copy| targets(&copy))
        };
        for target in &all {
            let in_part = i64::from(!always.contains(target));
            let values =
                [Value::Int(collection.0), Value::Text(target.as_str()), Value::Text(source), Value::Int(line), Value::Int(in_part)];
            self.database.run("INSERT INTO reference (collection, target, source, line, in_part) VALUES ($1, $2, $3, $4, $5)", &values)?;
        }
        Ok(all.len())
    }

    /// Deletes those versions of an object of which the reader of `classes` sees a row and that pass `is_meant`; the number deleted.
    /// What is left keeps its order, and the newest of it becomes current.
    pub fn delete(
        &mut self,
        (collection, classes): (&Collection, &[ClassId]),
        writer: &Writer,
        id: &Id,
        is_meant: &dyn Fn(&str, i64) -> bool,
        now: i64,
    ) -> Result<usize, StoreError> {
        self.transaction(|store| {
            let number = collection.number;
            let kept = store.versions(number, id.as_str())?;
            let is_gone = |v: &Version| v.places.iter().any(|p| classes.contains(&p.class)) && is_meant(&v.spec, v.version_at);
            let (gone, left): (Vec<&Version>, Vec<&Version>) = kept.iter().partition(|v| is_gone(v));
            for version in &gone {
                for place in &version.places {
                    store.remove(number, version.added, *place)?;
                }
                let values = [
                    Value::Int(store.next_moment(now)),
                    Value::Int(version.added),
                    Value::Int(number.0),
                    Value::Text(id.as_str()),
                    Value::Text(&version.version),
                ];
                let sql = "INSERT INTO withdrawal (added, kept, collection, id, version) VALUES ($1, $2, $3, $4, $5)";
                store.database.run(sql, &values)?;
            }
            let left: Vec<Version> = left.into_iter().cloned().collect();
            for (line, current) in currents(&kept) {
                if is_gone(current) {
                    store.make_current(number, id, current, currents(&left).remove(&line))?;
                }
            }
            if !gone.is_empty() {
                store.follow(number, id.as_str(), writer.clears)?;
            }
            Ok(gone.len())
        })
    }

    /// Removes a row.
    pub(super) fn remove(&mut self, collection: CollectionId, added: i64, place: Place) -> Result<(), StoreError> {
        let key = [collection.0, place.tier, place.class.0, added, place.form];
        let sql = "DELETE FROM object WHERE collection = $1 AND tier = $2 AND class = $3 AND added = $4 AND form = $5";
        self.database.run(sql, &key.map(Value::Int)).map(|_| ())
    }

    /// Makes a superseded version current again, or takes note that a line is gone. The version keeps what the deleted one asked for,
    /// so that deleting a correction opens nothing.
    fn make_current(&mut self, collection: CollectionId, id: &Id, deleted: &Version, version: Option<&Version>) -> Result<(), StoreError> {
        let values = [Value::Int(collection.0), Value::Text(id.as_str()), Value::Int(deleted.line)];
        self.database.run("DELETE FROM reference WHERE +collection = $1 AND source = $2 AND line = $3", &values)?;
        let Some(version) = version else { return Ok(()) };
        let mut own = self.classes[&version.own].all() | self.classes[&deleted.own].all();
        if deleted.parts != NO_PARTS {
            own.extend(self.classes[&deleted.parts].all().iter().cloned());
        }
        let own = self.class_of(&Class::of(own))?;
        let values = [Value::Int(own.0), Value::Int(collection.0), Value::Text(id.as_str()), Value::Int(version.added)];
        self.database.run("UPDATE object SET own = $1 WHERE +collection = $2 AND id = $3 AND added = $4", &values)?;
        let object = self.whole(collection, version)?;
        let optional = if version.parts == NO_PARTS { Markings::new() } else { self.classes[&version.parts].all().clone() };
        self.refer(&Incoming { collection, object: &object, optional }, version.line, &BTreeSet::new()).map(|_| ())
    }

    /// A version's whole object.
    pub(super) fn whole(&mut self, collection: CollectionId, version: &Version) -> Result<Object, StoreError> {
        let mut text = String::new();
        let place = version.places.iter().find(|p| p.form == 0);
        let place = place.ok_or_else(|| StoreError::Spoilt("a version without its whole object".to_owned()))?;
        let key = [collection.0, place.tier, place.class.0, version.added];
        let sql = "SELECT text FROM object WHERE collection = $1 AND tier = $2 AND class = $3 AND added = $4 AND form = 0";
        self.database.each(sql, &key.map(Value::Int), &mut |row| {
            row.text(0)?.clone_into(&mut text);
            Ok(())
        })?;
        Object::read(&text).map_err(|e| StoreError::Spoilt(format!("what is no object: {e}")))
    }
}

//! Incidents with their clocks, kept as versions of STIX objects.

use buttress_wire::incident::kept::{self, Clocks};
use buttress_wire::stix::{Id, Instant, Object};

use super::shelf;
use super::{DutyError, identified, typed};
use crate::identity::random;
use crate::store::{Collection, Outcome, Place, Store};

/// Fewest characters of an identifier that are taken for one.
const MIN_PREFIX: usize = 4;

/// An incident as the node holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct Incident {
    /// Its identifier.
    pub id: Id,
    /// Where it is kept.
    pub place: Place,
    /// Its version.
    pub version: String,
    /// Who became aware, what was handed in, what is known.
    pub clocks: Clocks,
}

/// What a node holds of incidents.
#[derive(Debug, Default)]
pub struct Incidents {
    /// Those with clocks.
    pub list: Vec<Incident>,
    /// What is wrong with those whose clocks cannot be read.
    pub spoilt: Vec<String>,
    /// Number of incidents of others, which carry no clocks.
    pub n_without: usize,
}

fn incident(collection: &Collection, object: &Object, clocks: Clocks) -> Incident {
    let place = Place { root: collection.root.clone(), id: collection.id.clone() };
    Incident { id: object.id.clone(), place, version: object.version.as_ref().to_owned(), clocks }
}

/// Opens an incident in a collection.
pub fn open(store: &mut Store, place: &str, clocks: &Clocks, markings: &[String], now: Instant) -> Result<Incident, DutyError> {
    // What cannot be reckoned with is refused before it is kept.
    clocks.deadlines(now)?;
    let collection = shelf::collection(store, place)?;
    let markings: Vec<Id> = super::markings(markings)?.into_iter().collect();
    let id = identified("incident", uuid::Builder::from_random_bytes(random()?).into_uuid())?;
    let text = kept::open(&id, clocks, &markings, now);
    shelf::put(store, &collection, std::slice::from_ref(&text), now)?;
    let object = Object::read(&text).map_err(|why| DutyError::Object { id: id.to_string(), why })?;
    Ok(incident(&collection, &object, clocks.clone()))
}

/// All incidents that are not withdrawn.
pub fn list(store: &mut Store) -> Result<Incidents, DutyError> {
    let mut all = Incidents::default();
    for (collection, object) in shelf::of_type(store, "incident")?.into_iter().filter(|(_, object)| !object.is_revoked) {
        match kept::read(&object) {
            Ok(Some(clocks)) => all.list.push(incident(&collection, &object, clocks)),
            Ok(None) => all.n_without += 1,
            Err(why) => all.spoilt.push(why.to_string()),
        }
    }
    Ok(all)
}

/// The incident with an identifier, the beginning of one, or a name.
pub fn find(store: &mut Store, text: &str) -> Result<Incident, DutyError> {
    let uuid = text.strip_prefix("incident--").unwrap_or(text);
    let all = list(store)?;
    let is_exact = |i: &&Incident| i.id.as_str() == text || i.clocks.awareness.incident == text;
    let begins =
        |i: &&Incident| uuid.len() >= MIN_PREFIX && i.id.as_str().strip_prefix("incident--").is_some_and(|own| own.starts_with(uuid));
    let mut found: Vec<&Incident> = all.list.iter().filter(is_exact).collect();
    if found.is_empty() {
        found = all.list.iter().filter(begins).collect();
    }
    match found[..] {
        [one] => Ok(one.clone()),
        [] => match all.spoilt.iter().find(|why| why.contains(uuid)) {
            Some(why) => typed(why.clone()),
            None => typed(format!("the node holds no incident `{text}`: `buttress incident list` shows them")),
        },
        _ => {
            let some: Vec<&str> = found.iter().take(5).map(|i| i.id.as_str()).collect();
            typed(format!("`{text}` may be any of {}: write more of the identifier", some.join(", ")))
        }
    }
}

/// Changes an incident and keeps the new version.
pub fn change(
    store: &mut Store,
    text: &str,
    now: Instant,
    change: impl FnOnce(&mut Clocks) -> Result<(), DutyError>,
) -> Result<Incident, DutyError> {
    let known = find(store, text)?;
    let collection = shelf::collection(store, &known.place.to_string())?;
    let Some(object) = shelf::get(store, &collection, &known.id)? else {
        return typed(format!("{} has just been removed", known.id));
    };
    let mut clocks = known.clocks;
    change(&mut clocks)?;
    clocks.deadlines(now)?;
    let text = kept::next(&object, &clocks, now)?;
    if shelf::put(store, &collection, std::slice::from_ref(&text), now)? != [Outcome::Added] {
        return typed(format!("{} was changed by somebody else at the same moment: look at it and try again", known.id));
    }
    let object = Object::read(&text).map_err(|why| DutyError::Object { id: known.id.to_string(), why })?;
    Ok(incident(&collection, &object, clocks))
}

#[cfg(test)]
#[path = "incident_tests.rs"]
mod tests;

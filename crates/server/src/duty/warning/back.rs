//! The way back: from an object of the node to the message it came in, or to what a new message would say.

use std::collections::BTreeSet;

use buttress_wire::cap::{Area, Category, Info, Named, Scope, Severity, Time, Urgency, grade, read, shape};
use buttress_wire::stix::marking::Tlp;
use buttress_wire::stix::{Id, Instant, Object};
use serde_json::Value;

use super::objects::COUNTRY;
use super::{MEDIA_TYPE, payload};
use crate::duty::{DutyError, shelf, typed};
use crate::store::{Collection, Store};

/// Kilometres of a metre.
const KM_PER_M: f64 = 0.001;

/// What an object of the node says as an alert.
#[derive(Debug, Clone, PartialEq)]
pub enum Origin {
    /// It came in CAP: the message, byte for byte.
    Message(Vec<u8>),
    /// It did not: what a message would say.
    Drafted(Box<Drafted>),
}

/// What a message about a warning would say.
#[derive(Debug, Clone, PartialEq)]
pub struct Drafted {
    /// The event.
    pub info: Info,
    /// The widest scope that its markings allow.
    pub scope: Scope,
    /// The rule of distribution that they make.
    pub restriction: Option<String>,
}

/// What the object with an identifier says as an alert: an `artifact`, an `observed-data` or a `sighting`.
pub fn origin(store: &mut Store, id: &Id) -> Result<Origin, DutyError> {
    let (collection, object) = shelf::find(store, id)?;
    match id.kind() {
        "artifact" => match message(&object)? {
            Some(bytes) => Ok(Origin::Message(bytes)),
            None => typed(format!("{id} carries no message in CAP")),
        },
        "observed-data" => match received(store, &collection, &object)? {
            Some(bytes) => Ok(Origin::Message(bytes)),
            None => typed(format!("{id} was not received in CAP: name the sighting it belongs to")),
        },
        "sighting" => {
            for observed in targets(&object, "observed_data_refs") {
                if let Some(observed) = shelf::get(store, &collection, &observed)?
                    && let Some(bytes) = received(store, &collection, &observed)?
                {
                    return Ok(Origin::Message(bytes));
                }
            }
            Ok(Origin::Drafted(Box::new(drafted(store, &collection, &object)?)))
        }
        _ => typed(format!("{id} is no warning: name a sighting, or the observed-data or artifact of a message")),
    }
}

fn targets(object: &Object, property: &str) -> Vec<Id> {
    object.references.iter().filter(|r| &*r.property == property).map(|r| r.target.clone()).collect()
}

fn message(artifact: &Object) -> Result<Option<Vec<u8>>, DutyError> {
    let value: Value = serde_json::from_str(&artifact.text).unwrap_or_default();
    if value["mime_type"] != MEDIA_TYPE {
        return Ok(None);
    }
    Ok(payload(artifact)?.filter(|bytes| read(bytes).is_ok()))
}

fn received(store: &mut Store, collection: &Collection, observed: &Object) -> Result<Option<Vec<u8>>, DutyError> {
    for id in targets(observed, "object_refs").into_iter().filter(|id| id.kind() == "artifact") {
        if let Some(artifact) = shelf::get(store, collection, &id)?
            && let Some(bytes) = message(&artifact)?
        {
            return Ok(Some(bytes));
        }
    }
    Ok(None)
}

/// A warning that was made here or by another program: what was sighted, where, when and how surely.
fn drafted(store: &mut Store, collection: &Collection, sighting: &Object) -> Result<Drafted, DutyError> {
    let value: Value = serde_json::from_str(&sighting.text).unwrap_or_default();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let Some(of) = targets(sighting, "sighting_of_ref").into_iter().next() else {
        return typed(format!("{} does not say what was sighted (sighting_of_ref)", sighting.id));
    };
    let mut told = vec![sighting.clone()];
    let sighted = shelf::get(store, collection, &of)?;
    let about: Value = sighted.as_ref().map(|o| serde_json::from_str(&o.text).unwrap_or_default()).unwrap_or_default();
    told.extend(sighted);
    let confidence = value["confidence"].as_u64().and_then(|c| u8::try_from(c).ok());
    let event = text(&about["name"]).unwrap_or_else(|| of.kind().to_owned());
    let mut info = Info::new(Category::Infra, &event, Urgency::Unknown, Severity::Unknown, grade::certainty(confidence));
    info.language = text(&value["lang"]);
    info.description = text(&value["description"]).or_else(|| text(&about["description"]));
    info.onset = value["first_seen"].as_str().and_then(Instant::parse).and_then(|at| Time::utc(at.timestamp()).ok());
    info.parameter = vec![Named::new("STIX", sighting.id.as_str())];
    for id in targets(sighting, "where_sighted_refs") {
        let Some(place) = shelf::get(store, collection, &id)? else { continue };
        let place_value: Value = serde_json::from_str(&place.text).unwrap_or_default();
        match id.kind() {
            "location" => info.area.extend(area(&place_value)),
            _ => info.sender_name = info.sender_name.or_else(|| text(&place_value["name"])),
        }
        told.push(place);
    }
    let (scope, restriction) = distribution(store, collection, &told);
    Ok(Drafted { info, scope, restriction })
}

fn area(location: &Value) -> Option<Area> {
    let country = location["country"].as_str();
    let name = location["name"].as_str().or(country).or(location["region"].as_str()).unwrap_or("place of the sighting");
    let mut area = Area::new(name);
    if let (Some(lat_deg), Some(lon_deg)) = (location["latitude"].as_f64(), location["longitude"].as_f64()) {
        let radius_km = location["precision"].as_f64().unwrap_or(0.0) * KM_PER_M;
        area.circle.extend(shape::circle(lat_deg, lon_deg, radius_km));
    }
    area.geocode.extend(country.map(|code| Named::new(COUNTRY, code)));
    (!area.circle.is_empty() || !area.geocode.is_empty() || location["name"].is_string()).then_some(area)
}

/// The widest scope under the markings of all that is told, with those of the collection; what has none is amber.
fn distribution(store: &mut Store, collection: &Collection, told: &[Object]) -> (Scope, Option<String>) {
    let mut markings: BTreeSet<Id> = collection.ceiling.clone();
    for object in told {
        let own: BTreeSet<Id> = object.markings.iter().cloned().chain(object.granular.iter().filter_map(|g| g.marking.clone())).collect();
        if own.is_empty() {
            markings.extend(Id::parse(&Tlp::Amber.id()));
        }
        markings.extend(own);
    }
    let levels: BTreeSet<Tlp> = markings.iter().filter_map(Tlp::from_id).collect();
    let is_plain = markings.iter().all(|id| Tlp::from_id(id).is_some());
    if is_plain && levels.iter().all(|level| *level == Tlp::Clear) {
        return (Scope::Public, None);
    }
    let mut words: Vec<String> = levels.iter().filter(|l| **l != Tlp::Clear).map(|l| format!("TLP:{}", l.word().to_uppercase())).collect();
    for id in markings.iter().filter(|id| Tlp::from_id(id).is_none()) {
        let name = shelf::find(store, id).ok().and_then(|(_, o)| serde_json::from_str::<Value>(&o.text).ok());
        words.push(name.and_then(|v| v["name"].as_str().map(str::to_owned)).unwrap_or_else(|| id.to_string()));
    }
    let scope = if levels.contains(&Tlp::Red) { Scope::Private } else { Scope::Restricted };
    (scope, Some(words.join("; ")))
}

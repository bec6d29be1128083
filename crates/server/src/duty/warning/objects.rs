//! The objects that a message becomes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use buttress_wire::cap::{Area, Certainty, Info, MsgType, Named, Status, grade, shape};
use buttress_wire::stix::{Id, Instant, Object};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use buttress_wire::vocabulary::CAP_WARNING;

use super::{MEDIA_TYPE, Message};
use crate::duty::{DutyError, identified, named};

/// Namespace in which STIX names its observables (STIX 2.1 section 2.9).
const STIX_NAMESPACE: uuid::Uuid = uuid::uuid!("00abedb4-aa42-466c-9c01-fed23315a9b7");
/// Name of the code of a country in an area.
pub(super) const COUNTRY: &str = "ISO 3166-1";
/// Metres of a kilometre.
const M_PER_KM: f64 = 1000.0;
/// Milliseconds are what STIX asks of a version.
const MILLISECOND: i64 = 1000;

fn hash(bytes: &[u8]) -> String {
    crate::hex::hex(&Sha256::digest(bytes))
}

/// The identifier of the artifact that carries some bytes, as STIX makes it from `hashes` and `payload_bin`.
pub(super) fn artifact_id(bytes: &[u8]) -> Result<Id, DutyError> {
    let text = json!({ "hashes": { "SHA-256": hash(bytes) }, "payload_bin": STANDARD.encode(bytes) }).to_string();
    identified("artifact", uuid::Uuid::new_v5(&STIX_NAMESPACE, text.as_bytes()))
}

impl Message<'_> {
    /// An object with what all share.
    fn object(&self, id: &Id, body: Value) -> Map<String, Value> {
        let mut object = match body {
            Value::Object(map) => map,
            _ => Map::new(),
        };
        object.insert("type".into(), json!(id.kind()));
        object.insert("spec_version".into(), json!("2.1"));
        object.insert("id".into(), json!(id.as_str()));
        object.insert("object_marking_refs".into(), self.markings.iter().map(Id::as_str).collect());
        if id.kind() != "artifact" {
            object.entry("created").or_insert_with(|| json!(self.sent));
            object.entry("modified").or_insert_with(|| json!(self.sent));
        }
        if self.alert.status != Status::Actual {
            object.insert("labels".into(), json!([self.alert.status.as_str().to_ascii_lowercase()]));
        }
        if id.kind() == "artifact" {
            // Observables have no labels.
            object.remove("labels");
        }
        object
    }

    fn written(&self, id: &Id, body: Value) -> String {
        Value::Object(self.object(id, body)).to_string()
    }

    fn sender_id(&self) -> Result<Id, DutyError> {
        named("identity", &[&self.alert.sender, &self.seed])
    }
}

/// What any message becomes: its sender, its bytes, and that it was received.
pub(super) fn record(message: &Message, observed: &Id, sighting: Option<&Id>) -> Result<Vec<String>, DutyError> {
    let alert = message.alert;
    let (artifact, sender) = (artifact_id(message.bytes)?, message.sender_id()?);
    let name = alert.info.iter().find_map(|info| info.sender_name.as_deref()).unwrap_or(&alert.sender);
    let payload = json!({
        "mime_type": MEDIA_TYPE, "payload_bin": STANDARD.encode(message.bytes), "hashes": { "SHA-256": hash(message.bytes) },
    });
    let mut ours = json!({
        "extension_type": "property-extension", "message": message.key, "message_type": alert.msg_type.as_str(),
        "status": alert.status.as_str(), "scope": alert.scope.as_str(),
    });
    if let Some(restriction) = &alert.restriction {
        ours["restriction"] = json!(restriction);
    }
    if let Some(sighting) = sighting {
        // Not `..._ref`: the message does not ask for what its warning asks for.
        ours["warning"] = json!(sighting.as_str());
    }
    let received = json!({
        "first_observed": message.sent, "last_observed": message.sent, "number_observed": 1, "object_refs": [artifact.as_str()],
        "extensions": { CAP_WARNING: ours },
    });
    Ok(vec![
        message.written(&sender, json!({ "name": name, "identity_class": "organization", "contact_information": alert.sender })),
        message.written(&artifact, payload),
        message.written(observed, received),
    ])
}

/// The warning that a received message belongs to.
pub(super) fn thread_of(observed: &Object) -> Option<Id> {
    let value: Value = serde_json::from_str(&observed.text).ok()?;
    Id::parse(value["extensions"][CAP_WARNING]["warning"].as_str()?)
}

/// What a warning becomes beside its record; `before` is its version so far.
pub(super) fn warning(message: &Message, observed: &Id, id: &Id, before: Option<&Object>) -> Result<Vec<String>, DutyError> {
    let alert = message.alert;
    let event = alert.info.first().map_or("warning", |info| info.event.as_str());
    let indicator = indicator(message, event)?;
    let mut texts = vec![indicator.1];
    let mut places = vec![message.sender_id()?];
    for (i, info) in alert.info.iter().enumerate() {
        // Each language tells the areas again.
        let told = &alert.info[..i];
        for area in info.area.iter().filter(|area| !told.iter().any(|before| before.area.iter().any(|a| same_place(a, area)))) {
            for (n, body) in locations(area).into_iter().enumerate() {
                let place = named("location", &[&message.key, &i.to_string(), &area.area_desc, &n.to_string(), &message.seed])?;
                texts.push(message.written(&place, body));
                places.push(place);
            }
        }
    }
    let mut body = json!({
        "sighting_of_ref": indicator.0.as_str(), "observed_data_refs": [observed.as_str()],
        "where_sighted_refs": places.iter().map(Id::as_str).collect::<Vec<_>>(),
        "extensions": { CAP_WARNING: extension(message) },
    });
    if let Some(info) = alert.info.first() {
        tell(&mut body, info, message);
    }
    if alert.msg_type == MsgType::Cancel {
        body["revoked"] = json!(true);
    }
    if let Some(before) = before {
        version(&mut body, before, message);
    }
    texts.push(message.written(id, body));
    Ok(texts)
}

fn same_place(a: &Area, b: &Area) -> bool {
    (&a.polygon, &a.circle, &a.geocode) == (&b.polygon, &b.circle, &b.geocode)
}

/// A later version keeps when the first was made; an older message that comes late stays older.
fn version(body: &mut Value, before: &Object, message: &Message) {
    let known: Value = serde_json::from_str(&before.text).unwrap_or_default();
    let sent = Instant::from(message.alert.sent.timestamp());
    let created = known["created"].as_str().and_then(Instant::parse).unwrap_or(sent).min(sent);
    // Two messages of one second are two versions.
    let modified = if sent == before.version_at { Instant(sent.0 + MILLISECOND) } else { sent };
    body["created"] = json!(format!("{:.3}", created.timestamp()));
    body["modified"] = json!(format!("{:.3}", modified.timestamp()));
}

fn indicator(message: &Message, event: &str) -> Result<(Id, String), DutyError> {
    let codes: Vec<&Named> = message.alert.info.iter().flat_map(|info| &info.event_code).collect();
    let mut codes: Vec<String> = codes.iter().map(|code| format!("{} = {}", code.name, code.value)).collect();
    codes.sort();
    codes.dedup();
    let id = named("indicator", &[&message.alert.sender, event, &codes.join("\n"), &message.seed])?;
    let quoted = |text: &str| format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"));
    let mut pattern = format!("sender = {} AND event = {}", quoted(&message.alert.sender), quoted(event));
    for code in &codes {
        pattern += &format!(" AND eventCode = {}", quoted(code));
    }
    let body = json!({
        "name": event, "description": format!("What {} warns of as \"{event}\".", message.alert.sender),
        "pattern_type": "cap", "pattern": pattern, "valid_from": message.sent,
    });
    Ok((id.clone(), message.written(&id, body)))
}

/// What STIX itself has a place for.
fn tell(body: &mut Value, info: &Info, message: &Message) {
    let parts: Vec<&str> = [&info.headline, &info.description, &info.instruction].into_iter().flatten().map(String::as_str).collect();
    if !parts.is_empty() {
        body["description"] = json!(parts.join("\n\n"));
    }
    body["lang"] = json!(info.language_or_default());
    if let Some(confidence) = grade::confidence(info.certainty) {
        body["confidence"] = json!(confidence);
    }
    if info.certainty == Certainty::Observed {
        let sent = message.alert.sent;
        let seen = info.onset.or(info.effective).filter(|onset| onset.timestamp() <= sent.timestamp()).unwrap_or(sent);
        body["first_seen"] = json!(format!("{:.3}", seen.timestamp()));
    }
}

/// The rest of the first information of a message, in the words of CAP.
fn extension(message: &Message) -> Value {
    let alert = message.alert;
    let mut ours = Map::new();
    let mut put = |name: &str, value: Value| {
        let is_nothing = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        if !is_nothing {
            ours.insert(name.to_owned(), value);
        }
    };
    put("extension_type", json!("property-extension"));
    put("message", json!(message.key));
    put("message_type", json!(alert.msg_type.as_str()));
    put("status", json!(alert.status.as_str()));
    put("scope", json!(alert.scope.as_str()));
    put("restriction", json!(alert.restriction));
    put("incidents", json!(alert.incidents));
    put("languages", alert.info.iter().map(Info::language_or_default).collect());
    if let Some(info) = alert.info.first() {
        let named = |list: &[Named]| list.iter().map(|n| json!({ "name": n.name, "value": n.value })).collect::<Value>();
        let area = |area: &Area| {
            let mut value = json!({ "description": area.area_desc });
            let shapes = |list: Vec<String>| (!list.is_empty()).then_some(list);
            if let Some(list) = shapes(area.polygon.iter().map(ToString::to_string).collect()) {
                value["polygons"] = json!(list);
            }
            if let Some(list) = shapes(area.circle.iter().map(ToString::to_string).collect()) {
                value["circles"] = json!(list);
            }
            if !area.geocode.is_empty() {
                value["geocodes"] = named(&area.geocode);
            }
            value
        };
        put("categories", info.category.iter().map(|c| c.as_str()).collect());
        put("event", json!(info.event));
        put("event_codes", named(&info.event_code));
        put("response_types", info.response_type.iter().map(|r| r.as_str()).collect());
        put("urgency", json!(info.urgency.as_str()));
        put("severity", json!(info.severity.as_str()));
        put("certainty", json!(info.certainty.as_str()));
        put("onset", json!(info.onset.map(|t| t.to_string())));
        put("expires", json!(info.expires.map(|t| t.to_string())));
        put("headline", json!(info.headline));
        put("parameters", named(&info.parameter));
        put("areas", info.area.iter().map(area).collect());
    }
    Value::Object(ours)
}

/// Each circle, each polygon as the circle that holds it, each country. The shapes themselves stand in the extension.
fn locations(area: &Area) -> Vec<Value> {
    let round = area.circle.iter().copied().chain(area.polygon.iter().filter_map(shape::round));
    let on_map = round.map(|circle| {
        let mut value = json!({ "name": area.area_desc, "latitude": circle.centre.lat_deg, "longitude": circle.centre.lon_deg });
        value["precision"] = json!(circle.radius_km * M_PER_KM);
        value
    });
    let countries =
        area.geocode.iter().filter(|code| code.name == COUNTRY).map(|code| json!({ "name": area.area_desc, "country": code.value }));
    on_map.chain(countries).collect()
}

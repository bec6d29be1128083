//! Objects before they have their times, and how they get them.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::stix::{Id, Instant, Object};

/// Properties that a new version gets by itself.
const TIMES: [&str; 3] = ["created", "modified", "published"];

/// A moment as STIX 2.1 objects of ours write it: three digits of a second.
pub fn moment(at: Instant) -> String {
    let whole = at.to_string();
    // `Instant` always writes six digits and a `Z`.
    format!("{}Z", &whole[..whole.len().saturating_sub(4)])
}

/// An object of ours still without times.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// Identifier.
    pub id: Id,
    body: Map<String, Value>,
}

impl Draft {
    /// An object by an author, under markings.
    pub fn new(id: Id, by: Option<&Id>, markings: &[Id]) -> Draft {
        let mut draft = Draft { body: Map::new(), id };
        let kind = draft.id.kind().to_owned();
        let name = draft.id.as_str().to_owned();
        draft.set("type", kind).set("spec_version", "2.1").set("id", name);
        if let Some(by) = by {
            draft.set("created_by_ref", by.as_str());
        }
        draft.set_list("object_marking_refs", markings.iter().map(Id::as_str));
        draft
    }

    /// What an object says, to make its next version from; `None` where its text is no JSON object.
    pub fn again(object: &Object) -> Option<Draft> {
        let mut body: Map<String, Value> = serde_json::from_str(&object.text).ok()?;
        TIMES.iter().for_each(|name| {
            body.remove(*name);
        });
        Some(Draft { id: object.id.clone(), body })
    }

    /// Gives it another identifier of its type.
    pub fn rename(&mut self, id: Id) -> &mut Draft {
        self.set("id", id.as_str());
        self.id = id;
        self
    }

    /// Sets a property.
    pub fn set(&mut self, name: &str, value: impl Into<Value>) -> &mut Draft {
        self.body.insert(name.to_owned(), value.into());
        self
    }

    /// Sets a text that may be missing: STIX leaves such a property out.
    pub fn set_text(&mut self, name: &str, text: &str) -> &mut Draft {
        if !text.trim().is_empty() {
            self.set(name, text);
        }
        self
    }

    /// Sets a list; an empty one is left out, as STIX 2.1 section 2.8 demands.
    pub fn set_list<'a>(&mut self, name: &str, items: impl Iterator<Item = &'a str>) -> &mut Draft {
        let list: Vec<Value> = items.map(Value::from).collect();
        if !list.is_empty() {
            self.set(name, list);
        }
        self
    }

    /// Sets an extension of ours.
    pub fn extend(&mut self, id: &str, body: &impl Serialize) -> &mut Draft {
        // Views hold texts, numbers and lists, which JSON can always say; one without a value is left out.
        if let Ok(Value::Object(mut body)) = serde_json::to_value(body) {
            body.insert("extension_type".to_owned(), "property-extension".into());
            let extensions = self.body.entry("extensions").or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(extensions) = extensions {
                extensions.insert(id.to_owned(), body.into());
            }
        }
        self
    }

    /// A property.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.body.get(name)
    }

    /// An extension.
    pub fn extension(&self, id: &str) -> Option<&Value> {
        self.body.get("extensions")?.get(id)
    }

    /// The text of the next version after `previous`, or `None` where nothing has changed but times and author.
    ///
    /// A version is later than the one before it and keeps its `created`, whatever the clock says. A marking definition has one
    /// version only.
    pub fn version(&self, previous: Option<&Object>, now: Instant) -> Option<String> {
        let mut body = self.body.clone();
        let (mut created, mut modified) = (moment(now), moment(now));
        if let Some(previous) = previous {
            if self.id.kind() == "marking-definition" {
                return None;
            }
            let before: Map<String, Value> = serde_json::from_str(&previous.text).unwrap_or_default();
            if bare(&before) == bare(&self.body) {
                return None;
            }
            if let Some(Value::String(first)) = before.get("created") {
                created.clone_from(first);
            }
            let next = Instant((previous.version_at.0 / 1000 + 1) * 1000);
            modified = moment(now.max(next));
        }
        if self.id.kind() == "report" {
            body.insert("published".into(), created.clone().into());
        }
        body.insert("created".into(), created.into());
        if self.id.kind() != "marking-definition" {
            body.insert("modified".into(), modified.into());
        }
        Some(Value::Object(body).to_string())
    }
}

/// What an object says, written and read once, so that two are compared as a reader sees them.
fn bare(body: &Map<String, Value>) -> Map<String, Value> {
    let mut body = body.clone();
    TIMES.iter().chain(&["created_by_ref"]).for_each(|name| {
        body.remove(*name);
    });
    serde_json::from_str(&Value::Object(body).to_string()).unwrap_or_default()
}

//! One object with what is read of it: identity, version, markings and references.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserializer, MapAccess, Visitor};

use super::json::{Name, Names, Refused, Walk};
use crate::Instant;

/// Characters a type's name may have (STIX 2.1 section 3.1: 3 to 250).
const TYPE_LENGTH: std::ops::RangeInclusive<usize> = 3..=250;
/// Version of objects that say neither `modified` nor `created` (cyber observables): any stable value will do (TAXII 2.1, 3.4.1).
const TIMELESS: &str = "1970-01-01T00:00:00.000Z";

/// An identifier, `type--uuid` (STIX 2.1 section 2.9).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(Box<str>);

impl Id {
    /// Reads an identifier; `None` when it has another form.
    ///
    /// # Example
    /// ```
    /// use buttress_wire::stix::Id;
    /// let id = Id::parse("infrastructure--38c47d93-d984-4fd9-b87b-d69d0841628d").unwrap();
    /// assert_eq!(id.kind(), "infrastructure");
    /// assert!(Id::parse("infrastructure--38c47d93").is_none());
    /// ```
    pub fn parse(text: &str) -> Option<Id> {
        let (kind, uuid) = text.split_once("--")?;
        let is_uuid = uuid.len() == 36
            && uuid.bytes().enumerate().all(|(i, c)| match i {
                8 | 13 | 18 | 23 => c == b'-',
                _ => c.is_ascii_hexdigit() && !c.is_ascii_uppercase(),
            });
        (is_type(kind) && is_uuid).then(|| Id(text.into()))
    }

    /// The identifier of a type's object with this UUID.
    pub(crate) fn of_uuid(kind: &str, uuid: &uuid::Uuid) -> Id {
        Id(format!("{kind}--{}", uuid.as_hyphenated()).into())
    }

    /// The type of what is identified.
    pub fn kind(&self) -> &str {
        self.0.split_once("--").map_or("", |(kind, _)| kind)
    }

    /// The whole identifier.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_type(name: &str) -> bool {
    TYPE_LENGTH.contains(&name.len()) && name.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-')
}

/// Edition of STIX that an object is written in; an object that names none is of 2.0.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SpecVersion(pub Box<str>);

/// A reference from one object to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Property that holds it, such as `source_ref` or `object_refs`.
    pub property: Box<str>,
    /// What is referred to.
    pub target: Id,
}

/// A marking on parts of an object (STIX 2.1 section 7.2.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granular {
    /// The marking definition; absent where only the language of the parts is told.
    pub marking: Option<Id>,
    /// The parts, such as `description` or `labels.[0]`.
    pub selectors: Vec<Box<str>>,
}

/// An object as received, with what is read of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// The text, byte for byte.
    pub text: Box<str>,
    /// Identifier.
    pub id: Id,
    /// Edition of STIX.
    pub spec_version: SpecVersion,
    /// Version as written: `modified`, else `created`, else a fixed moment (TAXII 2.1 section 3.4.1).
    pub version: Box<str>,
    /// The moment of the version.
    pub version_at: Instant,
    /// True once its author has withdrawn it (section 3.6).
    pub is_revoked: bool,
    /// Marking definitions on the whole object.
    pub markings: Vec<Id>,
    /// Marking definitions on parts of it.
    pub granular: Vec<Granular>,
    /// What it refers to, markings apart.
    pub references: Vec<Reference>,
}

/// Properties as the text gives them.
#[derive(Default)]
struct Head<'a> {
    kind: Option<Cow<'a, str>>,
    id: Option<Cow<'a, str>>,
    spec_version: Option<Cow<'a, str>>,
    created: Option<Cow<'a, str>>,
    modified: Option<Cow<'a, str>>,
    is_revoked: bool,
    markings: Vec<Cow<'a, str>>,
    granular: Vec<RawGranular>,
    references: Vec<(Box<str>, Cow<'a, str>)>,
}

#[derive(serde::Deserialize)]
struct RawGranular {
    marking_ref: Option<String>,
    #[serde(default)]
    selectors: Vec<Box<str>>,
}

struct HeadVisitor;

impl<'de> Visitor<'de> for HeadVisitor {
    type Value = Head<'de>;
    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a STIX object")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Head<'de>, A::Error> {
        let (mut head, mut names) = (Head::default(), Names::default());
        while let Some(name) = map.next_key_seed(Name)? {
            names.note(name.clone())?;
            match name.as_ref() {
                "type" => head.kind = Some(map.next_value_seed(Name)?),
                "id" => head.id = Some(map.next_value_seed(Name)?),
                "spec_version" => head.spec_version = Some(map.next_value_seed(Name)?),
                "created" => head.created = Some(map.next_value_seed(Name)?),
                "modified" => head.modified = Some(map.next_value_seed(Name)?),
                "revoked" => head.is_revoked = map.next_value()?,
                "object_marking_refs" => head.markings = map.next_value_seed(List)?,
                "granular_markings" => head.granular = map.next_value()?,
                property if property.ends_with("_refs") => {
                    let targets = map.next_value_seed(List)?;
                    head.references.extend(targets.into_iter().map(|target| (property.into(), target)));
                }
                property if property.ends_with("_ref") => head.references.push((property.into(), map.next_value_seed(Name)?)),
                _ => map.next_value_seed(Walk(1))?,
            }
        }
        Ok(head)
    }
}

/// A list of strings.
struct List;

impl<'de> de::DeserializeSeed<'de> for List {
    type Value = Vec<Cow<'de, str>>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for List {
    type Value = Vec<Cow<'de, str>>;
    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a list of identifiers")
    }
    fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = seq.next_element_seed(Name)? {
            list.push(item);
        }
        Ok(list)
    }
}

fn value(property: &'static str, found: &str, advice: &'static str) -> Refused {
    let shown: String = found.chars().take(80).collect();
    Refused::Value { property, found: format!("`{shown}`"), advice }
}

fn id_of(property: &'static str, text: &str) -> Result<Id, Refused> {
    Id::parse(text).ok_or_else(|| value(property, text, "write a type, two hyphens and a UUID in small letters"))
}

impl Object {
    /// Reads an object from its text, which is kept as it is.
    ///
    /// # Errors
    /// [`Refused`] when the text is no JSON object, has a name twice or nests deeper than [`super::MAX_DEPTH`], or when identity,
    /// times, markings or references have a form that STIX does not know. Unknown types and properties are no error.
    pub fn read(text: &str) -> Result<Object, Refused> {
        let mut reader = serde_json::Deserializer::from_str(text);
        let head = Deserializer::deserialize_map(&mut reader, HeadVisitor).map_err(|e| Refused::Json(e.to_string()))?;
        reader.end().map_err(|e| Refused::Json(e.to_string()))?;
        let id = id_of("id", &head.id.ok_or(Refused::Missing("id"))?)?;
        let kind = head.kind.ok_or(Refused::Missing("type"))?;
        if kind != id.kind() {
            return Err(value("type", &kind, "the identifier names another type"));
        }
        let moment = |property, text: &str| {
            Instant::parse(text).ok_or_else(|| value(property, text, "write a moment of UTC as in 2026-01-31T10:00:00.000Z"))
        };
        let created = head.created.as_deref().map(|text| moment("created", text)).transpose()?;
        let modified = head.modified.as_deref().map(|text| moment("modified", text)).transpose()?;
        if created.zip(modified).is_some_and(|(created, modified)| modified < created) {
            return Err(value("modified", head.modified.as_deref().unwrap_or(""), "it lies before `created`"));
        }
        let version = head.modified.or(head.created).unwrap_or(Cow::Borrowed(TIMELESS));
        let list = |property, texts: &[Cow<str>]| texts.iter().map(|text| id_of(property, text)).collect::<Result<Vec<Id>, Refused>>();
        let granular = head.granular.into_iter().map(|g| {
            let marking = g.marking_ref.as_deref().map(|text| id_of("granular_markings", text)).transpose()?;
            Ok(Granular { marking, selectors: g.selectors })
        });
        let references = head
            .references
            .iter()
            .map(|(property, target)| Ok(Reference { property: property.clone(), target: id_of("a reference", target)? }));
        Ok(Object {
            id,
            spec_version: SpecVersion(head.spec_version.unwrap_or(Cow::Borrowed("2.0")).into()),
            version: version.as_ref().into(),
            version_at: modified.or(created).unwrap_or(Instant(0)),
            is_revoked: head.is_revoked,
            markings: list("object_marking_refs", &head.markings)?,
            granular: granular.collect::<Result<_, Refused>>()?,
            references: references.collect::<Result<_, Refused>>()?,
            text: text.into(),
        })
    }
}

#[cfg(test)]
#[path = "object_tests.rs"]
mod tests;

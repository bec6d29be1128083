//! JSON read strictly: no name twice in one object, bounded depth. Readers that disagree on a doubled name would see two contents
//! under one marking.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// Levels of nesting that an object may have.
pub const MAX_DEPTH: usize = 64;
/// Names up to which an object is searched in a list.
const FEW_NAMES: usize = 16;

/// Why a text is no object that can be kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Not JSON, doubled names or nested too deeply, with line and column.
    #[error("{0}")]
    Json(String),
    /// A property that must be there.
    #[error("property `{0}` is missing: every object has it (STIX 2.1 section 3)")]
    Missing(&'static str),
    /// A property with a value it must not have.
    #[error("property `{property}` is {found}: {advice}")]
    Value {
        /// Name of the property.
        property: &'static str,
        /// Its value, cut to 80 characters.
        found: String,
        /// What to do.
        advice: &'static str,
    },
}

/// Names of one object seen so far.
#[derive(Default)]
pub(super) struct Names<'a> {
    few: Vec<Cow<'a, str>>,
    many: BTreeSet<Cow<'a, str>>,
}

impl<'a> Names<'a> {
    /// Notes a name; `Err` when it was there.
    pub(super) fn note<E: de::Error>(&mut self, name: Cow<'a, str>) -> Result<(), E> {
        if self.many.is_empty() && self.few.len() < FEW_NAMES {
            if self.few.contains(&name) {
                return Err(E::custom(format!("the name `{name}` stands twice in one object: keep one of them")));
            }
            self.few.push(name);
            return Ok(());
        }
        self.many.extend(self.few.drain(..));
        let shown = name.to_string();
        if self.many.insert(name) {
            Ok(())
        } else {
            Err(E::custom(format!("the name `{shown}` stands twice in one object: keep one of them")))
        }
    }
}

/// A name, borrowed from the text where it holds no escape.
pub(super) struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;
    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a string")
    }
    fn visit_borrowed_str<E>(self, v: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(v))
    }
    fn visit_str<E>(self, v: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(v.to_owned()))
    }
}

/// Walks any value at this depth and keeps nothing of it.
pub(super) struct Walk(pub(super) usize);

impl Walk {
    fn deeper<E: de::Error>(&self) -> Result<Walk, E> {
        if self.0 < MAX_DEPTH { Ok(Walk(self.0 + 1)) } else { Err(E::custom(format!("nested deeper than {MAX_DEPTH} levels"))) }
    }
}

impl<'de> DeserializeSeed<'de> for Walk {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(self.deeper()?)?.is_some() {}
        Ok(())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut names = Names::default();
        while let Some(name) = map.next_key_seed(Name)? {
            names.note(name)?;
            map.next_value_seed(self.deeper()?)?;
        }
        Ok(())
    }
}

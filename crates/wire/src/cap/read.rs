//! Bytes to alert: the form that the schema of CAP 1.2 asks for, element by element.

use std::fmt;
use std::str::FromStr;

use super::value::{BadValue, decimal, is_space, quoted_words, words};
use super::xml::{Node, tree};
use super::{Alert, Area, Certainty, Info, MAX_BYTES, MAX_DEPTH, MAX_OF_A_KIND, NAMESPACE, Named, Resource};

/// A place in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl Position {
    /// The place of a byte of a text.
    pub(super) fn of(source: &str, at: usize) -> Self {
        let before = source.get(..at).unwrap_or(source);
        let line_begin = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.bytes().filter(|&byte| byte == b'\n').count() + 1;
        Self { line, column: before[line_begin..].chars().count() + 1 }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// Why bytes are not an alert in CAP 1.2: where, what was found, what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CapError {
    /// The message is too long.
    #[error("the message has {found} bytes; send at most {MAX_BYTES}, and larger files by their uri")]
    Size {
        /// Bytes of the message.
        found: usize,
    },
    /// The bytes are not UTF-8.
    #[error("byte {byte} is not UTF-8; send the message in UTF-8")]
    Encoding {
        /// Bytes before the first that is wrong.
        byte: usize,
    },
    /// A character that XML cannot carry.
    #[error("{at}: the character U+{:04X} is not allowed in XML 1.0; leave it out", u32::from(*found))]
    Character {
        /// Where.
        at: Position,
        /// The character.
        found: char,
    },
    /// The text is not well-formed XML.
    #[error("{at}: {reason}; send well-formed XML 1.0")]
    Xml {
        /// Where.
        at: Position,
        /// What is wrong.
        reason: String,
    },
    /// A document type definition, which could define entities.
    #[error("{at}: a document type definition; send the message without DOCTYPE")]
    Dtd {
        /// Where.
        at: Position,
    },
    /// An entity that XML itself does not define.
    #[error("{at}: the entity &{found};; write the character itself, or its number")]
    Entity {
        /// Where.
        at: Position,
        /// Name of the entity.
        found: String,
    },
    /// Elements are nested too deeply.
    #[error("{at}: elements are nested more than {MAX_DEPTH} deep; send a flatter message")]
    Depth {
        /// Where.
        at: Position,
    },
    /// The root is not an alert of CAP 1.2.
    #[error("{at}: the root is {found} in namespace {namespace}; send alert in namespace {NAMESPACE}")]
    Root {
        /// Where.
        at: Position,
        /// Name of the root.
        found: String,
        /// Its namespace.
        namespace: String,
    },
    /// An element that the schema does not know in this place.
    #[error("{at}: {parent} has no element {found}; leave it out, or move it to where the schema has it")]
    Unknown {
        /// Where.
        at: Position,
        /// Name of the parent.
        parent: String,
        /// Name of the element.
        found: String,
    },
    /// An element that stands after one it should stand before.
    #[error("{at}: {found} stands after {after}; keep the order of the schema")]
    Order {
        /// Where.
        at: Position,
        /// Name of the element.
        found: String,
        /// The element that should come later.
        after: String,
    },
    /// A second element where the schema has at most one.
    #[error("{at}: a second {found}; keep one")]
    Repeated {
        /// Where.
        at: Position,
        /// Name of the element.
        found: String,
    },
    /// Too many elements of a kind in one parent.
    #[error("{at}: more than {MAX_OF_A_KIND} elements {found} in one parent; send several messages")]
    TooMany {
        /// Where.
        at: Position,
        /// Name of the element.
        found: String,
    },
    /// A required element is absent.
    #[error("{at}: {parent} has no {missing}; add it")]
    Missing {
        /// Where the parent begins.
        at: Position,
        /// Name of the parent.
        parent: String,
        /// Name of the absent element.
        missing: String,
    },
    /// An attribute that the schema does not know.
    #[error("{at}: the attribute {found}; elements of CAP have none, leave it out")]
    Attribute {
        /// Where the element begins.
        at: Position,
        /// Name of the attribute.
        found: String,
    },
    /// Text between elements.
    #[error("{at}: text in {parent} between its elements: {found}; put it into an element")]
    Stray {
        /// Where the parent begins.
        at: Position,
        /// Name of the parent.
        parent: String,
        /// The text.
        found: String,
    },
    /// A text that is not a value of its element.
    #[error("{at}: {element} is \"{found}\"; write {expected}")]
    Value {
        /// Where the element begins.
        at: Position,
        /// Name of the element.
        element: String,
        /// The text.
        found: String,
        /// What the element takes.
        expected: &'static str,
    },
}

/// The alert in a message of at most [`MAX_BYTES`], with or without a byte order mark.
///
/// Times, numbers, words of the standard and lists may have white space round them; other text is kept as it stands. "Very
/// Likely" of CAP 1.0 is read as "Likely" (section 3.2.2).
pub fn read(bytes: &[u8]) -> Result<Alert, CapError> {
    if bytes.len() > MAX_BYTES {
        return Err(CapError::Size { found: bytes.len() });
    }
    let text = std::str::from_utf8(bytes).map_err(|error| CapError::Encoding { byte: error.valid_up_to() })?;
    let source = text.strip_prefix('\u{feff}').unwrap_or(text);
    let root = tree(source)?;
    alert(&Reader { source }, &root)
}

/// The beginning of a text of someone else, short enough for a message.
pub(super) fn excerpt(text: &str) -> String {
    const MAX_CHARS: usize = 80;
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// An element of a sequence of the schema.
struct Slot {
    name: &'static str,
    often: Often,
}

/// How often an element may stand in its place.
#[derive(PartialEq)]
enum Often {
    Once,
    Many,
}

const fn once(name: &'static str) -> Slot {
    Slot { name, often: Often::Once }
}

const fn many(name: &'static str) -> Slot {
    Slot { name, often: Often::Many }
}

const ALERT: &[Slot] = &[
    once("identifier"),
    once("sender"),
    once("sent"),
    once("status"),
    once("msgType"),
    once("source"),
    once("scope"),
    once("restriction"),
    once("addresses"),
    many("code"),
    once("note"),
    once("references"),
    once("incidents"),
    many("info"),
];

const INFO: &[Slot] = &[
    once("language"),
    many("category"),
    once("event"),
    many("responseType"),
    once("urgency"),
    once("severity"),
    once("certainty"),
    once("audience"),
    many("eventCode"),
    once("effective"),
    once("onset"),
    once("expires"),
    once("senderName"),
    once("headline"),
    once("description"),
    once("instruction"),
    once("web"),
    once("contact"),
    many("parameter"),
    many("resource"),
    many("area"),
];

const NAMED: &[Slot] = &[once("valueName"), once("value")];

const RESOURCE: &[Slot] = &[once("resourceDesc"), once("mimeType"), once("size"), once("uri"), once("derefUri"), once("digest")];

const AREA: &[Slot] = &[once("areaDesc"), many("polygon"), many("circle"), many("geocode"), once("altitude"), once("ceiling")];

fn alert(reader: &Reader, node: &Node) -> Result<Alert, CapError> {
    let parts = reader.parts(node, ALERT)?;
    Ok(Alert {
        identifier: parts.required("identifier", Reader::text)?,
        sender: parts.required("sender", Reader::text)?,
        sent: parts.required("sent", Reader::value)?,
        status: parts.required("status", Reader::value)?,
        msg_type: parts.required("msgType", Reader::value)?,
        source: parts.optional("source", Reader::text)?,
        scope: parts.required("scope", Reader::value)?,
        restriction: parts.optional("restriction", Reader::text)?,
        addresses: parts.optional("addresses", Reader::quoted)?.unwrap_or_default(),
        code: parts.all("code", Reader::text)?,
        note: parts.optional("note", Reader::text)?,
        references: parts.optional("references", Reader::spaced)?.unwrap_or_default(),
        incidents: parts.optional("incidents", Reader::quoted)?.unwrap_or_default(),
        info: parts.all("info", info)?,
    })
}

fn info(reader: &Reader, node: &Node) -> Result<Info, CapError> {
    let parts = reader.parts(node, INFO)?;
    parts.required("category", |_, _| Ok(()))?;
    Ok(Info {
        language: parts.optional("language", Reader::trimmed)?,
        category: parts.all("category", Reader::value)?,
        event: parts.required("event", Reader::text)?,
        response_type: parts.all("responseType", Reader::value)?,
        urgency: parts.required("urgency", Reader::value)?,
        severity: parts.required("severity", Reader::value)?,
        certainty: parts.required("certainty", certainty)?,
        audience: parts.optional("audience", Reader::text)?,
        event_code: parts.all("eventCode", named)?,
        effective: parts.optional("effective", Reader::value)?,
        onset: parts.optional("onset", Reader::value)?,
        expires: parts.optional("expires", Reader::value)?,
        sender_name: parts.optional("senderName", Reader::text)?,
        headline: parts.optional("headline", Reader::text)?,
        description: parts.optional("description", Reader::text)?,
        instruction: parts.optional("instruction", Reader::text)?,
        web: parts.optional("web", Reader::trimmed)?,
        contact: parts.optional("contact", Reader::text)?,
        parameter: parts.all("parameter", named)?,
        resource: parts.all("resource", resource)?,
        area: parts.all("area", area)?,
    })
}

fn certainty(reader: &Reader, node: &Node) -> Result<Certainty, CapError> {
    if node.text.trim_matches(is_space) == "Very Likely" && node.children.is_empty() {
        return Ok(Certainty::Likely);
    }
    reader.value(node)
}

fn named(reader: &Reader, node: &Node) -> Result<Named, CapError> {
    let parts = reader.parts(node, NAMED)?;
    Ok(Named { name: parts.required("valueName", Reader::text)?, value: parts.required("value", Reader::text)? })
}

fn resource(reader: &Reader, node: &Node) -> Result<Resource, CapError> {
    let parts = reader.parts(node, RESOURCE)?;
    Ok(Resource {
        resource_desc: parts.required("resourceDesc", Reader::text)?,
        mime_type: parts.required("mimeType", Reader::text)?,
        size_bytes: parts.optional("size", Reader::whole)?,
        uri: parts.optional("uri", Reader::trimmed)?,
        deref_uri: parts.optional("derefUri", Reader::text)?,
        digest: parts.optional("digest", Reader::text)?,
    })
}

fn area(reader: &Reader, node: &Node) -> Result<Area, CapError> {
    let parts = reader.parts(node, AREA)?;
    Ok(Area {
        area_desc: parts.required("areaDesc", Reader::text)?,
        polygon: parts.all("polygon", Reader::value)?,
        circle: parts.all("circle", Reader::value)?,
        geocode: parts.all("geocode", named)?,
        altitude_ft: parts.optional("altitude", Reader::decimal)?,
        ceiling_ft: parts.optional("ceiling", Reader::decimal)?,
    })
}

/// The source, for positions, and how single elements are read.
struct Reader<'a> {
    source: &'a str,
}

impl Reader<'_> {
    fn position(&self, at: usize) -> Position {
        Position::of(self.source, at)
    }

    /// The elements of a parent, once they are found to be known, in order and not too many.
    fn parts<'n>(&'n self, node: &'n Node, sequence: &[Slot]) -> Result<Parts<'n>, CapError> {
        if !node.text.chars().all(is_space) {
            let (at, found) = (self.position(node.at), excerpt(node.text.trim_matches(is_space)));
            return Err(CapError::Stray { at, parent: node.name.clone(), found });
        }
        let (mut place, mut count) = (0, 0);
        for child in &node.children {
            let at = || self.position(child.at);
            let found = || excerpt(&child.name);
            let Some(here) = sequence.iter().position(|slot| slot.name == child.name) else {
                return Err(CapError::Unknown { at: at(), parent: node.name.clone(), found: found() });
            };
            if here < place {
                return Err(CapError::Order { at: at(), found: found(), after: sequence[place].name.to_owned() });
            }
            count = if here == place { count + 1 } else { 1 };
            place = here;
            if count > 1 && sequence[here].often == Often::Once {
                return Err(CapError::Repeated { at: at(), found: found() });
            }
            if count > MAX_OF_A_KIND {
                return Err(CapError::TooMany { at: at(), found: found() });
            }
        }
        Ok(Parts { reader: self, node })
    }

    /// Text as it stands, from an element without elements.
    fn text(&self, node: &Node) -> Result<String, CapError> {
        self.leaf(node).map(str::to_owned)
    }

    /// Text without the white space round it.
    fn trimmed(&self, node: &Node) -> Result<String, CapError> {
        self.leaf(node).map(|text| text.trim_matches(is_space).to_owned())
    }

    fn value<T: FromStr<Err = BadValue>>(&self, node: &Node) -> Result<T, CapError> {
        self.parsed(node, str::parse)
    }

    fn decimal(&self, node: &Node) -> Result<f64, CapError> {
        self.parsed(node, decimal)
    }

    fn whole(&self, node: &Node) -> Result<u64, CapError> {
        const BAD: BadValue = BadValue { expected: "a whole number of bytes such as 1024" };
        self.parsed(node, |text| text.parse().map_err(|_| BAD))
    }

    fn quoted(&self, node: &Node) -> Result<Vec<String>, CapError> {
        self.parsed(node, quoted_words)
    }

    fn spaced<T: FromStr<Err = BadValue>>(&self, node: &Node) -> Result<Vec<T>, CapError> {
        self.parsed(node, |text| words(text).map(str::parse).collect())
    }

    fn parsed<T>(&self, node: &Node, parse: impl FnOnce(&str) -> Result<T, BadValue>) -> Result<T, CapError> {
        let text = self.leaf(node)?.trim_matches(is_space);
        parse(text).map_err(|BadValue { expected }| CapError::Value {
            at: self.position(node.at),
            element: node.name.clone(),
            found: excerpt(text),
            expected,
        })
    }

    fn leaf<'n>(&self, node: &'n Node) -> Result<&'n str, CapError> {
        let child = node.children.first().map(|child| (&child.name, child.at));
        match child.or(node.foreign.as_ref().map(|(name, at)| (name, *at))) {
            Some((name, at)) => Err(CapError::Unknown { at: self.position(at), parent: node.name.clone(), found: excerpt(name) }),
            None => Ok(&node.text),
        }
    }
}

/// The elements of a parent, by name.
struct Parts<'n> {
    reader: &'n Reader<'n>,
    node: &'n Node,
}

impl<'n> Parts<'n> {
    fn all<T>(&self, name: &str, read: impl Fn(&Reader<'n>, &Node) -> Result<T, CapError>) -> Result<Vec<T>, CapError> {
        self.node.children.iter().filter(|child| child.name == name).map(|child| read(self.reader, child)).collect()
    }

    fn optional<T>(&self, name: &str, read: impl Fn(&Reader<'n>, &Node) -> Result<T, CapError>) -> Result<Option<T>, CapError> {
        self.node.children.iter().find(|child| child.name == name).map(|child| read(self.reader, child)).transpose()
    }

    fn required<T>(&self, name: &str, read: impl Fn(&Reader<'n>, &Node) -> Result<T, CapError>) -> Result<T, CapError> {
        self.optional(name, read)?.ok_or_else(|| CapError::Missing {
            at: self.reader.position(self.node.at),
            parent: self.node.name.clone(),
            missing: name.to_owned(),
        })
    }
}

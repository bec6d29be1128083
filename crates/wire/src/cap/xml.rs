//! From text to a small tree of the elements of CAP: no DTD, no entity of a document, no deep nesting, nothing foreign.

use quick_xml::events::{BytesDecl, BytesRef, BytesStart, Event};
use quick_xml::name::{Namespace, ResolveResult};
use quick_xml::reader::NsReader;

use super::read::{CapError, Position, excerpt};
use super::value::{is_space, is_xml_char};
use super::{MAX_DEPTH, NAMESPACE};

/// An element of the namespace of CAP.
#[derive(Debug)]
pub(super) struct Node {
    /// Name without prefix.
    pub(super) name: String,
    /// Where its tag begins, in bytes.
    pub(super) at: usize,
    /// Its text, all pieces joined and references resolved.
    pub(super) text: String,
    /// Its elements, in order.
    pub(super) children: Vec<Node>,
    /// Name and place of the last element of another namespace that was skipped in it.
    pub(super) foreign: Option<(String, usize)>,
}

/// The tree of a document whose root is `alert`.
pub(super) fn tree(source: &str) -> Result<Node, CapError> {
    if let Some((at, found)) = source.char_indices().find(|&(_, c)| !is_xml_char(c)) {
        return Err(CapError::Character { at: Position::of(source, at), found });
    }
    let mut reader = NsReader::from_str(source);
    reader.config_mut().enable_all_checks(true);
    reader.config_mut().expand_empty_elements = true;
    let mut growth = Growth { source, open: Vec::new(), foreign_depth: 0, root: None };
    // Every turn but the last consumes at least one byte or closes an element, so the turns are bounded by the size.
    loop {
        let at = position(reader.buffer_position());
        let event = reader.read_event().map_err(|error| growth.broken(position(reader.error_position()), &error))?;
        match event {
            Event::Start(tag) => {
                let (namespace, name) = reader.resolver().resolve_element(tag.name());
                growth.start(at, name.as_ref(), &namespace, &tag)?;
            }
            Event::End(_) => growth.end(),
            Event::Empty(_) => return Err(growth.broken(at, "an empty element that was not expanded")),
            Event::Text(text) => growth.text(at, &text.xml10_content())?,
            Event::CData(text) => growth.text(at, &text.xml10_content())?,
            Event::GeneralRef(reference) => growth.reference(at, &reference)?,
            Event::Decl(declaration) => growth.declaration(at, &declaration)?,
            Event::DocType(_) => return Err(CapError::Dtd { at: growth.position(at) }),
            Event::Comment(_) | Event::PI(_) => {}
            Event::Eof => return growth.finish(at),
        }
    }
}

/// The reader counts in 64 bits; a text in memory is never longer than `usize`.
fn position(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

/// A tree while it is read.
struct Growth<'a> {
    source: &'a str,
    open: Vec<Node>,
    foreign_depth: usize,
    root: Option<Node>,
}

impl Growth<'_> {
    fn position(&self, at: usize) -> Position {
        Position::of(self.source, at)
    }

    fn broken(&self, at: usize, reason: impl std::fmt::Display) -> CapError {
        CapError::Xml { at: self.position(at), reason: excerpt(&reason.to_string()) }
    }

    fn start(&mut self, at: usize, name: &str, namespace: &ResolveResult, tag: &BytesStart) -> Result<(), CapError> {
        if self.root.is_some() {
            return Err(self.broken(at, "a second element after the end of the alert"));
        }
        if self.open.len() + self.foreign_depth >= MAX_DEPTH {
            return Err(CapError::Depth { at: self.position(at) });
        }
        let ours = *namespace == ResolveResult::Bound(Namespace(NAMESPACE));
        self.attributes(at, tag, ours)?;
        if self.foreign_depth > 0 {
            self.foreign_depth += 1;
            return Ok(());
        }
        match (self.open.last_mut(), namespace) {
            (None, _) if !ours || name != "alert" => {
                let namespace = match namespace {
                    ResolveResult::Bound(Namespace(uri)) => excerpt(uri),
                    ResolveResult::Unbound | ResolveResult::Unknown(_) => "none".to_owned(),
                };
                return Err(CapError::Root { at: self.position(at), found: excerpt(name), namespace });
            }
            (_, ResolveResult::Unknown(prefix)) => {
                return Err(self.broken(at, format!("the prefix {} has no namespace", excerpt(prefix))));
            }
            (Some(parent), ResolveResult::Unbound) => {
                let (parent, at) = (parent.name.clone(), self.position(at));
                return Err(CapError::Unknown { at, parent, found: format!("{} without a namespace", excerpt(name)) });
            }
            (Some(parent), _) if !ours => {
                parent.foreign = Some((name.to_owned(), at));
                self.foreign_depth = 1;
            }
            _ => self.open.push(Node { name: name.to_owned(), at, text: String::new(), children: Vec::new(), foreign: None }),
        }
        Ok(())
    }

    /// Attributes must be well formed; an element of CAP has none but those of other namespaces.
    fn attributes(&self, at: usize, tag: &BytesStart, ours: bool) -> Result<(), CapError> {
        for attribute in tag.attributes() {
            let attribute = attribute.map_err(|error| self.broken(at, error))?;
            if attribute.value.contains('<') {
                return Err(self.broken(at, "a < in an attribute"));
            }
            quick_xml::escape::unescape(&attribute.value).map_err(|error| self.broken(at, error))?;
            let key = attribute.key.as_ref();
            if ours && key != "xmlns" && !key.contains(':') {
                return Err(CapError::Attribute { at: self.position(at), found: excerpt(key) });
            }
        }
        Ok(())
    }

    /// The reader has checked that the names of the two tags agree.
    fn end(&mut self) {
        if self.foreign_depth > 0 {
            self.foreign_depth -= 1;
        } else if let Some(node) = self.open.pop() {
            match self.open.last_mut() {
                Some(parent) => parent.children.push(node),
                None => self.root = Some(node),
            }
        }
    }

    fn text(&mut self, at: usize, text: &str) -> Result<(), CapError> {
        match self.open.last_mut() {
            Some(node) if self.foreign_depth == 0 => node.text.push_str(text),
            Some(_) => {}
            None if text.chars().all(is_space) => {}
            None => return Err(self.broken(at, "text outside the alert")),
        }
        Ok(())
    }

    fn reference(&mut self, at: usize, reference: &BytesRef) -> Result<(), CapError> {
        let resolved = match &**reference {
            "lt" => '<',
            "gt" => '>',
            "amp" => '&',
            "apos" => '\'',
            "quot" => '"',
            name => match reference.resolve_char_ref() {
                Ok(Some(c)) if is_xml_char(c) => c,
                Ok(Some(found)) => return Err(CapError::Character { at: self.position(at), found }),
                Ok(None) => return Err(CapError::Entity { at: self.position(at), found: excerpt(name) }),
                Err(error) => return Err(self.broken(at, error)),
            },
        };
        if self.open.is_empty() {
            return Err(self.broken(at, "text outside the alert"));
        }
        self.text(at, resolved.encode_utf8(&mut [0; 4]))
    }

    fn declaration(&self, at: usize, declaration: &BytesDecl) -> Result<(), CapError> {
        if at != 0 {
            return Err(self.broken(at, "an XML declaration that does not stand first"));
        }
        let version = declaration.version().map_err(|error| self.broken(at, error))?;
        if version != "1.0" {
            return Err(self.broken(at, format!("XML version {version} instead of 1.0")));
        }
        match declaration.encoding() {
            None => Ok(()),
            Some(Ok(name)) if name.eq_ignore_ascii_case("utf-8") || name.eq_ignore_ascii_case("us-ascii") => Ok(()),
            Some(Ok(name)) => Err(self.broken(at, format!("encoding {name} instead of UTF-8"))),
            Some(Err(error)) => Err(self.broken(at, error)),
        }
    }

    fn finish(self, at: usize) -> Result<Node, CapError> {
        match (self.open.last(), self.root) {
            (Some(node), _) => {
                let reason = format!("the element {} is never closed", excerpt(&node.name));
                Err(CapError::Xml { at: Position::of(self.source, node.at), reason })
            }
            (None, Some(root)) => Ok(root),
            (None, None) => Err(CapError::Xml { at: Position::of(self.source, at), reason: "no element at all".to_owned() }),
        }
    }
}

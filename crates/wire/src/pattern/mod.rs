//! Patterns of STIX 2.1 (section 9): what an indicator watches for, read into values and written back.
//!
//! ```text
//! pattern      = or { FOLLOWEDBY or }            or  = and { OR and }          and = qualified { AND qualified }
//! qualified    = ( "[" comparison "]" | "(" pattern ")" ) { qualifier }
//! qualifier    = REPEATS n TIMES | WITHIN n SECONDS | START t'..' STOP t'..'
//! comparison   = both { OR both }                both = test { AND test }
//! test         = path [NOT] operator literal | [NOT] EXISTS path | "(" comparison ")"
//! path         = type ":" key { "." key | "[" ( n | "*" ) "]" }
//! ```
//!
//! [`Pattern::parse`] reads, [`Display`](std::fmt::Display) writes the canonical text, which reads back as the same value
//! unless the spaces in it take it over [`MAX_TEXT_BYTES`]. Matching a pattern against observations is not done here.

mod display;
mod encoding;
mod parser;
#[cfg(test)]
mod tests;
mod tokens;
#[cfg(test)]
mod verdicts;

use std::collections::BTreeSet;

use jiff::civil::DateTime;
use thiserror::Error;

/// The longest text of a pattern that is read, bytes.
pub const MAX_TEXT_BYTES: usize = 64 * 1024;

/// The most parentheses that may be open at once, those of observations and of comparisons together.
pub const MAX_DEPTH: usize = 64;

/// A pattern that has been read and checked (STIX 2.1, section 9); it holds at least one observation.
#[derive(Debug, Clone, PartialEq)]
pub struct Pattern {
    observation: Observation,
}

/// What must be observed: one observation or a combination of several (STIX 2.1, section 9.5).
///
/// The lists of `And`, `Or` and `FollowedBy` have two members or more and keep the order of the text.
#[derive(Debug, Clone, PartialEq)]
pub enum Observation {
    /// `[...]`: one observation for which the comparison holds.
    Single(Comparison),
    /// `... WITHIN 5 SECONDS`: an observation under one or more qualifiers, in the order of the text.
    Qualified(Box<Observation>, Vec<Qualifier>),
    /// Different observations, each for one of the members.
    And(Vec<Observation>),
    /// An observation for any of the members.
    Or(Vec<Observation>),
    /// Different observations for the members, none earlier than the one before it.
    FollowedBy(Vec<Observation>),
}

/// When or how often something must be observed (STIX 2.1, section 9.5.1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Qualifier {
    /// `REPEATS n TIMES`: as many different observations.
    Repeats {
        /// How many.
        n_times: u64,
    },
    /// `WITHIN n SECONDS`: all of the observations in a window of this length.
    Within {
        /// Length of the window, seconds, not negative.
        window_s: f64,
    },
    /// `START t'..' STOP t'..'`: all of the observations from the start on and before the stop, both in UTC.
    StartStop {
        /// First instant that counts.
        start: DateTime,
        /// First instant that counts no more; the standard's grammar does not ask that it be later than the start.
        stop: DateTime,
    },
}

/// A condition on one observation (STIX 2.1, section 9.6).
///
/// The lists of `And` and `Or` have two members or more and keep the order of the text. The members of `And` can hold for
/// one and the same type of object; a pattern that breaks this is not read.
#[derive(Debug, Clone, PartialEq)]
pub enum Comparison {
    /// One property against one value.
    Test(Test),
    /// Every member holds.
    And(Vec<Comparison>),
    /// A member holds.
    Or(Vec<Comparison>),
}

/// One property of an object against one value (STIX 2.1, section 9.6).
#[derive(Debug, Clone, PartialEq)]
pub struct Test {
    /// The property.
    pub path: ObjectPath,
    /// Whether the relation must hold or must not.
    pub sense: Sense,
    /// The relation and its value.
    pub relation: Relation,
}

/// Whether a relation must hold or, after the word `NOT`, must not (STIX 2.1, section 9.6.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sense {
    /// It must hold.
    Affirmed,
    /// It must not hold.
    Negated,
}

/// An operator with the value on its right (STIX 2.1, section 9.6.1).
#[derive(Debug, Clone, PartialEq)]
pub enum Relation {
    /// `=` or `==`.
    Equal(Literal),
    /// `!=` or `<>`.
    NotEqual(Literal),
    /// `<`; never a boolean.
    Less(Literal),
    /// `<=`; never a boolean.
    LessOrEqual(Literal),
    /// `>`; never a boolean.
    Greater(Literal),
    /// `>=`; never a boolean.
    GreaterOrEqual(Literal),
    /// `IN (...)`: equal to a member of the set, which may be empty and may repeat itself.
    In(Vec<Literal>),
    /// `LIKE`: text with `%` for any characters and `_` for one.
    Like(String),
    /// `MATCHES`: a regular expression, kept as written and not compiled.
    Matches(String),
    /// `ISSUBSET`: the address or network is inside of this one.
    IsSubset(String),
    /// `ISSUPERSET`: the address or network holds this one.
    IsSuperset(String),
    /// `EXISTS`: the property is there.
    Exists,
}

/// Where in an object a value stands, such as `file:hashes.'SHA-256'` (STIX 2.1, section 9.7).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectPath {
    /// Type of the object, such as `file` or `x-grid-relay`.
    pub object_type: String,
    /// Property of the object where the way begins.
    pub property: String,
    /// The way on from there; empty for the property itself.
    pub steps: Vec<Step>,
}

/// One step further into an object (STIX 2.1, section 9.7).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// `.key` or `.'key'`: the value under this key.
    Key(String),
    /// `[n]`: the member of a list, counted from 0.
    Index(u64),
    /// `[*]`: any member of a list.
    Any,
}

/// A constant (STIX 2.1, section 9.2).
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// `12`, a whole number.
    Integer(i64),
    /// `1.5`, a finite number.
    Float(f64),
    /// `'text'`, without its quotes and escapes.
    Text(String),
    /// `true` or `false`.
    Boolean(bool),
    /// `b'...'`, the bytes that Base64 stood for; at least one.
    Binary(Vec<u8>),
    /// `h'...'`, the bytes that hexadecimal digits stood for.
    Hex(Vec<u8>),
    /// `t'...'`, in UTC, to the nanosecond; a leap second is read as the second before it.
    Timestamp(DateTime),
}

/// Why a text is not a pattern; positions are bytes from the beginning, from 0.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PatternError {
    /// The text is longer than [`MAX_TEXT_BYTES`].
    #[error("a pattern of {found} bytes is too long: {MAX_TEXT_BYTES} bytes are read; split it at its ORs")]
    TooLong {
        /// Length of the text, bytes.
        found: usize,
    },
    /// More than [`MAX_DEPTH`] parentheses are open.
    #[error("byte {position}: this parenthesis is nested too deeply: {MAX_DEPTH} may be open at once; leave out those not needed")]
    TooDeep {
        /// Where the first parenthesis too many stands.
        position: usize,
    },
    /// Something stands where the grammar has something else.
    #[error("byte {position}: found {found}; write {expected} here")]
    Unexpected {
        /// Where it stands.
        position: usize,
        /// What stands there.
        found: String,
        /// What could.
        expected: String,
    },
    /// No single object can satisfy both sides of an AND, as their types differ (STIX 2.1, section 9.6.1).
    #[error(
        "byte {position}: found {found} joined by AND within one observation; only {expected} can be meant here: join two [..] instead"
    )]
    MixedTypes {
        /// Where the operand of AND stands.
        position: usize,
        /// Types of objects that this operand speaks of.
        found: String,
        /// Types of objects that the operands before it leave.
        expected: String,
    },
    /// An observation has two qualifiers of the same kind.
    #[error("byte {position}: found a second {found}; each qualifier stands once: put parentheses round what the first one is for")]
    RepeatedQualifier {
        /// Where the second one stands.
        position: usize,
        /// The word it begins with.
        found: &'static str,
    },
}

impl Pattern {
    /// Reads a pattern (STIX 2.1, section 9).
    ///
    /// ```
    /// let pattern = buttress_wire::pattern::Pattern::parse("[file:size > 5 AND file:name='a.exe'] WITHIN 60 SECONDS").unwrap();
    /// assert_eq!(pattern.to_string(), "[file:size > 5 AND file:name = 'a.exe'] WITHIN 60 SECONDS");
    /// assert_eq!(pattern.object_types().into_iter().collect::<Vec<_>>(), ["file"]);
    /// ```
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        parser::parse(text).map(|observation| Self { observation })
    }

    /// What must be observed.
    pub fn observation(&self) -> &Observation {
        &self.observation
    }

    /// Types of the objects that are watched, sorted.
    pub fn object_types(&self) -> BTreeSet<&str> {
        self.paths().into_iter().map(|path| path.object_type.as_str()).collect()
    }

    /// Paths that are watched, sorted, each once.
    pub fn paths(&self) -> BTreeSet<&ObjectPath> {
        let mut paths = BTreeSet::new();
        watched_by_observation(&self.observation, &mut paths);
        paths
    }
}

impl std::str::FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        Self::parse(text)
    }
}

impl PatternError {
    /// Where the trouble stands, bytes from the beginning.
    pub fn position(&self) -> usize {
        match self {
            Self::TooLong { .. } => MAX_TEXT_BYTES,
            Self::TooDeep { position }
            | Self::Unexpected { position, .. }
            | Self::MixedTypes { position, .. }
            | Self::RepeatedQualifier { position, .. } => *position,
        }
    }
}

/// Collects the paths of an observation.
fn watched_by_observation<'a>(observation: &'a Observation, paths: &mut BTreeSet<&'a ObjectPath>) {
    match observation {
        Observation::Single(comparison) => watched_by_comparison(comparison, paths),
        Observation::Qualified(inner, _) => watched_by_observation(inner, paths),
        Observation::And(members) | Observation::Or(members) | Observation::FollowedBy(members) => {
            members.iter().for_each(|member| watched_by_observation(member, paths));
        }
    }
}

/// Collects the paths of a comparison.
fn watched_by_comparison<'a>(comparison: &'a Comparison, paths: &mut BTreeSet<&'a ObjectPath>) {
    match comparison {
        Comparison::Test(test) => {
            paths.insert(&test.path);
        }
        Comparison::And(members) | Comparison::Or(members) => members.iter().for_each(|member| watched_by_comparison(member, paths)),
    }
}

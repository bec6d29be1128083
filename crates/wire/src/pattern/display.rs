//! The canonical text of a pattern: one space between words, no parentheses but those needed, `=` and `!=`.

use std::fmt::{Display, Formatter, Result, Write};

use jiff::civil::DateTime;

use super::encoding::{base64_from_bytes, hex_from_bytes};
use super::tokens::is_plain_key;
use super::{Comparison, Literal, ObjectPath, Observation, Pattern, Qualifier, Relation, Sense, Step, Test};

impl Display for Pattern {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        self.observation().fmt(f)
    }
}

impl Display for Observation {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Single(comparison) => write!(f, "[{comparison}]"),
            Self::Qualified(inner, qualifiers) => {
                let repeated = (1..qualifiers.len()).any(|i| qualifiers[..i].iter().any(|q| q.keyword() == qualifiers[i].keyword()));
                match **inner {
                    Self::Single(_) if !repeated => inner.fmt(f)?,
                    _ => write!(f, "({inner})")?,
                }
                qualifiers.iter().try_for_each(|qualifier| write!(f, " {qualifier}"))
            }
            Self::And(members) => join(f, members, " AND ", Self::binding, self.binding()),
            Self::Or(members) => join(f, members, " OR ", Self::binding, self.binding()),
            Self::FollowedBy(members) => join(f, members, " FOLLOWEDBY ", Self::binding, self.binding()),
        }
    }
}

impl Observation {
    /// How tightly the outermost operator binds.
    fn binding(&self) -> u8 {
        match self {
            Self::FollowedBy(_) => 0,
            Self::Or(_) => 1,
            Self::And(_) => 2,
            Self::Single(_) | Self::Qualified(..) => 3,
        }
    }
}

impl Display for Comparison {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Test(test) => test.fmt(f),
            Self::And(members) => join(f, members, " AND ", Self::binding, self.binding()),
            Self::Or(members) => join(f, members, " OR ", Self::binding, self.binding()),
        }
    }
}

impl Comparison {
    /// How tightly the outermost operator binds.
    fn binding(&self) -> u8 {
        match self {
            Self::Or(_) => 0,
            Self::And(_) => 1,
            Self::Test(_) => 2,
        }
    }
}

/// Writes members with an operator between them, and parentheses round those that bind no tighter than it.
fn join<T: Display>(f: &mut Formatter<'_>, members: &[T], operator: &str, binding: fn(&T) -> u8, outer: u8) -> Result {
    for (i, member) in members.iter().enumerate() {
        if i > 0 {
            f.write_str(operator)?;
        }
        if binding(member) > outer {
            member.fmt(f)?;
        } else {
            write!(f, "({member})")?;
        }
    }
    Ok(())
}

impl Qualifier {
    /// The word that the qualifier begins with.
    pub(super) fn keyword(&self) -> &'static str {
        match self {
            Self::Repeats { .. } => "REPEATS",
            Self::Within { .. } => "WITHIN",
            Self::StartStop { .. } => "START",
        }
    }
}

impl Display for Qualifier {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Repeats { n_times } => write!(f, "REPEATS {n_times} TIMES"),
            // Without a point the number is read as an integer of 64 bits.
            Self::Within { window_s } if *window_s < 9e18 => write!(f, "WITHIN {window_s} SECONDS"),
            Self::Within { window_s } => write!(f, "WITHIN {window_s:.1} SECONDS"),
            Self::StartStop { start, stop } => {
                f.write_str("START ")?;
                write_timestamp(f, start)?;
                f.write_str(" STOP ")?;
                write_timestamp(f, stop)
            }
        }
    }
}

impl Display for Test {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let Self { path, sense, relation } = self;
        let not = match sense {
            Sense::Affirmed => "",
            Sense::Negated => "NOT ",
        };
        match relation {
            Relation::Exists => write!(f, "{not}EXISTS {path}"),
            _ => write!(f, "{path} {not}{relation}"),
        }
    }
}

impl Display for Relation {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let (operator, text) = match self {
            Self::Equal(literal) => return write!(f, "= {literal}"),
            Self::NotEqual(literal) => return write!(f, "!= {literal}"),
            Self::Less(literal) => return write!(f, "< {literal}"),
            Self::LessOrEqual(literal) => return write!(f, "<= {literal}"),
            Self::Greater(literal) => return write!(f, "> {literal}"),
            Self::GreaterOrEqual(literal) => return write!(f, ">= {literal}"),
            Self::Exists => return f.write_str("EXISTS"),
            Self::In(members) => {
                f.write_str("IN (")?;
                for (i, member) in members.iter().enumerate() {
                    write!(f, "{}{member}", if i > 0 { ", " } else { "" })?;
                }
                return f.write_char(')');
            }
            Self::Like(text) => ("LIKE", text),
            Self::Matches(text) => ("MATCHES", text),
            Self::IsSubset(text) => ("ISSUBSET", text),
            Self::IsSuperset(text) => ("ISSUPERSET", text),
        };
        write!(f, "{operator} ")?;
        write_quoted(f, text)
    }
}

impl Display for ObjectPath {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{}:", self.object_type)?;
        write_key(f, &self.property)?;
        self.steps.iter().try_for_each(|step| step.fmt(f))
    }
}

impl Display for Step {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Key(key) => {
                f.write_char('.')?;
                write_key(f, key)
            }
            Self::Index(index) => write!(f, "[{index}]"),
            Self::Any => f.write_str("[*]"),
        }
    }
}

impl Display for Literal {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Integer(value) => value.fmt(f),
            // A whole number needs its point, or it would be read as an integer.
            Self::Float(value) if value.fract() == 0.0 => write!(f, "{value:.1}"),
            Self::Float(value) => value.fmt(f),
            Self::Text(text) => write_quoted(f, text),
            Self::Boolean(value) => value.fmt(f),
            Self::Binary(bytes) => write!(f, "b'{}'", base64_from_bytes(bytes)),
            Self::Hex(bytes) => write!(f, "h'{}'", hex_from_bytes(bytes)),
            Self::Timestamp(time) => write_timestamp(f, time),
        }
    }
}

/// Writes a key of a path, in quotes if it is no plain word.
fn write_key(f: &mut Formatter<'_>, key: &str) -> Result {
    if is_plain_key(key) { f.write_str(key) } else { write_quoted(f, key) }
}

/// Writes text in quotes, with its quotes and backslashes escaped.
fn write_quoted(f: &mut Formatter<'_>, text: &str) -> Result {
    write!(f, "'{}'", text.replace('\\', r"\\").replace('\'', r"\'"))
}

/// Writes a time in UTC with as many decimals as it has.
fn write_timestamp(f: &mut Formatter<'_>, time: &DateTime) -> Result {
    write!(f, "t'{time}Z'")
}

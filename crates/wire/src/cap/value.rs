//! How single values are written in an element: times, points, shapes, references, lists.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use super::{Circle, Point, Polygon, Reference};

/// A text is not a value of its element; `expected` says what would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write {expected}")]
pub struct BadValue {
    /// What the element takes.
    pub expected: &'static str,
}

/// White space of XML 1.0 (production 3), which separates the items of a list.
pub(super) const fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

/// A character that XML 1.0 can carry (production 2).
pub(super) const fn is_xml_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{1_0000}'..)
}

/// A moment with the offset of its place, to the second, as section 3.3.2 of the standard writes it: `2026-01-15T05:00:00-00:00`.
///
/// Years 1 to 9999, offsets of whole minutes to 14 h either side. UTC is written `-00:00`, never `Z`; `+00:00` is read as the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time {
    timestamp: Timestamp,
    offset_min: i16,
}

impl Time {
    const BAD: BadValue = BadValue { expected: "a time such as 2026-01-15T05:00:00-00:00: no fraction, no Z, UTC is -00:00" };
    const MAX_OFFSET_MIN: i16 = 14 * 60;

    /// The second in which a moment lies, at an offset east of UTC in minutes.
    pub fn at(timestamp: Timestamp, offset_min: i16) -> Result<Self, BadValue> {
        let second = timestamp.as_nanosecond().div_euclid(1_000_000_000);
        let timestamp = i64::try_from(second).ok().and_then(|second| Timestamp::from_second(second).ok()).ok_or(Self::BAD)?;
        let time = Self { timestamp, offset_min };
        let in_range = (-Self::MAX_OFFSET_MIN..=Self::MAX_OFFSET_MIN).contains(&offset_min) && (1..=9999).contains(&time.civil()?.year());
        if in_range { Ok(time) } else { Err(Self::BAD) }
    }

    /// The second in which a moment lies, in UTC.
    pub fn utc(timestamp: Timestamp) -> Result<Self, BadValue> {
        Self::at(timestamp, 0)
    }

    /// The moment.
    pub const fn timestamp(self) -> Timestamp {
        self.timestamp
    }

    /// Offset east of UTC in minutes.
    pub const fn offset_min(self) -> i16 {
        self.offset_min
    }

    fn offset(self) -> Result<Offset, BadValue> {
        Offset::from_seconds(i32::from(self.offset_min) * 60).map_err(|_| Self::BAD)
    }

    fn civil(self) -> Result<DateTime, BadValue> {
        Ok(self.offset()?.to_datetime(self.timestamp))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let t = self.civil().map_err(|_| fmt::Error)?;
        write!(f, "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", t.year(), t.month(), t.day(), t.hour(), t.minute(), t.second())?;
        let sign = if self.offset_min > 0 { '+' } else { '-' };
        write!(f, "{sign}{:02}:{:02}", self.offset_min.abs() / 60, self.offset_min.abs() % 60)
    }
}

impl FromStr for Time {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        const SHAPE: &[u8] = b"dddd-dd-ddTdd:dd:ddsdd:dd";
        let fits = |(&shape, &byte): (&u8, &u8)| match shape {
            b'd' => byte.is_ascii_digit(),
            b's' => byte == b'+' || byte == b'-',
            _ => byte == shape,
        };
        if text.len() != SHAPE.len() || !SHAPE.iter().zip(text.as_bytes()).all(fits) {
            return Err(Self::BAD);
        }
        let number = |from: usize, to: usize| text[from..to].parse::<i16>().map_err(|_| Self::BAD);
        let small = |from: usize| text[from..from + 2].parse::<i8>().map_err(|_| Self::BAD);
        let civil = DateTime::new(number(0, 4)?, small(5)?, small(8)?, small(11)?, small(14)?, small(17)?, 0).map_err(|_| Self::BAD)?;
        let (hours, minutes) = (number(20, 22)?, number(23, 25)?);
        if minutes >= 60 {
            return Err(Self::BAD);
        }
        let size = hours * 60 + minutes;
        let offset_min = if text.as_bytes()[19] == b'-' { -size } else { size };
        let offset = Offset::from_seconds(i32::from(offset_min) * 60).map_err(|_| Self::BAD)?;
        Self::at(offset.to_timestamp(civil).map_err(|_| Self::BAD)?, offset_min)
    }
}

/// A decimal number without exponent: sign, digits, point, digits.
pub(super) fn decimal(text: &str) -> Result<f64, BadValue> {
    const BAD: BadValue = BadValue { expected: "a decimal number such as 12.5" };
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_digits = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || !is_digits(part) {
        return Err(BAD);
    }
    text.parse::<f64>().ok().filter(|number| number.is_finite()).ok_or(BAD)
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{}", self.lat_deg, self.lon_deg)
    }
}

impl FromStr for Point {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        const BAD: BadValue = BadValue { expected: "a point as lat,lon in degrees, such as 54.6,11.9" };
        let (lat, lon) = text.split_once(',').ok_or(BAD)?;
        Ok(Self { lat_deg: decimal(lat).map_err(|_| BAD)?, lon_deg: decimal(lon).map_err(|_| BAD)? })
    }
}

impl fmt::Display for Polygon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_list(f, &self.points)
    }
}

impl FromStr for Polygon {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        const BAD: BadValue = BadValue { expected: "points as lat,lon with spaces between, such as 0,0 0,1 1,1 0,0" };
        let points: Result<Vec<Point>, _> = words(text).map(str::parse).collect();
        Ok(Self { points: points.map_err(|_| BAD)? })
    }
}

impl fmt::Display for Circle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.centre, self.radius_km)
    }
}

impl FromStr for Circle {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        const BAD: BadValue = BadValue { expected: "a circle as lat,lon radius in km, such as 54.41,12 1.5" };
        let mut words = words(text);
        match (words.next(), words.next(), words.next()) {
            (Some(centre), Some(radius), None) => {
                Ok(Self { centre: centre.parse().map_err(|_| BAD)?, radius_km: decimal(radius).map_err(|_| BAD)? })
            }
            _ => Err(BAD),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{},{}", self.sender, self.identifier, self.sent)
    }
}

impl FromStr for Reference {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        const BAD: BadValue = BadValue { expected: "references as sender,identifier,sent with spaces between" };
        let mut parts = text.split(',');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(sender), Some(identifier), Some(sent), None) => {
                Ok(Self { sender: sender.to_owned(), identifier: identifier.to_owned(), sent: sent.parse().map_err(|_| BAD)? })
            }
            _ => Err(BAD),
        }
    }
}

/// Items with one space between.
pub(super) struct Spaced<'a, T>(pub(super) &'a [T]);

impl<T: fmt::Display> fmt::Display for Spaced<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_list(f, self.0)
    }
}

/// Words with one space between, and quotes round a word that holds white space (`addresses`, `incidents`).
pub(super) struct Quoted<'a>(pub(super) &'a [String]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, item) in self.0.iter().enumerate() {
            let (gap, quote) = (if i == 0 { "" } else { " " }, if item.contains(is_space) { "\"" } else { "" });
            write!(f, "{gap}{quote}{item}{quote}")?;
        }
        Ok(())
    }
}

fn write_list<T: fmt::Display>(f: &mut fmt::Formatter<'_>, items: &[T]) -> fmt::Result {
    for (i, item) in items.iter().enumerate() {
        let gap = if i == 0 { "" } else { " " };
        write!(f, "{gap}{item}")?;
    }
    Ok(())
}

/// The parts of a text between white space.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(is_space).filter(|word| !word.is_empty())
}

/// The items of a list of addresses or incidents: words, or texts in quotes.
pub(super) fn quoted_words(text: &str) -> Result<Vec<String>, BadValue> {
    const BAD: BadValue = BadValue { expected: "words with spaces between, and double quotes round a whole word that holds a space" };
    let mut items = Vec::new();
    let mut rest = text.trim_start_matches(is_space);
    while !rest.is_empty() {
        let (item, after) = if let Some(quoted) = rest.strip_prefix('"') {
            quoted.split_once('"').ok_or(BAD)?
        } else {
            rest.split_at(rest.find(is_space).unwrap_or(rest.len()))
        };
        if item.contains('"') || !(after.is_empty() || after.starts_with(is_space)) {
            return Err(BAD);
        }
        items.push(item.to_owned());
        rest = after.trim_start_matches(is_space);
    }
    Ok(items)
}

//! What a request asks for: paging and filters of a collection (TAXII 2.1 section 3.4).

use crate::stix::{Id, Instant};

/// Which versions of each object are asked for (section 3.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionMatch {
    /// The latest.
    Last,
    /// The earliest.
    First,
    /// Every one.
    All,
    /// That of a moment.
    At(Instant),
}

/// Which objects are asked for; empty lists ask for everything, no version for the latest, no edition for each object's newest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Identifiers.
    pub ids: Vec<Id>,
    /// Types.
    pub types: Vec<String>,
    /// Versions.
    pub versions: Vec<VersionMatch>,
    /// Editions of STIX.
    pub spec_versions: Vec<String>,
}

/// A request for a page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// Only what was added after this moment.
    pub added_after: Option<Instant>,
    /// Number of objects wanted, at least 1.
    pub limit: Option<usize>,
    /// Where the page before ended, as this server wrote it.
    pub next: Option<String>,
    /// Which objects.
    pub filter: Filter,
}

/// A parameter that cannot be understood: answered with 400.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("query parameter `{name}` is `{value}`: {advice}")]
pub struct BadQuery {
    /// Name of the parameter.
    pub name: String,
    /// Its value, cut to 80 characters.
    pub value: String,
    /// What to write instead.
    pub advice: &'static str,
}

/// Text with `%XX` and `+` read; `None` where that gives no text.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |b: Option<u8>| char::from(b?).to_digit(16);
                let (high, low) = (digit(rest.next())?, digit(rest.next())?);
                u8::try_from(high * 16 + low).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

fn versions(value: &str) -> Result<Vec<VersionMatch>, &'static str> {
    let one = |word: &str| match word {
        "last" => Ok(VersionMatch::Last),
        "first" => Ok(VersionMatch::First),
        "all" => Ok(VersionMatch::All),
        moment => Instant::parse(moment).map(VersionMatch::At).ok_or("write last, first, all or a moment such as 2026-01-31T10:00:00.000Z"),
    };
    let list = value.split(',').map(one).collect::<Result<Vec<_>, _>>()?;
    if list.len() > 1 && list.contains(&VersionMatch::All) { Err("`all` stands alone") } else { Ok(list) }
}

fn words(value: &str) -> Result<Vec<String>, &'static str> {
    let list: Vec<String> = value.split(',').map(str::to_owned).collect();
    if list.iter().any(String::is_empty) { Err("write one or more values, parted by single commas") } else { Ok(list) }
}

impl Query {
    /// Reads the part of a URL after `?`. Parameters that TAXII does not know are passed over.
    ///
    /// # Errors
    /// [`BadQuery`] when a parameter that TAXII knows is malformed or stands twice.
    ///
    /// # Example
    /// ```
    /// use buttress_wire::taxii::Query;
    /// let query = Query::parse("limit=10&match%5Btype%5D=infrastructure,location").unwrap();
    /// assert_eq!(query.filter.types, ["infrastructure", "location"]);
    /// assert!(Query::parse("limit=0").is_err());
    /// ```
    pub fn parse(text: &str) -> Result<Query, BadQuery> {
        let mut query = Query::default();
        let mut seen: Vec<String> = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let bad = |advice| BadQuery { name: name.chars().take(80).collect(), value: value.chars().take(80).collect(), advice };
            let (Some(name), Some(value)) = (decoded(name), decoded(value)) else {
                return Err(bad("write UTF-8 with percent signs as RFC 3986 says"));
            };
            let done = match name.as_str() {
                "added_after" => Instant::parse(&value)
                    .map(|at| query.added_after = Some(at))
                    .ok_or("write a moment such as 2026-01-31T10:00:00.000000Z"),
                "limit" => match value.parse::<usize>() {
                    Ok(limit) if limit >= 1 && !value.starts_with('+') => {
                        query.limit = Some(limit);
                        Ok(())
                    }
                    _ => Err("write a whole number of at least 1"),
                },
                "next" if value.is_empty() => Err("write it as the page before gave it"),
                "next" => {
                    query.next = Some(value);
                    Ok(())
                }
                "match[id]" => value
                    .split(',')
                    .map(|id| Id::parse(id).ok_or("write identifiers: a type, two hyphens and a UUID, parted by commas"))
                    .collect::<Result<_, _>>()
                    .map(|ids| query.filter.ids = ids),
                "match[type]" => words(&value).map(|types| query.filter.types = types),
                "match[version]" => versions(&value).map(|versions| query.filter.versions = versions),
                "match[spec_version]" => words(&value).map(|editions| query.filter.spec_versions = editions),
                _ => continue,
            };
            done.map_err(bad)?;
            if seen.contains(&name) {
                return Err(bad("write it once, with its values parted by commas"));
            }
            seen.push(name);
        }
        Ok(query)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_malformed_parameter_is_named() {
        let malformed = [
            "limit=0",
            "limit=-1",
            "limit=1.5",
            "limit=",
            "limit=%2B1",
            "limit=99999999999999999999",
            "added_after=2026-01-31",
            "added_after=",
            "next=",
            "match[version]=all,first",
            "match[version]=newest",
            "match[version]=",
            "match[type]=a,,b",
            "match[id]=infrastructure",
            "match[spec_version]=",
            "limit=1&limit=1",
            "match[type]=%ff",
            "match[type]=%4",
        ];
        for text in malformed {
            let error = Query::parse(text).unwrap_err();
            assert!(text.starts_with(&error.name), "{text}: {error}");
        }
    }

    #[test]
    fn what_is_well_formed_is_read() {
        let id = "infrastructure--38c47d93-d984-4fd9-b87b-d69d0841628d";
        let text = format!("added_after=2026-01-31T10:00:00.5Z&next=a%2Bb&x=1&match[id]={id}&match[version]=first,2026-01-31T10:00:00Z");
        let query = Query::parse(&text).unwrap();
        assert_eq!(query.next.as_deref(), Some("a+b"));
        assert_eq!(query.filter.ids[0].as_str(), id);
        assert_eq!(query.filter.versions[0], VersionMatch::First);
        assert_eq!(query.added_after.map(|at| at.to_string()).as_deref(), Some("2026-01-31T10:00:00.500000Z"));
        assert_eq!(Query::parse(""), Ok(Query::default()));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(limit|next|match\\[version\\]|added_after|%)?=?\\PC{0,40}") {
            let _ = Query::parse(&text);
        }
    }
}

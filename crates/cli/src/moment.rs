//! Moments and files as they are typed.

use std::error::Error;
use std::io::Read;
use std::path::Path;

use buttress_wire::Instant;
use buttress_wire::incident::states;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Most bytes of a file that is read whole: no result of a run is longer.
const MAX_BYTES: u64 = 512 * 1024 * 1024;

/// What can be typed, for messages.
const FORMS: &str = "write 2026-01-31T10:00+02:00, or 2026-01-31T10:00[Europe/Helsinki], or with --state or --zone 2026-01-31T10:00";

/// The time zone with a name of the tz database, or an offset.
pub fn zone(name: &str) -> Result<TimeZone, Box<dyn Error>> {
    states::zone(name).ok_or_else(|| format!("`{name}` is no time zone; write one of the tz database such as Europe/Helsinki").into())
}

/// The offset that is typed at the end of a moment, as a zone.
pub fn offset(text: &str) -> Option<TimeZone> {
    let body = text.split('[').next().unwrap_or(text);
    body.get(body.len().checked_sub(6)?..).filter(|end| end.starts_with(['+', '-'])).and_then(states::zone)
}

/// A moment as it is typed, with the zone that is typed with it. A clock time alone is one of `home`.
pub fn moment(text: &str, home: Option<&TimeZone>) -> Result<(Instant, Option<TimeZone>), Box<dyn Error>> {
    let (body, named) = match text.split_once('[') {
        Some((body, name)) => (body, Some(zone(name.trim_end_matches(']'))?)),
        None => (text, None),
    };
    if let Ok(at) = body.parse::<Timestamp>() {
        if let Some(zone) = &named {
            agree(text, at, zone)?;
        }
        return Ok((at.into(), named));
    }
    let Ok(civil) = body.parse::<DateTime>() else { return Err(format!("`{text}` is no moment; {FORMS}").into()) };
    if !body.contains([':', 'T', 't', ' ']) {
        return Err(format!("`{text}` has no time of day; {FORMS}").into());
    }
    let Some(zone) = named.as_ref().or(home) else {
        return Err(format!("`{text}` does not say in which zone; {FORMS}").into());
    };
    let ambiguous = zone.to_ambiguous_timestamp(civil);
    if ambiguous.is_ambiguous() {
        return Err(format!("`{text}`: the clocks change there, so this time exists twice or not at all; write the offset too").into());
    }
    let at = ambiguous.compatible().map_err(|_| format!("`{text}` lies beyond the calendar"))?;
    Ok((at.into(), named))
}

/// An offset beside a zone must be the zone's, since a wrong hour moves every deadline.
fn agree(text: &str, at: Timestamp, zone: &TimeZone) -> Result<(), Box<dyn Error>> {
    let written = text.split('[').next().unwrap_or(text);
    let offset = zone.to_offset(at);
    let own = at.to_zoned_datetime(zone.clone()).strftime("%:z").to_string();
    let is_utc_written = written.ends_with(['Z', 'z']);
    let is_same = written.parse::<DateTime>().is_ok_and(|civil| offset.to_timestamp(civil).is_ok_and(|there| there == at));
    if is_utc_written || is_same {
        return Ok(());
    }
    let name = zone.iana_name().unwrap_or("the zone");
    Err(format!("`{text}`: {name} is at {own} then; correct the offset or the zone, since an hour moves every deadline").into())
}

/// The moment typed with `--now`, or what the clock says.
pub fn now(given: Option<&str>, home: Option<&TimeZone>) -> Result<Instant, Box<dyn Error>> {
    match given {
        Some(text) => Ok(moment(text, home)?.0),
        None => Ok(Timestamp::now().into()),
    }
}

/// The bytes of a file, or of standard input for `-`.
pub fn bytes(path: &Path) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(MAX_BYTES).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(MAX_BYTES).read_to_end(&mut bytes))
    };
    read.map_err(|why| format!("{}: {why}", path.display()))?;
    Ok(bytes)
}

/// The text of a file, or of standard input for `-`.
pub fn text(path: &Path) -> Result<String, Box<dyn Error>> {
    String::from_utf8(bytes(path)?).map_err(|_| format!("{} is not UTF-8 text", path.display()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Result<String, String> {
        moment(text, None).map(|(at, _)| at.short()).map_err(|e| e.to_string())
    }

    #[test]
    fn a_moment_is_read_in_each_form() {
        for text in
            ["2026-01-31T10:00+02:00", "2026-01-31T08:00Z", "2026-01-31T10:00[Europe/Helsinki]", "2026-01-31T10:00+02:00[Europe/Helsinki]"]
        {
            assert_eq!(at(text).unwrap(), "2026-01-31T08:00:00Z", "{text}");
        }
        let home = zone("Europe/Helsinki").unwrap();
        assert_eq!(moment("2026-07-31T10:00", Some(&home)).unwrap().0.short(), "2026-07-31T07:00:00Z");
        assert_eq!(moment("2026-01-31T08:00Z[Europe/Helsinki]", None).unwrap().1, Some(home));
    }

    #[test]
    fn what_leaves_the_hour_open_is_refused() {
        for (text, words) in [
            ("2026-01-31T10:00+01:00[Europe/Helsinki]", "Europe/Helsinki is at +02:00 then"),
            ("2026-01-31T10:00", "does not say in which zone"),
            ("2026-01-31", "no time of day"),
            ("yesterday", "no moment"),
            ("2026-10-25T03:30[Europe/Helsinki]", "exists twice or not at all"),
            ("2026-03-29T03:30[Europe/Helsinki]", "exists twice or not at all"),
            ("2026-01-31T10:00[Europe/Atlantis]", "no time zone"),
        ] {
            let why = at(text).unwrap_err();
            assert!(why.contains(words), "{text}: {why}");
        }
        // In summer the same zone is an hour further.
        assert!(at("2026-10-25T03:30+02:00[Europe/Helsinki]").is_ok() && at("2026-10-25T03:30+03:00[Europe/Helsinki]").is_ok());
    }
}

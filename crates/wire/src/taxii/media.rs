//! The media type and its negotiation (TAXII 2.1 sections 1.6.8 and 3.5; RFC 9110 section 12.5.1).

/// Media type of every request and answer.
pub const MEDIA_TYPE: &str = "application/taxii+json;version=2.1";

/// A media range with its version and weight.
struct Range<'a> {
    name: &'a str,
    version: Option<&'a str>,
    is_wanted: bool,
}

fn range(text: &str) -> Range<'_> {
    let mut parts = text.split(';').map(str::trim);
    let mut range = Range { name: parts.next().unwrap_or(""), version: None, is_wanted: true };
    for (name, value) in parts.filter_map(|p| p.split_once('=')) {
        let value = value.trim().trim_matches('"');
        match name.trim().to_ascii_lowercase().as_str() {
            "version" => range.version = Some(value),
            "q" => range.is_wanted = value.parse::<f32>().is_ok_and(|q| q > 0.0),
            _ => {}
        }
    }
    range
}

fn is_ours(range: &Range) -> bool {
    range.name.eq_ignore_ascii_case("application/taxii+json") && range.version.is_none_or(|v| v == "2.1")
}

/// Whether an `Accept` header, which may be missing, takes our media type. The most specific range decides.
///
/// # Example
/// ```
/// use buttress_wire::taxii::accepts;
/// assert!(accepts(Some("application/taxii+json;version=2.1")));
/// assert!(accepts(Some("text/html, */*;q=0.1")));
/// assert!(!accepts(Some("application/taxii+json;version=2.0")));
/// ```
pub fn accepts(header: Option<&str>) -> bool {
    let Some(header) = header else { return true };
    let ranges: Vec<Range> = header.split(',').map(range).collect();
    let by_name = |name: &str| ranges.iter().find(|r| r.name.eq_ignore_ascii_case(name));
    let versioned = ranges.iter().find(|r| is_ours(r) && r.version.is_some());
    let found = versioned.or_else(|| ranges.iter().find(|r| is_ours(r))).or_else(|| by_name("application/*")).or_else(|| by_name("*/*"));
    found.is_some_and(|r| r.is_wanted)
}

/// Whether a `Content-Type` header is our media type; without a version it means the newest.
pub fn is_media_type(header: Option<&str>) -> bool {
    header.is_some_and(|header| is_ours(&range(header)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_range_decides() {
        let taken =
            ["application/taxii+json", "APPLICATION/TAXII+JSON; VERSION=2.1", "application/*", "*/*", "text/html,application/taxii+json"];
        taken.iter().for_each(|header| assert!(accepts(Some(header)), "{header}"));
        let refused =
            ["", "text/html", "application/json", "application/taxii+json;version=3.0", "*/*;q=0", "application/taxii+json;q=0, */*"];
        refused.iter().for_each(|header| assert!(!accepts(Some(header)), "{header}"));
        assert!(accepts(Some("application/taxii+json;q=0, application/taxii+json;version=2.1")));
        assert!(!accepts(Some("application/taxii+json, application/taxii+json;version=2.1;q=0")));
        assert!(accepts(None));
    }

    #[test]
    fn what_is_sent_must_say_that_it_is_taxii() {
        assert!(is_media_type(Some("application/taxii+json; version=\"2.1\"")));
        assert!(is_media_type(Some("application/taxii+json")));
        for header in [None, Some("application/json"), Some("application/taxii+json;version=2.0"), Some("*/*")] {
            assert!(!is_media_type(header), "{header:?}");
        }
    }
}

//! Objects marked in parts (STIX 2.1 section 7.2.3): which parts may be taken out, and the copy without them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::value::RawValue;

use super::{Id, Object};

/// Extension that says of a copy that parts were taken out of it.
pub const REDACTION_EXTENSION: &str = "extension-definition--2e4f0d61-6f0e-4b0e-9d0c-5d0a7c1f3b42";
/// Markings of parts that are weighed one by one; an object with more of them is shown whole or not at all.
pub const MAX_PARTS: usize = 3;

/// Properties without which an object is none of its type.
fn required(kind: &str) -> &'static [&'static str] {
    match kind {
        "attack-pattern" | "campaign" | "course-of-action" | "identity" | "incident" | "infrastructure" | "intrusion-set"
        | "threat-actor" | "tool" | "vulnerability" => &["name"],
        "extension-definition" => &["name", "schema", "version", "extension_types", "created_by_ref"],
        "grouping" => &["context", "object_refs"],
        "indicator" => &["pattern", "pattern_type", "valid_from"],
        "language-content" => &["object_ref", "contents"],
        "malware" => &["is_family"],
        "malware-analysis" => &["product"],
        "marking-definition" => &["definition_type", "definition", "extensions"],
        "note" => &["content", "object_refs"],
        "observed-data" => &["first_observed", "last_observed", "number_observed", "object_refs", "objects"],
        "opinion" => &["opinion", "object_refs"],
        "relationship" => &["relationship_type", "source_ref", "target_ref"],
        "report" => &["name", "published", "object_refs"],
        "sighting" => &["sighting_of_ref"],
        _ => &[],
    }
}

/// Properties that every object needs.
const COMMON: [&str; 7] = ["type", "spec_version", "id", "created", "modified", "object_marking_refs", "granular_markings"];

/// What a selector takes out: a whole property, or one item of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Cut<'a> {
    Property(&'a str),
    Item(&'a str, usize),
}

/// What lies deeper than an item of a list takes its whole property with it.
fn cut(selector: &str) -> Option<Cut<'_>> {
    let (property, rest) = selector.split_once('.').map_or((selector, None), |(p, rest)| (p, Some(rest)));
    if property.is_empty() {
        return None;
    }
    let item = rest.and_then(|r| r.strip_prefix('[')?.strip_suffix(']')?.parse().ok());
    Some(item.map_or(Cut::Property(property), |i| Cut::Item(property, i)))
}

/// Markings on parts of an object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parts {
    /// Those on parts that the object cannot be without: they count for the whole.
    pub whole: BTreeSet<Id>,
    /// Those whose parts may be taken out.
    pub optional: BTreeSet<Id>,
}

type Properties<'a> = BTreeMap<String, &'a RawValue>;

fn properties(text: &str) -> Properties<'_> {
    serde_json::from_str(text).unwrap_or_default()
}

fn items<'a>(value: &'a RawValue) -> Option<Vec<&'a RawValue>> {
    serde_json::from_str::<Vec<&'a RawValue>>(value.get()).ok()
}

impl Parts {
    /// The markings on parts of an object, by whether the parts may go.
    pub fn of(object: &Object) -> Parts {
        let mut parts = Parts::default();
        if object.granular.iter().all(|g| g.marking.is_none()) {
            return parts;
        }
        let found = properties(&object.text);
        // An object without `created` is known by its contents, so nothing of them may go.
        let is_timeless = !found.contains_key("created");
        let must = |property: &str| COMMON.contains(&property) || required(object.id.kind()).contains(&property);
        let all: BTreeSet<Cut> =
            object.granular.iter().filter(|g| g.marking.is_some()).flat_map(|g| &g.selectors).filter_map(|s| cut(s)).collect();
        let emptied = |property: &str| {
            let n_cut = all.iter().filter(|c| matches!(c, Cut::Item(p, _) if *p == property)).count();
            found.get(property).and_then(|v| items(v)).is_none_or(|list| n_cut >= list.len())
        };
        for granular in &object.granular {
            let Some(marking) = &granular.marking else { continue };
            let needs_whole = is_timeless
                || granular.selectors.is_empty()
                || granular.selectors.iter().any(|selector| match cut(selector) {
                    None => true,
                    Some(Cut::Property(property)) => must(property),
                    Some(Cut::Item(property, _)) => must(property) && (COMMON.contains(&property) || emptied(property)),
                });
            if needs_whole {
                parts.whole.insert(marking.clone())
            } else {
                parts.optional.insert(marking.clone())
            };
        }
        if parts.optional.len() > MAX_PARTS {
            parts.whole.append(&mut parts.optional);
        }
        parts.optional.retain(|marking| !parts.whole.contains(marking));
        parts
    }
}

/// A copy of an object without the parts under these markings, which says that it is one. What is left keeps its bytes; the markings
/// of parts go too, since the places they name have moved.
pub fn without(object: &Object, markings: &BTreeSet<Id>) -> String {
    let taken = object.granular.iter().filter(|g| g.marking.as_ref().is_some_and(|m| markings.contains(m)));
    let cuts: BTreeSet<Cut> = taken.flat_map(|g| &g.selectors).filter_map(|s| cut(s)).collect();
    let mut left: Vec<String> = Vec::new();
    let mark = format!("\"{REDACTION_EXTENSION}\":{{\"extension_type\":\"property-extension\",\"redacted\":true}}");
    let mut is_marked = false;
    for (name, value) in in_order(&object.text) {
        if name == "granular_markings" || cuts.contains(&Cut::Property(&name)) {
            continue;
        }
        let mut text = value.get().to_owned();
        if cuts.iter().any(|c| matches!(c, Cut::Item(p, _) if *p == name)) {
            let Some(list) = items(value) else { continue };
            let kept = list.iter().enumerate().filter(|(i, _)| !cuts.contains(&Cut::Item(&name, *i))).map(|(_, item)| item.get());
            let kept: Vec<&str> = kept.collect();
            if kept.is_empty() {
                continue;
            }
            text = format!("[{}]", kept.join(","));
        }
        if name == "extensions" && text.starts_with('{') {
            is_marked = true;
            let rest = text[1..].trim_start();
            let comma = if rest.starts_with('}') { "" } else { "," };
            text = format!("{{{mark}{comma}{rest}");
        }
        left.push(format!("{}:{text}", serde_json::Value::from(name)));
    }
    if !is_marked {
        left.push(format!("\"extensions\":{{{mark}}}"));
    }
    format!("{{{}}}", left.join(","))
}

/// Properties in the order in which they are written.
fn in_order(text: &str) -> Vec<(String, &RawValue)> {
    struct Ordered;
    impl<'de> serde::de::Visitor<'de> for Ordered {
        type Value = Vec<(String, &'de RawValue)>;
        fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut all = Vec::new();
            while let Some(entry) = map.next_entry()? {
                all.push(entry);
            }
            Ok(all)
        }
    }
    serde::Deserializer::deserialize_map(&mut serde_json::Deserializer::from_str(text), Ordered).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stix::marking::Tlp;

    fn object(kind: &str, rest: &str) -> Object {
        let head = format!(r#""type":"{kind}","spec_version":"2.1","id":"{kind}--00000000-0000-4000-8000-000000000001""#);
        let times = r#""created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z""#;
        Object::read(&format!("{{{head},{times},{rest}}}")).unwrap()
    }

    fn granular(level: Tlp, selectors: &str) -> String {
        format!(r#"{{"marking_ref":"{}","selectors":[{selectors}]}}"#, level.id())
    }

    fn set(levels: &[Tlp]) -> BTreeSet<Id> {
        levels.iter().map(|level| Id::parse(&level.id()).unwrap()).collect()
    }

    #[test]
    fn parts_go_and_the_rest_keeps_its_bytes() {
        let (red, amber) = (granular(Tlp::Red, r#""description","labels.[1]""#), granular(Tlp::Amber, r#""x_where.depth_m""#));
        let whole = object(
            "infrastructure",
            &format!(
                r#""name":"a","description":"secret","labels":["p", "q","r"], "x_n":1.50e0,"x_where":{{"depth_m":4}},"granular_markings":[{red},{amber}]"#
            ),
        );
        assert_eq!(Parts::of(&whole), Parts { whole: set(&[]), optional: set(&[Tlp::Red, Tlp::Amber]) });
        let copy = without(&whole, &set(&[Tlp::Red]));
        assert!(copy.contains(r#""labels":["p","r"]"#) && copy.contains(r#""x_n":1.50e0"#) && copy.contains(r#""x_where":{"depth_m":4}"#));
        assert!(!copy.contains("secret") && !copy.contains("granular") && !copy.contains("\"q\"") && copy.contains(REDACTION_EXTENSION));
        assert!(!without(&whole, &set(&[Tlp::Amber])).contains("depth_m"));
        assert_eq!(Object::read(&copy).unwrap().id, whole.id);
    }

    #[test]
    fn what_an_object_cannot_be_without_counts_for_the_whole() {
        let one = |selectors: &str| {
            Parts::of(&object("report", &format!(r#""name":"a","published":"2026-01-01T00:00:00Z","object_refs":["identity--00000000-0000-4000-8000-000000000001","identity--00000000-0000-4000-8000-000000000002"],"granular_markings":[{}]"#, granular(Tlp::Red, selectors)))).whole
        };
        for selectors in [r#""name""#, r#""object_refs""#, r#""object_refs.[0]","object_refs.[1]""#, r#""id""#, "", r#""""#] {
            assert_eq!(one(selectors), set(&[Tlp::Red]), "{selectors}");
        }
        for selectors in [r#""object_refs.[0]""#, r#""description""#, r#""absent.[2].x""#] {
            assert_eq!(one(selectors), set(&[]), "{selectors}");
        }
    }

    #[test]
    fn an_extension_is_joined_by_the_one_that_tells_of_the_cut() {
        let marks = granular(Tlp::Red, r#""description""#);
        for extensions in [r#"{"extension-definition--00000000-0000-4000-8000-000000000001":{"n":1}}"#, "{}"] {
            let copy = without(
                &object("tool", &format!(r#""name":"a","extensions":{extensions},"granular_markings":[{marks}]"#)),
                &set(&[Tlp::Red]),
            );
            let value: serde_json::Value = serde_json::from_str(&copy).unwrap();
            assert_eq!(value["extensions"][REDACTION_EXTENSION]["redacted"], true);
            assert_eq!(value["extensions"].as_object().unwrap().len(), if extensions == "{}" { 1 } else { 2 });
        }
    }
}

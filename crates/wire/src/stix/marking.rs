//! Who may see what: TLP 2.0 (FIRST, August 2022), and confidentiality labels in the shape of STANAG 4774.
//!
//! A marking is read into a [`Statement`]. Decisions are made elsewhere, by sets: a label's permissive category asks for one of its
//! values, a restrictive one for all of them. A statement that is not understood opens nothing.

use serde::{Deserialize, Serialize};

use super::{Id, Object};

/// Extension of the TLP 2.0 objects (OASIS CTI common objects).
pub const TLP_EXTENSION: &str = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d";
/// Extension that carries a [`Label`].
pub const LABEL_EXTENSION: &str = "extension-definition--fe657aca-1ff2-4114-b24c-05c4d6775b7f";

/// Levels of the Traffic Light Protocol 2.0. They are names, not ranks: nothing here orders them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tlp {
    /// May be told to the world.
    Clear,
    /// Within the community.
    Green,
    /// Within the organisation and its clients.
    Amber,
    /// Within the organisation.
    #[serde(rename = "amber+strict")]
    AmberStrict,
    /// For the named recipients.
    Red,
}

/// Each level with its word, its marking definition of TLP 2.0 and that of TLP 1 (STIX 2.1 section 7.2.1.4), where there is one.
const LEVELS: [(Tlp, &str, &str, &str); 5] = [
    (Tlp::Clear, "clear", "94868c89-83c2-464b-929b-a1a8aa3c8487", "613f2e26-407d-48c7-9eca-b8e91df99dc9"),
    (Tlp::Green, "green", "bab4a63c-aed9-4cf5-a766-dfca5abac2bb", "34098fce-860f-48ae-8e50-ebd3cc5e41da"),
    (Tlp::Amber, "amber", "55d920b0-5e8b-4f79-9ee9-91f868d9b421", "f88d31f6-486f-44da-b317-01333bde0b82"),
    (Tlp::AmberStrict, "amber+strict", "939a9414-2ddd-4d32-a0cd-375ea402b003", ""),
    (Tlp::Red, "red", "e828b379-4e03-4974-9ac4-e53a884c97c1", "5e57c739-391a-4eb3-b6be-7d15ca92d5ed"),
];

impl Tlp {
    /// All levels.
    pub const ALL: [Tlp; 5] = [Tlp::Clear, Tlp::Green, Tlp::Amber, Tlp::AmberStrict, Tlp::Red];

    fn row(self) -> &'static (Tlp, &'static str, &'static str, &'static str) {
        // Every level has its row (tested).
        LEVELS.iter().find(|row| row.0 == self).unwrap_or(&LEVELS[4])
    }

    /// The level's word, such as `amber+strict`.
    pub fn word(self) -> &'static str {
        self.row().1
    }

    /// The level of a word.
    pub fn from_word(word: &str) -> Option<Tlp> {
        LEVELS.iter().find(|row| row.1 == word).map(|row| row.0)
    }

    /// Identifier of its marking definition.
    pub fn id(self) -> String {
        format!("marking-definition--{}", self.row().2)
    }

    /// The level of a marking definition of TLP 2.0 or TLP 1, whose WHITE is CLEAR.
    pub fn from_id(id: &Id) -> Option<Tlp> {
        let uuid = id.as_str().strip_prefix("marking-definition--")?;
        LEVELS.iter().find(|row| row.2 == uuid || row.3 == uuid).map(|row| row.0)
    }

    /// The marking definition as published.
    pub fn definition(self) -> String {
        let word = self.word();
        format!(
            r#"{{"type":"marking-definition","spec_version":"2.1","id":"{}","created":"2022-10-01T00:00:00.000Z","name":"TLP:{}","extensions":{{"{TLP_EXTENSION}":{{"extension_type":"property-extension","tlp_2_0":"{word}"}}}}}}"#,
            self.id(),
            word.to_uppercase()
        )
    }
}

/// How the values of a category bind (ADatP-4774).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Binding {
    /// One of the values must be held.
    Permissive,
    /// All of the values must be held.
    Restrictive,
    /// Nothing follows from it.
    Informative,
}

/// A category of a label, such as "Releasable To".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Category {
    /// Name of the category.
    pub tag_name: String,
    /// How its values bind.
    #[serde(rename = "type")]
    pub binding: Binding,
    /// Values such as `EU`, `NATO`, `FI`, `org:fingrid`, `need:gulf-of-finland`.
    pub values: Vec<String>,
}

/// A confidentiality label: what policy, how high, for whom, by whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Label {
    /// Always `property-extension`.
    pub extension_type: String,
    /// Whose rules, such as `EU` or `NATO`.
    pub policy: String,
    /// Level under that policy, such as `RESTRICTED` or `UNMARKED`.
    pub classification: String,
    /// Text to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub privacy_mark: Option<String>,
    /// For whom, and with which caveats.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<Category>,
    /// Who labelled it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub originator: Option<String>,
    /// When it was labelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// When it is to be looked at again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<String>,
}

/// What a marking definition says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Statement {
    /// A level of TLP, also where TLP 1 wrote it.
    Tlp(Tlp),
    /// A confidentiality label.
    Label(Label),
    /// A notice such as a copyright, which bars nobody (STIX 2.1 section 7.2.1.3).
    Notice,
    /// Something this node does not understand: nobody may see what carries it.
    Unknown,
}

#[derive(Deserialize)]
struct Definition {
    definition_type: Option<String>,
    #[serde(default)]
    extensions: std::collections::BTreeMap<String, serde_json::Value>,
}

impl Statement {
    /// Reads a marking definition. One with several extensions, or with an extension beside a notice, is understood only if each is.
    pub fn of(object: &Object) -> Statement {
        if let Some(tlp) = Tlp::from_id(&object.id) {
            return Statement::Tlp(tlp);
        }
        let Ok(definition) = serde_json::from_str::<Definition>(&object.text) else { return Statement::Unknown };
        let is_notice = definition.definition_type.as_deref() == Some("statement");
        let mut extensions = definition.extensions.into_iter();
        match (extensions.next(), extensions.next()) {
            (None, _) if is_notice => Statement::Notice,
            (Some((id, label)), None) if id == LABEL_EXTENSION && (definition.definition_type.is_none() || is_notice) => {
                match serde_json::from_value::<Label>(label) {
                    Ok(label) if label.extension_type == "property-extension" => Statement::Label(label),
                    _ => Statement::Unknown,
                }
            }
            _ => Statement::Unknown,
        }
    }
}

/// The marking definition that carries a label.
pub fn definition_of(id: &Id, created: &str, label: &Label) -> String {
    let mut extensions = serde_json::Map::new();
    extensions.insert(LABEL_EXTENSION.to_owned(), serde_json::json!(label));
    serde_json::json!({
        "type": "marking-definition", "spec_version": "2.1", "id": id.as_str(), "created": created,
        "name": format!("{} {}", label.policy, label.classification), "extensions": extensions,
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(body: &str) -> Statement {
        let head = r#""type":"marking-definition","spec_version":"2.1","id":"marking-definition--0d2c1a52-3a43-4f2a-9b1e-6f0a4f3f2b11""#;
        Statement::of(&Object::read(&format!("{{{head},{body}}}")).unwrap())
    }

    #[test]
    fn every_level_has_its_own_published_definition() {
        for tlp in Tlp::ALL {
            let object = Object::read(&tlp.definition()).unwrap();
            assert_eq!(tlp.row().0, tlp);
            assert_eq!(Statement::of(&object), Statement::Tlp(tlp));
            assert_eq!(Tlp::from_word(tlp.word()), Some(tlp));
            assert_eq!(serde_json::to_string(&tlp).unwrap(), format!("\"{}\"", tlp.word()));
        }
    }

    #[test]
    fn the_published_identifiers_stand_literally() {
        assert_eq!(Tlp::AmberStrict.id(), "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003");
        let white = Id::parse("marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9").unwrap();
        assert_eq!(Tlp::from_id(&white), Some(Tlp::Clear));
    }

    #[test]
    fn a_notice_bars_nobody_and_what_is_unknown_opens_nothing() {
        assert_eq!(statement(r#""definition_type":"statement","definition":{"statement":"(c)"}"#), Statement::Notice);
        assert_eq!(statement(r#""definition_type":"tlp","definition":{"tlp":"green"}"#), Statement::Unknown);
        assert_eq!(statement(r#""name":"x""#), Statement::Unknown);
        let iep = r#""extensions":{"extension-definition--762e2e97-ee51-43e5-a9ea-165fbb862c4a":{"extension_type":"property-extension"}}"#;
        assert_eq!(statement(iep), Statement::Unknown);
        let beside = format!(r#""definition_type":"statement","definition":{{"statement":"(c)"}},{iep}"#);
        assert_eq!(statement(&beside), Statement::Unknown);
    }

    #[test]
    fn a_label_is_read_back_and_one_with_an_unknown_field_opens_nothing() {
        let label = Label {
            extension_type: "property-extension".into(),
            policy: "NATO".into(),
            classification: "UNCLASSIFIED".into(),
            privacy_mark: None,
            categories: vec![Category {
                tag_name: "Releasable To".into(),
                binding: Binding::Permissive,
                values: vec!["EU".into(), "FI".into()],
            }],
            originator: Some("Buttress".into()),
            created: None,
            review: None,
        };
        let id = Id::parse("marking-definition--0d2c1a52-3a43-4f2a-9b1e-6f0a4f3f2b11").unwrap();
        let text = definition_of(&id, "2026-01-01T00:00:00.000Z", &label);
        assert_eq!(Statement::of(&Object::read(&text).unwrap()), Statement::Label(label));
        let odd = text.replace(r#""policy""#, r#""audience":["FI"],"policy""#);
        assert_eq!(Statement::of(&Object::read(&odd).unwrap()), Statement::Unknown);
    }
}

//! Markings that are asked for in words: a level of TLP, and a confidentiality label.

use serde_json::json;

use super::{Draft, id_of};
use crate::stix::Id;
use crate::stix::marking::{Binding, Category, LABEL_EXTENSION, Label, Tlp};

/// A marking in words.
#[derive(Debug, Clone, Copy, Default)]
pub struct AskedMarking<'a> {
    /// Word of TLP.
    pub tlp: &'a str,
    /// `POLICY/CLASSIFICATION`.
    pub label: Option<&'a str>,
    /// Who may have it: one of these must be held.
    pub releasable_to: &'a [String],
    /// Caveats: all of these must be held.
    pub caveats: &'a [String],
    /// Who labels.
    pub originator: &'a str,
}

/// Markings with the objects that define them.
#[derive(Debug, Clone, PartialEq)]
pub struct Marked {
    /// Identifiers, for `object_marking_refs`.
    pub ids: Vec<Id>,
    /// The published object of the level.
    pub level: String,
    /// The label's definition, where there is one.
    pub label: Option<Draft>,
}

impl AskedMarking<'_> {
    /// Reads the words.
    ///
    /// # Errors
    /// A sentence that says which word is wrong and what to write.
    pub fn read(&self) -> Result<Marked, String> {
        let Some(tlp) = Tlp::from_word(self.tlp) else {
            return Err(format!("`{}` is no level of TLP: write clear, green, amber, amber+strict or red", self.tlp));
        };
        let id = Id::parse(&tlp.id()).ok_or("the level has no identifier")?;
        let mut marked = Marked { ids: vec![id], level: tlp.definition(), label: None };
        let asks = !self.releasable_to.is_empty() || !self.caveats.is_empty();
        let Some(label) = self.label else {
            return if asks {
                Err("who it is releasable to stands in a label: give --label POLICY/CLASSIFICATION too".into())
            } else {
                Ok(marked)
            };
        };
        let parts = label.split_once('/').filter(|(policy, level)| !policy.is_empty() && !level.is_empty());
        let Some((policy, classification)) = parts else {
            return Err(format!("`{label}` is no label: write POLICY/CLASSIFICATION, such as NATO/UNCLASSIFIED or EU/RESTRICTED"));
        };
        let draft = self.definition(policy, classification);
        marked.ids.push(draft.id.clone());
        marked.label = Some(draft);
        Ok(marked)
    }

    fn definition(&self, policy: &str, classification: &str) -> Draft {
        let category = |tag: &str, binding, values: &[String]| {
            let category = Category { tag_name: tag.to_owned(), binding, values: values.to_vec() };
            (!values.is_empty()).then_some(category)
        };
        let categories =
            [category("Releasable To", Binding::Permissive, self.releasable_to), category("Caveat", Binding::Restrictive, self.caveats)];
        let label = Label {
            extension_type: "property-extension".to_owned(),
            policy: policy.to_owned(),
            classification: classification.to_owned(),
            privacy_mark: None,
            categories: categories.into_iter().flatten().collect(),
            originator: Some(self.originator.to_owned()),
            created: None,
            review: None,
        };
        // The same label has the same identifier, whoever writes it and whenever.
        let text = json!(label).to_string();
        let mut draft = Draft::new(id_of("marking-definition", &[&text]), None, &[]);
        draft.set("name", format!("{policy} {classification}")).extend(LABEL_EXTENSION, &label);
        draft
    }
}

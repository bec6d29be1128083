//! Who is cleared for what: Cedar policies over what markings ask for, closed where nothing opens.
//!
//! Policies are weighed once for each account and marking, and compiled to the list of classes that an account sees ([`crate::view`]),
//! so that a page costs no policy.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::str::FromStr;

use buttress_wire::stix::marking::{Binding, Label, Statement, Tlp};
use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName, EntityUid, PolicySet, Request, RestrictedExpression, Schema,
    ValidationMode, Validator,
};

use crate::store::Account;

/// What the policies may speak of.
const SCHEMA: &str = include_str!("policy.cedarschema");
/// The policies of a node that has none of its own.
pub const DEFAULT: &str = include_str!("policy.cedar");
/// File of a node's own policies in its folder.
pub const FILE: &str = "policy.cedar";

/// Why policies cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {why}")]
pub struct PolicyError {
    /// Where the policies are.
    place: String,
    /// What is wrong with them.
    why: String,
}

/// The levels that a clearance opens.
fn opened_by(clearance: Tlp) -> &'static [Tlp] {
    match clearance {
        Tlp::Clear => &[Tlp::Clear],
        Tlp::Green => &[Tlp::Clear, Tlp::Green],
        Tlp::Amber => &[Tlp::Clear, Tlp::Green, Tlp::Amber],
        Tlp::AmberStrict => &[Tlp::Clear, Tlp::Green, Tlp::Amber, Tlp::AmberStrict],
        Tlp::Red => &Tlp::ALL,
    }
}

type Attributes = HashMap<String, RestrictedExpression>;

fn words<'a>(words: impl IntoIterator<Item = &'a str>) -> RestrictedExpression {
    RestrictedExpression::new_set(words.into_iter().map(|word| RestrictedExpression::new_string(word.to_owned())))
}

fn text(text: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(text.to_owned())
}

fn attributes<const N: usize>(list: [(&str, RestrictedExpression); N]) -> Attributes {
    list.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// What a marking asks for, one by one: type of the resource and its attributes. `None` for what nobody may be permitted.
fn asked(statement: &Statement) -> Option<Vec<(&'static str, Attributes)>> {
    match statement {
        Statement::Unknown => None,
        Statement::Notice => Some(vec![("Notice", Attributes::new())]),
        Statement::Tlp(tlp) => Some(vec![("Tlp", attributes([("level", text(tlp.word()))]))]),
        Statement::Label(label) => Some(asked_by_label(label)),
    }
}

fn asked_by_label(label: &Label) -> Vec<(&'static str, Attributes)> {
    let is_open = matches!(label.classification.to_ascii_uppercase().as_str(), "UNMARKED" | "UNCLASSIFIED");
    let classification = attributes([
        ("policy", text(&label.policy)),
        ("level", text(&label.classification)),
        ("key", text(&format!("{}/{}", label.policy, label.classification))),
        ("is_open", RestrictedExpression::new_bool(is_open)),
    ]);
    let categories = label.categories.iter().filter_map(|category| {
        let kind = match category.binding {
            Binding::Permissive => "Release",
            Binding::Restrictive => "Caveat",
            Binding::Informative => return None,
        };
        let values = words(category.values.iter().map(String::as_str));
        Some((kind, attributes([("tag", text(&category.tag_name)), ("values", values)])))
    });
    std::iter::once(("Classification", classification)).chain(categories).collect()
}

/// Policies, checked against what they may speak of.
pub struct Policy {
    set: PolicySet,
}

impl Policy {
    /// The policies of a node: those of its folder, or the default ones.
    pub fn of(folder: &Path) -> Result<Policy, PolicyError> {
        let path = folder.join(FILE);
        if !path.exists() {
            return Policy::parse("the default policies", DEFAULT);
        }
        let place = path.display().to_string();
        let text = std::fs::read_to_string(&path).map_err(|e| PolicyError { place: place.clone(), why: e.to_string() })?;
        Policy::parse(&place, &text)
    }

    /// Reads policies and checks them against the schema; `place` is named in errors.
    pub fn parse(place: &str, text: &str) -> Result<Policy, PolicyError> {
        let wrong = |why: String| PolicyError { place: place.to_owned(), why };
        let schema = Schema::from_str(SCHEMA).map_err(|e| wrong(format!("{e:?}")))?;
        let set = PolicySet::from_str(text).map_err(|e| wrong(e.to_string()))?;
        let checked = Validator::new(schema).validate(&set, ValidationMode::Strict);
        let faults: Vec<String> = checked.validation_errors().map(ToString::to_string).collect();
        if faults.is_empty() { Ok(Policy { set }) } else { Err(wrong(faults.join("; "))) }
    }

    /// Whether an account is cleared for what a marking says.
    pub fn is_cleared(&self, account: &Account, statement: &Statement) -> bool {
        let Some(asked) = asked(statement) else { return false };
        let opens = opened_by(account.clearance).iter().map(|tlp| tlp.word());
        let principal = attributes([
            ("name", text(&account.name)),
            ("clearance", text(account.clearance.word())),
            ("opens", words(opens)),
            ("holds", words(account.holds.iter().map(String::as_str))),
        ]);
        asked.into_iter().all(|(kind, resource)| self.permits(&principal, kind, resource).unwrap_or(false))
    }

    /// Whether the policies permit one thing; `None` where it cannot even be asked, which opens nothing.
    fn permits(&self, account: &Attributes, kind: &str, resource: Attributes) -> Option<bool> {
        let uid = |kind: &str| Some(EntityUid::from_type_name_and_id(EntityTypeName::from_str(kind).ok()?, EntityId::new("it")));
        let (principal, resource_uid) = (uid("Account")?, uid(kind)?);
        let action = EntityUid::from_type_name_and_id(EntityTypeName::from_str("Action").ok()?, EntityId::new("read"));
        let entities = [
            Entity::new(principal.clone(), account.clone(), HashSet::new()).ok()?,
            Entity::new(resource_uid.clone(), resource, HashSet::new()).ok()?,
        ];
        let entities = Entities::from_entities(entities, None).ok()?;
        let request = Request::new(principal, action, resource_uid, Context::empty(), None).ok()?;
        Some(Authorizer::new().is_authorized(&request, &self.set, &entities).decision() == Decision::Allow)
    }
}

#[cfg(test)]
mod tests {
    use buttress_wire::stix::marking::Category;

    use super::*;

    fn account(clearance: Tlp, holds: &[&str]) -> Account {
        let holds = holds.iter().map(|h| (*h).to_owned()).collect();
        Account { name: "a".into(), password: String::new(), clearance, holds, reads: [].into(), writes: [].into() }
    }

    fn label(classification: &str, binding: Binding, values: &[&str]) -> Statement {
        let category = Category { tag_name: "Releasable To".into(), binding, values: values.iter().map(|v| (*v).to_owned()).collect() };
        Statement::Label(Label {
            extension_type: "property-extension".into(),
            policy: "EU".into(),
            classification: classification.into(),
            privacy_mark: None,
            categories: vec![category],
            originator: None,
            created: None,
            review: None,
        })
    }

    fn is_cleared(account: &Account, statement: &Statement) -> bool {
        Policy::parse("default", DEFAULT).unwrap().is_cleared(account, statement)
    }

    #[test]
    fn amber_does_not_open_amber_strict() {
        assert!(is_cleared(&account(Tlp::Amber, &[]), &Statement::Tlp(Tlp::Amber)));
        assert!(!is_cleared(&account(Tlp::Amber, &[]), &Statement::Tlp(Tlp::AmberStrict)));
        assert!(is_cleared(&account(Tlp::Red, &[]), &Statement::Tlp(Tlp::AmberStrict)));
        assert!(is_cleared(&account(Tlp::Clear, &[]), &Statement::Notice));
    }

    #[test]
    fn releasable_to_the_eu_is_not_releasable_to_nato_and_the_other_way() {
        let (eu, nato) = (account(Tlp::Red, &["EU", "AT"]), account(Tlp::Red, &["NATO", "NO"]));
        let both = account(Tlp::Red, &["EU", "NATO", "FI"]);
        let to = |binding, values: &[&str]| label("UNMARKED", binding, values);
        assert!(is_cleared(&eu, &to(Binding::Permissive, &["EU"])) && !is_cleared(&nato, &to(Binding::Permissive, &["EU"])));
        assert!(!is_cleared(&eu, &to(Binding::Permissive, &["NATO"])) && is_cleared(&nato, &to(Binding::Permissive, &["NATO"])));
        let each = to(Binding::Restrictive, &["EU", "NATO"]);
        assert!(is_cleared(&both, &each) && !is_cleared(&eu, &each) && !is_cleared(&nato, &each));
    }

    #[test]
    fn a_classification_is_held_under_its_policy() {
        let secret = label("SECRET", Binding::Informative, &[]);
        assert!(is_cleared(&account(Tlp::Clear, &["EU/SECRET"]), &secret));
        assert!(!is_cleared(&account(Tlp::Red, &["NATO/SECRET", "EU/RESTRICTED"]), &secret));
    }

    #[test]
    fn what_is_not_understood_or_names_nobody_opens_nothing() {
        assert!(!is_cleared(&account(Tlp::Red, &["EU"]), &Statement::Unknown));
        assert!(!is_cleared(&account(Tlp::Red, &["EU"]), &label("UNMARKED", Binding::Permissive, &[])));
    }

    #[test]
    fn a_node_may_forbid_more_and_is_told_what_its_policies_cannot_say() {
        let more = format!(
            "{DEFAULT}\nforbid (principal, action, resource is Tlp) when {{ principal.holds.contains(\"NO\") && resource.level == \"amber\" }};"
        );
        let policy = Policy::parse("own", &more).unwrap();
        let amber = Statement::Tlp(Tlp::Amber);
        assert!(policy.is_cleared(&account(Tlp::Amber, &["FI"]), &amber) && !policy.is_cleared(&account(Tlp::Amber, &["NO"]), &amber));
        let wrong =
            Policy::parse("own", "permit (principal, action, resource) when { principal.nation == \"FI\" };").err().unwrap().to_string();
        assert!(wrong.starts_with("own: ") && wrong.contains("nation"), "{wrong}");
        assert!(Policy::parse("own", "permit everything").is_err());
    }
}

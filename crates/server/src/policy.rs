//! Who is cleared for what: by sets, and closed where nothing opens.

use std::collections::BTreeMap;

use buttress_wire::stix::marking::{Binding, Statement, Tlp};

use crate::store::{Account, ClassId, Store, StoreError};

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

/// Whether an account is cleared for what a marking says.
pub fn is_cleared(account: &Account, statement: &Statement) -> bool {
    match statement {
        Statement::Tlp(tlp) => opened_by(account.clearance).contains(tlp),
        Statement::Notice => true,
        Statement::Unknown => false,
        Statement::Label(label) => {
            // A level of a policy is held as `policy/level`; what is unmarked or unclassified asks for nothing.
            let is_open = matches!(label.classification.to_ascii_uppercase().as_str(), "UNMARKED" | "UNCLASSIFIED");
            (is_open || account.holds.contains(&format!("{}/{}", label.policy, label.classification)))
                && label.categories.iter().all(|category| match category.binding {
                    Binding::Permissive => category.values.iter().any(|value| account.holds.contains(value)),
                    Binding::Restrictive => category.values.iter().all(|value| account.holds.contains(value)),
                    Binding::Informative => true,
                })
        }
    }
}

/// The classes that an account may see.
pub fn classes_seen(store: &mut Store, account: &Account) -> Result<Vec<ClassId>, StoreError> {
    store.refresh()?;
    let classes = store.classes().clone();
    let mut cleared = BTreeMap::new();
    for marking in classes.values().flatten() {
        if !cleared.contains_key(marking) {
            cleared.insert(marking.clone(), is_cleared(account, &store.statement(marking)?));
        }
    }
    Ok(classes.into_iter().filter(|(_, markings)| markings.iter().all(|m| cleared[m])).map(|(class, _)| class).collect())
}

#[cfg(test)]
mod tests {
    use buttress_wire::stix::marking::{Category, Label};

    use super::*;

    fn account(clearance: Tlp, holds: &[&str]) -> Account {
        let holds = holds.iter().map(|h| (*h).to_owned()).collect();
        Account { name: "a".into(), password: String::new(), clearance, holds, reads: [].into(), writes: [].into() }
    }

    fn label(binding: Binding, values: &[&str]) -> Statement {
        let category = Category { tag_name: "Releasable To".into(), binding, values: values.iter().map(|v| (*v).to_owned()).collect() };
        Statement::Label(Label {
            extension_type: "property-extension".into(),
            policy: "EU".into(),
            classification: "UNMARKED".into(),
            privacy_mark: None,
            categories: vec![category],
            originator: None,
            created: None,
            review: None,
        })
    }

    #[test]
    fn amber_does_not_open_amber_strict() {
        assert!(is_cleared(&account(Tlp::Amber, &[]), &Statement::Tlp(Tlp::Amber)));
        assert!(!is_cleared(&account(Tlp::Amber, &[]), &Statement::Tlp(Tlp::AmberStrict)));
        assert!(is_cleared(&account(Tlp::Red, &[]), &Statement::Tlp(Tlp::AmberStrict)));
    }

    #[test]
    fn releasable_to_the_eu_is_not_releasable_to_nato_and_the_other_way() {
        let (eu, nato) = (account(Tlp::Red, &["EU", "AT"]), account(Tlp::Red, &["NATO", "NO"]));
        let both = account(Tlp::Red, &["EU", "NATO", "FI"]);
        assert!(is_cleared(&eu, &label(Binding::Permissive, &["EU"])) && !is_cleared(&nato, &label(Binding::Permissive, &["EU"])));
        assert!(!is_cleared(&eu, &label(Binding::Permissive, &["NATO"])) && is_cleared(&nato, &label(Binding::Permissive, &["NATO"])));
        let each = label(Binding::Restrictive, &["EU", "NATO"]);
        assert!(is_cleared(&both, &each) && !is_cleared(&eu, &each) && !is_cleared(&nato, &each));
    }

    #[test]
    fn what_is_not_understood_or_names_nobody_opens_nothing() {
        assert!(!is_cleared(&account(Tlp::Red, &["EU"]), &Statement::Unknown));
        assert!(!is_cleared(&account(Tlp::Red, &["EU"]), &label(Binding::Permissive, &[])));
    }
}

//! Who may see a row: a condition on the markings that a reader is cleared for.

use std::collections::BTreeSet;

use buttress_wire::stix::Id;

/// Markings that belong together.
pub type Markings = BTreeSet<Id>;

/// A row is seen by who is cleared for all markings of `all`, for all of at least one set of `any` (where there are sets), and not for
/// all of any set of `unless`: those see another row in its place.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Class {
    all: Markings,
    any: BTreeSet<Markings>,
    unless: BTreeSet<Markings>,
}

fn join(markings: &Markings) -> String {
    markings.iter().map(Id::as_str).collect::<Vec<_>>().join(" ")
}

fn markings_of(text: &str) -> Option<Markings> {
    text.split_whitespace().map(Id::parse).collect()
}

impl Class {
    /// The class of who is cleared for all of these.
    pub fn of(all: Markings) -> Class {
        Class { all, ..Class::default() }
    }

    /// A class in its shortest form: what `all` asks for is not asked for again.
    pub fn new(all: Markings, any: impl IntoIterator<Item = Markings>, unless: impl IntoIterator<Item = Markings>) -> Class {
        let beyond = |set: Markings| set.difference(&all).cloned().collect::<Markings>();
        let mut any: BTreeSet<Markings> = any.into_iter().map(beyond).collect();
        if any.contains(&Markings::new()) {
            any.clear();
        }
        let mut unless: BTreeSet<Markings> = unless.into_iter().map(beyond).collect();
        if unless.contains(&Markings::new()) {
            any.clear();
            unless = [Markings::new()].into();
        }
        Class { all, any, unless }
    }

    /// What every reader of this class is cleared for.
    pub fn all(&self) -> &Markings {
        &self.all
    }

    /// True for a class that nobody is in.
    pub fn is_closed(&self) -> bool {
        self.unless.contains(&Markings::new())
    }

    /// Whether who is cleared for what `is_cleared` says is in this class.
    pub fn holds(&self, is_cleared: &dyn Fn(&Id) -> bool) -> bool {
        let whole = |set: &Markings| set.iter().all(is_cleared);
        whole(&self.all) && (self.any.is_empty() || self.any.iter().any(whole)) && !self.unless.iter().any(whole)
    }

    /// Every marking that plays a part.
    pub fn markings(&self) -> impl Iterator<Item = &Id> {
        self.all.iter().chain(self.any.iter().flatten()).chain(self.unless.iter().flatten())
    }

    /// The form in which a class is kept: `all` in the first line, then a line `any …` or `unless …` for each set.
    pub(super) fn text(&self) -> String {
        let mut text = join(&self.all);
        for (word, sets) in [("any", &self.any), ("unless", &self.unless)] {
            sets.iter().for_each(|set| text += &format!("\n{word} {}", join(set)));
        }
        text
    }

    /// Reads the form in which a class is kept.
    pub(super) fn parse(text: &str) -> Option<Class> {
        let (all, rest) = text.split_once('\n').unwrap_or((text, ""));
        let mut class = Class::of(markings_of(all)?);
        for line in rest.lines() {
            match line.split_once(' ')? {
                ("any", set) => class.any.insert(markings_of(set)?),
                ("unless", set) => class.unless.insert(markings_of(set)?),
                _ => return None,
            };
        }
        Some(class)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use buttress_wire::stix::marking::Tlp;

    fn set(levels: &[Tlp]) -> Markings {
        levels.iter().map(|level| Id::parse(&level.id()).unwrap()).collect()
    }

    #[test]
    fn a_class_is_kept_and_read_back_and_asks_for_nothing_twice() {
        let class = Class::new(set(&[Tlp::Green]), [set(&[Tlp::Green, Tlp::Amber]), set(&[Tlp::Red])], [set(&[Tlp::Green, Tlp::Clear])]);
        assert_eq!(
            class,
            Class { all: set(&[Tlp::Green]), any: [set(&[Tlp::Amber]), set(&[Tlp::Red])].into(), unless: [set(&[Tlp::Clear])].into() }
        );
        for class in [class, Class::default(), Class::new(set(&[]), [], [set(&[])])] {
            assert_eq!(Class::parse(&class.text()), Some(class));
        }
        assert_eq!(Class::new(set(&[Tlp::Red]), [set(&[Tlp::Red])], []), Class::of(set(&[Tlp::Red])));
    }

    #[test]
    fn all_of_one_and_some_of_another_unless_all_of_a_third() {
        let class = Class::new(set(&[Tlp::Clear]), [set(&[Tlp::Green]), set(&[Tlp::Amber])], [set(&[Tlp::Red])]);
        let held = |levels: &[Tlp]| {
            let set = set(levels);
            class.holds(&|id| set.contains(id))
        };
        assert!(held(&[Tlp::Clear, Tlp::Amber]) && held(&[Tlp::Clear, Tlp::Green]));
        assert!(!held(&[Tlp::Clear]) && !held(&[Tlp::Green]) && !held(&[Tlp::Clear, Tlp::Green, Tlp::Red]));
        assert!(Class::new(set(&[Tlp::Red]), [], [set(&[Tlp::Red])]).is_closed());
    }
}

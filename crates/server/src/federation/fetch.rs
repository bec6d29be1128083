//! Objects asked for by name: what a crawl by date cannot bring, such as an object that became visible without being added anew.

use buttress_wire::taxii::Filter;

use super::pull::{NAMED, Pulled, all_versions};
use super::{FederationError, Session, ids_of, now};
use crate::client::{ClientError, Ending, Wanted};
use crate::store::{Quarantined, text_digest};

impl Session<'_> {
    /// Brings these objects with all their versions. Where a request fails for what is in it, it is halved until the object that
    /// spoils it is alone, and that one goes to quarantine.
    pub(super) fn fetch(&mut self, names: &[String], pulled: &mut Pulled) -> Result<(), FederationError> {
        let mut open: Vec<&[String]> = names.chunks(NAMED).rev().collect();
        while let Some(group) = open.pop() {
            let filter = Filter { ids: ids_of(group), ..all_versions() };
            if filter.ids.is_empty() {
                // Named by the manifest, and no identifiers.
                self.set_aside(group, "its identifier is none of STIX: a type, two hyphens and a UUID in small letters", pulled)?;
                continue;
            }
            let why = match self.bring(&Wanted { after: None, filter: &filter }, pulled) {
                Ok(Ending::Complete) => continue,
                Ok(Ending::Short(why)) => why,
                Err(FederationError::Client(error)) if is_about_content(&error) => error.to_string(),
                Err(error) => return Err(error),
            };
            if group.len() > 1 {
                let (first, second) = group.split_at(group.len() / 2);
                open.extend([second, first]);
            } else {
                self.set_aside(group, &why, pulled)?;
            }
        }
        Ok(())
    }

    fn set_aside(&mut self, names: &[String], why: &str, pulled: &mut Pulled) -> Result<(), FederationError> {
        let moment = now();
        let one = |id: &String| Quarantined {
            digest: text_digest(id),
            id: id.chars().take(200).collect(),
            version: String::new(),
            reason: format!("the partner lists it and does not give it: {why}"),
            moment,
            text: String::new(),
        };
        let list: Vec<Quarantined> = names.iter().map(one).collect();
        pulled.quarantined += list.len();
        Ok(self.store.set_quarantine(&self.partner.name, &list)?)
    }
}

/// Whether a smaller request may do better.
fn is_about_content(error: &ClientError) -> bool {
    match error {
        ClientError::TooLarge { .. } | ClientError::Unreadable { .. } => true,
        ClientError::Refused { status, .. } => matches!(status, 400 | 404 | 413 | 414 | 431 | 500..=599),
        _ => false,
    }
}

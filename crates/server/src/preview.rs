//! What an account would be given, before it is: the operator's look through a partner's eyes.

use std::collections::BTreeMap;

use buttress_wire::stix::{Id, Object};
use buttress_wire::taxii::Filter;
use serde::Serialize;

use crate::store::{Account, Collection, Store, StoreError};
use crate::view::View;

/// Objects read at a time.
const STEP: usize = 1000;

/// What an account sees of a collection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Preview {
    /// Collection, `root/id`.
    pub collection: String,
    /// Whether the account may read it at all; what follows is what it would see if it could.
    pub can_read: bool,
    /// Current objects seen, by type.
    pub seen: BTreeMap<String, usize>,
    /// Those of them seen without some of their parts.
    pub n_redacted: usize,
    /// Current objects that are there, seen or not.
    pub n_kept: usize,
    /// Objects seen by the identity that they name as their author: what the set as a whole reveals of each.
    pub by_author: BTreeMap<String, usize>,
    /// Identifiers of those seen, in the order of adding.
    pub ids: Vec<String>,
}

/// What an account sees of a collection.
pub fn preview(store: &mut Store, view: &View, account: &Account, collection: &Collection) -> Result<Preview, StoreError> {
    let place = crate::store::Place { root: collection.root.clone(), id: collection.id.clone() };
    let mut found = Preview {
        collection: place.to_string(),
        can_read: account.reads.contains(&place),
        seen: BTreeMap::new(),
        n_redacted: 0,
        n_kept: store.count(collection.number)?,
        by_author: BTreeMap::new(),
        ids: Vec::new(),
    };
    let sight = view.sight(account);
    let mut after = 0;
    loop {
        let page = store.page((collection.number, &sight.classes), &Filter::default(), (after, STEP), &mut |item| {
            let kind = Id::parse(item.id).map_or_else(String::new, |id| id.kind().to_owned());
            *found.seen.entry(kind).or_default() += 1;
            found.n_redacted += usize::from(item.form != 0);
            let author = Object::read(item.text).ok().and_then(|o| o.references.into_iter().find(|r| &*r.property == "created_by_ref"));
            if let Some(author) = author {
                *found.by_author.entry(author.target.to_string()).or_default() += 1;
            }
            found.ids.push(item.id.to_owned());
        })?;
        after = page.last.unwrap_or(after);
        if !page.more {
            return Ok(found);
        }
    }
}

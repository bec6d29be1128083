//! How the exchange with each partner stands.

use serde::Serialize;

use super::pull::all_versions;
use super::push::{Told, classes_of, visible};
use super::{FederationError, partner};
use crate::store::{Direction, Run, State, Store, Way};

/// Rows told of one kind of trouble.
const TOLD: usize = 100;

/// Something that did not go through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trouble {
    /// Identifier.
    pub id: String,
    /// Version as written.
    pub version: String,
    /// `failed` or `stuck`.
    pub state: &'static str,
    /// Times tried.
    pub attempts: i64,
    /// The partner's reason.
    pub reason: String,
}

/// How the exchange with a partner stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartnerStatus {
    /// Name.
    pub name: String,
    /// Versions that came from it and are here because of that.
    pub received: usize,
    /// Versions that it has and that are here for another reason.
    pub known: usize,
    /// Versions that it had and withdrew.
    pub withdrawn_there: usize,
    /// Versions that it got from us.
    pub sent: usize,
    /// Versions that it got from us and that were taken back.
    pub withdrawn_here: usize,
    /// Versions that it may see and has not got.
    pub waiting: usize,
    /// Versions that it refused.
    pub failed: usize,
    /// Versions that it may no longer see and refused to delete.
    pub stuck: usize,
    /// Texts in quarantine.
    pub quarantined: usize,
    /// The last pull.
    pub pull: Run,
    /// The last push.
    pub push: Run,
    /// Why nothing can be said of what is waiting; empty where it can.
    pub unknown: String,
    /// What it refused, up to a hundred of each kind.
    pub troubles: Vec<Trouble>,
}

/// How the exchange with a partner stands.
pub fn status(store: &mut Store, name: &str) -> Result<PartnerStatus, FederationError> {
    let partner = partner(store, name)?;
    let counts = store.ledger_counts(name)?;
    let n = |way, state| counts.get(&(way, state)).copied().unwrap_or(0);
    let mut troubles = Vec::new();
    for state in [State::Failed, State::Stuck] {
        let rows = store.ledger_in_state(name, state, TOLD)?;
        troubles.extend(rows.into_iter().map(|row| Trouble {
            id: row.key.id,
            version: row.version,
            state: state.word(),
            attempts: row.attempts,
            reason: row.reason,
        }));
    }
    let waiting = if partner.direction == Direction::Pull { Ok(0) } else { waiting(store, &partner) };
    let (waiting, unknown) = match waiting {
        Ok(n) => (n, String::new()),
        Err(FederationError::Typed(why)) => (0, why),
        Err(error) => return Err(error),
    };
    Ok(PartnerStatus {
        name: name.to_owned(),
        received: n(Way::In, State::Received),
        known: n(Way::In, State::Known),
        withdrawn_there: n(Way::In, State::Withdrawn),
        sent: n(Way::Out, State::Sent),
        withdrawn_here: n(Way::Out, State::Withdrawn),
        waiting,
        failed: n(Way::Out, State::Failed),
        stuck: n(Way::Out, State::Stuck),
        quarantined: store.n_quarantined(name)?,
        pull: store.last_run(name, "pull")?,
        push: store.last_run(name, "push")?,
        unknown,
        troubles,
    })
}

/// Versions that a push would send.
fn waiting(store: &mut Store, partner: &crate::store::Partner) -> Result<usize, FederationError> {
    let place = &partner.place;
    let classes = classes_of(store, &partner.account, &place.to_string())?;
    let Some(collection) = store.collection_at(place)? else { return Ok(0) };
    let (mut n, mut from) = (0, 0);
    loop {
        let (list, last) = visible(store, &collection, &classes, &all_versions(), from)?;
        let told = Told::of(store, &partner.name, &list)?;
        n += list.iter().filter(|one| told.wants(one)).count();
        let Some(last) = last else { return Ok(n) };
        from = last;
    }
}

/// What a partner has of an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Holder {
    /// The partner.
    pub partner: String,
    /// `in` where it came from there, `out` where it went there.
    pub way: &'static str,
    /// Version as written.
    pub version: String,
    /// Edition of STIX.
    pub spec_version: String,
    /// What became of it.
    pub state: &'static str,
    /// When, microseconds since 1970.
    pub moment: i64,
    /// Why it failed.
    pub reason: String,
}

/// Which partners an object came from and went to.
pub fn holders(store: &mut Store, id: &str) -> Result<Vec<Holder>, FederationError> {
    let rows = store.ledger_of_object(id)?;
    let holder = |(partner, way, row): (String, Way, crate::store::Entry)| Holder {
        partner,
        way: way.word(),
        version: row.version,
        spec_version: row.key.spec,
        state: row.state.word(),
        moment: row.moment,
        reason: row.reason,
    };
    Ok(rows.into_iter().map(holder).collect())
}

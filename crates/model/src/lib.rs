//! The nouns of Buttress, and the rules that make a case trustworthy.
//!
//! `Draft` (the world as written) → [`check::check`] → [`Case`] (the world as checked).
//! Nothing here touches a file, a clock, a thread, a socket or a log.

pub mod change;
pub mod check;
pub mod draft;
pub mod geo;
pub mod network;
pub mod schema;
pub mod study;
pub mod tables;
mod view;

pub use change::{Action, Change, Selector};
pub use check::{Finding, Weight};
pub use draft::{Addition, Draft, RawTable};
pub use network::PowerNetwork;
pub use study::{Balance, Level, Scenario, Sharing, Study, StudyPoint};
pub use view::{Asset, AssetId, Case, Sector};

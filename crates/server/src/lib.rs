//! The exchange: what a node keeps, who may see it, and how nodes talk.

pub mod audit;
pub mod identity;
mod intake;
pub mod ledger;
pub mod listen;
pub mod node;
mod places;
pub mod policy;
pub mod preview;
pub mod store;
pub mod taxii;
pub mod view;

//! The exchange: what a node keeps, who may see it, and how nodes talk.

pub mod api;
pub mod audit;
pub mod client;
pub mod clock;
pub mod content;
pub mod duty;
pub mod federation;
pub mod hex;
pub mod identity;
mod intake;
pub mod jobs;
pub mod ledger;
pub mod listen;
pub mod node;
mod places;
pub mod policy;
pub mod preview;
pub mod store;
pub mod taxii;
pub mod tls;
pub mod view;

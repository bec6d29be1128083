//! The exchange: what a node keeps, who may see it, and how nodes talk.

pub mod identity;
pub mod listen;
pub mod node;
mod places;
pub mod policy;
pub mod store;
pub mod taxii;

//! The exchange: what a node keeps, who may see it, and how nodes talk.

pub mod store;

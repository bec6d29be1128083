//! STIX 2.1 objects, kept as the bytes received (OASIS Standard, 10 June 2021).
//!
//! An [`Object`] is the text as it came, with beside it what a store, a policy and a page need to know of it. Nothing is ever
//! written back from a typed model, so what a member has said reaches the next one unchanged.

mod json;
pub mod marking;
mod object;
pub mod parts;
mod time;

pub use json::{MAX_DEPTH, Refused};
pub use object::{Granular, Id, Object, Reference, SpecVersion};
pub use time::Instant;

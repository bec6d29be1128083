//! What members say to each other: STIX 2.1 objects and their markings, patterns, alerts in CAP 1.2, clocks of incidents.
//!
//! Knows no other crate of the workspace, touches no file, clock or socket. Bytes are kept as received; everything here reads
//! them or writes new ones, and never rewrites what another has said.

pub mod cap;
pub mod incident;
mod instant;
pub mod pattern;
pub mod stix;
pub mod taxii;
pub mod vocabulary;

pub use instant::{Instant, NoInstant};

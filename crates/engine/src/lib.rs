//! What happens: pure computation on arrays.
//!
//! `Case` → [`compile::World`] (dense arrays) → [`cascade::run`] → [`outcome::Outcome`]. The sectors ([`power`], [`gas`], [`sea`],
//! [`air`], [`data`], [`space`]) never import each other; they meet only in [`compile`] and [`cascade`].

mod account;
pub mod air;
pub mod analytic;
pub mod batch;
pub mod cascade;
pub mod compile;
mod components;
pub mod data;
pub mod ending;
pub mod gas;
pub mod maxflow;
pub mod outcome;
pub mod power;
pub mod rng;
pub mod routing;
pub mod sea;
pub mod space;

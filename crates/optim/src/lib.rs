//! What to do about it: base check, ranking, threats, significance, second hits, concentration, measures, portfolio.
//!
//! [`assess::assess`] reads like the table of contents of an assessment; each question is a module.

pub mod answer;
pub mod assess;
mod concentration;
pub mod explain;
pub mod grid_security;
mod measures;
mod reach;
mod second_hit;

pub use answer::Assessment;

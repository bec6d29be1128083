//! What happens: pure computation on arrays.
pub mod air;
pub mod data;
pub mod ending;
pub mod gas;
pub mod maxflow;
pub mod power;
pub mod routing;
pub mod sea;
pub mod space;

#![doc = include_str!("../README.md")]

pub mod adapters;
pub mod logs;
pub mod metrics;
pub mod traces;

pub use metrics::Metrics;

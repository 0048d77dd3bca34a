#![doc = include_str!("../README.md")]

pub mod adapters;
pub mod logs;
pub mod metrics;

pub use metrics::Metrics;

//! Services that are told what operators should know.

pub mod otlp;
pub mod webhook;

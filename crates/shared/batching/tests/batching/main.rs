//! Batches, with real tasks.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod batcher;

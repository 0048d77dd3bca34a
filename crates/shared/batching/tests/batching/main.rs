//! Tests of the batcher with real tasks.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod batcher;

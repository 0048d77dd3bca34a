//! Payments on a real database, with a gateway in memory.

#![allow(clippy::unwrap_used, reason = "a test that can't continue fails")]

mod attempt_states;
mod batches;
mod closing;
mod collect_payment;
mod contract;
mod gateway_calls;
mod gateway_events;
#[cfg(feature = "localstripe")]
mod localstripe;
mod refunds;
mod settle_payment;
mod shop;
mod store;

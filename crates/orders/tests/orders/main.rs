//! Orders on a real database, with an in-memory gateway. HTTP behaviour is tested with the running program.

#![allow(
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test fails by panicking, and its modules are private"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "tests write their SQL as they go"
)]

mod admission;
mod alerts;
mod applying;
mod backlog;
mod batches;
mod bounds;
mod cancelling;
mod cancelling_races;
mod cancelling_shipped;
mod clock;
mod contention;
mod dead_letters;
mod disputes;
mod elsewhere;
mod elsewhere_at_random;
mod erasing;
mod erasing_requests;
mod keys;
mod listing;
mod lost_commits;
mod money;
mod month;
mod operators;
mod paying;
mod paying_races;
mod reading;
mod reconciling;
mod reconciling_tenants;
mod refunding;
mod replays;
mod returning;
mod returning_money;
mod returning_races;
mod returning_rules;
mod shipping;
mod shipping_races;
mod shop;
mod silence;
mod sweeping;
mod timeline;
mod unexpected_states;
mod ways_out;

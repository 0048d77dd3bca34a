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
mod erasing_unsent;
mod evacuating;
mod evacuating_rest;
mod goods_month;
mod keys;
mod late_failures;
mod listing;
mod locked_rows;
mod lost_commits;
mod money;
mod month;
mod opening;
mod operators;
mod partial_refunds;
mod paying;
mod paying_races;
mod reading;
mod reconciling;
mod reconciling_tenants;
mod refunding;
mod replays;
mod rerouting;
mod rerouting_races;
mod returning;
mod returning_money;
mod returning_races;
mod returning_rules;
mod shipping;
mod shipping_model;
mod shipping_races;
mod shipping_together;
mod shop;
mod silence;
mod small_amounts;
mod sweeping;
mod timeline;
mod unexpected_states;
mod ways_out;

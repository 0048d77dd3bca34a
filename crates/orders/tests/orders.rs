//! Orders on a real database, with a gateway whose every answer the test decides. What the running program does over
//! HTTP is tested with the program.

#![allow(
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test fails by panicking, and its modules are private"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "tests write their SQL as they go"
)]

#[path = "orders/admission.rs"]
mod admission;
#[path = "orders/aftermath.rs"]
mod aftermath;
#[path = "orders/alerts.rs"]
mod alerts;
#[path = "orders/applying.rs"]
mod applying;
#[path = "orders/backlog.rs"]
mod backlog;
#[path = "orders/batches.rs"]
mod batches;
#[path = "orders/bounds.rs"]
mod bounds;
#[path = "orders/cancelling.rs"]
mod cancelling;
#[path = "orders/cancelling_races.rs"]
mod cancelling_races;
#[path = "orders/clock.rs"]
mod clock;
#[path = "orders/contention.rs"]
mod contention;
#[path = "orders/dead_letters.rs"]
mod dead_letters;
#[path = "orders/disputes.rs"]
mod disputes;
#[path = "orders/elsewhere.rs"]
mod elsewhere;
#[path = "orders/elsewhere_at_random.rs"]
mod elsewhere_at_random;
#[path = "orders/erasing.rs"]
mod erasing;
#[path = "orders/erasing_requests.rs"]
mod erasing_requests;
#[path = "orders/gateway.rs"]
mod gateway;
#[path = "orders/keys.rs"]
mod keys;
#[path = "orders/listing.rs"]
mod listing;
#[path = "orders/lost_commits.rs"]
mod lost_commits;
#[path = "orders/month.rs"]
mod month;
#[path = "orders/operators.rs"]
mod operators;
#[path = "orders/paying.rs"]
mod paying;
#[path = "orders/paying_races.rs"]
mod paying_races;
#[path = "orders/reading.rs"]
mod reading;
#[path = "orders/reconciling.rs"]
mod reconciling;
#[path = "orders/reconciling_tenants.rs"]
mod reconciling_tenants;
#[path = "orders/refunding.rs"]
mod refunding;
#[path = "orders/replays.rs"]
mod replays;
#[path = "orders/shop.rs"]
mod shop;
#[path = "orders/silence.rs"]
mod silence;
#[path = "orders/sweeping.rs"]
mod sweeping;
#[path = "orders/timeline.rs"]
mod timeline;
#[path = "orders/unexpected_states.rs"]
mod unexpected_states;
#[path = "orders/ways_out.rs"]
mod ways_out;

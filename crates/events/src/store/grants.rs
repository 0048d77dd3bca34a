//! The privileges of the serving role on the tables of the feed.

use oms_database::Grant;

/// The privileges of the serving role.
pub const GRANTS: &[Grant] = &[
    Grant::pass_through("events.outbox"),
    Grant::pass_through("events.records"),
    Grant::write("events.heads"),
    Grant::pass_through("events.segments"),
    Grant::write("events.sinks"),
    Grant::all("events.endpoints"),
    Grant::all("events.secrets"),
    Grant::all("events.deliveries"),
    Grant::all("events.attempts"),
    Grant::all("events.replays"),
    Grant::all("events.idempotency_keys"),
];

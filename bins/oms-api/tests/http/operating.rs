//! Operating the program: configuration, start and stop, logs, metrics, alerts, and the work of operators.

mod alert_webhook;
mod configuration;
mod database_start;
mod dead_letters;
mod distribution;
mod excess_rights;
mod least_privilege;
mod logs;
mod metrics;
mod newer_words;
mod pooler;
mod readiness;
mod retention;
mod shutdown;
mod stuck_orders;
mod tracing;
mod workers;

pub use least_privilege::{Roles, drop_roles};

#![doc = include_str!("../README.md")]

mod lease;
mod list;
mod runner;
mod sql;
mod turn;
mod worker;

pub use lease::Lease;
// Re-exported for the macros.
pub use list::{Batch, WorkList};
pub use oms_database::AcrossTenants;
pub use runner::{Ended, Heartbeat, Runner};
pub use sql::{DueTenant, find_due_tenants, find_due_tenants_of};
pub use tokio_util::sync::CancellationToken;
pub use turn::{Turn, turn};
pub use worker::{Next, Worker};

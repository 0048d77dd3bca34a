#![doc = include_str!("../README.md")]

mod across_tenants;
mod answers;
mod cached_sql;
mod connect;
pub mod distribution;
mod durations;
mod engine;
mod error;
mod failures;
mod frames;
mod grants;
pub mod installation;
mod lock_patience;
mod lock_queues;
pub mod migrations;
mod pool;
mod pooler;
mod privileges;
mod probe;
mod purge;
mod retirement;
mod session;
mod session_settings;
mod sessions;
mod signals;
mod statement;
#[cfg(debug_assertions)]
mod statement_log;
mod statistics;
mod steps;
mod tenants;
mod tls;
mod transaction;
mod transaction_pooler;
mod watched;

pub use across_tenants::AcrossTenants;
/// Returns the future of an `async fn` in a box, for use cases that several crates call.
///
/// The compiler copies the code of an `async fn` into each crate that awaits it, with the code of all that it awaits.
/// Behind a box it exists once, in the crate of the function.
///
/// ```
/// #[oms_database::boxed]
/// pub async fn increment(number: &u32) -> u32 {
///     number + 1
/// }
/// # let _ = increment(&1);
/// ```
pub use async_recursion::async_recursion as boxed;
pub use cached_sql::{CachedSql, CachedSqlWithBind, cached_sql};
pub use connect::{InvalidUrl, Server, with_mode};
pub use durations::{DURATION_BOUNDS_S, DurationCounts, Durations};
pub use engine::Engine;
pub use error::DbError;
pub use failures::DbFailure;
pub use grants::{GRANTS, Grant};
pub use lock_patience::LockPatience;
pub use lock_queues::{LockQueues, LockRequest};
pub use pool::{Database, DatabaseConfig, PoolStatus, PooledConnection};
pub use pooler::check_pooler;
pub use privileges::{Privilege, held_privileges, missing_privileges};
pub use probe::{Fitness, Probe};
pub use purge::Purge;
pub use session::Session;
pub use session_settings::{differing_defaults, set_role_defaults};
pub use sessions::Sessions;
pub use statement::{CachedStatement, Statement};
pub use statistics::analyze_grown_tables;
pub use steps::{Step, Steps, send_in_transaction, send_together};
pub use tenants::{Tenants, register_tenant};
pub use tls::TlsMode;
pub use transaction::{LockWait, Transaction, transaction, transaction_within};
pub use transaction_pooler::{Pooling, check_transaction_pooler};

/// The connection that store functions take as their first argument.
pub type Connection = diesel_async::AsyncPgConnection;

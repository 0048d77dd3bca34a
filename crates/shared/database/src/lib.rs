#![doc = include_str!("../README.md")]

mod answers;
mod cached_sql;
mod durations;
mod error;
mod failures;
mod frames;
mod grants;
pub mod installation;
pub mod migrations;
mod pool;
mod pooler;
mod privileges;
mod probe;
mod purge;
mod retirement;
mod session;
mod sessions;
mod statement;
mod statistics;
mod steps;
mod transaction;
mod watched;

pub use cached_sql::{CachedSql, CachedSqlWithBind, cached_sql};
pub use durations::{DURATION_BOUNDS_S, DurationCounts, Durations};
pub use error::DbError;
pub use failures::DbFailure;
pub use grants::{GRANTS, Grant};
pub use pool::{Database, DatabaseConfig, PoolStatus, PooledConnection};
pub use pooler::check_pooler;
pub use privileges::{Privilege, missing_privileges};
pub use probe::{Fitness, Probe};
pub use purge::Purge;
pub use session::Session;
pub use sessions::Sessions;
pub use statement::{CachedStatement, Statement};
pub use statistics::analyze_grown_tables;
pub use steps::{Step, Steps, send_together};
pub use transaction::{LockWait, Transaction, transaction, transaction_within};

/// The connection that store functions take as their first argument.
pub type Connection = diesel_async::AsyncPgConnection;

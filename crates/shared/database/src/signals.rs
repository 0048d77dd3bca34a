//! Notifications of what a transaction wrote, once it is committed.
//!
//! A statement that others wait for is [`signalling`](crate::Statement::signalling). While its transaction is open, the
//! connection keeps the signal: whoever is notified before the commit finds nothing.

use diesel::QueryResult;
use diesel_async::TransactionManager;
use tokio::sync::Notify;

use crate::Connection;
use crate::engine::memory;
use crate::transaction::Manager;

/// Keeps the signals of executed statements for the commit of the open transaction. Without one, they are committed
/// already.
pub(crate) fn keep(connection: &mut Connection, signals: Vec<&'static Notify>) -> QueryResult<()> {
    if signals.is_empty() {
        return Ok(());
    }
    let manager = Manager::transaction_manager_status_mut(connection);
    match manager.transaction_depth()? {
        Some(_) => memory(connection).add_signals(signals),
        None => notify(connection, signals),
    }
    Ok(())
}

/// Sends the signals of a transaction that is committed, and of its last statements.
pub(crate) fn notify(connection: &mut Connection, last: Vec<&'static Notify>) {
    let kept = memory(connection).take_signals();
    for signal in kept.into_iter().chain(last) {
        signal.notify_one();
    }
}

/// Forgets the signals of a transaction that is rolled back.
pub(crate) fn forget(connection: &mut Connection) {
    memory(connection).take_signals();
}

//! The kind of database engine behind a connection.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use diesel::connection::{Instrumentation, InstrumentationEvent};
use diesel::result::Error as DieselError;
use diesel::sql_types::Bool;
use diesel::{QueryResult, QueryableByName};
use diesel_async::{AsyncConnection, RunQueryDsl};
use tokio::sync::Notify;

use crate::{Connection, DbError, cached_sql};

/// The kind of database engine behind a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// PostgreSQL itself.
    Plain,
    /// Citus. A statement is cheap only if it can be sent to the one node of its tenant.
    Distributed,
}

/// The beginning of a statement that is sent only to plain PostgreSQL; the reason follows.
const PLAIN_ONLY: &str = "-- plain PostgreSQL: ";

impl Engine {
    /// Returns the engine behind a connection, which is asked only once.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn of(connection: &mut Connection) -> Result<Self, DbError> {
        Ok(Self::behind(connection).await?)
    }

    /// Like [`of`](Self::of), with an error that is not yet counted.
    pub(crate) async fn behind(connection: &mut Connection) -> QueryResult<Self> {
        if let Some(engine) = memory(connection).engine {
            return Ok(engine);
        }
        let engine = ask(connection).await?;
        memory(connection).engine = Some(engine);
        Ok(engine)
    }

    /// Rejects a statement for plain PostgreSQL on a distributed engine.
    pub(crate) fn check(self, text: &str) -> QueryResult<()> {
        match self == Self::Distributed && text.starts_with(PLAIN_ONLY) {
            true => Err(DieselError::QueryBuilderError(
                format!("not for a distributed engine: {text}").into(),
            )),
            false => Ok(()),
        }
    }
}

async fn ask(connection: &mut Connection) -> QueryResult<Engine> {
    #[derive(QueryableByName)]
    struct Answer {
        #[diesel(sql_type = Bool)]
        is_distributed: bool,
    }

    let statement = cached_sql(
        "SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'citus') AS is_distributed",
    );
    let answer: Answer = statement.get_result(connection).await?;
    if !answer.is_distributed {
        return Ok(Engine::Plain);
    }
    WAS_DISTRIBUTED.store(true, Ordering::Relaxed);
    Ok(Engine::Distributed)
}

/// Set once a connection to a distributed engine was found.
static WAS_DISTRIBUTED: AtomicBool = AtomicBool::new(false);

/// Whether a connection of this process ever led to a distributed engine. Needs no answer from the database.
pub(crate) fn was_distributed() -> bool {
    // Not called as a method, because diesel's traits have a `load` too.
    AtomicBool::load(&WAS_DISTRIBUTED, Ordering::Relaxed)
}

/// What is known about a connection. It is stored as its instrumentation, which diesel keeps with the connection.
#[derive(Default)]
pub(crate) struct Memory {
    engine: Option<Engine>,
    /// The statements that the connection has executed, and therefore prepared: the addresses and lengths of their
    /// texts, which are constants.
    executed: BTreeSet<(usize, usize)>,
    /// What to notify when the open transaction is committed.
    signals: Vec<&'static Notify>,
}

impl Instrumentation for Memory {
    fn on_connection_event(&mut self, _: InstrumentationEvent<'_>) {}
}

impl Memory {
    /// Whether the connection has executed all of these statements.
    pub(crate) fn has_executed(&self, texts: &[&'static str]) -> bool {
        let mut texts = texts.iter();
        texts.all(|text| self.executed.contains(&address(text)))
    }

    pub(crate) fn add_executed(&mut self, texts: &[&'static str]) {
        self.executed.extend(texts.iter().map(|text| address(text)));
    }

    pub(crate) fn add_signals(&mut self, signals: Vec<&'static Notify>) {
        for signal in signals {
            if !self.signals.iter().any(|kept| std::ptr::eq(*kept, signal)) {
                self.signals.push(signal);
            }
        }
    }

    pub(crate) fn take_signals(&mut self) -> Vec<&'static Notify> {
        std::mem::take(&mut self.signals)
    }
}

fn address(text: &'static str) -> (usize, usize) {
    (text.as_ptr().addr(), text.len())
}

/// Returns what is known about a connection.
pub(crate) fn memory(connection: &mut Connection) -> &mut Memory {
    let known = connection.instrumentation().downcast_ref::<Memory>();
    if known.is_none() {
        connection.set_instrumentation(Memory::default());
    }
    let memory = connection.instrumentation().downcast_mut();
    memory.expect("it was set above")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_for_plain_postgresql_is_rejected_on_a_distributed_engine() {
        let text = "-- plain PostgreSQL: one statement is faster than two\nSELECT 1";
        assert!(Engine::Plain.check(text).is_ok());
        let rejected = Engine::Distributed.check(text).unwrap_err();
        assert!(
            rejected
                .to_string()
                .contains("not for a distributed engine"),
            "{rejected}"
        );
        assert!(Engine::Distributed.check("SELECT 1").is_ok());
    }
}

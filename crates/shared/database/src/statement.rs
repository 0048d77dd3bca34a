//! Statements that have not been sent yet.
//!
//! A store function returns a [`Statement`] so that its caller can send it alone ([`Statement::run`]) or together with
//! others ([`send_together`](crate::send_together), [`Transaction`](crate::Transaction)).

use std::time::Instant;

use diesel::QueryResult;
use diesel::deserialize::QueryableByName;
use diesel::pg::Pg;
use diesel::query_builder::{Query, QueryFragment, QueryId};
use diesel::result::Error as DieselError;
use diesel::sql_types::Untyped;
use diesel_async::AsyncConnectionCore;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, TryFutureExt, TryStreamExt};

use crate::{CachedSql, CachedSqlWithBind, Connection, DbError, Durations};

type Start<'q, T> =
    Box<dyn for<'c> FnOnce(&'c Connection) -> BoxFuture<'c, QueryResult<T>> + Send + 'q>;

/// A statement with its binds, and the conversions of its rows and its error.
#[must_use = "a statement does nothing until it is sent"]
pub struct Statement<'q, T, E = DbError> {
    text: &'static str,
    start: Start<'q, T>,
    refuse: fn(DbError) -> E,
}

impl<'q, T: Send + 'static, E> Statement<'q, T, E> {
    /// Converts the result.
    pub fn map<U: Send + 'static>(
        self,
        change: impl FnOnce(T) -> U + Send + 'static,
    ) -> Statement<'q, U, E> {
        let start = self.start;
        Statement {
            text: self.text,
            start: Box::new(move |connection| start(connection).map_ok(change).boxed()),
            refuse: self.refuse,
        }
    }

    /// Converts the error.
    pub fn map_err<F>(self, refuse: fn(DbError) -> F) -> Statement<'q, T, F> {
        Statement {
            text: self.text,
            start: self.start,
            refuse,
        }
    }

    /// Records the time until the result, whether it succeeds or fails.
    pub fn timed(self, durations: &'static Durations) -> Self {
        let start = self.start;
        Self {
            start: Box::new(move |connection| {
                let (since, answer) = (Instant::now(), start(connection));
                let timed = answer.inspect(move |_| durations.count(since.elapsed()));
                timed.boxed()
            }),
            ..self
        }
    }

    /// Sends the statement alone.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn run(self, connection: &mut Connection) -> Result<T, E> {
        let (start, refuse) = (self.start, self.refuse);
        start(connection)
            .await
            .map_err(|error| refuse(DbError::from(error)))
    }

    pub(crate) fn text(&self) -> &'static str {
        self.text
    }

    /// Returns a future of the result. Its first poll sends the statement if the connection has prepared it.
    pub(crate) fn start<'c>(
        self,
        connection: &'c Connection,
    ) -> BoxFuture<'c, Result<T, Failure<E>>>
    where
        E: 'static,
    {
        let refuse = self.refuse;
        let answer = (self.start)(connection);
        answer
            .map_err(move |cause| Failure { cause, refuse })
            .boxed()
    }
}

/// The failure of a statement, not yet counted or logged, because only the first failure of statements that were sent
/// together is reported.
pub(crate) struct Failure<E> {
    pub(crate) cause: DieselError,
    pub(crate) refuse: fn(DbError) -> E,
}

/// Cached SQL with all its binds.
pub trait CachedStatement:
    QueryFragment<Pg> + QueryId + Query<SqlType = Untyped> + Send + Sized
{
    /// The SQL text.
    fn text(&self) -> &'static str;

    /// Returns a statement whose result is its rows.
    fn rows<'q, R>(self) -> Statement<'q, Vec<R>>
    where
        Self: 'q,
        R: QueryableByName<Pg> + Send + 'static,
    {
        Statement {
            text: self.text(),
            start: Box::new(move |connection| {
                let mut shared = connection;
                let loading = AsyncConnectionCore::load(&mut shared, self);
                let rows = async move {
                    let rows = loading.await?;
                    let read = |row| R::build(&row).map_err(DieselError::DeserializationError);
                    rows.and_then(|row| std::future::ready(read(row)))
                        .try_collect()
                        .await
                };
                rows.boxed()
            }),
            refuse: |error| error,
        }
    }

    /// Returns a statement whose result is the number of affected rows.
    fn affected<'q>(self) -> Statement<'q, usize>
    where
        Self: 'q,
    {
        Statement {
            text: self.text(),
            start: Box::new(move |connection| {
                let mut shared = connection;
                AsyncConnectionCore::execute_returning_count(&mut shared, self)
            }),
            refuse: |error| error,
        }
    }
}

impl CachedStatement for CachedSql {
    fn text(&self) -> &'static str {
        self.as_str()
    }
}

impl<Before, V, ST> CachedStatement for CachedSqlWithBind<Before, V, ST>
where
    Before: CachedStatement,
    Self: QueryFragment<Pg> + QueryId + Query<SqlType = Untyped> + Send,
{
    fn text(&self) -> &'static str {
        self.before().text()
    }
}

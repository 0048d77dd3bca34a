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
use futures_util::future::{BoxFuture, join};
use futures_util::{FutureExt, TryFutureExt, TryStreamExt, future};
use tokio::sync::Notify;

use crate::signals;
use crate::{CachedSql, CachedSqlWithBind, Connection, DbError, Durations, Engine};

/// Whether a statement is sent before the previous one is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    Together,
    InTurn,
}

type Start<'q, T> =
    Box<dyn for<'c> FnOnce(&'c Connection, Pace) -> BoxFuture<'c, QueryResult<T>> + Send + 'q>;

/// The requests of a statement for an engine.
pub(crate) struct Built<'q, T> {
    pub(crate) texts: Vec<&'static str>,
    /// What to notify once the transaction is committed.
    pub(crate) signals: Vec<&'static Notify>,
    /// Returns a future of the result. Its first poll sends the requests: all of them with [`Pace::Together`], if the
    /// connection has prepared them, and otherwise the first.
    pub(crate) start: Start<'q, T>,
}

impl<'q, T> Built<'q, T> {
    fn new(
        texts: Vec<&'static str>,
        start: impl for<'c> FnOnce(&'c Connection, Pace) -> BoxFuture<'c, QueryResult<T>> + Send + 'q,
    ) -> Self {
        Self {
            texts,
            signals: Vec::new(),
            start: Box::new(start),
        }
    }
}

type Build<'q, T> = Box<dyn FnOnce(Engine) -> Built<'q, T> + Send + 'q>;

/// A statement with its binds, and the conversions of its rows and its error. It may consist of several ones that are
/// sent in the same round trip, and may depend on the engine.
#[must_use = "a statement does nothing until it is sent"]
pub struct Statement<'q, T, E = DbError> {
    build: Build<'q, T>,
    refuse: fn(DbError) -> E,
}

impl<'q, T: Send + 'static> Statement<'q, T> {
    /// Leaves the choice of the statement to the engine behind the connection.
    pub fn for_engine(
        choose: impl FnOnce(Engine) -> Statement<'q, T> + Send + 'q,
    ) -> Statement<'q, T> {
        Statement {
            build: Box::new(move |engine| (choose(engine).build)(engine)),
            refuse: |error| error,
        }
    }

    fn of(
        text: &'static str,
        start: impl for<'c> FnOnce(&'c Connection) -> BoxFuture<'c, QueryResult<T>> + Send + 'q,
    ) -> Self {
        Self {
            build: Box::new(move |engine| {
                Built::new(vec![text], move |connection, _| match engine.check(text) {
                    Ok(()) => start(connection),
                    Err(error) => future::ready(Err(error)).boxed(),
                })
            }),
            refuse: |error| error,
        }
    }
}

impl<'q, T: Send + 'static, E> Statement<'q, T, E> {
    /// Converts the result.
    pub fn map<U: Send + 'static>(
        self,
        change: impl FnOnce(T) -> U + Send + 'static,
    ) -> Statement<'q, U, E> {
        self.answered(move |answer| answer.map_ok(change).boxed())
    }

    /// Converts the error.
    pub fn map_err<F>(self, refuse: fn(DbError) -> F) -> Statement<'q, T, F> {
        Statement {
            build: self.build,
            refuse,
        }
    }

    /// Records the time until the result, whether it succeeds or fails.
    pub fn timed(self, durations: &'static Durations) -> Self {
        self.answered(move |answer| {
            let since = Instant::now();
            let timed = answer.inspect(move |_| durations.count(since.elapsed()));
            timed.boxed()
        })
    }

    /// Notifies `signal` once the transaction of this statement is committed, or its commit's outcome is unknown.
    pub fn signalling(self, signal: &'static Notify) -> Self {
        let build = self.build;
        let signalling = move |engine| {
            let mut built = build(engine);
            built.signals.push(signal);
            built
        };
        Self {
            build: Box::new(signalling),
            refuse: self.refuse,
        }
    }

    /// Sends another statement directly after this one, in the same round trip. It sees the effects of this one.
    pub fn and<U: Send + 'static>(self, next: Statement<'q, U, E>) -> Statement<'q, (T, U), E> {
        let (first, second) = (self.build, next.build);
        let build = move |engine| {
            let (first, second) = (first(engine), second(engine));
            let texts = [first.texts, second.texts].concat();
            let signals = [first.signals, second.signals].concat();
            let both = Built::new(texts, move |connection, pace| {
                let first = (first.start)(connection, pace);
                let second = (second.start)(connection, pace);
                match pace {
                    Pace::Together => join(first, second)
                        .map(|(first, second)| Ok((first?, second?)))
                        .boxed(),
                    Pace::InTurn => async { Ok((first.await?, second.await?)) }.boxed(),
                }
            });
            Built { signals, ..both }
        };
        Statement {
            build: Box::new(build),
            refuse: self.refuse,
        }
    }

    /// Like [`and`](Self::and), without the result of the other statement.
    pub fn then<U: Send + 'static>(self, next: Statement<'q, U, E>) -> Self {
        self.and(next).map(|(answer, _)| answer)
    }

    /// Sends the statement alone.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn run(self, connection: &mut Connection) -> Result<T, E> {
        let refuse = self.refuse;
        let done = async {
            let engine = Engine::behind(connection).await?;
            let Built { signals, start, .. } = (self.build)(engine);
            let answer = start(connection, Pace::InTurn).await?;
            signals::keep(connection, signals)?;
            Ok(answer)
        };
        done.await
            .map_err(|error: DieselError| refuse(DbError::from(error)))
    }

    /// Returns the requests for an engine, and the conversion of the error.
    pub(crate) fn build(self, engine: Engine) -> (Built<'q, T>, fn(DbError) -> E) {
        ((self.build)(engine), self.refuse)
    }

    /// Converts the future of the result.
    fn answered<U: Send + 'static>(
        self,
        change: impl for<'c> FnOnce(BoxFuture<'c, QueryResult<T>>) -> BoxFuture<'c, QueryResult<U>>
        + Send
        + 'q,
    ) -> Statement<'q, U, E> {
        let build = self.build;
        let changed = move |engine| {
            let Built {
                texts,
                signals,
                start,
            } = build(engine);
            let changed = Built::new(texts, move |connection, pace| {
                change(start(connection, pace))
            });
            Built { signals, ..changed }
        };
        Statement {
            build: Box::new(changed),
            refuse: self.refuse,
        }
    }
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
        Statement::of(self.text(), move |connection| {
            let mut shared = connection;
            let loading = AsyncConnectionCore::load(&mut shared, self);
            let rows = async move {
                let rows = loading.await?;
                let read = |row| R::build(&row).map_err(DieselError::DeserializationError);
                rows.and_then(|row| future::ready(read(row)))
                    .try_collect()
                    .await
            };
            rows.boxed()
        })
    }

    /// Returns a statement whose result is the number of affected rows.
    fn affected<'q>(self) -> Statement<'q, usize>
    where
        Self: 'q,
    {
        Statement::of(self.text(), move |connection| {
            let mut shared = connection;
            AsyncConnectionCore::execute_returning_count(&mut shared, self)
        })
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

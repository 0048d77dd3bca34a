//! Several statements in one round trip.
//!
//! PostgreSQL executes the statements of a connection in the order of their arrival, so a statement may be sent before
//! the previous ones are answered. What matters is the order in which they are *sent*. diesel-async sends a statement
//! when its future is first polled, but only if the connection has prepared it and knows the types of its binds.
//! Otherwise it first asks the server for them, and a later statement, or a COMMIT, would overtake it. So each
//! connection remembers the statements that it has executed. If one of them is new to it, they are sent one after
//! another.
//!
//! The driver's locks are free at the first poll, because a connection belongs to one task. Tokio may still make that
//! poll wait if the task has used up its cooperative budget. `unconstrained` prevents that.

use diesel::result::Error as DieselError;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection, TransactionManager};
use futures_util::future::{BoxFuture, join};
use futures_util::{FutureExt, future};
use tokio::sync::Notify;
use tokio::task::unconstrained;

use crate::engine::memory;
use crate::signals;
use crate::statement::Pace;
use crate::transaction::Manager;
use crate::{Connection, DbError, Engine, Statement};

/// A statement or an `Option` of one.
pub trait Step: Send {
    /// What the statement returns.
    type Answer: Send + 'static;
    /// The error of the statement.
    type Error: Send + 'static;

    #[doc(hidden)]
    fn ready<'q>(self, engine: Engine) -> Ready<'q, Self::Answer, Self::Error>
    where
        Self: 'q;
}

/// Statements for the engine behind the connection. Used only by [`Step`] and [`Steps`].
#[doc(hidden)]
pub struct Ready<'q, T, E> {
    texts: Vec<&'static str>,
    signals: Vec<&'static Notify>,
    start: Start<'q, T, E>,
}

type Start<'q, T, E> = Box<
    dyn for<'c> FnOnce(&'c AsyncPgConnection, Pace) -> BoxFuture<'c, Result<T, Refused<E>>>
        + Send
        + 'q,
>;

/// The failure of a step, not yet counted or logged, because only the first failure of statements that were sent
/// together is reported.
pub(crate) struct Refused<E> {
    pub(crate) cause: DieselError,
    refuse: fn(DbError) -> E,
}

impl<E> Refused<E> {
    /// Counts the failure, and converts it to the caller's error.
    pub(crate) fn into_error(self) -> E {
        (self.refuse)(self.cause.into())
    }
}

impl<T: Send + 'static, E: Send + 'static> Step for Statement<'_, T, E> {
    type Answer = T;
    type Error = E;

    fn ready<'q>(self, engine: Engine) -> Ready<'q, T, E>
    where
        Self: 'q,
    {
        let (built, refuse) = self.build(engine);
        Ready {
            texts: built.texts,
            signals: built.signals,
            start: Box::new(move |connection, pace| {
                let answer = (built.start)(connection, pace);
                answer
                    .map(move |answer| answer.map_err(|cause| Refused { cause, refuse }))
                    .boxed()
            }),
        }
    }
}

impl<S: Step> Step for Option<S> {
    type Answer = Option<S::Answer>;
    type Error = S::Error;

    fn ready<'q>(self, engine: Engine) -> Ready<'q, Self::Answer, Self::Error>
    where
        Self: 'q,
    {
        match self.map(|step| step.ready(engine)) {
            Some(Ready {
                texts,
                signals,
                start,
            }) => Ready {
                texts,
                signals,
                start: Box::new(move |connection, pace| {
                    let answer = start(connection, pace);
                    answer.map(|answer| answer.map(Some)).boxed()
                }),
            },
            None => Ready {
                texts: Vec::new(),
                signals: Vec::new(),
                start: Box::new(|_, _| future::ready(Ok(None)).boxed()),
            },
        }
    }
}

/// A tuple of statements, in the order in which they are sent.
pub trait Steps: Send {
    /// The results of the statements.
    type Answers: Send + 'static;
    /// The error of the first statement that failed.
    type Error: Send + 'static;

    /// With [`Pace::Together`], the first poll of the future polls each statement once, in order. With
    /// [`Pace::InTurn`], statements run one after another, up to the first that fails.
    #[doc(hidden)]
    fn ready<'q>(self, engine: Engine) -> Ready<'q, Self::Answers, Self::Error>
    where
        Self: 'q;
}

macro_rules! steps {
    ($first:ident $(, $step:ident)*) => {
        #[allow(non_snake_case, reason = "each type names its own value")]
        impl<$first: Step, $($step: Step<Error = $first::Error>),*> Steps for ($first, $($step,)*) {
            type Answers = ($first::Answer, $($step::Answer,)*);
            type Error = $first::Error;

            fn ready<'q>(self, engine: Engine) -> Ready<'q, Self::Answers, Self::Error>
            where
                Self: 'q,
            {
                let ($first, $($step,)*) = self;
                let ($first, $($step,)*) = ($first.ready(engine), $($step.ready(engine),)*);
                Ready {
                    texts: [$first.texts, $($step.texts),*].concat(),
                    signals: [$first.signals, $($step.signals),*].concat(),
                    start: Box::new(move |connection, pace| {
                        let ($first, $($step,)*) = (
                            ($first.start)(connection, pace),
                            $(($step.start)(connection, pace),)*
                        );
                        async move {
                            match pace {
                                Pace::Together => {
                                    let ($first, $($step,)*) =
                                        futures_util::join!($first, $($step),*);
                                    Ok(($first?, $($step?,)*))
                                }
                                Pace::InTurn => Ok(($first.await?, $($step.await?,)*)),
                            }
                        }
                        .boxed()
                    }),
                }
            }
        }
    };
}
steps!(A);
steps!(A, B);
steps!(A, B, C);
steps!(A, B, C, D);
steps!(A, B, C, D, F);
steps!(A, B, C, D, F, G);

/// Sends statements in one round trip if the connection has prepared them. Each runs in its own transaction, so a
/// failure doesn't undo the others: use it only for statements that read.
///
/// # Errors
/// The error of the first statement that failed.
pub async fn send_together<S: Steps>(
    connection: &mut Connection,
    steps: S,
) -> Result<S::Answers, S::Error>
where
    S::Error: From<DbError>,
{
    let sent = send(connection, None, steps, None).await;
    sent.map_err(|error| match error {
        Unsent::Statement { refused, .. } => refused.into_error(),
        Unsent::Begin(error) | Unsent::Commit(error) => DbError::from(error).into(),
    })
}

/// Sends statements of the caller's open transaction, in one round trip if the connection has prepared them.
///
/// # Errors
/// The error of the first statement that failed; the transaction can then only be rolled back. An error, and nothing
/// is sent, if no transaction is open: each statement would be committed by itself.
pub async fn send_in_transaction<S>(
    connection: &mut Connection,
    steps: S,
) -> Result<S::Answers, S::Error>
where
    S: Steps,
    S::Error: From<DbError>,
{
    let manager = Manager::transaction_manager_status_mut(connection);
    if manager
        .transaction_depth()
        .map_err(DbError::from)?
        .is_none()
    {
        return Err(DbError::from(DieselError::NotInTransaction).into());
    }
    send_together(connection, steps).await
}

/// The first failure of statements that were sent together.
pub(crate) enum Unsent<E> {
    /// No statement was executed.
    Begin(DieselError),
    Statement {
        refused: Refused<E>,
        /// Whether COMMIT was answered without an error, in which case the server has rolled back.
        is_over: bool,
    },
    Commit(DieselError),
}

/// Sends statements between the given `begin` and `commit`, without waiting for answers if the connection has prepared
/// them.
///
/// The statements after a failing one are sent all the same. In a transaction the server rejects them, and turns a
/// COMMIT into a ROLLBACK.
pub(crate) async fn send<S: Steps>(
    connection: &mut Connection,
    begin: Option<&str>,
    steps: S,
    commit: Option<&str>,
) -> Result<S::Answers, Unsent<S::Error>> {
    let engine = Engine::behind(connection).await.map_err(Unsent::Begin)?;
    let Ready {
        texts,
        signals,
        start,
    } = steps.ready(engine);
    let answers = if memory(connection).has_executed(&texts) {
        unconstrained(at_once(connection, begin, start, commit)).await
    } else {
        one_by_one(connection, begin, &texts, start, commit).await
    };
    // What COMMIT did is unknown if its answer was lost.
    if matches!(answers, Ok(_) | Err(Unsent::Commit(_))) {
        match commit {
            Some(_) => signals::notify(connection, signals),
            None => signals::keep(connection, signals).map_err(Unsent::Begin)?,
        }
    }
    answers
}

async fn one_by_one<T, E>(
    connection: &mut Connection,
    begin: Option<&str>,
    texts: &[&'static str],
    start: Start<'_, T, E>,
    commit: Option<&str>,
) -> Result<T, Unsent<E>> {
    if let Some(begin) = begin {
        let begun = connection.batch_execute(begin).await;
        begun.map_err(Unsent::Begin)?;
    }
    let answers = start(connection, Pace::InTurn).await;
    let answers = answers.map_err(|refused| Unsent::Statement {
        refused,
        is_over: false,
    })?;
    memory(connection).add_executed(texts);
    if let Some(commit) = commit {
        let committed = connection.batch_execute(commit).await;
        committed.map_err(Unsent::Commit)?;
    }
    Ok(answers)
}

async fn at_once<T, E>(
    connection: &Connection,
    begin: Option<&str>,
    start: Start<'_, T, E>,
    commit: Option<&str>,
) -> Result<T, Unsent<E>> {
    let execute = async |sql: Option<&str>| match sql {
        Some(sql) => {
            let mut shared = connection;
            shared.batch_execute(sql).await
        }
        None => Ok(()),
    };
    let rest = join(start(connection, Pace::Together), execute(commit));
    let (begun, (answers, committed)) = join(execute(begin), rest).await;
    begun.map_err(Unsent::Begin)?;
    let answers = answers.map_err(|refused| Unsent::Statement {
        refused,
        is_over: commit.is_some() && committed.is_ok(),
    })?;
    committed.map_err(Unsent::Commit)?;
    Ok(answers)
}

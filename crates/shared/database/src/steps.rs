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

use std::collections::BTreeSet;

use diesel::connection::{Instrumentation, InstrumentationEvent};
use diesel::result::Error as DieselError;
use diesel_async::{AsyncConnection, SimpleAsyncConnection, TransactionManager};
use futures_util::future::{BoxFuture, join};
use futures_util::{FutureExt, future};
use tokio::task::unconstrained;

use crate::statement::Failure;
use crate::transaction::Manager;
use crate::{Connection, DbError, Statement};

/// A statement or an `Option` of one.
pub trait Step: Send {
    /// What the statement returns.
    type Answer: Send + 'static;
    /// The error of the statement.
    type Error: Send + 'static;

    #[doc(hidden)]
    fn text(&self) -> Option<&'static str>;

    #[doc(hidden)]
    fn begin<'c>(
        self,
        connection: &'c Connection,
    ) -> BoxFuture<'c, Result<Self::Answer, Refused<Self::Error>>>;
}

/// The failure of a step. Used only by [`Step`].
#[doc(hidden)]
pub struct Refused<E>(pub(crate) Failure<E>);

impl<E> Refused<E> {
    /// Counts the failure, and converts it to the caller's error.
    pub(crate) fn into_error(self) -> E {
        let Failure { cause, refuse } = self.0;
        refuse(cause.into())
    }
}

impl<T: Send + 'static, E: Send + 'static> Step for Statement<'_, T, E> {
    type Answer = T;
    type Error = E;

    fn text(&self) -> Option<&'static str> {
        Some(self.text())
    }

    fn begin<'c>(self, connection: &'c Connection) -> BoxFuture<'c, Result<T, Refused<E>>> {
        let answer = self.start(connection);
        answer.map(|answer| answer.map_err(Refused)).boxed()
    }
}

impl<S: Step> Step for Option<S> {
    type Answer = Option<S::Answer>;
    type Error = S::Error;

    fn text(&self) -> Option<&'static str> {
        self.as_ref().and_then(Step::text)
    }

    fn begin<'c>(
        self,
        connection: &'c Connection,
    ) -> BoxFuture<'c, Result<Self::Answer, Refused<S::Error>>> {
        match self {
            Some(step) => step
                .begin(connection)
                .map(|answer| answer.map(Some))
                .boxed(),
            None => future::ready(Ok(None)).boxed(),
        }
    }
}

/// A tuple of statements, in the order in which they are sent.
pub trait Steps: Send {
    /// The results of the statements.
    type Answers: Send;
    /// The error of the first statement that failed.
    type Error: Send + 'static;

    #[doc(hidden)]
    fn texts(&self) -> Vec<&'static str>;

    /// Sends all of them. The first poll polls each once, in order.
    #[doc(hidden)]
    fn at_once(
        self,
        connection: &Connection,
    ) -> impl Future<Output = Result<Self::Answers, Refused<Self::Error>>> + Send;

    /// Runs one after another, up to the first that fails.
    #[doc(hidden)]
    fn in_turn(
        self,
        connection: &Connection,
    ) -> impl Future<Output = Result<Self::Answers, Refused<Self::Error>>> + Send;
}

macro_rules! steps {
    ($first:ident $(, $step:ident)*) => {
        #[allow(non_snake_case, reason = "each type names its own value")]
        impl<$first: Step, $($step: Step<Error = $first::Error>),*> Steps for ($first, $($step,)*) {
            type Answers = ($first::Answer, $($step::Answer,)*);
            type Error = $first::Error;

            fn texts(&self) -> Vec<&'static str> {
                let ($first, $($step,)*) = self;
                [$first.text(), $($step.text()),*].into_iter().flatten().collect()
            }

            async fn at_once(
                self,
                connection: &Connection,
            ) -> Result<Self::Answers, Refused<Self::Error>> {
                let ($first, $($step,)*) = self;
                let ($first, $($step,)*) =
                    futures_util::join!($first.begin(connection), $($step.begin(connection),)*);
                Ok(($first?, $($step?,)*))
            }

            async fn in_turn(
                self,
                connection: &Connection,
            ) -> Result<Self::Answers, Refused<Self::Error>> {
                let ($first, $($step,)*) = self;
                Ok(($first.begin(connection).await?, $($step.begin(connection).await?,)*))
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
) -> Result<S::Answers, S::Error> {
    let sent = send(connection, None, steps, None).await;
    sent.map_err(|error| match error {
        Unsent::Statement { refused, .. } => refused.into_error(),
        Unsent::Begin(_) | Unsent::Commit(_) => unreachable!("neither was sent"),
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
    let texts = steps.texts();
    if knows(connection, &texts) {
        return unconstrained(at_once(connection, begin, steps, commit)).await;
    }
    if let Some(begin) = begin {
        let begun = connection.batch_execute(begin).await;
        begun.map_err(Unsent::Begin)?;
    }
    let answers = steps.in_turn(connection).await;
    let answers = answers.map_err(|refused| Unsent::Statement {
        refused,
        is_over: false,
    })?;
    remember(connection, &texts);
    if let Some(commit) = commit {
        let committed = connection.batch_execute(commit).await;
        committed.map_err(Unsent::Commit)?;
    }
    Ok(answers)
}

async fn at_once<S: Steps>(
    connection: &Connection,
    begin: Option<&str>,
    steps: S,
    commit: Option<&str>,
) -> Result<S::Answers, Unsent<S::Error>> {
    let execute = async |sql: Option<&str>| match sql {
        Some(sql) => {
            let mut shared = connection;
            shared.batch_execute(sql).await
        }
        None => Ok(()),
    };
    let rest = join(steps.at_once(connection), execute(commit));
    let (begun, (answers, committed)) = join(execute(begin), rest).await;
    begun.map_err(Unsent::Begin)?;
    let answers = answers.map_err(|refused| Unsent::Statement {
        refused,
        is_over: commit.is_some() && committed.is_ok(),
    })?;
    committed.map_err(Unsent::Commit)?;
    Ok(answers)
}

/// The statements that a connection has executed, and therefore prepared. They are stored as its instrumentation, which
/// diesel keeps with the connection.
#[derive(Default)]
struct Known(BTreeSet<(usize, usize)>);

impl Instrumentation for Known {
    fn on_connection_event(&mut self, _: InstrumentationEvent<'_>) {}
}

/// Identifies a text by its address, because texts are constants.
fn address(text: &'static str) -> (usize, usize) {
    (text.as_ptr().addr(), text.len())
}

fn knows(connection: &mut Connection, texts: &[&'static str]) -> bool {
    let known = connection.instrumentation().downcast_ref::<Known>();
    known.is_some_and(|known| texts.iter().all(|text| known.0.contains(&address(text))))
}

fn remember(connection: &mut Connection, texts: &[&'static str]) {
    if connection
        .instrumentation()
        .downcast_ref::<Known>()
        .is_none()
    {
        connection.set_instrumentation(Known::default());
    }
    if let Some(known) = connection.instrumentation().downcast_mut::<Known>() {
        known.0.extend(texts.iter().map(|text| address(text)));
    }
}

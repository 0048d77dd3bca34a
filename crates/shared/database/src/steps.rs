//! Several statements in one round trip.
//!
//! PostgreSQL carries out what arrives on a connection in the order of its arrival, so that statements may be sent before the
//! answers of those before them are there. The order in which they are *sent* is what this is about. diesel-async sends a
//! statement when its future is first polled, but only if the connection has prepared it and knows the types of its binds.
//! Otherwise it first asks the server for those, and a later statement, or a COMMIT, would overtake it. So the statements that
//! a connection has answered are remembered with it. If it does not know one of them, they are sent one after another.
//!
//! The driver's locks are free when the first poll comes, because a connection belongs to one task. Tokio may still make that
//! poll wait, when the task has done a lot already. Hence `unconstrained`.

use std::collections::BTreeSet;

use diesel::connection::{Instrumentation, InstrumentationEvent};
use diesel::result::Error as DieselError;
use diesel_async::{AsyncConnection, SimpleAsyncConnection};
use futures_util::future::{BoxFuture, join};
use futures_util::{FutureExt, future};
use tokio::task::unconstrained;

use crate::statement::Failure;
use crate::{Connection, Statement};

/// A statement, or none.
pub trait Step: Send {
    /// What the statement returns.
    type Answer: Send + 'static;
    /// Why it failed.
    type Error: Send + 'static;

    #[doc(hidden)]
    fn text(&self) -> Option<&'static str>;

    #[doc(hidden)]
    fn begin<'c>(
        self,
        connection: &'c Connection,
    ) -> BoxFuture<'c, Result<Self::Answer, Refused<Self::Error>>>;
}

/// Why a step failed. Only for [`Step`].
#[doc(hidden)]
pub struct Refused<E>(pub(crate) Failure<E>);

impl<E> Refused<E> {
    /// The error in its caller's words; counts it.
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

/// Statements in their order: a tuple of them.
pub trait Steps: Send {
    /// What they return.
    type Answers: Send;
    /// Why the first one that failed did so.
    type Error: Send + 'static;

    #[doc(hidden)]
    fn texts(&self) -> Vec<&'static str>;

    /// All of them. The first poll polls each once, in order.
    #[doc(hidden)]
    fn at_once(
        self,
        connection: &Connection,
    ) -> impl Future<Output = Result<Self::Answers, Refused<Self::Error>>> + Send;

    /// One after another, up to the first that fails.
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

/// Sends statements in one round trip if the connection knows them. Outside of a transaction each is one of its own, so that
/// one that fails undoes nothing: send together only what reads.
///
/// # Errors
/// That of the first statement that failed.
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

/// The first thing that failed of what was sent together.
pub(crate) enum Unsent<E> {
    Begin(DieselError),
    Statement {
        refused: Refused<E>,
        /// Whether COMMIT was answered all the same: the server has then rolled back.
        is_over: bool,
    },
    Commit(DieselError),
}

/// Sends statements, with what begins and ends their transaction, which need no answer of the server to be sent.
///
/// A statement that fails does not keep those behind it from being sent. In a transaction the server refuses them, and turns
/// a COMMIT into a ROLLBACK.
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

/// The statements that a connection has answered: it has prepared them. Kept where diesel keeps what belongs to a connection.
#[derive(Default)]
struct Known(BTreeSet<(usize, usize)>);

impl Instrumentation for Known {
    fn on_connection_event(&mut self, _: InstrumentationEvent<'_>) {}
}

/// Texts are constants: one address has one text.
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

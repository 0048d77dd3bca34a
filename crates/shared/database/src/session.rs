//! Sessions, which are connections with a watched stream.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use diesel::ConnectionError;
use diesel_async::pooled_connection::PoolableConnection;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use tokio::task::AbortHandle;

use crate::answers::Answers;
use crate::connect::Server;

/// A connection that waits for its server only for a limited time.
pub struct Session {
    connection: AsyncPgConnection,
    answers: Arc<Answers>,
    driver: AbortHandle,
}

impl Session {
    /// Connects. Must run in the runtime that will drive the connection.
    pub(crate) async fn open(
        server: &Server,
        answers: Arc<Answers>,
        most_silence: Duration,
    ) -> Result<Self, ConnectionError> {
        let (client, driver) = server.connect(answers.clone(), most_silence).await?;
        Ok(Self {
            connection: AsyncPgConnection::try_from(client).await?,
            answers,
            driver,
        })
    }

    /// Whether the connection is closed or was left in a transaction.
    pub(crate) fn is_broken(&mut self) -> bool {
        self.connection.is_broken()
    }

    /// Its unanswered requests.
    pub(crate) fn answers(&self) -> &Answers {
        &self.answers
    }

    /// Makes an empty round trip.
    pub(crate) async fn ping(&mut self) -> diesel::QueryResult<()> {
        self.connection.batch_execute("").await
    }
}

impl Deref for Session {
    type Target = AsyncPgConnection;

    fn deref(&self) -> &AsyncPgConnection {
        &self.connection
    }
}

impl DerefMut for Session {
    fn deref_mut(&mut self) -> &mut AsyncPgConnection {
        &mut self.connection
    }
}

/// Skips the orderly termination if the server owes an answer.
impl Drop for Session {
    fn drop(&mut self) {
        if self.answers.silence().is_some() {
            self.driver.abort();
        }
    }
}

//! Sessions: connections that are watched, and how they are made.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use diesel::ConnectionError;
use diesel_async::pooled_connection::PoolableConnection;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use tokio::task::AbortHandle;

use crate::answers::Answers;
use crate::connect::Server;

/// A connection whose server is waited for within bounds.
pub struct Session {
    connection: AsyncPgConnection,
    answers: Arc<Answers>,
    driver: AbortHandle,
}

impl Session {
    /// Connects. Run it in the runtime that shall drive the connection.
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

    /// Whether it can't be used any more: closed, or left in a transaction.
    pub(crate) fn is_broken(&mut self) -> bool {
        self.connection.is_broken()
    }

    /// What it asked the server.
    pub(crate) fn answers(&self) -> &Answers {
        &self.answers
    }

    /// One round trip without any work.
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

/// A server that owes an answer is not waited for to say goodbye.
impl Drop for Session {
    fn drop(&mut self) {
        if self.answers.silence().is_some() {
            self.driver.abort();
        }
    }
}

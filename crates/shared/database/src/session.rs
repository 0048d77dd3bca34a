//! Sessions, which are connections with a watched stream.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use diesel::ConnectionError;
use diesel_async::pooled_connection::PoolableConnection;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use tokio::net::UnixStream;
use tokio::task::AbortHandle;
use tokio_postgres::config::{Host, SslMode, SslNegotiation};
use tokio_postgres::{Client, Config, NoTls};

use crate::answers::Answers;
use crate::watched::{Watched, Watching};

/// Silence after which the first keepalive is sent, unless the URL sets it.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(10);
/// Interval between further keepalives.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(3);
/// Maximum number of lost keepalives.
const KEEPALIVE_RETRIES: u32 = 3;
/// Maximum time that sent data may stay unacknowledged by the network.
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(10);
/// tokio-postgres' default, which is too long to be useful.
const DRIVER_KEEPALIVE_IDLE: Duration = Duration::from_secs(2 * 60 * 60);

/// A connection that waits for its server only for a limited time.
pub struct Session {
    connection: AsyncPgConnection,
    answers: Arc<Answers>,
    driver: AbortHandle,
}

impl Session {
    /// Connects. Must run in the runtime that will drive the connection.
    pub(crate) async fn open(
        config: &Config,
        answers: Arc<Answers>,
        most_silence: Duration,
    ) -> Result<Self, ConnectionError> {
        let opened = match config.get_hosts().first() {
            Some(Host::Unix(folder)) => {
                let port = config.get_ports().first().copied().unwrap_or(5432);
                let path = folder.join(format!(".s.PGSQL.{port}"));
                let socket = UnixStream::connect(path).await.map_err(unreachable)?;
                let socket = Watched::new(socket, answers.clone(), most_silence);
                let connected = config.connect_raw(socket, NoTls).await;
                let (client, connection) = connected.map_err(unreachable)?;
                (client, drive(connection))
            }
            _ => {
                let watching = Watching {
                    answers: answers.clone(),
                    most: most_silence,
                };
                let connected = in_place_of_tls(config)?.connect(watching).await;
                let (client, connection) = connected.map_err(unreachable)?;
                (client, drive(connection))
            }
        };
        let (client, driver): (Client, AbortHandle) = opened;
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

fn drive<S, T>(connection: tokio_postgres::Connection<S, T>) -> AbortHandle
where
    tokio_postgres::Connection<S, T>:
        Future<Output = Result<(), tokio_postgres::Error>> + Send + 'static,
{
    let driver = tokio::spawn(async move {
        if let Err(error) = connection.await {
            let cause: &dyn std::error::Error = &error;
            tracing::warn!(cause, "lost a connection to the database");
        }
    });
    driver.abort_handle()
}

fn unreachable(error: impl std::error::Error) -> ConnectionError {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    ConnectionError::BadConnection(text)
}

/// Parses a URL, and adds defaults for keepalives and `tcp_user_timeout` if it has none.
pub(crate) fn config_of(url: &str) -> Result<Config, ConnectionError> {
    let parsed: Result<Config, tokio_postgres::Error> = url.parse();
    let mut config =
        parsed.map_err(|error| ConnectionError::InvalidConnectionUrl(error.to_string()))?;
    if config.get_keepalives_idle() == DRIVER_KEEPALIVE_IDLE {
        config.keepalives_idle(KEEPALIVE_IDLE);
    }
    if config.get_keepalives_interval().is_none() {
        config.keepalives_interval(KEEPALIVE_INTERVAL);
    }
    if config.get_keepalives_retries().is_none() {
        config.keepalives_retries(KEEPALIVE_RETRIES);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(TCP_USER_TIMEOUT);
    }
    Ok(config)
}

/// Makes the driver hand its socket to [`Watching`] through its TLS hook. `Watching` does not encrypt, so a URL that
/// requires encryption is refused, as in a driver without TLS.
fn in_place_of_tls(config: &Config) -> Result<Config, ConnectionError> {
    if config.get_ssl_mode() == SslMode::Require {
        let text =
            "sslmode=require is not supported: connections to the database can't be encrypted";
        return Err(ConnectionError::BadConnection(text.to_owned()));
    }
    let mut config = config.clone();
    if config.get_hosts().is_empty() {
        for address in config.get_hostaddrs().to_vec() {
            config.host(address.to_string());
        }
    }
    config
        .ssl_mode(SslMode::Require)
        .ssl_negotiation(SslNegotiation::Direct);
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_time_outs_have_defaults() {
        let config = config_of("postgres://oms@db/oms").unwrap();
        assert!(config.get_keepalives());
        assert_eq!(config.get_keepalives_idle(), KEEPALIVE_IDLE);
        assert_eq!(config.get_keepalives_interval(), Some(KEEPALIVE_INTERVAL));
        assert_eq!(config.get_keepalives_retries(), Some(KEEPALIVE_RETRIES));
        assert_eq!(config.get_tcp_user_timeout(), Some(&TCP_USER_TIMEOUT));
    }

    #[test]
    fn network_time_outs_in_the_url_are_kept() {
        let url =
            "postgres://oms@db/oms?keepalives_idle=60&keepalives_retries=9&tcp_user_timeout=33";
        let config = config_of(url).unwrap();
        assert_eq!(config.get_keepalives_idle(), Duration::from_secs(60));
        assert_eq!(config.get_keepalives_retries(), Some(9));
        assert_eq!(
            config.get_tcp_user_timeout(),
            Some(&Duration::from_secs(33))
        );
    }

    #[test]
    fn a_url_that_requires_encryption_is_refused() {
        let config = config_of("postgres://oms@db/oms?sslmode=require").unwrap();
        let refused = in_place_of_tls(&config).unwrap_err();
        assert!(refused.to_string().contains("sslmode=require"));
    }
}

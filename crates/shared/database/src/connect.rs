//! Parses database URLs (hosts, credentials, TLS) and opens connections.

use std::sync::Arc;
use std::time::Duration;

use diesel::ConnectionError;
use diesel_async::AsyncPgConnection;
use tokio::net::UnixStream;
use tokio::task::AbortHandle;
use tokio_postgres::config::{ChannelBinding, Host, SslMode, SslNegotiation, TargetSessionAttrs};
use tokio_postgres::{Client, Config, NoTls};

use crate::answers::Answers;
use crate::tls::{Parameters, Refused, Tls, TlsMode};
use crate::watched::{Silence, Watched, Watching};

/// Maximum time to connect to one address, unless the URL sets it. With several hosts it also limits TLS and login, so
/// that a host that accepts connections but never answers does not block the next one.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Idle time before the first keepalive, unless the URL sets it.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(5);
/// Interval between further keepalives.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(3);
/// Number of unanswered keepalives after which the connection is closed.
const KEEPALIVE_RETRIES: u32 = 3;
/// Maximum time that sent data may stay unacknowledged by the peer's TCP.
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(5);
/// The default of tokio-postgres, too long to be useful.
const DRIVER_KEEPALIVE_IDLE: Duration = Duration::from_secs(2 * 60 * 60);

/// An invalid database URL. The message says why, without secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidUrl(pub(crate) String);

impl From<InvalidUrl> for ConnectionError {
    fn from(error: InvalidUrl) -> Self {
        Self::InvalidConnectionUrl(error.0)
    }
}

/// A server, or the servers of a cluster of which one is the primary.
#[derive(Clone)]
pub struct Server {
    config: Config,
    tls: Option<Arc<Tls>>,
    mode: Option<TlsMode>,
    /// Maximum silence of the server until the session is established.
    starting: Option<Duration>,
}

impl Server {
    /// Parses a URL and reads the files that it names.
    ///
    /// # Errors
    /// [`InvalidUrl`] if it is malformed or contradictory, or if a file can't be read.
    pub fn parse(url: &str) -> Result<Self, InvalidUrl> {
        let (url, parameters) = Parameters::take(url)?;
        let tls = Tls::of(&parameters)?;
        let mut config: Config = url.parse().map_err(invalid)?;
        let is_impatient = config.get_connect_timeout().is_some();
        set_defaults(&mut config);
        let count = config.get_hosts().len().max(config.get_hostaddrs().len());
        if count > 1 {
            set_primary(&mut config)?;
        }
        if tls.is_none() && config.get_channel_binding() == ChannelBinding::Require {
            return Err(InvalidUrl(
                "channel_binding=require needs sslmode=require, verify-ca or verify-full"
                    .to_owned(),
            ));
        }
        let starting = config.get_connect_timeout().copied();
        Ok(Self {
            starting: starting.filter(|_| is_impatient || count > 1),
            mode: parameters.mode,
            tls,
            config,
        })
    }

    /// Whether any host is another machine, judging by its name or address.
    pub fn is_remote(&self) -> bool {
        let is_remote = |host: &Host| match host {
            Host::Tcp(name) => !is_loopback(name),
            Host::Unix(_) => false,
        };
        let addresses = self.config.get_hostaddrs();
        addresses.iter().any(|address| !address.is_loopback())
            || (addresses.is_empty() && self.config.get_hosts().iter().any(is_remote))
    }

    /// `sslmode` of the URL, if it has one.
    pub fn mode(&self) -> Option<TlsMode> {
        self.mode
    }

    /// Connects to the first host that answers; if there are several, to the first that accepts writes. Must run in the
    /// runtime that will drive the connection.
    pub(crate) async fn connect(
        &self,
        answers: Arc<Answers>,
        most_silence: Duration,
    ) -> Result<(Client, AbortHandle), ConnectionError> {
        let silence = Silence {
            starting: self.starting.unwrap_or(most_silence).min(most_silence),
            most: most_silence,
        };
        if let Some(Host::Unix(folder)) = self.config.get_hosts().first() {
            let port = self.config.get_ports().first().copied().unwrap_or(5432);
            let path = folder.join(format!(".s.PGSQL.{port}"));
            let socket = UnixStream::connect(path)
                .await
                .map_err(|it| unreachable(&it))?;
            let socket = Watched::new(socket, answers, silence);
            let connected = self.config.connect_raw(socket, NoTls).await;
            let (client, connection) = connected.map_err(|it| unreachable(&it))?;
            return Ok((client, drive(connection)));
        }
        let watching = Watching {
            answers,
            silence,
            tls: self.tls.clone(),
        };
        let connected = in_place_of_tls(&self.config).connect(watching).await;
        let (client, connection) = connected.map_err(|it| unreachable(&it))?;
        Ok((client, drive(connection)))
    }
}

/// Opens a connection outside of any pool. It fails if the server owes an answer for longer than `most_silence`.
pub(crate) async fn connect(
    url: &str,
    most_silence: Duration,
) -> Result<AsyncPgConnection, ConnectionError> {
    let answers = Arc::new(Answers::new(Arc::default()));
    let (client, _) = Server::parse(url)?.connect(answers, most_silence).await?;
    AsyncPgConnection::try_from(client).await
}

/// Returns the URL with this `sslmode` added. The URL must not have one yet.
#[must_use]
pub fn with_mode(url: &str, mode: TlsMode) -> String {
    let credentials = url.find('@').unwrap_or(0);
    let separator = match url[credentials..].contains('?') {
        true => '&',
        false => '?',
    };
    let mode = match mode {
        TlsMode::Disable => "disable",
        TlsMode::Require => "require",
        TlsMode::VerifyCa => "verify-ca",
        TlsMode::VerifyFull => "verify-full",
    };
    format!("{url}{separator}sslmode={mode}")
}

fn is_loopback(name: &str) -> bool {
    let address: Result<std::net::IpAddr, _> = name.parse();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

fn invalid(error: tokio_postgres::Error) -> InvalidUrl {
    let text = error.to_string();
    InvalidUrl(match error.into_source() {
        Some(cause) => format!("{text}: {cause}"),
        None => text,
    })
}

/// Sets the default time limits that detect a silent network, unless the URL has its own.
fn set_defaults(config: &mut Config) {
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_TIMEOUT);
    }
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
}

/// Requires the primary among several hosts, the only one that accepts writes.
fn set_primary(config: &mut Config) -> Result<(), InvalidUrl> {
    if config.get_target_session_attrs() == TargetSessionAttrs::ReadOnly {
        return Err(InvalidUrl(
            "target_session_attrs must be read-write, because the program writes".to_owned(),
        ));
    }
    let is_socket = |host: &Host| matches!(host, Host::Unix(_));
    if config.get_hosts().iter().any(is_socket) {
        return Err(InvalidUrl(
            "a URL with several hosts can't contain a Unix socket".to_owned(),
        ));
    }
    config.target_session_attrs(TargetSessionAttrs::ReadWrite);
    Ok(())
}

/// Makes the driver pass its socket to [`Watching`] without requesting TLS; [`Watching`] requests it.
fn in_place_of_tls(config: &Config) -> Config {
    let mut config = config.clone();
    if config.get_hosts().is_empty() {
        for address in config.get_hostaddrs().to_vec() {
            config.host(address.to_string());
        }
    }
    config
        .ssl_mode(SslMode::Require)
        .ssl_negotiation(SslNegotiation::Direct);
    config
}

fn drive<S, T>(connection: tokio_postgres::Connection<S, T>) -> AbortHandle
where
    tokio_postgres::Connection<S, T>:
        Future<Output = Result<(), tokio_postgres::Error>> + Send + 'static,
{
    let driver = tokio::spawn(async move {
        if let Err(error) = connection.await {
            let cause: &dyn std::error::Error = &error;
            tracing::warn!(cause, "a connection to the database was lost");
        }
    });
    driver.abort_handle()
}

/// Joins all causes in one line. If TLS was refused, returns only that cause.
fn unreachable(error: &(dyn std::error::Error + 'static)) -> ConnectionError {
    let causes: Vec<_> = std::iter::successors(Some(error), |error| error.source()).collect();
    let refused = causes.iter().find_map(|it| it.downcast_ref::<Refused>());
    ConnectionError::BadConnection(match refused {
        Some(refused) => refused.to_string(),
        None => {
            let causes: Vec<String> = causes.iter().map(ToString::to_string).collect();
            causes.join(": ")
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Server {
        Server::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"))
    }

    fn problem(url: &str) -> String {
        Server::parse(url).err().unwrap().to_string()
    }

    #[test]
    fn missing_network_limits_get_defaults() {
        let server = parse("postgres://oms@db/oms");
        let config = &server.config;
        assert!(config.get_keepalives());
        assert_eq!(config.get_connect_timeout(), Some(&CONNECT_TIMEOUT));
        assert_eq!(config.get_keepalives_idle(), KEEPALIVE_IDLE);
        assert_eq!(config.get_keepalives_interval(), Some(KEEPALIVE_INTERVAL));
        assert_eq!(config.get_keepalives_retries(), Some(KEEPALIVE_RETRIES));
        assert_eq!(config.get_tcp_user_timeout(), Some(&TCP_USER_TIMEOUT));
        // With one host, the login may take as long as any answer.
        assert_eq!(server.starting, None);
    }

    #[test]
    fn network_limits_of_the_url_are_kept() {
        let server = parse(
            "postgres://oms@db/oms?connect_timeout=7&keepalives_idle=60&keepalives_retries=9&tcp_user_timeout=33",
        );
        let config = &server.config;
        assert_eq!(config.get_keepalives_idle(), Duration::from_secs(60));
        assert_eq!(config.get_keepalives_retries(), Some(9));
        assert_eq!(
            config.get_tcp_user_timeout(),
            Some(&Duration::from_secs(33))
        );
        assert_eq!(server.starting, Some(Duration::from_secs(7)));
    }

    #[test]
    fn several_hosts_require_one_that_accepts_writes() {
        let server = parse("postgres://oms@a,b:5433,c/oms");
        let wanted = TargetSessionAttrs::ReadWrite;
        assert_eq!(server.config.get_target_session_attrs(), wanted);
        assert_eq!(server.starting, Some(CONNECT_TIMEOUT));
        let any = parse("postgres://oms@a/oms").config;
        assert_eq!(any.get_target_session_attrs(), TargetSessionAttrs::Any);
        let standby = problem("postgres://oms@a,b/oms?target_session_attrs=read-only");
        assert!(standby.contains("read-write"), "{standby}");
        let socket = problem("postgres://oms@a,%2Frun/oms");
        assert!(socket.contains("socket"), "{socket}");
    }

    #[test]
    fn local_hosts_are_distinguished_from_remote_ones() {
        for (url, is_remote) in [
            ("postgres://oms:p@db/oms", true),
            ("postgres://oms:p@127.0.0.1:5433/oms", false),
            ("postgres://oms:p@[::1]:5433/oms", false),
            ("postgres://oms:p@localhost,db/oms", true),
            ("postgres:///oms?host=/run/postgresql", false),
            ("postgres:///oms?host=db", true),
            ("postgres://%2Frun%2Fpostgresql/oms", false),
            ("postgres://localhost/oms?hostaddr=10.0.0.7", true),
            ("postgres://db/oms?hostaddr=127.0.0.1", false),
        ] {
            assert_eq!(parse(url).is_remote(), is_remote, "{url}");
        }
    }

    #[test]
    fn errors_about_a_url_never_contain_its_password() {
        for (url, expected) in [
            (
                "postgres://oms:hush@db/oms?port=x",
                "invalid value for option `port`",
            ),
            (
                "postgres://oms:hush@db/oms?sslcrl=a",
                "unknown option `sslcrl`",
            ),
            (
                "postgres://oms:hush@db/oms?channel_binding=require",
                "channel_binding=require needs",
            ),
            (
                "postgres://oms:hush@db/oms?sslmode=verify-full&sslrootcert=/nowhere/ca.pem",
                "sslrootcert=/nowhere/ca.pem can't be read",
            ),
        ] {
            let problem = problem(url);
            assert!(problem.contains(expected), "{problem}");
            assert!(!problem.contains("hush"), "{problem}");
        }
    }

    #[test]
    fn a_mode_is_added_to_the_parameters() {
        let with = |url: &str| with_mode(url, TlsMode::VerifyFull);
        assert_eq!(
            with("postgres://db/oms"),
            "postgres://db/oms?sslmode=verify-full"
        );
        assert_eq!(
            with("postgres://oms:a?b@db/oms?port=1"),
            "postgres://oms:a?b@db/oms?port=1&sslmode=verify-full"
        );
        assert_eq!(
            with("postgres://oms:a?b@db/oms"),
            "postgres://oms:a?b@db/oms?sslmode=verify-full"
        );
    }
}

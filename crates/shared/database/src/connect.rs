//! Where a server is, who we are, and how the connection is protected: from a URL. And the one function that connects.

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

/// Longest wait for one address, unless the URL says. Where there are several hosts it bounds all of the beginning, so that a
/// host that takes connections and says nothing does not keep the next one waiting.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// When the first keepalive is sent on a silent connection, unless the URL says.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(5);
/// How far apart further ones are.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(3);
/// How many may be lost.
const KEEPALIVE_RETRIES: u32 = 3;
/// How long what was sent may stay without an acknowledgement of the network.
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(5);
/// tokio-postgres' own default: as good as none.
const DRIVER_KEEPALIVE_IDLE: Duration = Duration::from_secs(2 * 60 * 60);

/// A URL that can't be used. Says why without repeating a secret.
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
    /// Longest silence until a session is there.
    starting: Option<Duration>,
}

impl Server {
    /// Reads a URL, and the files that it names.
    ///
    /// # Errors
    /// [`InvalidUrl`] when it has no meaning, or a file can't be read.
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

    /// Whether a host is another machine, as far as its name tells.
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

    /// Connects, to the first host that answers and, where there are several, takes changes. Run it in the runtime that shall
    /// drive the connection.
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

/// A connection apart from any pool, whose server may be silent for so long.
pub(crate) async fn connect(
    url: &str,
    most_silence: Duration,
) -> Result<AsyncPgConnection, ConnectionError> {
    let answers = Arc::new(Answers::new(Arc::default()));
    let (client, _) = Server::parse(url)?.connect(answers, most_silence).await?;
    AsyncPgConnection::try_from(client).await
}

/// The URL with this `sslmode`, which it must not have yet.
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

/// Bounds for a network that is silent, where the URL has none.
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

/// Of several hosts one takes changes: the others are of no use here.
fn set_primary(config: &mut Config) -> Result<(), InvalidUrl> {
    if config.get_target_session_attrs() == TargetSessionAttrs::ReadOnly {
        return Err(InvalidUrl(
            "target_session_attrs must be read-write: orders are written".to_owned(),
        ));
    }
    let is_socket = |host: &Host| matches!(host, Host::Unix(_));
    if config.get_hosts().iter().any(is_socket) {
        return Err(InvalidUrl(
            "a socket can't be one of several hosts".to_owned(),
        ));
    }
    config.target_session_attrs(TargetSessionAttrs::ReadWrite);
    Ok(())
}

/// Has the driver hand its socket to [`Watching`], which asks the server for TLS itself.
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

/// The causes in one line. Where TLS was refused, that alone says it.
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
    fn a_url_without_bounds_for_the_network_gets_some() {
        let server = parse("postgres://oms@db/oms");
        let config = &server.config;
        assert!(config.get_keepalives());
        assert_eq!(config.get_connect_timeout(), Some(&CONNECT_TIMEOUT));
        assert_eq!(config.get_keepalives_idle(), KEEPALIVE_IDLE);
        assert_eq!(config.get_keepalives_interval(), Some(KEEPALIVE_INTERVAL));
        assert_eq!(config.get_keepalives_retries(), Some(KEEPALIVE_RETRIES));
        assert_eq!(config.get_tcp_user_timeout(), Some(&TCP_USER_TIMEOUT));
        // One host is waited for as long as for an answer.
        assert_eq!(server.starting, None);
    }

    #[test]
    fn the_bounds_of_a_url_are_kept() {
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
    fn of_several_hosts_the_one_that_takes_changes_is_used() {
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
    fn hosts_on_this_machine_are_told_from_others() {
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
    fn what_is_wrong_with_a_url_is_said_without_its_password() {
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

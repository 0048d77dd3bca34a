//! A database that accepts connections and statements but doesn't answer.

use std::sync::Arc;
use std::time::Duration;

use diesel_async::SimpleAsyncConnection;
use oms_database::{Database, DatabaseConfig, DbError, PooledConnection, transaction};
use oms_testing::{SilentProxy, TestDatabase};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::pool::RETIRING;

/// Far more than any time-out of these tests.
const TOO_LONG: Duration = Duration::from_secs(60);

struct Network {
    proxy: SilentProxy,
    pool: Database,
    _database: TestDatabase,
}

impl Network {
    /// Connects through a proxy. Connections that were idle for `fresh` are tested before use.
    async fn open(max_connections: usize, fresh: Duration) -> Self {
        let database = TestDatabase::create_empty();
        let (proxy, url) = database.behind_proxy().await;
        let pool = Database::new(&DatabaseConfig {
            max_connections,
            acquire_timeout: Duration::from_secs(10),
            answer_timeout: Duration::from_secs(3),
            ping_timeout: Duration::from_secs(1),
            fresh,
            ..DatabaseConfig::new(url)
        });
        Self {
            proxy,
            pool: pool.unwrap(),
            _database: database,
        }
    }

    async fn acquire_all(&self) -> Vec<PooledConnection> {
        let mut connections = Vec::new();
        for _ in 0..self.pool.status().max_size {
            connections.push(self.pool.acquire().await.unwrap());
        }
        connections
    }
}

async fn ask(connection: &mut PooledConnection) -> Result<(), DbError> {
    let asked = timeout(TOO_LONG, connection.batch_execute("SELECT 1")).await;
    asked.expect("the wait for the answer is limited")?;
    Ok(())
}

#[tokio::test]
async fn an_unanswered_statement_fails_and_its_connection_is_replaced() {
    let _kept = RETIRING.read().await;
    let network = Network::open(1, TOO_LONG).await;
    let mut connection = network.pool.acquire().await.unwrap();
    ask(&mut connection).await.unwrap();
    network.proxy.swallow_existing();
    let unanswered = ask(&mut connection).await;
    assert!(
        matches!(unanswered, Err(DbError::Unavailable(_))),
        "{unanswered:?}"
    );
    assert_eq!(network.pool.oldest_call(), None);
    drop(connection);
    let mut replaced = network.pool.acquire().await.unwrap();
    ask(&mut replaced).await.unwrap();
    assert_eq!(network.pool.status().size, 1);
    assert_eq!(network.proxy.accepted(), 2);
}

#[tokio::test]
async fn an_unanswered_commit_has_an_unknown_outcome() {
    let network = Network::open(1, TOO_LONG).await;
    let mut connection = network.pool.acquire().await.unwrap();
    let committed = transaction(&mut connection, async |connection| {
        connection.batch_execute("SELECT 1").await?;
        network.proxy.swallow_existing();
        Ok::<(), DbError>(())
    });
    let unknown = timeout(TOO_LONG, committed).await.unwrap();
    assert!(
        matches!(unknown, Err(DbError::CommitOutcomeUnknown(_))),
        "{unknown:?}"
    );
}

#[tokio::test]
async fn idle_connections_that_fell_silent_are_replaced_before_use() {
    let _kept = RETIRING.read().await;
    let network = Network::open(3, Duration::ZERO).await;
    drop(network.acquire_all().await);
    network.proxy.swallow_existing();
    for _ in 0..2 {
        for connection in &mut network.acquire_all().await {
            ask(connection).await.unwrap();
        }
    }
    let status = network.pool.status();
    assert_eq!((status.size, status.idle), (3, 3));
    assert_eq!(
        network.proxy.accepted(),
        6,
        "three connections were not replaced exactly once"
    );
}

#[tokio::test]
async fn acquiring_from_a_silent_server_times_out_and_works_again_once_it_answers() {
    let network = Network::open(2, Duration::ZERO).await;
    drop(network.acquire_all().await);
    network.proxy.swallow_all();
    for _ in 0..2 {
        let refused = timeout(TOO_LONG, network.pool.acquire()).await.unwrap();
        assert!(matches!(refused, Err(DbError::Unavailable(_))));
    }
    network.proxy.heal();
    for connection in &mut network.acquire_all().await {
        ask(connection).await.unwrap();
    }
    assert_eq!(network.pool.status().size, 2);
}

#[tokio::test]
async fn the_age_of_the_oldest_unanswered_statement_is_known() {
    let network = Network::open(2, TOO_LONG).await;
    let mut connections = network.acquire_all().await;
    network.proxy.swallow_existing();
    let (first, second) = connections.split_at_mut(1);
    let both = futures_util::future::join(ask(&mut first[0]), ask(&mut second[0]));
    let watching = async {
        while network.pool.oldest_call() < Some(Duration::from_secs(1)) {
            tokio::task::yield_now().await;
        }
    };
    let (asked, ()) = futures_util::future::join(both, watching).await;
    assert!(asked.0.is_err() && asked.1.is_err());
    assert_eq!(network.pool.oldest_call(), None);
}

#[tokio::test]
async fn a_cancelled_statement_does_not_break_its_connection() {
    let _kept = RETIRING.read().await;
    let network = Network::open(1, TOO_LONG).await;
    let mut connection = network.pool.acquire().await.unwrap();
    let given_up = timeout(
        Duration::from_millis(1),
        connection.batch_execute("SELECT pg_sleep(0.2)"),
    );
    assert!(given_up.await.is_err());
    drop(connection);
    let mut connection = network.pool.acquire().await.unwrap();
    ask(&mut connection).await.unwrap();
    assert_eq!(network.proxy.accepted(), 1);
}

/// Forwards a connection to a server until it is notified to stop reading from the client. The kernel then acknowledges
/// only what fits in its receive buffer.
async fn deaf(server: String) -> (u16, Arc<Notify>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(1024).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(8).unwrap();
    let port = listener.local_addr().unwrap().port();
    let stop = Arc::new(Notify::new());
    let stopped = stop.clone();
    tokio::spawn(async move {
        let (client, _) = listener.accept().await.unwrap();
        let (mut from_client, mut to_client) = client.into_split();
        let server = TcpStream::connect(server).await.unwrap();
        let (mut from_server, mut to_server) = server.into_split();
        tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
        tokio::select! {
            () = stopped.notified() => {}
            _ = tokio::io::copy(&mut from_client, &mut to_server) => {}
        }
        std::future::pending::<()>().await;
    });
    (port, stop)
}

#[tokio::test]
async fn tcp_user_timeout_closes_a_connection_whose_peer_stops_reading() {
    let database = TestDatabase::create_empty();
    let url = database.url();
    let (before, rest) = url.split_once('@').unwrap();
    let (server, path) = rest.split_once('/').unwrap();
    let (port, stop) = deaf(server.to_owned()).await;
    let separator = if path.contains('?') { '&' } else { '?' };
    let pool = Database::new(&DatabaseConfig {
        max_connections: 1,
        acquire_timeout: TOO_LONG,
        answer_timeout: TOO_LONG * 10,
        fresh: TOO_LONG,
        ..DatabaseConfig::new(format!(
            "{before}@127.0.0.1:{port}/{path}{separator}tcp_user_timeout=1"
        ))
    });
    let pool = pool.unwrap();
    let mut connection = pool.acquire().await.unwrap();
    stop.notify_one();
    // More than the buffers of both kernels hold.
    let statement = format!("SELECT '{}'", "x".repeat(16 * 1024 * 1024));
    let sent = timeout(TOO_LONG * 2, connection.batch_execute(&statement)).await;
    let sent = sent
        .expect("the network closes the connection")
        .unwrap_err();
    assert!(matches!(DbError::from(sent), DbError::Unavailable(_)));
}

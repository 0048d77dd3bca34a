//! Several hosts, of which one accepts writes, and synchronous standbys that do not answer.

use std::net::TcpListener;
use std::time::Duration;

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Text};
use diesel_async::RunQueryDsl;
use oms_database::{Database, DatabaseConfig, DbError, cached_sql, transaction};
use oms_testing::eventually::{eventually, until};
use oms_testing::{PATIENCE, PrivateServer, Setup};
use tokio_postgres::NoTls;

use crate::pool::{RETIRING, until_retired};

const STANDBY: &str = "default_transaction_read_only = on\n";
const PRIMARY: &str = "default_transaction_read_only = off\n";

async fn become_(server: &PrivateServer, role: &str) {
    server.reload_with(&[("postgresql.auto.conf", role)]).await;
}

async fn execute(server: &PrivateServer, statement: &str) {
    let (client, connection) = tokio_postgres::connect(server.url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute(statement).await.unwrap();
}

fn pool(url: String) -> Database {
    Database::new(&DatabaseConfig {
        max_connections: 2,
        acquire_timeout: PATIENCE,
        statement_timeout: PATIENCE,
        answer_timeout: PATIENCE * 2,
        ping_timeout: PATIENCE,
        ..DatabaseConfig::new(url)
    })
    .unwrap()
}

/// Writes a row, and returns the port of the server that has it.
async fn write(pool: &Database) -> Result<String, DbError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        port: String,
    }

    let mut connection = pool.acquire().await?;
    let statement =
        cached_sql("INSERT INTO public.t VALUES (1) RETURNING current_setting('port') AS port");
    let row: Row = statement.get_result(&mut *connection).await?;
    Ok(row.port)
}

fn port(server: &PrivateServer) -> String {
    server.address().split_once(':').unwrap().1.to_owned()
}

#[tokio::test]
async fn the_primary_is_used_even_after_a_switchover() {
    let (first, second) = tokio::join!(PrivateServer::start(), PrivateServer::start());
    for server in [&first, &second] {
        execute(server, "CREATE TABLE public.t (a integer)").await;
    }
    become_(&first, STANDBY).await;
    let url = format!(
        "postgres://postgres@{},{}/postgres?connect_timeout=60",
        first.address(),
        second.address()
    );
    let pool = pool(url);
    // Two sessions, one of which is idle when the server is demoted.
    let both = [pool.acquire().await.unwrap(), pool.acquire().await.unwrap()];
    drop(both);
    assert_eq!(write(&pool).await.unwrap(), port(&second));

    let _retiring = RETIRING.write().await;
    become_(&second, STANDBY).await;
    become_(&first, PRIMARY).await;
    let demoted = eventually("the session is read-only", async || {
        write(&pool).await.err()
    });
    assert!(matches!(demoted.await, DbError::Unavailable(_)));
    assert_eq!(
        until_retired(async || write(&pool).await).await,
        port(&first)
    );
    let both = [pool.acquire().await.unwrap(), pool.acquire().await.unwrap()];
    drop(both);
    for _ in 0..2 {
        assert_eq!(write(&pool).await.unwrap(), port(&first));
    }
}

#[tokio::test]
async fn connecting_fails_with_a_clear_error_if_no_server_accepts_writes() {
    let server = PrivateServer::start().await;
    become_(&server, STANDBY).await;
    let address = server.address();
    let pool = pool(format!("postgres://postgres@{address},{address}/postgres"));
    let refused = pool.acquire().await.err().unwrap().to_string();
    assert!(refused.contains("does not allow writes"), "{refused}");
}

#[tokio::test]
async fn a_host_that_accepts_connections_but_never_answers_does_not_block_the_next_one() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = PrivateServer::start().await;
    for sslmode in ["disable", "require"] {
        let url = format!(
            "postgres://postgres@{},{}/postgres?connect_timeout=1&sslmode={sslmode}",
            silent.local_addr().unwrap(),
            server.address()
        );
        let pool = pool(url);
        let connected = eventually("the second host is used", async || {
            match pool.acquire().await {
                Ok(_) => Some(Ok(())),
                // The second host has the same short limit and may exceed it.
                Err(error) if error.to_string().contains("no answer within") => None,
                Err(error) => Some(Err(error.to_string())),
            }
        });
        match (sslmode, connected.await) {
            ("disable", connected) => assert_eq!(connected, Ok(())),
            (_, refused) => assert!(refused.unwrap_err().contains("does not offer TLS")),
        }
    }
}

async fn rows(server: &PrivateServer) -> i64 {
    let (client, connection) = tokio_postgres::connect(server.url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    let counted = client.query_one("SELECT count(*) FROM public.t", &[]).await;
    counted.unwrap().get(0)
}

#[tokio::test]
async fn the_outcome_of_a_commit_that_waits_for_a_missing_standby_is_unknown() {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        waiting: i64,
    }

    let setup = Setup {
        files: &[(
            "postgresql.auto.conf",
            "synchronous_standby_names = 'nobody'\n",
        )],
        ..Setup::default()
    };
    let server = PrivateServer::start_with(setup).await;
    execute(
        &server,
        "SET synchronous_commit = off; CREATE TABLE public.t (a integer)",
    )
    .await;
    let pool = Database::new(&DatabaseConfig {
        max_connections: 1,
        acquire_timeout: PATIENCE,
        statement_timeout: Duration::from_secs(1),
        lock_timeout: Duration::from_millis(500),
        answer_timeout: Duration::from_secs(3),
        ..DatabaseConfig::new(server.url())
    })
    .unwrap();
    let mut connection = pool.acquire().await.unwrap();
    let committed = transaction(&mut connection, async |connection| {
        let inserted = cached_sql("INSERT INTO public.t VALUES (1)").execute(connection);
        inserted.await?;
        Ok::<(), DbError>(())
    });
    let unknown = tokio::time::timeout(PATIENCE, committed).await.unwrap();
    assert!(
        matches!(unknown, Err(DbError::CommitOutcomeUnknown(_))),
        "{unknown:?}"
    );
    drop(connection);

    // The pool opens another session. The commit is still waiting for the standby.
    let mut connection = pool.acquire().await.unwrap();
    let waiting =
        cached_sql("SELECT count(*) AS waiting FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
    let row: Row = waiting.get_result(&mut *connection).await.unwrap();
    assert_eq!((row.waiting, rows(&server).await), (1, 0));
    server.reload_with(&[("postgresql.auto.conf", "")]).await;
    until("the row is there", async || rows(&server).await == 1).await;
}

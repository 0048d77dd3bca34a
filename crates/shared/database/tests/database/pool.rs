//! The pool and its transactions on a real server.

use std::time::Duration;

use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use oms_database::{
    Connection, Database, DatabaseConfig, DbError, Fitness, Probe, cached_sql, migrations,
    transaction,
};
use oms_testing::TestDatabase;
use tokio::sync::RwLock;

#[tokio::test]
async fn pending_migrations_of_an_empty_database_can_be_listed() {
    let test = TestDatabase::create_empty();
    let mut connection = test.pool(1).acquire().await.unwrap();
    assert!(
        !migrations::pending(&mut connection)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn an_error_rolls_back_the_transaction() {
    let test = TestDatabase::create();
    let mut connection = test.pool(1).acquire().await.unwrap();
    let failed = transaction(&mut connection, async |connection| {
        connection
            .batch_execute("CREATE TABLE orders.left_over ()")
            .await?;
        Err::<(), _>(DbError::LockTimeout)
    });
    assert!(matches!(failed.await, Err(DbError::LockTimeout)));
    let missing = connection
        .batch_execute("SELECT FROM orders.left_over")
        .await
        .unwrap_err();
    assert!(missing.to_string().contains("does not exist"));
}

#[tokio::test]
async fn an_unavailable_lock_is_reported_as_a_lock_timeout() {
    let test = TestDatabase::create();
    let mut holder = test.connect().await;
    holder
        .batch_execute("BEGIN; LOCK TABLE orders.orders")
        .await
        .unwrap();
    let config = DatabaseConfig {
        lock_timeout: std::time::Duration::from_millis(20),
        ..DatabaseConfig::new(test.url())
    };
    let mut connection = Database::new(&config).unwrap().acquire().await.unwrap();
    let error = connection
        .batch_execute("SELECT FROM orders.orders")
        .await
        .unwrap_err();
    assert!(matches!(DbError::from(error), DbError::LockTimeout));
}

#[tokio::test]
async fn a_pool_recovers_after_all_its_connections_were_terminated() {
    let test = TestDatabase::create();
    let pool = test.pool(1);
    drop(pool.acquire().await.unwrap());
    let cut = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    test.connect().await.batch_execute(cut).await.unwrap();

    let mut healed = false;
    for _ in 0..2 {
        let mut connection = pool.acquire().await.unwrap();
        match connection.batch_execute("SELECT 1").await {
            Ok(()) => healed = true,
            Err(error) => assert!(matches!(DbError::from(error), DbError::Unavailable(_))),
        }
    }
    assert!(healed, "the pool still hands out the terminated connection");
}

/// Creates the table `public.t`, and a pool of one connection.
async fn pool_with_table(test: &TestDatabase) -> Database {
    let pool = test.pool(1);
    let mut connection = pool.acquire().await.unwrap();
    connection
        .batch_execute("CREATE TABLE public.t (a integer); INSERT INTO public.t VALUES (1)")
        .await
        .unwrap();
    drop(connection);
    pool
}

/// Held alone by tests that make this process retire its sessions, and together by tests that need a session to be kept.
pub(crate) static RETIRING: RwLock<()> = RwLock::const_new(());

/// Repeats `ask` until the failing session is discarded. Retirements have a minimum interval per process, and another
/// test may have just caused one.
pub(crate) async fn until_retired<T>(mut ask: impl AsyncFnMut() -> Result<T, DbError>) -> T {
    let asking = async {
        loop {
            match ask().await {
                Ok(answer) => return answer,
                Err(DbError::Unavailable(_)) => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        }
    };
    let answered = tokio::time::timeout(Duration::from_secs(120), asking).await;
    answered.expect("the session is discarded")
}

async fn session(pool: &Database) -> i32 {
    let mut connection = pool.acquire().await.unwrap();
    let pid = diesel::select(diesel::dsl::sql::<diesel::sql_types::Integer>(
        "pg_backend_pid()",
    ));
    pid.get_result(&mut *connection).await.unwrap()
}

#[tokio::test]
async fn a_read_only_session_is_discarded() {
    let _retiring = RETIRING.write().await;
    let test = TestDatabase::create();
    let pool = pool_with_table(&test).await;
    let before = session(&pool).await;
    let mut connection = pool.acquire().await.unwrap();
    // Simulates a server that was demoted or made read-only.
    connection
        .batch_execute("SET default_transaction_read_only = on")
        .await
        .unwrap();
    let refused = transaction(&mut connection, async |connection| {
        cached_sql("INSERT INTO public.t VALUES (2)")
            .execute(connection)
            .await?;
        Ok::<_, DbError>(())
    });
    assert!(matches!(refused.await, Err(DbError::Unavailable(_))));
    drop(connection);
    let written = until_retired(async || {
        let mut connection = pool.acquire().await?;
        let statement = cached_sql("INSERT INTO public.t VALUES (2)");
        Ok(statement.execute(&mut *connection).await?)
    });
    assert_eq!(written.await, 1);
    assert_ne!(session(&pool).await, before);
}

#[tokio::test]
async fn a_session_with_outdated_prepared_statements_is_discarded() {
    let _retiring = RETIRING.write().await;
    #[derive(diesel::QueryableByName)]
    struct Row {
        #[diesel(sql_type = diesel::sql_types::Integer)]
        a: i32,
    }

    let test = TestDatabase::create();
    let pool = pool_with_table(&test).await;
    let read = async |connection: &mut Connection| -> Result<Row, DbError> {
        let statement = cached_sql("SELECT * FROM public.t");
        Ok(statement.get_result(connection).await?)
    };
    let mut connection = pool.acquire().await.unwrap();
    assert_eq!(read(&mut connection).await.unwrap().a, 1);
    let mut owner = test.connect().await;
    owner
        .batch_execute("ALTER TABLE public.t ADD COLUMN b integer")
        .await
        .unwrap();
    let failed = read(&mut connection).await;
    assert!(matches!(failed, Err(DbError::Unavailable(_))));
    drop(connection);
    let answered = until_retired(async || read(&mut *pool.acquire().await?).await);
    assert_eq!(answered.await.a, 1);
}

#[tokio::test]
async fn a_probe_distinguishes_writable_from_read_only_servers() {
    let test = TestDatabase::create();
    let pool = test.pool(1);
    let mut probe = Probe::new(pool.clone(), test.url(), Duration::from_secs(60));
    let fit = Fitness {
        is_writable: true,
        is_migrated: true,
    };
    assert_eq!(probe.ask().await.unwrap(), fit);
    // A busy pool makes no difference.
    let busy = pool.acquire().await.unwrap();
    assert_eq!(probe.ask().await.unwrap(), fit);
    drop(busy);

    let name = test
        .url()
        .split('?')
        .next()
        .unwrap()
        .rsplit_once('/')
        .unwrap()
        .1
        .to_owned();
    let mut owner = test.connect().await;
    let cut = format!(
        "ALTER DATABASE {name} SET default_transaction_read_only = on;
         SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid()"
    );
    owner.batch_execute(&cut).await.unwrap();
    assert!(!probe.ask().await.unwrap().is_writable);
    let reset = format!("ALTER DATABASE {name} RESET default_transaction_read_only");
    owner.batch_execute(&reset).await.unwrap();
    assert_eq!(probe.ask().await.unwrap(), fit);
}

#[tokio::test]
async fn a_probe_of_a_silent_server_times_out() {
    let test = TestDatabase::create();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://oms@{}/oms", silent.local_addr().unwrap());
    let mut probe = Probe::new(test.pool(1), url, Duration::from_millis(200));
    let refused = probe.ask().await.unwrap_err();
    assert!(refused.to_string().contains("within 200 ms"), "{refused}");
}

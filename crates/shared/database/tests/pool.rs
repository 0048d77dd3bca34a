//! The pool and its transactions on a real server.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use diesel_async::SimpleAsyncConnection;
use oms_database::{Database, DatabaseConfig, DbError, migrations, transaction};
use oms_test_support::TestDatabase;

#[tokio::test]
async fn a_database_that_was_never_migrated_can_be_asked_what_it_lacks() {
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
async fn an_error_rolls_the_transaction_back() {
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
async fn a_lock_that_can_not_be_had_times_out_and_says_so() {
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
async fn a_pool_whose_connections_were_all_cut_heals() {
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
    assert!(
        healed,
        "the pool still hands out the connection that was cut"
    );
}

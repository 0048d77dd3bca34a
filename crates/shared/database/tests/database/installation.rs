//! The identity of an installation, and the detection of copies.

use chrono::{DateTime, TimeDelta, Utc};
use diesel_async::SimpleAsyncConnection;
use oms_database::Connection;
use oms_database::installation::{Installation, establish, find, separate, take_over};
use oms_testing::TestDatabase;

/// A time later than the current one, as on a server whose clock is ahead.
fn newest_payment() -> Option<DateTime<Utc>> {
    Some("2100-01-01T00:00:00Z".parse().unwrap())
}

/// Makes the database look copied since the last start.
async fn move_elsewhere(connection: &mut Connection, column: &str) {
    let sql = format!("UPDATE installation.identity SET {column} = {column} + 1");
    connection.batch_execute(&sql).await.unwrap();
}

async fn start(connection: &mut Connection) -> Installation {
    establish(connection, newest_payment()).await.unwrap()
}

#[tokio::test]
async fn an_installation_is_created_once_and_stays_the_original() {
    let database = TestDatabase::create();
    let mut connection = database.connect().await;
    assert_eq!(find(&mut connection).await.unwrap(), None);
    let made = start(&mut connection).await;
    assert!(!made.is_undecided_copy());
    assert_eq!(made.inherited_until, None);
    assert_eq!(start(&mut connection).await, made);
    assert_eq!(find(&mut connection).await.unwrap(), Some(made));
}

#[tokio::test]
async fn a_database_in_another_cluster_or_with_another_oid_is_a_copy_until_it_takes_over() {
    let database = TestDatabase::create();
    let mut connection = database.connect().await;
    let original = start(&mut connection).await;
    for column in ["system_identifier", "database_oid"] {
        move_elsewhere(&mut connection, column).await;
        let copy = start(&mut connection).await;
        assert!(copy.is_undecided_copy(), "{column}");
        assert_eq!(copy.id, original.id);
        let newest = newest_payment().unwrap();
        assert!(copy.inherited_until.unwrap() > newest);
        // Another start doesn't change that.
        assert_eq!(start(&mut connection).await, copy);
        assert_eq!(take_over(&mut connection).await.unwrap(), original);
        assert_eq!(start(&mut connection).await, original);
    }
}

#[tokio::test]
async fn a_copy_without_payments_needs_no_decision() {
    let database = TestDatabase::create();
    let mut connection = database.connect().await;
    let original = start(&mut connection).await;
    move_elsewhere(&mut connection, "database_oid").await;
    assert_eq!(establish(&mut connection, None).await.unwrap(), original);
    assert_eq!(start(&mut connection).await, original);
}

#[tokio::test]
async fn a_server_without_a_known_identifier_is_recognised_by_the_oid_alone() {
    let database = TestDatabase::create();
    let mut connection = database.connect().await;
    let original = start(&mut connection).await;
    let unknown = "UPDATE installation.identity SET system_identifier = NULL";
    connection.batch_execute(unknown).await.unwrap();
    assert_eq!(start(&mut connection).await, original);
    move_elsewhere(&mut connection, "database_oid").await;
    assert!(start(&mut connection).await.is_undecided_copy());
}

#[tokio::test]
async fn a_separated_copy_has_its_own_id_and_never_gets_inherited_payments_back() {
    let database = TestDatabase::create();
    let mut connection = database.connect().await;
    let original = start(&mut connection).await;
    let separated = separate(&mut connection, newest_payment()).await.unwrap();
    assert_ne!(separated.id, original.id);
    assert!(!separated.is_undecided_copy());
    assert!(separated.separated_at.unwrap() > newest_payment().unwrap());
    assert_eq!(start(&mut connection).await, separated);

    move_elsewhere(&mut connection, "database_oid").await;
    let later = newest_payment().map(|newest| newest + TimeDelta::days(1));
    let copy = establish(&mut connection, later).await.unwrap();
    assert!(copy.is_undecided_copy());
    assert_eq!(take_over(&mut connection).await.unwrap(), separated);
}

//! Migrating a database that is in use.

use std::time::Duration;

use diesel_async::SimpleAsyncConnection;
use oms_database::{LockPatience, migrations};
use oms_testing::{PATIENCE, TestDatabase};
use tokio::sync::mpsc;

/// A migration that alters a table. [`REVERT`] undoes it.
const ALTERING: &str = "20261128100501";
const REVERT: &str = "ALTER TABLE payments.gateway_events DROP COLUMN claim;
    DELETE FROM __diesel_schema_migrations WHERE version = '20261128100501'";

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_of_a_locked_table_is_retried_until_the_lock_is_released() {
    let test = TestDatabase::create();
    let mut holder = test.connect().await;
    holder.batch_execute(REVERT).await.unwrap();
    let lock = "BEGIN; LOCK TABLE payments.gateway_events IN ACCESS SHARE MODE";
    holder.batch_execute(lock).await.unwrap();
    let (sender, mut reports) = mpsc::unbounded_channel();
    let patience = LockPatience {
        tries: 1000,
        pause: Duration::from_millis(10),
        report: Box::new(move |text| sender.send(text.to_owned()).unwrap()),
    };
    let url = test.url();
    let migrating =
        tokio::spawn(async move { migrations::migrate_within(&url, PATIENCE, patience).await });
    let report = reports.recv().await.unwrap();
    assert!(report.contains("payments_work_claims"), "{report}");
    assert!(report.contains("try 1 of 1000"), "{report}");
    holder.batch_execute("COMMIT").await.unwrap();
    assert_eq!(migrating.await.unwrap().unwrap(), [ALTERING]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_of_a_table_that_stays_locked_fails_with_its_name_and_changes_nothing() {
    let test = TestDatabase::create();
    let mut holder = test.connect().await;
    holder.batch_execute(REVERT).await.unwrap();
    let lock = "BEGIN; LOCK TABLE payments.gateway_events IN ACCESS SHARE MODE";
    holder.batch_execute(lock).await.unwrap();
    let url = test.url();
    let migrating = migrations::migrate_within(&url, PATIENCE, LockPatience::none());
    let refused = migrating.await.unwrap_err().to_string();
    assert!(refused.contains("payments_work_claims: "), "{refused}");
    assert!(refused.contains("due to lock timeout"), "{refused}");
    holder.batch_execute("COMMIT").await.unwrap();
    assert_eq!(migrations::pending(&mut holder).await.unwrap(), [ALTERING]);
}

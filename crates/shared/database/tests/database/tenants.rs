//! The registry of tenants.

use diesel_async::SimpleAsyncConnection;
use oms_database::{Connection, DbError, register_tenant};
use oms_testing::TestDatabase;
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread")]
async fn instances_may_register_a_tenant_concurrently() {
    let test = TestDatabase::create();
    let tenant = Uuid::from_u128(7);
    let instances = [test.pool(1), test.pool(1), test.pool(1)];
    let registering = instances.each_ref().map(|database| async move {
        let mut connection = database.acquire().await.unwrap();
        let registered = database.tenants().register(&mut connection, tenant).await;
        registered.unwrap();
        assert!(database.tenants().knows(tenant));
    });
    futures_util::future::join_all(registering).await;
    let mut connection = test.connect().await;
    connection
        .batch_execute(
            "DO $$ BEGIN ASSERT (SELECT count(*) = 1 AND bool_and(state = 'ACTIVE') FROM tenancy.tenants); END $$",
        )
        .await
        .unwrap();
}

/// Makes every further insert fail.
async fn refuse_rows(connection: &mut Connection) {
    let refuse = "ALTER TABLE tenancy.tenants ADD CONSTRAINT closed CHECK (false) NOT VALID";
    connection.batch_execute(refuse).await.unwrap();
}

#[tokio::test]
async fn nothing_is_written_for_a_registered_tenant() {
    let test = TestDatabase::create();
    let mut connection = test.connect().await;
    let (known, unknown) = (Uuid::from_u128(7), Uuid::from_u128(8));
    register_tenant(&mut connection, known).await.unwrap();
    refuse_rows(&mut connection).await;
    register_tenant(&mut connection, known).await.unwrap();
    let refused = register_tenant(&mut connection, unknown).await;
    assert!(
        matches!(refused, Err(DbError::ConstraintViolation { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_tenant_whose_registration_failed_is_not_cached_as_registered() {
    let test = TestDatabase::create();
    let database = test.pool(1);
    let tenant = Uuid::from_u128(7);
    let mut connection = test.connect().await;
    refuse_rows(&mut connection).await;
    let refused = database.tenants().register(&mut connection, tenant).await;
    assert!(refused.is_err() && !database.tenants().knows(tenant));
}

//! Migrating a database that is in use.

use std::time::Duration;

use diesel::QueryableByName;
use diesel::sql_types::Text;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use oms_database::{LockPatience, cached_sql, migrations};
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

/// Alerts of the previous version, which has delivered those of the first tenant and not the second one of the other.
const UNDELIVERED: &str = "
    INSERT INTO tenancy.tenants (tenant_id)
    VALUES ('00000000-0000-0000-0000-00000000000a'), ('00000000-0000-0000-0000-00000000000b');
    INSERT INTO events.heads (tenant_id, position) SELECT tenant_id, 30 FROM tenancy.tenants;
    INSERT INTO orders.alerts (tenant_id, id, kind, subject_id, message, delivered_at)
    SELECT t.tenant_id, gen_random_uuid(), 'finding', s.id, 'x',
           CASE WHEN t.tenant_id::text LIKE '%b' AND s.id::text LIKE '%2' THEN NULL ELSE now() END
    FROM tenancy.tenants t
    CROSS JOIN (VALUES ('00000000-0000-0000-0000-000000000001'::uuid),
                       ('00000000-0000-0000-0000-000000000002'), ('00000000-0000-0000-0000-000000000003')) s (id);
    INSERT INTO events.records (tenant_id, id, type, subject_type, subject_id, data, occurred_at)
    SELECT tenant_id, gen_random_uuid(), 'finding.opened', 'finding', subject_id, '{}',
           now() - interval '1 day' * (4 - right(subject_id::text, 1)::int)
    FROM orders.alerts;
    INSERT INTO events.segments (tenant_id, last_position, subject_ids, numbers, written_at)
    SELECT r.tenant_id, 10 * right(r.subject_id::text, 1)::int, array_fill(r.id, ARRAY[10]), array_fill(0, ARRAY[10]),
           r.occurred_at
    FROM events.records r";

#[tokio::test(flavor = "multi_thread")]
async fn alerts_begin_at_the_end_of_the_feed_or_before_what_the_previous_version_has_not_delivered()
{
    #[derive(QueryableByName)]
    struct Place {
        #[diesel(sql_type = Text)]
        place: String,
    }

    let test = TestDatabase::create();
    let mut connection = test.connect().await;
    let down = include_str!("../../../../../migrations/20261130000950_events_alerts/down.sql");
    let forget = "DELETE FROM __diesel_schema_migrations WHERE version = '20261130000950'";
    for sql in [down, forget, UNDELIVERED] {
        connection.batch_execute(sql).await.unwrap();
    }
    let migrated = migrations::migrate(&test.url()).await.unwrap();
    assert_eq!(migrated, ["20261130000950"]);
    let places =
        "SELECT concat_ws(' ', right(tenant_id::text, 1), sink, position, only_records) AS place
                  FROM events.sinks WHERE due_at <= now() ORDER BY tenant_id";
    let places: Vec<Place> = cached_sql(places).load(&mut connection).await.unwrap();
    let places: Vec<String> = places.into_iter().map(|it| it.place).collect();
    assert_eq!(places, ["a alert_log 30 t", "b alert_log 10 t"]);
}

//! Gateway events in a real database: stored once, claimed by one worker at a time, finished once, deleted in the end.

use std::time::Duration;

use chrono::DateTime;
use diesel_async::SimpleAsyncConnection;
use oms_database::{Connection, DbError};
use oms_payments::{
    AttemptId, EventRelevance, GatewayEvent, GatewayEventId, KEEP_GATEWAY_EVENTS, NewAttempt,
    NewGatewayEvent, PaymentError, Received, Reference, claim_gateway_events, collect_payment,
    find_attempt_by_reference, find_due_event_tenants, finish_gateway_event,
    postpone_gateway_event, purge_gateway_events, receive_gateway_event, record_attempts,
    return_gateway_event,
};
use oms_testing::TestDatabase;
use oms_testing::gateway::{ScriptedGateway, token};
use oms_testing::world::new_tenant;
use oms_validation::{Currency, Money, OrderId, TenantId};

mod races;
use crate::batches::batches;

const LEASE: Duration = Duration::from_secs(3600);

fn event(id: &str) -> NewGatewayEvent {
    NewGatewayEvent {
        gateway: "stripe".to_owned(),
        id: GatewayEventId::parse(id).unwrap(),
        kind: "payment_intent.succeeded".to_owned(),
        relevance: EventRelevance::Relevant,
        reference: Some(Reference::parse("pi_1").unwrap()),
        order_id: Some(OrderId::generate()),
        tenant_id: None,
        created_at: DateTime::from_timestamp(1_790_000_000, 0).unwrap(),
    }
}

fn ignored(id: &str) -> NewGatewayEvent {
    NewGatewayEvent {
        relevance: EventRelevance::Ignored,
        reference: None,
        order_id: None,
        ..event(id)
    }
}

async fn receive(
    connection: &mut Connection,
    tenant: TenantId,
    event: &NewGatewayEvent,
) -> Received {
    receive_gateway_event(connection, tenant, event)
        .await
        .unwrap()
}

async fn claim(connection: &mut Connection, tenant: TenantId) -> Vec<GatewayEvent> {
    claim_gateway_events(connection, tenant, 100, LEASE)
        .await
        .unwrap()
}

async fn claim_one(connection: &mut Connection, tenant: TenantId) -> GatewayEvent {
    let claimed = claim(connection, tenant).await;
    assert_eq!(claimed.len(), 1, "{claimed:?}");
    claimed.into_iter().next().unwrap()
}

/// Moves the stored times into the past.
async fn pass(connection: &mut Connection, interval: &str) {
    let sql = format!(
        "UPDATE payments.gateway_events SET due_at = due_at - interval '{interval}',
             applied_at = applied_at - interval '{interval}'"
    );
    connection.batch_execute(&sql).await.unwrap();
}

#[tokio::test]
async fn an_event_is_stored_once_and_claimed_unchanged() {
    let database = TestDatabase::create();
    let connection = &mut database.connect().await;
    let tenant = TenantId::generate();
    let new = event("evt_1");
    assert_eq!(receive(connection, tenant, &new).await, Received::Stored);
    let changed = NewGatewayEvent {
        kind: "payment_intent.canceled".to_owned(),
        ..new.clone()
    };
    assert_eq!(
        receive(connection, tenant, &changed).await,
        Received::Repeated
    );

    let due = find_due_event_tenants(connection).await.unwrap();
    assert_eq!(due, [tenant]);
    let expected = GatewayEvent {
        gateway: new.gateway,
        id: new.id,
        kind: new.kind,
        reference: new.reference.unwrap(),
        order_id: new.order_id,
        created_at: new.created_at,
        lease: oms_work::Lease { claim: 1, tries: 1 },
    };
    assert_eq!(claim_one(connection, tenant).await, expected);
}

#[tokio::test]
async fn two_gateways_and_two_tenants_may_use_the_same_id() {
    let database = TestDatabase::create();
    let connection = &mut database.connect().await;
    let (ours, theirs) = (TenantId::generate(), TenantId::generate());
    let another_gateway = NewGatewayEvent {
        gateway: "other".to_owned(),
        ..event("evt_1")
    };
    for (tenant, event) in [
        (ours, event("evt_1")),
        (theirs, event("evt_1")),
        (ours, another_gateway),
    ] {
        assert_eq!(receive(connection, tenant, &event).await, Received::Stored);
    }
    let mine = claim(connection, ours).await;
    assert_eq!(mine.len(), 2);
    // One tenant's claims and results do not affect the other.
    assert!(
        !finish_gateway_event(connection, theirs, &mine[0], "paid")
            .await
            .unwrap()
    );
    claim_one(connection, theirs).await;
}

#[tokio::test]
async fn an_ignored_event_is_stored_and_never_claimed() {
    let database = TestDatabase::create();
    let connection = &mut database.connect().await;
    let tenant = TenantId::generate();
    assert_eq!(
        receive(connection, tenant, &ignored("evt_1")).await,
        Received::Stored
    );
    assert_eq!(
        receive(connection, tenant, &ignored("evt_1")).await,
        Received::Repeated
    );
    assert_eq!(find_due_event_tenants(connection).await.unwrap(), []);
    assert_eq!(claim(connection, tenant).await, []);
}

#[tokio::test]
async fn an_event_to_be_applied_must_name_a_payment() {
    let database = TestDatabase::create();
    let connection = &mut database.connect().await;
    let nothing = NewGatewayEvent {
        reference: None,
        ..event("evt_1")
    };
    let refused = receive_gateway_event(connection, TenantId::generate(), &nothing).await;
    let Err(PaymentError::Database(DbError::ConstraintViolation { constraint })) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(constraint, "gateway_events_reference_of_open");
}

#[tokio::test]
async fn a_claimed_event_belongs_to_one_worker_until_the_lease_expires() {
    let database = TestDatabase::create();
    let connection = &mut database.connect().await;
    let tenant = TenantId::generate();
    receive(connection, tenant, &event("evt_1")).await;
    let slow = claim_one(connection, tenant).await;
    assert_eq!(claim(connection, tenant).await, []);
    assert_eq!(find_due_event_tenants(connection).await.unwrap(), []);

    pass(connection, "1 hour").await;
    let second = claim_one(connection, tenant).await;
    assert_eq!(second.lease.tries, 2);
    // The slow worker can no longer change anything.
    let delay = Duration::ZERO;
    assert!(
        !postpone_gateway_event(connection, tenant, &slow, delay)
            .await
            .unwrap()
    );
    assert!(
        !finish_gateway_event(connection, tenant, &slow, "paid")
            .await
            .unwrap()
    );
    assert_eq!(claim(connection, tenant).await, []);

    assert!(
        finish_gateway_event(connection, tenant, &second, "paid")
            .await
            .unwrap()
    );
    assert!(
        !finish_gateway_event(connection, tenant, &second, "failed")
            .await
            .unwrap()
    );
    assert!(
        !postpone_gateway_event(connection, tenant, &second, delay)
            .await
            .unwrap()
    );
    pass(connection, "10 hours").await;
    assert_eq!(claim(connection, tenant).await, []);
}

#[tokio::test]
async fn an_expired_claim_stays_lost_after_a_later_claim_that_did_not_count_as_a_try() {
    let database = TestDatabase::create();
    let connection = &mut database.connect().await;
    let tenant = TenantId::generate();
    receive(connection, tenant, &event("evt_1")).await;
    let slow = claim_one(connection, tenant).await;
    pass(connection, "1 hour").await;
    let returned = claim_one(connection, tenant).await;
    return_gateway_event(connection, tenant, &returned, Duration::ZERO)
        .await
        .unwrap();
    // The event has as many tries as when the slow worker claimed it.
    assert!(
        !finish_gateway_event(connection, tenant, &slow, "paid")
            .await
            .unwrap()
    );
    let third = claim_one(connection, tenant).await;
    assert_eq!((slow.lease.tries, third.lease.tries), (1, 2));
    assert!(
        !postpone_gateway_event(connection, tenant, &returned, Duration::ZERO)
            .await
            .unwrap()
    );
    assert!(
        finish_gateway_event(connection, tenant, &third, "paid")
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn a_postponed_event_is_due_again_after_the_delay() {
    let database = TestDatabase::create();
    let connection = &mut database.connect().await;
    let tenant = TenantId::generate();
    receive(connection, tenant, &event("evt_1")).await;
    let claimed = claim_one(connection, tenant).await;
    let delay = Duration::from_secs(7200);
    assert!(
        postpone_gateway_event(connection, tenant, &claimed, delay)
            .await
            .unwrap()
    );
    pass(connection, "119 minutes").await;
    assert_eq!(claim(connection, tenant).await, []);
    pass(connection, "1 minute").await;
    assert_eq!(claim_one(connection, tenant).await.lease.tries, 2);
}

#[tokio::test]
async fn a_claim_takes_the_most_overdue_events_up_to_its_limit() {
    let database = TestDatabase::create();
    let connection = &mut database.connect().await;
    let tenant = TenantId::generate();
    for number in 0..5 {
        pass(connection, "1 second").await;
        receive(connection, tenant, &event(&format!("evt_{number}"))).await;
    }
    let mut seen = Vec::new();
    for expected in [2, 2, 1, 0] {
        let claimed = claim_gateway_events(connection, tenant, 2, LEASE)
            .await
            .unwrap();
        assert_eq!(claimed.len(), expected);
        let mut ids: Vec<String> = claimed.iter().map(|it| it.id.to_string()).collect();
        // RETURNING guarantees no order.
        ids.sort();
        seen.extend(ids);
    }
    assert_eq!(seen, ["evt_0", "evt_1", "evt_2", "evt_3", "evt_4"]);
}

#[tokio::test]
async fn an_outcome_must_not_be_empty_or_too_long() {
    let database = TestDatabase::create();
    let connection = &mut database.connect().await;
    let tenant = TenantId::generate();
    receive(connection, tenant, &event("evt_1")).await;
    let claimed = claim_one(connection, tenant).await;
    for outcome in ["", &"x".repeat(101)] {
        let refused = finish_gateway_event(connection, tenant, &claimed, outcome).await;
        assert!(refused.is_err(), "{outcome:?}");
    }
    let longest = "x".repeat(100);
    assert!(
        finish_gateway_event(connection, tenant, &claimed, &longest)
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn only_events_that_were_applied_long_ago_are_deleted() {
    let database = TestDatabase::create();
    let connection = &mut database.connect().await;
    let (tenant, other) = (TenantId::generate(), TenantId::generate());
    receive(connection, tenant, &event("evt_open")).await;
    receive(connection, tenant, &ignored("evt_old")).await;
    receive(connection, other, &ignored("evt_old")).await;
    pass(connection, "30 days 1 second").await;
    receive(connection, tenant, &ignored("evt_new")).await;

    let purge = purge_gateway_events(connection, KEEP_GATEWAY_EVENTS);
    assert_eq!(purge.await.unwrap(), 2);
    let purge = purge_gateway_events(connection, KEEP_GATEWAY_EVENTS);
    assert_eq!(purge.await.unwrap(), 0);
    for (id, expected) in [
        ("evt_open", Received::Repeated),
        ("evt_new", Received::Repeated),
        ("evt_old", Received::Stored),
    ] {
        let received = receive(connection, tenant, &ignored(id)).await;
        assert_eq!(received, expected, "{id}");
    }
    assert_eq!(claim_one(connection, tenant).await.id.as_str(), "evt_open");
}

#[tokio::test]
async fn a_purge_deletes_at_most_a_thousand_events_per_tenant() {
    let database = TestDatabase::create();
    let connection = &mut database.connect().await;
    let tenant = new_tenant(connection).await;
    let sql = format!(
        "INSERT INTO payments.gateway_events
             (tenant_id, gateway, event_id, type, gateway_created_at, applied_at, outcome)
         SELECT '{tenant}', 'stripe', 'evt_' || n, 't', now(), now() - interval '1 year', 'ignored'
         FROM generate_series(1, 1001) n"
    );
    connection.batch_execute(&sql).await.unwrap();
    for expected in [1000, 1, 0] {
        let purged = purge_gateway_events(connection, KEEP_GATEWAY_EVENTS).await;
        assert_eq!(purged.unwrap(), expected);
    }
}

#[tokio::test]
async fn an_attempt_is_found_by_the_gateways_reference() {
    let database = TestDatabase::create();
    let pool = database.pool(2);
    let new = NewAttempt {
        id: AttemptId::generate(),
        order_id: OrderId::generate(),
        number: 1,
        amount: Money {
            amount_minor: 2000,
            currency: Currency::parse("USD").unwrap(),
        },
        gateway: "scripted".to_owned(),
    };
    let mut connection = pool.acquire().await.unwrap();
    let ours = new_tenant(&mut connection).await;
    let theirs = new_tenant(&mut connection).await;
    let attempt = record_attempts(&mut connection, ours, &[new])
        .await
        .unwrap()
        .remove(0);
    let gateway = ScriptedGateway::default();
    let collected =
        collect_payment(&batches(&pool), &gateway, ours, &attempt, &token(), "api").await;
    assert!(collected.closing().is_some());
    let stored = oms_payments::find_payment(&mut connection, ours, attempt.order_id).await;
    let reference = stored.unwrap().unwrap().reference.unwrap();

    let other = Reference::parse("pi_other").unwrap();
    for (tenant, gateway, reference, expected) in [
        (ours, "scripted", &reference, Some(attempt.id)),
        (theirs, "scripted", &reference, None),
        (ours, "stripe", &reference, None),
        (ours, "scripted", &other, None),
    ] {
        let found = find_attempt_by_reference(&mut connection, tenant, gateway, reference).await;
        assert_eq!(found.unwrap().map(|found| found.id), expected);
    }
}

/// Returns how many rows of the events this transaction has read so far.
#[expect(clippy::disallowed_methods, reason = "called twice in a test")]
async fn rows_read(connection: &mut Connection) -> i64 {
    #[derive(diesel::QueryableByName)]
    struct Read {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        rows: i64,
    }
    let sql = "SELECT (seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint AS rows
               FROM pg_stat_xact_user_tables WHERE relid = 'payments.gateway_events'::regclass";
    let read: Read = diesel_async::RunQueryDsl::get_result(diesel::sql_query(sql), connection)
        .await
        .unwrap();
    read.rows
}

#[tokio::test]
async fn claiming_a_batch_costs_the_same_with_a_long_and_a_short_backlog() {
    let database = TestDatabase::create();
    let mut connection = database.connect().await;
    let tenants = [
        new_tenant(&mut connection).await,
        new_tenant(&mut connection).await,
    ];
    for (tenant, events) in tenants.iter().zip([20_000, 10]) {
        let sql = format!(
            "INSERT INTO payments.gateway_events
                 (tenant_id, gateway, event_id, type, reference, gateway_created_at, due_at)
             SELECT '{tenant}', 'stripe', 'evt_' || n, 'payment_intent.succeeded', 'pi_' || n, now(),
                 now() - interval '1 hour' + n * interval '1 millisecond'
             FROM generate_series(1, {events}) AS n"
        );
        connection.batch_execute(&sql).await.unwrap();
    }
    connection
        .batch_execute("ANALYZE payments.gateway_events; BEGIN")
        .await
        .unwrap();
    let due = find_due_event_tenants(&mut connection).await.unwrap();
    assert_eq!(due.len(), 2);
    let looked = rows_read(&mut connection).await;
    assert!(looked < 100, "{looked} rows read to find two tenants");
    for tenant in tenants {
        let claimed = claim_gateway_events(&mut connection, tenant, 16, LEASE).await;
        assert!((10..=16).contains(&claimed.unwrap().len()));
    }
    let read = rows_read(&mut connection).await;
    assert!(read < 500, "{read} rows read to claim two batches");
}

//! Defects that the property must detect: relays and readers that leave out one precaution each.

use diesel::QueryableByName;
use diesel::sql_types::{Array, Integer, Uuid as SqlUuid};
use diesel_async::{
    AnsiTransactionManager, RunQueryDsl, SimpleAsyncConnection, TransactionManager,
};
use oms_database::Connection;
use oms_events::{EventKey, FeedStart, append};
use uuid::Uuid;

use crate::history::{World, change, read_on, wrong};

/// Takes what is in the outbox, as a relay that does not lock the end of the feed: the position was read before.
async fn relay_without_lock(world: &World, connection: &mut Connection, position: i64) {
    let tenant = world.tenant;
    connection
        .batch_execute(&format!(
            "INSERT INTO events.segments (tenant_id, last_position, subject_ids, numbers)
             SELECT o.tenant_id, {position} + row_number() OVER (ORDER BY o.id), o.subject_ids, o.numbers
             FROM events.outbox o WHERE o.tenant_id = '{tenant}'
             ON CONFLICT (tenant_id, last_position) DO UPDATE
                 SET subject_ids = excluded.subject_ids, numbers = excluded.numbers;
             DELETE FROM events.outbox WHERE tenant_id = '{tenant}';
             UPDATE events.heads SET position = (
                 SELECT max(last_position) FROM events.segments WHERE tenant_id = '{tenant}')
             WHERE tenant_id = '{tenant}'"
        ))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_relay_without_the_lock_of_the_end_is_detected() {
    let world = World::open().await;
    let orders = world.orders(2).await;
    world.change(&orders[..1]).await;
    world.relay_all().await;
    let told = world.feed().await;
    assert_eq!(wrong(&world.history().await, &told), Vec::<String>::new());
    // Both relays read the end before either has moved it.
    let position = world
        .number("SELECT position AS number FROM events.heads")
        .await;
    let mut connection = world.database.connect().await;
    world.change(&orders[..1]).await;
    relay_without_lock(&world, &mut connection, position).await;
    world.change(&orders[1..]).await;
    relay_without_lock(&world, &mut connection, position).await;
    let told = world.feed().await;
    assert_ne!(wrong(&world.history().await, &told), Vec::<String>::new());
}

/// Reads the outbox itself, behind the last ID that was read.
async fn read_outbox(connection: &mut Connection, after: Uuid) -> Vec<(Uuid, EventKey)> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = SqlUuid)]
        id: Uuid,
        #[diesel(sql_type = Array<SqlUuid>)]
        subject_ids: Vec<Uuid>,
        #[diesel(sql_type = Array<Integer>)]
        numbers: Vec<i32>,
    }

    let rows: Vec<Row> = diesel::sql_query(
        "SELECT id, subject_ids, numbers FROM events.outbox WHERE id > $1 ORDER BY id",
    )
    .bind::<SqlUuid, _>(after)
    .load(connection)
    .await
    .unwrap();
    let key = |row: Row| {
        (
            row.id,
            EventKey::of_order(row.subject_ids[0], row.numbers[0]),
        )
    };
    rows.into_iter().map(key).collect()
}

#[tokio::test]
async fn a_reader_that_follows_the_ids_of_the_outbox_is_detected() {
    let world = World::open().await;
    let orders = world.orders(2).await;
    let tenant = world.tenant;
    // The first transaction is committed after the second.
    let mut slow = world.database.connect().await;
    AnsiTransactionManager::begin_transaction(&mut slow)
        .await
        .unwrap();
    let keys = change(&mut slow, &orders[..1]).await.unwrap();
    append(tenant, &keys).run(&mut slow).await.unwrap();
    world.change(&orders[1..]).await;
    let mut reader = world.database.connect().await;
    let mut told = read_outbox(&mut reader, Uuid::nil()).await;
    AnsiTransactionManager::commit_transaction(&mut slow)
        .await
        .unwrap();
    let last = told.last().unwrap().0;
    told.extend(read_outbox(&mut reader, last).await);
    let told: Vec<(i64, EventKey)> = (1..).zip(told.into_iter().map(|it| it.1)).collect();
    let history = world.history().await;
    assert_eq!(wrong(&history, &told), ["1 events are missing"]);
    // The relay takes it, whatever its ID.
    world.relay_all().await;
    assert_eq!(wrong(&history, &world.feed().await), Vec::<String>::new());
}

/// Appends a change of one order, with the ID of an instance whose clock says this.
async fn change_at(world: &World, order: Uuid, clock: u128) {
    let connection = &mut *world.pool.acquire().await.unwrap();
    let keys = change(connection, &[order]).await.unwrap();
    diesel::sql_query(
        "INSERT INTO events.outbox (tenant_id, id, subject_ids, numbers) VALUES ($1, $2, ARRAY[$3], ARRAY[$4])",
    )
    .bind::<SqlUuid, _>(world.tenant.as_uuid())
    .bind::<SqlUuid, _>(Uuid::from_u128(clock))
    .bind::<SqlUuid, _>(order)
    .bind::<Integer, _>(keys[0].number)
    .execute(connection)
    .await
    .unwrap();
}

/// 1,003 rows, three of which are of one order. The clocks are such that the first event of this order has the last ID.
async fn misleading_clocks() -> World {
    let world = World::open().await;
    let orders = world.orders(1).await;
    for clock in [1_000_000, 2_000, 1] {
        change_at(&world, orders[0], clock).await;
    }
    let tenant = world.tenant;
    let others = format!(
        "INSERT INTO public.history SELECT lpad(n::text, 32, '0')::uuid, 1 FROM generate_series(2, 1001) n;
         INSERT INTO events.outbox (tenant_id, id, subject_ids, numbers)
         SELECT '{tenant}', lpad(to_hex(number), 32, '0')::uuid, ARRAY[id], ARRAY[1]
         FROM (SELECT id, row_number() OVER () + 1 AS number FROM public.history WHERE number = 1 AND id <> '{}') h",
        orders[0],
    );
    world.run_sql(&others).await;
    world
}

#[tokio::test]
async fn the_events_of_an_order_are_in_order_although_clocks_disagree() {
    let world = misleading_clocks().await;
    world.relay_all().await;
    assert_eq!(
        wrong(&world.history().await, &world.feed_in_pages().await),
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn a_relay_that_trusts_the_clocks_is_detected() {
    let world = misleading_clocks().await;
    let tenant = world.tenant;
    world
        .run_sql(&format!(
            "INSERT INTO events.heads (tenant_id, position) VALUES ('{tenant}', 1003);
             INSERT INTO events.segments (tenant_id, last_position, subject_ids, numbers)
             SELECT tenant_id, row_number() OVER (ORDER BY id), subject_ids, numbers FROM events.outbox;
             DELETE FROM events.outbox"
        ))
        .await;
    assert_ne!(
        wrong(&world.history().await, &world.feed_in_pages().await),
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn a_relay_that_loses_or_repeats_events_is_detected() {
    for defect in [
        "DELETE FROM events.segments WHERE last_position = 2",
        "UPDATE events.segments SET numbers = ARRAY[1] WHERE last_position = 2",
        "UPDATE events.heads SET position = 2; DELETE FROM events.segments WHERE last_position = 3",
    ] {
        let world = World::open().await;
        let orders = world.orders(1).await;
        for _ in 0..3 {
            world.change(&orders).await;
            world.relay_all().await;
        }
        let history = world.history().await;
        assert_eq!(wrong(&history, &world.feed().await), Vec::<String>::new());
        world.run_sql(defect).await;
        assert_ne!(
            wrong(&history, &world.feed().await),
            Vec::<String>::new(),
            "{defect}"
        );
    }
}

/// A reader that takes the end of the feed as its cursor, although it was read after the events.
#[tokio::test]
async fn a_reader_that_jumps_to_the_end_is_detected() {
    let world = World::open().await;
    let orders = world.orders(1).await;
    world.change(&orders).await;
    world.relay_all().await;
    let mut told = Vec::new();
    read_on(&world, &mut told, FeedStart::Earliest).await;
    world.change(&orders).await;
    world.change(&orders).await;
    world.relay_all().await;
    let end = world.read(FeedStart::Latest, 1).await.cursor;
    world.change(&orders).await;
    world.relay_all().await;
    read_on(&world, &mut told, FeedStart::After(end)).await;
    assert_ne!(wrong(&world.history().await, &told), Vec::<String>::new());
}

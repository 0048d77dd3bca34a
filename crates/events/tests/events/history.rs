//! A history of orders that the feed must tell, and what is wrong with what it tells.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use chrono::DateTime;
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Integer, Uuid as SqlUuid};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use oms_database::{Connection, Database, DbError, transaction};
use oms_events::{
    EventFacts, EventKey, EventSource, EventsContext, FeedFilter, FeedPage, FeedPosition,
    FeedStart, Publisher, Subject, append, list_events, relay,
};
use oms_testing::TestDatabase;
use oms_testing::eventually::until;
use oms_testing::world::new_tenant;
use oms_validation::TenantId;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The orders and their events, apart from the feed.
const TABLES: &str = "
    CREATE TABLE public.versions (id uuid PRIMARY KEY, version integer NOT NULL DEFAULT 0);
    CREATE TABLE public.history (id uuid NOT NULL, number integer NOT NULL, PRIMARY KEY (id, number))";

pub struct World {
    pub database: TestDatabase,
    pub pool: Database,
    pub context: Arc<EventsContext>,
    pub tenant: TenantId,
}

impl World {
    pub async fn open() -> Self {
        let database = TestDatabase::create();
        let mut connection = database.connect().await;
        connection.batch_execute(TABLES).await.unwrap();
        let pool = database.pool(24);
        Self {
            tenant: new_tenant(&mut connection).await,
            context: Arc::new(context(pool.clone())),
            pool,
            database,
        }
    }

    /// Adds orders.
    pub async fn orders(&self, count: u128) -> Vec<Uuid> {
        let ids: Vec<Uuid> = (1..=count).map(Uuid::from_u128).collect();
        diesel::sql_query("INSERT INTO public.versions (id) SELECT unnest($1)")
            .bind::<Array<SqlUuid>, _>(&ids)
            .execute(&mut *self.pool.acquire().await.unwrap())
            .await
            .unwrap();
        ids
    }

    /// Changes orders in one transaction.
    pub async fn change(&self, ids: &[Uuid]) {
        let tenant = self.tenant;
        let connection = &mut *self.pool.acquire().await.unwrap();
        let changed = transaction(connection, async |connection| {
            let keys = change(connection, ids).await?;
            append(tenant, &keys).run(connection).await
        });
        changed.await.unwrap();
    }

    /// Relays until nothing is left.
    pub async fn relay_all(&self) {
        loop {
            let relayed = relay(&self.context, &CancellationToken::new())
                .await
                .unwrap();
            assert_eq!(relayed.failed, 0);
            if relayed.events == 0 && !relayed.more {
                return;
            }
        }
    }

    pub async fn read(&self, start: FeedStart, limit: usize) -> FeedPage {
        let filter = FeedFilter::default();
        let page = list_events(&self.context, self.tenant, start, &filter, limit).await;
        page.unwrap()
    }

    /// Everything that the feed has, with the cursor after each page of one event.
    pub async fn feed(&self) -> Vec<(i64, EventKey)> {
        let (mut told, mut start) = (Vec::new(), FeedStart::Earliest);
        loop {
            let page = self.read(start, 1).await;
            told.extend(page.items.iter().map(|event| (page.cursor.0, event.key())));
            start = FeedStart::After(page.cursor);
            if !page.has_more {
                return told;
            }
        }
    }

    /// Everything that the feed has, in large pages, with the place of each event instead of its position.
    pub async fn feed_in_pages(&self) -> Vec<(i64, EventKey)> {
        let (mut told, mut start) = (Vec::new(), FeedStart::Earliest);
        loop {
            let page = self.read(start, 500).await;
            told.extend(page.items.iter().map(|event| event.key()));
            start = FeedStart::After(page.cursor);
            if !page.has_more {
                return (1..).zip(told).collect();
            }
        }
    }

    /// What happened.
    pub async fn history(&self) -> BTreeSet<EventKey> {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = SqlUuid)]
            id: Uuid,
            #[diesel(sql_type = Integer)]
            number: i32,
        }

        let rows: Vec<Row> = diesel::sql_query("SELECT id, number FROM public.history")
            .load(&mut *self.pool.acquire().await.unwrap())
            .await
            .unwrap();
        let key = |row: Row| EventKey::of_order(row.id, row.number);
        rows.into_iter().map(key).collect()
    }

    /// Lets a broker have one turn.
    pub async fn publish(&self, publisher: &Publisher) {
        let turn = publisher.turn(&CancellationToken::new()).await;
        turn.unwrap();
    }

    /// Publishes until nothing waits for a broker.
    pub async fn publish_all(&self, publisher: &Publisher) {
        until("everything is published", async || {
            self.publish(publisher).await;
            let waiting = "SELECT count(*) AS number FROM events.sinks WHERE due_at IS NOT NULL";
            self.number(waiting).await == 0
        })
        .await;
    }

    /// How far the feed is published.
    pub async fn published(&self) -> i64 {
        self.number("SELECT coalesce(max(position), 0) AS number FROM events.sinks")
            .await
    }

    /// Ends the pauses of brokers.
    pub async fn end_pauses(&self) {
        self.run_sql("UPDATE events.sinks SET due_at = now() WHERE due_at IS NOT NULL")
            .await;
    }

    pub async fn run_sql(&self, sql: &str) {
        let connection = &mut *self.pool.acquire().await.unwrap();
        connection.batch_execute(sql).await.unwrap();
    }

    pub async fn number(&self, sql: &str) -> i64 {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = BigInt)]
            number: i64,
        }

        let row: Row = diesel::sql_query(sql)
            .get_result(&mut *self.pool.acquire().await.unwrap())
            .await
            .unwrap();
        row.number
    }
}

pub fn context(pool: Database) -> EventsContext {
    EventsContext::new(pool, Arc::new(Told), &[], CancellationToken::new())
}

/// Raises the versions of orders, in the order of their IDs, and writes their events. Returns the keys.
pub async fn change(connection: &mut Connection, ids: &[Uuid]) -> Result<Vec<EventKey>, DbError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Integer)]
        version: i32,
    }

    let ids: BTreeSet<Uuid> = ids.iter().copied().collect();
    let mut keys = Vec::new();
    for id in ids {
        let row: Row = diesel::sql_query(
            "UPDATE public.versions SET version = version + 1 WHERE id = $1 RETURNING version",
        )
        .bind::<SqlUuid, _>(id)
        .get_result(connection)
        .await?;
        diesel::sql_query("INSERT INTO public.history VALUES ($1, $2)")
            .bind::<SqlUuid, _>(id)
            .bind::<Integer, _>(row.version)
            .execute(connection)
            .await?;
        keys.push(EventKey::of_order(id, row.version));
    }
    Ok(keys)
}

/// A source that knows every key that is in the history.
struct Told;

#[async_trait]
impl EventSource for Told {
    async fn load(
        &self,
        connection: &mut Connection,
        _: TenantId,
        keys: &[EventKey],
    ) -> Result<Vec<EventFacts>, DbError> {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = SqlUuid)]
            id: Uuid,
            #[diesel(sql_type = Integer)]
            number: i32,
        }

        let (ids, numbers): (Vec<Uuid>, Vec<i32>) =
            keys.iter().map(|key| (key.subject_id, key.number)).unzip();
        let rows: Vec<Row> = diesel::sql_query(
            "SELECT h.id, h.number FROM public.history h
             JOIN unnest($1::uuid[], $2::integer[]) AS k (id, number) USING (id, number)",
        )
        .bind::<Array<SqlUuid>, _>(ids)
        .bind::<Array<Integer>, _>(numbers)
        .load(connection)
        .await?;
        let facts = |row: Row| EventFacts {
            key: EventKey::of_order(row.id, row.number),
            event_type: "order.noted".to_owned(),
            subject: Subject::new("order", row.id),
            occurred_at: DateTime::UNIX_EPOCH,
            data: json!({}),
        };
        Ok(rows.into_iter().map(facts).collect())
    }
}

/// What is wrong with what a reader was told, in words. Positions are those of the cursors.
pub fn wrong(history: &BTreeSet<EventKey>, told: &[(i64, EventKey)]) -> Vec<String> {
    let mut wrong = Vec::new();
    if !told.is_sorted_by(|one, next| one.0 < next.0) {
        wrong.push("positions do not grow".to_owned());
    }
    let mut last: BTreeMap<Uuid, i32> = BTreeMap::new();
    for (position, key) in told {
        let before = last.insert(key.subject_id, key.number).unwrap_or_default();
        if key.number != before + 1 {
            wrong.push(format!(
                "at {position}, event {} of an order follows {before}",
                key.number
            ));
        }
    }
    let keys: BTreeSet<EventKey> = told.iter().map(|(_, key)| *key).collect();
    let missing = history.difference(&keys).count();
    if missing > 0 {
        wrong.push(format!("{missing} events are missing"));
    }
    if !keys.is_subset(history) {
        wrong.push("events are told that never happened".to_owned());
    }
    wrong
}

/// Reads on, one event at a time, so that each has its position.
pub async fn read_on(
    world: &World,
    told: &mut Vec<(i64, EventKey)>,
    from: FeedStart,
) -> FeedPosition {
    let page = world.read(from, 1).await;
    told.extend(page.items.iter().map(|event| (page.cursor.0, event.key())));
    page.cursor
}

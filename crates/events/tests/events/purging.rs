//! Events that are too old.

use std::time::Duration;

use oms_database::transaction;
use oms_events::{
    EventsError, FeedFilter, FeedPosition, FeedStart, NewRecord, Subject, get_event, list_events,
    purge_feed, record,
};
use serde_json::json;
use uuid::Uuid;

use crate::history::World;

const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test]
async fn old_events_are_deleted_with_their_records_and_a_cursor_before_them_is_refused() {
    let world = World::open().await;
    let orders = world.orders(1).await;
    world.change(&orders).await;
    let new = NewRecord::new(
        "stock.moved",
        Subject::new("stock_change", Uuid::from_u128(9)),
        json!({ "changeId": Uuid::from_u128(9) }),
    );
    let connection = &mut *world.pool.acquire().await.unwrap();
    let recorded = transaction(connection, async |connection| {
        record(world.tenant, std::slice::from_ref(&new))
            .run(connection)
            .await
    });
    recorded.await.unwrap();
    world.relay_all().await;
    let page = world.read(FeedStart::Earliest, 10).await;
    let record_key = page.items[1].key();
    assert_eq!(page.items[1].event_type(), "stock.moved");
    assert!(
        get_event(&world.context, world.tenant, record_key)
            .await
            .is_ok()
    );
    world
        .run_sql("UPDATE events.segments SET written_at = now() - interval '2 days'")
        .await;
    world.change(&orders).await;
    world.relay_all().await;

    assert_eq!(purge_feed(connection, DAY * 3).await.unwrap(), 0);
    assert_eq!(purge_feed(connection, DAY).await.unwrap(), 1);
    assert_eq!(purge_feed(connection, DAY).await.unwrap(), 0);
    assert_eq!(
        world
            .number("SELECT count(*) AS number FROM events.records")
            .await,
        0
    );
    let gone = get_event(&world.context, world.tenant, record_key).await;
    assert!(matches!(gone, Err(EventsError::NotFound)), "{gone:?}");
    let filter = FeedFilter::default();
    for (position, is_expired) in [(0, true), (1, true), (2, false), (3, false)] {
        let start = FeedStart::After(FeedPosition(position));
        let page = list_events(&world.context, world.tenant, start, &filter, 10).await;
        let refused = matches!(page, Err(EventsError::CursorExpired));
        assert_eq!(refused, is_expired, "{position}");
    }
    let page = world.read(FeedStart::Earliest, 10).await;
    assert_eq!((page.items.len(), page.cursor), (1, FeedPosition(3)));
}

//! Positions that only ever grow, also after a restore.

use oms_events::{BUMP, FeedPosition, FeedStart, bump_positions, measure_outbox, relay};
use tokio_util::sync::CancellationToken;

use crate::history::World;

#[tokio::test]
async fn a_restored_database_gives_no_position_twice() {
    let world = World::open().await;
    let orders = world.orders(1).await;
    world.change(&orders).await;
    world.relay_all().await;
    // A client has seen two more events, which the restore has lost.
    let ahead = FeedStart::After(FeedPosition(3));
    world
        .run_sql("UPDATE events.heads SET history = '7/00000001'")
        .await;
    let page = world.read(ahead, 10).await;
    assert_eq!(
        (page.items.len(), page.cursor, page.has_more),
        (0, FeedPosition(3), false)
    );
    world.change(&orders).await;
    world.relay_all().await;
    let page = world.read(ahead, 10).await;
    assert_eq!((page.items.len(), page.cursor), (1, FeedPosition(BUMP + 2)));
    // Only once.
    world.change(&orders).await;
    world.relay_all().await;
    let page = world.read(FeedStart::After(page.cursor), 10).await;
    assert_eq!((page.items.len(), page.cursor), (1, FeedPosition(BUMP + 3)));
}

#[tokio::test]
async fn an_operator_can_move_the_ends_of_all_feeds() {
    let world = World::open().await;
    let orders = world.orders(1).await;
    world.change(&orders).await;
    world.relay_all().await;
    let connection = &mut *world.pool.acquire().await.unwrap();
    assert_eq!(bump_positions(connection).await.unwrap(), 1);
    let page = world.read(FeedStart::Earliest, 10).await;
    assert_eq!(page.items.len(), 1);
    // Nothing is between the last event and the end, so a reader goes there.
    let page = world.read(FeedStart::After(page.cursor), 10).await;
    assert_eq!(
        (page.cursor, page.has_more),
        (FeedPosition(BUMP + 1), false)
    );
    world.change(&orders).await;
    world.relay_all().await;
    let page = world.read(FeedStart::After(page.cursor), 10).await;
    assert_eq!((page.items.len(), page.cursor), (1, FeedPosition(BUMP + 2)));
}

#[tokio::test]
async fn a_relay_passes_over_a_tenant_that_another_relays() {
    let world = World::open().await;
    let orders = world.orders(1).await;
    world.change(&orders).await;
    world.relay_all().await;
    world.change(&orders).await;
    let mut other = world.database.connect().await;
    diesel_async::SimpleAsyncConnection::batch_execute(
        &mut other,
        "BEGIN; SELECT FROM events.heads FOR UPDATE",
    )
    .await
    .unwrap();
    let relayed = relay(&world.context, &CancellationToken::new())
        .await
        .unwrap();
    assert_eq!(
        (relayed.events, relayed.failed, relayed.more),
        (0, 0, false)
    );
    drop(other);
    let connection = &mut *world.pool.acquire().await.unwrap();
    assert_eq!(measure_outbox(connection).await.unwrap().rows, 1);
}

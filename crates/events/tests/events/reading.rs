//! Pages of the feed.

use oms_events::{APPENDED, EventKey, FeedFilter, FeedPosition, FeedStart, list_events};
use oms_testing::world::new_tenant;
use uuid::Uuid;

use crate::history::World;

#[tokio::test]
async fn pages_follow_each_other_and_the_cursor_moves_over_what_is_not_selected() {
    let world = World::open().await;
    let orders = world.orders(3).await;
    for _ in 0..4 {
        world.change(&orders).await;
        world.relay_all().await;
    }
    let page = world.read(FeedStart::Earliest, 5).await;
    assert_eq!(
        (page.items.len(), page.cursor, page.has_more),
        (5, FeedPosition(5), true)
    );
    let page = world.read(FeedStart::After(page.cursor), 5).await;
    assert_eq!(
        (page.items.len(), page.cursor, page.has_more),
        (5, FeedPosition(10), true)
    );
    let page = world.read(FeedStart::After(page.cursor), 5).await;
    assert_eq!(
        (page.items.len(), page.cursor, page.has_more),
        (2, FeedPosition(12), false)
    );
    let page = world.read(FeedStart::Latest, 5).await;
    assert_eq!(
        (page.items.len(), page.cursor, page.has_more),
        (0, FeedPosition(12), false)
    );

    let of_one = FeedFilter::default().about(Some(orders[1].into()));
    let page = list_events(
        &world.context,
        world.tenant,
        FeedStart::Earliest,
        &of_one,
        3,
    )
    .await;
    let page = page.unwrap();
    let keys: Vec<EventKey> = page.items.iter().map(|event| event.key()).collect();
    let wanted: Vec<EventKey> = (1..=3)
        .map(|it| EventKey::of_order(orders[1], it))
        .collect();
    assert_eq!((keys, page.has_more), (wanted, true));
    let rest = FeedStart::After(page.cursor);
    let page = list_events(&world.context, world.tenant, rest, &of_one, 3)
        .await
        .unwrap();
    assert_eq!((page.items.len(), page.cursor), (1, FeedPosition(12)));

    let unknown = FeedFilter::default().about(Some(Uuid::from_u128(99).into()));
    let page = list_events(
        &world.context,
        world.tenant,
        FeedStart::Earliest,
        &unknown,
        3,
    )
    .await;
    let page = page.unwrap();
    assert_eq!(
        (page.items.len(), page.cursor, page.has_more),
        (0, FeedPosition(12), false)
    );
}

#[tokio::test]
async fn a_tenant_reads_nothing_of_another() {
    let world = World::open().await;
    let orders = world.orders(1).await;
    world.change(&orders).await;
    world.relay_all().await;
    let other = new_tenant(&mut world.pool.acquire().await.unwrap()).await;
    let filter = FeedFilter::default();
    let page = list_events(&world.context, other, FeedStart::Earliest, &filter, 10).await;
    let page = page.unwrap();
    assert_eq!(
        (page.items.len(), page.cursor, page.has_more),
        (0, FeedPosition(0), false)
    );
}

#[tokio::test]
async fn the_relay_is_woken_by_a_commit() {
    let world = World::open().await;
    let orders = world.orders(1).await;
    world.change(&orders).await;
    // Other tests of this process may wake it too, but nothing wakes it twice without another commit.
    APPENDED.notified().await;
    world.relay_all().await;
    assert_eq!(world.feed().await.len(), 1);
}

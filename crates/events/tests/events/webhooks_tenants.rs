//! A tenant with slow receivers, and one with a fast receiver.

use std::sync::Arc;

use oms_events::{Couriers, MaxInFlight, Ordering, Signing};
use oms_testing::world::new_tenant;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::receiver::Hooks;

#[tokio::test]
async fn slow_receivers_of_one_tenant_do_not_delay_the_events_of_another() {
    let mut hooks = Hooks::open().await;
    let orders = hooks.world.orders(70).await;
    let slow = Arc::new(Semaphore::new(0));
    *hooks.receiver.slow.lock().unwrap() = Some(slow.clone());
    let most = MaxInFlight::try_from(64).unwrap();
    for number in 0..5 {
        let (key, url) = (format!("slow {number}"), "https://slow.example/hooks");
        hooks
            .create(&key, url, Ordering::Subject, Signing::Hmac, most)
            .await;
    }
    hooks.publish(&orders).await;
    let tasks = TaskTracker::new();
    let couriers = Couriers::new(hooks.context.clone(), tasks.clone());
    let stopping = CancellationToken::new();
    assert_eq!(couriers.dispatch(&stopping).await.unwrap().endpoints, 5);
    // Five endpoints with 64 each are more than the 256 of an instance.
    hooks.receiver.arrived.notified().await;

    let mut connection = hooks.world.database.connect().await;
    hooks.world.tenant = new_tenant(&mut connection).await;
    hooks.endpoint().await;
    hooks.publish(&orders[..1]).await;
    assert_eq!(couriers.dispatch(&stopping).await.unwrap().endpoints, 1);
    while hooks.receiver.tries() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(hooks.receiver.accepted(), hooks.feed().await);
    slow.add_permits(5 * orders.len());
    tasks.close();
    tasks.wait().await;
    assert_eq!(hooks.receiver.accepted().len(), 5 * orders.len() + 1);
}

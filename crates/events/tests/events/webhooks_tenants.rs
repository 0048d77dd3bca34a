//! Slow receivers, of one tenant and beside others.

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

#[tokio::test]
async fn a_slow_receiver_gets_each_event_once_and_those_of_a_subject_one_after_the_other() {
    let hooks = Hooks::open().await;
    let orders = hooks.world.orders(3).await;
    let permits = Arc::new(Semaphore::new(0));
    *hooks.receiver.slow.lock().unwrap() = Some(permits.clone());
    let (url, most) = ("https://slow.example/hooks", MaxInFlight::DEFAULT);
    let endpoint = hooks
        .create("slow", url, Ordering::Subject, Signing::Hmac, most)
        .await;
    for _ in 0..3 {
        hooks.publish(&orders).await;
    }
    let tasks = TaskTracker::new();
    let couriers = Couriers::new(hooks.context.clone(), tasks.clone());
    let stopping = CancellationToken::new();
    assert_eq!(couriers.dispatch(&stopping).await.unwrap().endpoints, 1);
    for answered in 0..9 {
        permits.add_permits(1);
        while hooks.receiver.tries() == answered {
            tokio::task::yield_now().await;
        }
    }
    tasks.close();
    tasks.wait().await;
    let (feed, accepted) = (hooks.feed().await, hooks.receiver.accepted());
    assert_eq!(accepted.len(), 9);
    for order in orders {
        let begin = format!("evt_{}_", order.simple());
        let of_it = |ids: &[String]| -> Vec<String> {
            let of_it = ids.iter().filter(|id| id.starts_with(&begin));
            of_it.cloned().collect()
        };
        assert_eq!(of_it(&accepted), of_it(&feed));
    }
    let found = hooks.find(&endpoint).await;
    assert_eq!((found.position, found.failing_since), (9, None));
}

//! Requests that wait for locked rows of fulfilment leave connections to others, and lock rows in one order.

use std::future::Future;
use std::sync::Arc;

use diesel_async::SimpleAsyncConnection;
use oms_fulfilment::{ShipmentStatus, TrackingReport, TrackingStatus};
use oms_orders::{
    EvacuationChange, cancel_unshipped, change_evacuation, get_order, order_fulfilments,
    record_tracking,
};
use oms_validation::OrderId;
use tokio::task::{JoinSet, yield_now};

use crate::admission::waiting;
use crate::evacuating::shop_at_noon;
use crate::rerouting::{at, shop_with, to};
use crate::shop::{Shop, tenant};

/// As many requests as the pool has connections.
const REQUESTS: usize = 8;

/// Runs requests that need locked rows, and reads an order meanwhile.
async fn assert_others_go_on<F: Future<Output = ()> + Send + 'static>(
    shop: &Arc<Shop>,
    lock: &str,
    order_id: OrderId,
    request: impl Fn(Arc<Shop>) -> F,
) {
    let mut holder = shop.database.connect().await;
    let begin = format!("BEGIN; {lock} FOR UPDATE");
    holder.batch_execute(&begin).await.unwrap();
    let mut requests = JoinSet::new();
    for _ in 0..REQUESTS {
        requests.spawn(request(shop.clone()));
    }
    let mut observer = shop.database.connect().await;
    while waiting(&mut observer).await == 0 {
        yield_now().await;
    }
    for _ in 0..20 {
        get_order(&shop.context, tenant(), order_id).await.unwrap();
    }
    assert_eq!(requests.len(), REQUESTS, "{lock}");
    assert!(requests.try_join_next().is_none(), "{lock}");
    holder.batch_execute("ROLLBACK").await.unwrap();
    requests.join_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_wait_for_locked_rows_leave_connections_to_others() {
    let shop = Arc::new(shop_at_noon(&[100, 100]).await);
    let order_id = shop.paid("k").await;
    let sent = shop.ship(order_id, None, ShipmentStatus::Shipped).await;
    let shipment = sent.unwrap();
    let (id, happened_at) = (shipment.id, shipment.created_at);
    let lock = "SELECT FROM fulfilment.shipments";
    assert_others_go_on(&shop, lock, order_id, move |shop| async move {
        let report = TrackingReport {
            parcel: 1,
            status: TrackingStatus::InTransit,
            detail: None,
            happened_at,
            estimated_at: None,
        };
        let recorded = record_tracking(&shop.context, tenant(), id, &report, "api").await;
        recorded.unwrap();
    })
    .await;

    let evacuation = shop.evacuate(1, "e").await.unwrap();
    let (id, lock) = (evacuation.id, "SELECT FROM inventory.warehouses");
    assert_others_go_on(&shop, lock, order_id, move |shop| async move {
        let stop = EvacuationChange::Stop;
        let stopped = change_evacuation(&shop.context, tenant(), id, stop, None).await;
        stopped.unwrap();
    })
    .await;

    let other = shop.paid("other").await;
    shop.execute(&format!(
        "DELETE FROM fulfilment.lines USING fulfilment.fulfilment_orders f
             WHERE fulfilment_order_id = f.id AND f.order_id = '{other}';
         DELETE FROM fulfilment.fulfilment_orders WHERE order_id = '{other}'"
    ))
    .await;
    let lock = format!("SELECT FROM orders.orders WHERE id = '{other}'");
    assert_others_go_on(&shop, &lock, order_id, move |shop| async move {
        let found = order_fulfilments(&shop.context, tenant(), other).await;
        assert_eq!(found.unwrap().fulfilment_orders.len(), 1);
    })
    .await;
    shop.assert_sound().await;
}

/// What is cancelled of an order is released in the order of the levels' keys, not of its fulfilment orders.
#[tokio::test(flavor = "multi_thread")]
async fn cancelled_units_are_released_in_the_order_of_the_levels() {
    let shop = Arc::new(shop_with(&[100, 100]).await);
    let order_id = shop.paid("k").await;
    let work = shop.work(order_id).await;
    // Its first fulfilment order is in the second warehouse, and its second one in the first.
    let (second, first) = (
        oms_orders::Target::Given(at(1)),
        oms_orders::Target::Given(at(0)),
    );
    shop.move_to(&work, &to(second, None)).await.unwrap();
    let work = shop.work(order_id).await;
    shop.move_to(&work, &to(first, Some(1))).await.unwrap();
    assert_eq!(shop.works(order_id).await, ["1 1 OPEN 2", "2 0 OPEN 1"]);
    let found = order_fulfilments(&shop.context, tenant(), order_id).await;
    let work = found.unwrap().fulfilment_orders.remove(0);
    let part = crate::shipping::draft(&work, Some(1), ShipmentStatus::Shipped);
    let key = crate::shipping::key(&part.id.to_string());
    let sent = oms_orders::create_shipment(&shop.context, tenant(), &key, part, "api").await;
    sent.unwrap();

    let mut holder = shop.database.connect().await;
    let lock = |place, how: &str| {
        let warehouse = at(place);
        format!(
            "SELECT FROM inventory.stock_levels WHERE warehouse_id = '{warehouse}' FOR UPDATE {how}"
        )
    };
    let begin = format!("BEGIN; {}", lock(0, ""));
    holder.batch_execute(&begin).await.unwrap();
    let cancelling = tokio::spawn({
        let shop = shop.clone();
        async move { cancel_unshipped(&shop.context, tenant(), order_id, None, None, "api").await }
    });
    let mut observer = shop.database.connect().await;
    while waiting(&mut observer).await == 0 {
        yield_now().await;
    }
    // A transaction that waits for the first level has not locked the second one.
    let free = format!("BEGIN; {}; ROLLBACK", lock(1, "NOWAIT"));
    observer.batch_execute(&free).await.unwrap();
    holder.batch_execute("ROLLBACK").await.unwrap();
    cancelling.await.unwrap().unwrap();
    shop.assert_sound().await;
}

//! Requests about shipments that share a transaction.

use futures_util::future::join_all;
use oms_fulfilment::{FulfilmentError, FulfilmentStatus, Refusal, ShipmentStatus};
use oms_orders::{OrderError, ShippingError, create_shipment, deliver_shipment, ship_shipment};
use oms_testing::gateway::Confirm;
use oms_validation::{ExpectedVersion, Once, OrderId};

use crate::shipping::{ANY, draft, key};
use crate::shop::{Opening, Shop, tenant};

/// Shipments that left, each of another order.
async fn shipped(shop: &Shop, count: usize) -> Vec<(OrderId, oms_fulfilment::Shipment)> {
    let mut shipped = Vec::new();
    for number in 0..count {
        let order_id = shop.paid(&format!("k{number}")).await;
        let shipment = shop.ship(order_id, None, ShipmentStatus::Shipped).await;
        shipped.push((order_id, shipment.unwrap()));
    }
    shipped
}

#[tokio::test]
async fn of_two_requests_for_the_same_version_that_come_together_one_is_refused() {
    let shop = Shop::open(Confirm::Pays).await;
    let work = shop.work(shop.paid("k").await).await;
    let requests = (0..3).map(|number| {
        let mut draft = draft(&work, Some(1), ShipmentStatus::Shipped);
        draft.expected = ExpectedVersion::OneOf(vec![work.version]);
        let context = shop.context.clone();
        async move {
            let key = key(&format!("s{number}"));
            create_shipment(&context, tenant(), &key, draft, "api").await
        }
    });
    let done = join_all(requests).await;
    let (made, refused): (Vec<_>, Vec<_>) = done.into_iter().partition(Result::is_ok);
    assert_eq!((made.len(), refused.len()), (1, 2));
    for refused in refused {
        let Err(ShippingError::Fulfilment(FulfilmentError::Changed { version })) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(version, work.version + 1);
    }
    assert_eq!(shop.work(work.order_id).await.version, work.version + 1);
    shop.assert_sound().await;
}

#[tokio::test]
async fn versions_count_each_request_of_a_batch() {
    let shop = Shop::open(Confirm::Pays).await;
    let work = shop.work(shop.paid("k").await).await;
    let requests = (0..3).map(|number| {
        let draft = draft(&work, Some(1), ShipmentStatus::Packed);
        let context = shop.context.clone();
        async move {
            let key = key(&format!("s{number}"));
            create_shipment(&context, tenant(), &key, draft, "api").await
        }
    });
    assert!(join_all(requests).await.iter().all(Result::is_ok));
    assert_eq!(shop.work(work.order_id).await.version, work.version + 3);
    shop.assert_sound().await;
}

#[tokio::test]
async fn many_deliveries_share_a_transaction_and_are_told_in_each_timeline() {
    let opening = Opening {
        confirm: Confirm::Pays,
        pieces: 1000,
        ..Opening::default()
    };
    let shop = Shop::open_as(opening).await;
    let shipped = shipped(&shop, 12).await;
    let batches = || shop.context.batch_counts().shipments.batches();
    let before = batches();
    for turn in 0..2 {
        let requests = shipped.iter().map(|(_, shipment)| {
            let (context, id) = (shop.context.clone(), shipment.id);
            async move {
                let key = key(&format!("deliver {id}"));
                deliver_shipment(&context, tenant(), id, ANY, None, Some(&key), "api:ups").await
            }
        });
        for delivered in join_all(requests).await {
            assert_eq!(
                delivered.unwrap().status,
                ShipmentStatus::Delivered,
                "{turn}"
            );
        }
    }
    // The first request of each turn is alone; the others come while it is in progress.
    assert!(batches() - before <= 4);
    for (order_id, _) in &shipped {
        assert_eq!(shop.goods(*order_id).await, FulfilmentStatus::Delivered);
    }
    let told = shop.told().await;
    assert_eq!(
        told.matches("shipment.delivered order.delivered").count(),
        12
    );
    shop.assert_sound().await;
}

#[tokio::test]
async fn a_packed_shipment_may_be_sent_and_delivered_by_one_batch() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    let packed = shop.ship(order_id, None, ShipmentStatus::Packed).await;
    let id = packed.unwrap().id;
    let context = &shop.context;
    let (sent, delivered) = tokio::join!(
        ship_shipment(context, tenant(), id, ANY, vec![], None, "api"),
        deliver_shipment(context, tenant(), id, ANY, None, None, "api"),
    );
    sent.unwrap();
    delivered.unwrap();
    assert_eq!(shop.level().await, "7 0");
    let told = shop.told().await;
    let mut told: Vec<&str> = told.split(' ').collect();
    told.sort_unstable();
    let expected = [
        "fulfilment_order.closed",
        "order.delivered",
        "order.fulfilled",
        "shipment.delivered",
        "shipment.packed",
        "shipment.shipped",
    ];
    assert_eq!(told, expected);
    shop.assert_sound().await;
}

/// A request that repeats a refused one of its batch is executed as if it had come later: it is not answered with what the
/// refused one did not do.
#[tokio::test]
async fn a_repeated_request_is_refused_as_the_first_one_was() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    let packed = shop.ship(order_id, None, ShipmentStatus::Packed).await;
    let id = packed.unwrap().id;
    let (context, key) = (&shop.context, key("deliver"));
    // The first one occupies the queue, so that the others share a transaction.
    let (_, one, other) = tokio::join!(
        shop.ship(order_id, None, ShipmentStatus::Packed),
        deliver_shipment(context, tenant(), id, ANY, None, Some(&key), "api"),
        deliver_shipment(context, tenant(), id, ANY, None, Some(&key), "api"),
    );
    for refused in [one, other] {
        assert!(
            matches!(
                refused,
                Err(ShippingError::Fulfilment(FulfilmentError::Refused(
                    Refusal::NotShipped(_)
                )))
            ),
            "{refused:?}"
        );
    }
    let keys = "SELECT count(*) FROM orders.idempotency_keys WHERE idempotency_key = 'deliver'";
    assert_eq!(shop.text(keys).await, "0");
    shop.assert_sound().await;
}

#[tokio::test]
async fn a_request_with_the_key_of_a_refused_one_claims_it() {
    let shop = Shop::open(Confirm::Pays).await;
    let work = shop.work(shop.paid("k").await).await;
    let context = &shop.context;
    let ship = async |units| {
        let (draft, key) = (draft(&work, Some(units), ShipmentStatus::Shipped), key("s"));
        create_shipment(context, tenant(), &key, draft, "api").await
    };
    let (packing, packed) = (key("p"), draft(&work, Some(1), ShipmentStatus::Packed));
    let (_, refused, sent, repeated, other) = tokio::join!(
        create_shipment(context, tenant(), &packing, packed, "api"),
        ship(3),
        ship(2),
        ship(2),
        ship(1),
    );
    assert!(
        matches!(
            refused,
            Err(ShippingError::Fulfilment(FulfilmentError::Refused(_)))
        ),
        "{refused:?}"
    );
    let Ok(Once::Now(sent)) = sent else {
        panic!("{sent:?}")
    };
    let Ok(Once::Before(repeated)) = repeated else {
        panic!("{repeated:?}")
    };
    assert_eq!(repeated.id, sent.id);
    assert!(
        matches!(other, Err(ShippingError::Order(OrderError::KeyReused))),
        "{other:?}"
    );
    let Ok(Once::Before(later)) = ship(2).await else {
        panic!("the key is not that of the shipment");
    };
    assert_eq!(later.id, sent.id);
    shop.assert_sound().await;
}

//! Packing and shipping.

use oms_database::transaction;
use oms_fulfilment::{
    Dispatch, FulfilmentError, FulfilmentOrderStatus, FulfilmentStatus, Refusal, ShipmentStatus,
    find_fulfilments,
};
use oms_validation::ExpectedVersion;

use crate::fixture::{Depot, draft, parcel, product, units, warehouse};

#[tokio::test]
async fn a_packed_shipment_is_sent_later_with_its_parcels() {
    let mut depot = Depot::open().await;
    let order = depot.order(warehouse(0), &[2, 1]).await;
    let part = Some(units(&[(1, 1)]));
    let id = depot
        .create(&order, part, ShipmentStatus::Packed)
        .await
        .unwrap();
    let packed = depot.now(&order).await;
    assert_eq!(
        (
            packed.lines[0].packed,
            packed.lines[0].ready(),
            packed.version
        ),
        (1, 1, 2)
    );
    assert_eq!(packed.status, FulfilmentOrderStatus::InProgress);
    let refused = depot.send(id, vec![parcel("1Z2")]).await;
    assert!(matches!(
        refused,
        Err(FulfilmentError::Refused(Refusal::HasParcels))
    ));
    assert!(depot.send(id, Vec::new()).await.unwrap());
    assert!(!depot.send(id, Vec::new()).await.unwrap());
    let sent = depot.shipment(id).await;
    assert_eq!(
        (sent.status, sent.version, sent.number),
        (ShipmentStatus::Shipped, 2, 1)
    );
    assert!(sent.shipped_at.is_some());
    let after = depot.now(&order).await;
    assert_eq!(
        (
            after.lines[0].packed,
            after.lines[0].shipped,
            after.outstanding()
        ),
        (0, 1, 2)
    );
}

#[tokio::test]
async fn one_transaction_sends_parts_of_several_fulfilment_orders() {
    let mut depot = Depot::open().await;
    let first = depot.order(warehouse(0), &[2, 1]).await;
    let second = depot.order(warehouse(0), &[1]).await;
    let tenant = depot.tenant;
    let sent = transaction(&mut depot.connection, async |connection| {
        let ids = [second.id, first.id];
        let mut dispatch = Dispatch::lock(connection, tenant, None, &ids, &[]).await?;
        let all = draft(second.id, None, ShipmentStatus::Shipped);
        dispatch.create(all)?;
        // A request that is refused does not spoil the others.
        let again = dispatch.create(draft(second.id, None, ShipmentStatus::Shipped));
        assert!(matches!(
            again,
            Err(FulfilmentError::Refused(Refusal::Closed(_)))
        ));
        let part = Some(units(&[(1, 1)]));
        dispatch.create(draft(first.id, part, ShipmentStatus::Shipped))?;
        dispatch.create(draft(first.id, None, ShipmentStatus::Shipped))?;
        let left: Vec<_> = dispatch
            .departures()
            .iter()
            .map(|it| it.units.clone())
            .collect();
        let of = |pairs: &[(usize, i32)]| {
            pairs
                .iter()
                .map(|(number, quantity)| (product(*number), *quantity))
                .collect()
        };
        assert_eq!(left, [of(&[(0, 1)]), of(&[(0, 1)]), of(&[(0, 1), (1, 1)])]);
        dispatch.write(connection, tenant, None).await?;
        Ok::<_, FulfilmentError>(())
    });
    sent.await.unwrap();
    let ids = [first.order_id, second.order_id];
    let found = find_fulfilments(&mut depot.connection, tenant, None, &ids)
        .await
        .unwrap();
    for (id, numbers) in ids.iter().zip([vec![1, 2], vec![1]]) {
        let fulfilment = &found[id];
        assert_eq!(fulfilment.status(), FulfilmentStatus::Fulfilled);
        let found: Vec<i32> = fulfilment.shipments.iter().map(|it| it.number).collect();
        assert_eq!(found, numbers);
    }
}

#[tokio::test]
async fn a_refused_shipment_writes_nothing() {
    let mut depot = Depot::open().await;
    let order = depot.order(warehouse(0), &[2]).await;
    let too_many = depot
        .create(&order, Some(units(&[(1, 3)])), ShipmentStatus::Shipped)
        .await;
    let Err(FulfilmentError::Refused(Refusal::MoreThanOutstanding { ready: 2, .. })) = too_many
    else {
        panic!("{too_many:?}");
    };
    let stale = transaction(&mut depot.connection, async |connection| {
        let ids = [order.id];
        let mut dispatch = Dispatch::lock(connection, depot.tenant, None, &ids, &[]).await?;
        let mut draft = draft(order.id, None, ShipmentStatus::Packed);
        draft.expected = ExpectedVersion::OneOf(vec![7]);
        dispatch.create(draft)
    });
    assert!(matches!(
        stale.await,
        Err(FulfilmentError::Changed { version: 1 })
    ));
    assert_eq!(depot.now(&order).await, order);
}

#[tokio::test]
async fn an_order_has_at_most_fifty_shipments() {
    let mut depot = Depot::open().await;
    let order = depot.order(warehouse(0), &[51]).await;
    for _ in 0..50 {
        depot
            .create(&order, Some(units(&[(1, 1)])), ShipmentStatus::Packed)
            .await
            .unwrap();
    }
    let another = depot.create(&order, None, ShipmentStatus::Packed).await;
    assert!(matches!(
        another,
        Err(FulfilmentError::Refused(Refusal::TooManyShipments))
    ));
}

#[tokio::test]
async fn the_database_refuses_units_that_do_not_add_up() {
    let mut depot = Depot::open().await;
    let order = depot.order(warehouse(0), &[2]).await;
    for wrong in ["shipped = 3", "frozen = 1, cancelled = 2", "shipped = -1"] {
        let sql = format!(
            "UPDATE fulfilment.lines SET {wrong} WHERE fulfilment_order_id = '{}'",
            order.id
        );
        let refused =
            diesel_async::SimpleAsyncConnection::batch_execute(&mut depot.connection, &sql);
        assert!(refused.await.is_err(), "{wrong}");
    }
}

#[tokio::test]
async fn each_request_of_a_transaction_sees_the_version_that_the_one_before_it_has_raised() {
    let mut depot = Depot::open().await;
    let order = depot.order(warehouse(0), &[5]).await;
    let one = || Some(units(&[(1, 1)]));
    let packed = depot
        .create(&order, one(), ShipmentStatus::Packed)
        .await
        .unwrap();
    let tenant = depot.tenant;
    let done = transaction(&mut depot.connection, async |connection| {
        let mut dispatch = Dispatch::lock(connection, tenant, None, &[order.id], &[packed]).await?;
        let only = |version: i32| ExpectedVersion::OneOf(vec![version]);
        let create = |version: i32| {
            let mut draft = draft(order.id, one(), ShipmentStatus::Shipped);
            draft.expected = only(version);
            draft
        };
        dispatch.create(create(2))?;
        let stale = dispatch.create(create(2));
        assert!(matches!(
            stale,
            Err(FulfilmentError::Changed { version: 3 })
        ));
        dispatch.create(create(3))?;
        dispatch.send(packed, &only(1), Vec::new())?;
        dispatch.create(create(5))?;
        // The shipment was raised too.
        let stale = dispatch.deliver(packed, &only(1), None);
        assert!(matches!(
            stale,
            Err(FulfilmentError::Changed { version: 2 })
        ));
        assert!(dispatch.deliver(packed, &only(2), None)?);
        assert!(!dispatch.deliver(packed, &only(1), None)?);
        dispatch
            .write(connection, tenant, None)
            .await
            .map_err(FulfilmentError::from)
    });
    done.await.unwrap();
    assert_eq!(depot.now(&order).await.version, 6);
    let delivered = depot.shipment(packed).await;
    assert_eq!(
        (delivered.status, delivered.version),
        (ShipmentStatus::Delivered, 3)
    );
}

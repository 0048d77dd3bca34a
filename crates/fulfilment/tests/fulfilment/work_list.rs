//! The work lists of warehouses, and lists of shipments.

use chrono::TimeDelta;
use oms_fulfilment::{
    FulfilmentOrder, FulfilmentOrderId, ListedBy, ShipmentFilter, ShipmentStatus, ShipmentsOf,
    ShownStatus, WorkListFilter, find_opened, find_orders_of, get_fulfilment_order, get_shipment,
    list_fulfilment_orders, list_shipments,
};
use oms_validation::{OrderId, PageSize};

use crate::fixture::{Depot, units, warehouse};

fn work_of(number: usize) -> WorkListFilter {
    WorkListFilter {
        by: ListedBy::Warehouse(warehouse(number)),
        status: None,
        ship_by_before: None,
    }
}

impl Depot {
    /// The IDs of all pages of a list.
    async fn listed(&self, filter: &WorkListFilter, size: u32) -> Vec<FulfilmentOrderId> {
        let (mut ids, mut after) = (Vec::new(), None);
        loop {
            let size = PageSize::new(size).unwrap();
            let page = list_fulfilment_orders(&self.context, self.tenant, filter, after, size);
            let page = page.await.unwrap();
            ids.extend(page.items.iter().map(|order| order.id));
            after = page.next;
            if after.is_none() {
                return ids;
            }
        }
    }

    async fn due(&mut self, order: &FulfilmentOrder, hours: i64) {
        let at = order.created_at + TimeDelta::hours(hours);
        let sql = format!(
            "UPDATE fulfilment.fulfilment_orders SET ship_by = '{}' WHERE id = '{}'",
            at.to_rfc3339(),
            order.id
        );
        self.execute(&sql).await;
    }
}

#[tokio::test]
async fn a_work_list_begins_with_what_is_due_first_and_has_open_work_only() {
    let mut depot = Depot::open().await;
    let mut orders = Vec::new();
    for _ in 0..5 {
        orders.push(depot.order(warehouse(0), &[2, 1]).await);
    }
    let elsewhere = depot.order(warehouse(1), &[1]).await;
    depot.due(&orders[0], 5).await;
    depot.due(&orders[1], -5).await;
    depot
        .create(&orders[2], None, ShipmentStatus::Shipped)
        .await
        .unwrap();
    // Without a time to be sent by, it is due since it was opened.
    let expected = [1, 3, 4, 0].map(|place: usize| orders[place].id);
    for size in [1, 2, 4, 100] {
        assert_eq!(depot.listed(&work_of(0), size).await, expected);
    }
    assert_eq!(depot.listed(&work_of(1), 10).await, [elsewhere.id]);
    let before = WorkListFilter {
        ship_by_before: Some(orders[3].created_at),
        ..work_of(0)
    };
    assert_eq!(depot.listed(&before, 10).await, [orders[1].id]);
}

#[tokio::test]
async fn a_list_selects_by_the_status_that_clients_see() {
    let mut depot = Depot::open().await;
    let open = depot.order(warehouse(0), &[1]).await;
    let held = depot.order(warehouse(0), &[1]).await;
    let scheduled = depot.order(warehouse(0), &[1]).await;
    let begun = depot.order(warehouse(0), &[2]).await;
    let sent = depot.order(warehouse(0), &[1]).await;
    depot
        .create(&begun, Some(units(&[(1, 1)])), ShipmentStatus::Shipped)
        .await
        .unwrap();
    depot
        .create(&sent, None, ShipmentStatus::Shipped)
        .await
        .unwrap();
    let sql = format!(
        "INSERT INTO fulfilment.holds (tenant_id, fulfilment_order_id, handle, reason, actor)
         VALUES ('{}', '{}', 'h', 'other', 'x');
         UPDATE fulfilment.fulfilment_orders SET not_before = now() + interval '1 hour' WHERE id = '{}'",
        depot.tenant, held.id, scheduled.id
    );
    depot.execute(&sql).await;
    for (status, expected) in [
        (ShownStatus::Open, open.id),
        (ShownStatus::OnHold, held.id),
        (ShownStatus::Scheduled, scheduled.id),
        (ShownStatus::InProgress, begun.id),
    ] {
        let status = Some(status);
        let filter = WorkListFilter {
            status,
            ..work_of(0)
        };
        assert_eq!(depot.listed(&filter, 10).await, [expected], "{status:?}");
    }
    let closed = WorkListFilter {
        by: ListedBy::Order(sent.order_id, Some(warehouse(0))),
        status: Some(ShownStatus::Closed),
        ship_by_before: None,
    };
    assert_eq!(depot.listed(&closed, 10).await, [sent.id]);
    let shown = depot.now(&scheduled).await.shown_status();
    assert_eq!(shown, ShownStatus::Scheduled);
}

#[tokio::test]
async fn shipments_are_found_by_order_and_by_tracking_number() {
    let mut depot = Depot::open().await;
    let order = depot.order(warehouse(0), &[3]).await;
    let mut ids = Vec::new();
    for status in [
        ShipmentStatus::Packed,
        ShipmentStatus::Shipped,
        ShipmentStatus::Shipped,
    ] {
        ids.push(
            depot
                .create(&order, Some(units(&[(1, 1)])), status)
                .await
                .unwrap(),
        );
    }
    ids.reverse();
    for of in [
        ShipmentsOf::Order(order.order_id),
        ShipmentsOf::Tracking("1Z1".to_owned().try_into().unwrap()),
    ] {
        let mut filter = ShipmentFilter { of, status: None };
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let size = PageSize::new(2).unwrap();
            let page = list_shipments(&depot.context, depot.tenant, &filter, after, size);
            let page = page.await.unwrap();
            found.extend(page.items.iter().map(|shipment| shipment.id));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(found, ids, "{filter:?}");
        filter.status = Some(ShipmentStatus::Packed);
        let page = list_shipments(
            &depot.context,
            depot.tenant,
            &filter,
            None,
            PageSize::DEFAULT,
        );
        let page = page.await.unwrap();
        let numbers: Vec<i32> = page.items.iter().map(|shipment| shipment.number).collect();
        assert_eq!(numbers, [1], "{filter:?}");
    }
}

#[tokio::test]
async fn orders_and_single_resources_are_found_in_their_tenant_only() {
    let mut depot = Depot::open().await;
    let order = depot.order(warehouse(0), &[1]).await;
    let id = depot
        .create(&order, None, ShipmentStatus::Packed)
        .await
        .unwrap();
    let (tenant, other) = (depot.tenant, oms_testing::world::other_tenant());
    let connection = &mut depot.connection;
    let orders = find_orders_of(connection, tenant, &[order.id])
        .await
        .unwrap();
    assert_eq!(orders.get(&order.id), Some(&order.order_id));
    let opened = find_opened(connection, tenant, &[order.order_id, OrderId::generate()]).await;
    assert_eq!(
        opened.unwrap().into_iter().collect::<Vec<_>>(),
        [order.order_id]
    );
    assert!(
        find_orders_of(connection, other, &[order.id])
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        get_fulfilment_order(&depot.context, tenant, order.id)
            .await
            .is_ok()
    );
    assert!(
        get_fulfilment_order(&depot.context, other, order.id)
            .await
            .is_err()
    );
    assert!(get_shipment(&depot.context, tenant, id).await.is_ok());
    assert!(get_shipment(&depot.context, other, id).await.is_err());
}

#[tokio::test]
async fn a_page_looks_at_a_bounded_number_of_rows_and_the_next_one_goes_on() {
    let mut depot = Depot::open().await;
    let last = depot.order(warehouse(0), &[1]).await;
    depot.due(&last, 1).await;
    let sql = format!(
        "INSERT INTO fulfilment.fulfilment_orders (tenant_id, id, order_id, number, warehouse_id, status, created_at)
         SELECT '{}', gen_random_uuid(), gen_random_uuid(), 1, '{}', 'OPEN', now() - n * interval '1 second'
         FROM generate_series(1, 2000) n;
         INSERT INTO fulfilment.holds (tenant_id, fulfilment_order_id, handle, reason, actor)
         VALUES ('{0}', '{}', 'h', 'other', 'x')",
        depot.tenant, warehouse(0), last.id
    );
    depot.execute(&sql).await;
    let filter = WorkListFilter {
        status: Some(ShownStatus::OnHold),
        ..work_of(0)
    };
    let (mut pages, mut after) = (Vec::new(), None);
    loop {
        let page = list_fulfilment_orders(
            &depot.context,
            depot.tenant,
            &filter,
            after,
            PageSize::DEFAULT,
        );
        let page = page.await.unwrap();
        pages.push(page.items.len());
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(pages, [0, 0, 1]);
}

#[tokio::test]
async fn a_tracking_number_of_many_parcels_is_read_page_by_page() {
    let mut depot = Depot::open().await;
    let order = depot.order(warehouse(0), &[1]).await;
    let id = depot
        .create(&order, None, ShipmentStatus::Packed)
        .await
        .unwrap();
    let sql = format!(
        "INSERT INTO fulfilment.shipments
             (tenant_id, id, order_id, number, fulfilment_order_id, warehouse_id, status, shipped_at)
         SELECT tenant_id, ('ffffffff-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid, gen_random_uuid(), 1,
                fulfilment_order_id, warehouse_id, 'SHIPPED', now()
         FROM fulfilment.shipments, generate_series(1, 1500) n WHERE id = '{id}';
         INSERT INTO fulfilment.parcels (tenant_id, shipment_id, number, carrier, tracking_number)
         SELECT tenant_id, id, parcel, 'UPS', '1Z1' FROM fulfilment.shipments, generate_series(1, 2) parcel
         WHERE id <> '{id}'"
    );
    depot.execute(&sql).await;
    let filter = ShipmentFilter {
        of: ShipmentsOf::Tracking("1Z1".to_owned().try_into().unwrap()),
        status: Some(ShipmentStatus::Packed),
    };
    let size = PageSize::DEFAULT;
    let first = list_shipments(&depot.context, depot.tenant, &filter, None, size);
    let first = first.await.unwrap();
    assert!(first.items.is_empty() && first.next.is_some());
    let second = list_shipments(&depot.context, depot.tenant, &filter, first.next, size);
    let second = second.await.unwrap();
    assert_eq!(second.items.first().map(|it| it.id), Some(id));
    assert!(second.next.is_none());
}

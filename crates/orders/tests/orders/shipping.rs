//! Packing, shipping and delivering, with stock and timeline.

use oms_fulfilment::{
    FulfilmentError, FulfilmentOrder, FulfilmentStatus, HoldReason, NewHold, NewParcel, Refusal,
    Shipment, ShipmentDraft, ShipmentId, ShipmentStatus, TrackingReport, TrackingStatus, Units,
    Work,
};
use oms_orders::{
    OpeningPass, OrderError, Reason, Refunded, ShippingError, cancel_shipment, change_work,
    create_shipment, deliver_shipment, get_order, open_missing, order_fulfilments, place_hold,
    record_tracking, release_hold, ship_shipment,
};
use oms_payments::Operation;
use oms_testing::gateway::Confirm;
use oms_testing::invariants::assert_invariants;
use oms_validation::{ExpectedVersion, IdempotencyKey, Once, OrderId};

use crate::shop::{Shop, tenant};

pub const ANY: ExpectedVersion = ExpectedVersion::Any;

pub fn key(text: &str) -> IdempotencyKey {
    IdempotencyKey::parse(text).unwrap()
}

fn parcel() -> NewParcel {
    NewParcel {
        carrier: "UPS".to_owned().try_into().unwrap(),
        service: None,
        tracking_number: Some("1Z1".to_owned().try_into().unwrap()),
        tracking_url: None,
    }
}

/// A shipment of some units of the only line, or of everything.
pub fn draft(order: &FulfilmentOrder, units: Option<i64>, status: ShipmentStatus) -> ShipmentDraft {
    ShipmentDraft {
        id: ShipmentId::generate(),
        fulfilment_order_id: order.id,
        warehouse_id: None,
        expected: ANY,
        units: units.map(|units| Units::new(&[(1, units)]).unwrap()),
        parcels: vec![parcel()],
        status,
        destination: None,
    }
}

impl Shop {
    /// The only fulfilment order of an order.
    pub async fn work(&self, order_id: OrderId) -> FulfilmentOrder {
        let found = order_fulfilments(&self.context, tenant(), order_id).await;
        let mut orders = found.unwrap().fulfilment_orders;
        assert_eq!(orders.len(), 1);
        orders.remove(0)
    }

    pub async fn ship(
        &self,
        order_id: OrderId,
        units: Option<i64>,
        status: ShipmentStatus,
    ) -> Result<Shipment, ShippingError> {
        let draft = draft(&self.work(order_id).await, units, status);
        let key = key(&draft.id.to_string());
        let created = create_shipment(&self.context, tenant(), &key, draft, "api:station").await;
        created.map(Once::into_inner)
    }

    pub async fn goods(&self, order_id: OrderId) -> FulfilmentStatus {
        let details = get_order(&self.context, tenant(), order_id).await.unwrap();
        details.fulfilment.status()
    }

    /// `on_hand reserved` of the only level.
    pub async fn level(&self) -> String {
        self.text("SELECT on_hand || ' ' || reserved FROM inventory.stock_levels")
            .await
    }

    /// The types of an order's events, without changes of the status.
    pub async fn told(&self) -> String {
        self.text(
            "SELECT string_agg(type, ' ' ORDER BY order_id, sequence) FROM orders.events
             WHERE type <> 'order.changed'",
        )
        .await
    }

    pub async fn assert_sound(&self) {
        let mut connection = self.database.connect().await;
        assert_invariants(&mut connection).await;
    }

    /// Cancels a shipment that never left.
    pub async fn undo(&self, id: ShipmentId) {
        self.cancel_parcel(id).await.unwrap();
    }

    async fn cancel_parcel(&self, id: ShipmentId) -> Result<Shipment, ShippingError> {
        let reason = Reason::parse("it never left").unwrap();
        cancel_shipment(&self.context, tenant(), id, &ANY, &reason, None, "api").await
    }
}

fn refusal<T: std::fmt::Debug>(refused: Result<T, ShippingError>) -> Refusal {
    match refused {
        Err(ShippingError::Fulfilment(FulfilmentError::Refused(refusal))) => refusal,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_paid_order_has_a_fulfilment_order_and_an_unpaid_one_has_none() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    let work = shop.work(order_id).await;
    assert_eq!(
        (work.number, work.lines.len(), work.outstanding()),
        (1, 1, 3)
    );
    assert_eq!(shop.goods(order_id).await, FulfilmentStatus::Unfulfilled);
    shop.gateway.confirms(Confirm::IsLost);
    let pending = shop.pending("p").await;
    assert_eq!(shop.goods(pending).await, FulfilmentStatus::None);
    let none = order_fulfilments(&shop.context, tenant(), pending)
        .await
        .unwrap();
    assert!(none.fulfilment_orders.is_empty());
    let unknown = order_fulfilments(&shop.context, tenant(), OrderId::generate()).await;
    assert!(matches!(unknown, Err(OrderError::NotFound)));
    shop.assert_sound().await;
}

#[tokio::test]
async fn an_order_that_an_earlier_version_made_paid_gets_its_fulfilment_order_when_it_is_needed() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    shop.execute("DELETE FROM fulfilment.lines; DELETE FROM fulfilment.fulfilment_orders")
        .await;
    assert_eq!(shop.goods(order_id).await, FulfilmentStatus::None);
    assert_eq!(shop.work(order_id).await.outstanding(), 3);
    assert_eq!(shop.goods(order_id).await, FulfilmentStatus::Unfulfilled);
    assert_eq!(shop.told().await, "fulfilment_order.opened");
    shop.assert_sound().await;
}

#[tokio::test]
async fn a_worker_opens_the_fulfilment_orders_of_earlier_orders_once() {
    let shop = Shop::open(Confirm::Pays).await;
    for key in ["a", "b", "c"] {
        shop.paid(key).await;
    }
    shop.execute(
        "DELETE FROM fulfilment.lines WHERE fulfilment_order_id IN
             (SELECT id FROM fulfilment.fulfilment_orders ORDER BY id LIMIT 2);
         DELETE FROM fulfilment.fulfilment_orders WHERE id IN
             (SELECT id FROM fulfilment.fulfilment_orders ORDER BY id LIMIT 2)",
    )
    .await;
    let mut pass = OpeningPass::default();
    for opened in [2, 0] {
        let turn = open_missing(&shop.context, &mut pass).await.unwrap();
        assert_eq!((turn.opened, turn.more), (opened, false));
    }
    shop.assert_sound().await;
}

#[tokio::test]
async fn units_leave_the_stock_when_they_are_shipped() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    let packed = shop
        .ship(order_id, Some(1), ShipmentStatus::Packed)
        .await
        .unwrap();
    assert_eq!(shop.level().await, "10 3");
    assert!(packed.destination.is_some());
    shop.ship(order_id, Some(1), ShipmentStatus::Shipped)
        .await
        .unwrap();
    assert_eq!(shop.level().await, "9 2");
    assert_eq!(
        shop.goods(order_id).await,
        FulfilmentStatus::PartiallyFulfilled
    );
    for _ in 0..2 {
        let sent =
            ship_shipment(&shop.context, tenant(), packed.id, ANY, vec![], None, "api").await;
        assert_eq!(sent.unwrap().status, ShipmentStatus::Shipped);
        assert_eq!(shop.level().await, "8 1");
    }
    shop.ship(order_id, None, ShipmentStatus::Shipped)
        .await
        .unwrap();
    assert_eq!(shop.level().await, "7 0");
    assert_eq!(shop.goods(order_id).await, FulfilmentStatus::Fulfilled);
    let closed = refusal(shop.ship(order_id, None, ShipmentStatus::Shipped).await);
    assert!(matches!(closed, Refusal::Closed(_)));
    assert_eq!(
        shop.told().await,
        "shipment.packed shipment.shipped shipment.shipped shipment.shipped fulfilment_order.closed order.fulfilled"
    );
    shop.assert_sound().await;
}

#[tokio::test]
async fn a_repeated_request_ships_once() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    let work = shop.work(order_id).await;
    let (context, key) = (&shop.context, key("s"));
    let make = |units| draft(&work, Some(units), ShipmentStatus::Shipped);
    let first = create_shipment(context, tenant(), &key, make(1), "api")
        .await
        .unwrap();
    let again = create_shipment(context, tenant(), &key, make(1), "api")
        .await
        .unwrap();
    assert_eq!(again, Once::Before(first.into_inner()));
    let other = create_shipment(context, tenant(), &key, make(2), "api").await;
    assert!(matches!(
        other,
        Err(ShippingError::Order(OrderError::KeyReused))
    ));
    // The key of a refused request is free.
    let key = IdempotencyKey::parse("t").unwrap();
    let refused = create_shipment(context, tenant(), &key, make(3), "api").await;
    assert!(matches!(
        refusal(refused),
        Refusal::MoreThanOutstanding { ready: 2, .. }
    ));
    let shipped = create_shipment(context, tenant(), &key, make(2), "api")
        .await
        .unwrap();
    assert!(matches!(shipped, Once::Now(_)));
    assert_eq!(shop.level().await, "7 0");
    shop.assert_sound().await;
}

#[tokio::test]
async fn shipments_that_come_together_are_answered_each_for_itself() {
    let shop = Shop::open(Confirm::Pays).await;
    let (first, second) = (shop.paid("a").await, shop.paid("b").await);
    let (one, two) = (shop.work(first).await, shop.work(second).await);
    let mut drafts = Vec::new();
    for work in [&one, &two] {
        drafts.push(draft(work, Some(2), ShipmentStatus::Shipped));
        drafts.push(draft(work, Some(2), ShipmentStatus::Shipped));
        drafts.push(draft(work, None, ShipmentStatus::Packed));
    }
    let work = drafts.into_iter().enumerate().map(|(place, draft)| {
        let context = shop.context.clone();
        async move {
            let key = key(&format!("key {place}"));
            create_shipment(&context, tenant(), &key, draft, "api")
                .await
                .is_ok()
        }
    });
    let done = futures_util::future::join_all(work).await;
    // Of two units each, the second request finds one left, and the third takes it.
    assert_eq!(done, [true, false, true, true, false, true]);
    assert_eq!(shop.level().await, "6 2");
    shop.assert_sound().await;
}

#[tokio::test]
async fn a_shipment_that_never_left_is_in_stock_again() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    let shipment = shop
        .ship(order_id, None, ShipmentStatus::Shipped)
        .await
        .unwrap();
    for _ in 0..2 {
        let cancelled = shop.cancel_parcel(shipment.id).await.unwrap();
        assert_eq!(cancelled.status, ShipmentStatus::Cancelled);
        assert_eq!(shop.level().await, "10 3");
    }
    assert_eq!(shop.goods(order_id).await, FulfilmentStatus::Unfulfilled);
    let again = shop
        .ship(order_id, None, ShipmentStatus::Shipped)
        .await
        .unwrap();
    assert_eq!((again.number, shop.level().await.as_str()), (2, "7 0"));
    assert_eq!(
        shop.told().await,
        "shipment.shipped fulfilment_order.closed order.fulfilled shipment.cancelled fulfilment_order.reopened \
         shipment.shipped fulfilment_order.closed order.fulfilled"
    );
    shop.assert_sound().await;
}

#[tokio::test]
async fn a_shipment_of_a_refunded_order_that_never_left_is_free_again() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    let shipment = shop
        .ship(order_id, Some(2), ShipmentStatus::Shipped)
        .await
        .unwrap();
    shop.refund(order_id, "r", None).await.unwrap();
    assert_eq!(shop.level().await, "8 0");
    assert_eq!(shop.goods(order_id).await, FulfilmentStatus::Fulfilled);
    shop.cancel_parcel(shipment.id).await.unwrap();
    assert_eq!(shop.level().await, "10 0");
    assert_eq!(shop.goods(order_id).await, FulfilmentStatus::Cancelled);
    shop.assert_sound().await;
}

#[tokio::test]
async fn a_delivered_shipment_is_delivered_once_and_never_cancelled() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    let shipment = shop
        .ship(order_id, None, ShipmentStatus::Shipped)
        .await
        .unwrap();
    for _ in 0..2 {
        let (context, id) = (&shop.context, shipment.id);
        let done = deliver_shipment(context, tenant(), id, ANY, None, Some(&key("d")), "api").await;
        assert_eq!(done.unwrap().status, ShipmentStatus::Delivered);
    }
    assert_eq!(shop.goods(order_id).await, FulfilmentStatus::Delivered);
    assert_eq!(
        refusal(shop.cancel_parcel(shipment.id).await),
        Refusal::Delivered
    );
    assert!(
        shop.told().await.ends_with(
            "fulfilment_order.closed order.fulfilled shipment.delivered order.delivered"
        )
    );
    shop.assert_sound().await;
}

#[tokio::test]
async fn the_last_delivered_parcel_delivers_its_shipment() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    let shipment = shop
        .ship(order_id, None, ShipmentStatus::Shipped)
        .await
        .unwrap();
    let happened_at = shipment.created_at;
    let report = |status| TrackingReport {
        parcel: 1,
        status,
        detail: None,
        happened_at,
        estimated_at: None,
    };
    for (status, expected) in [
        (TrackingStatus::InTransit, ShipmentStatus::Shipped),
        (TrackingStatus::Delivered, ShipmentStatus::Delivered),
        (TrackingStatus::Delivered, ShipmentStatus::Delivered),
    ] {
        let (context, id) = (&shop.context, shipment.id);
        let recorded = record_tracking(context, tenant(), id, &report(status), "api:ups").await;
        assert_eq!(recorded.unwrap().status, expected, "{status:?}");
    }
    shop.assert_sound().await;
}

#[tokio::test]
async fn work_begins_and_stops_and_is_held_back() {
    let shop = Shop::open(Confirm::Pays).await;
    let work = shop.work(shop.paid("k").await).await;
    let (context, id) = (&shop.context, work.id);
    let hold = NewHold {
        handle: "fraud".to_owned().try_into().unwrap(),
        reason: HoldReason::FraudCheck,
        note: None,
    };
    for step in [Work::Start, Work::Start, Work::Stop] {
        change_work(context, tenant(), id, &ANY, step, None, "api")
            .await
            .unwrap();
    }
    for _ in 0..2 {
        place_hold(context, tenant(), id, &hold, None, "api")
            .await
            .unwrap();
    }
    let refused = shop
        .ship(work.order_id, None, ShipmentStatus::Shipped)
        .await;
    assert_eq!(refusal(refused), Refusal::OnHold(vec![hold.handle.clone()]));
    let refused = change_work(context, tenant(), id, &ANY, Work::Start, None, "api").await;
    assert_eq!(refusal(refused), Refusal::OnHold(vec![hold.handle.clone()]));
    for _ in 0..2 {
        release_hold(context, tenant(), id, Some(&hold.handle), "api")
            .await
            .unwrap();
    }
    shop.ship(work.order_id, None, ShipmentStatus::Shipped)
        .await
        .unwrap();
    assert!(shop.told().await.starts_with(
        "fulfilment_order.started fulfilment_order.stopped fulfilment_order.held fulfilment_order.released"
    ));
    shop.assert_sound().await;
}

#[tokio::test]
async fn nothing_is_shipped_of_an_order_that_is_being_cancelled_or_refunded() {
    let shop = Shop::open(Confirm::Pays).await;
    let cancelled = shop.paid("c").await;
    let refunded = shop.paid("r").await;
    let partly = shop.paid("p").await;
    let packed = shop
        .ship(cancelled, Some(1), ShipmentStatus::Packed)
        .await
        .unwrap();
    shop.gateway.hold(Operation::Refund);
    let context = shop.context.clone();
    let requests = [
        tokio::spawn({
            let context = context.clone();
            async move {
                let done =
                    oms_orders::cancel_order(&context, tenant(), cancelled, None, None, "api");
                done.await.is_ok()
            }
        }),
        tokio::spawn(refund(context.clone(), refunded, None)),
        tokio::spawn(refund(context, partly, Some(100))),
    ];
    shop.gateway.arrived(Operation::Refund, 3).await;
    for order_id in [cancelled, refunded] {
        let refused = shop.ship(order_id, None, ShipmentStatus::Shipped).await;
        assert!(
            matches!(refused, Err(ShippingError::Busy { .. })),
            "{refused:?}"
        );
    }
    let refused = ship_shipment(&shop.context, tenant(), packed.id, ANY, vec![], None, "api").await;
    assert!(
        matches!(refused, Err(ShippingError::Busy { .. })),
        "{refused:?}"
    );
    // Something is left of its payment, so it is sent.
    shop.ship(partly, Some(1), ShipmentStatus::Shipped)
        .await
        .unwrap();
    shop.gateway.release(Operation::Refund, 3);
    for request in requests {
        assert!(request.await.unwrap());
    }
    assert_eq!(shop.goods(cancelled).await, FulfilmentStatus::Cancelled);
    assert_eq!(shop.goods(refunded).await, FulfilmentStatus::Cancelled);
    assert_eq!(shop.level().await, "9 2");
    shop.assert_sound().await;
}

async fn refund(
    context: std::sync::Arc<oms_orders::OrderContext>,
    order_id: OrderId,
    amount_minor: Option<i64>,
) -> bool {
    let request = oms_orders::RequestedRefund {
        what: amount_minor.map_or(Refunded::Rest, |amount| {
            Refunded::Amount(crate::shop::usd(amount))
        }),
        reason: None,
        disputed: oms_orders::Disputed::Refuse,
    };
    let key = key(&order_id.to_string());
    oms_orders::refund_order(&context, tenant(), order_id, &key, &request, "api")
        .await
        .is_ok()
}

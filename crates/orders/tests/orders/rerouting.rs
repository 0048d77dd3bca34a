//! Moving and rejecting what is left to send: fulfilment orders, stock and timeline.

use oms_database::transaction;
use oms_fulfilment::{
    ERASED_WORDS, FulfilmentError, FulfilmentOrder, FulfilmentOrderStatus, HoldHandle, HoldReason,
    NewHold, Note, Refusal, RejectionReason, ShipmentStatus, ShownStatus, Units, erase_addresses,
};
use oms_inventory::SourceStock;
use oms_orders::{
    MoveRequest, OrderContext, OrderError, Reason, RejectionRequest, ReroutedOrder, ReroutingError,
    ShippingError, Target, create_shipment, find_moves, get_order, move_fulfilment_order,
    order_fulfilments, place_hold, reject_fulfilment_order,
};
use oms_testing::TestDatabase;
use oms_testing::gateway::Refunding;
use oms_testing::world::{self, warehouse};
use oms_validation::{ExpectedVersion, Once, OrderId, WarehouseId};

use crate::shipping::{ANY, draft, key};
use crate::shop::{Opening, Shop, catalogue, tenant};

pub fn at(number: usize) -> WarehouseId {
    warehouse(number).into()
}

/// A shop with this many units of the only product in each warehouse. Orders are routed to the first one that can fill
/// them.
pub async fn shop_with(stock: &[i32]) -> Shop {
    let database = TestDatabase::create();
    let pool = database.pool(8);
    let stock: Vec<[i32; 1]> = stock.iter().map(|units| [*units]).collect();
    Shop::open_on(database, pool, &catalogue(&stock), Opening::default()).await
}

pub fn to(target: Target, units: Option<i64>) -> MoveRequest {
    MoveRequest {
        units: units.map(|units| Units::new(&[(1, units)]).unwrap()),
        target,
        reason: Reason::parse("the roof leaks").unwrap(),
        stock: SourceStock::Keep,
    }
}

pub fn rejection(units: Option<i64>, stock: SourceStock) -> RejectionRequest {
    RejectionRequest {
        units: units.map(|units| Units::new(&[(1, units)]).unwrap()),
        reason: RejectionReason::NotFound,
        note: Some(Note::parse("the bin is empty").unwrap()),
        stock,
    }
}

pub async fn move_in(
    context: &OrderContext,
    order: &FulfilmentOrder,
    request: &MoveRequest,
    name: &str,
) -> Result<Once<ReroutedOrder>, ReroutingError> {
    move_fulfilment_order(
        context,
        tenant(),
        order.id,
        &ANY,
        request,
        &key(name),
        "api",
    )
    .await
}

fn new_key() -> String {
    uuid::Uuid::now_v7().to_string()
}

impl Shop {
    /// `on hand/reserved/quarantined` of the only product in each warehouse.
    pub async fn levels(&self) -> String {
        self.text(
            "SELECT string_agg(format('%s/%s/%s', on_hand, reserved, quarantined), ' ' ORDER BY warehouse_id)
             FROM inventory.stock_levels",
        )
        .await
    }

    /// `number warehouse status units` of each fulfilment order of an order.
    pub async fn works(&self, order_id: OrderId) -> Vec<String> {
        let found = order_fulfilments(&self.context, tenant(), order_id).await;
        let orders = found.unwrap().fulfilment_orders.into_iter();
        let place = |order: &FulfilmentOrder| (0..9).find(|it| at(*it) == order.warehouse_id);
        let state = |order: FulfilmentOrder| {
            let (at, status) = (place(&order).unwrap(), order.shown_status());
            format!("{} {at} {status} {}", order.number, order.outstanding())
        };
        orders.map(state).collect()
    }

    pub async fn move_to(
        &self,
        order: &FulfilmentOrder,
        request: &MoveRequest,
    ) -> Result<ReroutedOrder, ReroutingError> {
        let moved = move_in(&self.context, order, request, &new_key()).await;
        moved.map(Once::into_inner)
    }

    pub async fn reject(
        &self,
        order: &FulfilmentOrder,
        request: &RejectionRequest,
        name: &str,
    ) -> Result<Once<ReroutedOrder>, ReroutingError> {
        let key = key(name);
        let (context, id) = (&self.context, order.id);
        reject_fulfilment_order(context, tenant(), id, &ANY, request, &key, "api").await
    }

    /// The types of the events of rerouting and holding, oldest first.
    pub async fn rerouting_events(&self) -> String {
        self.text(
            "SELECT coalesce(string_agg(type, ' ' ORDER BY order_id, sequence), '') FROM orders.events
             WHERE type LIKE 'fulfilment_order.%'",
        )
        .await
    }
}

fn refusal<T: std::fmt::Debug>(refused: Result<T, ReroutingError>) -> Refusal {
    match refused {
        Err(ReroutingError::Shipping(ShippingError::Fulfilment(FulfilmentError::Refused(it)))) => {
            it
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_move_takes_the_fulfilment_order_and_its_reservations_along() {
    let shop = shop_with(&[10, 10, 10]).await;
    let order_id = shop.paid("k").await;
    let work = shop.work(order_id).await;
    let moved = shop.move_to(&work, &to(Target::Given(at(2)), None)).await;
    let moved = moved.unwrap();
    assert_eq!(moved.source.id, work.id);
    assert_eq!(moved.target.unwrap().warehouse_id, at(2));
    assert!(moved.moved.unwrap().route.is_none());
    assert_eq!(shop.levels().await, "10/0/0 10/0/0 10/3/0");
    assert_eq!(shop.works(order_id).await, ["1 2 OPEN 3"]);
    assert_eq!(shop.rerouting_events().await, "fulfilment_order.moved");
    shop.assert_sound().await;
    // It is sent from there.
    shop.ship(order_id, None, ShipmentStatus::Shipped)
        .await
        .unwrap();
    assert_eq!(shop.levels().await, "10/0/0 10/0/0 7/0/0");
    shop.assert_sound().await;
}

#[tokio::test]
async fn a_part_goes_to_the_nearest_warehouse_with_its_trace_and_the_rest_stays() {
    let shop = shop_with(&[10, 1, 10]).await;
    let order_id = shop.paid("k").await;
    let work = shop.work(order_id).await;
    let moved = shop.move_to(&work, &to(Target::Nearest, Some(2))).await;
    let explained = moved.unwrap().moved.unwrap();
    let (trace, explanation) = explained.route.unwrap();
    let outcomes: Vec<String> = trace
        .candidates
        .iter()
        .map(|it| format!("{:?}", it.outcome))
        .collect();
    assert_eq!(outcomes, ["Excluded", "PassedOver", "Chosen"]);
    let excluded = &explanation.candidates[0];
    assert!(
        excluded.ends_with("away but may not send it."),
        "{excluded}"
    );
    assert_eq!(shop.works(order_id).await, ["1 0 OPEN 1", "2 2 OPEN 2"]);
    assert_eq!(shop.levels().await, "10/1/0 1/0/0 10/2/0");
    let moves = find_moves(&shop.context, tenant(), order_id).await.unwrap();
    assert_eq!(moves.len(), 1);
    assert!(moves[0].route.is_some());
    shop.assert_sound().await;
    // Both parts are sent, and the order is fulfilled.
    let found = order_fulfilments(&shop.context, tenant(), order_id).await;
    for order in found.unwrap().fulfilment_orders {
        let draft = draft(&order, None, ShipmentStatus::Shipped);
        let key = key(&draft.id.to_string());
        let sent = create_shipment(&shop.context, tenant(), &key, draft, "api").await;
        sent.unwrap();
    }
    let details = get_order(&shop.context, tenant(), order_id).await.unwrap();
    assert_eq!(details.fulfilment.status().as_str(), "FULFILLED");
    assert_eq!(shop.levels().await, "9/0/0 1/0/0 8/0/0");
    shop.assert_sound().await;
}

#[tokio::test]
async fn a_move_is_made_once_for_each_key_and_version() {
    let shop = shop_with(&[10, 10, 10]).await;
    let order_id = shop.paid("k").await;
    let work = shop.work(order_id).await;
    let (nearest, given) = (to(Target::Nearest, None), to(Target::Given(at(2)), None));
    let moved = move_in(&shop.context, &work, &nearest, "m").await.unwrap();
    assert!(matches!(moved, Once::Now(_)));
    let again = move_in(&shop.context, &work, &nearest, "m").await.unwrap();
    let Once::Before(again) = again else {
        panic!("{again:?}")
    };
    assert_eq!(again, moved.into_inner());
    let reused = move_in(&shop.context, &work, &given, "m").await;
    assert!(matches!(
        reused,
        Err(ReroutingError::Shipping(ShippingError::Order(
            OrderError::KeyReused
        )))
    ));
    let stale = ExpectedVersion::OneOf(vec![work.version]);
    let id = work.id;
    let stale = move_fulfilment_order(
        &shop.context,
        tenant(),
        id,
        &stale,
        &given,
        &key("n"),
        "api",
    )
    .await;
    assert!(matches!(
        stale,
        Err(ReroutingError::Shipping(ShippingError::Fulfilment(
            FulfilmentError::Changed { .. }
        )))
    ));
    assert_eq!(shop.works(order_id).await, ["1 1 OPEN 3"]);
    shop.assert_sound().await;
}

#[tokio::test]
async fn units_go_only_where_they_are_available() {
    let shop = shop_with(&[10, 2, 10]).await;
    shop.execute(&format!(
        "UPDATE inventory.warehouses SET active = false WHERE id = '{}'",
        at(2)
    ))
    .await;
    let order_id = shop.paid("k").await;
    let work = shop.work(order_id).await;
    for (target, available) in [(1, 2), (2, 0), (7, 0)] {
        let request = to(Target::Given(at(target)), None);
        let Err(ReroutingError::NotAvailable(units)) = shop.move_to(&work, &request).await else {
            panic!("warehouse {target}")
        };
        assert_eq!((units[0].available, units[0].wanted), (available, 3));
    }
    let refused = shop.move_to(&work, &to(Target::Given(at(0)), None)).await;
    assert!(matches!(refused, Err(ReroutingError::SameWarehouse)));
    let refused = shop.move_to(&work, &to(Target::Nearest, None)).await;
    assert!(matches!(refused, Err(ReroutingError::NoWarehouse)));
    assert_eq!(shop.levels().await, "10/3/0 2/0/0 10/0/0");
    assert_eq!(shop.rerouting_events().await, "");
    shop.assert_sound().await;
}

#[tokio::test]
async fn packed_sent_and_cancelled_units_do_not_move() {
    let shop = shop_with(&[10, 10]).await;
    let order_id = shop.paid("k").await;
    let work = shop.work(order_id).await;
    let packed = shop.ship(order_id, Some(2), ShipmentStatus::Packed).await;
    packed.unwrap();
    let all = to(Target::Nearest, None);
    assert_eq!(refusal(shop.move_to(&work, &all).await), Refusal::Packed);
    let two = to(Target::Nearest, Some(2));
    assert_eq!(refusal(shop.move_to(&work, &two).await), Refusal::Packed);
    let four = to(Target::Nearest, Some(4));
    assert!(matches!(
        refusal(shop.move_to(&work, &four).await),
        Refusal::MoreThanOutstanding { ready: 1, .. }
    ));
    shop.cancel(order_id).await.unwrap();
    let closed = refusal(shop.move_to(&work, &all).await);
    assert!(matches!(
        closed,
        Refusal::Closed(FulfilmentOrderStatus::Cancelled)
    ));
    shop.assert_sound().await;
}

#[tokio::test]
async fn nothing_moves_while_an_order_is_being_cancelled() {
    let shop = shop_with(&[10, 10]).await;
    let order_id = shop.paid("k").await;
    let work = shop.work(order_id).await;
    shop.gateway.refunds(Refunding::IsLost);
    _ = shop.cancel(order_id).await;
    let busy = shop.move_to(&work, &to(Target::Nearest, None)).await;
    assert!(matches!(
        busy,
        Err(ReroutingError::Shipping(ShippingError::Busy { .. }))
    ));
    shop.assert_sound().await;
}

#[tokio::test]
async fn a_rejected_order_goes_on_to_the_next_warehouse_and_never_back() {
    let shop = shop_with(&[10, 10, 10]).await;
    let order_id = shop.paid("k").await;
    for (round, expected) in [["1 1 OPEN 3"], ["1 2 OPEN 3"], ["1 2 ON_HOLD 3"]]
        .iter()
        .enumerate()
    {
        let work = shop.work(order_id).await;
        let name = format!("r{round}");
        let request = rejection(None, SourceStock::Keep);
        let rejected = shop.reject(&work, &request, &name).await.unwrap();
        let again = shop.reject(&work, &request, &name).await.unwrap();
        assert!(matches!(again, Once::Before(_)));
        assert_eq!(again.into_inner(), rejected.into_inner());
        assert_eq!(shop.works(order_id).await, expected);
    }
    assert_eq!(shop.levels().await, "10/0/0 10/0/0 10/3/0");
    assert_eq!(
        shop.rerouting_events().await,
        "fulfilment_order.rejected fulfilment_order.moved fulfilment_order.rejected fulfilment_order.moved \
         fulfilment_order.rejected fulfilment_order.held"
    );
    let work = shop.work(order_id).await;
    assert_eq!(work.shown_status(), ShownStatus::OnHold);
    let hold = &work.holds[0];
    assert_eq!(
        (hold.handle.as_str(), hold.reason.as_str()),
        ("rerouting", "no_warehouse")
    );
    assert_eq!(hold.note.as_ref().unwrap().as_str(), "the bin is empty");
    shop.assert_sound().await;
    // An operator knows better, and names a warehouse.
    let moved = shop.move_to(&work, &to(Target::Given(at(0)), None)).await;
    assert_eq!(moved.unwrap().source.holds, []);
    assert_eq!(shop.works(order_id).await, ["1 0 OPEN 3"]);
    shop.assert_sound().await;
}

#[tokio::test]
async fn a_rejection_corrects_the_stock_of_the_warehouse() {
    for (stock, expected) in [
        (SourceStock::Keep, "10/3/0 10/3/0"),
        (SourceStock::WriteOff, "7/3/0 10/3/0"),
        (SourceStock::WriteOffAll, "3/3/0 10/3/0"),
        (SourceStock::Quarantine, "10/3/3 10/3/0"),
    ] {
        let shop = shop_with(&[10, 10]).await;
        let order_id = shop.paid("k").await;
        shop.paid("other").await;
        let work = shop.work(order_id).await;
        let rejected = shop.reject(&work, &rejection(None, stock), "r").await;
        rejected.unwrap();
        assert_eq!(shop.levels().await, expected, "{stock:?}");
        shop.assert_sound().await;
    }
}

#[tokio::test]
async fn a_rejection_that_no_warehouse_can_take_writes_off_only_what_nobody_holds() {
    for (stock, expected) in [
        (SourceStock::WriteOff, "10/6/0 2/0/0"),
        (SourceStock::WriteOffAll, "6/6/0 2/0/0"),
    ] {
        let shop = shop_with(&[10, 2]).await;
        let order_id = shop.paid("k").await;
        shop.paid("other").await;
        let work = shop.work(order_id).await;
        let rejected = shop.reject(&work, &rejection(None, stock), "r").await;
        assert_eq!(rejected.unwrap().into_inner().target, None);
        assert_eq!(shop.levels().await, expected, "{stock:?}");
        assert_eq!(shop.works(order_id).await, ["1 0 ON_HOLD 3"]);
        shop.assert_sound().await;
        // The move that follows corrects the stock.
        shop.execute(
            "UPDATE inventory.stock_levels SET on_hand = 9 WHERE on_hand = 2;
                      UPDATE inventory.stock_movements SET quantity = 9 WHERE quantity = 2",
        )
        .await;
        let mut request = to(Target::Nearest, None);
        request.stock = SourceStock::WriteOff;
        shop.move_to(&work, &request).await.unwrap();
        assert_eq!(shop.works(order_id).await, ["1 1 OPEN 3"]);
        shop.assert_sound().await;
    }
}

#[tokio::test]
async fn another_tenant_does_not_find_a_fulfilment_order() {
    let shop = shop_with(&[10, 10]).await;
    let work = shop.work(shop.paid("k").await).await;
    let request = to(Target::Nearest, None);
    let other = world::other_tenant();
    let moved = move_fulfilment_order(
        &shop.context,
        other,
        work.id,
        &ANY,
        &request,
        &key("m"),
        "api",
    )
    .await;
    assert!(matches!(
        moved,
        Err(ReroutingError::Shipping(ShippingError::Fulfilment(
            FulfilmentError::NotFound
        )))
    ));
}

#[tokio::test]
async fn work_in_progress_stays_behind_so_that_its_station_can_not_send_what_moved() {
    let shop = shop_with(&[10, 10]).await;
    let order_id = shop.paid("k").await;
    let started = shop.work(order_id).await;
    let (context, work) = (&shop.context, oms_fulfilment::Work::Start);
    let begun = oms_orders::change_work(context, tenant(), started.id, &ANY, work, None, "api");
    begun.await.unwrap();
    let moved = shop.move_to(&started, &to(Target::Nearest, None)).await;
    assert_ne!(moved.unwrap().target.unwrap().id, started.id);
    assert_eq!(
        shop.works(order_id).await,
        ["1 0 CANCELLED 0", "2 1 OPEN 3"]
    );
    let late = draft(&started, None, ShipmentStatus::Shipped);
    let key = key(&late.id.to_string());
    let late = create_shipment(&shop.context, tenant(), &key, late, "api:station").await;
    assert!(late.is_err(), "{late:?}");
    assert_eq!(shop.levels().await, "10/0/0 10/3/0");
    shop.assert_sound().await;
}

#[tokio::test]
async fn a_station_that_says_where_it_stands_sends_only_what_is_there() {
    let shop = shop_with(&[10, 10]).await;
    let order_id = shop.paid("k").await;
    let work = shop.work(order_id).await;
    shop.move_to(&work, &to(Target::Nearest, None))
        .await
        .unwrap();
    for (place, expected) in [(0, Some(Refusal::OtherWarehouse(at(1)))), (1, None)] {
        let mut draft = draft(&work, Some(1), ShipmentStatus::Shipped);
        draft.warehouse_id = Some(at(place));
        let key = key(&draft.id.to_string());
        let sent = create_shipment(&shop.context, tenant(), &key, draft, "api:station").await;
        match (sent, expected) {
            (Ok(_), None) => {}
            (Err(ShippingError::Fulfilment(FulfilmentError::Refused(refused))), Some(expected)) => {
                assert_eq!(refused, expected);
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(shop.levels().await, "10/0/0 9/2/0");
    shop.assert_sound().await;
}

/// The maximum number of holds is for clients.
#[tokio::test]
async fn a_rejected_fulfilment_order_is_put_on_hold_however_many_holds_it_has() {
    let shop = shop_with(&[10, 2]).await;
    let work = shop.work(shop.paid("k").await).await;
    for number in 0..10 {
        let hold = hold(&format!("h{number}"));
        let placed = place_hold(&shop.context, tenant(), work.id, &hold, None, "api").await;
        placed.unwrap();
    }
    let request = rejection(None, SourceStock::Keep);
    shop.reject(&work, &request, "r").await.unwrap();
    let held = shop.work(work.order_id).await;
    assert_eq!(held.holds.len(), 11);
    let refused = hold("another");
    let refused = place_hold(&shop.context, tenant(), work.id, &refused, None, "api").await;
    assert!(matches!(
        refused,
        Err(ShippingError::Fulfilment(FulfilmentError::Refused(
            Refusal::TooManyHolds
        )))
    ));
    // A move releases the hold of oms and keeps the others, and both are on the timeline.
    shop.execute(
        "UPDATE inventory.stock_levels SET on_hand = 9 WHERE on_hand = 2;
         UPDATE inventory.stock_movements SET quantity = 9 WHERE quantity = 2",
    )
    .await;
    let moved = shop.move_to(&held, &to(Target::Nearest, None)).await;
    assert_eq!(moved.unwrap().source.holds.len(), 10);
    let events = shop.rerouting_events().await;
    assert!(
        events.ends_with("fulfilment_order.moved fulfilment_order.released"),
        "{events}"
    );
    shop.assert_sound().await;
}

fn hold(handle: &str) -> NewHold {
    NewHold {
        handle: HoldHandle::parse(handle).unwrap(),
        reason: HoldReason::Operator,
        note: None,
    }
}

/// Somebody's own words about an order: they are erased with it, and not stored after that.
#[tokio::test]
async fn words_about_moves_and_rejections_are_erased_with_the_order() {
    let shop = shop_with(&[10, 10, 10]).await;
    let order_id = shop.paid("k").await;
    let work = shop.work(order_id).await;
    let request = rejection(Some(1), SourceStock::WriteOff);
    shop.reject(&work, &request, "r").await.unwrap();
    let work = order_fulfilments(&shop.context, tenant(), order_id).await;
    let work = &work.unwrap().fulfilment_orders[0];
    let request = to(Target::Given(at(2)), Some(1));
    shop.move_to(work, &request).await.unwrap();
    let words = "SELECT count(*) FROM (
             SELECT reason FROM orders.events UNION ALL SELECT data::text FROM orders.events
             UNION ALL SELECT reason FROM inventory.stock_movements
             UNION ALL SELECT reason FROM fulfilment.moves UNION ALL SELECT reason FROM fulfilment.exclusions
             UNION ALL SELECT note FROM fulfilment.holds
         ) texts (words) WHERE words LIKE '%the bin is empty%' OR words LIKE '%the roof leaks%'";
    // Two moves and an exclusion, which can be erased; neither events nor movements of stock.
    assert_eq!(shop.text(words).await, "3");
    shop.execute("UPDATE orders.orders SET erased_at = now()")
        .await;
    let mut connection = shop.database.connect().await;
    transaction(&mut connection, async |connection| {
        erase_addresses(connection, tenant(), &[order_id]).await
    })
    .await
    .unwrap();
    assert_eq!(shop.text(words).await, "0");
    shop.move_to(work, &to(Target::Given(at(2)), None))
        .await
        .unwrap();
    let held = order_fulfilments(&shop.context, tenant(), order_id).await;
    let held = held.unwrap().fulfilment_orders;
    let held = held.iter().find(|it| it.is_open()).unwrap();
    // Nobody knows where the order goes, so that no warehouse is the nearest.
    let request = rejection(Some(1), SourceStock::Keep);
    shop.reject(held, &request, "again").await.unwrap();
    assert_eq!(shop.text(words).await, "0");
    let moves = find_moves(&shop.context, tenant(), order_id).await.unwrap();
    assert!(moves.iter().all(|it| it.made.reason == ERASED_WORDS));
    shop.assert_sound().await;
}

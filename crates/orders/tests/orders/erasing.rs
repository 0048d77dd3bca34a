//! Erasing customers and old addresses: what is erased, what stays in the books, and what must wait.

use std::sync::Arc;
use std::time::Duration;

use diesel_async::SimpleAsyncConnection;
use oms_fulfilment::{HoldReason, NewHold, ShipmentStatus};
use oms_geocoding::CachedGeocoder;
use oms_geocoding::adapters::AddressBook;
use oms_orders::{
    AddressPass, ErasedCustomer, ErasingError, ErasureProgress, ExternalReference, OrderContext,
    OrderError, OrderRequest, OrderStatus, PlacedOrder, PlacingError, Reason, cancel_shipment,
    continue_erasures, erase_customer, get_order, get_timeline, oldest_erasure, place_hold,
    place_order, purge_addresses, purge_idempotency_keys, sweep_orders,
};
use oms_payments::DisputeState;
use oms_testing::clock::TestClock;
use oms_testing::gateway::Confirm;
use oms_validation::{
    ExpectedVersion, IdempotencyKey, Once, OperatorName, OrderId, PageSize, TenantId,
};
use serde_json::json;
use uuid::Uuid;

use crate::elsewhere::{reference, report};
use crate::shop::{Opening, Shop, other_tenant, tenant, three_pieces, usd};

pub const CUSTOMER: u128 = 0xC;
pub const DAY: Duration = Duration::from_secs(86_400);

/// The personal parts of a request. None of them may be anywhere afterwards.
const PERSONAL: [&str; 5] = [
    "Ann Lee",
    "191 Peachtree",
    "ann@example.com",
    "ring twice",
    "#4711",
];

pub fn personal_request() -> OrderRequest {
    let address = json!({
        "name": "Ann Lee", "line1": "191 Peachtree St NE", "city": "Atlanta", "region": "GA",
        "location": { "lat": 33.7578, "lng": -84.3876 }
    });
    let metadata = json!({ "email": "ann@example.com", "note": "ring twice" });
    OrderRequest {
        shipping_address: serde_json::from_value(address).unwrap(),
        external_reference: ExternalReference::parse("#4711").ok(),
        metadata: serde_json::from_value(metadata).unwrap(),
        ..three_pieces()
    }
}

pub async fn place(
    shop: &Shop,
    key: &str,
    request: &OrderRequest,
) -> Result<PlacedOrder, PlacingError> {
    let key = IdempotencyKey::parse(key).unwrap();
    place_order(&shop.context, tenant(), &key, request, "api").await
}

impl Shop {
    /// Sends everything of a paid order.
    pub async fn send(&self, order_id: OrderId) {
        let sent = self.ship(order_id, None, ShipmentStatus::Shipped).await;
        sent.unwrap();
    }
}

/// Places a paid order, and sends it.
pub async fn place_paid(shop: &Shop, key: &str) -> OrderId {
    let order_id = place_unsent(shop, key).await;
    shop.send(order_id).await;
    order_id
}

pub async fn place_unsent(shop: &Shop, key: &str) -> OrderId {
    match place(shop, key, &personal_request()).await {
        Ok(PlacedOrder::Paid(order)) => order.id,
        other => panic!("not paid: {other:?}"),
    }
}

pub async fn erase_in(
    context: &OrderContext,
    tenant: TenantId,
    customer: u128,
    key: Option<&str>,
    includes_recent: bool,
) -> Result<Once<ErasedCustomer>, ErasingError> {
    erase_by("ann", context, tenant, customer, key, includes_recent).await
}

pub async fn erase_by(
    operator: &str,
    context: &OrderContext,
    tenant: TenantId,
    customer: u128,
    key: Option<&str>,
    includes_recent: bool,
) -> Result<Once<ErasedCustomer>, ErasingError> {
    let key = key.map(|key| IdempotencyKey::parse(key).unwrap());
    let operator = OperatorName::parse(operator).unwrap();
    let customer = Uuid::from_u128(customer).into();
    erase_customer(
        context,
        tenant,
        customer,
        key.as_ref(),
        &operator,
        includes_recent,
    )
    .await
}

pub async fn erase(shop: &Shop, includes_recent: bool) -> ErasedCustomer {
    let erased = erase_in(&shop.context, tenant(), CUSTOMER, None, includes_recent).await;
    erased.unwrap().into_inner()
}

pub fn is_complete(erased: &ErasedCustomer) -> bool {
    matches!(erased.erasure.progress, ErasureProgress::Complete { .. })
}

/// Every row of every table, as text.
pub async fn dump(shop: &Shop) -> String {
    let tables = "SELECT string_agg(format(
            'SELECT coalesce(string_agg(t::text, E''\\n''), '''') AS rows FROM %I.%I t', schemaname, tablename),
            ' UNION ALL ') FROM pg_tables
        WHERE schemaname NOT IN ('pg_catalog', 'information_schema', 'public')";
    let union = shop.text(tables).await;
    shop.text(&format!(
        "SELECT string_agg(rows, E'\\n') FROM ({union}) all_tables"
    ))
    .await
}

#[tokio::test]
async fn an_erased_order_stays_in_the_books_without_any_personal_data() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = place_paid(&shop, "k").await;
    let customer = Uuid::from_u128(CUSTOMER).to_string();
    let before = dump(&shop).await;
    assert!(PERSONAL.iter().all(|text| before.contains(text)));
    assert!(before.contains(&customer) && before.contains("33.7578"));
    let kept = get_order(&shop.context, tenant(), order_id).await.unwrap();

    let erased = erase(&shop, true).await;
    assert!(is_complete(&erased), "{erased:?}");
    assert_eq!((erased.erasure.erased_orders, erased.waiting.len()), (1, 0));

    let after = dump(&shop).await;
    for text in PERSONAL
        .into_iter()
        .chain([customer.as_str(), "33.7578", "84.3876"])
    {
        assert!(!after.contains(text), "{text}");
    }
    let details = get_order(&shop.context, tenant(), order_id).await.unwrap();
    let order = &details.order;
    assert!(order.shipping_address.is_none() && order.erased_at.is_some());
    assert!(order.metadata.is_empty() && order.external_reference.is_none());
    assert_ne!(order.customer_id, kept.order.customer_id);
    assert_eq!((order.status, order.total), (OrderStatus::Paid, usd(300)));
    assert_eq!(order.lines, kept.order.lines);
    assert_eq!(order.warehouse_id, kept.order.warehouse_id);
    assert_eq!(details.payment, kept.payment);
    let chosen = &order.routing.candidates[0];
    assert_eq!(
        (chosen.warehouse_name.as_str(), chosen.distance_m),
        ("warehouse 0", 0)
    );

    let timeline = get_timeline(&shop.context, tenant(), order_id, None, PageSize::DEFAULT).await;
    let entries = timeline.unwrap().page.items;
    let last = entries.last().unwrap();
    assert_eq!(last.actor.as_deref(), Some("operator:ann"));
    assert_eq!(last.reason, "the customer's personal data was erased");
}

#[tokio::test]
async fn a_key_whose_order_was_erased_is_replayed_and_places_no_second_order() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = place_paid(&shop, "k").await;
    erase(&shop, true).await;
    match place(&shop, "k", &personal_request()).await {
        Ok(PlacedOrder::PaidBefore(order)) => assert_eq!(order.id, order_id),
        other => panic!("not replayed: {other:?}"),
    }
    let other = place(&shop, "k", &three_pieces()).await;
    assert!(
        matches!(other, Err(PlacingError::Order(OrderError::KeyReused))),
        "{other:?}"
    );
    assert_eq!(shop.text("SELECT count(*) FROM orders.orders").await, "1");
}

#[tokio::test]
async fn an_erased_order_can_still_be_refunded() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = place_paid(&shop, "k").await;
    erase(&shop, true).await;
    shop.refund(order_id, "r", None).await.unwrap();
    assert_eq!(shop.refunds().await, "refunded 300");
    let details = get_order(&shop.context, tenant(), order_id).await.unwrap();
    assert_eq!(details.order.status, OrderStatus::Refunded);
}

#[tokio::test]
async fn an_unsettled_order_is_erased_once_it_is_settled() {
    let clock = TestClock::at_noon();
    let shop = Shop::open_as(Opening {
        confirm: Confirm::IsLost,
        clock: Some(clock.clone()),
        ..Opening::default()
    })
    .await;
    let order_id = match place(&shop, "k", &personal_request()).await {
        Ok(PlacedOrder::Pending(order)) => order.order_id,
        other => panic!("not pending: {other:?}"),
    };
    let erased = erase(&shop, true).await;
    assert!(!is_complete(&erased));
    assert_eq!(erased.erasure.erased_orders, 0);
    let waiting = &erased.waiting[0];
    assert_eq!(
        (waiting.id, waiting.status),
        (order_id, OrderStatus::PendingPayment)
    );
    assert!(dump(&shop).await.contains("Ann Lee"));

    // The worker looks again only after a pause.
    assert!(!continue_erasures(&shop.context).await.unwrap().more);
    sweep_orders(&shop.context).await.unwrap();
    shop.pass(Duration::from_secs(3601));
    sweep_orders(&shop.context).await.unwrap();
    let turn = continue_erasures(&shop.context).await.unwrap();
    assert_eq!((turn.erased, turn.more), (1, true));
    assert!(!continue_erasures(&shop.context).await.unwrap().more);
    assert_eq!(oldest_erasure(&shop.context).await.unwrap(), None);
    assert!(is_complete(&erase(&shop, false).await));
    assert!(!dump(&shop).await.contains("Ann Lee"));
}

#[tokio::test]
async fn a_recently_paid_order_waits_unless_the_request_includes_it() {
    let clock = TestClock::at_noon();
    let shop = Shop::open_as(Opening {
        clock: Some(clock.clone()),
        ..Opening::default()
    })
    .await;
    place_paid(&shop, "k").await;
    let erased = erase(&shop, false).await;
    assert_eq!((is_complete(&erased), erased.waiting.len()), (false, 1));
    shop.pass(DAY * 13);
    continue_erasures(&shop.context).await.unwrap();
    let age = oldest_erasure(&shop.context).await.unwrap();
    assert_eq!(age, Some(DAY * 13));
    assert!(dump(&shop).await.contains("Ann Lee"));
    shop.pass(DAY);
    assert_eq!(continue_erasures(&shop.context).await.unwrap().erased, 1);
    assert!(!dump(&shop).await.contains("Ann Lee"));

    place_paid(&shop, "l").await;
    assert!(!is_complete(&erase(&shop, false).await));
    let erased = erase(&shop, true).await;
    assert!(is_complete(&erased));
    assert_eq!(erased.erasure.erased_orders, 2);
    let pseudonyms = "SELECT count(DISTINCT customer_id) FROM orders.orders";
    assert_eq!(shop.text(pseudonyms).await, "2");
}

#[tokio::test]
async fn the_address_of_a_disputed_order_is_evidence_until_the_dispute_is_decided() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = place_paid(&shop, "k").await;
    let goes_on = async |state, kind| {
        shop.gateway.dispute(&reference(order_id), usd(300), state);
        report(&shop, kind, order_id).await;
    };
    goes_on(DisputeState::NeedsResponse, "charge.dispute.created").await;
    assert_eq!(erase(&shop, true).await.waiting.len(), 1);
    goes_on(DisputeState::Won, "charge.dispute.closed").await;
    assert!(is_complete(&erase(&shop, true).await));
}

#[tokio::test]
async fn a_customer_with_many_orders_is_erased_in_turns_of_limited_size() {
    let shop = Shop::open(Confirm::Pays).await;
    place_paid(&shop, "k").await;
    many(&shop, 2400).await;
    let erased = erase(&shop, true).await;
    assert_eq!(
        (is_complete(&erased), erased.erasure.erased_orders),
        (false, 1000)
    );
    assert_eq!(erased.waiting.len(), 100);
    assert!(
        matches!(erased.erasure.progress, ErasureProgress::Open(open) if open.position.is_some())
    );

    shop.execute("UPDATE orders.erasures SET due_at = now()")
        .await;
    let mut counts = Vec::new();
    loop {
        let turn = continue_erasures(&shop.context).await.unwrap();
        if !turn.more {
            break;
        }
        counts.push(turn.erased);
    }
    assert_eq!(counts, [1000, 401]);
    let erased = erase(&shop, false).await;
    assert_eq!(
        (is_complete(&erased), erased.erasure.erased_orders),
        (true, 2401)
    );
    let notes = "SELECT count(*) FROM orders.events WHERE reason LIKE 'the customer%'";
    assert_eq!(shop.text(notes).await, "2401");
    assert!(!dump(&shop).await.contains("Ann Lee"));
}

/// This many copies of the only order, all placed before it.
async fn many(shop: &Shop, copies: u32) {
    shop.execute(&format!(
        "INSERT INTO orders.orders (tenant_id, id, fingerprint, customer_id, status, version, warehouse_id, currency,
             total_minor, shipping_address, routing, metadata, created_at)
         SELECT tenant_id, ('0190' || lpad(to_hex(n), 28, '0'))::uuid, fingerprint, customer_id, status, 1, warehouse_id,
             currency, total_minor, shipping_address, routing, metadata, created_at
         FROM orders.orders, generate_series(1, {copies}) n"
    ))
    .await;
}

#[tokio::test]
async fn a_locked_order_is_skipped_and_erased_soon_after() {
    let clock = TestClock::at_noon();
    let shop = Shop::open_as(Opening {
        clock: Some(clock.clone()),
        ..Opening::default()
    })
    .await;
    let locked = place_paid(&shop, "k").await;
    place_paid(&shop, "l").await;
    let mut holder = shop.database.connect().await;
    let lock = format!("BEGIN; SELECT FROM orders.orders WHERE id = '{locked}' FOR UPDATE");
    holder.batch_execute(&lock).await.unwrap();
    let erased = erase(&shop, true).await;
    assert_eq!(erased.erasure.erased_orders, 1);
    assert_eq!(
        erased.waiting.iter().map(|it| it.id).collect::<Vec<_>>(),
        [locked]
    );
    assert!(
        matches!(erased.erasure.progress, ErasureProgress::Open(open) if open.passed_over),
        "{erased:?}"
    );
    shop.pass(shop.settings.erasure_retry);
    assert_eq!(continue_erasures(&shop.context).await.unwrap().erased, 0);
    holder.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(continue_erasures(&shop.context).await.unwrap().erased, 0);
    shop.pass(shop.settings.erasure_retry);
    assert_eq!(continue_erasures(&shop.context).await.unwrap().erased, 1);
    assert_eq!(oldest_erasure(&shop.context).await.unwrap(), None);
}

#[tokio::test]
async fn erasing_can_be_repeated_and_concerns_one_customer_of_one_tenant() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = place_paid(&shop, "k").await;
    let unknown = erase_in(&shop.context, tenant(), 0xD, None, true).await;
    assert!(matches!(unknown, Err(ErasingError::CustomerNotFound)));
    let elsewhere = erase_in(&shop.context, other_tenant(), CUSTOMER, None, true).await;
    assert!(matches!(elsewhere, Err(ErasingError::CustomerNotFound)));
    let details = get_order(&shop.context, tenant(), order_id).await.unwrap();
    assert!(details.order.shipping_address.is_some());

    let with_key = async |customer, recent| {
        erase_in(&shop.context, tenant(), customer, Some("e"), recent).await
    };
    let Ok(Once::Now(first)) = with_key(CUSTOMER, true).await else {
        panic!("not erased");
    };
    assert!(is_complete(&first));
    let again = erase(&shop, false).await;
    assert_eq!(again, first);
    let Ok(Once::Before(replayed)) = with_key(CUSTOMER, true).await else {
        panic!("not replayed");
    };
    assert_eq!(replayed, first);
    for (customer, recent) in [(CUSTOMER, false), (0xD, true)] {
        let reused = with_key(customer, recent).await;
        assert!(
            matches!(reused, Err(ErasingError::Order(OrderError::KeyReused))),
            "{reused:?}"
        );
    }

    // A replayed key erases nothing that was placed since; a new request does.
    place_paid(&shop, "l").await;
    with_key(CUSTOMER, true).await.unwrap();
    assert!(dump(&shop).await.contains("Ann Lee"));
    assert_eq!(erase(&shop, true).await.erasure.erased_orders, 2);
    assert!(!dump(&shop).await.contains("Ann Lee"));
}

#[tokio::test]
async fn the_geocoder_forgets_the_addresses_of_an_erased_customer() {
    let shop = Shop::open(Confirm::Pays).await;
    let (database, gateway) = (shop.database.pool(4), shop.gateway.clone());
    let book = Arc::new(AddressBook::development());
    let geocoder = Arc::new(CachedGeocoder::new(book, database.clone(), DAY));
    let context = OrderContext::new(database, gateway, geocoder, crate::shop::settings());
    let context = Arc::new(context);
    let key = IdempotencyKey::parse("k").unwrap();
    let elsewhere = json!("Millennium Park, Chicago, IL");
    let of_another = OrderRequest {
        customer_id: Uuid::from_u128(0xD).into(),
        shipping_address: serde_json::from_value(elsewhere).unwrap(),
        ..three_pieces()
    };
    let other_key = IdempotencyKey::parse("l").unwrap();
    for (key, request) in [(&key, &three_pieces()), (&other_key, &of_another)] {
        match place_order(&context, tenant(), key, request, "api").await {
            Ok(PlacedOrder::Paid(order)) => shop.send(order.id).await,
            other => panic!("not paid: {other:?}"),
        }
    }
    let cached = "SELECT count(*) FROM geocoding.cached_locations";
    assert_eq!(shop.text(cached).await, "2");
    erase_in(&context, tenant(), CUSTOMER, None, true)
        .await
        .unwrap();
    assert_eq!(shop.text(cached).await, "1");
}

#[tokio::test]
async fn old_addresses_of_settled_orders_are_erased() {
    let clock = TestClock::at_noon();
    let shop = Shop::open_as(Opening {
        clock: Some(clock.clone()),
        pieces: 100,
        ..Opening::default()
    })
    .await;
    let old = place_paid(&shop, "old").await;
    let held = place_paid(&shop, "held").await;
    shop.execute(&format!(
        "UPDATE orders.orders SET status = 'REFUNDING' WHERE id = '{held}'"
    ))
    .await;
    shop.pass(DAY * 90 + Duration::from_secs(1));
    let young = place_paid(&shop, "young").await;

    let pass = &mut AddressPass::default();
    let turn = purge_addresses(&shop.context, pass, DAY * 90)
        .await
        .unwrap();
    assert_eq!((turn.erased, turn.more), (1, false));
    let order = async |id| get_order(&shop.context, tenant(), id).await.unwrap().order;
    let erased = order(old).await;
    assert!(erased.shipping_address.is_none() && erased.metadata.is_empty());
    assert_eq!(erased.customer_id, Uuid::from_u128(CUSTOMER).into());
    assert!(erased.external_reference.is_some());
    assert!(order(young).await.shipping_address.is_some());
    assert!(order(held).await.shipping_address.is_some());

    // Once the order is settled, another pass finds it. Nothing is erased twice.
    shop.execute("UPDATE orders.orders SET status = 'PAID' WHERE status = 'REFUNDING'")
        .await;
    let turn = purge_addresses(&shop.context, &mut AddressPass::default(), DAY * 90).await;
    assert_eq!(turn.unwrap().erased, 1);
    let notes =
        "SELECT string_agg(actor || ' ' || order_id, ', ' ORDER BY order_id) FROM orders.events
                 WHERE actor = 'retention'";
    assert_eq!(
        shop.text(notes).await,
        format!("retention {old}, retention {held}")
    );

    // The customer can still be erased from them.
    shop.pass(DAY * 90);
    assert!(is_complete(&erase(&shop, false).await));
    assert!(!dump(&shop).await.contains("#4711"));
}

#[tokio::test]
async fn old_orders_are_erased_page_by_page() {
    let shop = Shop::open(Confirm::Pays).await;
    place_paid(&shop, "k").await;
    many(&shop, 450).await;
    shop.execute("UPDATE orders.orders SET created_at = now() - interval '91 days' WHERE id::text LIKE '0190%'")
        .await;
    let pass = &mut AddressPass::default();
    let mut erased = Vec::new();
    loop {
        let turn = purge_addresses(&shop.context, pass, DAY * 90)
            .await
            .unwrap();
        erased.push(turn.erased);
        if !turn.more {
            break;
        }
    }
    assert_eq!(erased, [200, 200, 50]);
}

#[tokio::test]
async fn old_idempotency_keys_are_deleted() {
    let shop = Shop::open(Confirm::Pays).await;
    place_unsent(&shop, "k").await;
    let erase_with = async |key| erase_in(&shop.context, tenant(), CUSTOMER, Some(key), true).await;
    erase_with("old").await.unwrap();
    shop.execute("UPDATE orders.idempotency_keys SET created_at = now() - interval '8 days'")
        .await;
    erase_with("new").await.unwrap();
    let connection = &mut shop.database.connect().await;
    for expected in [1, 0] {
        let deleted = purge_idempotency_keys(connection, DAY * 7).await;
        assert_eq!(deleted.unwrap(), expected);
    }
    assert!(matches!(erase_with("new").await, Ok(Once::Before(_))));
    assert!(matches!(erase_with("old").await, Ok(Once::Now(_))));
}

/// A hold whose note names the customer.
fn personal_hold(handle: &str) -> NewHold {
    NewHold {
        handle: handle.to_owned().try_into().unwrap(),
        reason: HoldReason::Address,
        note: Some("Ann Lee moved".to_owned().try_into().unwrap()),
    }
}

#[tokio::test]
async fn texts_about_the_goods_are_erased_and_later_ones_are_not_stored() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = place_unsent(&shop, "k").await;
    let work = shop.work(order_id).await;
    let context = &shop.context;
    let packed = shop.ship(order_id, Some(1), ShipmentStatus::Packed).await;
    let packed = packed.unwrap();
    let reason = Reason::parse("Ann Lee moved").unwrap();
    let cancel = |id| {
        let reason = &reason;
        async move {
            let any = ExpectedVersion::Any;
            let cancelled = cancel_shipment(context, tenant(), id, &any, reason, None, "api");
            cancelled.await.unwrap();
        }
    };
    cancel(packed.id).await;
    // An order with something left to send is not erased.
    let again = shop.ship(order_id, None, ShipmentStatus::Shipped).await;
    let again = again.unwrap();
    assert!(is_complete(&erase(&shop, true).await));
    cancel(again.id).await;
    let later = personal_hold("later");
    let held = place_hold(context, tenant(), work.id, &later, None, "api");
    let held = held.await.unwrap().into_inner();
    assert_eq!(held.holds.len(), 1);
    let after = dump(&shop).await;
    for text in PERSONAL {
        assert!(!after.contains(text), "{text} is in {after}");
    }
    shop.assert_sound().await;
}

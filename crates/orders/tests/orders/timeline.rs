//! Timelines: the whole history of an order, with actors and reasons.

use std::time::Duration;

use oms_fulfilment::{ShipmentStatus, TrackingReport, TrackingStatus};
use oms_orders::{DeadLetterFilter, OrderError, PlacedOrder, record_tracking};
use oms_orders::{
    Happening, OrderSettings, TimelineEntry, get_timeline, list_dead_letters, retry_dead_letter,
    sweep_orders,
};
use oms_payments::GatewayFault;
use oms_testing::gateway::Confirm;
use oms_validation::{OperatorName, OrderId, PageSize};

use crate::shop::{Shop, other_tenant, settings, tenant};

fn size(entries: u32) -> PageSize {
    PageSize::new(entries).unwrap()
}

/// A whole timeline, read in pages of a size.
async fn read(shop: &Shop, order_id: OrderId, size: PageSize) -> Vec<TimelineEntry> {
    let (mut entries, mut after) = (Vec::new(), None);
    loop {
        let read = get_timeline(&shop.context, tenant(), order_id, after, size).await;
        let page = read.unwrap().page;
        entries.extend(page.items);
        after = page.next;
        if after.is_none() {
            return entries;
        }
    }
}

/// `actor: what` of each entry.
async fn told(shop: &Shop, order_id: OrderId) -> Vec<String> {
    let entries = read(shop, order_id, size(100)).await;
    for small in 1..4 {
        assert_eq!(read(shop, order_id, size(small)).await, entries);
    }
    let what = |happening: &Happening| match happening {
        Happening::Transition { to, .. } => to.to_string(),
        Happening::Note { .. } => "note".to_owned(),
        Happening::StockReserved => "reserved".to_owned(),
        Happening::StockReleased => "released".to_owned(),
        Happening::GatewayCall(call) => {
            format!("{} {} {}", call.operation, call.repetition, call.outcome)
        }
        Happening::Retry(failed) => format!("retry {}", failed.number),
        Happening::Tracking(report) => format!("parcel {} {}", report.parcel, report.status),
    };
    let told = entries.iter().map(|entry| {
        assert!(!entry.reason.is_empty(), "{entry:?}");
        let actor = entry.actor.as_deref().unwrap();
        format!("{actor}: {}", what(&entry.happening))
    });
    told.collect()
}

#[tokio::test]
async fn the_payment_calls_of_a_paid_order_are_between_its_two_changes() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    assert_eq!(
        told(&shop, order_id).await,
        [
            "api: PENDING_PAYMENT",
            "api: reserved",
            "api: prepare 1 prepared",
            "api: confirm 1 paid",
            "api: PAID",
        ]
    );
}

#[tokio::test]
async fn every_try_of_the_sweeper_and_every_action_of_an_operator_is_shown() {
    let shop = Shop::open_with(
        Confirm::IsLost,
        OrderSettings {
            sweep_backoff: (Duration::ZERO, Duration::ZERO),
            sweep_max_tries: 3,
            ..settings()
        },
    )
    .await;
    let order_id = shop.pending("k").await;
    shop.gateway.fail_lookups(Some(GatewayFault::TimedOut));
    for _ in 0..3 {
        sweep_orders(&shop.context).await.unwrap();
    }
    shop.gateway.fail_lookups(None);
    let open = DeadLetterFilter::Open;
    let open = list_dead_letters(&shop.context, tenant(), open, None, size(1)).await;
    let id = open.unwrap().items[0].id;
    let ann = OperatorName::parse("ann").unwrap();
    retry_dead_letter(&shop.context, tenant(), id, None, &ann)
        .await
        .unwrap();
    assert_eq!(sweep_orders(&shop.context).await.unwrap().failed, 1);
    assert_eq!(
        told(&shop, order_id).await,
        [
            "api: PENDING_PAYMENT",
            "api: reserved",
            "api: prepare 1 prepared",
            "api: confirm 1 timed_out",
            "sweeper: lookup 1 timed_out",
            "sweeper: retry 1",
            "sweeper: lookup 2 timed_out",
            "sweeper: retry 2",
            "sweeper: lookup 3 timed_out",
            "sweeper: note",
            "operator:ann: note",
            "sweeper: lookup 4 not_confirmed",
            "sweeper: cancel 1 cancelled",
            "sweeper: FAILED",
            "sweeper: released",
        ]
    );
    let entries = read(&shop, order_id, size(100)).await;
    let retry = entries.iter().find_map(|entry| match &entry.happening {
        Happening::Retry(failed) => Some((entry, failed)),
        _ => None,
    });
    let (entry, failed) = retry.unwrap();
    assert_eq!(entry.reason, failed.reason);
    assert!(failed.next_at >= failed.at, "{failed:?}");
}

#[tokio::test]
async fn a_cancelled_order_shows_its_refund_and_the_released_stock() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    shop.cancel(order_id).await.unwrap();
    assert_eq!(
        told(&shop, order_id).await[4..],
        [
            "api: PAID",
            "api: CANCELLING",
            "api: note",
            "api: refund 1 refunded",
            "api: CANCELLED",
            "api: released",
            "api: note",
        ]
    );
}

#[tokio::test]
async fn changes_keep_their_order_whatever_order_their_transactions_began_in() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    // As if the transaction that paid it had started before the one that placed it.
    shop.execute(
        "UPDATE orders.events SET occurred_at = occurred_at - interval '1 hour' WHERE sequence = 2",
    )
    .await;
    let told = told(&shop, order_id).await;
    let changes: Vec<_> = told
        .iter()
        .filter(|entry| entry.chars().all(|c| !c.is_ascii_digit()))
        .collect();
    assert_eq!(
        changes,
        ["api: PENDING_PAYMENT", "api: reserved", "api: PAID"]
    );
}

#[tokio::test]
async fn a_timeline_belongs_to_one_order_of_one_tenant() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    let expected = told(&shop, order_id).await;
    let other = shop.order("other").await;
    assert!(matches!(other, Ok(PlacedOrder::Paid(_))), "{other:?}");
    assert_eq!(told(&shop, order_id).await, expected);
    for (tenant, order_id) in [(other_tenant(), order_id), (tenant(), OrderId::generate())] {
        let read = get_timeline(&shop.context, tenant, order_id, None, PageSize::DEFAULT).await;
        assert!(matches!(read, Err(OrderError::NotFound)), "{read:?}");
    }
}

#[tokio::test]
async fn the_reports_of_carriers_stand_where_they_arrived() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    let shipped = shop.ship(order_id, None, ShipmentStatus::Shipped).await;
    let id = shipped.unwrap().id;
    let at = chrono::Utc::now();
    for (status, hours) in [
        (TrackingStatus::InTransit, 1),
        (TrackingStatus::PreTransit, 2),
        (TrackingStatus::InTransit, 1),
        (TrackingStatus::Delivered, 0),
    ] {
        let report = TrackingReport {
            parcel: 1,
            status,
            detail: None,
            happened_at: at - chrono::TimeDelta::hours(hours),
            estimated_at: None,
        };
        let recorded = record_tracking(&shop.context, tenant(), id, &report, "api:ups");
        recorded.await.unwrap();
    }
    let told = told(&shop, order_id).await;
    let about_goods: Vec<&str> = told
        .iter()
        .map(String::as_str)
        .skip_while(|it| *it != "api:station: note")
        .collect();
    assert_eq!(
        about_goods,
        [
            "api:station: note",
            "api:station: note",
            "api:station: note",
            "api:ups: parcel 1 in_transit",
            "api:ups: parcel 1 pre_transit",
            "api:ups: parcel 1 delivered",
            "api:ups: note",
            "api:ups: note",
        ]
    );
}

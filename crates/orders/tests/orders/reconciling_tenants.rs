//! Comparing the gateway's charges with the orders of several tenants.

use oms_orders::{PlacedOrder, ReconcileTurn, sweep_orders};
use oms_payments::{PaymentStatus, Reference};
use oms_testing::gateway::Confirm;
use oms_validation::{OrderId, TenantId};

use crate::reconciling::{Nobody, compare, foreign, kinds, left, turn};
use crate::shop::{Shop, other_tenant, tenant};

/// A shop where the charge of another tenant arrives late: that tenant's order has already failed.
async fn shop_with_a_late_charge_of_another_tenant() -> Shop {
    let shop = Shop::open(Confirm::IsLost).await;
    shop.stock(other_tenant(), 100).await;
    let placed = shop.order_in(other_tenant(), "k").await;
    assert!(matches!(placed, Ok(PlacedOrder::Pending(_))));
    assert_eq!(sweep_orders(&shop.context).await.unwrap().failed, 1);
    let order_id: OrderId = shop
        .text("SELECT id::text FROM orders.orders")
        .await
        .parse()
        .unwrap();
    foreign(&shop, Some(other_tenant()), Some(order_id));
    shop.gateway.with_charges(|charges| {
        let reference = format!("pi_{}", order_id.as_uuid().simple());
        charges[0].reference = Some(Reference::parse(&reference).unwrap());
    });
    shop
}

async fn owners(shop: &Shop) -> Vec<TenantId> {
    let owners = shop
        .text("SELECT coalesce(string_agg(tenant_id::text, ' ' ORDER BY found_at), '') FROM orders.findings")
        .await;
    let owners = owners.split_whitespace().map(|owner| owner.parse());
    owners.collect::<Result<_, _>>().unwrap()
}

#[tokio::test]
async fn a_late_charge_of_any_tenant_is_refunded() {
    let shop = shop_with_a_late_charge_of_another_tenant().await;
    let summary = compare(&shop).await;
    assert_eq!(kinds(&summary), ["charge_on_ended_order"]);
    assert_eq!((summary.settled.len(), summary.open), (1, 0));
    assert_eq!(left(&shop), 0);
    assert_eq!(owners(&shop).await, [other_tenant()]);
}

#[tokio::test]
async fn a_periodic_turn_compares_all_tenants_and_reads_the_gateways_list_once() {
    let shop = shop_with_a_late_charge_of_another_tenant().await;
    shop.gateway.fall_silent_after_lists(1);
    let Ok(ReconcileTurn::Done { summary, .. }) = turn(&shop, &Nobody).await else {
        panic!("not done")
    };
    assert_eq!(kinds(&summary), ["charge_on_ended_order"]);
    assert_eq!((summary.settled.len(), summary.failed.len()), (1, 0));
    assert_eq!(turn(&shop, &Nobody).await.unwrap(), ReconcileTurn::NotDue);
    let compared = "SELECT count(*) FROM orders.reconciliation_progress WHERE due_at > now()";
    assert_eq!(shop.text(compared).await, "2");
}

#[tokio::test]
async fn a_paid_order_without_a_charge_is_found_in_any_tenant() {
    let shop = Shop::open(Confirm::Pays).await;
    shop.stock(other_tenant(), 100).await;
    let Ok(PlacedOrder::Paid(order)) = shop.order_in(other_tenant(), "k").await else {
        panic!("not paid")
    };
    let reference = Reference::parse(&format!("pi_{}", order.id.as_uuid().simple())).unwrap();
    shop.gateway.with_charges(Vec::clear);
    shop.gateway
        .set_status(&reference, PaymentStatus::Cancelled);
    let summary = compare(&shop).await;
    assert_eq!(kinds(&summary), ["paid_without_charge"]);
    assert_eq!(owners(&shop).await, [other_tenant()]);
}

#[tokio::test]
async fn a_tenant_that_cannot_be_compared_delays_no_other_and_is_compared_again() {
    let shop = shop_with_a_late_charge_of_another_tenant().await;
    shop.stock(tenant(), 100).await;
    let mine = shop.pending("mine").await;
    shop.execute("ALTER DOMAIN payments.currency DROP CONSTRAINT currency_check")
        .await;
    let corrupt =
        format!("UPDATE payments.attempts SET currency = 'us$' WHERE order_id = '{mine}'");
    shop.execute(&corrupt).await;
    foreign(&shop, Some(tenant()), Some(mine));
    shop.gateway.with_charges(|charges| {
        let reference = format!("pi_{}", mine.as_uuid().simple());
        charges[1].reference = Some(Reference::parse(&reference).unwrap());
    });
    let Ok(ReconcileTurn::Done { summary, .. }) = turn(&shop, &Nobody).await else {
        panic!("not done")
    };
    assert_eq!(summary.failed, [tenant()]);
    assert_eq!(summary.settled.len(), 1);
    assert_eq!(left(&shop), 700);
    // The failed tenant is due again soon, the other one after the interval.
    let due = "SELECT count(*) FROM orders.reconciliation_progress WHERE due_at < now() + interval '2 minutes'";
    assert_eq!(shop.text(due).await, "1");
}

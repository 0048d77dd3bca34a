//! Safety stock, which is not available to orders.

use oms_database::transaction;
use oms_inventory::{ReservationRequest, ReserveOutcome, reserve, route};
use oms_validation::OrderId;

use crate::fixture::*;

#[tokio::test]
async fn routing_skips_a_warehouse_that_has_only_safety_stock() {
    let (_database, mut connection) = store_with(&[&[5], &[5]]).await;
    let sql = "UPDATE inventory.stock_levels SET safety_stock = 4 WHERE warehouse_id = '00000000-0000-0000-0000-00000000a000'";
    run(&mut connection, sql).await;
    for (quantity, chosen) in [(1, 0), (2, 1)] {
        let wanted = demand(&[(0, quantity)]);
        let route = route(&mut connection, tenant(), atlanta(), &wanted)
            .await
            .unwrap();
        assert_eq!(route.chosen.unwrap().id, warehouse(chosen), "{quantity}");
    }
    run(
        &mut connection,
        "UPDATE inventory.stock_levels SET safety_stock = 9",
    )
    .await;
    let wanted = demand(&[(0, 1)]);
    let route = route(&mut connection, tenant(), atlanta(), &wanted)
        .await
        .unwrap();
    assert_eq!(route.chosen, None);
    assert_eq!(route.trace.candidates[0].shortages[0].available, 0);
}

#[tokio::test]
async fn raising_the_safety_stock_prevents_new_reservations_and_keeps_existing_ones() {
    let (_database, mut connection) = store_with(&[&[5]]).await;
    let mut outcomes = Vec::new();
    for safety_stock in [0, 3, 2] {
        let sql = format!("UPDATE inventory.stock_levels SET safety_stock = {safety_stock}");
        run(&mut connection, &sql).await;
        let demand = demand(&[(0, 2)]);
        let request = ReservationRequest {
            holder: OrderId::generate().into(),
            warehouse_id: warehouse(0),
            demand: &demand,
        };
        let outcome = transaction(&mut connection, async |connection| {
            reserve(connection, tenant(), &[request]).await
        });
        outcomes.extend(outcome.await.unwrap());
    }
    assert_eq!(
        outcomes[..2],
        [ReserveOutcome::Reserved, ReserveOutcome::Stale]
    );
    // 5 on hand, 2 reserved, 2 safety stock: 1 is available.
    assert_eq!(outcomes[2], ReserveOutcome::Stale);
    assert_levels(&mut connection).await;
}

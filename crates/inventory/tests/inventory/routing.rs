//! Routing, prices and explanations.

use diesel_async::RunQueryDsl;
use oms_inventory::{
    CandidateOutcome, LoadSummary, explain_route, find_skus, load_catalogue, route,
};
use oms_validation::TenantId;
use uuid::Uuid;

use crate::fixture::*;

#[tokio::test]
async fn loading_a_catalogue_twice_adds_nothing() {
    let (_database, mut connection) = store_with(&[&[5, 0], &[5, 5]]).await;
    run(&mut connection, "UPDATE inventory.stock_levels SET reserved = 0, on_hand = 4; UPDATE inventory.stock_movements SET quantity = 4").await;
    let again = load_catalogue(&mut connection, tenant(), &catalogue(&[&[5, 0], &[5, 5]]))
        .await
        .unwrap();
    assert_eq!(again, LoadSummary::default());
    assert_eq!(
        number(
            &mut connection,
            "SELECT sum(on_hand) FROM inventory.stock_levels"
        )
        .await,
        12
    );
    assert_levels(&mut connection).await;
}

#[tokio::test]
async fn the_nearest_warehouse_that_can_fill_every_line_is_chosen() {
    let (_database, mut connection) = store_with(&[&[9, 0], &[1, 9], &[9, 9], &[9, 9]]).await;
    let route = route(
        &mut connection,
        tenant(),
        atlanta(),
        &demand(&[(0, 2), (1, 1)]),
    )
    .await
    .unwrap();
    assert_eq!(route.chosen.unwrap().id, warehouse(2));
    let outcomes: Vec<_> = route
        .trace
        .candidates
        .iter()
        .map(|entry| (entry.warehouse_id, &entry.outcome))
        .collect();
    let passed_over = &CandidateOutcome::PassedOver;
    assert_eq!(
        outcomes,
        [
            (warehouse(0), passed_over),
            (warehouse(1), passed_over),
            (warehouse(2), &CandidateOutcome::Chosen)
        ]
    );
    assert_eq!(route.trace.candidates[0].shortages[0].available, 0);
    assert_eq!(route.trace.candidates[1].shortages[0].available, 1);
    // One degree of latitude is about 111 km.
    assert!((110_000..112_500).contains(&route.trace.candidates[1].distance_m));
}

#[tokio::test]
async fn no_warehouse_is_chosen_if_only_several_together_could_fill_the_order() {
    let (_database, mut connection) = store_with(&[&[5, 0], &[0, 5]]).await;
    let route = route(
        &mut connection,
        tenant(),
        atlanta(),
        &demand(&[(0, 1), (1, 1)]),
    )
    .await
    .unwrap();
    assert_eq!(route.chosen, None);
    assert_eq!(route.trace.candidates.len(), 2);
}

#[tokio::test]
async fn inactive_warehouses_and_those_of_other_tenants_are_ignored() {
    let (_database, mut connection) = store_with(&[&[5], &[5]]).await;
    run(
        &mut connection,
        &format!(
            "UPDATE inventory.warehouses SET active = false WHERE id = '{}'",
            warehouse(0)
        ),
    )
    .await;
    let ours = route(&mut connection, tenant(), atlanta(), &demand(&[(0, 1)]))
        .await
        .unwrap();
    assert_eq!(ours.chosen.unwrap().id, warehouse(1));

    let stranger: TenantId = Uuid::from_u128(2).into();
    let theirs = route(&mut connection, stranger, atlanta(), &demand(&[(0, 1)]))
        .await
        .unwrap();
    assert_eq!((theirs.chosen, theirs.trace.candidates.len()), (None, 0));
}

#[tokio::test]
async fn the_lowest_id_wins_among_warehouses_at_the_same_location() {
    let (_database, mut connection) = store_with(&[&[1]]).await;
    // 100 warehouses at one point, more than routing checks at first. The lowest IDs come last in the heap.
    run(
        &mut connection,
        "DELETE FROM inventory.stock_movements; DELETE FROM inventory.stock_levels; DELETE FROM inventory.warehouses;
         INSERT INTO inventory.warehouses (tenant_id, id, name, location)
         SELECT '00000000-0000-0000-0000-000000000001', lpad(to_hex(n), 32, '0')::uuid, 'w' || n, 'POINT(10 50)'
         FROM generate_series(100, 1, -1) n;
         INSERT INTO inventory.stock_levels (tenant_id, warehouse_id, product_id, on_hand)
         SELECT tenant_id, id, '00000000-0000-0000-0000-00000000b000', 1 FROM inventory.warehouses",
    )
    .await;
    let route = route(&mut connection, tenant(), atlanta(), &demand(&[(0, 1)]))
        .await
        .unwrap();
    assert_eq!(route.chosen.unwrap().id, Uuid::from_u128(1).into());
}

/// 5,000 warehouses on a line to the north-east; only the farthest 50 have the product.
const FAR_STOCK: &str = "
    DELETE FROM inventory.stock_movements; DELETE FROM inventory.stock_levels; DELETE FROM inventory.warehouses;
    INSERT INTO inventory.warehouses (tenant_id, id, name, location)
    SELECT '00000000-0000-0000-0000-000000000001', lpad(to_hex(n), 32, '0')::uuid, 'w' || n,
           ST_SetSRID(ST_MakePoint(-84.388 + n * 0.01, 33.749 + n * 0.005), 4326)::geography
    FROM generate_series(1, 5000) n;
    INSERT INTO inventory.stock_levels (tenant_id, warehouse_id, product_id, on_hand)
    SELECT tenant_id, id, '00000000-0000-0000-0000-00000000b000', 5 FROM inventory.warehouses
    WHERE name IN (SELECT 'w' || n FROM generate_series(4951, 5000) n);
    INSERT INTO inventory.stock_levels (tenant_id, warehouse_id, product_id, on_hand)
    SELECT tenant_id, id, '00000000-0000-0000-0000-00000000b001', 5 FROM inventory.warehouses;
    ANALYZE inventory.warehouses; ANALYZE inventory.stock_levels";

#[tokio::test]
async fn routing_uses_the_spatial_index_and_no_sequential_scan_if_only_far_warehouses_have_stock() {
    let (_database, mut connection) = store_with(&[&[1, 1]]).await;
    run(&mut connection, FAR_STOCK).await;
    // From the sixth execution on, PostgreSQL may switch to a generic plan.
    for _ in 0..8 {
        let before = scans(&mut connection).await;
        let route = route(&mut connection, tenant(), atlanta(), &demand(&[(0, 1)]))
            .await
            .unwrap();
        assert_eq!(route.chosen.unwrap().id, Uuid::from_u128(4951).into());
        let after = scans(&mut connection).await;
        assert!(after.0 > before.0, "the spatial index was not used");
        assert_eq!(
            after.1, before.1,
            "the warehouses were scanned sequentially"
        );
    }
}

/// Scans of the spatial index, and sequential scans of the warehouses.
async fn scans(connection: &mut oms_database::Connection) -> (i64, i64) {
    diesel::sql_query("SELECT pg_stat_force_next_flush()")
        .execute(connection)
        .await
        .unwrap();
    run(connection, "SELECT pg_stat_clear_snapshot()").await;
    let index =
        "SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'warehouses_by_location'";
    let table = "SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'warehouses'";
    (
        number(connection, index).await,
        number(connection, table).await,
    )
}

#[tokio::test]
async fn an_explanation_names_the_skus_of_missing_products() {
    let (_database, mut connection) = store_with(&[&[9, 1], &[9, 9]]).await;
    let destination = atlanta();
    let demand = demand(&[(0, 2), (1, 2)]);
    let route = route(&mut connection, tenant(), destination, &demand)
        .await
        .unwrap();
    let told = explain_route(&mut connection, tenant(), &route.trace)
        .await
        .unwrap();
    assert_eq!(
        told.candidates,
        [
            "warehouse 0 is 0 m away but has only 1 of the 2 units of SKU-1 that were ordered.",
            "warehouse 1 is 111 km away and has everything that was ordered.",
        ]
    );

    // Products of another tenant are not found.
    let stranger: TenantId = Uuid::from_u128(2).into();
    let skus = find_skus(&mut connection, stranger, &[product(1)]).await;
    assert_eq!(skus.unwrap().len(), 0);
    let skus = find_skus(&mut connection, tenant(), &[product(1), product(99)]).await;
    assert_eq!(skus.unwrap(), [(product(1), "SKU-1".to_owned())].into());
}

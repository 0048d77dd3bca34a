//! Reserving and releasing stock.

use diesel_async::SimpleAsyncConnection;
use oms_database::{Connection, DbError, transaction};
use oms_inventory::{Demand, ReservationRequest, ReserveOutcome, release, reserve};
use oms_validation::{OrderId, TenantId, WarehouseId};
use uuid::Uuid;

use crate::fixture::*;

async fn reserve_one(
    connection: &mut Connection,
    order_id: OrderId,
    warehouse_id: WarehouseId,
    demand: &Demand,
) -> Result<ReserveOutcome, DbError> {
    let request = ReservationRequest {
        holder: order_id.into(),
        warehouse_id,
        demand,
    };
    let outcomes = transaction(connection, async |connection| {
        reserve(connection, tenant(), &[request]).await
    });
    Ok(outcomes.await?[0])
}

async fn reserved(connection: &mut Connection) -> i64 {
    number(
        connection,
        "SELECT sum(reserved) FROM inventory.stock_levels",
    )
    .await
}

#[tokio::test]
async fn each_request_of_a_slice_gets_its_own_outcome() {
    let (_database, mut connection) = store_with(&[&[3, 3], &[1]]).await;
    let (two, both, one) = (
        demand(&[(0, 2)]),
        demand(&[(0, 1), (1, 3)]),
        demand(&[(0, 1)]),
    );
    let request = |warehouse_id, demand| ReservationRequest {
        holder: OrderId::generate().into(),
        warehouse_id,
        demand,
    };
    let requests = [
        request(warehouse(0), &two),
        request(warehouse(0), &two),
        request(warehouse(0), &both),
        request(warehouse(1), &one),
        request(warehouse(7), &one),
    ];
    let outcomes = transaction(&mut connection, async |connection| {
        reserve(connection, tenant(), &requests).await
    });
    use ReserveOutcome::{Reserved, Stale};
    assert_eq!(
        outcomes.await.unwrap(),
        [Reserved, Stale, Reserved, Reserved, Stale]
    );
    assert_eq!(reserved(&mut connection).await, 7);
    assert_levels(&mut connection).await;
}

#[tokio::test]
async fn releasing_twice_releases_once() {
    let (_database, mut connection) = store_with(&[&[3, 3]]).await;
    let (first, second) = (OrderId::generate(), OrderId::generate());
    for order in [first, second] {
        reserve_one(
            &mut connection,
            order,
            warehouse(0),
            &demand(&[(0, 1), (1, 1)]),
        )
        .await
        .unwrap();
    }
    assert_eq!(
        release(&mut connection, tenant(), first.into())
            .await
            .unwrap(),
        2
    );
    assert_eq!(
        release(&mut connection, tenant(), first.into())
            .await
            .unwrap(),
        0
    );
    let stranger: TenantId = Uuid::from_u128(2).into();
    assert_eq!(
        release(&mut connection, stranger, second.into())
            .await
            .unwrap(),
        0
    );
    assert_eq!(reserved(&mut connection).await, 2);
    assert_levels(&mut connection).await;
}

#[tokio::test]
async fn a_warehouse_deactivated_after_routing_gets_no_reservation() {
    let (_database, mut connection) = store_with(&[&[3]]).await;
    run(
        &mut connection,
        "UPDATE inventory.warehouses SET active = false",
    )
    .await;
    let outcome = reserve_one(
        &mut connection,
        OrderId::generate(),
        warehouse(0),
        &demand(&[(0, 1)]),
    )
    .await;
    assert_eq!(outcome.unwrap(), ReserveOutcome::Stale);
    assert_eq!(reserved(&mut connection).await, 0);
}

#[tokio::test]
async fn check_constraints_prevent_overselling() {
    let (_database, mut connection) = store_with(&[&[3]]).await;
    for sql in ["SET reserved = 4", "SET reserved = -1", "SET on_hand = -1"] {
        let statement = format!("UPDATE inventory.stock_levels {sql}");
        let refused = connection.batch_execute(&statement).await.unwrap_err();
        let error = DbError::from(refused);
        let DbError::ConstraintViolation { constraint } = error else {
            panic!("{error}")
        };
        assert_eq!(constraint, "stock_levels_never_oversold");
    }
}

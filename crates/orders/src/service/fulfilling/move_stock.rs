//! Moves the stock of shipments.

use oms_database::Connection;
use oms_fulfilment::Departure;
use oms_inventory::{ChangeRecord, Demand, HeldUnits, ShippedUnits, StockChangeId, ship, unship};
use oms_validation::TenantId;

use crate::error::{OrderError, ShippingError};

/// Ships the units of shipments, each with its actor: they leave the stock on hand and the reservations of their
/// orders, which are locked.
pub(crate) async fn ship_units(
    connection: &mut Connection,
    tenant: TenantId,
    departures: &[(&Departure, &str)],
) -> Result<(), ShippingError> {
    let demands: Vec<Demand> = departures
        .iter()
        .map(|(departure, _)| demand_of(departure))
        .collect::<Result<_, _>>()?;
    let both = departures.iter().zip(&demands);
    let shipped = both.map(|((departure, actor), units)| ShippedUnits {
        held: HeldUnits {
            holder: departure.order_id.into(),
            warehouse_id: departure.warehouse_id,
            units,
        },
        record: record(departure, "shipped", actor),
    });
    let shipped: Vec<ShippedUnits<'_>> = shipped.collect();
    Ok(ship(connection, tenant, &shipped).await?)
}

/// Puts the units of a shipment that never left back into the stock, held by its order.
pub(crate) async fn unship_units(
    connection: &mut Connection,
    tenant: TenantId,
    departure: &Departure,
    actor: &str,
) -> Result<(), ShippingError> {
    let record = record(departure, "the shipment never left", actor);
    Ok(unship(connection, tenant, departure.order_id.into(), record).await?)
}

fn record<'a>(departure: &Departure, reason: &'a str, actor: &'a str) -> ChangeRecord<'a> {
    ChangeRecord {
        change_id: StockChangeId::from(departure.shipment_id.as_uuid()),
        reason,
        actor,
    }
}

fn demand_of(departure: &Departure) -> Result<Demand, OrderError> {
    let units = departure.units.iter();
    let demand = Demand::from_lines(units.map(|(product, quantity)| (*product, *quantity)));
    demand.map_err(|_| {
        let expectation = "the units of a shipment are a part of the units of its order";
        OrderError::Database(oms_database::DbError::UnexpectedState(expectation))
    })
}

//! Moves units of a locked order to another warehouse, or says that none can take them.

use std::collections::BTreeMap;

use oms_database::Connection;
use oms_fulfilment::{
    Fulfilment, FulfilmentOrder, HoldHandle, Move, MoveCause, MoveId, NewMove, Relocation, Units,
    find_excluded, find_fulfilment, include_warehouse,
};
use oms_inventory::{
    ChangeRecord, Demand, MoveError, ReservationMove, RoutingTrace, SourceStock, StockChangeId,
    move_reservations, route_elsewhere,
};
use oms_validation::{TenantId, WarehouseId};

use crate::domain::clock::Now;
use crate::error::{OrderError, ReroutingError};
use crate::service::fulfilling::facts::of_release;
use crate::service::rerouting::facts::of_move;
use crate::service::transitions::happenings::{tell, write_happenings};
use crate::store::{destinations, unreadable};

/// Maximum number of times that units are routed, if the stock runs out before it is locked.
pub(crate) const MAX_ROUTINGS: usize = 5;

/// Why the stock of a warehouse changes that units leave. Why they leave may be told in a person's own words, which may be
/// erased; movements of stock are kept.
const REROUTED: &str = "units of an order went to another warehouse";

/// The warehouse that units go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub enum Target {
    /// The nearest one that can fill all of it, apart from those that rejected the order.
    Nearest,
    /// This one, even if it has rejected the order before.
    Given(WarehouseId),
}

/// Units to move.
#[derive(Clone, Debug)]
pub(crate) struct Wish<'a> {
    pub(crate) id: MoveId,
    pub(crate) units: &'a Units,
    pub(crate) target: Target,
    pub(crate) cause: MoveCause,
    /// Why, in words: 1 to 500 characters.
    pub(crate) reason: &'a str,
    pub(crate) actor: &'a str,
    /// What is true of the units at the warehouse that they leave.
    pub(crate) stock: SourceStock,
}

/// The outcome of a move.
#[derive(Debug)]
pub(crate) enum Rerouted {
    /// The units went to another warehouse.
    Moved(Box<Move>),
    /// No other warehouse can fill it. Nothing was changed, and no stock is locked.
    Nowhere,
}

/// Moves units of a fulfilment order, whose order is locked, with their reservations, in the caller's transaction.
///
/// # Errors
/// `NotAvailable` and `SameWarehouse` for a given target; `Stale` if the stock of the nearest one ran out since it was
/// routed: then roll back and begin anew, up to [`MAX_ROUTINGS`] times; `TooManyMoves`; `TooManyHolds`; `NotReserved`;
/// or the database's error.
pub(crate) async fn reroute(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    relocation: Relocation,
    wish: Wish<'_>,
) -> Result<Rerouted, ReroutingError> {
    let source = relocation.source();
    let (order_id, from) = (source.order_id, source.warehouse_id);
    let products = wish.units.by_product(&source.lines);
    let units = Demand::from_lines(products.iter().map(|(id, quantity)| (*id, *quantity)));
    let units = units.map_err(|_| unreadable("a line has too many units"))?;
    let (to, trace) = match wish.target {
        Target::Given(to) if to == from => return Err(ReroutingError::SameWarehouse),
        Target::Given(to) => {
            include_warehouse(connection, tenant, order_id, to).await?;
            (to, None)
        }
        Target::Nearest => {
            let Some(destination) = destinations::find(connection, tenant, order_id).await? else {
                return Ok(Rerouted::Nowhere);
            };
            let mut excluded = find_excluded(connection, tenant, order_id).await?;
            excluded.insert(from);
            let route = route_elsewhere(connection, tenant, destination, &units, &excluded);
            let route = route.await?;
            let Some(chosen) = route.chosen else {
                return Ok(Rerouted::Nowhere);
            };
            (chosen.id, Some(route.trace))
        }
    };
    let stock = products.keys().map(|id| (*id, wish.stock));
    let stock: BTreeMap<_, _> = stock.collect();
    let moved = ReservationMove {
        holder: order_id.into(),
        from,
        to,
        units: &units,
        source: &stock,
    };
    let record = ChangeRecord {
        change_id: StockChangeId::from(wish.id.as_uuid()),
        reason: REROUTED,
        actor: wish.actor,
    };
    let reserved = move_reservations(connection, tenant, moved, record).await;
    reserved.map_err(|error| match (error, wish.target) {
        (MoveError::NotAvailable(_), Target::Nearest) => ReroutingError::Stale,
        (error, _) => error.into(),
    })?;
    let trace = trace.map(|trace: RoutingTrace| serde_json::to_value(trace).map_err(unreadable));
    let trace = trace.transpose()?;
    let new = NewMove {
        id: wish.id,
        to,
        trace: trace.as_ref(),
        cause: wish.cause,
        reason: wish.reason,
        actor: wish.actor,
    };
    let before = find_fulfilment(connection, tenant, now, order_id).await?;
    let made = relocation.write(connection, tenant, now, wish.units, new);
    let (made, told) = (made.await?, wish.actor);
    tell(connection, tenant, now, order_id, &of_move(&made), told).await?;
    let after = find_fulfilment(connection, tenant, now, order_id).await?;
    tell_release(connection, tenant, now, (&before, &after), wish.actor).await?;
    let happened = after.happened_since(&before);
    write_happenings(connection, tenant, now, order_id, &happened, wish.actor).await?;
    Ok(Rerouted::Moved(Box::new(made)))
}

/// Tells that a fulfilment order is not on hold any more because it could be moved.
async fn tell_release(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    (before, after): (&Fulfilment, &Fulfilment),
    actor: &str,
) -> Result<(), ReroutingError> {
    let handle = HoldHandle::rerouting();
    let is_held = |order: &FulfilmentOrder| order.holds.iter().any(|hold| hold.handle == handle);
    for held in before.fulfilment_orders.iter().filter(|it| is_held(it)) {
        let mut now_there = after.fulfilment_orders.iter();
        if now_there.any(|it| it.id == held.id && !is_held(it)) {
            let told = of_release(held.id, &handle);
            tell(connection, tenant, now, held.order_id, &told, actor).await?;
        }
    }
    Ok(())
}

/// Whether to route again after an error: the stock ran out, and not too often.
pub(crate) fn may_route_again<T>(tried: &Result<T, ReroutingError>, routings: &mut usize) -> bool {
    *routings += 1;
    matches!(tried, Err(ReroutingError::Stale)) && *routings < MAX_ROUTINGS
}

/// An order whose stock ran out each time is contended.
pub(crate) fn contended(error: ReroutingError) -> ReroutingError {
    match error {
        ReroutingError::Stale => OrderError::Contended.into(),
        error => error,
    }
}

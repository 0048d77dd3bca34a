//! Moves a fulfilment order, or a part of it, to another warehouse.

use oms_database::{Connection, boxed};
use oms_fulfilment::{
    ERASED_WORDS, FulfilmentError, FulfilmentOrderId, MoveCause, MoveId, Refusal, Relocation, Units,
};
use oms_inventory::SourceStock;
use oms_validation::{ExpectedVersion, IdempotencyKey, Keyed, Once, OrderId, TenantId};

use crate::context::OrderContext;
use crate::domain::clock::Now;
use crate::domain::reason::Reason;
use crate::error::{OrderError, ReroutingError, ShippingError};
use crate::service::fulfilling::lock_order::{order_of, refuse_busy};
use crate::service::rerouting::reroute::{
    Rerouted, Target, Wish, contended, may_route_again, reroute,
};
use crate::service::rerouting::rerouted::{ReroutedOrder, read_rerouted};
use crate::service::transitions::claim_key::claim_or_find;
use crate::service::transitions::patience::Patience;
use crate::store::orders;

/// What to move, and where to.
#[derive(Clone, Debug)]
pub struct MoveRequest {
    /// The units. `None` for everything that is left to send.
    pub units: Option<Units>,
    /// The warehouse.
    pub target: Target,
    /// Why.
    pub reason: Reason,
    /// What is true of the units at the warehouse that they leave.
    pub stock: SourceStock,
}

/// Moves units of a fulfilment order with their reservations, in one transaction, and returns where they are.
///
/// # Errors
/// `NotFound`, `Changed`; why its units can't leave: `Closed`, `Packed`, `UnknownLine`, `MoreThanOutstanding`,
/// `NothingReady`, `Busy`; why they can't arrive: `NotAvailable`, `SameWarehouse`, `NoWarehouse`, `Contended`;
/// `TooManyMoves`, `TooManyHolds`, `KeyReused`; or the database's error.
#[boxed]
pub async fn move_fulfilment_order(
    context: &OrderContext,
    tenant: TenantId,
    id: FulfilmentOrderId,
    expected: &ExpectedVersion,
    request: &MoveRequest,
    key: &IdempotencyKey,
    actor: &str,
) -> Result<Once<ReroutedOrder>, ReroutingError> {
    let MoveRequest {
        units,
        target,
        reason,
        stock,
    } = request;
    let content = (id, units, target, reason.as_str(), stock);
    let keyed = Keyed::new(key, "move fulfilment order v1", &content);
    let (mut patience, mut routings) = (Patience::new(context, tenant, id.as_uuid()), 0);
    loop {
        let tried = patience.attempt(async |connection| {
            let (now, move_id) = (context.now(), MoveId::generate());
            let order_id = order_of(connection, tenant, id).await?;
            let claimed = claim_or_find(connection, tenant, &keyed, move_id.as_uuid()).await?;
            if let Once::Now(_) = claimed {
                let of = (order_id, id);
                let movable = lock_movable(connection, tenant, now, of, expected).await?;
                let moved = movable.relocation.source().movable(units.as_ref());
                let wish = Wish {
                    id: move_id,
                    units: &moved.map_err(ShippingError::from)?,
                    target: *target,
                    cause: MoveCause::Operator,
                    reason: movable.storable(reason.as_str()),
                    actor,
                    stock: *stock,
                };
                if let Rerouted::Nowhere =
                    reroute(connection, tenant, now, movable.relocation, wish).await?
                {
                    return Err(ReroutingError::NoWarehouse);
                }
            }
            let made = claimed.clone().into_inner().into();
            let read = read_rerouted(connection, tenant, now, (order_id, id, made)).await?;
            oms_failpoints::reached("orders.moving");
            Ok(claimed.map(|_| read))
        });
        let Some(tried) = tried.await else { continue };
        if !may_route_again(&tried, &mut routings) {
            oms_failpoints::reached("orders.moved");
            return tried.map_err(contended);
        }
    }
}

/// A fulfilment order whose units may leave, and whose order is locked.
pub(crate) struct Movable {
    pub(crate) relocation: Relocation,
    is_erased: bool,
}

impl Movable {
    /// Somebody's own words, unless the personal data of the order is erased.
    pub(crate) const fn storable<'a>(&self, words: &'a str) -> &'a str {
        match self.is_erased {
            true => ERASED_WORDS,
            false => words,
        }
    }
}

/// Locks an order and its fulfilment order, which must have the expected version, and refuses one that is being cancelled
/// or refunded.
pub(crate) async fn lock_movable(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    (order_id, id): (OrderId, FulfilmentOrderId),
    expected: &ExpectedVersion,
) -> Result<Movable, ReroutingError> {
    let locked = orders::lock_shippable(connection, tenant, &[order_id]).await?;
    let order = locked.get(&order_id).ok_or(OrderError::NotFound)?;
    let status = order.status;
    refuse_busy(connection, tenant, order_id, status).await?;
    let relocation = Relocation::lock(connection, tenant, now, id).await?;
    let source = relocation.source();
    if !status.holds_stock() {
        // An earlier version of the program ends orders without closing their fulfilment orders.
        let closed = Refusal::Closed(oms_fulfilment::FulfilmentOrderStatus::Cancelled);
        return Err(ShippingError::from(closed).into());
    }
    let is_expected = expected.check(source.version);
    is_expected.map_err(FulfilmentError::from)?;
    Ok(Movable {
        relocation,
        is_erased: order.is_erased(),
    })
}

//! Moves one fulfilment order out of a warehouse that is evacuated, or puts it on hold.

use oms_database::Connection;
use oms_fulfilment::{
    ClaimedEvacuation, EvacuatedOrder, EvacuationOutcome, FulfilmentError, FulfilmentOrder,
    FulfilmentOrderId, HoldReason, MoveCause, MoveId, Refusal, Relocation, Units,
    lock_claimed_evacuation, record_evacuated,
};
use oms_inventory::SourceStock;
use oms_validation::TenantId;

use crate::context::OrderContext;
use crate::domain::clock::Now;
use crate::error::{ReroutingError, ShippingError};
use crate::service::fulfilling::hold_back::{hold_back, rerouting_hold};
use crate::service::fulfilling::lock_order::{lock_order, order_of};
use crate::service::rerouting::reroute::{
    Rerouted, Target, Wish, contended, may_route_again, reroute,
};
use crate::service::transitions::patience::Patience;
use crate::service::transitions::release_unsent::release_unsent;

/// The author of what an evacuation does.
const ACTOR: &str = "evacuation";

/// Moves what may be moved of a fulfilment order to the nearest warehouse that can fill all of it, in one transaction
/// with its entry in the report. What stays is put on hold. Returns the outcome; `None` if nothing was to be done: the
/// fulfilment order is not open in the warehouse any more, or the claim has ended.
pub(crate) async fn evacuate_order(
    context: &OrderContext,
    tenant: TenantId,
    claimed: &ClaimedEvacuation,
    id: FulfilmentOrderId,
) -> Result<Option<EvacuationOutcome>, ReroutingError> {
    let (mut patience, mut routings) = (Patience::new(context, tenant, id.as_uuid()), 0);
    let mut limit = None;
    loop {
        let tried = patience.attempt(async |connection| {
            let now = context.now();
            let order_id = order_of(connection, tenant, id).await?;
            let status = lock_order(connection, tenant, order_id).await?;
            let relocation = Relocation::lock(connection, tenant, now, id).await?;
            let source = relocation.source();
            let is_here = source.is_open() && source.warehouse_id == claimed.warehouse_id;
            if !is_here || !lock_claimed_evacuation(connection, tenant, claimed).await? {
                return Ok(None);
            }
            if !status.holds_stock() {
                // An earlier version of the program ends orders without closing their fulfilment orders.
                release_unsent(connection, tenant, now, order_id, ACTOR).await?;
                return Ok(None);
            }
            let done = empty(connection, tenant, now, relocation, limit).await?;
            record_evacuated(connection, tenant, now, claimed.id, &done).await?;
            oms_failpoints::reached("orders.evacuating");
            Ok(Some(done.outcome))
        });
        let Some(tried) = tried.await else { continue };
        if limit.is_none() {
            limit = reached_limit(&tried);
            if limit.is_some() {
                continue;
            }
        }
        if !may_route_again(&tried, &mut routings) {
            oms_failpoints::reached("orders.evacuated");
            return tried.map_err(contended);
        }
    }
}

/// Why units can't be moved, however often it is tried, in words.
fn reached_limit<T>(tried: &Result<T, ReroutingError>) -> Option<&'static str> {
    let Err(ReroutingError::Shipping(ShippingError::Fulfilment(error))) = tried else {
        return None;
    };
    match error {
        FulfilmentError::NotReserved => Some("the order does not hold the units"),
        FulfilmentError::Refused(Refusal::TooManyMoves) => Some("the order was moved too often"),
        FulfilmentError::Refused(Refusal::TooManyHolds) => {
            Some("it has too many holds to be combined")
        }
        _ => None,
    }
}

/// Moves what is neither packed nor about to be cancelled, unless a limit forbids it, and puts the rest on hold.
async fn empty(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    relocation: Relocation,
    limit: Option<&'static str>,
) -> Result<EvacuatedOrder, ReroutingError> {
    let source = relocation.source().clone();
    let (units, mut moved) = (Units::ready_of(&source.lines), None);
    let mut kept = limit
        .or_else(|| why_kept(&source))
        .map(|words| (HoldReason::Unlisted, words));
    if !units.is_empty() && limit.is_none() {
        let wish = Wish {
            id: MoveId::generate(),
            units: &units,
            target: Target::Nearest,
            cause: MoveCause::Evacuation,
            reason: "the warehouse is being evacuated",
            actor: ACTOR,
            stock: SourceStock::Keep,
        };
        match reroute(connection, tenant, now, relocation, wish).await? {
            Rerouted::Moved(made) => moved = Some(made.id),
            Rerouted::Nowhere => {
                kept = Some((HoldReason::NoWarehouse, "no other warehouse can fill it"));
            }
        }
    }
    if let Some((why, words)) = kept {
        let (hold, order) = (rerouting_hold(why, words), (&source, moved.is_some()));
        hold_back(connection, tenant, now, order, &hold, ACTOR).await?;
    }
    Ok(EvacuatedOrder {
        fulfilment_order_id: source.id,
        order_id: source.order_id,
        outcome: match kept {
            Some(_) => EvacuationOutcome::Held,
            None => EvacuationOutcome::Moved,
        },
        reason: kept.map(|(_, words)| words.to_owned()),
        move_id: moved,
        // The statement takes the time from the clock.
        recorded_at: source.updated_at,
    })
}

/// Why units can't leave their warehouse, in words.
fn why_kept(order: &FulfilmentOrder) -> Option<&'static str> {
    let mut lines = order.lines.iter();
    if lines.clone().any(|line| line.packed > 0) {
        return Some("units are packed");
    }
    let is_frozen = lines.any(|line| line.frozen > 0);
    is_frozen.then_some("the order is being cancelled or refunded")
}

//! A warehouse rejects units that it can't send: they go to the next warehouse that can, or their fulfilment order is put
//! on hold.

use std::collections::BTreeSet;

use oms_database::Connection;
use oms_fulfilment::{
    FulfilmentOrderId, HoldReason, MoveCause, MoveId, RejectionReason, Units, exclude_warehouse,
};
use oms_inventory::{ChangeRecord, SourceStock, StockChangeId, write_off_unreserved};
use oms_validation::{ExpectedVersion, IdempotencyKey, Keyed, Once, TenantId};

use crate::context::OrderContext;
use crate::domain::clock::Now;
use crate::error::{ReroutingError, ShippingError};
use crate::service::fulfilling::hold_back::{hold_back, rerouting_hold};
use crate::service::fulfilling::lock_order::order_of;
use crate::service::rerouting::facts::{of_rejection, words_of};
use crate::service::rerouting::move_fulfilment_order::{Movable, lock_movable};
use crate::service::rerouting::reroute::{
    Rerouted, Target, Wish, contended, may_route_again, reroute,
};
use crate::service::rerouting::rerouted::{ReroutedOrder, read_rerouted};
use crate::service::transitions::claim_key::claim_or_find;
use crate::service::transitions::happenings::tell;
use crate::service::transitions::patience::Patience;

/// Why the stock of a warehouse changes that rejects units. The words of the request are those of a person, and may be
/// erased; movements of stock are kept.
const REJECTED: &str = "the warehouse rejected units of an order";

/// What a warehouse rejects, and why.
#[derive(Clone, Debug)]
pub struct RejectionRequest {
    /// The units. `None` for everything that is left to send.
    pub units: Option<Units>,
    /// Why.
    pub reason: RejectionReason,
    /// Why, in words.
    pub note: Option<oms_fulfilment::Note>,
    /// What is true of the units in the warehouse.
    pub stock: SourceStock,
}

impl RejectionRequest {
    fn words(&self) -> &str {
        let note = self.note.as_ref().map(oms_fulfilment::Note::as_str);
        note.unwrap_or_else(|| words_of(self.reason))
    }
}

/// Moves rejected units to the nearest warehouse that can fill all of them, and excludes the one that rejected them from
/// the order. If there is none, the fulfilment order is put on hold with the units, and their stock stays as it is.
///
/// # Errors
/// `NotFound`, `Changed`; why its units can't leave: `Closed`, `Packed`, `UnknownLine`, `MoreThanOutstanding`,
/// `NothingReady`, `Busy`; `Contended`, `TooManyMoves`, `TooManyHolds`, `KeyReused`; or the database's error.
pub async fn reject_fulfilment_order(
    context: &OrderContext,
    tenant: TenantId,
    id: FulfilmentOrderId,
    expected: &ExpectedVersion,
    request: &RejectionRequest,
    key: &IdempotencyKey,
    actor: &str,
) -> Result<Once<ReroutedOrder>, ReroutingError> {
    let content = (
        id,
        &request.units,
        request.reason,
        &request.note,
        request.stock,
    );
    let keyed = Keyed::new(key, "reject fulfilment order v1", &content);
    let (mut patience, mut routings) = (Patience::new(context, tenant, id.as_uuid()), 0);
    loop {
        let tried = patience.attempt(async |connection| {
            let (now, move_id) = (context.now(), MoveId::generate());
            let order_id = order_of(connection, tenant, id).await?;
            let claimed = claim_or_find(connection, tenant, &keyed, move_id.as_uuid()).await?;
            if let Once::Now(_) = claimed {
                let of = (order_id, id);
                let movable = lock_movable(connection, tenant, now, of, expected).await?;
                reject(connection, tenant, now, movable, (request, move_id), actor).await?;
            }
            let made = claimed.clone().into_inner().into();
            let read = read_rerouted(connection, tenant, now, (order_id, id, made)).await?;
            oms_failpoints::reached("orders.rejecting");
            Ok(claimed.map(|_| read))
        });
        let Some(tried) = tried.await else { continue };
        if !may_route_again(&tried, &mut routings) {
            oms_failpoints::reached("orders.rejected");
            return tried.map_err(contended);
        }
    }
}

async fn reject(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    movable: Movable,
    (request, move_id): (&RejectionRequest, MoveId),
    actor: &str,
) -> Result<(), ReroutingError> {
    let source = movable.relocation.source().clone();
    let units = source.movable(request.units.as_ref());
    let units = units.map_err(ShippingError::from)?;
    let words = movable.storable(request.words());
    let excluded = (source.order_id, source.warehouse_id);
    exclude_warehouse(connection, tenant, now, excluded, words).await?;
    let told = of_rejection(&source, &units, request.reason);
    tell(connection, tenant, now, source.order_id, &told, actor).await?;
    let wish = Wish {
        id: move_id,
        units: &units,
        target: Target::Nearest,
        cause: MoveCause::Rejected,
        reason: words,
        actor,
        stock: request.stock,
    };
    match reroute(connection, tenant, now, movable.relocation, wish).await? {
        Rerouted::Moved(_) => Ok(()),
        Rerouted::Nowhere => {
            let (hold, unchanged) = (
                rerouting_hold(HoldReason::NoWarehouse, words),
                (&source, false),
            );
            hold_back(connection, tenant, now, unchanged, &hold, actor).await?;
            if request.stock == SourceStock::WriteOffAll {
                let products: BTreeSet<_> = units.by_product(&source.lines).into_keys().collect();
                let record = ChangeRecord {
                    change_id: StockChangeId::from(move_id.as_uuid()),
                    reason: REJECTED,
                    actor,
                };
                let warehouse = source.warehouse_id;
                write_off_unreserved(connection, tenant, warehouse, &products, record).await?;
            }
            Ok(())
        }
    }
}

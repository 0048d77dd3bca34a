//! Moves units of a fulfilment order to another warehouse.

use oms_database::{Connection, DbError};
use oms_validation::{TenantId, WarehouseId};

use crate::domain::fulfilment_order::FulfilmentOrder;
use crate::domain::hold::HoldHandle;
use crate::domain::id::{FulfilmentOrderId, MoveId};
use crate::domain::limits::{MAX_HOLDS, MAX_MOVES};
use crate::domain::line::Units;
use crate::domain::moving::{Move, MoveCause, NewMove};
use crate::domain::refusal::Refusal;
use crate::error::FulfilmentError;
use crate::service::hold::lock;
use crate::store::{Now, fulfilment_orders, holds, moves, relocations};

/// A locked fulfilment order, and the other open ones of its order.
#[derive(Debug)]
pub struct Relocation {
    source: FulfilmentOrder,
    others: Vec<FulfilmentOrder>,
}

impl Relocation {
    /// Locks a fulfilment order and the other open ones of its order, which must be locked.
    ///
    /// # Errors
    /// `NotFound`, or the database's error.
    pub async fn lock(
        connection: &mut Connection,
        tenant: TenantId,
        now: Now,
        id: FulfilmentOrderId,
    ) -> Result<Self, FulfilmentError> {
        let source = lock(connection, tenant, now, id).await?;
        let order_id = source.order_id;
        let open = fulfilment_orders::lock_and_find_open(connection, tenant, now, order_id);
        let mut others = open.await?;
        others.retain(|other| other.id != id);
        Ok(Self { source, others })
    }

    /// The fulfilment order.
    pub const fn source(&self) -> &FulfilmentOrder {
        &self.source
    }

    /// Moves units that [`FulfilmentOrder::movable`] has allowed, and records the move. The units go to the order's open
    /// fulfilment order in the other warehouse, if there is one. Otherwise the fulfilment order itself goes, if nothing
    /// else is left to send and nothing was sent, and otherwise a new one gets them. The holds go with them, except the
    /// one that [`HoldHandle::rerouting`] names. The caller must move the stock in the same transaction.
    ///
    /// # Errors
    /// `TooManyMoves`; `TooManyHolds` if the other fulfilment order can't have the holds of both; or the database's
    /// error. The transaction must then be rolled back.
    pub async fn write(
        mut self,
        connection: &mut Connection,
        tenant: TenantId,
        now: Now,
        units: &Units,
        new: NewMove<'_>,
    ) -> Result<Move, FulfilmentError> {
        let made = moves::count(connection, tenant, self.source.order_id).await?;
        if made >= MAX_MOVES {
            return Err(Refusal::TooManyMoves.into());
        }
        let (from, id) = (self.source.warehouse_id, self.source.id);
        let there = self.others.iter().find(|it| it.warehouse_id == new.to);
        let target = match there {
            None if self.source.goes_whole(units) => {
                self.source.relocate(new.to);
                relocations::relocate(connection, tenant, now, id, new.to).await?;
                holds::delete(connection, tenant, id, &HoldHandle::rerouting()).await?;
                id
            }
            None => {
                let target = self.open(connection, tenant, now, new.to).await?;
                self.give(connection, tenant, now, units, target).await?;
                target
            }
            Some(there) => {
                check_holds(&self.source, there)?;
                let target = there.id;
                let times = (self.source.ship_by, self.source.not_before);
                relocations::combine(connection, tenant, now, target, times).await?;
                self.give(connection, tenant, now, units, target).await?;
                target
            }
        };
        let made = Move {
            id: new.id,
            order_id: self.source.order_id,
            fulfilment_order_id: id,
            to_fulfilment_order_id: target,
            from_warehouse_id: from,
            to_warehouse_id: new.to,
            units: units.clone(),
            trace: new.trace.cloned(),
            cause: new.cause,
            reason: new.reason.to_owned(),
            actor: new.actor.to_owned(),
            moved_at: self.source.updated_at,
        };
        moves::insert(connection, tenant, now, &made).await?;
        Ok(made)
    }

    /// Opens another fulfilment order of the order.
    async fn open(
        &self,
        connection: &mut Connection,
        tenant: TenantId,
        now: Now,
        to: WarehouseId,
    ) -> Result<FulfilmentOrderId, DbError> {
        let last = relocations::last_number(connection, tenant, self.source.order_id).await?;
        let (id, source) = (FulfilmentOrderId::generate(), &self.source);
        relocations::insert(connection, tenant, now, (id, last + 1, to), source).await?;
        Ok(id)
    }

    /// Gives units and holds to another fulfilment order.
    async fn give(
        &mut self,
        connection: &mut Connection,
        tenant: TenantId,
        now: Now,
        units: &Units,
        target: FulfilmentOrderId,
    ) -> Result<(), DbError> {
        let id = self.source.id;
        relocations::copy_holds(connection, tenant, id, target).await?;
        self.source.raise_version();
        give(connection, tenant, now, (&mut self.source, units), target).await
    }
}

/// Gives units to another locked fulfilment order of the order, and writes the one that had them, with its version raised.
async fn give(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    (source, units): (&mut FulfilmentOrder, &Units),
    target: FulfilmentOrderId,
) -> Result<(), DbError> {
    relocations::add_units(connection, tenant, target, units, source).await?;
    source.give_up(units);
    // First, because fewer units of a line may be shipped than before.
    fulfilment_orders::update(connection, tenant, now, &[source]).await?;
    relocations::take_units(connection, tenant, source.id, units).await
}

/// Gives units whose shipment never left to the fulfilment order that is open in the warehouse of a closed one: an order
/// has at most one for each warehouse. Returns `false` if none is open there, after doing nothing.
pub(crate) async fn give_unshipped(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    (source, units): (&mut FulfilmentOrder, &Units),
    reason: &str,
) -> Result<bool, DbError> {
    let order_id = source.order_id;
    let open = fulfilment_orders::lock_and_find_open(connection, tenant, now, order_id).await?;
    let mut open = open.into_iter();
    let Some(target) = open.find(|it| it.warehouse_id == source.warehouse_id) else {
        return Ok(false);
    };
    let made = Move {
        id: MoveId::generate(),
        order_id,
        fulfilment_order_id: source.id,
        to_fulfilment_order_id: target.id,
        from_warehouse_id: source.warehouse_id,
        to_warehouse_id: target.warehouse_id,
        units: units.clone(),
        trace: None,
        cause: MoveCause::ShipmentCancelled,
        reason: reason.to_owned(),
        actor: "oms".to_owned(),
        moved_at: source.updated_at,
    };
    relocations::combine(connection, tenant, now, target.id, (None, None)).await?;
    give(connection, tenant, now, (source, units), target.id).await?;
    moves::insert(connection, tenant, now, &made).await?;
    Ok(true)
}

fn check_holds(source: &FulfilmentOrder, target: &FulfilmentOrder) -> Result<(), Refusal> {
    let is_new = |handle: &HoldHandle| {
        !handle.is_reserved() && target.holds.iter().all(|it| it.handle != *handle)
    };
    let source = source.holds.iter();
    let new = source.filter(|hold| is_new(&hold.handle)).count();
    match target.counted_holds() + new <= MAX_HOLDS {
        true => Ok(()),
        false => Err(Refusal::TooManyHolds),
    }
}

//! What everybody does in the race for an order.

use std::collections::BTreeMap;
use std::sync::Arc;

use oms_fulfilment::{FulfilmentOrder, ReceiptDraft, ReceiptId, Shipment, ShipmentStatus};
use oms_inventory::SourceStock;
use oms_orders::{
    OrderContext, OrderError, Reason, ReroutingError, ReturningError, ReversingError,
    ShippingError, Target, cancel_order, cancel_shipment, cancel_unshipped, create_shipment,
    decide_return, deliver_shipment, move_fulfilment_order, order_fulfilments, receive_return,
    reject_fulfilment_order, request_return, ship_shipment,
};
use oms_validation::{Once, OrderId};

use super::WAREHOUSES;
use crate::rerouting::{at, rejection, to};
use crate::returning::{APPROVE, restocked, units};
use crate::shipping::{ANY, draft, key};
use crate::shop::tenant;

pub const STATIONS: usize = 8;

/// What somebody does with each order of a heat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Ships a unit of the fulfilment order that the station has read before the race.
    Ship,
    /// Ships a unit of what is open now.
    ShipOpen,
    /// Packs a unit, and then ships it.
    PackAndShip,
    /// Packs a unit, and leaves it there.
    Pack,
    /// Ships a unit, which then turns out never to have left.
    ShipAndUndo,
    /// Moves a unit, or everything, to another warehouse.
    Move,
    /// Rejects a unit, or everything, and corrects the stock.
    Reject,
    /// Sends a unit, which the customer gets and returns.
    Return,
    /// Cancels the order.
    Cancel,
    /// Cancels what is not shipped.
    CancelRest,
}

/// What each station does. Together they want more units than an order has.
const STATION_ACTS: [Act; STATIONS] = [
    Act::Ship,
    Act::PackAndShip,
    Act::ShipOpen,
    Act::ShipAndUndo,
    Act::Pack,
    Act::Ship,
    Act::PackAndShip,
    Act::ShipOpen,
];

/// Nothing was done because somebody was faster, which is a part of the race. Everything else is a defect.
#[derive(Debug)]
struct Lost;

/// Whether a busy machine may be the reason: the invariants say whether something was done.
const fn is_of_load(error: &OrderError) -> bool {
    matches!(
        error,
        OrderError::Contended | OrderError::Overloaded | OrderError::OutcomeUnknown
    )
}

impl From<ShippingError> for Lost {
    fn from(error: ShippingError) -> Self {
        match error {
            ShippingError::Fulfilment(_) | ShippingError::Busy { .. } => Self,
            ShippingError::Order(error) if is_of_load(&error) => Self,
            error => panic!("{error:?}"),
        }
    }
}

impl From<ReroutingError> for Lost {
    fn from(error: ReroutingError) -> Self {
        match error {
            ReroutingError::Shipping(error) => error.into(),
            ReroutingError::NotAvailable(_)
            | ReroutingError::SameWarehouse
            | ReroutingError::NoWarehouse => Self,
            error => panic!("{error:?}"),
        }
    }
}

impl From<ReturningError> for Lost {
    fn from(error: ReturningError) -> Self {
        match error {
            ReturningError::Fulfilment(_) => Self,
            ReturningError::Order(error) if is_of_load(&error) => Self,
            error => panic!("{error:?}"),
        }
    }
}

impl From<ReversingError> for Lost {
    fn from(error: ReversingError) -> Self {
        match error {
            ReversingError::PartlyShipped { .. }
            | ReversingError::NothingUnshipped { .. }
            | ReversingError::NotCancellable { .. }
            | ReversingError::RefundInProgress(_) => Self,
            ReversingError::Order(error) if is_of_load(&error) => Self,
            error => panic!("{error:?}"),
        }
    }
}

impl Act {
    /// What is done at the same time in a heat.
    pub fn of_heat(heat: usize) -> Vec<Self> {
        let buyer = match heat % 2 {
            0 => Self::Cancel,
            _ => Self::CancelRest,
        };
        let others = [Self::Move, Self::Reject, Self::Return, buyer];
        STATION_ACTS.into_iter().chain(others).collect()
    }

    /// Does it with one order. `round` is the number of the order in its heat.
    pub async fn take(self, context: &Arc<OrderContext>, round: usize, work: &FulfilmentOrder) {
        let order_id = work.order_id;
        // Who is too late has lost the race.
        let _: Result<(), Lost> = match self {
            Self::Ship => ship(context, work, ShipmentStatus::Shipped).await.map(drop),
            Self::ShipOpen => ship_open(context, order_id).await,
            Self::Pack => ship(context, work, ShipmentStatus::Packed).await.map(drop),
            Self::PackAndShip => pack_and_ship(context, work).await,
            Self::ShipAndUndo => ship_and_undo(context, work).await,
            Self::Move => go_elsewhere(context, round, order_id).await,
            Self::Reject if round.is_multiple_of(2) => reject(context, round, order_id).await,
            Self::Return if round.is_multiple_of(4) => send_back(context, work).await,
            Self::Reject | Self::Return => Ok(()),
            Self::Cancel => {
                let cancelled = cancel_order(context, tenant(), order_id, None, None, "api").await;
                cancelled.map(drop).map_err(Lost::from)
            }
            Self::CancelRest => {
                let rest = cancel_unshipped(context, tenant(), order_id, None, None, "api").await;
                rest.map(drop).map_err(Lost::from)
            }
        };
    }
}

/// The first open fulfilment order of an order, if there is one.
async fn open_of(context: &Arc<OrderContext>, order_id: OrderId) -> Result<FulfilmentOrder, Lost> {
    let found = order_fulfilments(context, tenant(), order_id)
        .await
        .unwrap();
    let mut orders = found.fulfilment_orders.into_iter();
    orders.find(FulfilmentOrder::is_open).ok_or(Lost)
}

async fn ship(
    context: &Arc<OrderContext>,
    work: &FulfilmentOrder,
    status: ShipmentStatus,
) -> Result<Shipment, Lost> {
    let draft = draft(work, Some(1), status);
    let key = key(&draft.id.to_string());
    let created = create_shipment(context, tenant(), &key, draft, "api").await;
    Ok(created?.into_inner())
}

async fn ship_open(context: &Arc<OrderContext>, order_id: OrderId) -> Result<(), Lost> {
    let open = open_of(context, order_id).await?;
    ship(context, &open, ShipmentStatus::Shipped).await?;
    Ok(())
}

async fn pack_and_ship(context: &Arc<OrderContext>, work: &FulfilmentOrder) -> Result<(), Lost> {
    let id = ship(context, work, ShipmentStatus::Packed).await?.id;
    ship_shipment(context, tenant(), id, ANY, vec![], None, "api").await?;
    Ok(())
}

async fn ship_and_undo(context: &Arc<OrderContext>, work: &FulfilmentOrder) -> Result<(), Lost> {
    let id = ship(context, work, ShipmentStatus::Shipped).await?.id;
    let reason = Reason::parse("it never left").unwrap();
    cancel_shipment(context, tenant(), id, &ANY, &reason, None, "api").await?;
    Ok(())
}

async fn go_elsewhere(
    context: &Arc<OrderContext>,
    round: usize,
    order_id: OrderId,
) -> Result<(), Lost> {
    let open = open_of(context, order_id).await?;
    let target = match round % 2 {
        0 => Target::Nearest,
        _ => Target::Given(at(round % WAREHOUSES)),
    };
    let request = to(target, (!round.is_multiple_of(3)).then_some(1));
    let key = key(&format!("move {order_id}"));
    let id = open.id;
    move_fulfilment_order(context, tenant(), id, &ANY, &request, &key, "api").await?;
    Ok(())
}

async fn reject(context: &Arc<OrderContext>, round: usize, order_id: OrderId) -> Result<(), Lost> {
    let open = open_of(context, order_id).await?;
    let stock = match round % 3 {
        0 => SourceStock::Keep,
        1 => SourceStock::WriteOff,
        _ => SourceStock::Quarantine,
    };
    let request = rejection((!round.is_multiple_of(4)).then_some(1), stock);
    let key = key(&format!("reject {order_id}"));
    let id = open.id;
    reject_fulfilment_order(context, tenant(), id, &ANY, &request, &key, "api").await?;
    Ok(())
}

/// A unit is sent, delivered, returned and restocked in the warehouse that sent it.
async fn send_back(context: &Arc<OrderContext>, work: &FulfilmentOrder) -> Result<(), Lost> {
    let sent = ship(context, work, ShipmentStatus::Shipped).await?;
    deliver_shipment(context, tenant(), sent.id, ANY, None, None, "api").await?;
    let order_id = work.order_id;
    let (requested, requesting) = (units(1, 1), key(&format!("return {order_id}")));
    let it = request_return(context, tenant(), order_id, &requesting, &requested, "api").await?;
    let id = it.into_inner().id;
    decide_return(context, tenant(), id, &ANY, &APPROVE, None, "api").await?;
    let draft = ReceiptDraft {
        id: ReceiptId::generate(),
        warehouse_id: sent.warehouse_id,
        lines: BTreeMap::from([(1, restocked(1))]),
    };
    let receiving = key(&format!("receive {order_id}"));
    let received = receive_return(context, tenant(), id, &ANY, &draft, &receiving, "api").await;
    received.map(Once::into_inner)?;
    Ok(())
}

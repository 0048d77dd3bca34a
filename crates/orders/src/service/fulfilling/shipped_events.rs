//! What the timelines of orders say about shipments that share a transaction.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use oms_database::Connection;
use oms_fulfilment::{
    Dispatch, FulfilmentOrderId, FulfilmentStatus, Happening, Shipment, ShipmentId, ShipmentStatus,
    Turn,
};
use oms_validation::{Once, OrderId, TenantId};

use crate::domain::clock::Now;
use crate::error::ShippingError;
use crate::service::fulfilling::to_send::ToSend;
use crate::service::transitions::change_status::add_events;
use crate::service::transitions::happenings::{Told, of_happening};

/// A request that changed its shipment.
pub(crate) struct Done<'a> {
    pub(crate) place: usize,
    pub(crate) id: ShipmentId,
    pub(crate) becomes: ShipmentStatus,
    pub(crate) actor: &'a str,
}

/// The requests that changed their shipments.
pub(crate) fn done_of<'a>(
    items: &'a [Arc<ToSend>],
    answers: &[Result<Once<ShipmentId>, ShippingError>],
) -> Vec<Done<'a>> {
    let done = items.iter().zip(answers).enumerate();
    let done = done.filter_map(|(place, (item, sent))| match sent {
        Ok(Once::Now(id)) => Some(Done {
            place,
            id: *id,
            becomes: item.becomes(),
            actor: &item.actor,
        }),
        Ok(Once::Before(_)) | Err(_) => None,
    });
    done.collect()
}

/// What a transaction has written.
#[derive(Clone, Copy)]
pub(crate) struct After<'a> {
    pub(crate) shipments: &'a HashMap<ShipmentId, Shipment>,
    /// The statuses of the orders of which units left or were delivered.
    pub(crate) statuses: &'a HashMap<OrderId, FulfilmentStatus>,
    pub(crate) dispatch: &'a Dispatch,
}

/// Writes what happened to the timelines of the orders: each shipment, then what follows from all of them.
pub(crate) async fn write_events(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    after: After<'_>,
    done: &[Done<'_>],
) -> Result<(), ShippingError> {
    let mut told: Vec<(OrderId, Told, &str)> = Vec::new();
    // The last request that changed each order.
    let mut changed: BTreeMap<OrderId, OrderChange<'_>> = BTreeMap::new();
    for done in done {
        let Some(shipment) = after.shipments.get(&done.id) else {
            continue;
        };
        // A later request of the batch may have changed it again.
        let shipment = Shipment {
            status: done.becomes,
            ..shipment.clone()
        };
        let order_id = shipment.order_id;
        let change = changed.entry(order_id).or_default();
        change.actor = done.actor;
        if done.becomes == ShipmentStatus::Shipped {
            change.left.insert(shipment.fulfilment_order_id);
        }
        told.push((
            order_id,
            of_happening(&Happening::Shipment(&shipment)),
            done.actor,
        ));
    }
    for (order_id, change) in &changed {
        let happened = change.happened(*order_id, after);
        told.extend(
            happened
                .iter()
                .map(|it| (*order_id, of_happening(it), change.actor)),
        );
    }
    let events: Vec<_> = told
        .iter()
        .map(|(order_id, told, actor)| told.of_order(*order_id, actor))
        .collect();
    add_events(connection, tenant, now, &events).await?;
    Ok(())
}

/// What the requests of a batch changed of an order.
#[derive(Default)]
struct OrderChange<'a> {
    /// The actor of the last request.
    actor: &'a str,
    /// The fulfilment orders of which units left.
    left: BTreeSet<FulfilmentOrderId>,
}

impl OrderChange<'_> {
    /// What follows for the fulfilment orders and for the whole order. What units left of was open before, and so was
    /// the order; and an order of which something left or was delivered now was not delivered before.
    fn happened<'f>(&self, order_id: OrderId, after: After<'f>) -> Vec<Happening<'f>> {
        let left = self.left.iter();
        let closed = left.filter_map(|id| after.dispatch.fulfilment_order(*id));
        let closed = closed.filter(|it| !it.is_open());
        let mut happened: Vec<Happening<'f>> = closed
            .map(|it| Happening::FulfilmentOrder(it, Turn::Closed))
            .collect();
        let status = after.statuses.get(&order_id);
        let is_fulfilled = matches!(
            status,
            Some(FulfilmentStatus::Fulfilled | FulfilmentStatus::Delivered)
        );
        if is_fulfilled && !self.left.is_empty() {
            happened.push(Happening::Fulfilled);
        }
        if status == Some(&FulfilmentStatus::Delivered) {
            happened.push(Happening::Delivered);
        }
        happened
    }
}

//! Orders that are about to be written.

use oms_inventory::{Demand, ReservationRequest, Route};
use oms_payments::{AttemptId, NewAttempt};
use oms_validation::{IdempotencyKey, OrderId, ProductId, WarehouseId};

use super::price::Priced;
use crate::context::OrderContext;
use crate::domain::order::NewOrder;
use crate::store::placements::Placement;

/// The stock of a product in a warehouse.
pub(crate) type Level = (WarehouseId, ProductId);

/// An order with its warehouse.
pub(super) struct Draft<'a> {
    /// Its arrival index.
    pub(super) index: usize,
    key: &'a IdempotencyKey,
    demand: &'a Demand,
    actor: &'a str,
    pub(super) order: NewOrder,
    /// `None` if nothing is to be paid.
    pub(super) attempt: Option<NewAttempt>,
}

impl Draft<'_> {
    /// Number of units that it holds.
    pub(super) fn units(&self) -> u64 {
        self.order.units().unsigned_abs()
    }

    /// The stock that it needs.
    pub(super) fn levels(&self) -> impl Iterator<Item = Level> {
        let warehouse = self.order.warehouse_id;
        self.demand
            .iter()
            .map(move |(product, _)| (warehouse, product))
    }
}

/// Splits orders into those that a warehouse can fill, and those that none can.
pub(super) fn drafts<'a>(
    context: &OrderContext,
    open: &'a [Priced<'a>],
    routes: Vec<Route>,
) -> (Vec<Draft<'a>>, Vec<&'a Priced<'a>>) {
    let (mut drafts, mut refused) = (Vec::with_capacity(open.len()), Vec::new());
    for (priced, route) in open.iter().zip(routes) {
        match draft(context, priced, route) {
            Some(draft) => drafts.push(draft),
            None => refused.push(priced),
        }
    }
    (drafts, refused)
}

fn draft<'a>(context: &OrderContext, priced: &'a Priced<'a>, route: Route) -> Option<Draft<'a>> {
    let chosen = route.chosen?;
    let order = NewOrder {
        id: OrderId::generate(),
        fingerprint: priced.arrival.fingerprint,
        customer_id: priced.arrival.customer_id,
        warehouse_id: chosen.id,
        price_list: priced.arrival.pricing.price_list.clone(),
        total: priced.total,
        shipping_address: priced.arrival.shipping_address.clone(),
        routing: route.trace,
        lines: priced.lines.clone(),
        adjustments: priced.arrival.pricing.adjustments.clone(),
        external_reference: priced.arrival.external_reference.clone(),
        metadata: priced.arrival.metadata.clone(),
    };
    let attempt = (order.total.amount_minor > 0).then(|| NewAttempt {
        id: AttemptId::generate(),
        order_id: order.id,
        number: 1,
        amount: order.total,
        gateway: context.gateway.name().to_owned(),
    });
    Some(Draft {
        index: priced.index,
        key: &priced.arrival.key,
        demand: &priced.demand,
        actor: &priced.arrival.actor,
        order,
        attempt,
    })
}

pub(super) fn placements_of<'a>(drafts: &'a [Draft<'_>]) -> Vec<Placement<'a>> {
    let placement = |draft: &'a Draft<'_>| Placement {
        key: draft.key,
        order: &draft.order,
        actor: draft.actor,
    };
    drafts.iter().map(placement).collect()
}

pub(super) fn reservations_of<'a>(drafts: &'a [Draft<'_>]) -> Vec<ReservationRequest<'a>> {
    let request = |draft: &'a Draft<'_>| ReservationRequest {
        holder: draft.order.id.into(),
        warehouse_id: draft.order.warehouse_id,
        demand: draft.demand,
    };
    drafts.iter().map(request).collect()
}

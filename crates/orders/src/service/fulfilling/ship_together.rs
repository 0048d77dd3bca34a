//! Shipments of one tenant that come at the same time share a transaction: a packing station's burst is for few
//! products, and would else queue for the same stock rows one by one. A hundred of them take as many statements as one.
//!
//! Each request is answered for itself: a refused one changes nothing and spoils no other. If the transaction fails,
//! each is tried alone.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::convert::Infallible;
use std::sync::Arc;

use oms_batching::{Answer, Batch, Turn as BatchTurn, Work};
use oms_database::{Connection, LockWait, transaction_within};
use oms_fulfilment::{
    Departure, Dispatch, FulfilmentError, FulfilmentOrderId, FulfilmentOrderStatus, Refusal,
    Shipment, ShipmentId, ShipmentStatus, Subject, find_shipments_and_statuses, find_subjects,
};
use oms_validation::{Once, OrderId, TenantId};

use crate::context::OrderContext;
use crate::context::batches::Shipping;
use crate::error::{OrderError, ShippingError};
use crate::service::fulfilling::lock_order::is_busy;
use crate::service::fulfilling::move_stock::ship_units;
use crate::service::fulfilling::shipped_events::{After, Done, done_of, write_events};
use crate::service::fulfilling::shipping_keys::{Sent, ShippingKeys};
use crate::service::fulfilling::to_send::{Sending, ToSend};
use crate::store::orders;
use crate::store::orders::Shippable;

type Shipped = Result<Once<Shipment>, ShippingError>;

/// Packs, sends or delivers together with other requests of the tenant.
pub(crate) async fn submit(context: &Arc<OrderContext>, tenant: TenantId, item: ToSend) -> Shipped {
    let work = Shipping(context.clone());
    let submitted = context
        .batches
        .shipments
        .submit(tenant, Arc::new(item), &work);
    submitted.await.map_err(OrderError::from)??
}

impl Work for Shipping {
    type Key = TenantId;
    type Item = ToSend;
    type Output = Shipped;
    type Error = OrderError;
    type Blocker = Infallible;

    async fn run(
        &self,
        tenant: TenantId,
        batch: Batch<Self>,
    ) -> Result<Vec<Answer<Self::Output, Infallible>>, OrderError> {
        let wait = match batch.turn {
            BatchTurn::Together | BatchTurn::Alone => LockWait::Brief,
            BatchTurn::Patient => LockWait::Session,
        };
        let done = ship_together(&self.0, tenant, &batch.items, wait).await;
        let done = match done {
            Ok(done) => done,
            Err(ShippingError::Order(error)) => return Err(error),
            // Stock that is not reserved: whose, is found when each is tried alone.
            Err(refused) if batch.items.len() == 1 => vec![Err(refused)],
            Err(_) => return Err(OrderError::Contended),
        };
        Ok(done.into_iter().map(Answer::Done).collect())
    }
}

async fn ship_together(
    context: &OrderContext,
    tenant: TenantId,
    items: &[Arc<ToSend>],
    wait: LockWait,
) -> Result<Vec<Shipped>, ShippingError> {
    let mut connection = context.database.acquire().await?;
    let packs = |it: &Arc<ToSend>| it.becomes() == ShipmentStatus::Packed;
    let only_packs = items.iter().all(packs);
    let sent = transaction_within(&mut connection, wait, async |connection| {
        let sent = send_all(context, connection, tenant, items).await?;
        oms_failpoints::reached("orders.shipping");
        if only_packs {
            oms_failpoints::reached("orders.packing");
        }
        Ok::<_, ShippingError>(sent)
    });
    let sent = sent.await?;
    oms_failpoints::reached("orders.shipped");
    if only_packs {
        oms_failpoints::reached("orders.packed");
    }
    Ok(sent)
}

/// Packs, sends and delivers what can be, and returns an answer for each request.
async fn send_all(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
    items: &[Arc<ToSend>],
) -> Result<Vec<Shipped>, ShippingError> {
    let now = context.now();
    let (mut keys, mut answers) = ShippingKeys::claim(connection, tenant, items).await?;
    let of = subjects_of(connection, tenant, items).await?;
    let locked = lock_orders(connection, tenant, &of).await?;
    let ids: Vec<FulfilmentOrderId> = of.values().map(|it| it.fulfilment_order_id).collect();
    let shipments: Vec<ShipmentId> = items.iter().filter_map(|it| it.shipment()).collect();
    let mut dispatch = Dispatch::lock(connection, tenant, now, &ids, &shipments).await?;
    let mut sent = Vec::with_capacity(items.len());
    for (place, item) in items.iter().enumerate() {
        let repeated = answers[place].take().or_else(|| keys.repeated(place));
        sent.push(repeated.unwrap_or_else(|| {
            let planned = plan(&mut dispatch, item, of.get(&place), &locked);
            if planned.is_ok() {
                keys.executed(place);
            }
            planned
        }));
    }
    keys.settle(connection, tenant).await?;
    let answers = sent;
    let done = done_of(items, &answers);
    ship_units(connection, tenant, &actors_of(&dispatch, &done)).await?;
    dispatch.write(connection, tenant, now).await?;
    // Nothing follows for an order of which units were only packed.
    let leaves = |it: &&Done<'_>| it.becomes != ShipmentStatus::Packed;
    let order_ids = done.iter().filter(leaves);
    let order_ids = order_ids.filter_map(|it| Some(of.get(&it.place)?.order_id));
    let order_ids: BTreeSet<OrderId> = order_ids.collect();
    let order_ids: Vec<OrderId> = order_ids.into_iter().collect();
    let ids = answers.iter().filter_map(|it| it.as_ref().ok());
    let ids: BTreeSet<ShipmentId> = ids.map(|id| id.clone().into_inner()).collect();
    let ids: Vec<ShipmentId> = ids.into_iter().collect();
    let (shipments, statuses) = match ids.is_empty() {
        true => Default::default(),
        false => find_shipments_and_statuses(connection, tenant, &ids, &order_ids).await?,
    };
    let shipments = shipments.into_iter().map(|it| (it.id, it));
    let shipments: HashMap<ShipmentId, Shipment> = shipments.collect();
    let after = After {
        shipments: &shipments,
        statuses: &statuses,
        dispatch: &dispatch,
    };
    write_events(connection, tenant, now, after, &done).await?;
    let shipment = |id: Once<ShipmentId>| {
        let shipment = shipments.get(&id.clone().into_inner()).cloned();
        let shipment = shipment.ok_or(FulfilmentError::ShipmentNotFound)?;
        Ok(id.map(|_| shipment))
    };
    let answers = answers.into_iter();
    Ok(answers.map(|it| it.and_then(shipment)).collect())
}

/// The subject of each request that has one, by its place.
async fn subjects_of(
    connection: &mut Connection,
    tenant: TenantId,
    items: &[Arc<ToSend>],
) -> Result<BTreeMap<usize, Subject>, ShippingError> {
    let created = items.iter().filter_map(|it| it.created());
    let created: Vec<FulfilmentOrderId> = created.collect();
    let sent: Vec<ShipmentId> = items.iter().filter_map(|it| it.shipment()).collect();
    let (orders, shipments) = find_subjects(connection, tenant, &created, &sent).await?;
    let subject = |item: &ToSend| match item.shipment() {
        Some(id) => shipments.get(&id).copied(),
        None => orders.get(&item.created()?).copied(),
    };
    let found = items.iter().enumerate();
    Ok(found
        .filter_map(|(place, item)| Some((place, subject(item)?)))
        .collect())
}

/// A locked order, and whether it is being cancelled or all of its money is being refunded.
struct Locked {
    order: Shippable,
    is_busy: bool,
}

async fn lock_orders(
    connection: &mut Connection,
    tenant: TenantId,
    of: &BTreeMap<usize, Subject>,
) -> Result<HashMap<OrderId, Locked>, ShippingError> {
    let ids: BTreeSet<OrderId> = of.values().map(|subject| subject.order_id).collect();
    let ids: Vec<OrderId> = ids.into_iter().collect();
    let mut locked = HashMap::new();
    for (id, order) in orders::lock_shippable(connection, tenant, &ids).await? {
        let is_busy = is_busy(connection, tenant, id, order.status).await?;
        locked.insert(id, Locked { order, is_busy });
    }
    Ok(locked)
}

/// Decides about one request, after those before it.
fn plan(
    dispatch: &mut Dispatch,
    item: &ToSend,
    of: Option<&Subject>,
    locked: &HashMap<OrderId, Locked>,
) -> Sent {
    let subject = of.ok_or(match item.created() {
        Some(_) => FulfilmentError::NotFound,
        None => FulfilmentError::ShipmentNotFound,
    })?;
    let order_id = subject.order_id;
    let Locked { order, is_busy } = locked.get(&order_id).ok_or(OrderError::NotFound)?;
    let status = order.status;
    // What has left is delivered whatever happens to the order.
    if *is_busy && item.becomes() != ShipmentStatus::Delivered {
        return Err(ShippingError::Busy { order_id, status });
    }
    match &item.sending {
        // An earlier version of the program ends orders without closing their fulfilment orders.
        Sending::Create { .. } if !status.holds_stock() => {
            let closed = Refusal::Closed(FulfilmentOrderStatus::Cancelled);
            Err(FulfilmentError::from(closed).into())
        }
        Sending::Create { draft, .. } => {
            let mut draft = draft.clone();
            let id = draft.id;
            draft.destination = order.shipping_address.clone();
            dispatch.create(draft)?;
            Ok(Once::Now(id))
        }
        Sending::Send {
            shipment_id,
            expected,
            parcels,
            ..
        } => {
            let is_new = dispatch.send(*shipment_id, expected, parcels.clone())?;
            Ok(once(is_new, *shipment_id))
        }
        Sending::Deliver {
            shipment_id,
            expected,
            delivered_at,
            ..
        } => {
            let is_new = dispatch.deliver(*shipment_id, expected, *delivered_at)?;
            Ok(once(is_new, *shipment_id))
        }
    }
}

const fn once(is_new: bool, id: ShipmentId) -> Once<ShipmentId> {
    match is_new {
        true => Once::Now(id),
        false => Once::Before(id),
    }
}

/// The units that leave, each with the actor of its shipment.
fn actors_of<'a>(dispatch: &'a Dispatch, done: &[Done<'a>]) -> Vec<(&'a Departure, &'a str)> {
    let leaving = done
        .iter()
        .filter(|it| it.becomes == ShipmentStatus::Shipped);
    let actors: HashMap<ShipmentId, &str> = leaving.map(|it| (it.id, it.actor)).collect();
    let departures = dispatch.departures().iter();
    departures
        .map(|it| (it, actors.get(&it.shipment_id).copied().unwrap_or_default()))
        .collect()
}

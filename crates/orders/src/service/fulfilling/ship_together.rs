//! Shipments of one tenant that come at the same time share a transaction: a packing station's burst is for few
//! products, and would else queue for the same stock rows one by one. A hundred of them take as many statements as one.
//!
//! Each request is answered for itself: a refused one changes nothing and spoils no other. If the transaction fails,
//! each is tried alone.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::convert::Infallible;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use oms_batching::{Answer, Batch, Turn as BatchTurn, Work};
use oms_database::{Connection, LockWait, transaction_within};
use oms_fulfilment::{
    Departure, Dispatch, Fulfilment, FulfilmentError, FulfilmentOrderId, FulfilmentOrderStatus,
    FulfilmentStatus, Happening, NewParcel, Refusal, Shipment, ShipmentDraft, ShipmentId,
    ShipmentStatus, Subject, Turn, find_fulfilments, find_shipments, find_subjects,
};
use oms_validation::{
    ExpectedVersion, Fingerprint, IdempotencyKey, Keyed, Once, OrderId, TenantId,
};
use uuid::Uuid;

use crate::context::OrderContext;
use crate::context::batches::Shipping;
use crate::domain::clock::Now;
use crate::error::{OrderError, ShippingError};
use crate::service::fulfilling::lock_order::is_busy;
use crate::service::fulfilling::move_stock::ship_units;
use crate::service::transitions::change_status::add_events;
use crate::service::transitions::happenings::{Told, of_happening};
use crate::store::orders::Shippable;
use crate::store::{idempotency_keys, orders};

/// What a request packs, sends or delivers.
#[derive(Debug)]
pub(crate) enum Sending {
    /// A new shipment.
    Create {
        /// The shipment, without its destination.
        draft: ShipmentDraft,
        /// The request's key, and its fingerprint.
        key: (IdempotencyKey, Fingerprint),
    },
    /// A packed shipment that leaves.
    Send {
        /// The shipment.
        shipment_id: ShipmentId,
        /// The version that it must have.
        expected: ExpectedVersion,
        /// Its parcels, if it has none yet.
        parcels: Vec<NewParcel>,
        /// The request's key, and its fingerprint.
        key: Option<(IdempotencyKey, Fingerprint)>,
    },
    /// A shipment that the customer has.
    Deliver {
        /// The shipment.
        shipment_id: ShipmentId,
        /// The version that it must have.
        expected: ExpectedVersion,
        /// When. `None` for now.
        delivered_at: Option<DateTime<Utc>>,
        /// The request's key, and its fingerprint.
        key: Option<(IdempotencyKey, Fingerprint)>,
    },
}

/// A request, and who makes it.
#[derive(Debug)]
pub(crate) struct ToSend {
    pub(crate) sending: Sending,
    pub(crate) actor: String,
}

/// The shipment of a request, and whether this request changed it.
type Sent = Result<Once<ShipmentId>, ShippingError>;

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
    let mut answers = claim_keys(connection, tenant, items).await?;
    let of = subjects_of(connection, tenant, items).await?;
    let locked = lock_orders(connection, tenant, &of).await?;
    let ids: Vec<FulfilmentOrderId> = of.values().map(|it| it.fulfilment_order_id).collect();
    let shipments: Vec<ShipmentId> = items.iter().filter_map(|it| it.shipment()).collect();
    let mut dispatch = Dispatch::lock(connection, tenant, now, &ids, &shipments).await?;
    let mut unused = Vec::new();
    for (place, item) in items.iter().enumerate() {
        if answers[place].is_some() {
            continue;
        }
        let sent = plan(&mut dispatch, item, of.get(&place), &locked);
        unused.extend(item.key().filter(|_| sent.is_err()).map(|(key, _)| key));
        answers[place] = Some(sent);
    }
    idempotency_keys::release(connection, tenant, &unused).await?;
    let answers: Vec<Sent> = answers
        .into_iter()
        .map(|it| it.unwrap_or(Err(OrderError::Contended.into())))
        .collect();
    let done = done_of(items, &answers);
    ship_units(connection, tenant, &actors_of(&dispatch, &done)).await?;
    dispatch.write(connection, tenant, now).await?;
    let order_ids: BTreeSet<OrderId> = done
        .iter()
        .filter_map(|it| Some(of.get(&it.place)?.order_id))
        .collect();
    let order_ids: Vec<OrderId> = order_ids.into_iter().collect();
    let found = match order_ids.is_empty() {
        true => HashMap::new(),
        false => find_fulfilments(connection, tenant, now, &order_ids).await?,
    };
    write_events(connection, tenant, now, &found, &done).await?;
    with_shipments(connection, tenant, found, answers).await
}

/// Claims the keys of requests. Requests that an earlier one answers get their answer.
async fn claim_keys(
    connection: &mut Connection,
    tenant: TenantId,
    items: &[Arc<ToSend>],
) -> Result<Vec<Option<Sent>>, ShippingError> {
    // The first request with a key claims it for all of the batch.
    let mut first: BTreeMap<&str, (Keyed<'_>, Uuid)> = BTreeMap::new();
    let mut later: HashSet<usize> = HashSet::new();
    for (place, item) in items.iter().enumerate() {
        let Some((key, fingerprint)) = item.key() else {
            continue;
        };
        let fingerprint = *fingerprint;
        match first.entry(key.as_str()) {
            std::collections::btree_map::Entry::Vacant(entry) => {
                _ = entry.insert((Keyed { key, fingerprint }, item.result().as_uuid()));
            }
            std::collections::btree_map::Entry::Occupied(_) => _ = later.insert(place),
        }
    }
    let requests: Vec<(Keyed<'_>, Uuid)> = first.into_values().collect();
    if requests.is_empty() {
        return Ok(items.iter().map(|_| None).collect());
    }
    let claimed = idempotency_keys::claim_all(connection, tenant, &requests).await?;
    let is_taken = |place: usize, key: &IdempotencyKey| {
        later.contains(&place) || !claimed.contains(key.as_str())
    };
    let keys = items.iter().enumerate().filter_map(|(place, item)| {
        let (key, _) = item.key()?;
        is_taken(place, key).then_some(key)
    });
    let taken: Vec<&IdempotencyKey> = keys.collect();
    let found = idempotency_keys::find_all(connection, tenant, &taken).await?;
    let answer = |(place, item): (usize, &Arc<ToSend>)| {
        let (key, fingerprint) = item.key()?;
        if !is_taken(place, key) {
            return None;
        }
        Some(match found.get(key.as_str()) {
            Some(found) if found.fingerprint == *fingerprint => {
                let result = found.result_id.map(ShipmentId::from).or(item.shipment());
                let result = result.ok_or_else(|| OrderError::KeyReused.into());
                result.map(Once::Before)
            }
            Some(_) => Err(OrderError::KeyReused.into()),
            None => Err(OrderError::Contended.into()),
        })
    };
    Ok(items.iter().enumerate().map(answer).collect())
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

/// A request that changed its shipment.
struct Done<'a> {
    place: usize,
    id: ShipmentId,
    becomes: ShipmentStatus,
    actor: &'a str,
}

fn done_of<'a>(items: &'a [Arc<ToSend>], answers: &[Sent]) -> Vec<Done<'a>> {
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

/// Writes what happened to the timelines of the orders: each shipment, then what follows from all of them.
async fn write_events(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    found: &HashMap<OrderId, Fulfilment>,
    done: &[Done<'_>],
) -> Result<(), ShippingError> {
    let shipments = found.values().flat_map(|it| &it.shipments);
    let shipments: HashMap<ShipmentId, &Shipment> = shipments.map(|it| (it.id, it)).collect();
    let mut told: Vec<(OrderId, Told, &str)> = Vec::new();
    // The last request that changed each order.
    let mut changed: BTreeMap<OrderId, OrderChange<'_>> = BTreeMap::new();
    for done in done {
        let Some(shipment) = shipments.get(&done.id) else {
            continue;
        };
        // A later request of the batch may have changed it again.
        let shipment = Shipment {
            status: done.becomes,
            ..(*shipment).clone()
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
        let Some(after) = found.get(order_id) else {
            continue;
        };
        let happened = change.happened(after);
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
    fn happened<'f>(&self, after: &'f Fulfilment) -> Vec<Happening<'f>> {
        let closed = after.fulfilment_orders.iter();
        let closed = closed.filter(|it| !it.is_open() && self.left.contains(&it.id));
        let mut happened: Vec<Happening<'f>> = closed
            .map(|it| Happening::FulfilmentOrder(it, Turn::Closed))
            .collect();
        let status = after.status();
        let is_fulfilled = matches!(
            status,
            FulfilmentStatus::Fulfilled | FulfilmentStatus::Delivered
        );
        if is_fulfilled && !self.left.is_empty() {
            happened.push(Happening::Fulfilled);
        }
        if status == FulfilmentStatus::Delivered {
            happened.push(Happening::Delivered);
        }
        happened
    }
}

/// The answers with their shipments, as this transaction sees them.
async fn with_shipments(
    connection: &mut Connection,
    tenant: TenantId,
    found: HashMap<OrderId, Fulfilment>,
    answers: Vec<Sent>,
) -> Result<Vec<Shipped>, ShippingError> {
    let shipments = found.into_values().flat_map(|it| it.shipments);
    let mut shipments: HashMap<ShipmentId, Shipment> = shipments.map(|it| (it.id, it)).collect();
    let ids = answers.iter().filter_map(|it| it.as_ref().ok());
    let ids = ids.map(|id| id.clone().into_inner());
    let missing: Vec<ShipmentId> = ids.filter(|id| !shipments.contains_key(id)).collect();
    if !missing.is_empty() {
        let found = find_shipments(connection, tenant, &missing).await?;
        shipments.extend(found.into_iter().map(|it| (it.id, it)));
    }
    let shipment = |id: Once<ShipmentId>| {
        let shipment = shipments.get(&id.clone().into_inner()).cloned();
        // A request with the same key in the same batch was refused.
        let shipment = shipment.ok_or(OrderError::Contended)?;
        Ok(id.map(|_| shipment))
    };
    Ok(answers
        .into_iter()
        .map(|it| it.and_then(shipment))
        .collect())
}

impl ToSend {
    fn key(&self) -> Option<&(IdempotencyKey, Fingerprint)> {
        match &self.sending {
            Sending::Create { key, .. } => Some(key),
            Sending::Send { key, .. } | Sending::Deliver { key, .. } => key.as_ref(),
        }
    }

    /// The shipment that the request creates, sends or delivers.
    fn result(&self) -> ShipmentId {
        match &self.sending {
            Sending::Create { draft, .. } => draft.id,
            Sending::Send { shipment_id, .. } | Sending::Deliver { shipment_id, .. } => {
                *shipment_id
            }
        }
    }

    /// The existing shipment that the request is about.
    fn shipment(&self) -> Option<ShipmentId> {
        match self.created() {
            Some(_) => None,
            None => Some(self.result()),
        }
    }

    /// The fulfilment order of which the request creates a shipment.
    fn created(&self) -> Option<FulfilmentOrderId> {
        match &self.sending {
            Sending::Create { draft, .. } => Some(draft.fulfilment_order_id),
            Sending::Send { .. } | Sending::Deliver { .. } => None,
        }
    }

    /// The status that the request gives the shipment.
    fn becomes(&self) -> ShipmentStatus {
        match &self.sending {
            Sending::Create { draft, .. } => draft.status,
            Sending::Send { .. } => ShipmentStatus::Shipped,
            Sending::Deliver { .. } => ShipmentStatus::Delivered,
        }
    }
}

//! Shipments of one tenant that come at the same time share a transaction: a packing station's burst is for few
//! products, and would else queue for the same stock rows one by one.
//!
//! Each request is answered for itself: a refused one changes nothing and spoils no other. If the transaction fails,
//! each is tried alone.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::convert::Infallible;
use std::sync::Arc;

use oms_batching::{Answer, Batch, Turn, Work};
use oms_database::{Connection, LockWait, transaction_within};
use oms_fulfilment::{
    Departure, Dispatch, FulfilmentError, FulfilmentOrderId, FulfilmentOrderStatus, NewParcel,
    Refusal, Shipment, ShipmentDraft, ShipmentId, find_orders_of, find_shipments,
};
use oms_validation::{
    ExpectedVersion, Fingerprint, IdempotencyKey, Keyed, Once, OrderId, TenantId,
};

use crate::context::OrderContext;
use crate::context::batches::Shipping;
use crate::error::{OrderError, ShippingError};
use crate::service::fulfilling::facts::{Happened, of_fulfilment_order, of_shipment};
use crate::service::fulfilling::lock_order::{refuse_busy, tell};
use crate::service::fulfilling::move_stock::ship_units;
use crate::store::orders::Shippable;
use crate::store::{idempotency_keys, orders};

/// What a request packs or sends.
#[derive(Debug)]
pub(crate) enum Sending {
    /// A new shipment.
    Create {
        /// The shipment, without its destination.
        draft: ShipmentDraft,
        /// The request's key, and its fingerprint.
        key: (IdempotencyKey, Fingerprint),
    },
    /// A packed shipment.
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
}

/// A request, and who makes it.
#[derive(Debug)]
pub(crate) struct ToSend {
    pub(crate) sending: Sending,
    pub(crate) actor: String,
}

type Sent = Result<Once<ShipmentId>, ShippingError>;

/// Packs or sends together with other requests of the tenant.
pub(crate) async fn submit(
    context: &Arc<OrderContext>,
    tenant: TenantId,
    item: ToSend,
) -> Result<Once<Shipment>, ShippingError> {
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
    type Output = Result<Once<Shipment>, ShippingError>;
    type Error = OrderError;
    type Blocker = Infallible;

    async fn run(
        &self,
        tenant: TenantId,
        batch: Batch<Self>,
    ) -> Result<Vec<Answer<Self::Output, Infallible>>, OrderError> {
        let wait = match batch.turn {
            Turn::Together | Turn::Alone => LockWait::Brief,
            Turn::Patient => LockWait::Session,
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
) -> Result<Vec<Result<Once<Shipment>, ShippingError>>, ShippingError> {
    let mut connection = context.database.acquire().await?;
    let sent = transaction_within(&mut connection, wait, async |connection| {
        let sent = send_all(context, connection, tenant, items).await?;
        oms_failpoints::reached("orders.shipping");
        Ok::<_, ShippingError>(sent)
    });
    let sent = sent.await?;
    oms_failpoints::reached("orders.shipped");
    let ids = sent.iter().filter_map(|it| it.as_ref().ok());
    let ids: Vec<ShipmentId> = ids.map(|id| id.clone().into_inner()).collect();
    let found = find_shipments(&mut connection, tenant, &ids).await;
    // The commit succeeded, so no answer may claim that nothing was saved.
    let found = found.map_err(|error| OrderError::from(error).after_commit())?;
    let found: HashMap<ShipmentId, Shipment> = found.into_iter().map(|it| (it.id, it)).collect();
    let shipment = |id: Once<ShipmentId>| {
        let shipment = found.get(&id.clone().into_inner()).cloned();
        // A request with the same key in the same batch was refused.
        let shipment = shipment.ok_or(OrderError::Contended)?;
        Ok(id.map(|_| shipment))
    };
    Ok(sent.into_iter().map(|it| it.and_then(shipment)).collect())
}

/// Packs and sends what can be, and returns an answer for each request.
async fn send_all(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
    items: &[Arc<ToSend>],
) -> Result<Vec<Sent>, ShippingError> {
    let now = context.now();
    let mut answers = claim_keys(connection, tenant, items).await?;
    let of = find_subjects(connection, tenant, items).await?;
    let locked = lock_orders(connection, tenant, &of).await?;
    let ids: Vec<FulfilmentOrderId> = of
        .values()
        .map(|subject| subject.fulfilment_order)
        .collect();
    let shipments: Vec<ShipmentId> = items.iter().filter_map(|it| it.shipment()).collect();
    let mut dispatch = Dispatch::lock(connection, tenant, now, &ids, &shipments).await?;
    for (place, item) in items.iter().enumerate() {
        if answers[place].is_some() {
            continue;
        }
        let sent = plan(
            connection,
            tenant,
            &mut dispatch,
            (place, item),
            (&of, &locked),
        )
        .await;
        if let Err(ShippingError::Order(error @ OrderError::Database(_))) = sent {
            return Err(error.into());
        }
        if let (Err(_), Some((key, _))) = (&sent, item.key()) {
            idempotency_keys::release(connection, tenant, key).await?;
        }
        answers[place] = Some(sent);
    }
    let answers: Vec<Sent> = answers
        .into_iter()
        .map(|it| it.unwrap_or(Err(OrderError::Contended.into())))
        .collect();
    ship_units(connection, tenant, &actors_of(&dispatch, items, &answers)).await?;
    dispatch.write(connection, tenant, now).await?;
    write_events(context, connection, tenant, &dispatch, (items, &answers)).await?;
    Ok(answers)
}

/// Claims the keys of requests, in key order. Requests that an earlier one answers get their answer.
async fn claim_keys(
    connection: &mut Connection,
    tenant: TenantId,
    items: &[Arc<ToSend>],
) -> Result<Vec<Option<Sent>>, ShippingError> {
    let mut answers: Vec<Option<Sent>> = items.iter().map(|_| None).collect();
    let mut keyed = Vec::new();
    for (place, item) in items.iter().enumerate() {
        if let Some((key, fingerprint)) = item.key() {
            let fingerprint = *fingerprint;
            keyed.push((Keyed { key, fingerprint }, item.result(), place));
        }
    }
    keyed.sort_by_key(|(request, _, place)| (request.key.as_str(), *place));
    for (request, id, place) in keyed {
        let result_id = Some(id.as_uuid());
        if idempotency_keys::claim(connection, tenant, &request, result_id).await? {
            continue;
        }
        let found = idempotency_keys::find(connection, tenant, request.key).await?;
        answers[place] = Some(match found {
            Some(found) if found.fingerprint == request.fingerprint => {
                let result_id = found.result_id.ok_or(OrderError::KeyReused);
                result_id
                    .map(|id| Once::Before(id.into()))
                    .map_err(ShippingError::from)
            }
            Some(_) => Err(OrderError::KeyReused.into()),
            None => Err(OrderError::Contended.into()),
        });
    }
    Ok(answers)
}

/// What a request is about.
#[derive(Clone, Copy, Debug)]
struct Subject {
    order_id: OrderId,
    fulfilment_order: FulfilmentOrderId,
}

/// The subject of each request that has one, by its place.
async fn find_subjects(
    connection: &mut Connection,
    tenant: TenantId,
    items: &[Arc<ToSend>],
) -> Result<BTreeMap<usize, Subject>, ShippingError> {
    let created = items.iter().filter_map(|it| match &it.sending {
        Sending::Create { draft, .. } => Some(draft.fulfilment_order_id),
        Sending::Send { .. } => None,
    });
    let created: Vec<FulfilmentOrderId> = created.collect();
    let orders = find_orders_of(connection, tenant, &created).await?;
    let sent: Vec<ShipmentId> = items.iter().filter_map(|it| it.shipment()).collect();
    let shipments = match sent.is_empty() {
        true => Vec::new(),
        false => find_shipments(connection, tenant, &sent).await?,
    };
    let subject = |item: &ToSend| match &item.sending {
        Sending::Create { draft, .. } => {
            let id = draft.fulfilment_order_id;
            orders.get(&id).map(|order_id| Subject {
                order_id: *order_id,
                fulfilment_order: id,
            })
        }
        Sending::Send { shipment_id, .. } => {
            let shipment = shipments.iter().find(|it| it.id == *shipment_id);
            shipment.map(|shipment| Subject {
                order_id: shipment.order_id,
                fulfilment_order: shipment.fulfilment_order_id,
            })
        }
    };
    let found = items.iter().enumerate();
    Ok(found
        .filter_map(|(place, item)| Some((place, subject(item)?)))
        .collect())
}

async fn lock_orders(
    connection: &mut Connection,
    tenant: TenantId,
    of: &BTreeMap<usize, Subject>,
) -> Result<HashMap<OrderId, Shippable>, ShippingError> {
    let ids: BTreeSet<OrderId> = of.values().map(|subject| subject.order_id).collect();
    let ids: Vec<OrderId> = ids.into_iter().collect();
    Ok(orders::lock_shippable(connection, tenant, &ids).await?)
}

/// Decides about one request, after those before it.
async fn plan(
    connection: &mut Connection,
    tenant: TenantId,
    dispatch: &mut Dispatch,
    (place, item): (usize, &ToSend),
    (of, locked): (&BTreeMap<usize, Subject>, &HashMap<OrderId, Shippable>),
) -> Sent {
    let subject = of.get(&place).ok_or(match item.sending {
        Sending::Create { .. } => FulfilmentError::NotFound,
        Sending::Send { .. } => FulfilmentError::ShipmentNotFound,
    })?;
    let order = locked.get(&subject.order_id).ok_or(OrderError::NotFound)?;
    refuse_busy(connection, tenant, subject.order_id, order.status).await?;
    match &item.sending {
        // An earlier version of the program ends orders without closing their fulfilment orders.
        Sending::Create { .. } if !order.status.holds_stock() => {
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
            let id = *shipment_id;
            Ok(match dispatch.send(id, expected, parcels.clone())? {
                true => Once::Now(id),
                false => Once::Before(id),
            })
        }
    }
}

/// The units that leave, each with the actor of its shipment.
fn actors_of(
    dispatch: &Dispatch,
    items: &[Arc<ToSend>],
    answers: &[Sent],
) -> Vec<(Departure, String)> {
    let actor = |departure: &Departure| {
        let mut done = items.iter().zip(answers);
        let done = done
            .find(|(_, sent)| matches!(sent, Ok(Once::Now(id)) if *id == departure.shipment_id));
        done.map(|(item, _)| item.actor.clone()).unwrap_or_default()
    };
    let departures = dispatch.departures().iter();
    departures.map(|it| (it.clone(), actor(it))).collect()
}

async fn write_events(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
    dispatch: &Dispatch,
    (items, answers): (&[Arc<ToSend>], &[Sent]),
) -> Result<(), ShippingError> {
    let now = context.now();
    let done: Vec<(ShipmentId, &str)> = items
        .iter()
        .zip(answers)
        .filter_map(|(item, sent)| match sent {
            Ok(Once::Now(id)) => Some((*id, item.actor.as_str())),
            Ok(Once::Before(_)) | Err(_) => None,
        })
        .collect();
    let ids: Vec<ShipmentId> = done.iter().map(|(id, _)| *id).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let shipments = find_shipments(connection, tenant, &ids).await?;
    let mut closed = BTreeSet::new();
    for (id, actor) in done {
        let Some(shipment) = shipments.iter().find(|it| it.id == id) else {
            continue;
        };
        let (order_id, told) = (shipment.order_id, of_shipment(shipment));
        tell(connection, tenant, now, order_id, &told, actor).await?;
        let order = dispatch.fulfilment_order(shipment.fulfilment_order_id);
        if let Some(order) = order.filter(|it| !it.is_open() && closed.insert(it.id)) {
            let told = of_fulfilment_order(order, Happened::Closed);
            tell(connection, tenant, now, order_id, &told, actor).await?;
        }
    }
    Ok(())
}

impl ToSend {
    fn key(&self) -> Option<&(IdempotencyKey, Fingerprint)> {
        match &self.sending {
            Sending::Create { key, .. } => Some(key),
            Sending::Send { key, .. } => key.as_ref(),
        }
    }

    /// The shipment that the request creates or sends.
    fn result(&self) -> ShipmentId {
        match &self.sending {
            Sending::Create { draft, .. } => draft.id,
            Sending::Send { shipment_id, .. } => *shipment_id,
        }
    }

    fn shipment(&self) -> Option<ShipmentId> {
        match &self.sending {
            Sending::Create { .. } => None,
            Sending::Send { shipment_id, .. } => Some(*shipment_id),
        }
    }
}

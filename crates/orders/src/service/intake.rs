//! Phase 1: claim the key, choose the warehouse, hold the stock, and record what is needed to go on, in one commit.

use chrono::{DateTime, Utc};
use oms_database::{Connection, DbError, transaction};
use oms_inventory::{
    Demand, PriceQuote, ReservationRequest, ReserveOutcome, RoutingTrace, WarehouseId,
    quote_prices, reserve, route,
};
use oms_payments::{Attempt, AttemptId, NewAttempt, PaymentError, record_attempts};
use oms_validation::{IdempotencyKey, Location, Money, OrderId, TenantId};

use crate::context::OrderContext;
use crate::domain::actor::API;
use crate::domain::fingerprint::Fingerprint;
use crate::domain::line::{MAX_TOTAL_MINOR, OrderLine, total};
use crate::domain::order::{NewOrder, Order, OrderRequest};
use crate::domain::status::OrderStatus;
use crate::error::OrderError;
use crate::service::get_order::{OrderDetails, get_order};
use crate::store::events::{self, Event};
use crate::store::{lines, orders, reconciliations};

/// Most times that an order is routed because the stock went before it could be held.
const MAX_ROUTINGS: usize = 5;

/// What became of phase 1.
pub(crate) enum Intake {
    /// The order is placed and its stock held.
    Placed { order: Box<Order>, attempt: Attempt },
    /// The key stands for another order.
    KeyTaken,
}

/// Why a transaction of phase 1 was rolled back.
enum Abort {
    /// The key is somebody else's.
    KeyTaken,
    /// The stock went since it was routed.
    Stale,
    Database(DbError),
}

impl From<DbError> for Abort {
    fn from(error: DbError) -> Self {
        Self::Database(error)
    }
}

/// Runs phase 1.
pub(crate) async fn intake(
    context: &OrderContext,
    tenant: TenantId,
    key: &IdempotencyKey,
    request: &OrderRequest,
    fingerprint: Fingerprint,
    destination: Location,
) -> Result<Intake, OrderError> {
    let mut admission = context.admit().await?;
    let connection = &mut admission.connection;
    let (lines, total) = price(context, connection, tenant, request).await?;
    let demand = demand(&lines);
    let draft = Draft {
        tenant,
        key,
        request,
        fingerprint,
        lines,
        total,
    };
    for _ in 0..MAX_ROUTINGS {
        let route = route(connection, tenant, destination, &demand).await?;
        let Some(chosen) = route.chosen else {
            // Perhaps it was this very order, placed by a twin of this request, that took the last of the stock.
            return match orders::find_by_key(connection, tenant, key).await? {
                Some(_) => Ok(Intake::KeyTaken),
                None => Err(OrderError::NoSingleWarehouse),
            };
        };
        let order = draft.order(chosen.id, route.trace);
        let attempt = draft.attempt(&order, context.gateway.name());
        let placed = transaction(connection, async |connection| {
            place(context, connection, &draft, &order, &demand, &attempt).await
        });
        match placed.await {
            Ok((created_at, attempt)) => {
                let order = Box::new(order.placed(created_at));
                return Ok(Intake::Placed { order, attempt });
            }
            Err(Abort::KeyTaken) => return Ok(Intake::KeyTaken),
            // A deadlock of ours would be a defect, one with somebody's hand-written statement need not be.
            Err(Abort::Stale | Abort::Database(DbError::Deadlock)) => {}
            Err(Abort::Database(DbError::CommitOutcomeUnknown(cause))) => {
                tracing::warn!(order_id = %order.id, cause, "the answer to COMMIT was lost");
                drop(admission);
                return read_back(context, tenant, order.id).await;
            }
            Err(Abort::Database(error)) => return Err(error.into()),
        }
    }
    Err(OrderError::Contended)
}

/// What all routings of one request share.
struct Draft<'a> {
    tenant: TenantId,
    key: &'a IdempotencyKey,
    request: &'a OrderRequest,
    fingerprint: Fingerprint,
    lines: Vec<OrderLine>,
    total: Money,
}

impl Draft<'_> {
    fn order(&self, warehouse_id: WarehouseId, routing: RoutingTrace) -> NewOrder {
        NewOrder {
            id: OrderId::generate(),
            fingerprint: self.fingerprint,
            customer_id: self.request.customer_id,
            warehouse_id,
            total: self.total,
            shipping_address: self.request.shipping_address.clone(),
            routing,
            lines: self.lines.clone(),
        }
    }

    fn attempt(&self, order: &NewOrder, gateway: &str) -> NewAttempt {
        NewAttempt {
            id: AttemptId::generate(),
            order_id: order.id,
            number: 1,
            amount: order.total,
            gateway: gateway.to_owned(),
        }
    }
}

/// The lines with the prices of this moment, and their total.
async fn price(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
    request: &OrderRequest,
) -> Result<(Vec<OrderLine>, Money), OrderError> {
    let currency = context.settings.currency;
    let products: Vec<_> = request.lines.iter().map(|line| line.product_id).collect();
    let quotes = quote_prices(connection, tenant, currency, &products).await?;
    let (mut lines, mut unknown, mut not_sold) = (Vec::new(), Vec::new(), Vec::new());
    for (index, (line, quote)) in request.lines.iter().zip(quotes).enumerate() {
        match quote {
            PriceQuote::UnitPrice(unit_price) => lines.push(OrderLine {
                product_id: line.product_id,
                quantity: line.quantity,
                unit_price,
            }),
            PriceQuote::NotSoldIn(_) => not_sold.push(index),
            PriceQuote::UnknownProduct => unknown.push(index),
        }
    }
    if !unknown.is_empty() {
        return Err(OrderError::UnknownProducts(unknown));
    }
    if !not_sold.is_empty() {
        return Err(OrderError::ProductsNotSold(not_sold));
    }
    match total(currency, &lines) {
        Ok(total) if total.amount_minor <= MAX_TOTAL_MINOR => Ok((lines, total)),
        Ok(_) | Err(_) => Err(OrderError::TotalTooLarge),
    }
}

fn demand(lines: &[OrderLine]) -> Demand {
    Demand::from_lines(lines.iter().map(|line| (line.product_id, line.quantity)))
        .expect("a request has lines, and their quantities were checked when it was read")
}

/// The one transaction. The key is claimed before any stock is locked, in this order everywhere, so that two requests
/// can't wait for each other.
async fn place(
    context: &OrderContext,
    connection: &mut Connection,
    draft: &Draft<'_>,
    order: &NewOrder,
    demand: &Demand,
    attempt: &NewAttempt,
) -> Result<(DateTime<Utc>, Attempt), Abort> {
    let (tenant, now) = (draft.tenant, context.now());
    let Some(created_at) = orders::insert(connection, tenant, now, draft.key, order).await? else {
        return Err(Abort::KeyTaken);
    };
    let wanted = ReservationRequest {
        order_id: order.id,
        warehouse_id: order.warehouse_id,
        demand,
    };
    let outcomes = reserve(connection, tenant, &[wanted]).await?;
    if outcomes != [ReserveOutcome::Reserved] {
        return Err(Abort::Stale);
    }
    lines::insert(connection, tenant, order.id, &order.lines).await?;
    let event = Event {
        sequence: 1,
        from: None,
        to: OrderStatus::PendingPayment,
        actor: API,
        reason: "the order was placed and its stock is held",
    };
    events::insert(connection, tenant, now, order.id, &event).await?;
    let delay = context.settings.sweep_after;
    reconciliations::insert(connection, tenant, now, order.id, delay).await?;
    let recorded = record_attempts(connection, tenant, std::slice::from_ref(attempt)).await;
    let mut recorded = recorded.map_err(database_error)?;
    oms_failpoints::reached("orders.reserved");
    Ok((
        created_at,
        recorded.pop().expect("one attempt in, one attempt out"),
    ))
}

/// Recording an attempt asks no gateway.
fn database_error(error: PaymentError) -> Abort {
    match error {
        PaymentError::Database(error) => error.into(),
        PaymentError::Gateway(error) => {
            DbError::Unavailable(format!("recording an attempt asked the gateway: {error}")).into()
        }
    }
}

/// After a COMMIT without an answer: goes on if the order is there. If it is not, it may still come.
async fn read_back(
    context: &OrderContext,
    tenant: TenantId,
    order_id: OrderId,
) -> Result<Intake, OrderError> {
    let stored = get_order(context, tenant, order_id).await;
    match stored.map_err(|_| OrderError::OutcomeUnknown)? {
        OrderDetails {
            order,
            payment: Some(attempt),
            ..
        } => Ok(Intake::Placed {
            order: Box::new(order),
            attempt,
        }),
        OrderDetails { payment: None, .. } => Err(OrderError::OutcomeUnknown),
    }
}

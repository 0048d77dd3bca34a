//! Erases a customer: the orders stay in the books, but no longer show whose they were.

use std::time::Duration;

use chrono::{DateTime, Utc};
use oms_database::transaction;
use oms_validation::{IdempotencyKey, Keyed, Once, OperatorName, TenantId};

use crate::context::OrderContext;
use crate::domain::erasure::{Erasure, ErasureProgress, WaitingOrder, new_pseudonym};
use crate::domain::id::CustomerId;
use crate::error::{ErasingError, OrderError};
use crate::service::operating::erase_orders::erase_pages;
use crate::service::transitions::claim_key::claim_key;
use crate::store::erasures::{self, Requested};
use crate::store::order_erasure;

/// Maximum number of pages that a request erases itself. The worker erases the rest.
const PAGES: usize = 5;

/// How long the worker leaves an erasure to its request.
const LEASE: Duration = Duration::from_secs(60);

/// Maximum number of orders named in an answer.
const MOST_NAMED: i64 = 100;

/// An erasure, and the orders that it has not erased yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErasedCustomer {
    /// The erasure.
    pub erasure: Erasure,
    /// The oldest orders that it covers and has not erased, at most 100.
    pub waiting: Vec<WaitingOrder>,
}

/// Erases the customer's orders placed until now, as far as they may be erased. The worker later erases what the
/// request does not finish, and orders that are not settled yet. Runs once for each key; repeating it without a key
/// also covers the orders placed since. A completed request never changes: a new one is stored beside it.
///
/// # Errors
/// `CustomerNotFound` if the tenant has no orders of the customer and never erased any, `KeyReused` if the key belongs
/// to another request; otherwise if the database fails.
pub async fn erase_customer(
    context: &OrderContext,
    tenant: TenantId,
    customer: CustomerId,
    key: Option<&IdempotencyKey>,
    operator: &OperatorName,
    includes_recent: bool,
) -> Result<Once<ErasedCustomer>, ErasingError> {
    let keyed = key.map(|key| Keyed::new(key, "erase customer v1", &(customer, includes_recent)));
    let requested = Requested {
        customer_id: customer,
        pseudonym: new_pseudonym(),
        by: &operator.as_actor(),
        includes_recent,
        lease: LEASE,
    };
    let (now, mut connection) = (context.now(), context.database.acquire().await?);
    let kept = transaction(&mut connection, async |connection| {
        let claimed = claim_key(connection, tenant, keyed.as_ref()).await?;
        let before = erasures::find(connection, tenant, requested).await?;
        let has_orders = order_erasure::has_any(connection, tenant, customer).await?;
        match (claimed, before) {
            (Once::Before(()), Some(erasure)) => Ok(Once::Before(erasure)),
            (_, Some(erasure)) if !has_orders && is_complete(&erasure) => Ok(Once::Now(erasure)),
            (_, None) if !has_orders => Err(ErasingError::CustomerNotFound),
            _ => {
                let erasure = erasures::put(connection, tenant, now, requested).await?;
                Ok(Once::Now(erasure))
            }
        }
    });
    let kept = kept.await?;
    drop(connection);
    let done = match kept {
        Once::Now(erasure) => {
            let erased = erase_pages(context, tenant, erasure, PAGES).await;
            let (erasure, _) = erased.map_err(OrderError::after_commit)?;
            Once::Now(erasure)
        }
        before => before,
    };
    let until = match &done {
        Once::Now(erasure) | Once::Before(erasure) => erasure.covers_until,
    };
    let waiting = waiting(context, tenant, customer, until).await;
    let waiting = waiting.map_err(OrderError::after_commit)?;
    Ok(done.map(|erasure| ErasedCustomer { erasure, waiting }))
}

async fn waiting(
    context: &OrderContext,
    tenant: TenantId,
    customer: CustomerId,
    until: DateTime<Utc>,
) -> Result<Vec<WaitingOrder>, OrderError> {
    let mut connection = context.database.acquire().await?;
    Ok(order_erasure::waiting(&mut connection, tenant, customer, until, MOST_NAMED).await?)
}

fn is_complete(erasure: &Erasure) -> bool {
    matches!(erasure.progress, ErasureProgress::Complete { .. })
}

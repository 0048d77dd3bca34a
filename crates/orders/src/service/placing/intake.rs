//! Phase 1: claims the key, chooses the warehouse, holds the stock, and records what is needed to continue, in one
//! commit that is shared with other waiting orders.

use std::sync::Arc;

use oms_payments::Attempt;
use oms_validation::{Currency, Fingerprint, IdempotencyKey, Location, TenantId};

use crate::context::OrderContext;
use crate::context::batches::Arrivals;
use crate::domain::address::ShippingAddress;
use crate::domain::external_reference::ExternalReference;
use crate::domain::id::CustomerId;
use crate::domain::line::RequestedLine;
use crate::domain::metadata::Metadata;
use crate::domain::order::Order;
use crate::domain::pricing::RequestedPricing;
use crate::error::{LockError, OrderError, PlacingError};

/// A located order that waits to be placed.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    pub(crate) key: IdempotencyKey,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) customer_id: CustomerId,
    pub(crate) shipping_address: ShippingAddress,
    pub(crate) lines: Vec<RequestedLine>,
    pub(crate) currency: Currency,
    /// The version of the tenant's settings that allow the currency.
    pub(crate) settings_version: i32,
    pub(crate) pricing: RequestedPricing,
    pub(crate) destination: Location,
    pub(crate) external_reference: Option<ExternalReference>,
    pub(crate) metadata: Metadata,
    /// Who places it, as events name the actor.
    pub(crate) actor: String,
}

/// The outcome of phase 1.
#[derive(Debug)]
pub(crate) enum Intake {
    /// The order is placed and its stock held. Without an attempt, nothing is to be paid.
    Placed {
        order: Box<Order>,
        attempt: Option<Attempt>,
    },
    /// The key belongs to another order.
    KeyTaken,
    /// The settings of the tenant have changed since the arrival was prepared.
    SettingsChanged,
}

/// The outcome of one order of a batch.
pub(crate) type Outcome = Result<Intake, PlacingError>;

/// Runs phase 1.
pub(crate) async fn intake(
    context: &Arc<OrderContext>,
    tenant: TenantId,
    arrival: Arrival,
) -> Result<Intake, PlacingError> {
    let work = Arrivals(context.clone());
    let arrivals = &context.batches.arrivals;
    let placed = arrivals.submit(tenant, Arc::new(arrival), &work).await;
    match placed
        .map_err(OrderError::from)?
        .map_err(PlacingError::from)
        .flatten()
    {
        // Another transaction locked its stock for longer than it may wait.
        Err(error) if error.is_contended() => Err(OrderError::Contended.into()),
        outcome => outcome,
    }
}

//! Approves, declines, cancels and closes returns.

use chrono::{DateTime, TimeDelta, Utc};
use oms_database::{Connection, boxed};
use oms_fulfilment::{
    Decision, Note, Remainder, Return, ReturnId, decide_return as decide, find_fulfilments,
};
use oms_inventory::check_warehouse;
use oms_validation::{ExpectedVersion, IdempotencyKey, Keyed, Once, TenantId, WarehouseId};
use serde::Serialize;

use crate::context::OrderContext;
use crate::domain::order::Order;
use crate::domain::return_terms::{MAX_AUTHORISATION_DAYS, ReturnTerms};
use crate::error::ReturningError;
use crate::service::reading::get_settings;
use crate::service::returning::credit_return::{credit_return, execute};
use crate::service::returning::facts::{Happened, of_return};
use crate::service::returning::lock_return::{lock_order, refuse_text, return_of};
use crate::service::returning::request_return::last_sender;
use crate::service::reversing::started_refund::StartedRefund;
use crate::service::transitions::claim_key::claim_key;
use crate::service::transitions::happenings::tell;
use crate::service::transitions::patience::Patience;
use crate::store::clock;

/// What is to be decided about a return.
#[derive(Clone, Debug, Serialize)]
pub enum RequestedDecision {
    /// The units may be sent back.
    Approve {
        /// Where to. By default to the warehouse that was named when it was requested, or to the one that sent the units
        /// last.
        warehouse_id: Option<WarehouseId>,
        /// When it is closed if nothing was received. By default as the tenant's settings say.
        expires_at: Option<DateTime<Utc>>,
    },
    /// It is refused.
    Decline(Note),
    /// It is withdrawn.
    Cancel(Option<Note>),
    /// Nothing more is expected.
    Close {
        /// The customer may keep what did not come back, and is credited for it.
        kept: bool,
        /// Why.
        reason: Option<Note>,
    },
}

impl RequestedDecision {
    const fn has_text(&self) -> bool {
        match self {
            Self::Approve { .. } => false,
            Self::Decline(_) => true,
            Self::Cancel(reason) | Self::Close { reason, .. } => reason.is_some(),
        }
    }

    const fn happened(&self) -> Happened {
        match self {
            Self::Approve { .. } => Happened::Approved,
            Self::Decline(_) => Happened::Declined,
            Self::Cancel(_) => Happened::Cancelled,
            Self::Close { .. } => Happened::Closed,
        }
    }
}

/// Decides about a return in the name of `actor`, and returns it. Repeating it changes nothing.
///
/// # Errors
/// `ReturnNotFound`, `WrongStatus`, `Accepted`, `Changed`, `Erased`, `InvalidExpiry`, an unknown warehouse, or the
/// database's error. On error, nothing is changed.
#[boxed]
pub async fn decide_return(
    context: &OrderContext,
    tenant: TenantId,
    id: ReturnId,
    expected: &ExpectedVersion,
    requested: &RequestedDecision,
    key: Option<&IdempotencyKey>,
    actor: &str,
) -> Result<Return, ReturningError> {
    let request = (id, requested);
    let keyed = key.map(|key| Keyed::new(key, "decide return v1", &request));
    let mut patience = Patience::new(context, tenant, id.as_uuid());
    let done = loop {
        let tried = patience.attempt(async |connection| {
            if claim_key(connection, tenant, keyed.as_ref()).await? == Once::Before(()) {
                return Ok::<_, ReturningError>((return_of(connection, tenant, id).await?, None));
            }
            let request = (id, expected, requested);
            let started = change(context, connection, tenant, request, actor).await?;
            oms_failpoints::reached("orders.return_deciding");
            Ok((return_of(connection, tenant, id).await?, started))
        });
        if let Some(done) = tried.await {
            break done;
        }
    };
    let (it, started) = done?;
    execute(context, tenant, started.as_ref(), actor).await;
    Ok(it)
}

async fn change(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
    (id, expected, requested): (ReturnId, &ExpectedVersion, &RequestedDecision),
    actor: &str,
) -> Result<Option<StartedRefund>, ReturningError> {
    let now = context.now();
    let order_id = return_of(connection, tenant, id).await?.order_id;
    let order = lock_order(connection, tenant, order_id).await?;
    refuse_text(&order, requested.has_text())?;
    let decision = match requested {
        RequestedDecision::Approve {
            warehouse_id,
            expires_at,
        } => {
            let wanted = (*warehouse_id, *expires_at);
            approval(context, connection, tenant, &order, id, wanted).await?
        }
        RequestedDecision::Decline(reason) => Decision::Decline(reason.clone()),
        RequestedDecision::Cancel(reason) => Decision::Cancel(reason.clone()),
        RequestedDecision::Close { kept, reason } => {
            let remainder = match kept {
                true => Remainder::Kept,
                false => Remainder::Missing,
            };
            Decision::Close(remainder, reason.clone())
        }
    };
    let (is_new, it) = decide(connection, tenant, now, id, expected, &decision).await?;
    if !is_new {
        return Ok(None);
    }
    let told = of_return(&it, requested.happened());
    tell(connection, tenant, now, order_id, &told, actor).await?;
    match it.counts() {
        true => credit_return(context, connection, tenant, order_id, actor).await,
        false => Ok(None),
    }
}

async fn approval(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
    order: &Order,
    id: ReturnId,
    (warehouse_id, expires_at): (Option<WarehouseId>, Option<DateTime<Utc>>),
) -> Result<Decision, ReturningError> {
    let now = context.now();
    if let Some(warehouse_id) = warehouse_id {
        let checked = check_warehouse(connection, tenant, warehouse_id).await;
        checked.map_err(oms_inventory::ReturnError::Refused)?;
    }
    let mut found = find_fulfilments(connection, tenant, now, &[order.id]).await?;
    let known = found.remove(&order.id).unwrap_or_default();
    let it = return_of(connection, tenant, id).await?;
    let lines: Vec<i32> = it.lines.iter().map(|line| line.number).collect();
    let warehouse_id = warehouse_id.or(it.warehouse_id);
    let warehouse_id = warehouse_id.or_else(|| last_sender(&known, &lines));
    let present = clock::read(connection, now).await?;
    let latest = present + TimeDelta::days(MAX_AUTHORISATION_DAYS.into());
    if expires_at.is_some_and(|at| at <= present || at > latest) {
        return Err(ReturningError::InvalidExpiry);
    }
    let settings = get_settings::find(context, connection, tenant).await?;
    let days = settings.settings.returns().authorisation_days;
    Ok(Decision::Approve {
        // The order's first warehouse, if what was sent is not known any more.
        warehouse_id: warehouse_id.unwrap_or(order.warehouse_id),
        expires_at: expires_at.unwrap_or(present + TimeDelta::days(days.into())),
        acceptance: ReturnTerms::stored(&it.terms).acceptance(),
    })
}

//! Requests a return, once for each idempotency key.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use oms_database::Connection;
use oms_fulfilment::{
    Fulfilment, Note, RequestedBy, Return, ReturnDraft, ReturnId, ReturnReason, ReturnStatus,
    ShipmentStatus, find_fulfilments, request_return as request,
};
use oms_inventory::check_warehouse;
use oms_validation::{IdempotencyKey, Keyed, Once, OrderId, TenantId, WarehouseId};
use serde::Serialize;

use crate::context::OrderContext;
use crate::domain::return_terms::ReturnSettings;
use crate::domain::return_window::{open_units, window_ends};
use crate::error::ReturningError;
use crate::service::reading::get_settings;
use crate::service::returning::credit_return::{credit_return, execute};
use crate::service::returning::facts::{Happened, of_return};
use crate::service::returning::lock_return::{lock_order, refuse_text, return_of};
use crate::service::reversing::started_refund::StartedRefund;
use crate::service::transitions::claim_key::claim_or_find;
use crate::service::transitions::happenings::tell;
use crate::service::transitions::patience::Patience;
use crate::store::clock;

/// A return that a customer or an operator requests.
#[derive(Clone, Debug, Serialize)]
pub struct RequestedReturn {
    /// Who requests it.
    pub requested_by: RequestedBy,
    /// Units and reasons, by the lines' numbers.
    pub lines: BTreeMap<i32, (i32, ReturnReason)>,
    /// Where the units are to be sent.
    pub warehouse_id: Option<WarehouseId>,
    /// What the customer says.
    pub note: Option<Note>,
    /// Why an operator accepts it after its window.
    pub override_reason: Option<Note>,
}

/// Requests a return in the name of `actor`, and returns it. If the tenant's settings say so, it is approved
/// immediately.
///
/// # Errors
/// `NothingShipped`, `UnknownLine`, `MoreThanReturnable`, `TooManyReturns`, `WindowClosed`, `Erased`, an unknown
/// warehouse, or the database's error. On error, nothing is changed.
pub async fn request_return(
    context: &OrderContext,
    tenant: TenantId,
    order_id: OrderId,
    key: &IdempotencyKey,
    requested: &RequestedReturn,
    actor: &str,
) -> Result<Once<Return>, ReturningError> {
    let keyed = Keyed::new(key, "request return v1", &(order_id, requested));
    let mut patience = Patience::new(context, tenant, order_id.as_uuid());
    let done = loop {
        let tried = patience.attempt(async |connection| {
            let id = ReturnId::generate();
            let claimed = claim_or_find(connection, tenant, &keyed, id.as_uuid()).await?;
            if let Once::Before(before) = claimed {
                let it = return_of(connection, tenant, before.into()).await?;
                return Ok::<_, ReturningError>((Once::Before(it), None));
            }
            let of = (order_id, id);
            let started = begin(context, connection, tenant, of, requested, actor).await?;
            oms_failpoints::reached("orders.return_requesting");
            Ok((Once::Now(return_of(connection, tenant, id).await?), started))
        });
        if let Some(done) = tried.await {
            break done;
        }
    };
    let (it, started) = done?;
    execute(context, tenant, started.as_ref(), actor).await;
    Ok(it)
}

async fn begin(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
    (order_id, id): (OrderId, ReturnId),
    requested: &RequestedReturn,
    actor: &str,
) -> Result<Option<StartedRefund>, ReturningError> {
    let now = context.now();
    let order = lock_order(connection, tenant, order_id).await?;
    let has_text = requested.note.is_some() || requested.override_reason.is_some();
    refuse_text(&order, has_text)?;
    let mut found = find_fulfilments(connection, tenant, now, &[order_id]).await?;
    let known = found.remove(&order_id).unwrap_or_default();
    let settings = get_settings::find(context, connection, tenant).await?;
    let settings = settings.settings.returns();
    if let Some(warehouse_id) = requested.warehouse_id {
        let checked = check_warehouse(connection, tenant, warehouse_id).await;
        checked.map_err(oms_inventory::ReturnError::Refused)?;
    }
    let present = clock::read(connection, now).await?;
    let until = present + TimeDelta::days(settings.authorisation_days.into());
    let default = || sender_of(&known, requested);
    let draft = ReturnDraft {
        id,
        order_id,
        requested_by: requested.requested_by,
        lines: requested.lines.clone(),
        warehouse_id: match settings.auto_approve {
            true => requested.warehouse_id.or_else(default),
            false => requested.warehouse_id,
        },
        note: requested.note.clone(),
        override_reason: requested.override_reason.clone(),
        terms: settings.terms.to_value(),
        approved_until: settings.auto_approve.then_some(until),
    };
    let acceptance = settings.terms.acceptance();
    let it = request(connection, tenant, now, draft, acceptance, &known).await?;
    // After that, so that a request for units that were never sent is not called late.
    if requested.override_reason.is_none() {
        refuse_late(&known, requested, settings, present)?;
    }
    let told = of_return(&it, Happened::Requested);
    tell(connection, tenant, now, order_id, &told, actor).await?;
    if it.status != ReturnStatus::Approved {
        return Ok(None);
    }
    let told = of_return(&it, Happened::Approved);
    tell(connection, tenant, now, order_id, &told, actor).await?;
    credit_return(context, connection, tenant, order_id, actor).await
}

/// Refuses units whose windows are over. The latest units count as returned first.
fn refuse_late(
    known: &Fulfilment,
    requested: &RequestedReturn,
    settings: &ReturnSettings,
    present: chrono::DateTime<chrono::Utc>,
) -> Result<(), ReturningError> {
    let returnable = known.returnable();
    for (line, (quantity, _)) in &requested.lines {
        let ends = window_ends(&known.shipments, *line, settings);
        let sent: i32 = ends.iter().map(|(_, units)| units).sum();
        let occupied = sent - returnable.get(line).copied().unwrap_or_default();
        let (open, _) = open_units(&ends, occupied, present);
        if *quantity > open {
            return Err(ReturningError::WindowClosed { line: *line, open });
        }
    }
    Ok(())
}

/// The warehouse that sent units of these lines last.
pub(super) fn sender_of(known: &Fulfilment, requested: &RequestedReturn) -> Option<WarehouseId> {
    let lines: Vec<i32> = requested.lines.keys().copied().collect();
    last_sender(known, &lines)
}

/// The warehouse that sent units of these lines last.
pub(super) fn last_sender(known: &Fulfilment, lines: &[i32]) -> Option<WarehouseId> {
    let mut shipments = known.shipments.iter().rev();
    let has_sent = |shipment: &&oms_fulfilment::Shipment| {
        let has_left = matches!(
            shipment.status,
            ShipmentStatus::Shipped | ShipmentStatus::Delivered
        );
        has_left && shipment.lines.iter().any(|it| lines.contains(&it.number))
    };
    shipments.find(has_sent).map(|it| it.warehouse_id)
}

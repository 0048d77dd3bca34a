//! Requests a return.

use oms_database::Connection;
use oms_validation::TenantId;

use crate::domain::fulfilment_status::Fulfilment;
use crate::domain::limits::MAX_RETURNS;
use crate::domain::returns::line::ReturnLine;
use crate::domain::returns::refusal::ReturnRefusal;
use crate::domain::returns::words::ReturnStatus;
use crate::domain::returns::{Acceptance, Return, ReturnDraft};
use crate::error::FulfilmentError;
use crate::store::{Now, clock, returns};

/// Requests a return of units that were sent and are in no other return, and returns it. It is approved immediately if
/// the draft says until when. `known` is what the locked order has.
///
/// # Errors
/// `NothingShipped`, `UnknownLine`, `MoreThanReturnable`, `TooManyReturns`, or the database's error.
pub async fn request_return(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    draft: ReturnDraft,
    acceptance: Acceptance,
    known: &Fulfilment,
) -> Result<Return, FulfilmentError> {
    let at = clock::read(now).run(connection).await?;
    let lines = lines_of(&draft, known)?;
    if known.returns.len() >= MAX_RETURNS {
        return Err(ReturnRefusal::TooManyReturns.into());
    }
    let last = known.returns.iter().map(|it| it.number).max();
    let mut new = Return {
        id: draft.id,
        order_id: draft.order_id,
        number: last.unwrap_or_default() + 1,
        status: ReturnStatus::Requested,
        version: 1,
        warehouse_id: draft.warehouse_id,
        requested_by: draft.requested_by,
        note: draft.note,
        override_reason: draft.override_reason,
        decision_reason: None,
        terms: draft.terms,
        requested_at: at,
        updated_at: at,
        expires_at: None,
        closed_at: None,
        lines,
        receipts: Vec::new(),
    };
    if let Some((warehouse_id, until)) = draft.warehouse_id.zip(draft.approved_until) {
        new.approve(warehouse_id, until, acceptance)?;
    }
    returns::insert(connection, tenant, now, &new).await?;
    Ok(new)
}

fn lines_of(draft: &ReturnDraft, known: &Fulfilment) -> Result<Vec<ReturnLine>, ReturnRefusal> {
    if known.shipped() == 0 {
        return Err(ReturnRefusal::NothingShipped);
    }
    let returnable = known.returnable();
    let of_order = || known.fulfilment_orders.iter().flat_map(|it| &it.lines);
    let line = |(number, (quantity, reason)): (&i32, &(i32, _))| {
        let line = of_order().find(|line| line.number == *number);
        let line = line.ok_or(ReturnRefusal::UnknownLine { line: *number })?;
        let returnable = returnable.get(number).copied().unwrap_or_default();
        if *quantity > returnable {
            return Err(ReturnRefusal::MoreThanReturnable {
                line: *number,
                wanted: *quantity,
                returnable,
            });
        }
        Ok(ReturnLine {
            number: *number,
            product_id: line.product_id,
            quantity: *quantity,
            reason: *reason,
            restocked: 0,
            quarantined: 0,
            discarded: 0,
            missing: 0,
            accepted: 0,
        })
    };
    draft.lines.iter().map(line).collect()
}

//! Receives units of a return, once for each idempotency key: return, stock, credit, the start of the refund, and
//! timeline change in one commit.
//!
//! Run it in a task that is never cancelled, so that a client that disconnects does not change the outcome.

use oms_database::{Connection, boxed};
use oms_fulfilment::{ReceiptDraft, Received, Return, ReturnId, ReturnStatus, receive_units};
use oms_inventory::{
    ChangeRecord, Dispositions, InvalidReturn, ReturnedUnits, StockChangeId,
    receive_return as take_in,
};
use oms_validation::{ExpectedVersion, IdempotencyKey, Keyed, Once, ProductId, TenantId};

use crate::context::OrderContext;
use crate::error::{OrderError, ReturningError};
use crate::service::returning::credit_return::{credit_return, execute};
use crate::service::returning::facts::{Happened, of_receipt, of_return};
use crate::service::returning::lock_return::{lock_order, return_of};
use crate::service::reversing::started_refund::StartedRefund;
use crate::service::transitions::claim_key::claim_or_find;
use crate::service::transitions::happenings::tell;
use crate::service::transitions::patience::Patience;

/// Receives units of a return in any warehouse, in the name of `actor`, and returns the return. What arrived is credited
/// and refunded as was agreed; a gateway that does not answer keeps nothing from being received.
///
/// # Errors
/// `ReturnNotFound`, `WrongStatus`, `UnknownLine`, `MoreThanApproved`, `TooManyReceipts`, `Changed`, an unknown
/// warehouse, a stock level that would exceed its limit, or the database's error. On error, nothing is changed.
#[boxed]
pub async fn receive_return(
    context: &OrderContext,
    tenant: TenantId,
    id: ReturnId,
    expected: &ExpectedVersion,
    draft: &ReceiptDraft,
    key: &IdempotencyKey,
    actor: &str,
) -> Result<Once<Return>, ReturningError> {
    let request = (id, draft.warehouse_id, &draft.lines);
    let keyed = Keyed::new(key, "receive return v1", &request);
    let mut patience = Patience::new(context, tenant, id.as_uuid());
    let done = loop {
        let tried = patience.attempt(async |connection| {
            let claimed = claim_or_find(connection, tenant, &keyed, draft.id.as_uuid()).await?;
            if let Once::Before(_) = claimed {
                let it = return_of(connection, tenant, id).await?;
                return Ok::<_, ReturningError>((Once::Before(it), None));
            }
            let request = (id, expected, draft);
            let (it, started) = receive(context, connection, tenant, request, actor).await?;
            oms_failpoints::reached("orders.receiving");
            Ok((Once::Now(it), started))
        });
        if let Some(done) = tried.await {
            break done;
        }
    };
    let (it, started) = done?;
    oms_failpoints::reached("orders.received");
    execute(context, tenant, started.as_ref(), actor).await;
    Ok(it)
}

async fn receive(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
    (id, expected, draft): (ReturnId, &ExpectedVersion, &ReceiptDraft),
    actor: &str,
) -> Result<(Return, Option<StartedRefund>), ReturningError> {
    let now = context.now();
    let order_id = return_of(connection, tenant, id).await?.order_id;
    lock_order(connection, tenant, order_id).await?;
    let was_open = return_of(connection, tenant, id).await?.is_open();
    let it = receive_units(connection, tenant, now, id, expected, draft, actor).await?;
    let reason = format!("return {} of order {order_id}", it.number);
    let record = ChangeRecord {
        change_id: StockChangeId::from(draft.id.as_uuid()),
        reason: &reason,
        actor,
    };
    let units = stock_of(&it, draft)?;
    take_in(connection, tenant, draft.warehouse_id, &units, record).await?;
    tell(
        connection,
        tenant,
        now,
        order_id,
        &of_receipt(&it, draft.id),
        actor,
    )
    .await?;
    if was_open && it.status == ReturnStatus::Closed {
        let told = of_return(&it, Happened::Closed);
        tell(connection, tenant, now, order_id, &told, actor).await?;
    }
    let started = credit_return(context, connection, tenant, order_id, actor).await?;
    Ok((it, started))
}

/// The units of a receipt, by product.
fn stock_of(it: &Return, draft: &ReceiptDraft) -> Result<ReturnedUnits, OrderError> {
    let product = |line: i32| -> Option<ProductId> {
        let mut lines = it.lines.iter();
        lines.find(|it| it.number == line).map(|it| it.product_id)
    };
    let of_line = |(line, units): (&i32, &Received)| {
        let units = Dispositions {
            restock: units.restock,
            quarantine: units.quarantine,
            discard: units.discard,
            missing: units.missing,
        };
        product(*line).map(|product| (product, units))
    };
    let units = ReturnedUnits::from_lines(draft.lines.iter().filter_map(of_line));
    units.map_err(|_: InvalidReturn| {
        let expectation = "the units of a receipt are a part of the units of its order";
        OrderError::Database(oms_database::DbError::UnexpectedState(expectation))
    })
}

//! An operator gives up a refund, and its order is `PAID` again. For refunds whose outcome the gateway will never
//! report.

use oms_database::Connection;
use oms_payments::{
    Refund, RefundEnd, RefundOutcome, RefundState, Remainder, Word, find_payment, find_remainder,
    finish_refund, list_refunds,
};
use oms_validation::{Once, TenantId};

use crate::context::OrderContext;
use crate::domain::authorship::Authorship;
use crate::domain::dead_letter::{DeadLetter, Resolution};
use crate::domain::settlement::Settlement;
use crate::domain::status::OrderStatus;
use crate::error::DeadLetterError;
use crate::service::operating::settle_elsewhere::{end_of, reason_of, resolve};
use crate::service::reversing::pay_out_returns::continue_payouts;
use crate::service::transitions::abort::{Abort, unless_lost};
use crate::service::transitions::change_status::change_status;
use crate::service::transitions::claim_key::claim_key;
use crate::service::transitions::end_order::Decision;
use crate::service::transitions::open_fulfilment::open_late;
use crate::service::transitions::patience::Patience;
use crate::service::transitions::settle_frozen::settle_frozen;
use crate::service::transitions::settle_owed::{EndedBy, settle_credits};
use crate::store::orders::{KeyFate, Transition};
use crate::store::settlements;

/// The refund that is given up, its end, and what the gateway reported.
struct GivenUp {
    refund: Refund,
    end: RefundEnd,
    settlement: Settlement,
}

/// Ends the pending refund of an order in `REFUNDING` as failed, and returns the order to `PAID`.
///
/// # Errors
/// `RefundWasMade` if the gateway reports that; `ConfirmationRequired` if the refund may still be made or the gateway
/// can't tell, and the operator has not `confirmed`; `Resolved` if the dead letter was closed in the meantime;
/// otherwise if the database fails.
pub(super) async fn give_up_refund(
    context: &OrderContext,
    tenant: TenantId,
    dead_letter: &DeadLetter,
    decision: Decision<'_>,
    confirmed: bool,
) -> Result<(), DeadLetterError> {
    let given_up = ask(context, tenant, dead_letter, decision, confirmed).await?;
    let order_id = dead_letter.order_id.as_uuid();
    let mut patience = Patience::new(context, tenant, order_id);
    let written = loop {
        let tried = patience.attempt(async |connection| {
            write(context, connection, tenant, decision, &given_up).await
        });
        if let Some(written) = tried.await {
            break written;
        }
    };
    let written = unless_lost(written)?;
    written.ok_or(DeadLetterError::Resolved)?;
    let (order_id, operator) = (dead_letter.order_id, decision.operator);
    let settlement = &given_up.settlement;
    tracing::info!(%order_id, %operator, ?settlement, "an operator gave up a refund");
    continue_payouts(context, tenant, order_id, &operator.as_actor()).await;
    Ok(())
}

async fn ask(
    context: &OrderContext,
    tenant: TenantId,
    dead_letter: &DeadLetter,
    decision: Decision<'_>,
    confirmed: bool,
) -> Result<GivenUp, DeadLetterError> {
    let order_id = dead_letter.order_id;
    let mut connection = context.database.acquire().await?;
    let refunds = list_refunds(&mut connection, tenant, order_id).await?;
    let attempt = find_payment(&mut connection, tenant, order_id).await?;
    drop(connection);
    let attempt = attempt.ok_or(DeadLetterError::Resolved)?;
    let (gateway, actor) = (context.gateway.as_ref(), decision.operator.as_actor());
    let database = &context.database;
    let word = find_remainder(database, gateway, tenant, &attempt, &refunds, &actor).await;
    let mut refunds = refunds.into_iter();
    let pending = refunds.find(|refund| refund.state == RefundState::Pending);
    let given_up = GivenUp {
        refund: pending.ok_or(DeadLetterError::Resolved)?,
        end: end_of(word.pending.as_ref()),
        settlement: Settlement::of(&word.remainder, attempt.amount.currency),
    };
    if given_up.end == RefundEnd::Refunded || word.remainder == Remainder::Nothing {
        return Err(DeadLetterError::RefundWasMade);
    }
    match confirmed || is_certain(&word) {
        true => Ok(given_up),
        false => Err(DeadLetterError::ConfirmationRequired(given_up.settlement)),
    }
}

/// Whether the gateway reports that the refund was not made.
fn is_certain(word: &Word) -> bool {
    match word.pending {
        Some(RefundOutcome::Failed { .. }) => true,
        Some(_) => false,
        None => matches!(word.remainder, Remainder::Money(_)),
    }
}

async fn write(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
    decision: Decision<'_>,
    given_up: &GivenUp,
) -> Result<(), Abort> {
    if claim_key(connection, tenant, decision.keyed).await? == Once::Before(()) {
        return Err(Abort::LOST);
    }
    let (now, gateway) = (context.now(), context.gateway.as_ref());
    let (refund, settlement) = (&given_up.refund, &given_up.settlement);
    let transition = Transition {
        from: OrderStatus::Refunding,
        to: OrderStatus::Paid,
        failure: None,
        key: KeyFate::Keep,
    };
    let reason = reason_of(decision, settlement);
    let actor = decision.operator.as_actor();
    let authorship = Authorship {
        actor: &actor,
        reason: &reason,
    };
    let order_id = refund.order_id;
    if !change_status(connection, tenant, now, order_id, &transition, authorship).await? {
        return Err(Abort::LOST);
    }
    let left = finish_refund(connection, gateway, tenant, refund, &given_up.end).await?;
    left.ok_or(Abort::LOST)?;
    settle_frozen(connection, tenant, now, order_id, &given_up.end, &actor).await?;
    open_late(connection, tenant, now, &[order_id], &actor).await?;
    let ended = (refund, &given_up.end);
    settle_credits(
        context,
        connection,
        tenant,
        ended,
        EndedBy::Operator,
        &actor,
    )
    .await?;
    let (id, how) = (decision.dead_letter_id, Resolution::RefundGivenUp);
    resolve(connection, tenant, now, decision, how, settlement).await?;
    Ok(settlements::insert(connection, tenant, now, id, order_id, settlement).await?)
}

//! An operator reports that the money of an order is settled elsewhere: its stock is released, and what the gateway
//! reports about the payment is stored. For orders that no answer of the gateway will ever settle.

use oms_database::{Connection, DbError};
use oms_payments::{
    Attempt, AttemptState, FencePolicy, LaterCause, Refund, RefundEnd, RefundFailure,
    RefundOutcome, Remainder, SettleOutcome, find_payment, find_remainder, finish_refund,
    list_refunds, save_calls, settle_payment,
};
use oms_validation::{Once, OrderId, TenantId};

use crate::context::OrderContext;
use crate::domain::authorship::Authorship;
use crate::domain::clock::Now;
use crate::domain::dead_letter::{DeadLetter, Resolution};
use crate::domain::failure::Failure;
use crate::domain::reason::cut;
use crate::domain::settlement::Settlement;
use crate::domain::status::OrderStatus;
use crate::error::DeadLetterError;
use crate::service::transitions::abort::{Abort, unless_lost};
use crate::service::transitions::change_status::change_status;
use crate::service::transitions::claim_key::claim_key;
use crate::service::transitions::close_payment::{close_payment, note_declined};
use crate::service::transitions::end_order::Decision;
use crate::service::transitions::patience::Patience;
use crate::service::transitions::proof::Proof;
use crate::service::transitions::release_unsent::release_unsent;
use crate::store::orders::{KeyFate, Transition};
use crate::store::{dead_letters, settlements};

/// The failure of a refund that was given up.
pub(super) const GIVEN_UP: &str = "given_up";

/// What is known about an order's money.
struct Report {
    settlement: Settlement,
    /// The proof of how the attempt ended, if the gateway gives one.
    proof: Option<Proof>,
    /// The pending refund, and how it ends.
    refund: Option<(Refund, RefundEnd)>,
}

/// Settles the order of an open dead letter, whatever the gateway reports about its payment, and stores that report.
///
/// # Errors
/// `ConfirmationRequired` if the gateway does not report that nothing is left, and the operator has not `confirmed`;
/// `Resolved` if the dead letter was closed in the meantime; otherwise if the database fails.
pub(super) async fn settle_elsewhere(
    context: &OrderContext,
    tenant: TenantId,
    dead_letter: &DeadLetter,
    decision: Decision<'_>,
    confirmed: bool,
) -> Result<(), DeadLetterError> {
    let report = ask(context, tenant, dead_letter, decision).await?;
    if report.settlement.needs_confirmation() && !confirmed {
        if let Some(proof) = &report.proof {
            save_calls(&context.database, tenant, &proof.calls).await;
        }
        return Err(DeadLetterError::ConfirmationRequired(report.settlement));
    }
    let from = dead_letter.order_status;
    let (to, failure) = closed_as(from).ok_or(DeadLetterError::NotResolvable(from))?;
    let transition = Transition {
        from,
        to,
        failure: failure.as_ref(),
        key: KeyFate::Keep,
    };
    let now = context.now();
    let order_id = dead_letter.order_id.as_uuid();
    let mut patience = Patience::new(context, tenant, order_id);
    let written = loop {
        let tried = patience.attempt(async |connection| {
            write(
                context,
                connection,
                tenant,
                now,
                (dead_letter.order_id, &transition),
                decision,
                &report,
            )
            .await
        });
        if let Some(written) = tried.await {
            break written;
        }
    };
    let written = unless_lost(written)?;
    written.ok_or(DeadLetterError::Resolved)?;
    if let Some(proof) = &report.proof {
        note_declined(context, tenant, proof);
    }
    let (order_id, operator) = (dead_letter.order_id, decision.operator);
    tracing::info!(%order_id, %operator, settlement = ?report.settlement, "an operator closed an order as settled elsewhere");
    Ok(())
}

/// The final status for an order in this status, and the failure recorded with it.
fn closed_as(status: OrderStatus) -> Option<(OrderStatus, Option<Failure>)> {
    match status {
        OrderStatus::PendingPayment => Some((OrderStatus::Failed, Some(Failure::SettledElsewhere))),
        OrderStatus::Cancelling => Some((OrderStatus::Cancelled, None)),
        OrderStatus::Refunding => Some((OrderStatus::Refunded, None)),
        OrderStatus::Paid
        | OrderStatus::Failed
        | OrderStatus::Cancelled
        | OrderStatus::Refunded
        | OrderStatus::Other(_) => None,
    }
}

async fn ask(
    context: &OrderContext,
    tenant: TenantId,
    dead_letter: &DeadLetter,
    decision: Decision<'_>,
) -> Result<Report, DeadLetterError> {
    let mut connection = context.database.acquire().await?;
    let refunds = list_refunds(&mut connection, tenant, dead_letter.order_id).await?;
    let attempt = find_payment(&mut connection, tenant, dead_letter.order_id).await?;
    drop(connection);
    let Some(attempt) = attempt else {
        let unknown = Remainder::Unknown("the order has no payment attempt".to_owned());
        return Ok(Report {
            settlement: Settlement::of(&unknown, context.settings.currency),
            proof: None,
            refund: None,
        });
    };
    match attempt.state.is_open() {
        true => ask_about_open(context, tenant, &attempt, decision).await,
        false => Ok(ask_about_taken(context, tenant, &attempt, refunds, decision).await),
    }
}

/// Cancels an open payment first, where the gateway allows that, so that it can't be taken later.
async fn ask_about_open(
    context: &OrderContext,
    tenant: TenantId,
    attempt: &Attempt,
    decision: Decision<'_>,
) -> Result<Report, DeadLetterError> {
    let (gateway, actor) = (context.gateway.as_ref(), decision.operator.as_actor());
    let policy = FencePolicy::CancelPending;
    let settled = settle_payment(&context.database, gateway, tenant, attempt, policy, &actor).await;
    let closing = settled.outcome.accept_charged_amount(attempt);
    let captured = closing.as_ref().and_then(oms_payments::Closing::captured);
    let remainder = match (&settled.outcome, captured) {
        (SettleOutcome::Superseded, _) => return Err(DeadLetterError::Resolved),
        (_, Some(captured)) => Remainder::Money(captured),
        // Our books can't hold it, but the gateway knows whether it was refunded.
        (SettleOutcome::WrongAmount { .. }, None) => {
            let database = &context.database;
            let word = find_remainder(database, gateway, tenant, attempt, &[], &actor).await;
            word.remainder
        }
        (SettleOutcome::Later(LaterCause::Pending(status)), None) => {
            Remainder::Open(format!("{status:?}"))
        }
        (SettleOutcome::Later(cause), None) => Remainder::Unknown(cause.to_string()),
        (
            SettleOutcome::Voided { .. }
            | SettleOutcome::NeverPrepared
            | SettleOutcome::Paid { .. },
            None,
        ) => Remainder::Nothing,
    };
    let proof = closing.map(|closing| Proof {
        attempt_id: attempt.id,
        closing,
        calls: settled.calls,
    });
    Ok(Report {
        settlement: Settlement::of(&remainder, attempt.amount.currency),
        proof,
        refund: None,
    })
}

async fn ask_about_taken(
    context: &OrderContext,
    tenant: TenantId,
    attempt: &Attempt,
    refunds: Vec<Refund>,
    decision: Decision<'_>,
) -> Report {
    let (gateway, actor) = (context.gateway.as_ref(), decision.operator.as_actor());
    let word = find_remainder(
        &context.database,
        gateway,
        tenant,
        attempt,
        &refunds,
        &actor,
    )
    .await;
    let remainder = match attempt.state {
        AttemptState::Voided | AttemptState::Declined | AttemptState::Refunded => {
            Remainder::Nothing
        }
        _ => word.remainder,
    };
    let pending = refunds
        .into_iter()
        .find(|refund| refund.state == oms_payments::RefundState::Pending);
    let refund = pending.map(|refund| {
        let end = end_of(word.pending.as_ref());
        (refund, end)
    });
    Report {
        settlement: Settlement::of(&remainder, attempt.amount.currency),
        proof: None,
        refund,
    }
}

/// The end of a pending refund that is given up.
pub(super) fn end_of(said: Option<&RefundOutcome>) -> RefundEnd {
    match said {
        Some(RefundOutcome::Refunded { .. }) => RefundEnd::Refunded,
        Some(RefundOutcome::Failed { code, .. }) => RefundEnd::Failed(code.clone()),
        Some(RefundOutcome::Pending { .. } | RefundOutcome::AlreadyRefunded) | None => {
            RefundEnd::Failed(RefundFailure::new(GIVEN_UP))
        }
    }
}

async fn write(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    (order_id, transition): (OrderId, &Transition<'_>),
    decision: Decision<'_>,
    report: &Report,
) -> Result<(), Abort> {
    let closed = (order_id, transition);
    change(connection, tenant, now, closed, decision, report).await?;
    if let Some(proof) = &report.proof {
        close_payment(context, connection, tenant, now, order_id, proof).await?;
    }
    if let Some((refund, end)) = &report.refund {
        let gateway = context.gateway.as_ref();
        let left = finish_refund(connection, gateway, tenant, refund, end).await?;
        left.ok_or(Abort::LOST)?;
    }
    let actor = decision.operator.as_actor();
    release_unsent(connection, tenant, now, order_id, &actor).await?;
    resolve(
        connection,
        tenant,
        now,
        decision,
        Resolution::SettledElsewhere,
        &report.settlement,
    )
    .await?;
    let id = decision.dead_letter_id;
    Ok(settlements::insert(connection, tenant, now, id, order_id, &report.settlement).await?)
}

async fn change(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    (order_id, transition): (OrderId, &Transition<'_>),
    decision: Decision<'_>,
    report: &Report,
) -> Result<(), Abort> {
    if claim_key(connection, tenant, decision.keyed).await? == Once::Before(()) {
        return Err(Abort::LOST);
    }
    let reason = reason_of(decision, &report.settlement);
    let authorship = Authorship {
        actor: &decision.operator.as_actor(),
        reason: &reason,
    };
    match change_status(connection, tenant, now, order_id, transition, authorship).await? {
        true => Ok(()),
        false => Err(Abort::LOST),
    }
}

/// The reason for the timeline: the operator's, followed by what the gateway reported.
pub(super) fn reason_of(decision: Decision<'_>, settlement: &Settlement) -> String {
    let (reason, detail) = (decision.reason.as_str(), &settlement.detail);
    // The gateway's report is short, and a long reason must not cut it off.
    let said = format!(" (the gateway: {detail})");
    let room = oms_validation::Reason::MAX_LENGTH.saturating_sub(said.chars().count());
    let reason: String = reason.chars().take(room).collect();
    cut(&format!("{reason}{said}"))
}

/// Resolves the dead letter by compare-and-set.
pub(super) async fn resolve(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    decision: Decision<'_>,
    how: Resolution,
    settlement: &Settlement,
) -> Result<(), Abort> {
    let (id, actor) = (decision.dead_letter_id, decision.operator.as_actor());
    let note = reason_of(decision, settlement);
    let note = Some(note.as_str());
    let resolved: Result<bool, DbError> =
        dead_letters::resolve(connection, tenant, now, id, how, &actor, note).await;
    resolved?.then_some(()).ok_or(Abort::LOST)
}

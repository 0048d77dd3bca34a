//! Findings, each with the event that alerts operators, about what happened to a payment at the gateway.

use std::borrow::Cow;

use oms_database::{Connection, DbError};
use oms_payments::{Attempt, DisputeState, Reference, Refund};
use oms_validation::TenantId;

use crate::domain::actor::RECONCILER;
use crate::domain::authorship::Authorship;
use crate::domain::clock::Now;
use crate::domain::dispute::Dispute;
use crate::domain::finding::FindingKind;
use crate::domain::reason::cut;
use crate::domain::status::OrderStatus;
use crate::service::transitions::change_status::add_note;
use crate::store::findings::{Reported, report, resolve_reported};

/// A payment whose order is locked.
pub(super) struct Locked<'a> {
    pub(super) tenant: TenantId,
    pub(super) now: Now,
    pub(super) gateway: &'a str,
    pub(super) status: OrderStatus,
    pub(super) attempt: &'a Attempt,
}

/// Reports a refund that failed: the customer waits for money that is with the merchant. It succeeded before, or it was
/// for a return, so that nobody was answered. One that the gateway rejected has no reference, and is named by our ID.
pub(super) async fn report_failed_refund(
    connection: &mut Connection,
    locked: &Locked<'_>,
    refund: &Refund,
) -> Result<(), DbError> {
    let reference = refund.name();
    let (order_id, status) = (locked.attempt.order_id, locked.status);
    let (amount, why) = (refund.amount, why_failed(refund));
    let detail = cut(&format!(
        "refund {reference} of {amount} for order {order_id}, which is {status}, failed: {why}; the customer does not have \
         the money"
    ));
    let reported = Reported {
        kind: FindingKind::RefundFailed,
        subject: &reference,
        payment: locked.attempt.reference.as_ref(),
        order_id,
        amount: refund.amount,
        detail: &detail,
    };
    write(connection, locked, &reported).await
}

/// Why a refund failed, in words.
pub(super) fn why_failed(refund: &Refund) -> Cow<'static, str> {
    match &refund.failure_code {
        Some(code) => code.in_words(),
        None => Cow::Borrowed("the gateway gave no reason"),
    }
}

/// Reports a change of a dispute. It needs an operator when it opens, when it is lost, and when its end returns money
/// for a settled order.
pub(super) async fn report_dispute(
    connection: &mut Connection,
    locked: &Locked<'_>,
    before: Option<&Dispute>,
    dispute: &Dispute,
) -> Result<(), DbError> {
    let was_open = before.is_some_and(|before| before.state.is_open());
    let was_lost = before.is_some_and(|before| before.state == DisputeState::Lost);
    let money_is_back = was_lost && !locked.status.holds_stock();
    let is_lost = dispute.state == DisputeState::Lost;
    if dispute.state.is_open() && was_open {
        return Ok(());
    }
    if !dispute.state.is_open() && !is_lost && !money_is_back {
        let (kind, subject) = (FindingKind::PaymentDisputed, Some(&dispute.reference));
        return settle(connection, locked, kind, subject, &dispute.in_words()).await;
    }
    let order_id = locked.attempt.order_id;
    let detail = cut(&format!("order {order_id}: {}", dispute.in_words()));
    let reported = Reported {
        kind: FindingKind::PaymentDisputed,
        subject: &dispute.reference,
        payment: locked.attempt.reference.as_ref(),
        order_id,
        amount: dispute.amount,
        detail: &detail,
    };
    write(connection, locked, &reported).await
}

/// Resolves findings that the gateway reports as settled, with a note on the order's timeline.
pub(super) async fn settle(
    connection: &mut Connection,
    locked: &Locked<'_>,
    kind: FindingKind,
    subject: Option<&Reference>,
    note: &str,
) -> Result<(), DbError> {
    let (tenant, now, order_id) = (locked.tenant, locked.now, locked.attempt.order_id);
    let reason = cut(note);
    let resolved =
        resolve_reported(connection, tenant, now, order_id, kind, subject, &reason).await?;
    for id in resolved {
        let reason = format!("finding {id} was resolved: {note}");
        add_finding_note(connection, locked, &reason).await?;
    }
    Ok(())
}

async fn add_finding_note(
    connection: &mut Connection,
    locked: &Locked<'_>,
    reason: &str,
) -> Result<(), DbError> {
    let (tenant, now, order_id) = (locked.tenant, locked.now, locked.attempt.order_id);
    let reason = cut(reason);
    let authorship = Authorship {
        actor: RECONCILER,
        reason: &reason,
    };
    add_note(connection, tenant, now, order_id, authorship).await?;
    Ok(())
}

async fn write(
    connection: &mut Connection,
    locked: &Locked<'_>,
    reported: &Reported<'_>,
) -> Result<(), DbError> {
    let (kind, order_id) = (reported.kind.as_str(), reported.order_id);
    tracing::warn!(kind, %order_id, subject = %reported.subject, "the gateway reported a problem that needs an operator");
    let id = report(
        connection,
        locked.tenant,
        locked.now,
        locked.gateway,
        reported,
    )
    .await?;
    let reason = format!("finding {id}: {}", reported.detail);
    add_finding_note(connection, locked, &reason).await
}

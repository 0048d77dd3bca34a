//! Books the refunds and disputes that the gateway lists for a payment, in the transaction that has locked its order:
//! refunds, disputes, the order's status, its stock, timeline and findings change in one commit.

use std::time::Duration;

use oms_database::{Connection, DbError};
use oms_payments::{
    Attempt, AttemptState, ListedDispute, ListedRefund, Mirrored, Refund, RefundActor, RefundState,
    list_refunds, mirror_refunds,
};
use oms_validation::{Money, TenantId};

use crate::context::OrderContext;
use crate::domain::actor::GATEWAY;
use crate::domain::authorship::Authorship;
use crate::domain::dispute::Dispute;
use crate::domain::finding::FindingKind;
use crate::domain::ledger::owed_again;
use crate::domain::reason::cut;
use crate::domain::status::OrderStatus;
use crate::service::transitions::abort::Abort;
use crate::service::transitions::change_status::{add_note, change_status};
use crate::service::transitions::credit_returns::credit_returns;
use crate::service::transitions::release_unsent::release_unsent;
use crate::service::transitions::report_payment::{
    Locked, report_dispute, report_failed_refund, settle, why_failed,
};
use crate::service::transitions::settle_owed::settle_findings;
use crate::service::transitions::unpaid_returns::{find_unpaid, pay_out};
use crate::service::transitions::worklist::put_on;
use crate::store::credits::GrantedFor;
use crate::store::orders::{KeyFate, Transition};
use crate::store::reconciliations::Stock;
use crate::store::{clock, credits, disputes, return_credits};

/// The result of comparing our books of a payment with the gateway's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Followed {
    /// The books agreed.
    Unchanged,
    /// They agree now.
    Changed,
    /// They will agree once our own refund, which is in progress at the gateway, has ended.
    Deferred,
    /// The order kept changing.
    Overtaken,
}

/// Who continues an order that is being cancelled, now that its books have changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GoesOn {
    /// The caller.
    Caller,
    /// The sweeper, immediately.
    Sweeper,
}

/// What the gateway lists for a payment.
pub(crate) struct Listed {
    /// Newest first.
    pub(crate) refunds: Vec<ListedRefund>,
    /// Newest first. Empty if they were not read.
    pub(crate) disputes: Vec<ListedDispute>,
}

/// Books what the gateway lists for a payment whose order is locked and in `status`.
pub(super) async fn book_reported(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
    status: OrderStatus,
    attempt: &Attempt,
    listed: &Listed,
    goes_on: GoesOn,
) -> Result<Followed, Abort> {
    let locked = Locked {
        tenant,
        now: context.now(),
        gateway: context.gateway.name(),
        status,
        attempt,
    };
    let refunds = all_refunds(listed);
    let gateway = context.gateway.as_ref();
    let mirrored = mirror_refunds(connection, gateway, tenant, attempt.id, &refunds).await?;
    let disputes = changed_disputes(connection, &locked, &listed.disputes).await?;
    // A payment that was not taken has nothing to refund, but can still be disputed.
    let mirrored = mirrored.unwrap_or_else(|| untouched(attempt));
    if !mirrored.is_news() && disputes.is_empty() {
        return Ok(match mirrored.deferred {
            true => Followed::Deferred,
            false => Followed::Unchanged,
        });
    }
    owe_returned(connection, &locked, &mirrored).await?;
    write_timeline(connection, &locked, &mirrored, &disputes).await?;
    report(connection, &locked, &mirrored, &disputes).await?;
    go_on(connection, &locked, goes_on).await?;
    let order_id = attempt.order_id;
    pay_out_returns(connection, &locked, &mirrored).await?;
    credit_returns(context, connection, tenant, order_id, GATEWAY).await?;
    settle_findings(context, connection, tenant, order_id).await?;
    Ok(Followed::Changed)
}

fn untouched(attempt: &Attempt) -> Mirrored {
    Mirrored {
        booked: Vec::new(),
        moved: Vec::new(),
        returned: Vec::new(),
        deferred: false,
        left: Money::zero(attempt.amount.currency),
        attempt: attempt.state,
    }
}

/// Keeps on owing the customer what a bank has returned: credits of a failed refund don't count, so they are granted
/// anew, on their own. A refund that is made later pays them out.
async fn owe_returned(
    connection: &mut Connection,
    locked: &Locked<'_>,
    mirrored: &Mirrored,
) -> Result<(), Abort> {
    let (tenant, order_id) = (locked.tenant, locked.attempt.order_id);
    if mirrored.returned.is_empty() {
        return Ok(());
    }
    let mut refunds = list_refunds(connection, tenant, order_id).await?;
    let is_returned = |refund: &&mut Refund| mirrored.returned.contains(&refund.id);
    for refund in refunds.iter_mut().filter(is_returned) {
        refund.state = RefundState::Refunded;
    }
    // Older than what was booked just now, which pays them out, and younger than every refund before.
    let present = clock::read_exactly(connection).await?;
    let booked = mirrored.booked.iter().map(|refund| refund.created_at);
    let granted_at = (order_id, booked.min().map_or(present, |at| at.min(present)));
    for failed in &mirrored.returned {
        let mut found = credits::find(tenant, &[order_id]).run(connection).await?;
        let granted = found.remove(&order_id).unwrap_or_default();
        let parts = owed_again(&granted, &refunds, *failed);
        let granted_for = GrantedFor::Request(None);
        credits::insert(connection, tenant, granted_at, granted_for, &parts, GATEWAY).await?;
        for refund in refunds.iter_mut().filter(|refund| refund.id == *failed) {
            refund.state = RefundState::Failed;
        }
    }
    Ok(())
}

/// Counts money that reached the customer without us as paid for what their returns are owed, and has these credits wait
/// for another refund if it came back.
async fn pay_out_returns(
    connection: &mut Connection,
    locked: &Locked<'_>,
    mirrored: &Mirrored,
) -> Result<(), Abort> {
    let (tenant, order_id) = (locked.tenant, locked.attempt.order_id);
    let came_back =
        |refund: &&Refund| refund.state == RefundState::Failed && refund.actor != RefundActor::Oms;
    for refund in mirrored.moved.iter().filter(came_back) {
        return_credits::release(connection, tenant, order_id, refund.id).await?;
    }
    let booked = mirrored.booked.iter();
    for refund in booked.filter(|refund| refund.state != RefundState::Failed) {
        let Some(unpaid) = find_unpaid(connection, tenant, order_id).await? else {
            break;
        };
        let paid = (refund.id, refund.amount.amount_minor);
        pay_out(connection, tenant, order_id, &unpaid.all(), paid).await?;
    }
    Ok(())
}

/// A lost dispute counts as a refund that follows the others, so it can only take what they left.
fn all_refunds(listed: &Listed) -> Vec<ListedRefund> {
    let disputes = listed.disputes.iter().map(ListedDispute::as_refund);
    disputes.chain(listed.refunds.iter().cloned()).collect()
}

/// Stores the disputes that are new or have changed, and returns them, oldest first.
async fn changed_disputes(
    connection: &mut Connection,
    locked: &Locked<'_>,
    listed: &[ListedDispute],
) -> Result<Vec<(Option<Dispute>, Dispute)>, DbError> {
    if listed.is_empty() {
        return Ok(Vec::new());
    }
    let (tenant, order_id) = (locked.tenant, locked.attempt.order_id);
    let known = disputes::find_by_orders(connection, tenant, &[order_id]).await?;
    let known = known.get(&order_id).map_or(&[][..], Vec::as_slice);
    let mut changed = Vec::new();
    for dispute in listed.iter().rev().map(Dispute::of) {
        let before = known.iter().find(|it| it.reference == dispute.reference);
        if before == Some(&dispute) {
            continue;
        }
        disputes::put(
            connection,
            tenant,
            locked.now,
            order_id,
            locked.gateway,
            &dispute,
        )
        .await?;
        changed.push((before.cloned(), dispute));
    }
    Ok(changed)
}

/// Adds one entry for each thing that happened. The last one settles a paid order that is now fully refunded.
async fn write_timeline(
    connection: &mut Connection,
    locked: &Locked<'_>,
    mirrored: &Mirrored,
    disputes: &[(Option<Dispute>, Dispute)],
) -> Result<(), Abort> {
    let moved = mirrored.moved.iter().chain(&mirrored.booked).map(in_words);
    let disputes = disputes.iter().map(|(_, dispute)| dispute.in_words());
    let mut happened: Vec<String> = disputes.chain(moved).collect();
    let ends = locked.status == OrderStatus::Paid && mirrored.attempt == AttemptState::Refunded;
    let last = if ends { happened.pop() } else { None };
    for reason in &happened {
        let reason = cut(reason);
        let authorship = by_gateway(&reason);
        let (tenant, now, order_id) = (locked.tenant, locked.now, locked.attempt.order_id);
        add_note(connection, tenant, now, order_id, authorship).await?;
    }
    match last {
        Some(reason) => end(connection, locked, &cut(&reason)).await,
        None => Ok(()),
    }
}

const fn by_gateway(reason: &str) -> Authorship<'_> {
    Authorship {
        actor: GATEWAY,
        reason,
    }
}

/// Settles a paid order that was fully refunded without us, and releases its stock.
async fn end(connection: &mut Connection, locked: &Locked<'_>, reason: &str) -> Result<(), Abort> {
    let transition = Transition {
        from: OrderStatus::Paid,
        to: OrderStatus::Refunded,
        failure: None,
        key: KeyFate::Keep,
    };
    let (tenant, now, order_id) = (locked.tenant, locked.now, locked.attempt.order_id);
    let authorship = by_gateway(reason);
    if !change_status(connection, tenant, now, order_id, &transition, authorship).await? {
        return Err(Abort::LOST);
    }
    Ok(release_unsent(connection, tenant, now, order_id, GATEWAY).await?)
}

async fn report(
    connection: &mut Connection,
    locked: &Locked<'_>,
    mirrored: &Mirrored,
    disputes: &[(Option<Dispute>, Dispute)],
) -> Result<(), DbError> {
    let failed = |refund: &&Refund| {
        refund.state == RefundState::Failed && refund.actor != RefundActor::Dispute
    };
    for refund in mirrored.moved.iter().filter(failed) {
        report_failed_refund(connection, locked, refund).await?;
    }
    for (before, dispute) in disputes {
        report_dispute(connection, locked, before.as_ref(), dispute).await?;
    }
    if mirrored.left.amount_minor == 0 {
        let note = "all of the money was refunded";
        settle(connection, locked, FindingKind::RefundFailed, None, note).await?;
    }
    Ok(())
}

/// Makes a cancellation due now, even if the sweeper gave it up because there was no money to refund.
async fn go_on(
    connection: &mut Connection,
    locked: &Locked<'_>,
    goes_on: GoesOn,
) -> Result<(), DbError> {
    if locked.status != OrderStatus::Cancelling || goes_on == GoesOn::Caller {
        return Ok(());
    }
    let (tenant, now, order_id) = (locked.tenant, locked.now, locked.attempt.order_id);
    let (delay, stock) = (Duration::ZERO, Stock::Paid);
    put_on(connection, tenant, now, order_id, delay, stock, GATEWAY).await?;
    Ok(())
}

/// Describes what happened to a refund.
fn in_words(refund: &Refund) -> String {
    let amount = refund.amount;
    let reference = refund.reference.as_ref().map_or("", |it| it.as_str());
    match (refund.actor, refund.state) {
        (RefundActor::Dispute, RefundState::Failed) => {
            format!("{amount} was returned to the merchant: dispute {reference} is no longer lost")
        }
        (RefundActor::Dispute, _) => format!("{amount} was taken by dispute {reference}"),
        (_, RefundState::Failed) => {
            let why = why_failed(refund);
            format!(
                "refund {reference} of {amount} failed: {why}; the money is back with the merchant"
            )
        }
        (RefundActor::Gateway, RefundState::Pending) => {
            format!("{amount} is being refunded at the gateway by refund {reference}")
        }
        (RefundActor::Gateway, RefundState::Refunded) => {
            format!("{amount} was refunded at the gateway by refund {reference}")
        }
        (RefundActor::Oms | RefundActor::Other(_), _) | (_, RefundState::Other(_)) => {
            format!("{amount} was refunded after all by refund {reference}")
        }
    }
}

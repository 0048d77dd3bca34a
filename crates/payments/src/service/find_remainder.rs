//! What remains of an order's payment, according to the gateway: for operators who settle an order by hand.

use oms_database::Database;
use oms_validation::{Money, TenantId};

use super::recorded_gateway::{RecordedGateway, save_calls};
use crate::{
    AmountStep, Attempt, GatewayError, ListedRefund, ListedState, PaymentGateway, PaymentStatus,
    Reference, Refund, RefundOutcome, RefundState,
};

/// What remains of a payment, according to the gateway. Reading it changes nothing, and does not prove what may still
/// happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remainder {
    /// Nothing was taken and nothing can be, or all of it was refunded.
    Nothing,
    /// We still hold this amount.
    Money(Money),
    /// Nothing was taken yet, but it still may be. The state, in the words of the history of calls.
    Open(String),
    /// The gateway can't tell, for this reason.
    Unknown(String),
}

/// What the gateway says of a payment, and of its pending refund, if there was one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// What remains of the payment.
    pub remainder: Remainder,
    /// The outcome of the pending refund; `None` if the gateway has no such refund or can't tell.
    pub pending: Option<RefundOutcome>,
}

/// Asks the gateway, in the name of `actor`, what remains of a payment: what it took, less the refunds that it reports
/// as done. Refunds that are done according to our books are taken as done. Of a payment that is open in our books, it
/// asks for the refunds too.
pub async fn find_remainder(
    database: &Database,
    gateway: &dyn PaymentGateway,
    tenant_id: TenantId,
    attempt: &Attempt,
    refunds: &[Refund],
    actor: &str,
) -> Word {
    let (Some(reference), true) = (&attempt.reference, attempt.gateway == gateway.name()) else {
        return no_word(attempt);
    };
    let mut recorded = RecordedGateway::new(gateway, attempt, actor);
    let step = gateway.step(attempt.amount.currency);
    let word = ask(&mut recorded, attempt, reference, refunds, step).await;
    let word = match word {
        Ok(word) => less_unknown_refunds(gateway, attempt, reference, word).await,
        failed => failed,
    };
    save_calls(database, tenant_id, &recorded.take_calls()).await;
    word.unwrap_or_else(|error| Word {
        remainder: Remainder::Unknown(error.to_string()),
        pending: None,
    })
}

fn no_word(attempt: &Attempt) -> Word {
    let remainder = match attempt.reference {
        None => Remainder::Nothing,
        Some(_) => Remainder::Unknown(format!(
            "the payment belongs to the gateway {}",
            attempt.gateway
        )),
    };
    Word {
        remainder,
        pending: None,
    }
}

/// Takes off what was refunded without us of a payment that is open in our books: they have no refunds of it.
async fn less_unknown_refunds(
    gateway: &dyn PaymentGateway,
    attempt: &Attempt,
    reference: &Reference,
    word: Word,
) -> Result<Word, GatewayError> {
    let Remainder::Money(left) = word.remainder else {
        return Ok(word);
    };
    if attempt.captured.is_some() {
        return Ok(word);
    }
    let listed = gateway.list_refunds(reference).await?.value;
    let is_done = |refund: &&ListedRefund| refund.state == ListedState::Refunded;
    let done = listed.iter().filter(is_done);
    let refunded_minor: i64 = done.map(|refund| refund.amount.amount_minor).sum();
    let step = gateway.step(left.currency);
    let remainder = remainder(PaymentStatus::Paid { amount: left }, refunded_minor, step);
    Ok(Word { remainder, ..word })
}

async fn ask(
    gateway: &mut RecordedGateway<'_>,
    attempt: &Attempt,
    reference: &Reference,
    refunds: &[Refund],
    step: AmountStep,
) -> Result<Word, GatewayError> {
    let of_it = refunds.iter().filter(|it| it.attempt_id == attempt.id);
    let status = gateway.lookup(reference).await?;
    let (mut pending, mut refunded_minor) = (None, 0);
    for refund in of_it {
        refunded_minor += match refund.state {
            RefundState::Refunded => refund.amount.amount_minor,
            RefundState::Failed | RefundState::Other(_) => 0,
            RefundState::Pending => {
                pending = gateway.find_refund(reference, refund.id).await?;
                match pending {
                    Some(RefundOutcome::Refunded { amount, .. }) => amount.amount_minor,
                    _ => 0,
                }
            }
        };
    }
    Ok(Word {
        remainder: remainder(status, refunded_minor, step),
        pending,
    })
}

fn remainder(status: PaymentStatus, refunded_minor: i64, step: AmountStep) -> Remainder {
    match status {
        PaymentStatus::Paid { amount } if step.is_nothing(amount.amount_minor - refunded_minor) => {
            Remainder::Nothing
        }
        PaymentStatus::Paid { amount } => Remainder::Money(Money {
            amount_minor: amount.amount_minor - refunded_minor,
            ..amount
        }),
        PaymentStatus::Cancelled | PaymentStatus::Declined { .. } => Remainder::Nothing,
        open @ (PaymentStatus::NotConfirmed
        | PaymentStatus::NeedsAction
        | PaymentStatus::Processing
        | PaymentStatus::Authorised) => Remainder::Open(open.label()),
    }
}

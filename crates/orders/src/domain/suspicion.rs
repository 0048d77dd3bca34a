//! Judges a charge or a payment against our books, without IO. The caller reads the charge first and the order after
//! it, and believes a suspicion only if reading both again gives the same one.

use chrono::{DateTime, Utc};
use oms_payments::{
    Attempt, AttemptState, Capture, ChargeId, ChargeStatus, ListedCharge, PaymentStatus, Reference,
};
use oms_validation::{InstallationId, Money, OrderId, TenantId};

use crate::domain::finding::{FindingAction, FindingKind};
use crate::domain::status::OrderStatus;

/// An unconfirmed difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Suspicion {
    pub(crate) kind: FindingKind,
    pub(crate) action: FindingAction,
    pub(crate) charge: Option<ChargeId>,
    pub(crate) payment: Option<Reference>,
    /// The order, and the status that it must have for this to be a difference.
    pub(crate) order: Option<(OrderId, OrderStatus)>,
    pub(crate) expected: Option<Money>,
    pub(crate) found: Option<Money>,
    /// The installation that the charge names.
    pub(crate) installation: Option<InstallationId>,
    pub(crate) detail: String,
}

impl Suspicion {
    /// The subject of the finding: each kind has at most one finding about it.
    pub(crate) fn subject(&self) -> &str {
        let charge = self.charge.as_ref().map(ChargeId::as_str);
        let payment = self.payment.as_ref().map(Reference::as_str);
        let subject = match self.kind {
            // The same difference may be found from the charge or from the payment.
            FindingKind::PaidWithoutCharge | FindingKind::AmountMismatch => payment.or(charge),
            FindingKind::ChargeWithoutOrder
            | FindingKind::ChargeOnEndedOrder
            | FindingKind::AuthorisationOnEndedOrder
            // The last kinds are never suspected: the gateway reports them.
            | FindingKind::RefundFailed
            | FindingKind::PaymentDisputed
            | FindingKind::Other(_) => charge.or(payment),
        };
        subject.expect("a suspicion is about a charge or a payment")
    }
}

/// The books that a charge is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Books {
    pub(crate) tenant: TenantId,
    pub(crate) installation: Option<InstallationId>,
    /// When this database's newest payment was attempted. Read only if a charge names the installation but has no
    /// attempt.
    pub(crate) newest_attempt: Option<DateTime<Utc>>,
}

impl Books {
    /// Where a charge without an attempt may come from, for the operator who investigates.
    fn origin(&self, charge: &ListedCharge) -> String {
        match (charge.installation_id, self.installation) {
            (None, _) => "it names no installation of oms".to_owned(),
            (Some(theirs), None) => format!("it names installation {theirs}"),
            (Some(theirs), Some(ours)) if theirs != ours => {
                format!("it names installation {theirs}, and this one is {ours}")
            }
            (Some(_), Some(_)) => match self.newest_attempt {
                Some(newest) if charge.created_at <= newest => {
                    "it names this installation: a copy of this database may be in use".to_owned()
                }
                newest => format!(
                    "it names this installation and is newer than the newest payment attempt here ({}): this database was \
                     probably restored from a backup, or a copy of it is in use",
                    newest.map_or_else(|| "none".to_owned(), |time| time.to_rfc3339())
                ),
            },
        }
    }
}

/// The result of comparing a charge with our books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// No difference, or none yet because its order is in progress.
    Fine,
    /// It is exactly what this paid order should be charged.
    Pays(OrderId),
    /// Something may have happened to its payment at the gateway that our books don't have. Its refunds and disputes
    /// must be read before it is judged.
    Behind(Box<Attempt>),
    /// A difference.
    Suspicious(Box<Suspicion>),
}

/// The order that a charge is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FoundOrder {
    pub(crate) id: OrderId,
    /// Its status.
    pub(crate) status: OrderStatus,
}

/// What is left of a charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// Nothing was taken or authorised, or not yet.
    NeverAny,
    /// Everything taken was refunded.
    NoMore,
    /// This much money.
    Money(Money),
    /// This much is authorised.
    Reserved(Money),
}

/// Calculates what is left of a charge.
pub(crate) fn left_of(charge: &ListedCharge) -> Left {
    let minus_refunded = |money: Money| Money {
        amount_minor: money.amount_minor - charge.refunded.amount_minor,
        ..money
    };
    match (charge.status, charge.capture) {
        (ChargeStatus::Pending | ChargeStatus::Failed, _) => Left::NeverAny,
        (ChargeStatus::Succeeded, Capture::Captured) => match minus_refunded(charge.captured) {
            money if money.amount_minor > 0 => Left::Money(money),
            _ => Left::NoMore,
        },
        // Gateways show a released authorisation as refunded.
        (ChargeStatus::Succeeded, Capture::Uncaptured) => match minus_refunded(charge.amount) {
            money if money.amount_minor > 0 => Left::Reserved(money),
            _ => Left::NoMore,
        },
    }
}

/// The order that a charge names, if it also names this tenant. The name tells an operator where to look, but proves
/// nothing: every oms installation on the same account writes such names, and copies of a database share theirs.
pub(crate) fn named_order(tenant: TenantId, charge: &ListedCharge) -> Option<OrderId> {
    charge.order_id.filter(|_| charge.tenant_id == Some(tenant))
}

/// Judges a charge against the books of its tenant. `attempt` belongs to the charge's payment. `order` is the
/// attempt's, or else [`named_order`], and was read after the charge.
pub(crate) fn judge(
    books: &Books,
    charge: &ListedCharge,
    attempt: Option<&Attempt>,
    order: Option<FoundOrder>,
) -> Judgement {
    let left = left_of(charge);
    let Some(order) = order else {
        return past_orders(books, charge, left, attempt, None);
    };
    match order.status {
        OrderStatus::PendingPayment
        | OrderStatus::Cancelling
        | OrderStatus::Refunding
        | OrderStatus::Other(_) => Judgement::Fine,
        OrderStatus::Paid => match attempt.filter(|attempt| may_have_paid(attempt)) {
            Some(attempt) => against_payment(charge, left, attempt),
            None => past_orders(books, charge, left, attempt, Some(order.id)),
        },
        status @ (OrderStatus::Failed | OrderStatus::Cancelled | OrderStatus::Refunded) => {
            on_ended(books, charge, left, attempt, order.id, status)
        }
    }
}

/// Whether a paid order may have been paid by this attempt. The excluded states are final.
fn may_have_paid(attempt: &Attempt) -> bool {
    !matches!(attempt.state, AttemptState::Declined | AttemptState::Voided)
}

/// The amount that a paid order's payment must have taken: the requested one, or one that an operator accepted.
fn expected_of(attempt: &Attempt) -> Money {
    attempt.captured.unwrap_or(attempt.amount)
}

fn against_payment(charge: &ListedCharge, left: Left, attempt: &Attempt) -> Judgement {
    let (expected, order_id) = (expected_of(attempt), attempt.order_id);
    let (kind, found, detail) = match left {
        Left::NeverAny => return Judgement::Fine,
        Left::Money(_) if charge.captured == expected => return Judgement::Pays(order_id),
        Left::Money(_) => (
            FindingKind::AmountMismatch,
            charge.captured,
            format!(
                "order {order_id} is paid, and its charge {} took {} instead of {}",
                charge.id, charge.captured, expected
            ),
        ),
        Left::NoMore => (
            FindingKind::PaidWithoutCharge,
            Money::zero(charge.captured.currency),
            format!(
                "order {order_id} is paid, but all of its charge {} was refunded without us",
                charge.id
            ),
        ),
        Left::Reserved(_) => (
            FindingKind::AmountMismatch,
            Money::zero(charge.captured.currency),
            format!(
                "order {order_id} is paid, but its charge {} is authorised and was not taken",
                charge.id
            ),
        ),
    };
    Judgement::Suspicious(Box::new(Suspicion {
        kind,
        action: FindingAction::None,
        charge: Some(charge.id.clone()),
        payment: charge.reference.clone(),
        order: Some((order_id, OrderStatus::Paid)),
        expected: Some(expected),
        found: Some(found),
        installation: charge.installation_id,
        detail,
    }))
}

fn on_ended(
    books: &Books,
    charge: &ListedCharge,
    left: Left,
    attempt: Option<&Attempt>,
    order_id: OrderId,
    status: OrderStatus,
) -> Judgement {
    let (kind, found, what) = match left {
        Left::NeverAny | Left::NoMore => return Judgement::Fine,
        Left::Money(money) => (FindingKind::ChargeOnEndedOrder, money, "holds"),
        Left::Reserved(money) => (FindingKind::AuthorisationOnEndedOrder, money, "authorises"),
    };
    let action = match (left, attempt) {
        (Left::Money(_), Some(attempt)) if is_in_the_books(attempt) => FindingAction::None,
        _ => remedy(left, charge, attempt),
    };
    let detail = format!(
        "order {order_id} is {status}, and its charge {} {what} {}",
        charge.id, found
    );
    let detail = with_origin(detail, books, charge, attempt);
    Judgement::Suspicious(Box::new(Suspicion {
        kind,
        action,
        charge: Some(charge.id.clone()),
        payment: charge.reference.clone(),
        order: Some((order_id, status)),
        expected: Some(Money::zero(found.currency)),
        found: Some(found),
        installation: charge.installation_id,
        detail,
    }))
}

/// Whether our books also have the money of a settled order's payment: then an operator has closed the order, and
/// knows.
fn is_in_the_books(attempt: &Attempt) -> bool {
    let state = matches!(attempt.state, AttemptState::Paid | AttemptState::Refunding);
    state && attempt.captured.is_some()
}

/// A charge for no order, or besides the payment of this paid order.
fn past_orders(
    books: &Books,
    charge: &ListedCharge,
    left: Left,
    attempt: Option<&Attempt>,
    paid_order: Option<OrderId>,
) -> Judgement {
    let (Left::Money(found) | Left::Reserved(found)) = left else {
        return Judgement::Fine;
    };
    let named = named_order(books.tenant, charge);
    let whose = match (paid_order, named) {
        (Some(order_id), _) => format!("is not the payment of order {order_id}, which is paid"),
        (None, Some(order_id)) => format!("names order {order_id}, which does not exist"),
        (None, None) => "belongs to no order of ours".to_owned(),
    };
    Judgement::Suspicious(Box::new(Suspicion {
        kind: FindingKind::ChargeWithoutOrder,
        action: remedy(left, charge, attempt),
        charge: Some(charge.id.clone()),
        payment: charge.reference.clone(),
        order: paid_order.map(|order_id| (order_id, OrderStatus::Paid)),
        expected: None,
        found: Some(found),
        installation: charge.installation_id,
        detail: with_origin(
            format!("charge {} of {} {whose}", charge.id, found),
            books,
            charge,
            attempt,
        ),
    }))
}

/// Adds where a charge without an attempt may come from.
fn with_origin(
    detail: String,
    books: &Books,
    charge: &ListedCharge,
    attempt: Option<&Attempt>,
) -> String {
    match attempt {
        Some(_) => detail,
        None => format!("{detail}; {}", books.origin(charge)),
    }
}

/// Returns the program's own action. Without an attempt in this database, the money is not this database's to move:
/// another installation may have sold something for it. A disputed charge is not refunded, because the bank may return
/// its money too.
fn remedy(left: Left, charge: &ListedCharge, attempt: Option<&Attempt>) -> FindingAction {
    match (left, attempt) {
        (Left::Money(_), Some(_)) if charge.disputed => FindingAction::None,
        (Left::Money(_), Some(_)) => FindingAction::Refund,
        (Left::Reserved(_), Some(_)) => FindingAction::Void,
        (_, None) | (Left::NeverAny | Left::NoMore, _) => FindingAction::None,
    }
}

/// Judges a payment against the order that it has paid. `status` is `None` if the gateway does not know the payment.
pub(crate) fn judge_payment(
    attempt: &Attempt,
    reference: &Reference,
    status: Option<&PaymentStatus>,
) -> Option<Suspicion> {
    let (expected, order_id) = (expected_of(attempt), attempt.order_id);
    let (kind, found, detail) = match status {
        Some(PaymentStatus::Paid { amount }) if *amount == expected => return None,
        Some(PaymentStatus::Paid { amount }) => (
            FindingKind::AmountMismatch,
            Some(*amount),
            format!(
                "order {order_id} is paid, and its payment {reference} took {} instead of {}",
                amount, expected
            ),
        ),
        Some(other) => (
            FindingKind::PaidWithoutCharge,
            None,
            format!(
                "order {order_id} is paid, and its payment {reference} {}",
                state(other)
            ),
        ),
        None => (
            FindingKind::PaidWithoutCharge,
            None,
            format!(
                "order {order_id} is paid, and the gateway does not know its payment {reference}"
            ),
        ),
    };
    Some(Suspicion {
        kind,
        action: FindingAction::None,
        charge: None,
        payment: Some(reference.clone()),
        order: Some((order_id, OrderStatus::Paid)),
        expected: Some(expected),
        found,
        installation: None,
        detail,
    })
}

fn state(status: &PaymentStatus) -> &'static str {
    match status {
        PaymentStatus::Paid { .. } => "was taken",
        PaymentStatus::Declined { .. } => "was declined",
        PaymentStatus::NotConfirmed => "was never confirmed",
        PaymentStatus::NeedsAction => "waits for the customer",
        PaymentStatus::Processing => "is still with the bank",
        PaymentStatus::Authorised => "is authorised but was not taken",
        PaymentStatus::Cancelled => "was cancelled",
    }
}

#[cfg(test)]
mod tests;

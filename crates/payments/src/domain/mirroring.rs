//! What a gateway's list of refunds changes in our books. Pure: the caller locks the attempt before it reads our
//! refunds.

use oms_validation::Money;

use crate::{ListedRefund, ListedState, Refund, RefundActor, RefundFailure, RefundState};

/// The changes that a gateway's list makes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mirroring {
    /// Our refunds whose state changes.
    pub(crate) moved: Vec<Moved>,
    /// Refunds to be booked, with the amounts to book.
    pub(crate) new: Vec<ListedRefund>,
    /// A refund fits only after our refund in flight has ended.
    pub(crate) deferred: bool,
}

/// A refund whose state the gateway changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Moved {
    pub(crate) refund: Refund,
    pub(crate) to: RefundState,
    pub(crate) failure: Option<RefundFailure>,
}

impl Moved {
    /// Whether the refund was done, and has failed since. A dispute that was won has taken nothing from the customer.
    pub(crate) fn is_returned(&self) -> bool {
        self.refund.state == RefundState::Refunded
            && self.to == RefundState::Failed
            && self.refund.actor != RefundActor::Dispute
    }
}

impl Mirroring {
    /// Compares our refunds of a payment with the gateway's list, which has the newest first. A refund that is not
    /// listed stays as it is. So does our pending refund, which its executor ends. The sum of refunds never exceeds
    /// what was captured.
    pub(crate) fn of(captured: Money, ours: &[Refund], listed: &[ListedRefund]) -> Self {
        let mut mirroring = Self::default();
        let mut given_back = sum(ours);
        let (known, unknown): (Vec<_>, Vec<_>) = listed
            .iter()
            .rev()
            .map(|listed| (ours.iter().find(|refund| is_same(refund, listed)), listed))
            .partition(|(refund, _)| refund.is_some());
        for (refund, listed) in known {
            let moved = refund.and_then(|refund| moved(refund, listed));
            let Some(moved) = moved else { continue };
            let change = counted(moved.to, moved.refund.amount) - counted_refund(&moved.refund);
            if given_back + change <= captured.amount_minor {
                given_back += change;
                mirroring.moved.push(moved);
            }
        }
        let ours_is_pending = ours.iter().any(is_in_flight);
        for (_, listed) in unknown {
            match booked(captured, given_back, listed) {
                Some(new) => {
                    given_back += counted_listed(&new);
                    mirroring.new.push(new);
                }
                None => mirroring.deferred |= ours_is_pending && counted_listed(listed) > 0,
            }
        }
        mirroring
    }

    /// Whether nothing changes.
    #[cfg(test)]
    pub(crate) const fn is_empty(&self) -> bool {
        self.moved.is_empty() && self.new.is_empty()
    }
}

/// Whether a request for this refund is, or may be, in flight.
pub(crate) fn is_in_flight(refund: &Refund) -> bool {
    match refund.state {
        RefundState::Pending => refund.actor == RefundActor::Oms,
        RefundState::Refunded | RefundState::Failed => false,
        // A newer version of the program is executing it.
        RefundState::Other(_) => true,
    }
}

fn is_same(refund: &Refund, listed: &ListedRefund) -> bool {
    listed.refund_id == Some(refund.id) || refund.reference.as_ref() == Some(&listed.reference)
}

/// A refund that failed at the gateway has failed forever. A refund of ours that we recorded as failed because the
/// gateway rejected it may have been made nevertheless, and a dispute that was won may be lost in the end.
fn moved(refund: &Refund, listed: &ListedRefund) -> Option<Moved> {
    let (to, failure) = match &listed.state {
        ListedState::Pending => (RefundState::Pending, None),
        ListedState::Refunded => (RefundState::Refunded, None),
        ListedState::Failed(code) => (RefundState::Failed, Some(code.clone())),
    };
    let may_revive = refund.actor == RefundActor::Dispute || refund.reference.is_none();
    let is_news = match (refund.state, to) {
        _ if is_in_flight(refund) => false,
        (RefundState::Pending | RefundState::Refunded, RefundState::Failed)
        | (RefundState::Pending, RefundState::Refunded) => true,
        (RefundState::Failed, RefundState::Refunded) => may_revive,
        _ => false,
    };
    let refund = refund.clone();
    is_news.then_some(Moved {
        refund,
        to,
        failure,
    })
}

/// What an unknown refund is booked as; `None` if it can't be booked. A lost dispute may exceed what we still have.
fn booked(captured: Money, given_back: i64, listed: &ListedRefund) -> Option<ListedRefund> {
    let left = captured.amount_minor - given_back;
    let is_dispute = listed.actor == RefundActor::Dispute;
    let amount_minor = match is_dispute {
        true => listed.amount.amount_minor.min(left),
        false => listed.amount.amount_minor,
    };
    let has_failed = matches!(listed.state, ListedState::Failed(_));
    let is_bookable = listed.amount.currency == captured.currency
        && amount_minor > 0
        && (has_failed || amount_minor <= left)
        && !(has_failed && is_dispute);
    is_bookable.then(|| ListedRefund {
        amount: Money {
            amount_minor,
            ..captured
        },
        ..listed.clone()
    })
}

/// The sum of refunds that are done or pending, in minor units.
pub(crate) fn sum(refunds: &[Refund]) -> i64 {
    refunds.iter().map(counted_refund).sum()
}

fn counted_refund(refund: &Refund) -> i64 {
    counted(refund.state, refund.amount)
}

fn counted(state: RefundState, amount: Money) -> i64 {
    match state {
        RefundState::Pending | RefundState::Refunded | RefundState::Other(_) => amount.amount_minor,
        RefundState::Failed => 0,
    }
}

fn counted_listed(listed: &ListedRefund) -> i64 {
    match listed.state {
        ListedState::Pending | ListedState::Refunded => listed.amount.amount_minor,
        ListedState::Failed(_) => 0,
    }
}

#[cfg(test)]
mod tests;

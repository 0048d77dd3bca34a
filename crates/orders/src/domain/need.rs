//! Why an order needs an operator, in a list of orders.

use crate::domain::finding::FindingKind;

/// Why an order needs an operator. The first of several is the most urgent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// oms gave up settling it, or an operator took it to settle it by hand.
    DeadLetter,
    /// A refund succeeded and failed later.
    RefundFailed,
    /// The customer disputes the payment at the bank, or has won the dispute.
    Dispute,
    /// The gateway's books differ from ours.
    Difference,
    /// Its goods are on hold.
    Hold,
    /// A return was requested, and nobody has approved or declined it.
    Return,
}

impl Need {
    /// The need that an open finding stands for.
    pub(crate) const fn of(kind: FindingKind) -> Self {
        match kind {
            FindingKind::RefundFailed => Self::RefundFailed,
            FindingKind::PaymentDisputed => Self::Dispute,
            _ => Self::Difference,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_urgent_need_comes_first() {
        let mut needs = vec![Need::Return, Need::Hold, Need::Dispute];
        needs.extend(FindingKind::ALL.map(Need::of));
        needs.push(Need::DeadLetter);
        needs.sort();
        needs.dedup();
        let all = [
            Need::DeadLetter,
            Need::RefundFailed,
            Need::Dispute,
            Need::Difference,
            Need::Hold,
            Need::Return,
        ];
        assert_eq!(needs, all);
    }
}

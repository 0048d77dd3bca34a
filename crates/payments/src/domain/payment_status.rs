//! What a gateway says of a payment.

use oms_validation::Money;

use crate::DeclineCode;

/// What a gateway says of a payment, by its reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PaymentStatus {
    /// Definite yes: the money was taken. Compare the amount with the attempt's.
    Paid {
        /// What was taken.
        amount: Money,
    },
    /// Definite no: the try was refused. Nothing was taken, nor will be unless somebody confirms again.
    Declined {
        /// Why.
        code: DeclineCode,
    },
    /// Nothing was taken, nor will be unless somebody confirms. A confirmation may still be on its way.
    NotConfirmed,
    /// The customer has to do something first, such as authenticate with the bank.
    NeedsAction,
    /// The bank has not decided yet.
    Processing,
    /// The money is reserved for us, and ours once it is captured.
    Authorised,
    /// Proof that nothing was taken or ever will be.
    Cancelled,
}

/// What became of a refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundOutcome {
    /// It is on its way to the customer, and the gateway considers it done.
    Refunded {
        /// How much.
        amount: Money,
    },
    /// The gateway has accepted it, and the bank or the customer has yet to do something.
    Pending {
        /// How much.
        amount: Money,
    },
    /// The bank refused it; the money is still ours.
    Failed,
    /// All of it had been given back before.
    AlreadyRefunded,
}

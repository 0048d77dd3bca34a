//! Why a change of a return is refused.

use crate::domain::limits::{MAX_RECEIPTS, MAX_RETURNS};
use crate::domain::returns::words::ReturnStatus;

/// Why a change of a return is refused. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReturnRefusal {
    /// Nothing of the order was sent.
    #[error("nothing of the order was sent")]
    NothingShipped,
    /// The order or the return has no line of this number.
    #[error("there is no line {line}")]
    UnknownLine {
        /// The number.
        line: i32,
    },
    /// Fewer units of a line were sent and are not in a return already.
    #[error("line {line} has {returnable} units that may be returned")]
    MoreThanReturnable {
        /// The line's number.
        line: i32,
        /// Units that the request wants to return.
        wanted: i32,
        /// Units that may be returned.
        returnable: i32,
    },
    /// The order has as many returns as it may have.
    #[error("an order has at most {MAX_RETURNS} returns")]
    TooManyReturns,
    /// The return's status does not allow it.
    #[error("the return is {0}")]
    WrongStatus(ReturnStatus),
    /// The customer was credited for the units already.
    #[error("the units are accepted already")]
    Accepted,
    /// Fewer units of a line are still expected.
    #[error("line {line} has {expected} units that are still expected")]
    MoreThanApproved {
        /// The line's number.
        line: i32,
        /// Units that the request wants to receive.
        wanted: i32,
        /// Units that are still expected.
        expected: i32,
    },
    /// The return has as many receipts as it may have.
    #[error("a return has at most {MAX_RECEIPTS} receipts")]
    TooManyReceipts,
    /// Units of a shipment are in a return, so that it can't be cancelled.
    #[error("units of the shipment are in a return")]
    HasReturn,
}

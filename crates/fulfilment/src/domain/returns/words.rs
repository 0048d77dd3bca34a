//! The words of returns.

use crate::domain::words;

words! {
    ReturnStatus, "The status of a return.", {
        /// It waits for a decision.
        Requested = "REQUESTED",
        /// The units may be sent back.
        Approved = "APPROVED",
        /// It was refused. Final.
        Declined = "DECLINED",
        /// Some of the units arrived.
        Received = "RECEIVED",
        /// Nothing more is expected. Final.
        Closed = "CLOSED",
        /// It was withdrawn before anything arrived. Final.
        Cancelled = "CANCELLED",
    }
}

words! {
    RequestedBy, "Who requests a return.", {
        /// The customer. The window binds them.
        Customer = "customer",
        /// The merchant, who may accept a return after its window.
        Operator = "operator",
    }
}

words! {
    ReturnReason, "Why a unit is sent back.", {
        /// The customer does not want it any more.
        Unwanted = "unwanted",
        /// It does not fit.
        WrongSize = "wrong_size",
        /// It does not work.
        Defective = "defective",
        /// It arrived damaged.
        Damaged = "damaged",
        /// It is another product than the ordered one.
        WrongItem = "wrong_item",
        /// It is not as it was described.
        NotAsDescribed = "not_as_described",
        /// It arrived too late.
        Late = "late",
        /// Another reason.
        Unstated = "other",
    }
}

impl ReturnReason {
    /// Whether it is the customer's choice, rather than a defect of the product or of the delivery.
    pub const fn is_customers_choice(self) -> bool {
        match self {
            Self::Unwanted | Self::WrongSize | Self::Unstated => true,
            Self::Defective
            | Self::Damaged
            | Self::WrongItem
            | Self::NotAsDescribed
            | Self::Late
            | Self::Other(_) => false,
        }
    }
}

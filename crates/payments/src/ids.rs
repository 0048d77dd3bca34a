//! Identifiers of this context.

oms_validation::define_id! {
    /// An attempt to collect the payment of an order.
    AttemptId
}

oms_validation::define_id! {
    /// A refund of a payment. The gateway stores it with its refund.
    RefundId
}

//! Identifiers of this context.

oms_validation::define_id! {
    /// One try at collecting the payment of an order.
    AttemptId
}

oms_validation::define_id! {
    /// Money of a payment that is given back once. The gateway keeps it with its refund.
    RefundId
}

//! Identifiers of this context.

oms_validation::define_id! {
    /// One try at collecting the payment of an order.
    AttemptId
}

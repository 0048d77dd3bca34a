//! Identifiers of orders.

use oms_validation::define_id;

define_id! {
    /// A customer of the tenant. Any UUID: the storefront manages customers.
    CustomerId
}

define_id! {
    /// A credit.
    CreditId
}

define_id! {
    /// A dead letter.
    DeadLetterId
}

define_id! {
    /// A difference between the gateway's books and ours.
    FindingId
}

define_id! {
    /// A request to erase a customer.
    ErasureId
}

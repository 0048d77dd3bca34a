//! Erases a customer's personal data from orders, which stay in the books.

use std::time::Duration;

use chrono::{DateTime, Utc};
use oms_payments::DisputeState;
use oms_validation::{OrderId, TenantId};
use oms_work::Lease;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::domain::address::ShippingAddress;
use crate::domain::id::{CustomerId, ErasureId};
use crate::domain::status::OrderStatus;

/// A request to erase a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// Its ID.
    pub id: ErasureId,
    /// Who requested it.
    pub requested_by: String,
    /// When it was first requested.
    pub requested_at: DateTime<Utc>,
    /// Orders placed after this time are not erased.
    pub covers_until: DateTime<Utc>,
    /// Whether recently paid orders are erased too.
    pub includes_recent: bool,
    /// Number of orders erased so far, by all requests about this customer.
    pub erased_orders: i32,
    /// Its progress.
    pub progress: ErasureProgress,
}

/// The progress of an erasure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErasureProgress {
    /// Orders are left.
    Open(OpenErasure),
    /// No order is left. Only a hash of the customer's ID is kept.
    Complete {
        /// When it was completed.
        at: DateTime<Utc>,
    },
}

/// An incomplete erasure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenErasure {
    /// The customer to erase.
    pub customer_id: CustomerId,
    /// The ID that replaces the customer on erased orders.
    pub pseudonym: CustomerId,
    /// The last order that the current pass has looked at; `None` between passes.
    pub position: Option<OrderId>,
    /// Whether the latest pass skipped orders that could have been erased, because they were locked.
    pub passed_over: bool,
    pub(crate) lease: Lease,
}

/// The condition under which orders may be erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Eligibility {
    /// How long ago a paid order must have been paid, because it may not have been delivered.
    pub(crate) paid_for: Duration,
}

/// What is erased from an order. Address, destination and metadata always are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErasureScope {
    /// Only those.
    Address,
    /// Also the external reference, and the customer is replaced.
    Customer {
        /// The customer of the orders.
        customer: CustomerId,
        /// The ID that replaces the customer.
        pseudonym: CustomerId,
    },
}

impl ErasureScope {
    pub(crate) fn customer(self) -> Option<CustomerId> {
        match self {
            Self::Address => None,
            Self::Customer { customer, .. } => Some(customer),
        }
    }

    pub(crate) fn pseudonym(self) -> Option<CustomerId> {
        match self {
            Self::Address => None,
            Self::Customer { pseudonym, .. } => Some(pseudonym),
        }
    }
}

/// An order that a pass looks at.
#[derive(Clone, Debug)]
pub(crate) struct LookedAt {
    pub(crate) id: OrderId,
    /// `None` if it is erased.
    pub(crate) address: Option<ShippingAddress>,
    /// Whether it may be erased now, and has not been.
    pub(crate) is_erasable: bool,
}

/// An order that is not erased yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitingOrder {
    /// Its ID.
    pub id: OrderId,
    /// Its status.
    pub status: OrderStatus,
}

/// The hash that is kept of an erased customer. Nobody can guess a random UUID from it, but it lets a caller who knows
/// the ID confirm the erasure.
pub(crate) fn customer_hash(tenant: TenantId, customer: CustomerId) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(b"erased customer v1");
    hasher.update(tenant.as_uuid().as_bytes());
    hasher.update(customer.as_uuid().as_bytes());
    hasher.finalize().into()
}

/// Generates a pseudonym. It reveals nothing, not even when it was generated.
pub(crate) fn new_pseudonym() -> CustomerId {
    Uuid::new_v4().into()
}

/// The states of undecided disputes, for which the address may be evidence.
pub(crate) fn undecided_disputes() -> Vec<&'static str> {
    let states = DisputeState::ALL.into_iter();
    let open = states.filter(|state| state.is_open());
    open.map(DisputeState::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_belongs_to_one_customer_of_one_tenant() {
        let (tenant, customer) = (TenantId::generate(), CustomerId::generate());
        let hash = customer_hash(tenant, customer);
        assert_eq!(hash, customer_hash(tenant, customer));
        assert_ne!(hash, customer_hash(TenantId::generate(), customer));
        assert_ne!(hash, customer_hash(tenant, CustomerId::generate()));
    }

    #[test]
    fn a_pseudonym_does_not_reveal_its_time_of_creation() {
        assert_eq!(new_pseudonym().as_uuid().get_version_num(), 4);
        assert_ne!(new_pseudonym(), new_pseudonym());
    }

    #[test]
    fn only_undecided_disputes_keep_an_address() {
        let undecided = undecided_disputes();
        assert!(undecided.contains(&"needs_response"));
        assert!(!undecided.contains(&"lost") && !undecided.contains(&"won"));
    }
}

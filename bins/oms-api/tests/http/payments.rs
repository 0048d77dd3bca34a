//! Payments: cards, 3-D Secure, charges, gateway events and the comparison with the gateway's charges.

mod aftermath;
mod amounts;
mod installations;
mod payment_methods;
mod reverse_reconciliation;
pub mod three_d_secure;
mod three_d_secure_pages;
mod webhooks_applied;
mod webhooks_in;
mod webhooks_late;

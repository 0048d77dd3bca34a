//! What the serving role may do with the tables of payments.

use oms_database::Grant;

/// The rights of the serving role.
pub const GRANTS: &[Grant] = &[
    Grant::write("payments.attempts"),
    Grant::write("payments.refunds"),
    Grant::append("payments.refund_requests"),
    Grant::append("payments.gateway_calls"),
    Grant::all("payments.gateway_events"),
];

//! The rights of the serving role on the tables of orders.

use oms_database::Grant;

/// The columns that change during an order's life or are erased. Money, lines and times are not among them.
const OF_ORDERS: &[&str] = &[
    "idempotency_key",
    "customer_id",
    "status",
    "failure_code",
    "version",
    "shipping_address",
    "routing",
    "external_reference",
    "metadata",
    "erased_at",
    "updated_at",
];

/// The rights on each table.
pub const GRANTS: &[Grant] = &[
    Grant::append("orders.orders").updating(OF_ORDERS),
    Grant::append("orders.lines"),
    Grant::append("orders.adjustments"),
    Grant::append("orders.credits").updating(&["refund_id"]),
    Grant::append("orders.settings"),
    Grant::append("orders.events"),
    Grant::append("orders.retries"),
    Grant::append("orders.settlements"),
    Grant::all("orders.reconciliations"),
    Grant::write("orders.reconciliation_progress"),
    Grant::write("orders.dead_letters"),
    Grant::write("orders.findings"),
    Grant::write("orders.disputes"),
    // For the previous version, which may run beside this one. It goes with the table.
    Grant::write("orders.alerts"),
    Grant::write("orders.erasures"),
    Grant::all("orders.declines"),
    Grant::all("orders.idempotency_keys"),
];

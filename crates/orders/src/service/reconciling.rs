//! Reverse reconciliation: compares the gateway's books with ours and settles the differences.
//!
//! No other room uses this one.

pub(crate) mod check_charge;
pub(crate) mod check_paid_orders;
pub(crate) mod check_reports;
pub(crate) mod compared_tenants;
pub(crate) mod end_finding;
pub(crate) mod get_finding;
pub(crate) mod judge_charges;
pub(crate) mod lease;
pub(crate) mod list_findings;
pub(crate) mod measure_reconciliation;
pub(crate) mod reconcile_charges;
pub(crate) mod reconcile_next;
pub(crate) mod record_finding;
pub(crate) mod resolve_finding;
pub(crate) mod settle_due_findings;
pub(crate) mod settle_finding;
pub(crate) mod walk;

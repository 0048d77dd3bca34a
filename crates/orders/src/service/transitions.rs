//! The steps that move an order from one status to the next, each in one commit by compare-and-set, and the tools that
//! they share.
//!
//! The other rooms build on this one. It uses none of them.

pub(crate) mod abort;
pub(crate) mod advance;
pub(crate) mod book_reported;
pub(crate) mod change_status;
pub(crate) mod claim_key;
pub(crate) mod close_payment;
pub(crate) mod credit_returns;
pub(crate) mod dead_letter_order;
pub(crate) mod end_cancelling;
pub(crate) mod end_held_order;
pub(crate) mod end_order;
pub(crate) mod end_paid_orders;
pub(crate) mod end_refunding;
pub(crate) mod follow_gateway;
pub(crate) mod happenings;
pub(crate) mod hold_order;
pub(crate) mod open_fulfilment;
pub(crate) mod patience;
pub(crate) mod proof;
pub(crate) mod release_unsent;
pub(crate) mod report_payment;
pub(crate) mod settle_frozen;
pub(crate) mod settle_owed;
pub(crate) mod unpaid_returns;
pub(crate) mod worklist;

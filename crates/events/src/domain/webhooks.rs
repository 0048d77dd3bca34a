//! Webhooks: where events are sent, when, and what answers mean.

pub(crate) mod address_rules;
pub(crate) mod attempt;
pub(crate) mod endpoint;
pub(crate) mod endpoint_url;
pub(crate) mod health;
pub(crate) mod outcome;
pub(crate) mod pending;
pub(crate) mod replay;
pub(crate) mod reporting;
pub(crate) mod schedule;
pub(crate) mod sending;
pub(crate) mod window;

//! Reads orders, dead letters, settings and the backlog. Changes nothing and uses no other room.

pub(crate) mod explain_order;
pub(crate) mod find_needs;
pub(crate) mod find_references;
pub(crate) mod get_dead_letter;
pub(crate) mod get_order;
pub(crate) mod get_settings;
pub(crate) mod get_timeline;
pub(crate) mod list_dead_letters;
pub(crate) mod list_orders;
pub(crate) mod measure_backlog;
pub(crate) mod order_events;
pub(crate) mod search_orders;

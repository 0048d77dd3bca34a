//! The operators' console: access, pages, actions, and a browser.

mod access;
mod actions;
mod desk;
mod isolation;
mod provider;
mod stuck;
mod stuck_goods;
mod stuck_payments;

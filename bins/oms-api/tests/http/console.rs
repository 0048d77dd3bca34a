//! The operators' console: access, pages, actions, and a browser.

mod access;
mod actions;
mod desk;
mod goods;
mod integration;
mod isolation;
mod looks;
mod provider;
mod refreshing;
mod sizes;
mod stuck;
mod stuck_goods;
mod stuck_payments;
mod views;

//! Faults: a failing gateway or database, killed processes, and more requests than the program can serve.

pub mod breaker;
mod call_budget;
mod database_outages;
mod frozen_server;
mod gateway_fault_matrix;
mod gateway_outages;
mod hanging_gateway;
mod kill_cancel_refund;
mod kill_matrix;
mod kill_rerouting;
mod kill_returns;
mod kill_shipping;
pub mod killed;
mod overload;
mod race;
mod silent_database;

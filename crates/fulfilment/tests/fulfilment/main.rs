//! Fulfilment on a real database.

mod cancelling;
mod dispatching;
mod fixture;
mod holding;
mod tracking;
mod work_list;

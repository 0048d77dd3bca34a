//! Credentials: who is admitted, what they may do, and how often.

mod access;
mod actors;
mod rate_limits;
mod scopes;
pub mod strangers;
pub mod tokens;

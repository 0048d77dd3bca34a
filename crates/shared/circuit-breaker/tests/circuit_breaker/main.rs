//! The circuit breaker, from outside.

mod breaker;

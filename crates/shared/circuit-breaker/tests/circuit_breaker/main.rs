//! Tests of the circuit breaker.

mod breaker;

//! Tests of monitoring.

mod logs;

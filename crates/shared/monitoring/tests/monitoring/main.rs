//! Monitoring, from outside.

mod logs;

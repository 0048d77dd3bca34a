//! Adapters to external services: alert webhooks and trace collectors.

pub mod otlp;
pub mod webhook;

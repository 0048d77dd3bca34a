//! The use cases of webhooks.

pub(crate) mod cancel_replay;
pub(crate) mod change_endpoint;
mod claim_key;
mod courier;
pub(crate) mod create_endpoint;
pub(crate) mod delete_endpoint;
pub(crate) mod deliver;
pub(crate) mod get_endpoint;
pub(crate) mod get_replay;
pub(crate) mod list_attempts;
pub(crate) mod list_deliveries;
pub(crate) mod list_deliveries_of;
pub(crate) mod list_endpoints;
pub(crate) mod list_replays;
pub(crate) mod measure_webhooks;
pub(crate) mod purge_attempts;
pub(crate) mod resolve_delivery;
pub(crate) mod rotate_secret;
mod secrets;
pub(crate) mod set_status;
pub(crate) mod start_replay;
pub(crate) mod test_endpoint;

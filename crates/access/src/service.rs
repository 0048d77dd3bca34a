//! The use cases: creating, listing, rotating and revoking keys, and authenticating credentials.

pub(crate) mod authenticate;
pub(crate) mod create_key;
pub(crate) mod list_keys;
pub(crate) mod revoke_key;
pub(crate) mod rotate_key;
pub(crate) mod verify_token;

mod insert_key;
mod published_keys;

//! The use cases: making, listing, rotating and revoking keys, and finding out whom a credential stands for.

pub(crate) mod authenticate;
pub(crate) mod create_key;
pub(crate) mod list_keys;
pub(crate) mod revoke_key;
pub(crate) mod rotate_key;
pub(crate) mod verify_token;

mod insert_key;
mod published_keys;

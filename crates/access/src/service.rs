//! The use cases: creating, listing, rotating and revoking keys, authenticating credentials, signing in and out, and the
//! views of the console.

pub(crate) mod authenticate;
pub(crate) mod create_key;
pub(crate) mod create_link;
pub(crate) mod delete_view;
pub(crate) mod end_sessions;
pub(crate) mod list_keys;
pub(crate) mod list_sessions;
pub(crate) mod list_views;
pub(crate) mod purge_sessions;
pub(crate) mod rename_view;
pub(crate) mod resume_session;
pub(crate) mod revoke_key;
pub(crate) mod rotate_key;
pub(crate) mod save_view;
pub(crate) mod sign_in;
pub(crate) mod sign_in_at_provider;
pub(crate) mod sign_in_with_link;
pub(crate) mod verify_token;

mod begin_session;
mod insert_key;
mod published_keys;

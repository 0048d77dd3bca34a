//! Values and rules of the feed.

pub(crate) mod batch;
pub(crate) mod event;
pub(crate) mod event_type;
pub(crate) mod feed;
pub(crate) mod key;
pub(crate) mod publishing;
pub(crate) mod record;
pub(crate) mod webhooks;

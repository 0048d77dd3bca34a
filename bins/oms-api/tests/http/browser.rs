//! A real browser: Chromium without a window, driven over its DevTools protocol.
//!
//! ```ignore
//! let page = Page::open(&format!("{}/docs", shop.api.url)).await;
//! page.shows("Place an order").await;
//! page.press("Authorize").await;
//! page.assert_flawless().await;
//! ```
//!
//! One Chromium serves all tests that run at the same time, each in a context of its own: nothing is shared between them,
//! neither cookies nor storage. It reaches this machine's loopback addresses and nothing else.

mod chromium;
mod element;
mod page;
mod record;

pub use page::Page;

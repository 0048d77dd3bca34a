//! A real browser: Chromium without a window, driven over its DevTools protocol.
//!
//! ```ignore
//! let page = Page::open(&format!("{}/docs", shop.api.url)).await;
//! page.shows("Place an order").await;
//! page.press("Authorize").await;
//! page.assert_flawless().await;
//! ```
//!
//! One Chromium serves all tests that run at the same time. Each has its own context, so they share neither cookies nor
//! storage. It can connect only to loopback addresses of this machine.

mod chromium;
mod element;
mod page;
mod record;

pub use page::Page;

//! Who changed an order, and why.

/// The actor and the reason of a change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Authorship<'a> {
    /// `api:storefront`, `sweeper`, …; 1–300 characters.
    pub(crate) actor: &'a str,
    /// In words, 1–500 characters.
    pub(crate) reason: &'a str,
}

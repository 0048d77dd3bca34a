//! Who changed an order, and why.

/// Who did it, and why.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Authorship<'a> {
    /// `api:storefront`, `sweeper`, …; 1 to 300 characters.
    pub(crate) actor: &'a str,
    /// In words, 1 to 500 characters.
    pub(crate) reason: &'a str,
}

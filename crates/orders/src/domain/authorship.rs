//! Who changed an order, and why.

/// Who did it, and why.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Authorship<'a> {
    /// `api`, `sweeper`, …; 1 to 200 characters.
    pub(crate) actor: &'a str,
    /// In words, 1 to 500 characters.
    pub(crate) reason: &'a str,
}

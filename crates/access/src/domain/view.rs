//! A view of the console's list of orders: filters under a name, which the operators of a tenant share.

use oms_validation::text::tidy;
use uuid::Uuid;

/// The views that a tenant may have. Each has a slot of its own, which a unique index guards.
pub const MAX_VIEWS: i16 = 30;

/// Maximum length of a view's filters, in characters.
const MAX_QUERY: usize = 1000;

/// The ID of a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ViewId(pub Uuid);

/// The name of a view: 1 to 40 characters on one line, not all blank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewName(String);

/// The text is not usable as a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be 1 to {} characters on one line, not all blank",
    ViewName::MAX_LENGTH
)]
pub struct InvalidViewName;

impl ViewName {
    /// Maximum length, in characters.
    pub const MAX_LENGTH: usize = 40;

    /// Parses a name: removes surrounding white space and normalises characters that look the same.
    ///
    /// # Errors
    /// If it is blank or too long, or has a control character.
    pub fn parse(text: &str) -> Result<Self, InvalidViewName> {
        let text = tidy(text);
        let is_long = text.chars().count() > Self::MAX_LENGTH;
        if text.is_empty() || is_long || text.contains(char::is_control) {
            return Err(InvalidViewName);
        }
        Ok(Self(text.into_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The filters of a view, as in the address of the list: 1 to 1000 characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewQuery(String);

/// The filters of a view are missing, or too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to {MAX_QUERY} characters")]
pub struct InvalidViewQuery;

impl ViewQuery {
    /// Takes filters that the page has read.
    ///
    /// # Errors
    /// If there are none, or too many.
    pub fn new(query: String) -> Result<Self, InvalidViewQuery> {
        match query.chars().count() {
            1..=MAX_QUERY => Ok(Self(query)),
            _ => Err(InvalidViewQuery),
        }
    }

    /// The filters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedView {
    /// The ID.
    pub id: ViewId,
    /// The name, unique in the tenant.
    pub name: String,
    /// The filters.
    pub query: String,
    /// Incremented when it is renamed.
    pub version: i32,
    /// The operator who saved it.
    pub saved_by: String,
    pub(crate) slot: i16,
}

/// The first slot that no view has. `None` if all are taken.
pub(crate) fn free_slot(views: &[SavedView]) -> Option<i16> {
    (1..=MAX_VIEWS).find(|slot| views.iter().all(|view| view.slot != *slot))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_line_of_text() {
        for text in ["x", " Held for fraud ", &"ä".repeat(40), "<b>"] {
            assert_eq!(ViewName::parse(text).unwrap().as_str(), text.trim());
        }
        assert_eq!(
            ViewName::parse("Zoe\u{308}\u{202E}"),
            ViewName::parse("Zoë")
        );
        for text in ["", "  ", "\u{200B}", "a\nb", "a\0", &"x".repeat(41)] {
            assert_eq!(ViewName::parse(text), Err(InvalidViewName), "{text:?}");
        }
    }

    #[test]
    fn a_view_has_filters() {
        for (length, is_well) in [(0, false), (1, true), (1000, true), (1001, false)] {
            assert_eq!(ViewQuery::new("x".repeat(length)).is_ok(), is_well);
        }
    }

    #[test]
    fn the_slot_of_a_deleted_view_is_free_again() {
        let view = |slot| SavedView {
            id: ViewId(Uuid::nil()),
            name: String::new(),
            query: String::new(),
            version: 1,
            saved_by: String::new(),
            slot,
        };
        let mut views: Vec<_> = (1..=MAX_VIEWS).map(view).collect();
        assert_eq!(free_slot(&views), None);
        views.remove(6);
        assert_eq!(free_slot(&views), Some(7));
        assert_eq!(free_slot(&[]), Some(1));
    }
}

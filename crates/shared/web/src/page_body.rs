//! The answer for one page of a list.

use std::fmt::Display;

use oms_validation::Page;
use serde::Serialize;
use utoipa::ToSchema;

/// One page.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Page)]
pub struct PageBody<T> {
    items: Vec<T>,
    /// The value of `cursor` in the request for the next page. Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

impl<T> PageBody<T> {
    /// The body of a page; `item` converts each entry.
    pub fn of<E, C: Display>(page: Page<E, C>, item: impl FnMut(E) -> T) -> Self {
        Self {
            items: page.items.into_iter().map(item).collect(),
            next_cursor: page.next.map(|cursor| cursor.to_string()),
        }
    }
}

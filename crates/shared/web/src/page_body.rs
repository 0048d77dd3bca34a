//! The answer that is one page of a list.

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
    /// What the request for the next page has to carry as `cursor`. Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

impl<T> PageBody<T> {
    /// A page with each entry as the body has it.
    pub fn of<E, C: Display>(page: Page<E, C>, item: impl FnMut(E) -> T) -> Self {
        Self {
            items: page.items.into_iter().map(item).collect(),
            next_cursor: page.next.map(|cursor| cursor.to_string()),
        }
    }
}

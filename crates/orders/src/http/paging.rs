//! Lists that are read page by page: what their requests and answers have in common.

use std::fmt::Display;

use actix_web::web;
use oms_errors::Problem;
use serde::Serialize;

use crate::domain::page::{Cursor, InvalidCursor, Page, PageSize};
use crate::error::invalid_field;

/// One page.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageBody<T> {
    items: Vec<T>,
    /// Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

impl<T> PageBody<T> {
    pub(super) fn of<E, C: Display>(page: Page<E, C>, item: impl FnMut(E) -> T) -> Self {
        Self {
            items: page.items.into_iter().map(item).collect(),
            next_cursor: page.next.map(|cursor| cursor.to_string()),
        }
    }
}

/// The parameters of a query, in their order.
pub(super) fn parse_pairs(text: &str) -> Result<Vec<(String, String)>, Problem> {
    let pairs = web::Query::<Vec<(String, String)>>::from_query(text);
    let pairs = pairs.map_err(|_| invalid_field("query", "is not a query string"))?;
    Ok(pairs.into_inner())
}

pub(super) fn parse_size(value: &str) -> Result<PageSize, Problem> {
    let parsed = value.parse().ok().and_then(PageSize::new);
    parsed.ok_or_else(|| invalid_field("limit", "must be a whole number from 1 to 100"))
}

pub(super) fn parse_cursor(value: &str) -> Result<Cursor, Problem> {
    let parsed = value.parse();
    parsed.map_err(|error: InvalidCursor| invalid_field("cursor", error.to_string()))
}

//! Lists that are read page by page: what their requests and answers have in common.

use std::fmt::Display;

use actix_web::web;
use oms_errors::Problem;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::domain::page::{Cursor, InvalidCursor, Page, PageSize};
use crate::error::invalid_field;

/// One page.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Page)]
pub(super) struct PageBody<T> {
    items: Vec<T>,
    /// The `cursor` of the next page. Absent on the last page.
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

/// The parameters of every list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it documents what is read by hand")]
pub(super) struct PageParameters {
    limit: Option<PageSize>,
    /// The `nextCursor` of an earlier page, with the other parameters as they were.
    #[param(pattern = "^[0-9a-f]{48}$")]
    cursor: Option<String>,
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

//! Lists that are read page by page: what their requests and answers have in common.

use std::fmt::Display;
use std::str::FromStr;

use actix_web::web;
use oms_errors::{Problem, invalid_field};
use oms_validation::text::is_blank;
use oms_validation::{InvalidCursor, InvalidId, Page, PageSize};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

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

/// The parameters of every list, as the document of the API describes them.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it documents what is read by hand")]
pub struct PageParameters {
    limit: Option<PageSize>,
    /// The `nextCursor` of an earlier page, with the other parameters as they were.
    cursor: Option<String>,
}

/// The parameters of a query, each of which may be given once. One that is blank counts as left out: forms send all of their
/// fields.
///
/// # Errors
/// 400 when it is no query, or has a parameter twice or one that `known` does not have.
pub fn parse_query(text: &str, known: &[&str]) -> Result<Vec<(String, String)>, Problem> {
    let pairs = web::Query::<Vec<(String, String)>>::from_query(text);
    let pairs = pairs.map_err(|_| invalid_field("query", "is not a query string"))?;
    for (index, (name, _)) in pairs.iter().enumerate() {
        if !known.contains(&name.as_str()) {
            return Err(invalid_field(name, "is not a known parameter"));
        }
        if pairs[..index].iter().any(|(earlier, _)| earlier == name) {
            return Err(invalid_field(name, "is given twice"));
        }
    }
    let given = pairs.into_inner().into_iter();
    Ok(given.filter(|(_, value)| !is_blank(value)).collect())
}

/// Reads one parameter of a query that was parsed, if it is there.
///
/// # Errors
/// 400 with the message of `parse`.
pub fn parameter<T>(
    query: &[(String, String)],
    name: &str,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Result<Option<T>, Problem> {
    let found = query.iter().find(|(given, _)| given == name);
    let parsed = found.map(|(_, value)| parse(value)).transpose();
    parsed.map_err(|message| invalid_field(name, message))
}

/// The parameter `limit`: 1 to 100, else 20.
///
/// # Errors
/// 400 when it is another number, or none.
pub fn page_size(query: &[(String, String)]) -> Result<PageSize, Problem> {
    let size = parameter(query, "limit", |value| {
        let parsed = value.parse().ok().and_then(PageSize::new);
        parsed.ok_or_else(|| "must be a whole number from 1 to 100".to_owned())
    })?;
    Ok(size.unwrap_or(PageSize::DEFAULT))
}

/// The parameter `cursor`.
///
/// # Errors
/// 400 when it is none of this kind of list.
pub fn cursor<C: FromStr<Err = InvalidCursor>>(
    query: &[(String, String)],
) -> Result<Option<C>, Problem> {
    parameter(query, "cursor", |text| {
        text.parse()
            .map_err(|error: InvalidCursor| error.to_string())
    })
}

/// A parameter that is an id.
///
/// # Errors
/// 400 when it is none.
pub fn id<T: FromStr<Err = InvalidId>>(
    query: &[(String, String)],
    name: &str,
) -> Result<Option<T>, Problem> {
    parameter(query, name, |text| {
        text.parse().map_err(|error: InvalidId| error.to_string())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused_field(text: &str) -> String {
        let read = parse_query(text, &["limit", "sku"]).and_then(|query| page_size(&query));
        read.unwrap_err().body(None)["errors"][0]["field"].to_string()
    }

    #[test]
    fn a_parameter_that_is_unknown_or_given_twice_or_wrong_is_named() {
        assert_eq!(refused_field("page=2"), "\"page\"");
        for twice in ["sku=a&sku=a", "sku=&sku=a", "sku=&sku="] {
            assert_eq!(refused_field(twice), "\"sku\"", "{twice}");
        }
        for limit in ["0", "101", "-1", "x"] {
            assert_eq!(refused_field(&format!("limit={limit}")), "\"limit\"");
        }
    }

    #[test]
    fn a_blank_parameter_counts_as_left_out() {
        let query = parse_query("limit=&sku=%20%E2%80%8B+", &["limit", "sku"]).unwrap();
        assert_eq!(query, []);
        assert_eq!(page_size(&query).unwrap(), PageSize::DEFAULT);
    }

    #[test]
    fn parameters_are_decoded_and_have_defaults() {
        let query = parse_query("sku=a%20b", &["limit", "sku"]).unwrap();
        assert_eq!(page_size(&query).unwrap(), PageSize::DEFAULT);
        let sku = parameter(&query, "sku", |value| Ok(value.to_owned()));
        assert_eq!(sku.unwrap().as_deref(), Some("a b"));
    }
}

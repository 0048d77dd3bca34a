//! `GET /operations/dead-letters`.

use actix_web::{HttpRequest, HttpResponse, web};
use oms_errors::Problem;
use oms_validation::http::{CurrentOperator, CurrentTenant};

use super::representation::DeadLetterBody;
use crate::domain::dead_letter::DeadLetterFilter;
use crate::domain::page::{Cursor, PageSize};
use crate::error::invalid_field;
use crate::http::OrdersApi;
use crate::http::paging::{PageBody, PageParameters, parse_cursor, parse_pairs, parse_size};
use crate::service;

/// 200 with a page, newest first. `state` is `open` (the default), `resolved` or `all`, `limit` 1 to 100 (20), `cursor` the
/// `nextCursor` of an earlier page.
#[utoipa::path(
    get,
    path = "/operations/dead-letters",
    operation_id = "listDeadLetters",
    tag = "operations",
    summary = "List dead letters",
    description = "Orders that only a person can settle, newest first.",
    params(("state" = Option<DeadLetterFilter>, Query), PageParameters),
    responses((status = 200, description = "A page.", body = PageBody<DeadLetterBody>)),
)]
pub(crate) async fn list(
    _: CurrentOperator,
    api: web::Data<OrdersApi>,
    tenant: CurrentTenant,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let query = Query::parse(request.query_string())?;
    let context = api.context.clone();
    let listing = async move {
        let Query {
            filter,
            size,
            after,
        } = query;
        service::list_dead_letters::list_dead_letters(&context, tenant.0, filter, after, size).await
    };
    let page = api.detached(listing).await??;
    Ok(HttpResponse::Ok().json(PageBody::of(page, DeadLetterBody::from)))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Query {
    filter: DeadLetterFilter,
    size: PageSize,
    after: Option<Cursor>,
}

impl Query {
    fn parse(text: &str) -> Result<Self, Problem> {
        let pairs = parse_pairs(text)?;
        let (mut filter, mut size, mut after) = (None, None, None);
        for (name, value) in &pairs {
            let is_first = match name.as_str() {
                "state" => filter.replace(parse_filter(value)?).is_none(),
                "limit" => size.replace(parse_size(value)?).is_none(),
                "cursor" => after.replace(parse_cursor(value)?).is_none(),
                _ => return Err(invalid_field(name, "is not a known parameter")),
            };
            if !is_first {
                return Err(invalid_field(name, "is given twice"));
            }
        }
        Ok(Self {
            filter: filter.unwrap_or(DeadLetterFilter::Open),
            size: size.unwrap_or(PageSize::DEFAULT),
            after,
        })
    }
}

fn parse_filter(value: &str) -> Result<DeadLetterFilter, Problem> {
    let parsed = DeadLetterFilter::parse(value);
    parsed.ok_or_else(|| invalid_field("state", "must be open, resolved or all"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_without_parameters_asks_for_what_is_open() {
        let query = Query::parse("").unwrap();
        let default = Query {
            filter: DeadLetterFilter::Open,
            size: PageSize::DEFAULT,
            after: None,
        };
        assert_eq!(query, default);
        let query = Query::parse("limit=100&state=all").unwrap();
        assert_eq!(query.filter, DeadLetterFilter::All);
        assert_eq!(Some(query.size), PageSize::new(100));
    }

    #[test]
    fn a_parameter_that_is_wrong_or_unknown_or_given_twice_is_named() {
        for (text, field) in [
            ("state=OPEN", "state"),
            ("limit=0", "limit"),
            ("limit=101", "limit"),
            ("limit=-1", "limit"),
            ("limit=many", "limit"),
            ("cursor=", "cursor"),
            ("cursor=42", "cursor"),
            ("page=2", "page"),
            ("limit=1&limit=1", "limit"),
        ] {
            let body = Query::parse(text).unwrap_err().body(None);
            assert_eq!(body["status"], 400, "{text}");
            assert_eq!(body["errors"][0]["field"], field, "{text}");
        }
    }
}

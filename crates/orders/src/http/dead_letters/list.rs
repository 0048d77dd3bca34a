//! `GET /operations/dead-letters`.

use actix_web::{HttpRequest, HttpResponse, web};
use oms_errors::Problem;
use oms_validation::PageSize;
use oms_web::paging::{PageBody, PageParameters, cursor, page_size, parameter, parse_query};
use oms_web::{CurrentOperator, CurrentTenant, ProblemResponse};

use super::representation::DeadLetterBody;
use crate::domain::cursor::Cursor;
use crate::domain::dead_letter::DeadLetterFilter;
use crate::http::OrdersApi;
use crate::service::reading;

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
) -> Result<HttpResponse, ProblemResponse> {
    let query = Query::parse(request.query_string())?;
    let context = api.context.clone();
    let listing = async move {
        let Query {
            filter,
            size,
            after,
        } = query;
        reading::list_dead_letters::list_dead_letters(&context, tenant.0, filter, after, size).await
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
        let query = parse_query(text, &["state", "limit", "cursor"])?;
        let filter = parameter(&query, "state", |value| {
            DeadLetterFilter::parse(value).ok_or_else(|| "must be open, resolved or all".to_owned())
        })?;
        Ok(Self {
            filter: filter.unwrap_or(DeadLetterFilter::Open),
            size: page_size(&query)?,
            after: cursor(&query)?,
        })
    }
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

//! `GET /operations/findings`.

use actix_web::{HttpRequest, HttpResponse, web};
use oms_errors::Problem;
use oms_validation::PageSize;
use oms_web::paging::{PageBody, PageParameters, cursor, page_size, parameter, parse_query};
use oms_web::{CurrentOperator, CurrentTenant, ProblemResponse};

use super::representation::FindingBody;
use crate::domain::cursor::Cursor;
use crate::domain::finding::{FindingFilter, FindingKind, FindingState};
use crate::http::OrdersApi;
use crate::service::reconciling;

/// 200 with a page, newest first. `state` is `open` (the default), `resolved` or `all`, `kind` one kind of finding, `limit`
/// 1 to 100 (20), `cursor` the `nextCursor` of an earlier page.
#[utoipa::path(
    get,
    path = "/operations/findings",
    operation_id = "listFindings",
    tag = "operations",
    summary = "List findings",
    description = "Where the gateway's charges and the orders differ, newest first.",
    params(("state" = Option<FindingState>, Query), ("kind" = Option<FindingKind>, Query), PageParameters),
    responses((status = 200, description = "A page.", body = PageBody<FindingBody>)),
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
        reconciling::list_findings::list_findings(&context, tenant.0, filter, after, size).await
    };
    let page = api.detached(listing).await??;
    Ok(HttpResponse::Ok().json(PageBody::of(page, FindingBody::from)))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Query {
    filter: FindingFilter,
    size: PageSize,
    after: Option<Cursor>,
}

impl Query {
    fn parse(text: &str) -> Result<Self, Problem> {
        let query = parse_query(text, &["state", "kind", "limit", "cursor"])?;
        let state = parameter(&query, "state", |value| {
            FindingState::parse(value).ok_or_else(|| "must be open, resolved or all".to_owned())
        })?;
        Ok(Self {
            filter: FindingFilter {
                state: state.unwrap_or(FindingState::Open),
                kind: parameter(&query, "kind", parse_kind)?,
            },
            size: page_size(&query)?,
            after: cursor(&query)?,
        })
    }
}

fn parse_kind(value: &str) -> Result<FindingKind, String> {
    FindingKind::parse(value).ok_or_else(|| {
        let kinds = FindingKind::ALL.map(FindingKind::as_str).join(", ");
        format!("must be one of {kinds}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_without_parameters_asks_for_what_is_open_of_every_kind() {
        let query = Query::parse("").unwrap();
        assert_eq!(query.filter.state, FindingState::Open);
        assert_eq!(query.filter.kind, None);
        let query = Query::parse("state=all&kind=amount_mismatch&limit=7").unwrap();
        assert_eq!(query.filter.state, FindingState::All);
        assert_eq!(query.filter.kind, Some(FindingKind::AmountMismatch));
        assert_eq!(Some(query.size), PageSize::new(7));
    }

    #[test]
    fn a_parameter_that_is_wrong_or_unknown_or_given_twice_is_named() {
        for (text, field) in [
            ("state=OPEN", "state"),
            ("kind=odd", "kind"),
            ("limit=0", "limit"),
            ("cursor=42", "cursor"),
            ("page=2", "page"),
            ("kind=amount_mismatch&kind=amount_mismatch", "kind"),
        ] {
            let body = Query::parse(text).unwrap_err().body(None);
            assert_eq!(body["status"], 400, "{text}");
            assert_eq!(body["errors"][0]["field"], field, "{text}");
        }
    }
}

//! `GET /operations/dead-letters`.

use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use oms_validation::{Cursor, PageSize};
use oms_web::{CurrentOperator, CurrentTenant, PageBody, ProblemResponse, Query};
use serde::Deserialize;
use utoipa::IntoParams;

use super::representation::DeadLetterBody;
use crate::domain::dead_letter::DeadLetterFilter;
use crate::domain::id::DeadLetterId;
use crate::http::OrdersApi;
use crate::service::reading;

/// The parameters of the list.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Parameters {
    #[serde(default)]
    state: DeadLetterFilter,
    #[serde(default)]
    limit: PageSize,
    /// The `nextCursor` of an earlier page, with all other parameters unchanged.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor<(DateTime<Utc>, DeadLetterId)>>,
}

/// Answers 200 with a page, newest first. `state` is `open` (default), `resolved` or `all`; `limit` is 1–100, default
/// 20; `cursor` is the `nextCursor` of an earlier page.
#[utoipa::path(
    get,
    path = "/operations/dead-letters",
    operation_id = "listDeadLetters",
    tag = "operations",
    summary = "List dead letters",
    description = "Orders that need an operator, newest first.",
    params(Parameters),
    responses((status = 200, description = "A page.", body = PageBody<DeadLetterBody>)),
)]
pub(crate) async fn list(
    _: CurrentOperator,
    api: web::Data<OrdersApi>,
    tenant: CurrentTenant,
    query: Query<Parameters>,
) -> Result<HttpResponse, ProblemResponse> {
    let Parameters {
        state,
        limit,
        cursor,
    } = query.0;
    let listing = api.work.run(|context| async move {
        let tenant = tenant.0;
        reading::list_dead_letters::list_dead_letters(&context, tenant, state, cursor, limit).await
    });
    let page = listing.await?;
    Ok(HttpResponse::Ok().json(PageBody::of(page, DeadLetterBody::from)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_without_parameters_lists_open_dead_letters() {
        let query = Query::<Parameters>::parse("").unwrap().0;
        assert_eq!(query.state, DeadLetterFilter::Open);
        assert_eq!((query.limit, query.cursor), (PageSize::DEFAULT, None));
        let query = Query::<Parameters>::parse("limit=100&state=all").unwrap().0;
        assert_eq!(query.state, DeadLetterFilter::All);
        assert_eq!(Some(query.limit), PageSize::new(100));
    }

    #[test]
    fn a_wrong_unknown_or_repeated_parameter_is_named() {
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
            let refused = Query::<Parameters>::parse(text).map(|_| ());
            let body = refused.unwrap_err().body(None);
            assert_eq!(body["status"], 400, "{text}");
            assert_eq!(body["errors"][0]["field"], field, "{text}");
        }
    }
}

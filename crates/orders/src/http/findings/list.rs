//! `GET /operations/findings`.

use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use oms_validation::{Cursor, PageSize};
use oms_web::{CurrentOperator, CurrentTenant, PageBody, ProblemResponse, Query};
use serde::Deserialize;
use utoipa::IntoParams;

use super::representation::FindingBody;
use crate::domain::finding::{FindingFilter, FindingKind, FindingState};
use crate::domain::id::FindingId;
use crate::http::OrdersApi;
use crate::service::reconciling;

/// The parameters of the list.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Parameters {
    #[serde(default)]
    state: FindingState,
    kind: Option<FindingKind>,
    #[serde(default)]
    limit: PageSize,
    /// The `nextCursor` of an earlier page, with all other parameters unchanged.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor<(DateTime<Utc>, FindingId)>>,
}

/// Answers 200 with a page, newest first. `state` is `open` (default), `resolved` or `all`; `kind` is a kind of
/// finding; `limit` is 1–100, default 20; `cursor` is the `nextCursor` of an earlier page.
#[utoipa::path(
    get,
    path = "/operations/findings",
    operation_id = "listFindings",
    tag = "operations",
    summary = "List findings",
    description = "Differences between the gateway's charges and the orders, newest first.",
    params(Parameters),
    responses((status = 200, description = "A page.", body = PageBody<FindingBody>)),
)]
pub(crate) async fn list(
    _: CurrentOperator,
    api: web::Data<OrdersApi>,
    tenant: CurrentTenant,
    query: Query<Parameters>,
) -> Result<HttpResponse, ProblemResponse> {
    let Parameters {
        state,
        kind,
        limit,
        cursor,
    } = query.0;
    let filter = FindingFilter { state, kind };
    let listing = api.work.run(|context| async move {
        reconciling::list_findings::list_findings(&context, tenant.0, filter, cursor, limit).await
    });
    let page = listing.await?;
    Ok(HttpResponse::Ok().json(PageBody::of(page, FindingBody::from)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_without_parameters_lists_open_findings_of_every_kind() {
        let query = Query::<Parameters>::parse("").unwrap().0;
        assert_eq!(query.state, FindingState::Open);
        assert_eq!(query.kind, None);
        let text = "state=all&kind=amount_mismatch&limit=7";
        let query = Query::<Parameters>::parse(text).unwrap().0;
        assert_eq!(query.state, FindingState::All);
        assert_eq!(query.kind, Some(FindingKind::AmountMismatch));
        assert_eq!(Some(query.limit), PageSize::new(7));
    }

    #[test]
    fn a_wrong_unknown_or_repeated_parameter_is_named() {
        for (text, field) in [
            ("state=OPEN", "state"),
            ("kind=odd", "kind"),
            ("limit=0", "limit"),
            ("cursor=42", "cursor"),
            ("page=2", "page"),
            ("kind=amount_mismatch&kind=amount_mismatch", "kind"),
        ] {
            let refused = Query::<Parameters>::parse(text).map(|_| ());
            let body = refused.unwrap_err().body(None);
            assert_eq!(body["status"], 400, "{text}");
            assert_eq!(body["errors"][0]["field"], field, "{text}");
        }
    }
}

//! `GET /price-lists`.

use actix_web::{HttpResponse, web};
use oms_validation::{Cursor, PageSize};
use oms_web::{CurrentTenant, PageBody, ProblemResponse, Query};
use serde::Deserialize;
use utoipa::IntoParams;

use super::representation::PriceListBody;
use crate::domain::id::PriceListId;
use crate::domain::price_list::PriceListCode;
use crate::http::InventoryApi;
use crate::service;

/// The parameters of the list.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Parameters {
    code: Option<PriceListCode>,
    #[serde(default)]
    limit: PageSize,
    /// The `nextCursor` of the previous page. Repeat the other parameters unchanged.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor<PriceListId>>,
}

/// Returns 200 with a page, newest first. `code` selects the one list with this code.
#[utoipa::path(
    get,
    path = "/price-lists",
    operation_id = "listPriceLists",
    tag = "inventory",
    summary = "List price lists",
    description = "Newest first.",
    params(Parameters),
    responses(
        (status = 200, description = "A page of price lists.", body = PageBody<PriceListBody>),
    ),
)]
pub(crate) async fn list(
    api: web::Data<InventoryApi>,
    tenant: CurrentTenant,
    query: Query<Parameters>,
) -> Result<HttpResponse, ProblemResponse> {
    let Parameters {
        code,
        limit,
        cursor,
    } = query.0;
    let listing = api.work.run(|context| async move {
        let code = code.as_ref();
        service::list_price_lists::list_price_lists(&context, tenant.0, code, cursor, limit).await
    });
    let found = listing.await?;
    Ok(HttpResponse::Ok().json(PageBody::of(found, PriceListBody::from)))
}

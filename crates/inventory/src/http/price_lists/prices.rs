//! `GET /price-lists/{id}/prices`.

use actix_web::{HttpResponse, web};
use oms_validation::{Cursor, PageSize, ProductId};
use oms_web::{CurrentTenant, PageBody, ProblemResponse, Query};
use serde::Deserialize;
use utoipa::IntoParams;

use super::id_of;
use super::representation::ListPriceBody;
use crate::domain::id::PriceListId;
use crate::error::PRICE_LIST_NOT_FOUND;
use crate::http::InventoryApi;
use crate::service;

/// The parameters of the list.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Parameters {
    product_id: Option<ProductId>,
    #[serde(default)]
    limit: PageSize,
    /// The `nextCursor` of the previous page. Repeat the other parameters unchanged.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor<(ProductId, u64)>>,
}

oms_web::refusals! {
    Refusals: [PRICE_LIST_NOT_FOUND]
}

/// Returns 200 with a page of the list's prices, ordered by product and quantity; 404 if the tenant has no such list.
#[utoipa::path(
    get,
    path = "/price-lists/{id}/prices",
    operation_id = "listPrices",
    tag = "inventory",
    summary = "List the prices of a price list",
    description = "Ordered by product and quantity.",
    params(("id" = PriceListId, Path), Parameters),
    responses(
        (status = 200, description = "A page of prices.", body = PageBody<ListPriceBody>),
        Refusals,
    ),
)]
pub(crate) async fn prices(
    api: web::Data<InventoryApi>,
    tenant: CurrentTenant,
    id: web::Path<String>,
    query: Query<Parameters>,
) -> Result<HttpResponse, ProblemResponse> {
    let id = id_of(&id)?;
    let Parameters {
        product_id,
        limit,
        cursor,
    } = query.0;
    let listing = api.work.run(|context| async move {
        let tenant = tenant.0;
        service::list_prices::list_prices(&context, tenant, id, product_id, cursor, limit).await
    });
    let found = listing.await?;
    Ok(HttpResponse::Ok().json(PageBody::of(found, ListPriceBody::from)))
}

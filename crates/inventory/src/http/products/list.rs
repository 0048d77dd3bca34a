//! `GET /products`.

use actix_web::{HttpResponse, web};
use oms_validation::{Cursor, PageSize, ProductId};
use oms_web::{CurrentTenant, PageBody, ProblemResponse, Query};
use serde::Deserialize;
use utoipa::IntoParams;

use super::representation::ProductBody;
use crate::domain::name::Sku;
use crate::http::InventoryApi;
use crate::service;

/// The parameters of the list.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Parameters {
    sku: Option<Sku>,
    #[serde(default)]
    limit: PageSize,
    /// The `nextCursor` of the previous page. Repeat the other parameters unchanged.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor<ProductId>>,
}

/// Returns 200 with a page, newest first. `sku` selects the one product with this SKU.
#[utoipa::path(
    get,
    path = "/products",
    operation_id = "listProducts",
    tag = "inventory",
    summary = "List products",
    description = "Newest first.",
    params(Parameters),
    responses(
        (status = 200, description = "A page of products.", body = PageBody<ProductBody>),
    ),
)]
pub(crate) async fn list(
    api: web::Data<InventoryApi>,
    tenant: CurrentTenant,
    query: Query<Parameters>,
) -> Result<HttpResponse, ProblemResponse> {
    let Parameters { sku, limit, cursor } = query.0;
    let listing = api.work.run(|context| async move {
        service::list_products::list_products(&context, tenant.0, sku.as_ref(), cursor, limit).await
    });
    let found = listing.await?;
    Ok(HttpResponse::Ok().json(PageBody::of(found, ProductBody::from)))
}

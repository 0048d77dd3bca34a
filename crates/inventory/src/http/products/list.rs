//! `GET /products`.

use actix_web::{HttpRequest, HttpResponse, web};
use oms_web::paging::{PageBody, PageParameters, cursor, page_size, parameter, parse_query};
use oms_web::{CurrentTenant, ProblemResponse};

use super::representation::ProductBody;
use crate::domain::name::{InvalidSku, Sku};
use crate::http::InventoryApi;
use crate::service;

/// 200 with a page, newest first. `sku` leaves the one product with it, `limit` is 1 to 100 (20), `cursor` the `nextCursor`
/// of an earlier page.
#[utoipa::path(
    get,
    path = "/products",
    operation_id = "listProducts",
    tag = "inventory",
    summary = "List products",
    description = "Newest first.",
    params(("sku" = Option<Sku>, Query), PageParameters),
    responses(
        (status = 200, description = "A page.", body = PageBody<ProductBody>),
    ),
)]
pub(crate) async fn list(
    api: web::Data<InventoryApi>,
    tenant: CurrentTenant,
    request: HttpRequest,
) -> Result<HttpResponse, ProblemResponse> {
    let query = parse_query(request.query_string(), &["sku", "limit", "cursor"])?;
    let sku = parameter(&query, "sku", |text| {
        Sku::parse(text).map_err(|error: InvalidSku| error.to_string())
    })?;
    let (size, after) = (page_size(&query)?, cursor(&query)?);
    let context = api.context.clone();
    let listing = async move {
        service::list_products::list_products(&context, tenant.0, sku.as_ref(), after, size).await
    };
    let found = api.detached(listing).await??;
    Ok(HttpResponse::Ok().json(PageBody::of(found, ProductBody::from)))
}

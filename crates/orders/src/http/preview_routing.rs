//! `POST /routing/preview`.

use actix_web::{HttpResponse, web};
use oms_errors::Problem;
use oms_inventory::PriceListCode;
use oms_validation::{Currency, Money, WarehouseId};
use oms_web::{CurrentTenant, ProblemResponse, ValidJson};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use super::items::{Item, lines_of};
use super::pricing::{NewAdjustment, TotalIs, pricing_of};
use super::representation::{self, RoutingBody};
use super::{OrdersApi, examples};
use crate::domain::address::ShippingAddress;
use crate::error;
use crate::service::placing;
use crate::service::placing::preview_routing::RoutingPreview;

/// What would be ordered, and where to ship it.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = RoutingRequest, examples(examples::routing_request))]
pub(super) struct Body {
    shipping_address: ShippingAddress,
    #[schema(min_items = 1, max_items = 100)]
    #[validate(
        nested,
        length(min = 1, max = 100, message = "must have 1 to 100 entries")
    )]
    items: Vec<Item>,
    /// The currency, which must be one of the tenant's. Without it, the first of these.
    currency: Option<Currency>,
    /// The code of a price list in this currency. Its prices apply before the base prices while it is active and valid.
    price_list: Option<PriceListCode>,
    /// Discounts, taxes, shipping and fees.
    #[schema(max_items = 500)]
    adjustments: Option<Vec<NewAdjustment>>,
    /// The total that the customer has seen. The preview is rejected if items and adjustments sum to another one.
    expected_total: Option<Money>,
}

/// The warehouse that the order would come from.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RoutingPreview)]
struct PreviewBody {
    /// Null if no single warehouse can fill the whole order.
    #[schema(required = true)]
    warehouse_id: Option<WarehouseId>,
    #[schema(required = true)]
    warehouse_name: Option<String>,
    total: Money,
    items: Vec<representation::Item>,
    routing: RoutingBody,
}

oms_web::refusals! {
    Refusals: [
        oms_geocoding::ADDRESS_NOT_FOUND,
        oms_geocoding::TOO_MANY_LOOK_UPS,
        oms_geocoding::UNAVAILABLE,
        error::UNKNOWN_PRODUCT,
        error::PRODUCT_NOT_SOLD,
        error::UNKNOWN_PRICE_LIST,
        error::PRICE_LIST_CURRENCY,
        error::CURRENCY_NOT_OFFERED,
        error::PRICE_CHANGED,
        error::TOTAL_MISMATCH,
        error::DISCOUNT_TOO_LARGE,
        error::TAX_TOO_LARGE,
        error::TOTAL_TOO_LARGE,
        oms_payments::AMOUNT_NOT_ACCEPTED,
    ]
}

/// Answers 200 with the warehouse, if any, and the reason. 400 if the address is not found; 422 if a line can't
/// be sold. Places and holds nothing.
#[utoipa::path(
    post,
    path = "/routing/preview",
    operation_id = "previewRouting",
    tag = "orders",
    summary = "Preview routing",
    description = "Returns the warehouse that an order would come from, the reason, and the prices. Nothing is placed or held.",
    request_body = Body,
    responses(
        (status = 200, description = "The warehouse, or null if no single warehouse can fill the order.", body = PreviewBody),
        Refusals,
    ),
)]
pub(super) async fn preview_routing(
    api: web::Data<OrdersApi>,
    tenant: CurrentTenant,
    body: ValidJson<Body>,
) -> Result<HttpResponse, ProblemResponse> {
    let Body {
        shipping_address,
        items,
        currency,
        price_list,
        adjustments,
        expected_total,
    } = body.0;
    let lines = lines_of(&items)?;
    let total_is = TotalIs::Optional;
    let terms = (currency, price_list);
    let pricing = pricing_of(&items, terms, adjustments, expected_total, total_is)?;
    let previewing = api.work.run(|context| async move {
        let address = &shipping_address;
        placing::preview_routing::preview_routing(&context, tenant.0, address, &lines, &pricing)
            .await
    });
    let preview = previewing.await?;
    Ok(HttpResponse::Ok().json(PreviewBody::of(preview)?))
}

impl PreviewBody {
    fn of(preview: RoutingPreview) -> Result<Self, Problem> {
        let RoutingPreview {
            route,
            explanation,
            lines,
            total,
        } = preview;
        let (warehouse_id, warehouse_name) =
            route.chosen.map(|chosen| (chosen.id, chosen.name)).unzip();
        Ok(Self {
            warehouse_id,
            warehouse_name,
            total,
            items: representation::Item::of_all(&lines)?,
            routing: RoutingBody::of(route.trace, explanation),
        })
    }
}

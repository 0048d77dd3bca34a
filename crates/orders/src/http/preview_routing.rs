//! `POST /routing/preview`.

use actix_web::{HttpResponse, web};
use oms_errors::Problem;
use oms_inventory::WarehouseId;
use oms_validation::Money;
use oms_validation::http::{CurrentTenant, ValidJson};
use serde::{Deserialize, Serialize};
use validator::Validate;

use super::OrdersApi;
use super::items::{Item, lines_of};
use super::representation::{self, RoutingBody};
use crate::domain::address::ShippingAddress;
use crate::error::OrderError;
use crate::service;
use crate::service::preview_routing::RoutingPreview;

/// What would be ordered, and where to.
#[derive(Debug, Deserialize, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Body {
    shipping_address: ShippingAddress,
    #[validate(
        nested,
        length(min = 1, max = 100, message = "must have 1 to 100 entries")
    )]
    items: Vec<Item>,
}

/// Where it would come from.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PreviewBody {
    /// Null when no single warehouse can fill the whole order.
    warehouse_id: Option<WarehouseId>,
    warehouse_name: Option<String>,
    total: Money,
    items: Vec<representation::Item>,
    routing: RoutingBody,
}

/// 200 with the warehouse, or with none, and why. 400 when the address is not found; 422 when a line can't be sold. It places
/// nothing and holds nothing.
pub(super) async fn preview_routing(
    api: web::Data<OrdersApi>,
    tenant: CurrentTenant,
    body: ValidJson<Body>,
) -> Result<HttpResponse, Problem> {
    let address = body.0.shipping_address;
    let lines = lines_of(&body.0.items)?;
    let context = api.context.clone();
    let previewing = async move {
        service::preview_routing::preview_routing(&context, tenant.0, &address, &lines).await
    };
    let preview = api.detached(previewing).await??;
    Ok(HttpResponse::Ok().json(PreviewBody::of(preview)?))
}

impl PreviewBody {
    fn of(preview: RoutingPreview) -> Result<Self, OrderError> {
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

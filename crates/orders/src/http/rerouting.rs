//! Endpoints of units that go to another warehouse.

pub(super) mod evacuate;
pub(super) mod list_moves;
pub(super) mod move_work;
pub(super) mod reject;
mod representation;
pub(super) mod resume;
pub(super) mod stop;

use actix_web::{HttpResponse, web};
use oms_errors::INVALID_HEADER;
use oms_fulfilment::{EvacuationBody, evacuation_id_of};
use oms_inventory::SourceStock;
use oms_web::{CurrentTenant, OptionalIdempotencyKey, ProblemResponse};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::error;
use crate::http::OrdersApi;
use crate::service::rerouting::change_evacuation::{EvacuationChange, change_evacuation};

/// What is true of the units in the warehouse that they leave.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SourceStock)]
enum StockBody {
    /// They are there, and for sale.
    #[default]
    Keep,
    /// They are gone.
    WriteOff,
    /// They are gone, and so are all units of the products that no other order has.
    WriteOffAll,
    /// They are there, and not for sale.
    Quarantine,
}

impl From<StockBody> for SourceStock {
    fn from(stock: StockBody) -> Self {
        match stock {
            StockBody::Keep => Self::Keep,
            StockBody::WriteOff => Self::WriteOff,
            StockBody::WriteOffAll => Self::WriteOffAll,
            StockBody::Quarantine => Self::Quarantine,
        }
    }
}

oms_web::refusals! {
    EvacuationRefusals: [
        INVALID_HEADER,
        oms_fulfilment::EVACUATION_NOT_FOUND,
        oms_fulfilment::EVACUATION_FINISHED,
        error::KEY_REUSED,
        error::CONTENDED,
        error::OUTCOME_UNKNOWN,
    ]
}

/// Changes an evacuation, and answers 200 with it.
async fn evacuation_changed(
    api: &web::Data<OrdersApi>,
    tenant: CurrentTenant,
    key: OptionalIdempotencyKey,
    id: &str,
    change: EvacuationChange,
) -> Result<HttpResponse, ProblemResponse> {
    let id = evacuation_id_of(id)?;
    let changing = api.work.run(|context| async move {
        change_evacuation(&context, tenant.0, id, change, key.0.as_ref()).await
    });
    Ok(HttpResponse::Ok().json(EvacuationBody::from(changing.await?)))
}

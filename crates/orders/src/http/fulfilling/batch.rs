//! `POST /shipments/batch`.

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use oms_errors::{Problem, ProblemBody, invalid_field};
use oms_fulfilment::{FulfilmentOrderId, Shipment, ShipmentId, WrittenShipment};
use oms_validation::{ExpectedVersion, IdempotencyKey, Once, TenantId, Time, WarehouseId};
use oms_web::{CurrentActor, CurrentTenant, Disclosure, ProblemResponse, ValidJson};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use validator::Validate;

use super::{LineRequest, ParcelRequest, create, parcels_of};
use crate::context::OrderContext;
use crate::http::{OrdersApi, examples};
use crate::service::fulfilling;

/// Maximum number of requests in a batch.
const MAX_ITEMS: usize = 100;

/// Requests about shipments.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ShipmentBatch, examples(examples::shipment_batch))]
pub(crate) struct Body {
    /// 1–100 entries.
    #[validate(nested)]
    #[schema(min_items = 1, max_items = 100)]
    items: Vec<Item>,
}

/// What a request of a batch does.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ShipmentAction)]
enum Action {
    /// Pack or ship units of `fulfilmentOrderId`.
    Create,
    /// Ship the packed shipment `shipmentId`.
    Ship,
    /// Record that `shipmentId` was delivered.
    Deliver,
}

/// A request of a batch.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ShipmentBatchItem)]
struct Item {
    action: Action,
    #[schema(value_type = IdempotencyKey)]
    idempotency_key: String,
    /// With `create`.
    fulfilment_order_id: Option<FulfilmentOrderId>,
    /// With `ship` and `deliver`.
    shipment_id: Option<ShipmentId>,
    /// With `create`: the units of each line. By default everything that is ready.
    #[validate(nested)]
    #[schema(min_items = 1, max_items = 100)]
    lines: Option<Vec<LineRequest>>,
    /// With `create` and `ship`: up to 20.
    #[validate(nested)]
    #[schema(max_items = 20)]
    parcels: Option<Vec<ParcelRequest>>,
    /// With `create`. Defaults to `SHIPPED`.
    status: Option<create::NewStatus>,
    /// With `create`: the warehouse in which the units are packed.
    warehouse_id: Option<WarehouseId>,
    /// With `deliver`. Defaults to now.
    #[schema(value_type = Option<DateTime<Utc>>, examples("2026-11-24T14:02:00Z"))]
    delivered_at: Option<Time>,
}

/// The results, in the order of the requests.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ShipmentResults)]
struct Results {
    items: Vec<ResultBody>,
}

/// The result of one request: a shipment, or a problem.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ShipmentResult)]
struct ResultBody {
    /// The status code that the request alone would have got.
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    shipment: Option<WrittenShipment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<ProblemBody<'static>>)]
    problem: Option<Value>,
}

/// A checked request.
enum Step {
    Create(Box<oms_fulfilment::ShipmentDraft>),
    Ship(ShipmentId, Vec<oms_fulfilment::NewParcel>),
    Deliver(ShipmentId, Option<DateTime<Utc>>),
}

/// Answers 200 with one result for each request.
#[utoipa::path(
    post,
    path = "/shipments/batch",
    operation_id = "shipTogether",
    tag = "fulfilment",
    summary = "Create and ship up to 100 shipments",
    description = "Each request has its own idempotency key and its own result, in the order of the requests. A refused request affects no other.",
    request_body = Body,
    responses(
        (status = 200, description = "The results.", body = Results),
    ),
)]
pub(in crate::http) async fn batch(
    api: web::Data<OrdersApi>,
    tenant: CurrentTenant,
    actor: CurrentActor,
    disclosure: Disclosure,
    body: ValidJson<Body>,
) -> Result<HttpResponse, ProblemResponse> {
    if !(1..=MAX_ITEMS).contains(&body.0.items.len()) {
        let error = format!("must have 1 to {MAX_ITEMS} entries");
        return Err(invalid_field("items", error).into());
    }
    let mut steps = Vec::with_capacity(MAX_ITEMS);
    for (place, item) in body.0.items.into_iter().enumerate() {
        let key = IdempotencyKey::parse(&item.idempotency_key).map_err(|error| {
            invalid_field(format!("items[{place}].idempotencyKey"), error.to_string())
        })?;
        steps.push((key, item.step(place)?));
    }
    let running = api.work.run(|context| async move {
        let actor = actor.0.as_str();
        let step = |(key, step)| take(&context, tenant.0, key, step, actor);
        Ok::<_, Problem>(join_all(steps.into_iter().map(step)).await)
    });
    let results = running.await?.into_iter();
    let items = results.map(|it| ResultBody::of(it, disclosure)).collect();
    Ok(HttpResponse::Ok().json(Results { items }))
}

async fn take(
    context: &Arc<OrderContext>,
    tenant: TenantId,
    key: IdempotencyKey,
    step: Step,
    actor: &str,
) -> Result<(u16, Shipment), Problem> {
    let any = ExpectedVersion::Any;
    match step {
        Step::Create(draft) => {
            let created =
                fulfilling::create_shipment::create_shipment(context, tenant, &key, *draft, actor)
                    .await?;
            Ok(match created {
                Once::Now(shipment) => (201, shipment),
                Once::Before(shipment) => (200, shipment),
            })
        }
        Step::Ship(id, parcels) => {
            let key = Some(&key);
            let shipped = fulfilling::ship_shipment::ship_shipment(
                context, tenant, id, any, parcels, key, actor,
            );
            Ok((200, shipped.await?))
        }
        Step::Deliver(id, at) => {
            let key = Some(&key);
            let delivered = fulfilling::deliver_shipment::deliver_shipment(
                context, tenant, id, any, at, key, actor,
            );
            Ok((200, delivered.await?))
        }
    }
}

impl Item {
    fn step(self, place: usize) -> Result<Step, Problem> {
        let missing =
            |member: &str| invalid_field(format!("items[{place}].{member}"), "is required");
        Ok(match self.action {
            Action::Create => {
                let id = self
                    .fulfilment_order_id
                    .ok_or_else(|| missing("fulfilmentOrderId"))?;
                let body =
                    create::Body::of(self.lines, self.parcels, self.status, self.warehouse_id);
                Step::Create(Box::new(body.draft(id, ExpectedVersion::Any)?))
            }
            Action::Ship => {
                let id = self.shipment_id.ok_or_else(|| missing("shipmentId"))?;
                Step::Ship(id, parcels_of(self.parcels)?)
            }
            Action::Deliver => {
                let id = self.shipment_id.ok_or_else(|| missing("shipmentId"))?;
                Step::Deliver(id, self.delivered_at.map(Time::get))
            }
        })
    }
}

impl ResultBody {
    fn of(result: Result<(u16, Shipment), Problem>, disclosure: Disclosure) -> Self {
        match result {
            Ok((status, shipment)) => Self {
                status,
                shipment: Some(WrittenShipment::of(shipment, disclosure.fulfilment)),
                problem: None,
            },
            Err(problem) => Self {
                status: problem.problem_type().kind.status(),
                shipment: None,
                problem: Some(problem.body(None)),
            },
        }
    }
}

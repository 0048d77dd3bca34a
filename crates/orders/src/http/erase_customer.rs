//! `POST /customers/{id}/erase`.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use oms_errors::{INVALID_HEADER, Problem};
use oms_validation::OrderId;
use oms_web::{
    CurrentOperator, CurrentTenant, OptionalIdempotencyKey, OptionalJson, ProblemResponse,
    mark_replayed,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use super::OrdersApi;
use super::examples;
use crate::domain::erasure::{Erasure, ErasureProgress, WaitingOrder};
use crate::domain::id::{CustomerId, ErasureId};
use crate::domain::status::OrderStatus;
use crate::error::{CUSTOMER_NOT_FOUND, KEY_REUSED, OUTCOME_UNKNOWN, RETRY_AFTER_S};
use crate::service::operating;
use crate::service::operating::erase_customer::ErasedCustomer;

/// The optional body.
#[derive(Debug, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schema(as = ErasureRequest)]
pub(super) struct Body {
    /// Whether to erase recently paid orders too, delivered or not.
    #[serde(default, deserialize_with = "oms_validation::json::flag")]
    #[schema(default = false, examples(true))]
    include_recently_paid: bool,
}

/// The progress of erasing a customer.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Erasure, examples(examples::erasure))]
pub(super) struct ErasureBody {
    erasure_id: ErasureId,
    state: ErasureState,
    /// Number of this customer's orders erased so far.
    erased_orders: i32,
    /// Orders that are not erased yet, oldest first, at most 100.
    waiting_orders: Vec<WaitingBody>,
    /// When the erasure was first requested.
    requested_at: DateTime<Utc>,
    /// Orders placed after this time are not erased. Repeating an incomplete request moves it forward.
    covers_until: DateTime<Utc>,
    /// Present with `complete`.
    #[serde(skip_serializing_if = "Option::is_none")]
    completed_at: Option<DateTime<Utc>>,
}

/// The state of an erasure. `complete`: no order is left. `in_progress`: orders are being erased in the background.
/// `waiting`: the remaining orders can't be erased until they are settled and delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ErasureState {
    Complete,
    InProgress,
    Waiting,
}

impl ErasureState {
    /// The worker checks waiting orders once an hour.
    fn retry_after_s(self) -> u32 {
        match self {
            Self::Waiting => 3600,
            Self::Complete | Self::InProgress => RETRY_AFTER_S,
        }
    }
}

/// An order that is not erased yet.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WaitingOrder)]
struct WaitingBody {
    order_id: OrderId,
    status: OrderStatus,
}

oms_web::refusals! {
    Refusals: [INVALID_HEADER, CUSTOMER_NOT_FOUND, KEY_REUSED, OUTCOME_UNKNOWN]
}

/// Answers 200 once no order is left, and 202 until then. 404 if the tenant has no orders of this customer and never
/// erased any; 422 if the key belongs to another request.
#[utoipa::path(
    post,
    path = "/customers/{id}/erase",
    operation_id = "eraseCustomer",
    tag = "operations",
    summary = "Erase a customer's personal data",
    description = "Erases shipping address, destination, distances, metadata and external reference of the customer's orders, and \
        replaces `customerId` by a pseudonym. Lines, money, status, idempotency key and the timeline with its reasons stay. Orders \
        that are unsettled, were paid recently or have an undecided dispute are erased later. Repeat the request to check its progress.",
    params(("id" = CustomerId, Path), OptionalIdempotencyKey),
    request_body = Option<Body>,
    responses(
        (status = 200, description = "The customer was erased.", body = ErasureBody, headers(("Idempotent-Replayed"))),
        (status = 202, description = "Some orders are not erased yet.", body = ErasureBody,
            headers(("Retry-After"), ("Idempotent-Replayed"))),
        Refusals,
    ),
)]
pub(super) async fn erase_customer(
    operator: CurrentOperator,
    api: web::Data<OrdersApi>,
    tenant: CurrentTenant,
    key: OptionalIdempotencyKey,
    id: web::Path<String>,
    body: OptionalJson<Body>,
) -> Result<HttpResponse, ProblemResponse> {
    let id: CustomerId = id
        .parse()
        .map_err(|_| Problem::new(&CUSTOMER_NOT_FOUND, "the customer's ID is not a UUID"))?;
    let includes_recent = body.0.unwrap_or_default().include_recently_paid;
    let erasing = api.work.run(|context| async move {
        let (tenant, key, operator) = (tenant.0, key.0.as_ref(), &operator.0);
        operating::erase_customer::erase_customer(
            &context,
            tenant,
            id,
            key,
            operator,
            includes_recent,
        )
        .await
    });
    let erased = erasing.await?;
    let mut response = HttpResponse::Ok();
    let body = ErasureBody::from(mark_replayed(&mut response, erased));
    if body.state != ErasureState::Complete {
        response.status(StatusCode::ACCEPTED);
        response.insert_header((header::RETRY_AFTER, body.state.retry_after_s()));
    }
    Ok(response.json(body))
}

impl From<ErasedCustomer> for ErasureBody {
    fn from(erased: ErasedCustomer) -> Self {
        let ErasedCustomer { erasure, waiting } = erased;
        let (state, completed_at) = state_of(&erasure);
        Self {
            erasure_id: erasure.id,
            state,
            erased_orders: erasure.erased_orders,
            waiting_orders: waiting.into_iter().map(WaitingBody::from).collect(),
            requested_at: erasure.requested_at,
            covers_until: erasure.covers_until,
            completed_at,
        }
    }
}

fn state_of(erasure: &Erasure) -> (ErasureState, Option<DateTime<Utc>>) {
    match erasure.progress {
        ErasureProgress::Complete { at } => (ErasureState::Complete, Some(at)),
        ErasureProgress::Open(open) if open.position.is_some() || open.passed_over => {
            (ErasureState::InProgress, None)
        }
        ErasureProgress::Open(_) => (ErasureState::Waiting, None),
    }
}

impl From<WaitingOrder> for WaitingBody {
    fn from(order: WaitingOrder) -> Self {
        Self {
            order_id: order.id,
            status: order.status,
        }
    }
}

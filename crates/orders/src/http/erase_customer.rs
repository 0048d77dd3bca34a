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

/// The body, which may be absent.
#[derive(Debug, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schema(as = ErasureRequest)]
pub(super) struct Body {
    /// Whether orders that were paid a short while ago are erased too, delivered or not.
    #[serde(default, deserialize_with = "oms_validation::json::flag")]
    #[schema(default = false, examples(true))]
    include_recently_paid: bool,
}

/// How far the erasure of a customer is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Erasure, examples(examples::erasure))]
pub(super) struct ErasureBody {
    erasure_id: ErasureId,
    state: ErasureState,
    /// Orders of this customer that were erased so far.
    erased_orders: i32,
    /// Orders that are not erased yet, oldest first, 100 at most.
    waiting_orders: Vec<WaitingBody>,
    /// When it was first requested.
    requested_at: DateTime<Utc>,
    /// Orders that were placed later are not erased. Repeating a request that is not complete moves it.
    covers_until: DateTime<Utc>,
    /// With `complete`.
    #[serde(skip_serializing_if = "Option::is_none")]
    completed_at: Option<DateTime<Utc>>,
}

/// How far an erasure is. `complete`: no order is left. `in_progress`: orders are being erased in the background.
/// `waiting`: the orders that are left can't be erased yet; they are erased once they are settled and delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ErasureState {
    Complete,
    InProgress,
    Waiting,
}

impl ErasureState {
    /// The worker looks once an hour at what waits.
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

/// 200 once no order is left; 202 while some are. 404 when there are no orders of this customer in this store and none was
/// erased; 422 when the key stands for another request.
#[utoipa::path(
    post,
    path = "/customers/{id}/erase",
    operation_id = "eraseCustomer",
    tag = "operations",
    summary = "Erase a customer's personal data",
    description = "Erases shipping address, destination, distances, metadata and external reference of the customer's orders, and \
        replaces `customerId` by a pseudonym. Lines, money, status, idempotency key and the timeline with its reasons stay. Orders \
        that are not settled, were paid a short while ago or have an undecided dispute are erased later. Repeat it to read how far it is.",
    params(("id" = CustomerId, Path), OptionalIdempotencyKey),
    request_body = Option<Body>,
    responses(
        (status = 200, description = "The customer is erased.", body = ErasureBody, headers(("Idempotent-Replayed"))),
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
    let context = api.context.clone();
    let erasing = async move {
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
    };
    let erased = api.detached(erasing).await??;
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

//! `GET /orders/{id}/explanation`.

use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use oms_validation::OrderId;
use oms_web::{CurrentTenant, ProblemResponse};
use serde::Serialize;
use utoipa::ToSchema;

use super::{OrdersApi, examples, order_id_of};
use crate::domain::explanation::{Explanation, Next, Possible, Step, Who};
use crate::domain::status::OrderStatus;
use crate::error::NOT_FOUND;
use crate::service::reading;
use crate::service::reading::explain_order::ExplainedOrder;

oms_web::refusals! {
    Refusals: [NOT_FOUND]
}

/// Answers 200 with what is going on with the order. 404 if the tenant has no such order.
#[utoipa::path(
    get,
    path = "/orders/{id}/explanation",
    operation_id = "explainOrder",
    tag = "orders",
    summary = "Explain what is going on with an order",
    description = "In words, for people: what happened, where the money and the goods are, who acts next and when, and what an operator \
        can do. The sentences may change with any version; programs read the order instead.",
    params(("id" = OrderId, Path)),
    responses(
        (status = 200, description = "What is going on.", body = ExplanationBody),
        Refusals,
    ),
)]
pub(super) async fn get_explanation(
    api: web::Data<OrdersApi>,
    tenant: CurrentTenant,
    id: web::Path<String>,
) -> Result<HttpResponse, ProblemResponse> {
    let id = order_id_of(&id)?;
    let reading = api.work.run(|context| async move {
        reading::explain_order::explain_order(&context, tenant.0, id).await
    });
    let explained = reading.await?;
    Ok(HttpResponse::Ok().json(ExplanationBody::of(id, explained)))
}

/// What is going on with an order.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Explanation, examples(examples::explanation))]
struct ExplanationBody {
    order_id: OrderId,
    status: OrderStatus,
    /// What happened.
    happened: String,
    /// Where the money is.
    money: String,
    /// Where the goods are.
    goods: String,
    next: NextBody,
    /// What an operator can do, the most useful first.
    possible: Vec<PossibleBody>,
}

/// Who acts next, and when.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = NextActor)]
struct NextBody {
    who: Who,
    /// When. Absent if that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<DateTime<Utc>>,
    text: String,
}

/// What an operator can do: a request of this API.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PossibleStep)]
struct PossibleBody {
    step: Step,
    text: String,
    #[schema(examples("POST"))]
    method: &'static str,
    #[schema(examples("/orders/0198c0de-0000-7000-8000-000000000001/cancel"))]
    path: String,
}

impl ExplanationBody {
    fn of(order_id: OrderId, explained: ExplainedOrder) -> Self {
        let Explanation {
            happened,
            money,
            goods,
            next,
            possible,
        } = explained.explanation;
        Self {
            order_id,
            status: explained.details.order.status,
            happened,
            money,
            goods,
            next: NextBody::from(next),
            possible: possible.into_iter().map(PossibleBody::from).collect(),
        }
    }
}

impl From<Next> for NextBody {
    fn from(next: Next) -> Self {
        Self {
            who: next.who,
            at: next.at,
            text: next.text,
        }
    }
}

impl From<Possible> for PossibleBody {
    fn from(possible: Possible) -> Self {
        Self {
            step: possible.step,
            text: possible.text,
            method: possible.method,
            path: possible.path,
        }
    }
}

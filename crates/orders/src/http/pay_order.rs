//! `POST /orders/{id}/payment`.

use actix_web::http::header;
use actix_web::{HttpResponse, HttpResponseBuilder, web};
use oms_errors::{INVALID_HEADER, Problem, invalid_field};
use oms_payments::{PaymentInstruction, PaymentMethod, ReturnUrl};
use oms_validation::{Once, OrderId};
use oms_web::{
    CurrentActor, CurrentTenant, Disclosed, Disclosure, IdempotencyKeyHeader, ProblemResponse,
    ValidJson, mark_replayed,
};
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use super::brief::PaidOrder;
use super::place_order::{card, one_payment_method, pending, return_url, token};
use super::representation::{OrderSummary, PendingOrder, Replay};
use super::{CardNumbers, OrdersApi, examples, order_id_of};
use crate::domain::order::Order;
use crate::domain::placed_order::PlacedOrder;
use crate::error::{self, location_of};
use crate::service::placing;

/// Another payment method, or none: then the customer is done, and the gateway is asked what became of the payment. In
/// development, where the gateway is the sandbox, `creditCardNumber` is taken in place of `paymentMethod`.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewPayment, examples(examples::new_payment))]
pub(super) struct Body {
    #[serde(default, deserialize_with = "token")]
    #[schema(schema_with = PaymentMethod::token_schema)]
    payment_method: Option<PaymentMethod>,
    #[serde(default, deserialize_with = "card")]
    #[schema(ignore)]
    credit_card_number: Option<PaymentMethod>,
    #[serde(default, deserialize_with = "return_url")]
    #[schema(schema_with = ReturnUrl::schema)]
    return_url: Option<ReturnUrl>,
}

type Paid = Disclosed<OrderSummary, PaidOrder>;

oms_web::refusals! {
    Refusals: [
        INVALID_HEADER,
        error::NOT_FOUND,
        error::KEY_REUSED,
        error::TOO_MANY_DECLINES,
        error::OUTCOME_UNKNOWN,
        oms_payments::AMOUNT_NOT_ACCEPTED,
        oms_payments::GATEWAY_UNAVAILABLE,
        oms_payments::GATEWAY_REFUSED,
    ], with a location: [
        error::PAYMENT_DECLINED,
        error::PAYMENT_VOIDED,
        error::PAYMENT_IN_PROGRESS,
        error::PAYMENT_EXPIRED,
        error::TOO_MANY_PAYMENTS,
        error::NOT_PAYABLE,
        error::CANCELLED,
    ]
}

/// 201 paid by this request; 200 paid by something else, such as the payment that the customer has just finished; 202 the
/// customer has to act, or the outcome is not known yet; 402 declined; 404 when there is none of this id in this store; 409
/// when it can't be paid, or another payment of it is in progress; 422 when the key stands for another request.
#[utoipa::path(
    post,
    path = "/orders/{id}/payment",
    operation_id = "payOrder",
    tag = "orders",
    summary = "Pay an order by another method, or report that the customer is done",
    description = "While the order is `PENDING_PAYMENT` and its `expiresAt` has not passed. The former payment is cancelled \
        first, and the gateway has to say so: an order is never charged twice. Without `paymentMethod` nothing new is begun: \
        the gateway is asked what became of the payment that the customer has finished or left. Without the scope \
        `orders:read` the answer has the status and the total only.",
    params(("id" = OrderId, Path), IdempotencyKeyHeader),
    request_body = Body,
    responses(
        (status = 201, description = "Paid by this request.", body = Paid, headers(("Location"))),
        (status = 200, description = "Paid, by an earlier request or by the customer.", body = Paid,
            headers(("Location"), ("Idempotent-Replayed"))),
        (status = 202, description = "The customer must act, or the outcome of the payment is not known yet.",
            body = PendingOrder, headers(("Location"), ("Retry-After"), ("Idempotent-Replayed"))),
        Refusals,
    ),
)]
pub(super) async fn pay_order(
    api: web::Data<OrdersApi>,
    tenant: CurrentTenant,
    actor: CurrentActor,
    disclosure: Disclosure,
    key: IdempotencyKeyHeader,
    id: web::Path<String>,
    body: ValidJson<Body>,
) -> Result<HttpResponse, ProblemResponse> {
    let id = order_id_of(&id)?;
    let instruction = body.0.into_instruction(api.card_numbers)?;
    let paying = api.work.run(|context| async move {
        let (tenant, key, by) = (tenant.0, &key.0, actor.0.as_str());
        match instruction {
            Some(it) => placing::pay_order::pay_order(&context, tenant, id, key, &it, by).await,
            None => placing::check_payment::check_payment(&context, tenant, id, key, by).await,
        }
    });
    Ok(answer(paying.await?, disclosure)?)
}

impl Body {
    /// None when the customer is done.
    fn into_instruction(
        self,
        card_numbers: CardNumbers,
    ) -> Result<Option<PaymentInstruction>, Problem> {
        if self.payment_method.is_none() && self.credit_card_number.is_none() {
            return match self.return_url {
                None => Ok(None),
                Some(_) => Err(invalid_field(
                    "paymentMethod",
                    "is required with returnUrl, which is for a new payment",
                )),
            };
        }
        let method =
            one_payment_method(self.payment_method, self.credit_card_number, card_numbers)?;
        Ok(Some(PaymentInstruction {
            method,
            return_url: self.return_url,
        }))
    }
}

fn answer(paid: Once<PlacedOrder>, disclosure: Disclosure) -> Result<HttpResponse, Problem> {
    let show =
        |response: &mut HttpResponseBuilder, order: &Order| show(response, order, disclosure);
    let mut response = HttpResponse::Ok();
    let is_new = matches!(paid, Once::Now(_));
    Ok(match mark_replayed(&mut response, paid) {
        PlacedOrder::Paid(order) if is_new => show(&mut HttpResponse::Created(), &order)?,
        PlacedOrder::Paid(order) | PlacedOrder::PaidBefore(order) => show(&mut response, &order)?,
        PlacedOrder::Pending(order) | PlacedOrder::PendingBefore(order) => {
            pending(&mut response, order)
        }
    })
}

fn show(
    response: &mut HttpResponseBuilder,
    order: &Order,
    disclosure: Disclosure,
) -> Result<HttpResponse, Problem> {
    Ok(response
        .insert_header((header::LOCATION, location_of(order.id)))
        .json(match disclosure.orders {
            true => Paid::Full(OrderSummary::of(order, Replay::No)?),
            false => Paid::Brief(PaidOrder::from(order)),
        }))
}

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

/// Another payment method. Without one, the request reports that the customer is done, and the gateway is asked for the
/// outcome of the payment. In development, where the gateway is the sandbox, `creditCardNumber` is accepted in place of
/// `paymentMethod`.
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

/// Answers 201 if this request paid the order; 200 if something else did, such as the payment that the customer has
/// just finished; 202 if the customer must act or the outcome is unknown; 402 if the payment was declined. 404 if the
/// tenant has no such order; 409 if the order can't be paid, or another payment of it is in progress; 422 if the key
/// belongs to another request.
#[utoipa::path(
    post,
    path = "/orders/{id}/payment",
    operation_id = "payOrder",
    tag = "orders",
    summary = "Pay an order",
    description = "Pays a `PENDING_PAYMENT` order by another method before its `expiresAt`. The previous payment is cancelled first, \
        and the gateway must confirm that, so that an order is never charged twice. Without `paymentMethod` no new payment is started: \
        the gateway is asked for the outcome of the payment that the customer has finished or abandoned. Without the scope \
        `orders:read` the answer contains only the status and the total.",
    params(("id" = OrderId, Path), IdempotencyKeyHeader),
    request_body = Body,
    responses(
        (status = 201, description = "This request paid the order.", body = Paid, headers(("Location"))),
        (status = 200, description = "An earlier request or the customer paid the order.", body = Paid,
            headers(("Location"), ("Idempotent-Replayed"))),
        (status = 202, description = "The customer must act, or the outcome of the payment is unknown.",
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
    /// Returns `None` when the customer is done.
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

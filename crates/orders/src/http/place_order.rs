//! `POST /orders`.

use std::fmt;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, HttpResponseBuilder, web};
use oms_errors::{INVALID_HEADER, Problem, invalid_field};
use oms_inventory::PriceListCode;
use oms_payments::{PaymentInstruction, PaymentMethod, ReturnUrl};
use oms_validation::{Currency, Money};
use oms_web::{CurrentActor, CurrentTenant, IdempotencyKeyHeader, ProblemResponse, ValidJson};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;
use validator::Validate;

use super::items::{Item, lines_of};
use super::pricing::{NewAdjustment, TotalIs, pricing_of};
use super::representation::{self, OrderSummary, Replay};
use super::{CardNumbers, OrdersApi, examples};
use crate::domain::address::ShippingAddress;
use crate::domain::external_reference::ExternalReference;
use crate::domain::id::CustomerId;
use crate::domain::metadata::Metadata;
use crate::domain::order::OrderRequest;
use crate::domain::placed_order::{PendingOrder, PlacedOrder};
use crate::error::{self, RETRY_AFTER_S, location_of};
use crate::service::placing;

/// What is ordered, by whom, and where to ship it. In development, where the gateway is the sandbox, `creditCardNumber`
/// is accepted in place of `paymentMethod`.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewOrder, examples(examples::new_order))]
pub(super) struct Body {
    customer_id: CustomerId,
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
    /// Discounts, taxes, shipping and fees. They need `expectedTotal`.
    #[schema(max_items = 500)]
    adjustments: Option<Vec<NewAdjustment>>,
    /// The total that the customer has seen. The order is rejected if items and adjustments sum to another one.
    expected_total: Option<Money>,
    #[serde(default, deserialize_with = "token")]
    #[schema(schema_with = PaymentMethod::token_schema, required = true)]
    payment_method: Option<PaymentMethod>,
    #[serde(default, deserialize_with = "card")]
    #[schema(ignore)]
    credit_card_number: Option<PaymentMethod>,
    #[serde(default, deserialize_with = "return_url")]
    #[schema(schema_with = ReturnUrl::schema)]
    return_url: Option<ReturnUrl>,
    external_reference: Option<ExternalReference>,
    metadata: Option<Metadata>,
}

pub(super) fn token<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<PaymentMethod>, D::Error> {
    read_secret(deserializer, PaymentMethod::parse_token)
}

pub(super) fn card<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<PaymentMethod>, D::Error> {
    read_secret(deserializer, PaymentMethod::parse_card)
}

pub(super) fn return_url<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<ReturnUrl>, D::Error> {
    read_secret(deserializer, ReturnUrl::parse)
}

fn read_secret<'de, D: Deserializer<'de>, T, E: fmt::Display>(
    deserializer: D,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<Option<T>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    let parsed = text.as_deref().map(parse).transpose();
    parsed.map_err(serde::de::Error::custom)
}

oms_web::refusals! {
    Refusals: [
        INVALID_HEADER,
        oms_geocoding::ADDRESS_NOT_FOUND,
        oms_geocoding::TOO_MANY_LOOK_UPS,
        oms_geocoding::UNAVAILABLE,
        error::NO_SINGLE_WAREHOUSE,
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
        error::KEY_REUSED,
        error::TOO_MANY_UNPAID,
        error::TOO_MANY_UNITS,
        error::TOO_MANY_DECLINES,
        error::CONTENDED,
        error::OVERLOADED,
        error::OUTCOME_UNKNOWN,
        oms_payments::AMOUNT_NOT_ACCEPTED,
        oms_payments::CURRENCY_NOT_ACCEPTED,
        oms_payments::PAYMENT_NOT_ACCEPTED,
        oms_payments::GATEWAY_UNAVAILABLE,
        oms_payments::GATEWAY_REFUSED,
    ], with a location: [
        error::IN_PROGRESS,
        error::CANCELLED,
        error::CLOSED,
        error::PAYMENT_DECLINED,
        error::PAYMENT_VOIDED,
    ]
}

/// Answers 201 if the order was placed and paid, 200 if an earlier request with this key did that, and 202 if the
/// outcome of the payment is unknown.
#[utoipa::path(
    post,
    path = "/orders",
    operation_id = "placeOrder",
    tag = "orders",
    summary = "Place an order",
    description = "Routes the order to the nearest warehouse that can fill all of it, holds the stock, and collects the payment. A \
        request can be repeated with its key as often as needed: nothing is sold or charged twice.",
    params(IdempotencyKeyHeader),
    request_body = Body,
    responses(
        (status = 201, description = "The order was placed and paid.", body = OrderSummary, headers(("Location"))),
        (status = 200, description = "An earlier request with this key placed and paid the order.", body = OrderSummary,
            headers(("Location"), ("Idempotent-Replayed"))),
        (status = 202, description = "The order was placed. The customer must act, as `payment` says, or the outcome of the payment is \
            unknown.", body = representation::PendingOrder,
            headers(("Location"), ("Retry-After"), ("Idempotent-Replayed"))),
        Refusals,
    ),
)]
pub(super) async fn place_order(
    api: web::Data<OrdersApi>,
    tenant: CurrentTenant,
    actor: CurrentActor,
    key: IdempotencyKeyHeader,
    body: ValidJson<Body>,
) -> Result<HttpResponse, ProblemResponse> {
    let request = body.0.into_request(api.card_numbers)?;
    let placing = api.work.run(|context| async move {
        let (tenant, key, actor) = (tenant.0, &key.0, actor.0.as_str());
        placing::place_order::place_order(&context, tenant, key, &request, actor).await
    });
    Ok(answer(placing.await?)?)
}

impl Body {
    fn into_request(self, card_numbers: CardNumbers) -> Result<OrderRequest, Problem> {
        let method =
            one_payment_method(self.payment_method, self.credit_card_number, card_numbers)?;
        let lines = lines_of(&self.items)?;
        let (adjustments, total) = (self.adjustments, self.expected_total);
        let pricing = pricing_of(
            &self.items,
            (self.currency, self.price_list),
            adjustments,
            total,
            TotalIs::Required,
        )?;
        Ok(OrderRequest {
            customer_id: self.customer_id,
            shipping_address: self.shipping_address,
            lines,
            pricing,
            payment: PaymentInstruction {
                method,
                return_url: self.return_url,
            },
            external_reference: self.external_reference,
            metadata: self.metadata.unwrap_or_default(),
        })
    }
}

pub(super) fn one_payment_method(
    token: Option<PaymentMethod>,
    card: Option<PaymentMethod>,
    card_numbers: CardNumbers,
) -> Result<PaymentMethod, Problem> {
    match (token, card, card_numbers) {
        (_, Some(_), CardNumbers::Refused) => Err(invalid_field(
            "creditCardNumber",
            "card numbers are not accepted here; send a token of the payment gateway as paymentMethod",
        )),
        (Some(method), None, _) | (None, Some(method), CardNumbers::Accepted) => Ok(method),
        (Some(_), Some(_), CardNumbers::Accepted) => Err(invalid_field(
            "creditCardNumber",
            "send either creditCardNumber or paymentMethod",
        )),
        (None, None, _) => Err(invalid_field("paymentMethod", "is required")),
    }
}

fn answer(placed: PlacedOrder) -> Result<HttpResponse, Problem> {
    match placed {
        PlacedOrder::Paid(order) => Ok(HttpResponse::Created()
            .insert_header((header::LOCATION, location_of(order.id)))
            .json(OrderSummary::of(&order, Replay::No)?)),
        PlacedOrder::PaidBefore(order) => Ok(HttpResponse::Ok()
            .insert_header((header::LOCATION, location_of(order.id)))
            .insert_header(("Idempotent-Replayed", "true"))
            .json(OrderSummary::of(&order, Replay::Yes)?)),
        PlacedOrder::Pending(order) => Ok(pending(&mut HttpResponse::Accepted(), order)),
        PlacedOrder::PendingBefore(order) => {
            let mut response = HttpResponse::Accepted();
            response.insert_header(("Idempotent-Replayed", "true"));
            Ok(pending(&mut response, order))
        }
    }
}

/// Includes what is needed to pay: only callers who may pay the order get this answer.
pub(super) fn pending(response: &mut HttpResponseBuilder, order: PendingOrder) -> HttpResponse {
    response
        .status(StatusCode::ACCEPTED)
        .insert_header((header::LOCATION, location_of(order.order_id)))
        .insert_header((header::RETRY_AFTER, RETRY_AFTER_S))
        .json(representation::PendingOrder::from(order))
}

//! `POST /orders`.

use std::fmt;

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use oms_errors::Problem;
use oms_payments::PaymentMethod;
use oms_validation::http::{CurrentTenant, IdempotencyKeyHeader, ValidJson, invalid_field};
use serde::{Deserialize, Deserializer};
use serde_json::json;
use validator::Validate;

use super::items::{Item, lines_of};
use super::representation::{OrderSummary, Replay};
use super::{CardNumbers, OrdersApi};
use crate::domain::address::ShippingAddress;
use crate::domain::external_reference::ExternalReference;
use crate::domain::id::CustomerId;
use crate::domain::metadata::Metadata;
use crate::domain::order::OrderRequest;
use crate::error::{OrderError, RETRY_AFTER_S, location_of};
use crate::service;
use crate::service::place_order::{PendingOrder, PlacedOrder};

/// The body of `POST /orders`.
#[derive(Debug, Deserialize, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Body {
    customer_id: CustomerId,
    shipping_address: ShippingAddress,
    #[validate(
        nested,
        length(min = 1, max = 100, message = "must have 1 to 100 entries")
    )]
    items: Vec<Item>,
    #[serde(default, deserialize_with = "token")]
    payment_method: Option<PaymentMethod>,
    #[serde(default, deserialize_with = "card")]
    credit_card_number: Option<PaymentMethod>,
    external_reference: Option<ExternalReference>,
    metadata: Option<Metadata>,
}

fn token<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PaymentMethod>, D::Error> {
    read_secret(deserializer, PaymentMethod::parse_token)
}

fn card<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PaymentMethod>, D::Error> {
    read_secret(deserializer, PaymentMethod::parse_card)
}

fn read_secret<'de, D: Deserializer<'de>, E: fmt::Display>(
    deserializer: D,
    parse: impl FnOnce(&str) -> Result<PaymentMethod, E>,
) -> Result<Option<PaymentMethod>, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse(&text).map(Some).map_err(serde::de::Error::custom)
}

/// 201 placed and paid; 200 placed and paid by an earlier request with this key; 202 the payment's outcome is not known yet.
pub(super) async fn place_order(
    api: web::Data<OrdersApi>,
    tenant: CurrentTenant,
    key: IdempotencyKeyHeader,
    body: ValidJson<Body>,
) -> Result<HttpResponse, Problem> {
    let request = body.0.into_request(api.card_numbers)?;
    let context = api.context.clone();
    let placed = api
        .detached(async move {
            service::place_order::place_order(&context, tenant.0, &key.0, &request).await
        })
        .await?;
    Ok(answer(placed?)?)
}

impl Body {
    fn into_request(self, card_numbers: CardNumbers) -> Result<OrderRequest, Problem> {
        let payment_method =
            one_payment_method(self.payment_method, self.credit_card_number, card_numbers)?;
        Ok(OrderRequest {
            customer_id: self.customer_id,
            shipping_address: self.shipping_address,
            lines: lines_of(&self.items)?,
            payment_method,
            external_reference: self.external_reference,
            metadata: self.metadata.unwrap_or_default(),
        })
    }
}

fn one_payment_method(
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
            "send either this or paymentMethod",
        )),
        (None, None, _) => Err(invalid_field("paymentMethod", "is required")),
    }
}

fn answer(placed: PlacedOrder) -> Result<HttpResponse, OrderError> {
    match placed {
        PlacedOrder::Paid(order) => Ok(HttpResponse::Created()
            .insert_header((header::LOCATION, location_of(order.id)))
            .json(OrderSummary::of(&order, Replay::No)?)),
        PlacedOrder::PaidBefore(order) => Ok(HttpResponse::Ok()
            .insert_header((header::LOCATION, location_of(order.id)))
            .insert_header(("Idempotent-Replayed", "true"))
            .json(OrderSummary::of(&order, Replay::Yes)?)),
        PlacedOrder::Pending(order) => Ok(pending(order)),
    }
}

fn pending(order: PendingOrder) -> HttpResponse {
    let PendingOrder { order_id, status } = order;
    HttpResponse::Accepted()
        .insert_header((header::LOCATION, location_of(order_id)))
        .insert_header((header::RETRY_AFTER, RETRY_AFTER_S))
        .json(json!({ "orderId": order_id, "status": status }))
}

//! Orders as JSON.

use chrono::{DateTime, Utc};
use oms_errors::Problem;
use oms_inventory::{CandidateOutcome, PriceListCode, RouteExplanation, RoutingTrace, TraceEntry};
use oms_validation::{Location, Money, OrderId, ProductId, WarehouseId};
use serde::Serialize;
use utoipa::ToSchema;

use super::examples;
use super::goods::GoodsBody;
use super::parts::{AdjustmentBody, CreditBody};
pub(super) use super::payment::{CallBody, Payment, RefundBody, Secrets};
use crate::domain::address::ShippingAddress;
use crate::domain::external_reference::ExternalReference;
use crate::domain::id::CustomerId;
use crate::domain::ledger::Ledger;
use crate::domain::line::OrderLine;
use crate::domain::metadata::Metadata;
use crate::domain::open_payment::OpenPayment;
use crate::domain::order::Order;
use crate::domain::placed_order;
use crate::domain::status::OrderStatus;
use crate::error::TOTAL_TOO_LARGE;
use crate::service::reading::get_order::OrderDetails;

/// An order, as `POST /orders` returns it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(examples(examples::order_summary))]
pub(super) struct OrderSummary {
    order_id: OrderId,
    status: OrderStatus,
    customer_id: CustomerId,
    warehouse_id: WarehouseId,
    #[serde(skip_serializing_if = "Option::is_none")]
    warehouse_name: Option<String>,
    total: Money,
    /// The number of decimals of the currency: with 2, an amount of 2000 is 20.00.
    #[schema(examples(2))]
    exponent: u8,
    /// The price list that the request named.
    #[serde(skip_serializing_if = "Option::is_none")]
    price_list: Option<PriceListCode>,
    items: Vec<Item>,
    /// Discounts, taxes, shipping and fees, as they were sent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    adjustments: Vec<AdjustmentBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_reference: Option<ExternalReference>,
    #[serde(skip_serializing_if = "Metadata::is_empty")]
    #[schema(required = false)]
    metadata: Metadata,
    created_at: DateTime<Utc>,
    /// When the order's personal data was erased. It then has no metadata, and `customerId` may be a pseudonym.
    #[serde(skip_serializing_if = "Option::is_none")]
    erased_at: Option<DateTime<Utc>>,
    /// `true` if this response replays an earlier request; otherwise absent.
    #[schema(required = false)]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    cached: bool,
}

/// A line of an order, with its price.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrderItem)]
pub(super) struct Item {
    product_id: ProductId,
    quantity: i32,
    unit_price: Money,
    /// The price of the units.
    total: Money,
    /// The item's share of the order's total: its price, its own adjustments, and its part of those of the whole order.
    payable: Money,
}

/// An order, as `GET /orders/{id}` returns it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Order, examples(examples::order))]
pub(super) struct OrderBody {
    #[serde(flatten)]
    summary: OrderSummary,
    /// Null after it was erased.
    #[schema(required = true)]
    shipping_address: Option<ShippingAddress>,
    /// Why the order failed, such as `payment_declined:insufficient_funds`.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
    /// The latest attempt to collect the payment. Null before the first.
    #[schema(required = true)]
    payment: Option<Payment>,
    /// What the customer is to pay in all: the total less all credits, and 0 if the order failed or was cancelled.
    owed: Money,
    /// What was captured and not refunded.
    held: Money,
    /// `owed` less `held`: the customer owes a positive balance, and you owe a negative one.
    balance: Money,
    /// What was refunded by part, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    credits: Vec<CreditBody>,
    /// Oldest first.
    refunds: Vec<RefundBody>,
    #[serde(flatten)]
    goods: GoodsBody,
    /// Null after the address was erased.
    #[schema(required = true)]
    routing: Option<RoutingBody>,
}

/// Why a warehouse was chosen: for programs, and in words.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Routing)]
pub(super) struct RoutingBody {
    destination: Location,
    explanation: String,
    /// Nearest first. The chosen warehouse, if any, comes last.
    candidates: Vec<CandidateBody>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RoutingCandidate)]
struct CandidateBody {
    #[serde(flatten)]
    entry: TraceEntry,
    explanation: String,
}

/// Whether it still needs an operator.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Openness {
    Open,
    Resolved,
}

/// An order with an operation in progress. Read it at `Location`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(examples(examples::pending_order))]
pub(super) struct PendingOrder {
    order_id: OrderId,
    status: OrderStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment: Option<Payment>,
}

impl From<placed_order::PendingOrder> for PendingOrder {
    fn from(order: placed_order::PendingOrder) -> Self {
        let payment = order.payment.map(|payment| *payment);
        Self {
            order_id: order.order_id,
            status: order.status,
            payment: payment.map(|payment| Payment::of_open(payment, Vec::new(), Secrets::Shown)),
        }
    }
}

/// Whether this request placed the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Replay {
    No,
    Yes,
}

impl OrderSummary {
    pub(super) fn of(order: &Order, replay: Replay) -> Result<Self, Problem> {
        Ok(Self {
            order_id: order.id,
            status: order.status,
            customer_id: order.customer_id,
            warehouse_id: order.warehouse_id,
            warehouse_name: warehouse_name(&order.routing),
            total: order.total,
            exponent: order.total.currency.exponent(),
            price_list: order.price_list.clone(),
            items: Item::of_all(&order.lines)?,
            adjustments: AdjustmentBody::of_all(&order.adjustments, order.total.currency),
            external_reference: order.external_reference.clone(),
            metadata: order.metadata.clone(),
            created_at: order.created_at,
            erased_at: order.erased_at,
            cached: replay == Replay::Yes,
        })
    }
}

/// The warehouse's name at the time of routing.
pub(super) fn warehouse_name(routing: &RoutingTrace) -> Option<String> {
    let chosen = routing
        .candidates
        .iter()
        .find(|entry| entry.outcome == CandidateOutcome::Chosen);
    chosen.map(|entry| entry.warehouse_name.clone())
}

impl Item {
    pub(super) fn of_all(lines: &[OrderLine]) -> Result<Vec<Self>, Problem> {
        let item = |line: &OrderLine| {
            Ok(Self {
                product_id: line.product_id,
                quantity: line.quantity,
                unit_price: line.unit_price,
                total: line.total().map_err(|_| Problem::of(&TOTAL_TOO_LARGE))?,
                payable: line.payable,
            })
        };
        lines.iter().map(item).collect()
    }
}

impl RoutingBody {
    pub(super) fn of(trace: RoutingTrace, explanation: RouteExplanation) -> Self {
        let candidates = trace.candidates.into_iter().zip(explanation.candidates);
        Self {
            destination: trace.destination,
            explanation: explanation.summary,
            candidates: candidates
                .map(|(entry, explanation)| CandidateBody { entry, explanation })
                .collect(),
        }
    }
}

impl OrderBody {
    pub(super) fn of(details: OrderDetails) -> Result<Self, Problem> {
        Self::with(details, Secrets::Kept)
    }

    pub(super) fn with(details: OrderDetails, secrets: Secrets) -> Result<Self, Problem> {
        let Ledger {
            owed,
            held,
            balance,
        } = details.ledger();
        let OrderDetails {
            order,
            payment,
            expires_at,
            refunds,
            disputes,
            fulfilment,
            explanation,
        } = details;
        let payment = payment.map(|attempt| match expires_at {
            Some(expires_at) => {
                let open = OpenPayment {
                    attempt,
                    expires_at,
                };
                Payment::of_open(open, disputes, secrets)
            }
            None => Payment::of(attempt, &refunds, disputes),
        });
        Ok(Self {
            summary: OrderSummary::of(&order, Replay::No)?,
            failure: order.failure.as_ref().map(ToString::to_string),
            owed,
            held,
            balance,
            credits: CreditBody::of_all(&order),
            routing: order
                .erased_at
                .is_none()
                .then(|| RoutingBody::of(order.routing, explanation)),
            shipping_address: order.shipping_address,
            payment,
            refunds: refunds.into_iter().map(RefundBody::from).collect(),
            goods: GoodsBody::from(fulfilment),
        })
    }
}

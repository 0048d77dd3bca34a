//! Dead letters as JSON.

use chrono::{DateTime, Utc};
use oms_errors::Problem;
use oms_payments::GatewayCall;
use oms_validation::{Money, OrderId};
use oms_web::{Disclosed, Disclosure};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::dead_letter::{DeadLetter, Resolution};
use crate::domain::event::OrderEvent;
use crate::domain::id::DeadLetterId;
use crate::domain::settlement::GatewaySaid;
use crate::domain::status::OrderStatus;
use crate::http::brief::StuckOrder;
use crate::http::examples;
use crate::http::representation::{CallBody, Openness, OrderBody, Payment};
use crate::service::reading::get_dead_letter::DeadLetterDetails;
use crate::service::reading::get_order::OrderDetails;

/// A dead letter.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeadLetter, examples(examples::dead_letter))]
pub(super) struct DeadLetterBody {
    id: DeadLetterId,
    state: Openness,
    order_id: OrderId,
    order_status: OrderStatus,
    reason: String,
    tries: u32,
    created_at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resolved: Option<ResolvedBody>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeadLetterEnd)]
struct ResolvedBody {
    resolution: Resolution,
    by: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    at: DateTime<Utc>,
    /// What the gateway reported, if an operator settled the order without its confirmation.
    #[serde(skip_serializing_if = "Option::is_none")]
    settlement: Option<SettlementBody>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Settlement)]
struct SettlementBody {
    gateway_said: GatewaySaid,
    detail: String,
    /// The money that is left with the merchant at the gateway. Absent if the gateway could not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    left: Option<Money>,
}

impl From<DeadLetter> for DeadLetterBody {
    fn from(dead_letter: DeadLetter) -> Self {
        let resolved = dead_letter.resolved.map(|resolved| ResolvedBody {
            resolution: resolved.resolution,
            by: resolved.by,
            note: resolved.note,
            at: resolved.at,
            settlement: resolved.settlement.map(|settlement| SettlementBody {
                gateway_said: settlement.gateway_said,
                detail: settlement.detail,
                left: settlement.left,
            }),
        });
        Self {
            id: dead_letter.id,
            state: if resolved.is_some() {
                Openness::Resolved
            } else {
                Openness::Open
            },
            order_id: dead_letter.order_id,
            order_status: dead_letter.order_status,
            reason: dead_letter.reason,
            tries: dead_letter.tries,
            created_at: dead_letter.created_at,
            resolved,
        }
    }
}

pub(super) type ShownOrder = Disclosed<OrderBody, StuckOrder>;

/// A dead letter with the full record of its order. Without the scope `orders:read`, only the order's status and total.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeadLetterDetails)]
pub(super) struct DetailsBody {
    dead_letter: DeadLetterBody,
    order: ShownOrder,
    timeline: Vec<EventBody>,
    attempts: Vec<Payment>,
    gateway_calls: Vec<PastCallBody>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrderEvent)]
struct EventBody {
    sequence: i32,
    /// Null for the first event.
    #[schema(required = true)]
    from: Option<OrderStatus>,
    to: OrderStatus,
    /// Who made the change: `api:` and the name of the credential, `operator:` and the operator's name, or a worker
    /// such as `sweeper`. Only `api` in events of earlier versions.
    #[schema(examples("api:storefront"))]
    actor: String,
    reason: String,
    occurred_at: DateTime<Utc>,
}

/// A call to the gateway, who caused it and when.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PastGatewayCall)]
struct PastCallBody {
    #[serde(flatten)]
    call: CallBody,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<String>,
    called_at: DateTime<Utc>,
}

impl DetailsBody {
    pub(super) fn of(details: DeadLetterDetails, disclosure: Disclosure) -> Result<Self, Problem> {
        let attempts = details.attempts.iter().cloned();
        let attempts = attempts
            .map(|attempt| Payment::of(attempt, &details.refunds, Vec::new()))
            .collect();
        let brief = StuckOrder::from(&details.order);
        let order = OrderDetails {
            order: details.order,
            payment: details.attempts.last().cloned(),
            expires_at: None,
            refunds: details.refunds,
            disputes: details.disputes,
            fulfilment: details.fulfilment,
            explanation: details.explanation,
        };
        Ok(Self {
            dead_letter: details.dead_letter.into(),
            order: match disclosure.orders {
                true => ShownOrder::Full(OrderBody::of(order)?),
                false => ShownOrder::Brief(brief),
            },
            timeline: details.timeline.into_iter().map(EventBody::from).collect(),
            attempts,
            gateway_calls: details.calls.into_iter().map(PastCallBody::from).collect(),
        })
    }
}

impl From<OrderEvent> for EventBody {
    fn from(event: OrderEvent) -> Self {
        Self {
            sequence: event.sequence,
            from: event.from,
            to: event.to,
            actor: event.actor,
            reason: event.reason,
            occurred_at: event.occurred_at,
        }
    }
}

impl From<GatewayCall> for PastCallBody {
    fn from(call: GatewayCall) -> Self {
        Self {
            actor: call.actor.clone(),
            called_at: call.called_at,
            call: call.into(),
        }
    }
}

//! Adjustments and credits of orders as JSON.

use oms_fulfilment::ReturnId;
use oms_payments::RefundId;
use oms_validation::{Currency, Money};
use serde::Serialize;
use utoipa::ToSchema;

use super::pricing;
use crate::domain::adjustment::Adjustment;
use crate::domain::credit::Credit;
use crate::domain::id::CreditId;
use crate::domain::order::Order;

/// A discount, a tax, shipping or a fee of an order.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Adjustment)]
pub(super) struct AdjustmentBody {
    #[schema(value_type = pricing::Kind)]
    kind: &'static str,
    #[schema(value_type = pricing::Scope)]
    scope: &'static str,
    /// The number of the item, which begins with 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<i32>,
    amount: Money,
    included: bool,
    label: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate_ppm: Option<i32>,
}

/// What a customer need not pay or got back for a part of an order.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Credit)]
pub(super) struct CreditBody {
    credit_id: CreditId,
    /// `line`, `shipping`, `fee`, `restocking_fee`, or `other` for no part in particular.
    part: &'static str,
    /// The number of the item, which begins with 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<i32>,
    /// Units of the item. Absent if the credit is for no unit in particular.
    #[serde(skip_serializing_if = "Option::is_none")]
    quantity: Option<i32>,
    /// Negative for a restocking fee.
    amount: Money,
    /// The refund that pays it out. If that failed, the credit does not count, unless it is for a return. Absent if a
    /// later refund is to pay it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    refund_id: Option<RefundId>,
    /// The return whose units it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    return_id: Option<ReturnId>,
}

impl CreditBody {
    pub(super) fn of_all(order: &Order) -> Vec<Self> {
        let body = |credit: &Credit| {
            let (line, quantity) = credit.part.line();
            Self {
                credit_id: credit.id,
                part: credit.part.as_str(),
                line,
                quantity,
                amount: Money {
                    amount_minor: credit.amount_minor,
                    ..order.total
                },
                refund_id: credit.refund_id,
                return_id: credit.return_id,
            }
        };
        order.credits.iter().map(body).collect()
    }
}

impl AdjustmentBody {
    pub(super) fn of_all(adjustments: &[Adjustment], currency: Currency) -> Vec<Self> {
        let body = |adjustment: &Adjustment| Self {
            kind: adjustment.kind.as_str(),
            scope: adjustment.scope.as_str(),
            line: adjustment.scope.line(),
            amount: Money {
                amount_minor: adjustment.amount_minor,
                currency,
            },
            included: adjustment.included,
            label: adjustment.label.clone(),
            code: adjustment.code.clone(),
            rate_ppm: adjustment.rate_ppm,
        };
        adjustments.iter().map(body).collect()
    }
}

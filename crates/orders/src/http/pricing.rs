//! The money of requests: adjustments, and the amounts that the customer has seen.

use oms_errors::{FieldError, Problem, invalid_field, invalid_fields};
use oms_inventory::PriceListCode;
use oms_validation::text::tidy;
use oms_validation::{Currency, Money};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::items::Item;
use crate::domain::adjustment::{Adjustment, AdjustmentKind, AdjustmentScope, MAX_ADJUSTMENTS};
use crate::domain::pricing::RequestedPricing;

/// Largest rate, in millionths.
const MAX_RATE_PPM: i64 = 1_000_000;

/// A discount, a tax, shipping or a fee, as the storefront computed it.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewAdjustment)]
pub(super) struct NewAdjustment {
    kind: Kind,
    scope: Scope,
    /// With the scope `line`: the number of the item, which begins with 1.
    #[schema(minimum = 1, maximum = 100)]
    line: Option<i64>,
    /// Minor units of the order's currency, at most 999,999,999,999. Negative for a discount, and only then.
    #[schema(minimum = -999_999_999_999_i64, maximum = 999_999_999_999_i64, examples(-500))]
    amount_minor: i64,
    /// Whether the prices contain this tax already. It then changes no total.
    #[serde(default, deserialize_with = "oms_validation::json::flag")]
    #[schema(default = false)]
    included: bool,
    /// What the customer reads.
    #[schema(min_length = 1, max_length = 200, examples("Summer sale"))]
    label: String,
    /// The coupon, the tax code or the like.
    #[schema(min_length = 1, max_length = 100, examples("SUMMER"))]
    code: Option<String>,
    /// The rate in millionths, for invoices: 190000 is 19 %. Nothing is computed from it.
    #[schema(minimum = 0, maximum = 1_000_000)]
    rate_ppm: Option<i64>,
}

/// What an adjustment is for.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AdjustmentKind)]
pub(super) enum Kind {
    /// Takes something off.
    Discount,
    /// A tax, on top of the prices or included in them.
    Tax,
    /// A charge for shipping.
    Shipping,
    /// Any other charge.
    Fee,
    /// Customs duty.
    Duty,
}

/// What an adjustment applies to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AdjustmentScope)]
pub(super) enum Scope {
    /// One line.
    Line,
    /// The whole order. Discounts and taxes are apportioned among its lines.
    Order,
    /// Shipping.
    Shipping,
}

impl From<Kind> for AdjustmentKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Discount => Self::Discount,
            Kind::Tax => Self::Tax,
            Kind::Shipping => Self::Shipping,
            Kind::Fee => Self::Fee,
            Kind::Duty => Self::Duty,
        }
    }
}

/// Whether a request with adjustments must name the total that it expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TotalIs {
    Required,
    Optional,
}

/// Checks what a request says of an order's money.
pub(super) fn pricing_of(
    items: &[Item],
    (currency, price_list): (Option<Currency>, Option<PriceListCode>),
    adjustments: Option<Vec<NewAdjustment>>,
    expected_total: Option<Money>,
    total_is: TotalIs,
) -> Result<RequestedPricing, Problem> {
    let adjustments = adjustments.unwrap_or_default();
    if adjustments.len() > MAX_ADJUSTMENTS {
        let message = format!("must have at most {MAX_ADJUSTMENTS} entries");
        return Err(invalid_field("adjustments", message));
    }
    if total_is == TotalIs::Required && expected_total.is_none() && !adjustments.is_empty() {
        return Err(invalid_field(
            "expectedTotal",
            "is required with adjustments",
        ));
    }
    let mut wrong = Vec::new();
    let mut checked = Vec::with_capacity(adjustments.len());
    for (index, adjustment) in adjustments.into_iter().enumerate() {
        match adjustment.check(items.len()) {
            Ok(adjustment) => checked.push(adjustment),
            Err((member, message)) => wrong.push(FieldError {
                field: format!("adjustments[{index}].{member}"),
                message,
            }),
        }
    }
    if !wrong.is_empty() {
        return Err(invalid_fields(wrong));
    }
    let expected = items.iter().map(Item::expected_unit_price).enumerate();
    Ok(RequestedPricing {
        currency,
        price_list,
        expected_unit_prices: expected
            .filter_map(|(index, price)| Some((index, price?)))
            .collect(),
        adjustments: checked,
        expected_total,
    })
}

/// The member that breaks a rule, and the rule.
type Wrong = (&'static str, String);

impl NewAdjustment {
    fn check(self, lines: usize) -> Result<Adjustment, Wrong> {
        let scope = self.checked_scope(lines)?;
        let kind = AdjustmentKind::from(self.kind);
        let is_discount = kind == AdjustmentKind::Discount;
        let (least, most) = match is_discount {
            true => (-Money::MAX_MINOR, -1),
            false => (0, Money::MAX_MINOR),
        };
        if !(least..=most).contains(&self.amount_minor) {
            let message = format!("must be between {least} and {most}");
            return Err(("amountMinor", message));
        }
        if self.included && kind != AdjustmentKind::Tax {
            return Err(("included", "must be false, except for a tax".to_owned()));
        }
        let rate_ppm = self.rate_ppm.map(|rate| match rate {
            0..=MAX_RATE_PPM => Ok(i32::try_from(rate).unwrap_or_default()),
            _ => Err(("ratePpm", format!("must be between 0 and {MAX_RATE_PPM}"))),
        });
        Ok(Adjustment {
            kind,
            scope,
            amount_minor: self.amount_minor,
            included: self.included,
            label: text("label", &self.label, 200)?,
            code: self.code.map(|code| text("code", &code, 100)).transpose()?,
            rate_ppm: rate_ppm.transpose()?,
        })
    }

    fn checked_scope(&self, lines: usize) -> Result<AdjustmentScope, Wrong> {
        if matches!(self.kind, Kind::Shipping) && self.scope != Scope::Shipping {
            return Err(("scope", "must be shipping".to_owned()));
        }
        match (self.scope, self.line) {
            (Scope::Line, Some(number)) => {
                let number = usize::try_from(number).unwrap_or_default();
                match i32::try_from(number) {
                    Ok(line) if (1..=lines).contains(&number) => Ok(AdjustmentScope::Line(line)),
                    _ => Err(("line", format!("must be between 1 and {lines}"))),
                }
            }
            (Scope::Line, None) => Err(("line", "is required".to_owned())),
            (_, Some(_)) => Err(("line", "is only for the scope line".to_owned())),
            (Scope::Order, None) => Ok(AdjustmentScope::Order),
            (Scope::Shipping, None) => Ok(AdjustmentScope::Shipping),
        }
    }
}

/// A text without surrounding white space.
fn text(member: &'static str, text: &str, most: usize) -> Result<String, Wrong> {
    let text = tidy(text);
    if text.is_empty() || text.chars().count() > most || text.contains(char::is_control) {
        let message = format!("must be 1 to {most} printable characters");
        return Err((member, message));
    }
    Ok(text.into_owned())
}

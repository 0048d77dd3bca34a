//! Why an order is not placed.

use oms_errors::{FieldError, Problem, ProblemType};
use oms_geocoding::GeocodeError;
use oms_payments::AmountRefusal;
use oms_validation::{Currency, Money, OrderId};

use serde_json::json;

use super::{
    CURRENCY_NOT_OFFERED, DISCOUNT_TOO_LARGE, IN_PROGRESS, NO_SINGLE_WAREHOUSE, NotPaid,
    OrderError, PRICE_CHANGED, PRICE_LIST_CURRENCY, PRODUCT_NOT_SOLD, RETRY_AFTER_S, TAX_TOO_LARGE,
    TOTAL_MISMATCH, TOTAL_TOO_LARGE, UNKNOWN_PRICE_LIST, UNKNOWN_PRODUCT, exceeded,
    family_of_order_error, location_of,
};
use crate::domain::bounds::Exceeded;
use crate::domain::pricing::{Breakdown, InvalidAdjustments};

/// Why an order is not placed, or its routing can't be previewed.
#[derive(Debug, thiserror::Error)]
pub enum PlacingError {
    /// An error that may stop any use case.
    #[error(transparent)]
    Order(#[from] OrderError),
    /// The address has no coordinates.
    #[error(transparent)]
    Geocoding(#[from] GeocodeError),
    /// The gateway's breaker is open: nothing was tried.
    #[error("the payment gateway is not available")]
    GatewayUnavailable,
    /// No product of this tenant has the ID of the lines at these positions.
    #[error("unknown products")]
    UnknownProducts(Vec<usize>),
    /// The products of the lines at these positions have no price in the order's currency.
    #[error("products not sold in this currency")]
    ProductsNotSold(Vec<usize>),
    /// The tenant has no such price list.
    #[error("unknown price list")]
    UnknownPriceList,
    /// The price list is in this currency, and not in that of the order.
    #[error("the price list is in {0}")]
    PriceListCurrency(Currency),
    /// The tenant sells in these currencies only.
    #[error("currency not offered")]
    CurrencyNotOffered(Vec<Currency>),
    /// The lines at these positions have other unit prices than expected.
    #[error("prices have changed")]
    PricesChanged(Vec<(usize, Money)>),
    /// Lines and adjustments don't sum to the expected total.
    #[error("the total is {} {currency} in minor units, not as expected", .breakdown.total_minor)]
    TotalMismatch {
        /// The computed sums.
        breakdown: Breakdown,
        /// The currency of the order.
        currency: Currency,
    },
    /// The discount at this position exceeds what is left of the price.
    #[error("discount too large")]
    DiscountTooLarge(usize),
    /// The included tax at this position exceeds what is left of the price.
    #[error("included tax too large")]
    TaxTooLarge(usize),
    /// The gateway can't express the total.
    #[error("the total {0}")]
    NotPayable(AmountRefusal),
    /// The total exceeds what one payment can collect.
    #[error("the total is too large")]
    TotalTooLarge,
    /// No active warehouse can fill the order.
    #[error("no single warehouse can fill the order")]
    NoSingleWarehouse,
    /// The customer, the credential or the tenant has too many unpaid orders or declined payments. Nothing was kept.
    #[error("limit reached: {}, at most {}", .0.bound.as_str(), .0.most)]
    Exceeded(Exceeded),
    /// The order of this key is being processed.
    #[error("order {0} is being processed")]
    InProgress(OrderId),
    /// The order was placed, but is not paid.
    #[error(transparent)]
    NotPaid(#[from] NotPaid),
}

family_of_order_error!(PlacingError);

impl From<Exceeded> for PlacingError {
    fn from(exceeded: Exceeded) -> Self {
        Self::Exceeded(exceeded)
    }
}

impl From<InvalidAdjustments> for PlacingError {
    fn from(invalid: InvalidAdjustments) -> Self {
        match invalid {
            InvalidAdjustments::DiscountTooLarge(index) => Self::DiscountTooLarge(index),
            InvalidAdjustments::TaxTooLarge(index) => Self::TaxTooLarge(index),
            InvalidAdjustments::Overflow => Self::TotalTooLarge,
        }
    }
}

impl From<PlacingError> for Problem {
    fn from(error: PlacingError) -> Self {
        match error {
            PlacingError::Order(error) => error.into(),
            PlacingError::Geocoding(error) => error.into(),
            PlacingError::GatewayUnavailable => {
                Self::of(&oms_payments::GATEWAY_UNAVAILABLE).with_retry_after_s(RETRY_AFTER_S)
            }
            PlacingError::UnknownProducts(lines) => of_lines(&UNKNOWN_PRODUCT, &lines),
            PlacingError::ProductsNotSold(lines) => of_lines(&PRODUCT_NOT_SOLD, &lines),
            PlacingError::UnknownPriceList => of_list(&UNKNOWN_PRICE_LIST, "is not a price list"),
            PlacingError::PriceListCurrency(currency) => {
                of_list(&PRICE_LIST_CURRENCY, &format!("is in {currency}"))
                    .with_extension("currency", currency.as_str())
            }
            PlacingError::CurrencyNotOffered(currencies) => {
                Self::of(&CURRENCY_NOT_OFFERED).with_extension("currencies", json!(currencies))
            }
            PlacingError::PricesChanged(prices) => prices_changed(&prices),
            PlacingError::TotalMismatch {
                breakdown,
                currency,
            } => Self::new(&TOTAL_MISMATCH, error.to_string())
                .with_extension("breakdown", json!(breakdown))
                .with_extension("currency", currency.as_str()),
            PlacingError::DiscountTooLarge(index) => of_adjustment(&DISCOUNT_TOO_LARGE, index),
            PlacingError::TaxTooLarge(index) => of_adjustment(&TAX_TOO_LARGE, index),
            PlacingError::NotPayable(_) => {
                Self::new(&oms_payments::AMOUNT_NOT_ACCEPTED, error.to_string())
            }
            PlacingError::TotalTooLarge => Self::of(&TOTAL_TOO_LARGE),
            PlacingError::NoSingleWarehouse => Self::of(&NO_SINGLE_WAREHOUSE),
            PlacingError::Exceeded(exceeded) => exceeded::problem(&exceeded),
            PlacingError::InProgress(order_id) => Self::of(&IN_PROGRESS)
                .with_location(location_of(order_id))
                .with_retry_after_s(RETRY_AFTER_S)
                .with_extension("orderId", order_id.to_string()),
            PlacingError::NotPaid(not_paid) => not_paid.into(),
        }
    }
}

fn prices_changed(prices: &[(usize, Money)]) -> Problem {
    let field = |(index, price): &(usize, Money)| FieldError {
        field: format!("items[{index}].expectedUnitPrice"),
        message: format!(
            "is {} {} in minor units now",
            price.amount_minor, price.currency
        ),
    };
    let price = |(index, price): &(usize, Money)| json!({ "line": index + 1, "unitPrice": price });
    Problem::of(&PRICE_CHANGED)
        .with_fields(prices.iter().map(field).collect())
        .with_extension("unitPrices", prices.iter().map(price).collect::<Vec<_>>())
}

fn of_adjustment(problem_type: &'static ProblemType, index: usize) -> Problem {
    let field = FieldError {
        field: format!("adjustments[{index}].amountMinor"),
        message: "exceeds what is left of the price that it applies to".to_owned(),
    };
    Problem::of(problem_type).with_fields(vec![field])
}

fn of_list(problem_type: &'static ProblemType, message: &str) -> Problem {
    let field = FieldError {
        field: "priceList".to_owned(),
        message: message.to_owned(),
    };
    Problem::of(problem_type).with_fields(vec![field])
}

fn of_lines(problem_type: &'static ProblemType, lines: &[usize]) -> Problem {
    let field = |index: &usize| FieldError {
        field: format!("items[{index}].productId"),
        message: problem_type.title.to_owned(),
    };
    Problem::of(problem_type).with_fields(lines.iter().map(field).collect())
}

//! The payment method of a call, by ID or by card data. A card number is read and dropped.

use chrono::{DateTime, Datelike};
use uuid::Uuid;

use super::MethodChoice;
use crate::{
    api_error::ApiError,
    cards::{self, CardData},
    params::Params,
};

/// Takes `payment_method_data` or `payment_method`, if present.
///
/// # Errors
/// 400 for data that is incomplete, unknown, or not a card's.
pub(super) fn method(params: &mut Params, now: i64) -> Result<Option<MethodChoice>, ApiError> {
    let mut data = params.take_nested("payment_method_data");
    if !data.is_empty() {
        return card_data(&mut data, now).and_then(|choice| {
            data.finish("payment_method_data")?;
            Ok(Some(choice))
        });
    }
    let choice = params
        .take("payment_method")
        .filter(|id| !id.is_empty())
        .map(|id| match cards::from_token(&id) {
            Some(method) => MethodChoice::Known(method),
            None => MethodChoice::Id(id),
        });
    Ok(choice)
}

fn card_data(data: &mut Params, now: i64) -> Result<MethodChoice, ApiError> {
    let name = |field: &str| format!("payment_method_data[{field}]");
    data.ignore(&["billing_details", "metadata"]);
    match data.take("type").as_deref() {
        Some("card") => {}
        Some(_) => {
            let message = "payment-sandbox accepts only payment_method_data of type card.";
            return Err(ApiError::parameter(&name("type"), message));
        }
        None => return Err(ApiError::missing(&name("type"))),
    }
    let mut card = data.take_nested("card");
    let missing = |field: &str| ApiError::missing(&format!("payment_method_data[card][{field}]"));
    let sent = CardData {
        number: card.take("number").ok_or_else(|| missing("number"))?,
        exp_month: card
            .take_integer("exp_month")?
            .ok_or_else(|| missing("exp_month"))?,
        exp_year: card
            .take_integer("exp_year")?
            .ok_or_else(|| missing("exp_year"))?,
        cvc: card.take("cvc"),
    };
    card.finish("payment_method_data[card]")?;
    let today = DateTime::from_timestamp(now, 0).unwrap_or_default();
    let year_month = (i64::from(today.year()), i64::from(today.month()));
    let id = format!("pm_{}", Uuid::new_v4().simple());
    Ok(match cards::from_card_data(&id, &sent, year_month) {
        Ok(method) => MethodChoice::Known(method),
        Err(decline) => MethodChoice::Refused(decline),
    })
}

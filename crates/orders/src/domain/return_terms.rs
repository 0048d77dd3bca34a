//! What a tenant has decided about returns, and what was agreed about the money of one return.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Maximum number of days that an approved return waits for its first receipt.
pub(crate) const MAX_AUTHORISATION_DAYS: u16 = 365;

/// A whole amount, in parts per million.
pub(crate) const WHOLE_PPM: u32 = 1_000_000;

/// What a tenant has decided about returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ReturnSettings {
    pub(crate) window_days: u16,
    pub(crate) anchor: WindowAnchor,
    pub(crate) auto_approve: bool,
    pub(crate) authorisation_days: u16,
    #[serde(flatten)]
    pub(crate) terms: ReturnTerms,
}

/// What is agreed about the money of a return when it is requested. Settings that change later don't change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ReturnTerms {
    pub(crate) credit_on: CreditOn,
    pub(crate) restocking_fee_ppm: u32,
    pub(crate) refund_shipping: RefundShipping,
}

/// When the window in which customers may request a return begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WindowAnchor {
    /// When the unit was delivered. If that is not known, 7 days after it was sent.
    #[default]
    Delivered,
    /// When the unit was sent.
    Shipped,
}

/// When the customer is credited for the units of a return.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CreditOn {
    /// When they are received.
    #[default]
    Received,
    /// When the return is approved.
    Approved,
    /// Never automatically: an operator refunds the order.
    Manual,
}

/// Whether shipping is credited with the units of a return.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RefundShipping {
    /// When everything of the order came back that was not cancelled.
    #[default]
    OnFullReturn,
    /// With the first unit.
    Always,
    /// Never.
    Never,
}

impl Default for ReturnSettings {
    fn default() -> Self {
        Self {
            window_days: 30,
            anchor: WindowAnchor::default(),
            auto_approve: false,
            authorisation_days: 30,
            terms: ReturnTerms::default(),
        }
    }
}

impl Default for ReturnTerms {
    fn default() -> Self {
        Self {
            credit_on: CreditOn::Received,
            restocking_fee_ppm: 0,
            refund_shipping: RefundShipping::OnFullReturn,
        }
    }
}

impl ReturnSettings {
    /// Reads stored settings, like [`ReturnTerms::stored`]. A tenant that has decided nothing has the defaults.
    pub(crate) fn stored(settings: &serde_json::Value) -> Self {
        Self::deserialize(settings).unwrap_or_default()
    }
}

impl ReturnTerms {
    /// Reads stored terms. What an instance of another version stored and this one can't read has the defaults.
    pub(crate) fn stored(terms: &serde_json::Value) -> Self {
        Self::deserialize(terms).unwrap_or_default()
    }

    /// The terms to store.
    pub(crate) fn to_value(self) -> serde_json::Value {
        serde_json::to_value(self).expect("terms are words and numbers")
    }

    /// When units are accepted.
    pub(crate) const fn acceptance(self) -> oms_fulfilment::Acceptance {
        match self.credit_on {
            CreditOn::Approved => oms_fulfilment::Acceptance::Approved,
            CreditOn::Received | CreditOn::Manual => oms_fulfilment::Acceptance::Received,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn absent_settings_have_the_defaults() {
        let settings: ReturnSettings = serde_json::from_value(json!({})).unwrap();
        assert_eq!(settings, ReturnSettings::default());
        let some = json!({ "windowDays": 14, "creditOn": "approved", "restockingFeePpm": 100_000 });
        let settings: ReturnSettings = serde_json::from_value(some).unwrap();
        assert_eq!(
            (settings.window_days, settings.authorisation_days),
            (14, 30)
        );
        assert_eq!(settings.terms.credit_on, CreditOn::Approved);
        let stored = ReturnTerms::stored(&settings.terms.to_value());
        assert_eq!(stored, settings.terms);
        assert_eq!(
            ReturnTerms::stored(&json!({ "creditOn": "later" })),
            ReturnTerms::default()
        );
    }
}

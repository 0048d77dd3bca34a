//! The currency of an order.

use oms_validation::Currency;

use crate::domain::pricing::RequestedPricing;
use crate::domain::tenant_settings::TenantSettings;
use crate::error::PlacingError;

/// Returns the currency of an order: the requested one, or the tenant's first.
///
/// # Errors
/// `CurrencyNotOffered` if the tenant does not sell in the requested currency.
pub(crate) fn currency_of(
    settings: &TenantSettings,
    pricing: &RequestedPricing,
) -> Result<Currency, PlacingError> {
    let currency = settings.choose(pricing.currency);
    currency.ok_or_else(|| PlacingError::CurrencyNotOffered(settings.currencies().to_vec()))
}

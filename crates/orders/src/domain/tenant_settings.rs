//! The settings of a tenant for its orders.

use oms_validation::Currency;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::return_terms::ReturnSettings;

/// Maximum number of currencies of a tenant: as many as a product has prices.
pub(crate) const MAX_CURRENCIES: usize = 50;

/// What a tenant has decided for its orders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct TenantSettings {
    /// The currencies of its orders, each once; the first is that of requests that name none.
    currencies: Vec<Currency>,
    /// What it has decided about returns.
    #[serde(default)]
    returns: ReturnSettings,
}

/// Settings that violate the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidSettings {
    /// There is no currency, or there are too many.
    #[error("must have 1 to {MAX_CURRENCIES} entries")]
    Count,
    /// A currency is named twice.
    #[error("must have each currency only once")]
    Repeated,
}

/// Why stored settings can't be read.
pub(crate) type Unreadable = Box<dyn std::error::Error + Send + Sync>;

/// Settings at a version. Version 0 is that of a tenant that has set nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VersionedSettings {
    pub(crate) version: i32,
    pub(crate) settings: TenantSettings,
}

impl TenantSettings {
    /// Settings with these currencies.
    pub(crate) fn new(currencies: Vec<Currency>) -> Result<Self, InvalidSettings> {
        if !(1..=MAX_CURRENCIES).contains(&currencies.len()) {
            return Err(InvalidSettings::Count);
        }
        let is_repeated = |(index, currency)| currencies[..index].contains(currency);
        match currencies.iter().enumerate().any(is_repeated) {
            true => Err(InvalidSettings::Repeated),
            false => Ok(Self {
                currencies,
                returns: ReturnSettings::default(),
            }),
        }
    }

    /// These settings with others for returns.
    pub(crate) fn with_returns(self, returns: ReturnSettings) -> Self {
        Self { returns, ..self }
    }

    /// What the tenant has decided about returns.
    pub(crate) const fn returns(&self) -> &ReturnSettings {
        &self.returns
    }

    /// The settings of a tenant that has set nothing.
    pub(crate) fn default_in(currency: Currency) -> Self {
        Self {
            currencies: vec![currency],
            returns: ReturnSettings::default(),
        }
    }

    /// Reads stored settings, also if another version of the program wrote them, with other rules: members that it does
    /// not know are ignored.
    pub(crate) fn stored(document: Value) -> Result<Self, Unreadable> {
        #[derive(Deserialize)]
        struct Stored {
            currencies: Vec<String>,
            #[serde(default)]
            returns: Value,
        }

        let stored: Stored = serde_json::from_value(document)?;
        let currencies = stored
            .currencies
            .iter()
            .map(|code| Currency::parse_stored(code));
        Ok(Self {
            currencies: currencies.collect::<Result<_, _>>()?,
            returns: ReturnSettings::stored(&stored.returns),
        })
    }

    /// The currencies.
    pub(crate) fn currencies(&self) -> &[Currency] {
        &self.currencies
    }

    /// The currency of an order: the requested one, if the tenant has it, or the first.
    pub(crate) fn choose(&self, requested: Option<Currency>) -> Option<Currency> {
        match requested {
            Some(currency) => self.currencies.contains(&currency).then_some(currency),
            None => self.currencies.first().copied(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn currency(code: &str) -> Currency {
        Currency::parse(code).unwrap()
    }

    #[test]
    fn an_order_is_in_one_of_the_tenant_s_currencies() {
        let settings = TenantSettings::new(vec![currency("EUR"), currency("USD")]).unwrap();
        assert_eq!(settings.choose(None), Some(currency("EUR")));
        assert_eq!(
            settings.choose(Some(currency("USD"))),
            Some(currency("USD"))
        );
        assert_eq!(settings.choose(Some(currency("JPY"))), None);
    }

    #[test]
    fn settings_of_another_version_are_read() {
        let stored = serde_json::json!({ "currencies": ["EUR", "XTS"], "channels": ["web"] });
        let settings = TenantSettings::stored(stored).unwrap();
        assert_eq!(settings.currencies().len(), 2);
        assert!(TenantSettings::stored(serde_json::json!({})).is_err());
    }

    #[test]
    fn currencies_are_limited_and_different() {
        assert_eq!(TenantSettings::new(vec![]), Err(InvalidSettings::Count));
        let many = vec![currency("EUR"); MAX_CURRENCIES + 1];
        assert_eq!(TenantSettings::new(many), Err(InvalidSettings::Count));
        let twice = vec![currency("EUR"), currency("USD"), currency("EUR")];
        assert_eq!(TenantSettings::new(twice), Err(InvalidSettings::Repeated));
    }
}
